#include "agent/wire/cpprest_transport.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <pplx/threadpool.h>

#include <cpprest/containerstream.h>
#include <cpprest/http_client.h>
#include <cpprest/rawptrstream.h>

#include <system_error>

#include "agent/wire/paced_body.inc"
#include "agent/wire/peer_trust.h"

// What the guards below are for was measured on Debian's 2.10.18; each names its trap.

namespace obhut::wire {

namespace {

using web::http::http_request;
using web::http::http_response;
using web::http::client::http_client;
using web::http::client::http_client_config;
// The library's text is wide on Windows.
using utility::conversions::to_string_t;
using utility::conversions::to_utf8string;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxInFlight = 8;
constexpr std::size_t kThreads = 8;
// The library's own time-out counts from the last byte moved, so it only finds dead peers. Longer
// than a plan's long poll (55 s) and than the stall of a store that lost a disk (26 s measured).
constexpr std::chrono::seconds kSilence{90};

/// Thrown from the progress handler, which ends the request.
struct TooLong : std::exception {};

struct Origin {
  Origin(const web::uri& base, const std::string& host, const Trust& trust,
         const std::string& proxy)
      : peer(host, trust), client(base, config(peer, proxy)) {}

  static http_client_config config(PeerTrust& peer, const std::string& proxy) {
    http_client_config config;
    if (!proxy.empty()) config.set_proxy(web::web_proxy(web::uri(to_string_t(proxy))));
    config.set_max_redirects(0);  // Authorization followed a redirect to another origin
    config.set_timeout(kSilence);
    config.set_ssl_context_callback([&peer](boost::asio::ssl::context& context) {
      // ignored: the PEM text was read once when the transport was made; without it nothing passes
      (void)peer.install(context.native_handle());
    });
    return config;
  }

  PeerTrust peer;
  http_client client;
};

/// Where one request stands. Shared by the waiting thread and the library's continuations, which
/// may still run for a moment after the answer is known.
struct Exchange {
  const std::shared_ptr<Signal> signal = std::make_shared<Signal>();  // shared with the body
  std::mutex& mutex = signal->mutex;
  std::condition_variable_any& changed = signal->changed;
  bool done = false;
  int status = 0;
  std::vector<Header> headers;
  std::exception_ptr error;
  std::string refusal;  ///< set where the answer's head forbids reading on
  concurrency::streams::container_buffer<Bytes> body;
  std::shared_ptr<PacedBody> paced;  ///< the request's body where it has a pace

  void finish(std::exception_ptr with) {
    {
      const std::scoped_lock lock(mutex);
      if (done) return;
      error = std::move(with);
      done = true;
    }
    changed.notify_all();
  }
};

bool printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// Header values partly come from the cluster (tickets): a line break would smuggle in another.
Result<void> check_header(const Header& header) {
  const bool name_ok = !header.name.empty() && std::ranges::all_of(header.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (name_ok && printable_ascii(header.value) && header.value.size() <= 16'384) return {};
  return fail(ErrorKind::kInvalidInput, "header " + printable(header.name) + ": not printable");
}

web::http::method method_of(Method method) {
  switch (method) {
    case Method::kGet:
      return web::http::methods::GET;
    case Method::kPost:
      return web::http::methods::POST;
    case Method::kPut:
      return web::http::methods::PUT;
    case Method::kDelete:
      return web::http::methods::DEL;
  }
  return web::http::methods::GET;
}

struct Target {
  web::uri base;
  web::uri resource;
  std::string host;
};

Result<Target> target_of(const std::string& url) {
  try {
    if (!printable_ascii(url)) throw std::invalid_argument("control characters");
    const web::uri uri(to_string_t(url));
    if (to_utf8string(uri.scheme()) != "https" || uri.host().empty()) {
      throw std::invalid_argument("not https");
    }
    std::string host = to_utf8string(uri.host());
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    }
    return Target{uri.authority(), uri.resource(), std::move(host)};
  } catch (const std::exception&) {
    return fail(ErrorKind::kInvalidInput,
                "url " + printable(url.substr(0, url.find('?'))) + ": want https://host[:port]/…");
  }
}

http_request build(const Request& request, const Target& target, Exchange& exchange) {
  http_request built(method_of(request.method));
  built.set_request_uri(target.resource);
  for (const Header& header : request.headers) {
    built.headers().add(to_string_t(header.name), to_string_t(header.value));
  }
  built.headers().add(U("User-Agent"),
                      U("obhut"));  // else the library names itself and its version
  if (!request.body.empty() || request.method != Method::kGet) {
    // A vector as body costs a copy of 161 MB in all and 40% more CPU; these read in place.
    if (request.pace != nullptr) {
      exchange.paced = std::make_shared<PacedBody>(request.body, *request.pace, exchange.signal);
    }
    const auto stream = exchange.paced
                            ? stream_of(exchange.paced)
                            : concurrency::streams::rawptr_stream<std::uint8_t>::open_istream(
                                  request.body.data(), request.body.size());
    const auto type = built.headers().content_type();
    built.set_body(stream, request.body.size(),
                   type.empty() ? U("application/octet-stream") : type);
  }
  exchange.body.collection().reserve(request.expected_response);
  built.set_response_stream(exchange.body.create_ostream());
  built.set_progress_handler(
      [most = request.max_response](web::http::message_direction::direction way,
                                    utility::size64_t moved) {
        if (way == web::http::message_direction::download && moved > most) throw TooLong();
      });
  return built;
}

/// Looks at the answer's head before its body is read.
void take_head(Exchange& exchange, const http_response& response, std::size_t max_response) {
  const std::scoped_lock lock(exchange.mutex);
  exchange.status = response.status_code();
  for (const auto& [name, value] : response.headers()) {
    exchange.headers.push_back({to_utf8string(name), to_utf8string(value)});
  }
  // The library gathers a chunk in memory whatever length it claims, and only then asks us.
  if (response.headers().has(U("Transfer-Encoding"))) {
    exchange.refusal = "the answer is chunked, want a content-length";
  } else if (response.headers().has(U("Content-Length"))) {
    utility::size64_t length = 0;
    if (!response.headers().match(U("Content-Length"), length) || length > max_response) {
      exchange.refusal =
          "the answer is longer than the " + std::to_string(max_response) + " bytes asked for";
    }
  }
}

bool handshake_failed(const std::exception& error) {
  return std::string_view(error.what()).find("SSL handshake") != std::string_view::npos;
}

Error error_of(const std::exception_ptr& failure, PeerTrust& peer) {
  try {
    std::rethrow_exception(failure);
  } catch (const TooLong&) {
    return {ErrorKind::kCorrupt, "the answer is longer than asked for"};
  } catch (const web::http::http_exception& error) {
    if (handshake_failed(error)) {
      if (const std::string why = peer.take_refusal(); !why.empty()) {
        return {ErrorKind::kRefused, "the server's certificate is not trusted: " + why};
      }
    }
    if (error.error_code() == std::errc::timed_out)
      return {ErrorKind::kTimeout, "no answer in time"};
    const std::string_view what = error.what();
    if (what.find("Invalid HTTP") != std::string_view::npos) {
      return {ErrorKind::kCorrupt, "the answer is no HTTP"};
    }
    return {ErrorKind::kUnavailable, printable(what)};
  } catch (const std::exception& error) {
    return {ErrorKind::kUnavailable, printable(error.what())};
  } catch (...) {
    return {ErrorKind::kInternal, "unknown failure of the HTTP library"};
  }
}

}  // namespace

struct CpprestTransport::State {
  State(Trust with, ChooseProxy chooser) : trust(std::move(with)), choose(std::move(chooser)) {}

