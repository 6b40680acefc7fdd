#include "tools/tray/http_server.h"

#include <atomic>
#include <chrono>
#include <list>
#include <optional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "agent/base/percent.h"
#include "platform/desktop.h"

namespace obhut::tray {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using beast::error_code;

constexpr std::size_t kMostConnections = 32;
constexpr std::uint32_t kMostHeader = 16U << 10U;
/// A basket of many thousand names.
constexpr std::uint64_t kMostBody = std::uint64_t{3} << 20U;
constexpr std::chrono::seconds kIdle{60};
constexpr std::chrono::seconds kSending{60};

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

struct Connection {
  asio::io_context io{1};
  std::optional<beast::tcp_stream> stream;
  std::atomic<bool> done = false;
  std::jthread thread;
};

Response refusal(unsigned status, std::string_view message) {
  return {status, "application/json",
          R"({"error":{"kind":"refused","message":")" + std::string(message) + "\"}}"};
}

/// Nothing where the target is none that a browser would send.
std::optional<Request> parse_target(std::string_view target) {
  Request request;
  const std::size_t mark = std::min(target.find('?'), target.size());
  std::optional<std::string> path = percent_decode(target.substr(0, mark), PlusSign::kItself);
  if (!path || !path->starts_with('/')) return std::nullopt;
  request.path = std::move(*path);
  std::string_view query = target.substr(std::min(mark + 1, target.size()));
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::optional<std::string> name = percent_decode(pair.substr(0, equals), PlusSign::kSpace);
    std::optional<std::string> value =
        percent_decode(pair.substr(std::min(equals + 1, pair.size())), PlusSign::kSpace);
    if (!name || !value) return std::nullopt;
    request.query.emplace(std::move(*name), std::move(*value));
  }
  return request;
}

class Session {
 public:
  Session(Connection& connection, std::uint16_t port, const Handler& handler)
      : io_(connection.io), stream_(*connection.stream), port_(port), handler_(handler) {}

  void run(const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] { io_.stop(); });
    while (!stop.stop_requested() && serve_one(stop)) {
    }
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  }

 private:
  /// False where the connection is over.
  bool serve_one(const std::stop_token& stop) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kMostHeader);
    parser.body_limit(kMostBody);
    error_code error;
    stream_.expires_after(kIdle);
    http::async_read(stream_, buffer_, parser,
                     [&error](error_code code, std::size_t) { error = code; });
    run_io();
    if (stop.stop_requested()) return false;
    if (error == http::error::body_limit) return send(refusal(413, "too large"), false);
    if (error == http::error::header_limit) return send(refusal(431, "too large"), false);
    if (error && error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      return send(refusal(400, "malformed"), false);
    }
    if (error) return false;
    const http::request<http::string_body> request = parser.release();
    const bool keep = request.keep_alive();
    return send(answer(request, stop), keep);
  }

  Response answer(const http::request<http::string_body>& request, const std::stop_token& stop) {
    if (!is_for_us(request)) return refusal(403, "came from somewhere else");
    const auto target = request.target();
    std::optional<Request> parsed = parse_target({target.data(), target.size()});
    if (!parsed) return refusal(400, "malformed");
    parsed->method = std::string(request.method_string());
    parsed->token = std::string(request["X-Obhut-Token"]);
    parsed->body = request.body();
    return watched(*parsed, stop);
  }

  /// By what browsers say of themselves.
  [[nodiscard]] bool is_for_us(const http::request<http::string_body>& request) const {
    const std::string host = "127.0.0.1:" + std::to_string(port_);
    if (request.count(http::field::host) != 1 || request[http::field::host] != host) return false;
    const auto origin = request.find(http::field::origin);
    if (origin != request.end() && origin->value() != "http://" + host) return false;
    const auto site = request.find("Sec-Fetch-Site");
    return site == request.end() || site->value() == "same-origin" || site->value() == "none";
  }

  /// Has the handler answer, and tells it where the browser hangs up meanwhile.
  Response watched(const Request& request, const std::stop_token& stop) {
    std::stop_source gone;
    const std::stop_callback forward(stop, [&gone] { gone.request_stop(); });
    Response response;
    stream_.expires_never();
    stream_.socket().async_wait(tcp::socket::wait_read, [&](error_code code) {
      if (!code && !is_open()) gone.request_stop();
    });
    auto working = asio::make_work_guard(io_);
    {
      const std::jthread worker([&] {
        response = handler_(request, gone.get_token());
        asio::post(io_, [&] {
          error_code ignored;
          stream_.socket().cancel(ignored);
          working.reset();
        });
      });
      run_io();
    }
    return response;
  }

  bool is_open() {
    char byte = 0;
    error_code error;
    stream_.socket().non_blocking(true, error);
    const std::size_t n =
        stream_.socket().receive(asio::buffer(&byte, 1), tcp::socket::message_peek, error);
    return n > 0 || error == asio::error::would_block;
  }

  bool send(const Response& given, bool keep) {
    http::response<http::string_body> response(http::int_to_status(given.status), 11);
    response.set(http::field::content_type, given.type);
    response.set(http::field::cache_control,
                 given.immutable ? "max-age=31536000, immutable" : "no-store");
    response.set("Content-Security-Policy", kPolicy);
    response.set("X-Content-Type-Options", "nosniff");
    response.set("Referrer-Policy", "no-referrer");
    response.set("Cross-Origin-Opener-Policy", "same-origin");
    response.set("Cross-Origin-Resource-Policy", "same-origin");
    response.keep_alive(keep);
    response.body() = given.body;
    response.prepare_payload();
    error_code error;
    stream_.expires_after(kSending);
    http::async_write(stream_, response, [&error](error_code code, std::size_t) { error = code; });
    run_io();
    return keep && !error;
  }

  void run_io() {
    io_.restart();
    io_.run();
  }

  asio::io_context& io_;
  beast::tcp_stream& stream_;
  std::uint16_t port_;
  const Handler& handler_;
  beast::flat_buffer buffer_;
};

