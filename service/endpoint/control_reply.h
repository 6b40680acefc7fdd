#pragma once
// How a request over the local socket is answered: see local_control.h for the protocol.

#include <functional>
#include <stop_token>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/pause_gate.h"
#include "agent/base/result.h"
#include "platform/local_socket.h"
#include "service/endpoint/requests.h"

namespace obhut::endpoint {

inline constexpr std::size_t kMaxControlMessage = std::size_t{4} << 20U;
inline constexpr std::chrono::seconds kControlPatience{30};

/// Borrows the connection.
class SocketReply final : public Reply {
 public:
  SocketReply(platform::LocalConnection& connection, std::stop_token stop)
      : connection_(connection), stop_(std::move(stop)) {}

  bool event(const nlohmann::json& message) override;
  /// The last word: `result` with "done" and "exit", or what went wrong.
  void finish(Result<nlohmann::json> result);

 private:
  platform::LocalConnection& connection_;
  std::stop_token stop_;
};

/// What a client says while it waits for its answer: {"command": "pause" | "resume" | "cancel"}.
/// One that goes away has cancelled. Listens for as long as it lives; borrows the connection.
class ClientListener {
 public:
  ClientListener(platform::LocalConnection& connection, const std::stop_token& stop);

  [[nodiscard]] const PauseGate& pause() const { return pause_; }
  /// Asked for when the daemon stops, too.
  [[nodiscard]] std::stop_token stop() const { return cancelled_.get_token(); }

 private:
  void listen(platform::LocalConnection& connection, const std::stop_token& end);
  PauseGate pause_;
  std::stop_source cancelled_;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread thread_;
};

/// Errors: kInvalidInput for what is no JSON object.
Result<nlohmann::json> parse_request(ByteView bytes);

}  // namespace obhut::endpoint
