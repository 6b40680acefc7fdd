#pragma once
// One request and one answer as plain values, so that no handler sees the HTTP library.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::cluster::http {

enum class Method : std::uint8_t { kGet, kPost, kPut, kDelete, kOther };

std::string_view to_string(Method method);

/// Names and values in the order received. Names are lower case.
using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The first value of `name`, or nothing.
std::optional<std::string_view> find(const Pairs& pairs, std::string_view name);
/// How often `name` occurs: a header that decides something must not be there twice.
std::size_t count(const Pairs& pairs, std::string_view name);

/// Where a body goes that is too large to be held. Called on worker threads, one call at a time.
/// Destroyed without having been asked for its end where the client went away.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Result<void> write(ByteView bytes) = 0;
};

/// Where an answer's large body comes from. Called on worker threads, one call at a time.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Fills `out` from the front; 0 at the end.
  virtual Result<std::size_t> read(MutableByteView out) = 0;
};

/// Something that a waiting poll sleeps on: the handler subscribes before it looks, so that a
/// change between looking and sleeping is not missed.
class Subscription {
 public:
  virtual ~Subscription() = default;
  /// Calls `wake` once, from any thread, as soon as the topic changes; at once where it has
  /// changed since subscribing.
  virtual void on_change(std::function<void()> wake) = 0;
};

struct Request {
  Method method = Method::kOther;
  std::string path;   ///< percent-decoded segments, joined by '/'; no empty or dot segment
  std::string query;  ///< as received, without '?'
  Pairs headers;
  Bytes body;  ///< empty where a sink took it
  std::string peer;
  std::string id;  ///< names this request in the log and in the answer
  std::optional<std::uint64_t> content_length;
  std::unique_ptr<BodySink> sink;
  /// What the router found out; opaque to the server.
  std::shared_ptr<void> context;  // shared by the two calls that the application gets
};

struct Response {
  int status = 200;
  std::string content_type;
  Pairs headers;
  std::string body;
  /// Sent instead of `body`; exactly `source_length` bytes.
  std::unique_ptr<BodySource> source;
  std::uint64_t source_length = 0;
  /// Nothing to say yet: ask again when `wait` fires or `wait_for` is over, whichever is first.
  std::shared_ptr<Subscription> wait;  // shared by the server and whoever publishes the topic
  std::chrono::milliseconds wait_for{0};
};

/// RFC 9457. `code` is a stable word for programs, `detail` one sentence for people.
Response problem(int status, std::string_view code, std::string_view detail);
Response json(int status, std::string body);
Response empty(int status);
std::string_view reason(int status);

/// What may be said before the body is read.
struct Admission {
  std::optional<Response> refused;
  std::uint64_t body_limit = 0;
};

/// What the server serves. Both calls come from worker threads, for one request one after the
/// other.
class Application {
 public:
  virtual ~Application() = default;
  /// Headers are complete: finds the route, checks the caller, sets the limit and maybe
  /// `request.sink`. Whoever is refused here sends no body.
  virtual Admission admit(Request& request) = 0;
  /// The body is complete. Called again for a waiting poll; `last` says that it must answer now.
  virtual Response handle(Request& request, bool last) = 0;
};

/// Path and query of a request target, decoded. Errors: kInvalidInput for an absolute or
/// malformed target, an encoded slash or NUL, dot segments and text that is not UTF-8.
Result<std::pair<std::string, std::string>> split_target(std::string_view target);
/// application/x-www-form-urlencoded, at most 64 pairs. Errors: kInvalidInput.
Result<Pairs> parse_form(std::string_view text);

/// A byte range of something `size` long (RFC 9110 section 14, one range only).
struct RangeAnswer {
  bool satisfiable = true;
  bool partial = false;
  ByteRange range;
};
RangeAnswer parse_range(std::optional<std::string_view> header, std::uint64_t size);

}  // namespace obhut::cluster::http
