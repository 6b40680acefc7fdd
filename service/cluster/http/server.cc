#include "service/cluster/http/server.h"

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <openssl/ssl.h>

#include "service/cluster/http/connection.h"
#include "service/cluster/http/socket_internal.inc"

namespace obhut::cluster::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

/// Threads for work that blocks. More than a core each, since most of it waits for a disk.
class WorkerThreads final : public Workers {
 public:
  WorkerThreads(unsigned threads, std::size_t capacity) : capacity_(capacity) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~WorkerThreads() override {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    filled_.notify_all();
    threads_.clear();
  }

  bool submit(std::function<void()> job) override {
    {
      const std::scoped_lock lock(mutex_);
      if (closed_ || jobs_.size() >= capacity_) return false;
      jobs_.push_back(std::move(job));
    }
    filled_.notify_one();
    return true;
  }

 private:
  void work() {
    while (true) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex_);
        filled_.wait(lock, [&] { return !jobs_.empty() || closed_; });
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      job();
    }
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::function<void()>> jobs_;
  bool closed_ = false;
  std::vector<std::jthread> threads_;
};

Result<void> load_tls(asio::ssl::context& tls, const ServerConfig& config) {
  error_code ec;
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                      asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                      asio::ssl::context::no_tlsv1_1,
                  ec);
  SSL_CTX* native = tls.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(
      native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Thousands of connections only wait: their buffers are given back meanwhile.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    return fail(ErrorKind::kInternal, "tls: no cipher available");
  }
  tls.use_certificate_chain(
      asio::buffer(config.certificate_chain.data(), config.certificate_chain.size()), ec);
  if (ec) return fail(ErrorKind::kInvalidInput, "server certificate: " + ec.message());
  tls.use_private_key(asio::buffer(config.private_key.data(), config.private_key.size()),
                      asio::ssl::context::pem, ec);
  if (ec) return fail(ErrorKind::kInvalidInput, "server key: " + ec.message());
  if (SSL_CTX_check_private_key(native) != 1) {
    return fail(ErrorKind::kInvalidInput, "server key does not belong to the certificate");
  }
  return {};
}

/// One event loop: its thread, its listening socket and the connections that it accepted.
class Loop {
 public:
  Loop(const Environment& env, asio::ssl::context& tls)
      : work_(asio::make_work_guard(io_)), acceptor_(io_), retry_(io_), env_(env), tls_(tls) {}

  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port) {
    error_code ec;
    const asio::ip::address ip = asio::ip::make_address(address, ec);
    if (ec)
      return fail(ErrorKind::kInvalidInput, "listen address " + address + ": " + ec.message());
    const tcp::endpoint endpoint(ip, port);
    acceptor_.open(endpoint.protocol(), ec);
    if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor_.set_option(ReusePort(true), ec);
    if (!ec) acceptor_.bind(endpoint, ec);
    if (!ec) acceptor_.listen(4096, ec);
    if (ec) {
      return fail(ErrorKind::kUnavailable,
                  "listen on " + address + ":" + std::to_string(port) + ": " + ec.message());
    }
    return acceptor_.local_endpoint(ec).port();
  }

  void start() {
    accept();
    thread_ = std::jthread([this] { io_.run(); });
  }

  /// Closes the listener; soft: idle connections end, others after their answer.
  void wind_down(bool hard) {
    asio::post(io_, [this, hard] {
      error_code ignored;
      acceptor_.close(ignored);
      retry_.cancel();
      for (const auto& connection : connections_) connection(hard);
    });
  }

  void join() {
    work_.reset();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void accept() {
    acceptor_.async_accept(io_, [this](const error_code& ec, tcp::socket socket) {
      if (ec == asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (ec) {
        // Out of descriptors: asking again at once would only burn the core.
        retry_.expires_after(std::chrono::milliseconds(50));
        retry_.async_wait([this](const error_code& cancelled) {
          if (!cancelled) accept();
        });
        return;
      }
      take(std::move(socket));
      accept();
    });
  }

  void take(tcp::socket socket) {
    Counters& counters = env_.counters;
    if (counters.connections_open.load() >= env_.limits.connections) {
      counters.connections_refused.fetch_add(1);
      return;
    }
    counters.connections_open.fetch_add(1);
    counters.connections_accepted.fetch_add(1);
    const auto place = connections_.insert(connections_.end(), nullptr);
    *place =
        serve(Socket{std::move(socket), tls_}, env_, [this, place] { connections_.erase(place); });
  }

  // Before io_: a connection's end, as late as io_'s destruction, edits it.
  std::list<std::function<void(bool)>> connections_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  const Environment& env_;
  asio::ssl::context& tls_;
  std::jthread thread_;
};

}  // namespace

struct Server::State {
  State(const ServerConfig& config, Application& application, Log given_log)
      : limits(config.limits),
        log(std::move(given_log)),
        workers(config.workers, config.limits.queued_jobs),
        env{application, workers, limits, counters, log} {}

  Limits limits;
  Log log;
  Counters counters;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  WorkerThreads workers;
  Environment env;
  std::vector<std::unique_ptr<Loop>> loops;
  std::uint16_t port = 0;
  bool stopped = false;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() {
  stop(std::chrono::milliseconds(0));
}

Result<std::unique_ptr<Server>> Server::start(const ServerConfig& config, Application& application,
                                              Log log) {
  auto state = std::make_unique<State>(config, application, std::move(log));
  TRY(load_tls(state->tls, config));
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned loops = config.loops > 0 ? config.loops : cores;
  state->port = config.port;
  for (unsigned i = 0; i < loops; ++i) {
    state->loops.push_back(std::make_unique<Loop>(state->env, state->tls));
    ASSIGN_OR_RETURN(state->port, state->loops.back()->listen(config.address, state->port));
  }
  for (const auto& loop : state->loops) loop->start();
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const {
  return state_->port;
}
const Counters& Server::counters() const {
  return state_->counters;
}

void Server::stop(std::chrono::milliseconds grace) {
  if (std::exchange(state_->stopped, true)) return;
  for (const auto& loop : state_->loops) loop->wind_down(false);
  const auto until = std::chrono::steady_clock::now() + grace;
  while (state_->counters.connections_open.load() > 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (const auto& loop : state_->loops) loop->wind_down(true);
  for (const auto& loop : state_->loops) loop->join();
  state_->loops.clear();
}

}  // namespace obhut::cluster::http