  Trust trust;
  ChooseProxy choose;
  std::mutex mutex;
  std::condition_variable_any freed;
  std::size_t in_flight = 0;
  /// By base and proxy: a machine that moves meets others, and comes back to those it knew.
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Origin>> origins;
  struct Known {
    std::string proxy;
    SteadyTime asked{};
  };
  std::map<std::string, Known> proxies;  ///< by base

  std::string proxy_for(const std::string& base) {
    // To ask may take the network's time: not for each request, and not under the lock.
    constexpr std::chrono::minutes kFresh{5};
    if (!choose) return {};
    const SteadyTime now = std::chrono::steady_clock::now();
    {
      const std::scoped_lock lock(mutex);
      const auto known = proxies.find(base);
      if (known != proxies.end() && now - known->second.asked < kFresh) return known->second.proxy;
    }
    std::string proxy = choose(base);
    const std::scoped_lock lock(mutex);
    proxies[base] = {proxy, now};
    return proxy;
  }

  Origin& origin_of(const Target& target) {
    const std::string base = to_utf8string(target.base.to_string());
    const std::string proxy = proxy_for(base);
    const std::scoped_lock lock(mutex);
    std::unique_ptr<Origin>& origin = origins[{base, proxy}];
    if (!origin) origin = std::make_unique<Origin>(target.base, target.host, trust, proxy);
    return *origin;
  }