void serve(Connection& connection, std::uint16_t port, const Handler& handler,
           const std::stop_token& stop) {
  error_code error;
  const tcp::endpoint peer = connection.stream->socket().remote_endpoint(error);
  // Another account's browser, or a program that tries ports: not a word to either.
  if (!error && platform::is_own_connection(port, peer.port())) {
    Session(connection, port, handler).run(stop);
  }
  // Now, not when the next one comes: whoever was refused must not wait for an answer.
  connection.stream->socket().close(error);
  connection.done = true;
}

}  // namespace

struct HttpServer::State {
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  std::uint16_t port = 0;
  Handler handler;
  std::list<Connection> connections;

  void accept(const std::stop_token& stop) {
    connections.remove_if([](const Connection& one) { return one.done.load(); });
    Connection& next = connections.emplace_back();
    acceptor.async_accept(next.io, [this, &next, stop](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error && connections.size() <= kMostConnections) {
        next.stream.emplace(std::move(socket));
        next.thread = std::jthread(
            [this, &next](const std::stop_token& own) { serve(next, port, handler, own); });
      } else {
        next.done = true;
      }
      accept(stop);
    });
  }
};

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::listen(std::uint16_t port, Handler handler) {
  auto state = std::make_unique<State>();
  state->handler = std::move(handler);
  const tcp::endpoint address(asio::ip::address_v4::loopback(), port);
  error_code error;
  state->acceptor.open(address.protocol(), error);
  if (!error) state->acceptor.bind(address, error);
  if (!error) state->acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    return fail(ErrorKind::kUnavailable,
                "127.0.0.1:" + std::to_string(port) + ": " + error.message());
  }
  state->port = state->acceptor.local_endpoint().port();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

std::uint16_t HttpServer::port() const {
  return state_->port;
}

std::string HttpServer::origin() const {
  return "http://127.0.0.1:" + std::to_string(state_->port);
}

void HttpServer::run(const std::stop_token& stop) {
  state_->accept(stop);
  const std::stop_callback wake(stop, [this] {
    asio::post(state_->io, [this] {
      error_code ignored;
      state_->acceptor.close(ignored);
    });
  });
  state_->io.run();
  state_->connections.clear();
}

}  // namespace obhut::tray
