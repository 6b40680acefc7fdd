#pragma once
// The client's side of a conversation with obhutd: local_control.h tells of the messages.

#include <memory>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "platform/local_socket.h"

namespace obhut::endpoint {

/// One request and its answers. Ended by dropping it, which cancels what it asked for.
/// Thread: one that says, one that listens.
class Conversation {
 public:
  /// Errors: kNotFound where no daemon listens on `socket`; those of LocalConnection.
  static Result<Conversation> begin(const std::string& socket, const nlohmann::json& request,
                                    const std::stop_token& stop);

  /// The next message, an object; the last one has "done": true.
  /// Errors: kUnavailable where the daemon hung up, kCancelled.
  Result<nlohmann::json> next(const std::stop_token& stop);

  /// The next message where it is no object but raw bytes (browse_session.h), `cap` at most.
  /// Errors: those of next().
  Result<Bytes> next_bytes(std::size_t cap, const std::stop_token& stop);

  /// For the daemon while it works: {"command": "pause" | "resume" | "cancel"}.
  Result<void> say(const nlohmann::json& message, const std::stop_token& stop);

 private:
  explicit Conversation(platform::LocalConnection connection)
      : connection_(std::move(connection)) {}
  platform::LocalConnection connection_;
};

/// OBHUT_SOCKET, or where the daemon listens by default.
std::string default_socket();

/// The last message without its frame ("done", "exit"), or the error that it tells of.
Result<nlohmann::json> result_of(nlohmann::json last);

}  // namespace obhut::endpoint