  Result<void> enter(SteadyTime until, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    if (!freed.wait_until(lock, stop, until, [&] { return in_flight < kMaxInFlight; })) {
      if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "asked to stop");
      return fail(ErrorKind::kTimeout, "too many requests were waiting");
    }
    ++in_flight;
    return {};
  }
  void leave() {
    {
      const std::scoped_lock lock(mutex);
      --in_flight;
    }
    freed.notify_one();
  }
};

namespace {

/// Starts the request; its continuations end in Exchange::finish. None of them blocks: a .get() on
/// an unfinished task inside a continuation deadlocks the library's pool.
void start(const std::shared_ptr<Exchange>& exchange, Origin& origin, const http_request& request,
           std::size_t max_response, const pplx::cancellation_token& token) {
  origin.client.request(request, token)
      .then([exchange, max_response](const http_response& response) {
        take_head(*exchange, response, max_response);
        if (!exchange->refusal.empty()) throw TooLong();
        return response.content_ready();
      })
      .then([exchange](const pplx::task<http_response>& finished) {
        try {
          finished.get();  // finished already: only fetches the outcome
          exchange->finish(nullptr);
        } catch (...) {
          exchange->finish(std::current_exception());
        }
      });
}

/// Waits where the pace lets a part of the body wait, until the exchange is done, the time is over
/// or a stop is asked for. Adds to `until` what the pace took.
void hold_back(Exchange& exchange, SteadyTime& until, const std::stop_token& stop) {
  std::unique_lock lock(exchange.mutex);
  const auto ended = [&] { return exchange.done || stop.stop_requested(); };
  while (true) {
    // Past the last byte too: the library sends all again where a kept connection turns out dead.
    const bool more = exchange.changed.wait_until(
        lock, stop, until, [&] { return exchange.done || exchange.paced->waiting(); });
    if (!more || ended()) return;
    const auto time = exchange.paced->wait();
    // Nothing but the end is waited for: false when the time is over, which is the usual way.
    if (exchange.changed.wait_for(lock, stop, time, ended) || ended()) return;
    until += time;
    exchange.paced->go_on(lock);
  }
}

/// Waits for the end; past the deadline, or when asked to stop, cancels and still waits, since the
/// library reads the caller's body until it has let go. Gives the reason of the cancellation.
std::optional<ErrorKind> wait(Exchange& exchange, SteadyTime& until, const std::stop_token& stop,
                              const pplx::cancellation_token_source& cancel) {
  if (exchange.paced) hold_back(exchange, until, stop);
  std::unique_lock lock(exchange.mutex);
  if (exchange.changed.wait_until(lock, stop, until, [&] { return exchange.done; }))
    return std::nullopt;
  const ErrorKind why = stop.stop_requested() ? ErrorKind::kCancelled : ErrorKind::kTimeout;
  lock.unlock();
  cancel.cancel();  // closes the socket
  lock.lock();
  // The library waits for the body, not for the socket, where the pace held it.
  if (exchange.paced) exchange.paced->end(lock);
  exchange.changed.wait(lock, [&] { return exchange.done; });
  return exchange.error ? std::optional(why) : std::nullopt;
}

Result<Response> run(Origin& origin, const Request& request, const Target& target,
                     SteadyTime& until, const std::stop_token& stop) {
  const auto exchange = std::make_shared<Exchange>();  // owned here and by the continuations
  const pplx::cancellation_token_source cancel;
  start(exchange, origin, build(request, target, *exchange), request.max_response,
        cancel.get_token());
  const std::optional<ErrorKind> ended = wait(*exchange, until, stop, cancel);
  if (ended == ErrorKind::kCancelled) return fail(*ended, "asked to stop");
  if (ended)
    return fail(*ended, "no answer within " + std::to_string(request.deadline.count()) + " ms");
  std::unique_lock lock(exchange->mutex);
  // An answer may come before the body has gone; then nobody reads on once this returns.
  if (exchange->paced) exchange->paced->end(lock);
  if (!exchange->refusal.empty()) {
    cancel.cancel();  // the body is still on its way
    return fail(ErrorKind::kCorrupt, exchange->refusal);
  }
  if (exchange->error) return std::unexpected(error_of(exchange->error, origin.peer));
  Response response{exchange->status, std::move(exchange->headers),
                    std::move(exchange->body.collection())};
  if (response.body.size() > request.max_response) {
    return fail(ErrorKind::kCorrupt, "the answer is longer than asked for");
  }
  return response;
}

/// A connection that was kept may have been closed by the other side since: the library notices
/// only when it uses it, and says one of these.
bool broke_when_used(const Error& error) {
  return error.kind == ErrorKind::kUnavailable &&
         (error.message.starts_with("Failed to write request") ||
          error.message.starts_with("Failed to read HTTP status line"));
}

/// Several may be kept, and all of them dead.
constexpr int kTries = 3;

}  // namespace

CpprestTransport::CpprestTransport(Trust trust, ChooseProxy proxy)
    : state_(std::make_unique<State>(std::move(trust), std::move(proxy))) {
  static std::once_flag once;
  std::call_once(once, [] {
    try {
      crossplat::threadpool::initialize_with_threads(kThreads);
    } catch (const std::exception&) {
      // Started already by somebody else in the process, with its own size: as good.
    }
  });
}

CpprestTransport::~CpprestTransport() = default;

Result<Response> CpprestTransport::send(const Request& request, std::stop_token stop) {
  for (const Header& header : request.headers) TRY(check_header(header));
  ASSIGN_OR_RETURN(const Target target, target_of(request.url));
  SteadyTime until = std::chrono::steady_clock::now() + request.deadline;
  TRY(state_->enter(until, stop));
  Result<Response> response = [&]() -> Result<Response> {
    try {
      Origin& origin = state_->origin_of(target);
      for (int tries = 1;; ++tries) {
        Result<Response> answer = run(origin, request, target, until, stop);
        if (answer || tries == kTries || !broke_when_used(answer.error())) return answer;
      }
    } catch (const std::exception& error) {
      return fail(ErrorKind::kInternal, printable(error.what()));
    }
  }();
  state_->leave();
  if (!response) return pass_on(std::move(response.error()), target.host);
  return response;
}

}  // namespace obhut::wire
