#include "agent/wire/cpprest_transport.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <pplx/threadpool.h>
#include <span>

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

/// "http://user:password@host:port" in parts; the library takes a URL's user for nothing.
struct ProxyUrl {
  explicit ProxyUrl(const std::string& url) : shown(url) {
    const std::size_t user = url.find("://") + 3;
    const std::size_t at = url.rfind('@');
    if (at == std::string::npos || at < user) return;
    shown = url.substr(0, user) + url.substr(at + 1);
    const std::string both = url.substr(user, at - user);
    const std::size_t colon = std::min(both.find(':'), both.size());
    const auto decoded = [](const std::string& text) {
      return web::uri::decode(to_string_t(text));
    };
    name = decoded(both.substr(0, colon));
    if (colon < both.size()) password = decoded(both.substr(colon + 1));
  }
  [[nodiscard]] web::web_proxy made() const {
    web::web_proxy proxy{web::uri(to_string_t(shown))};
    if (!name.empty()) proxy.set_credentials({name, password});
    return proxy;
  }

  std::string shown;  ///< without user and password: what messages name
  utility::string_t name;
  utility::string_t password;
};

struct Origin {
  Origin(const web::uri& base, const std::string& host, const Trust& trust,
         const std::string& proxy)
      : peer(host, trust),
        through(proxy.empty() ? std::string() : ProxyUrl(proxy).shown),
        client(base, config(peer, proxy)) {}

  static http_client_config config(PeerTrust& peer, const std::string& proxy) {
    http_client_config config;
    if (!proxy.empty()) config.set_proxy(ProxyUrl(proxy).made());
    config.set_max_redirects(0);  // Authorization followed a redirect to another origin
    config.set_timeout(kSilence);
    config.set_ssl_context_callback([&peer](boost::asio::ssl::context& context) {
      // ignored: the PEM text was read once when the transport was made; without it nothing passes
      (void)peer.install(context.native_handle());
    });
    return config;
  }

