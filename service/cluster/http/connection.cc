#include "service/cluster/http/connection.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>
#include <utility>  // Boost 1.74's coroutine headers use std::exchange without including it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "agent/crypto/random.h"
#include "service/cluster/http/socket_internal.inc"

namespace obhut::cluster::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::size_t kBlock = std::size_t{256} * 1024;
/// What is read and thrown away after a refusal, so that the client gets to read the answer before
/// the reset that unread bytes would cause.
constexpr std::size_t kLingerBytes = std::size_t{1} << 20U;
constexpr milliseconds kLingerTime{2'000};
constexpr milliseconds kCancelAgain{20};

Method method_of(bhttp::verb verb) {
  switch (verb) {
    case bhttp::verb::get:
      return Method::kGet;
    case bhttp::verb::post:
      return Method::kPost;
    case bhttp::verb::put:
      return Method::kPut;
    case bhttp::verb::delete_:
      return Method::kDelete;
    default:
      return Method::kOther;
  }
}

std::string new_request_id() {
  return crypto::random_id<Id<struct RequestTag, 8>>().text();
}

/// A deadline on whatever the socket does.
///
/// Reading through TLS takes several steps. Between two of them, where bytes keep coming, there is
/// nothing to cancel, and the next step would then wait without a limit: past the deadline the
/// socket is cancelled again and again until somebody disarms.
class Deadline {
 public:
  Deadline(const asio::any_io_executor& executor, asio::ip::tcp::socket& socket)
      : socket_(socket), timer_(executor), round_(std::make_shared<std::uint64_t>(0)) {}
  ~Deadline() { disarm(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void arm(milliseconds time) {
    fired_ = false;
    wait(time, ++*round_);
  }
  void disarm() {
    ++*round_;
    timer_.cancel();
  }
  [[nodiscard]] bool fired() const { return fired_; }

 private:
  void wait(milliseconds time, std::uint64_t round) {
    timer_.expires_after(time);
    timer_.async_wait([this, current = round_, round](const error_code& ec) {
      if (ec || *current != round) return;  // the connection, and this with it, may be gone
      fired_ = true;
      error_code ignored;
      socket_.cancel(ignored);
      wait(kCancelAgain, round);
    });
  }

  asio::ip::tcp::socket& socket_;
  asio::steady_timer timer_;
  std::shared_ptr<std::uint64_t> round_;  // shared with the timer's callback, which may come late
  bool fired_ = false;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, const Environment& env, std::function<void()> closed)
      : stream_(std::move(socket.tcp), socket.tls),
        deadline_(stream_.get_executor(), stream_.next_layer()),
        timer_(stream_.get_executor()),
        env_(env),
        closed_(std::move(closed)) {}
  ~Connection() {
    env_.counters.connections_open.fetch_sub(1);
    closed_();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() {
    error_code ec;
    peer_ = stream_.next_layer().remote_endpoint(ec).address().to_string();
    stream_.next_layer().set_option(asio::ip::tcp::no_delay(true), ec);
    asio::co_spawn(
        stream_.get_executor(), [self = shared_from_this()] { return self->run(); },
        asio::detached);
  }

  void wind_down(bool hard) {
    ending_ = true;
    timer_.cancel();
    if (idle_) deadline_.arm(milliseconds(0));
    if (hard) {
      error_code ignored;
      stream_.next_layer().close(ignored);
    }
  }

 private:
  using HeaderParser = bhttp::request_parser<bhttp::buffer_body>;
  /// kAnswered: refused, and the connection goes on.
  enum class Body : std::uint8_t { kComplete, kAnswered, kRefused, kGone };

  asio::awaitable<void> run() {
    error_code ec;
    deadline_.arm(env_.limits.handshake);
    co_await stream_.async_handshake(asio::ssl::stream_base::server,
                                     asio::redirect_error(asio::use_awaitable, ec));
    deadline_.disarm();
    if (ec) {
      env_.counters.handshakes_failed.fetch_add(1);
      co_return;
    }
    // Beast would grow the buffer in small steps; a body is read in blocks of this size.
    buffer_.max_size(kBlock + env_.limits.header_bytes + 4096);
    bool more = true;
    while (more && ++served_ <= env_.limits.requests_per_connection) {
      more = co_await serve_one();
    }
    co_await close();
  }

  /// One request and its answer; false where the connection ends.
  asio::awaitable<bool> serve_one() {
    if (!co_await wait_for_request()) co_return false;
    std::optional<HeaderParser> parser;
    parser.emplace();
    parser->header_limit(env_.limits.header_bytes);
    // Judged below, since Beast would fail inside the header's read; its "no limit" (boost::none)
    // refuses every body in 1.74.
    parser->body_limit(std::numeric_limits<std::uint64_t>::max());
    error_code ec;
    deadline_.arm(env_.limits.header);
    co_await bhttp::async_read_header(stream_, buffer_, *parser,
                                      asio::redirect_error(asio::use_awaitable, ec));
    deadline_.disarm();
    if (ec) co_return co_await refuse_header(ec);
    env_.counters.requests.fetch_add(1);

    Request request;
    request.id = new_request_id();
    request.peer = peer_;
    keep_alive_ = parser->get().keep_alive() && served_ < env_.limits.requests_per_connection;
    std::optional<Response> refusal = take_header(*parser, request);
    Admission admission;
    if (!refusal) {
      if (co_await on_worker([&] { admission = env_.application.admit(request); })) {
        refusal = std::move(admission.refused);
      } else {
        refusal = overloaded();
      }
    }
    if (!refusal && request.content_length.value_or(0) > admission.body_limit) {
      refusal = too_large(admission.body_limit);
    }
    const bool has_body = parser->chunked() || request.content_length.value_or(0) > 0;
    if (refusal) co_return co_await refuse(std::move(*refusal), request, has_body);
    if (has_body) {
      const Body body = co_await read_body(*parser, request, admission.body_limit);
      if (body != Body::kComplete) co_return body == Body::kAnswered;
    }
    co_return co_await answer(request);
  }

  asio::awaitable<bool> wait_for_request() {
    if (buffer_.size() > 0) co_return !ending_;
    error_code ec;
    idle_ = true;
    deadline_.arm(served_ == 1 ? env_.limits.header : env_.limits.idle);
    const std::size_t n = co_await stream_.async_read_some(
        buffer_.prepare(4096), asio::redirect_error(asio::use_awaitable, ec));
    deadline_.disarm();
    idle_ = false;
    buffer_.commit(n);
    if (ec && deadline_.fired() && !ending_) env_.counters.timeouts.fetch_add(1);
    co_return !ec && (!ending_ || n > 0);
  }

  asio::awaitable<bool> refuse_header(error_code ec) {
    keep_alive_ = false;
    Request request;
    request.id = new_request_id();
    request.peer = peer_;
    if (deadline_.fired()) {
      env_.counters.timeouts.fetch_add(1);
      co_return co_await refuse(
          problem(408, "request-timeout", "the request's headers took too long"), request, true);
    }
    if (ec == bhttp::error::header_limit || ec == bhttp::error::buffer_overflow) {
      co_return co_await refuse(
          problem(431, "headers-too-large",
                  "headers are limited to " + std::to_string(env_.limits.header_bytes) + " bytes"),
          request, true);
    }
    const bool malformed =
        ec.category() == bhttp::make_error_code(bhttp::error::bad_method).category();
    if (!malformed || ec == bhttp::error::end_of_stream || ec == bhttp::error::partial_message) {
      co_return false;
    }
    co_return co_await refuse(problem(400, "malformed-request", ec.message()), request, true);
  }

  static Response too_large(std::uint64_t limit) {
    return problem(413, "body-too-large",
                   "the body is limited to " + std::to_string(limit) + " bytes here");
  }
  static Response overloaded() {
    Response response = problem(503, "overloaded", "too much is waiting; ask again shortly");
    response.headers.emplace_back("Retry-After", "2");
    return response;
  }

  /// Copies what handlers may see. An answer is what makes the request impossible.
  std::optional<Response> take_header(HeaderParser& parser, Request& request) {
    const auto& message = parser.get();
    request.method = method_of(message.method());
    for (const auto& header : message) {
      std::string name(header.name_string());
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      request.headers.emplace_back(std::move(name), std::string(header.value()));
    }
    if (parser.content_length()) request.content_length = *parser.content_length();
    // Both at once is how requests are smuggled past proxies.
    if (count(request.headers, "content-length") > 1 || count(request.headers, "host") > 1 ||
        count(request.headers, "authorization") > 1 ||
        (parser.chunked() && count(request.headers, "content-length") > 0)) {
      keep_alive_ = false;
      return problem(400, "malformed-request", "a header that decides something is there twice");
    }
    if (message.version() != 11 && message.version() != 10) {
      return problem(400, "malformed-request", "only HTTP/1.1 is spoken here");
    }
    auto target = split_target(std::string_view(message.target().data(), message.target().size()));
    if (!target) return problem(400, "malformed-request", target.error().message);
    request.path = std::move(target->first);
    request.query = std::move(target->second);
    if (request.method == Method::kOther) {
      return problem(405, "method-not-allowed", "this method is not known here");
    }
    const auto expect = find(request.headers, "expect");
    expects_continue_ = expect && beast::iequals(beast::string_view(expect->data(), expect->size()),
                                                 "100-continue");
    if (expect && !expects_continue_) {
      return problem(417, "expectation-failed", "only 100-continue can be expected");
    }
    return std::nullopt;
  }

  asio::awaitable<Body> read_body(HeaderParser& parser, Request& request, std::uint64_t limit) {
    error_code ec;
    if (expects_continue_ && buffer_.size() == 0) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      deadline_.arm(env_.limits.block);
      co_await asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                                 asio::redirect_error(asio::use_awaitable, ec));
      deadline_.disarm();
      if (ec) co_return Body::kGone;
    }
    buffer_.reserve(kBlock / 2);  // without it Beast reads in steps of 512 bytes and up
    if (!request.sink) request.body.reserve(request.content_length.value_or(4096));
    Bytes block(static_cast<std::size_t>(
        std::min<std::uint64_t>(kBlock, request.content_length.value_or(kBlock) + 1)));
    std::uint64_t total = 0;
    // What cannot be stored is still read: a client that writes on into a closed connection would
    // see a reset, ask again, and never hear why.
    std::optional<Response> failed;
    while (!parser.is_done()) {
      const std::size_t n = co_await read_block(parser, block, ec);
      if (ec) co_return co_await body_failed(ec, request);
      total += n;
      env_.counters.bytes_in.fetch_add(n);
      if (total > limit) {
        co_await refuse(too_large(limit), request, true);
        co_return Body::kRefused;
      }
      if (!request.sink) {
        request.body.insert(request.body.end(), block.begin(),
                            block.begin() + static_cast<std::ptrdiff_t>(n));
        continue;
      }
      if (n > 0 && !failed) failed = co_await write_to_sink(request, ByteView(block).first(n));
    }
    if (!failed) co_return Body::kComplete;
    const bool more = co_await refuse(std::move(*failed), request, false);
    co_return more ? Body::kAnswered : Body::kRefused;
  }

  /// Fills `block` as far as the deadline for one block allows.
  asio::awaitable<std::size_t> read_block(HeaderParser& parser, Bytes& block, error_code& ec) {
    auto& body = parser.get().body();
    body.data = block.data();
    body.size = block.size();
    body.more = true;
    deadline_.arm(env_.limits.block);
    while (!parser.is_done() && body.size > 0) {
      co_await bhttp::async_read_some(stream_, buffer_, parser,
                                      asio::redirect_error(asio::use_awaitable, ec));
      if (ec == bhttp::error::need_buffer) ec = {};
      if (ec) break;
    }
    deadline_.disarm();
    co_return block.size() - body.size;
  }

  asio::awaitable<Body> body_failed(error_code ec, Request& request) {
    keep_alive_ = false;
    if (deadline_.fired()) {
      env_.counters.timeouts.fetch_add(1);
      co_await refuse(problem(408, "request-timeout", "the body came too slowly"), request, true);
      co_return Body::kRefused;
    }
    const bool malformed =
        ec.category() == bhttp::make_error_code(bhttp::error::bad_chunk).category();
    if (malformed && ec != bhttp::error::partial_message && ec != bhttp::error::end_of_stream) {
      co_await refuse(problem(400, "malformed-request", ec.message()), request, true);
      co_return Body::kRefused;
    }
    co_return Body::kGone;
  }

  /// Nothing, or why the body cannot be stored.
  asio::awaitable<std::optional<Response>> write_to_sink(Request& request, ByteView bytes) {
    Result<void> written;
    if (!co_await on_worker([&] { written = request.sink->write(bytes); })) co_return overloaded();
    if (written) co_return std::nullopt;
    env_.log.error("body could not be stored", field("request", request.id),
                   field("error", written.error().message));
    if (written.error().kind == ErrorKind::kQuotaExceeded) {
      co_return problem(507, "storage-full",
                        "the cluster's disk is full: make room in the object store");
    }
    co_return problem(503, "store-unavailable", "the store cannot be written now");
  }

  asio::awaitable<bool> answer(Request& request) {
    Response response;
    bool last = false;
    std::optional<std::chrono::steady_clock::time_point> until;
    while (true) {
      if (!co_await on_worker([&] { response = env_.application.handle(request, last); })) {
        response = overloaded();
      }
      if (!response.wait) break;
      if (!until) until = std::chrono::steady_clock::now() + response.wait_for;
      if (!co_await wait_for_change(*response.wait, *until)) co_return false;
      last = ending_ || std::chrono::steady_clock::now() >= *until;
    }
    co_return co_await write(std::move(response), request);
  }

  /// Sleeps until the topic changes, the time is over or the server stops. False where the client
  /// went away meanwhile, which is what the pending read is for.
  asio::awaitable<bool> wait_for_change(Subscription& topic,
                                        std::chrono::steady_clock::time_point until) {
    struct Wait {
      bool changed = false;
      bool reading = false;
      bool gone = false;
    };
    const auto wait = std::make_shared<Wait>();  // shared with callbacks that may come late
    const std::shared_ptr<Connection> self = shared_from_this();
    // Weak: a topic that lives on must not keep the connection of a poll that is over. What is
    // locked is moved to the loop, where alone a connection may end.
    topic.on_change([weak = weak_from_this(), wait] {
      std::shared_ptr<Connection> live = weak.lock();
      if (!live) return;
      const asio::any_io_executor loop = live->stream_.get_executor();
      asio::post(loop, [live = std::move(live), wait] {
        wait->changed = true;
        live->timer_.cancel();
      });
    });
    // Bytes of the next request may lie here already or arrive: they stay for later, and without
    // reading further a disconnect is then seen at the time-out.
    if (buffer_.size() == 0) {
      wait->reading = true;
      stream_.async_read_some(buffer_.prepare(4096),
                              [self, wait](const error_code& ec, std::size_t n) {
                                wait->reading = false;
                                self->buffer_.commit(n);
                                wait->gone = ec && ec != asio::error::operation_aborted;
                                if (wait->gone) self->timer_.cancel();
                              });
    }
    env_.counters.polls_waiting.fetch_add(1);
    error_code ec;
    while (!wait->changed && !wait->gone && !ending_ && std::chrono::steady_clock::now() < until) {
      timer_.expires_at(until);
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    env_.counters.polls_waiting.fetch_sub(1);
    while (wait->reading) {
      stream_.next_layer().cancel(ec);
      timer_.expires_after(milliseconds(50));
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    co_return !wait->gone;
  }

  /// Answers without having read the body: the connection cannot be used further.
  asio::awaitable<bool> refuse(Response response, Request& request, bool unread) {
    if (unread) keep_alive_ = false;
    const bool more = co_await write(std::move(response), request);
    if (unread) co_await linger();
    co_return more;
  }

  asio::awaitable<bool> write(Response response, Request& request) {
    if (response.status >= 500) {
      env_.counters.responses_5xx.fetch_add(1);
    } else if (response.status >= 400) {
      env_.counters.responses_4xx.fetch_add(1);
    }
    env_.log.debug("request", field("request", request.id),
                   field("method", to_string(request.method)), field("path", request.path),
                   field("status", response.status), field("peer", request.peer));
    if (ending_) keep_alive_ = false;
    if (response.source) co_return co_await write_source(std::move(response), request);
    bhttp::response<bhttp::string_body> message;
    fill_header(message, response, request);
    message.body() = std::move(response.body);
    if (response.status != 204) message.content_length(message.body().size());
    error_code ec;
    deadline_.arm(env_.limits.block);
    const std::size_t n = co_await bhttp::async_write(
        stream_, message, asio::redirect_error(asio::use_awaitable, ec));
    deadline_.disarm();
    env_.counters.bytes_out.fetch_add(n);
    co_return !ec && keep_alive_;
  }

  asio::awaitable<bool> write_source(Response response, Request& request) {
    bhttp::response<bhttp::empty_body> message;
    fill_header(message, response, request);
    message.content_length(response.source_length);
    bhttp::response_serializer<bhttp::empty_body> serializer(message);
    error_code ec;
    deadline_.arm(env_.limits.block);
    co_await bhttp::async_write_header(stream_, serializer,
                                       asio::redirect_error(asio::use_awaitable, ec));
    std::uint64_t left = response.source_length;
    Bytes block(static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, left)));
    while (!ec && left > 0) {
      const MutableByteView out = MutableByteView(block).first(
          static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), left)));
      Result<std::size_t> n = std::size_t{0};
      // Headers are out: whatever fails now can only be told by cutting the connection.
      if (!co_await on_worker([&] { n = response.source->read(out); })) co_return false;
      if (!n || *n == 0) {
        env_.log.error("stored object ended early", field("request", request.id),
                       field("path", request.path));
        co_return false;
      }
      deadline_.arm(env_.limits.block);
      co_await asio::async_write(stream_, asio::buffer(out.data(), *n),
                                 asio::redirect_error(asio::use_awaitable, ec));
      left -= *n;
      env_.counters.bytes_out.fetch_add(*n);
    }
    deadline_.disarm();
    co_return !ec && keep_alive_;
  }

  template <class Message>
  void fill_header(Message& message, const Response& response, const Request& request) const {
    message.version(11);
    message.result(static_cast<unsigned>(response.status));
    const std::string_view text = reason(response.status);
    message.reason(beast::string_view(text.data(), text.size()));
    if (!response.content_type.empty())
      message.set(bhttp::field::content_type, response.content_type);
    message.set("X-Request-Id", request.id);
    message.set(bhttp::field::cache_control, "no-store");
    message.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(keep_alive_);
  }

  /// Runs `job` on a worker thread; false where none can take it.
  template <class Job>
  asio::awaitable<bool> on_worker(Job job) {
    bool taken = false;
    bool done = false;
    asio::steady_timer finished(stream_.get_executor(), asio::steady_timer::time_point::max());
    // The worker gives its share of the connection to the loop, where alone it may end.
    taken = env_.workers.submit([self = shared_from_this(), &job, &done, &finished]() mutable {
      job();
      const asio::any_io_executor loop = self->stream_.get_executor();
      asio::post(loop, [live = std::move(self), &done, &finished] {
        done = true;
        finished.cancel();
      });
    });
    if (!taken) co_return false;
    error_code ec;
    while (!done) co_await finished.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    co_return true;
  }

  asio::awaitable<void> linger() {
    error_code ec;
    deadline_.arm(kLingerTime);
    std::size_t read = 0;
    Bytes waste(16 * 1024);
    while (!ec && read < kLingerBytes) {
      read += co_await stream_.async_read_some(asio::buffer(waste),
                                               asio::redirect_error(asio::use_awaitable, ec));
    }
    deadline_.disarm();
  }

  asio::awaitable<void> close() {
    error_code ec;
    deadline_.arm(kLingerTime);
    co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
    deadline_.disarm();
    stream_.next_layer().shutdown(asio::ip::tcp::socket::shutdown_both, ec);
    stream_.next_layer().close(ec);
  }

  beast::ssl_stream<asio::ip::tcp::socket> stream_;
  Deadline deadline_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  const Environment& env_;
  std::function<void()> closed_;
  std::string peer_;
  std::uint32_t served_ = 0;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  bool idle_ = false;
  bool ending_ = false;
};

}  // namespace

std::function<void(bool)> serve(Socket socket, const Environment& env,
                                std::function<void()> closed) {
  // Shared by the coroutine that runs it and by callbacks still to come.
  const auto connection = std::make_shared<Connection>(std::move(socket), env, std::move(closed));
  connection->start();
  return [weak = std::weak_ptr<Connection>(connection)](bool hard) {
    if (const std::shared_ptr<Connection> live = weak.lock()) live->wind_down(hard);
  };
}

}  // namespace obhut::cluster::http
