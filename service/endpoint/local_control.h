#pragma once
// Serves the command line and the tray over the local socket.
//
// One JSON object a message (platform/local_socket.h). The client asks once a connection:
//   {"command": "status", …}
// and reads until {"done": true, "exit": n, …}. Before it may come any number of
//   {"event": "progress" | "entries" | …}      (progress_events.h)
// browse alone goes on as a conversation of questions and answers (browse_session.h).
// A failure is {"done": true, "exit": n, "error": {"kind": "refused", "message": "…"}}.

#include <memory>
#include <stop_token>
#include <string>

#include "agent/base/result.h"
#include "platform/local_socket.h"
#include "service/endpoint/daemon.h"
#include "service/endpoint/session_places.h"

namespace obhut::endpoint {

/// Thread: run() one.
class LocalControl {
 public:
  /// Errors: those of LocalListener::listen.
  static Result<std::unique_ptr<LocalControl>> make(Daemon& daemon, const std::string& socket);
  /// Answers until stopped, each connection on a thread of its own, kMaxConnections at most.
  void run(std::stop_token stop);

 private:
  LocalControl(Daemon& daemon, platform::LocalListener listener)
      : daemon_(daemon), listener_(std::move(listener)) {}
  Daemon& daemon_;
  platform::LocalListener listener_;
  SessionPlaces sessions_;
};

/// Root and the daemon's own user are administrators.
Audience audience_of(const platform::Peer& peer, std::uint32_t own_user);

}  // namespace obhut::endpoint