  PeerTrust peer;
  const std::string through;  ///< the proxy, as messages name it; "": none
  SteadyTime shut_until{};    ///< guarded by the transport's mutex
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
    if (host.front() == '[') {
      // The library asks the resolver for it with its brackets.
      return fail(ErrorKind::kInvalidInput,
                  "url https://" + host + ": an IPv6 address is reached by a name alone");
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

/// Hotels and offices put one before everything until somebody has logged in.
constexpr const char* kLoginPage =
    "; where a network shows a login page first, open it in a browser";

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
        return {ErrorKind::kRefused,
                "the server's certificate is not trusted: " + why + kLoginPage};
      }
      return {ErrorKind::kUnavailable, printable(error.what()) + kLoginPage};
    }
    if (error.error_code() == std::errc::timed_out)
      return {ErrorKind::kTimeout, "no answer in time"};
    const std::string_view what = error.what();
    if (what.find("Invalid HTTP") != std::string_view::npos) {
      return {ErrorKind::kCorrupt, "the answer is no HTTP"};
    }
    if (what.find("response from proxy, received: 407") != std::string_view::npos) {
      return {ErrorKind::kUnavailable, "it wants a user name and a password (407)"};
    }
    if (what.find("response from proxy, received: 3") != std::string_view::npos) {
      return {ErrorKind::kUnavailable, printable(what) + kLoginPage};
    }
    if (what.find("Error resolving address") != std::string_view::npos) {
      return {ErrorKind::kUnavailable, "no address is known for this name"};
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
  State(Trust with, ChooseWays chooser) : trust(std::move(with)), choose(std::move(chooser)) {}

  Trust trust;
  ChooseWays choose;
  std::mutex mutex;
  std::condition_variable_any freed;
  std::size_t in_flight = 0;
  /// By base and proxy: a machine that moves meets others, and comes back to those it knew.
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Origin>> origins;
  struct Known {
    std::vector<std::string> ways;
    SteadyTime asked{};
  };
  std::map<std::string, Known> known;  ///< by base

  std::vector<std::string> ask_ways(const std::string& base) {
    // To ask may take the network's time: not for each request, and not under the lock.
    constexpr std::chrono::minutes kFresh{5};
    if (!choose) return {""};
    const SteadyTime now = std::chrono::steady_clock::now();
    {
      const std::scoped_lock lock(mutex);
      const auto found = known.find(base);
      if (found != known.end() && now - found->second.asked < kFresh) return found->second.ways;
    }
    std::vector<std::string> ways = choose(base);
    if (ways.empty()) ways.emplace_back();
    const std::scoped_lock lock(mutex);
    known[base] = {ways, now};
    return ways;
  }

  /// At least one; those that led nowhere a moment ago come last. Valid as long as this.
  std::vector<Origin*> ways_to(const Target& target) {
    const std::string base = to_utf8string(target.base.to_string());
    const std::vector<std::string> ways = ask_ways(base);
    const SteadyTime now = std::chrono::steady_clock::now();
    std::vector<Origin*> found;
    const std::scoped_lock lock(mutex);
    for (const std::string& way : ways) {
      std::unique_ptr<Origin>& origin = origins[{base, way}];
      if (!origin) origin = std::make_unique<Origin>(target.base, target.host, trust, way);
      found.push_back(origin.get());
    }
    std::ranges::stable_partition(found,
                                  [now](const Origin* way) { return way->shut_until <= now; });
    return found;
  }

  void shut(std::span<Origin* const> ways) {
    constexpr std::chrono::minutes kShut{5};
    const SteadyTime until = std::chrono::steady_clock::now() + kShut;
    const std::scoped_lock lock(mutex);
    for (Origin* way : ways) way->shut_until = until;
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

/// Where a name has several addresses and the first refuses, as ::1 does where a server listens on
/// 127.0.0.1 alone, the library gives up on the others once in thirty times. Nothing was sent yet.
bool gave_up_on_addresses(const Error& error) {
  return error.kind == ErrorKind::kUnavailable &&
         error.message.starts_with("Failed to connect to any resolved endpoint");
}

/// The peer was not reached, or another one was: a way that is no way.
bool leads_nowhere(const Error& error) {
  return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kTimeout ||
         error.kind == ErrorKind::kRefused;
}

Result<Response> send_by(Origin& way, const Request& request, const Target& target,
                         SteadyTime& until, const std::stop_token& stop) {
  constexpr int kTries = 3;  // several connections may be kept, and all of them dead
  for (int tries = 1;; ++tries) {
    Result<Response> answer = run(way, request, target, until, stop);
    if (answer) return answer;
    const Error& error = answer.error();
    if (tries == kTries || (!broke_when_used(error) && !gave_up_on_addresses(error))) {
      if (way.through.empty()) return answer;
      return pass_on(std::move(answer.error()), "through the proxy " + way.through);
    }
  }
}

/// Tries one way after the other. Where none leads anywhere, the best one's error says why.
Result<Response> send_by_any(std::span<Origin* const> ways, const Request& request,
                             const Target& target, SteadyTime until, const std::stop_token& stop,
                             const std::function<void(std::span<Origin* const>)>& shut) {
  std::optional<Result<Response>> first;
  for (std::size_t tried = 0; tried < ways.size(); ++tried) {
    Result<Response> answer = send_by(*ways[tried], request, target, until, stop);
    if (answer || !leads_nowhere(answer.error())) {
      if (tried > 0) shut(ways.first(tried));
      return answer;
    }
    const bool late = std::chrono::steady_clock::now() >= until;
    if (!first) first = std::move(answer);
    // No time for another way now, but the next request begins with that one.
    if (late && tried + 1 < ways.size()) shut(ways.first(tried + 1));
    if (late || stop.stop_requested()) break;
  }
  return std::move(*first);
}

}  // namespace

CpprestTransport::CpprestTransport(Trust trust, ChooseWays ways)
    : state_(std::make_unique<State>(std::move(trust), std::move(ways))) {
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
  const SteadyTime until = std::chrono::steady_clock::now() + request.deadline;
  TRY(state_->enter(until, stop));
  Result<Response> response = [&]() -> Result<Response> {
    try {
      return send_by_any(state_->ways_to(target), request, target, until, stop,
                         [this](std::span<Origin* const> ways) { state_->shut(ways); });
    } catch (const std::exception& error) {
      return fail(ErrorKind::kInternal, printable(error.what()));
    }
  }();
  state_->leave();
  if (!response) return pass_on(std::move(response.error()), target.host);
  return response;
}

}  // namespace obhut::wire
