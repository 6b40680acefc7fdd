#pragma once
// One client's connection, from handshake to close, and what all connections share. Internal to
// http/: the libraries' types stay behind `Environment` and `Socket`.

#include <functional>
#include <memory>

#include "service/cluster/http/server.h"

namespace obhut::cluster::http {

/// Runs blocking work. Defined beside the worker threads in server.cc.
class Workers {
 public:
  virtual ~Workers() = default;
  /// False where too much waits already; `job` was not taken then.
  virtual bool submit(std::function<void()> job) = 0;
};

struct Environment {
  Application& application;
  Workers& workers;
  const Limits& limits;
  Counters& counters;
  const Log& log;
};

struct Socket;  // asio's socket and TLS context; defined in socket_internal.inc

/// Serves `socket` on its own event loop. `env` must outlive the connection; `closed` is called at
/// its end.
/// Out: a handle that, called on the loop's thread, ends idle and waiting states at once.
std::function<void(bool hard)> serve(Socket socket, const Environment& env,
                                     std::function<void()> closed);

}  // namespace obhut::cluster::http
