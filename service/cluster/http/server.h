#pragma once
// The HTTPS server: Boost.Beast on Asio coroutines, one event loop a core, each with its own
// listening socket (SO_REUSEPORT), blocking work on worker threads. Limits and deadlines on
// everything: a peer that is silent, slow, endless or gone costs a bounded amount for a bounded
// time.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "agent/base/log.h"
#include "agent/base/result.h"
#include "service/cluster/http/message.h"

namespace obhut::cluster::http {

struct Limits {
  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds header{
      15'000};                             ///< from the first byte of a request to its last header
  std::chrono::milliseconds idle{75'000};  ///< between requests
  /// For each 256 KiB of a body, either way: a minimum rate. At 64 kbit/s, the lowest upload limit
  /// that a plan may have, they take 33 s.
  std::chrono::milliseconds block{60'000};
  std::uint32_t header_bytes = 16 * 1024;
  std::uint32_t connections = 20'000;
  std::uint32_t requests_per_connection = 10'000;
  std::uint32_t queued_jobs = 4'096;  ///< more work than this waiting for a thread is answered 503
};

struct ServerConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8443;      ///< 0: the system chooses
  std::string certificate_chain;  ///< PEM, leaf first
  std::string private_key;        ///< PEM
  unsigned loops = 0;             ///< 0: one a core
  unsigned workers = 16;
  Limits limits;
};

/// Read by /metrics. Thread: any.
struct Counters {
  std::atomic<std::uint64_t> connections_open{0};
  std::atomic<std::uint64_t> connections_accepted{0};
  std::atomic<std::uint64_t> connections_refused{0};
  std::atomic<std::uint64_t> handshakes_failed{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> responses_4xx{0};
  std::atomic<std::uint64_t> responses_5xx{0};
  std::atomic<std::uint64_t> timeouts{0};
  std::atomic<std::uint64_t> bytes_in{0};
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::uint64_t> polls_waiting{0};
};

class Server {
 public:
  /// Listens and serves until stop() or destruction. `application` must outlive it.
  /// Errors: kUnavailable where the address cannot be bound; kInvalidInput for certificate or key.
  static Result<std::unique_ptr<Server>> start(const ServerConfig& config, Application& application,
                                               Log log);
  ~Server();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] const Counters& counters() const;
  /// Accepts no more, lets running requests end for at most `grace`, then closes. Waiting polls
  /// are answered at once.
  void stop(std::chrono::milliseconds grace);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace obhut::cluster::http
