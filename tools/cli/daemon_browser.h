#pragma once
// Looks into recovery points by asking obhutd: service/endpoint/browse_session.h.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/clock.h"
#include "service/endpoint/conversation.h"
#include "tools/cli/browser.h"

namespace obhut::cli {

/// Several threads may ask at once: each question goes out at once, and the answers come in their
/// order. A session that ended (the daemon was restarted, or nobody asked for long) is begun anew,
/// and what was not answered is asked again: for as long as `patience`, where nobody listens.
/// Thread: any.
class DaemonBrowser final : public Browser {
 public:
  static constexpr std::chrono::seconds kPatience{30};

  /// Begins a conversation with the request for a session. Errors: kNotFound, kUnavailable where
  /// nobody listens.
  using Begin = std::function<Result<endpoint::Conversation>()>;

  /// Errors: those of `begin`; what the daemon answers.
  static Result<std::unique_ptr<DaemonBrowser>> open(Clock& clock, Begin begin,
                                                     std::stop_token stop);
  ~DaemonBrowser() override;

  Result<std::vector<BrowsedPoint>> points() override;
  Result<Batch> list(const std::string& point, const std::string& path,
                     const std::string& after) override;
  Result<BrowsedEntry> entry(const std::string& point, const std::string& path) override;
  Result<Bytes> read(const std::string& point, const std::string& path, ByteRange range) override;

 private:
  struct Session;
  struct Answer;
  DaemonBrowser(Clock& clock, Begin begin, std::stop_token stop);
  Result<std::shared_ptr<Session>> begin();
  Result<std::shared_ptr<Session>> session();
  void drop(const std::shared_ptr<Session>& session);
  static Result<Answer> ask_in(Session& session, const nlohmann::json& question,
                               const std::stop_token& stop);
  Result<Answer> ask(const nlohmann::json& question);

  Clock& clock_;
  const Begin begin_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::shared_ptr<Session> session_;  // shared with those who wait for its answers
};

}  // namespace obhut::cli
