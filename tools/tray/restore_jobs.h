#pragma once
// Restores that the window asked for. Each is a conversation with the daemon, and ends with us.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "agent/base/clock.h"
#include "tools/tray/daemon.h"

namespace obhut::tray {

/// Thread: any.
class RestoreJobs {
 public:
  RestoreJobs(const Daemon& daemon, const Clock& clock);
  /// Cancels what runs.
  ~RestoreJobs();

  /// In: the body of POST /api/restores. Out: the new one's id. Refused with "invalid-input".
  Answer<std::string> start(const nlohmann::json& wanted);
  /// As GET /api/restores/ID tells it. Refused with "not-found".
  [[nodiscard]] Answer<nlohmann::json> state(const std::string& id) const;
  /// All but dry runs, oldest first.
  [[nodiscard]] nlohmann::json all() const;
  /// In: pause, resume or cancel. Harmless where it does not fit. Refused with "not-found".
  Answer<nlohmann::json> steer(const std::string& id, const std::string& verb);

 private:
  class Job;
  [[nodiscard]] std::shared_ptr<Job> find(const std::string& id) const;

  const Daemon& daemon_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Job>> jobs_;
  std::uint64_t last_ = 0;
};

}  // namespace obhut::tray
