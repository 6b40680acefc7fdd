#pragma once
// Serves the command line and the tray over the local socket.
//
// One JSON object a message (platform/local_socket.h). The client asks once a connection:
//   {"command": "status", …}
// and reads until {"done": true, "exit": n, …}. Before it may come any number of
//   {"event": "progress" | "entries" | …}      (progress_events.h)
// A failure is {"done": true, "exit": n, "error": {"kind": "refused", "message": "…"}}.

#include <memory>
#include <stop_token>
#include <string>

#include "agent/base/result.h"
#include "platform/local_socket.h"
#include "service/endpoint/daemon.h"

namespace obhut::endpoint {

inline constexpr std::size_t kMaxControlMessage = std::size_t{4} << 20U;

/// Thread: run() one.
class LocalControl {
 public:
  /// Errors: those of LocalListener::listen.
  static Result<std::unique_ptr<LocalControl>> make(Daemon& daemon, const std::string& socket);
  /// Answers until stopped, each connection on a thread of its own, sixteen at most.
  void run(std::stop_token stop);

 private:
  LocalControl(Daemon& daemon, platform::LocalListener listener)
      : daemon_(daemon), listener_(std::move(listener)) {}
  Daemon& daemon_;
  platform::LocalListener listener_;
};

/// Who may ask what: root and the daemon's own user everything, others for the status, and to watch
/// what it tells them.
bool may_ask(const platform::Peer& peer, std::string_view command, std::uint32_t own_user);
Audience audience_of(const platform::Peer& peer, std::uint32_t own_user);

}  // namespace obhut::endpoint
