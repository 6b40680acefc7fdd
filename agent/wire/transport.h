#pragma once
// The seam to HTTP: one request, one answer, under a deadline, to a peer whose key we know.

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::wire {

enum class Method : std::uint8_t { kGet, kPost, kPut, kDelete };

struct Header {
  std::string name;
  std::string value;
};

/// Says when the next part of a body may go. Thread: any.
class Pace {
 public:
  struct Slice {
    std::size_t bytes = 0;  ///< 0: ask again after `wait`
    std::chrono::steady_clock::duration wait{};
  };
  virtual ~Pace() = default;
  /// How many of the `wanted` bytes, which are at least one, may go after how long: a second at
  /// most, so that what changes meanwhile takes effect. They count as gone from now on. Must not
  /// block: it is asked on a thread that other transfers share.
  virtual Slice next(std::size_t wanted) = 0;
};

struct Request {
  Method method = Method::kGet;
  std::string url;  ///< absolute, https
  std::vector<Header> headers;
  ByteView body;         ///< borrowed until send() returns
  Pace* pace = nullptr;  ///< of the body, borrowed likewise; null: as fast as the line takes it
  /// From the call to the last byte of the answer, name look-up and handshake included; what the
  /// pace lets it wait comes on top.
  std::chrono::milliseconds deadline{30'000};
  /// An answer with a longer body is kCorrupt; no more than this is kept in memory.
  std::size_t max_response = std::size_t{1} << 20U;
  /// How long the body will be where that is known: it gets its room at once, and is not copied
  /// while it grows.
  std::size_t expected_response = 0;
};

struct Response {
  int status = 0;
  std::vector<Header> headers;
  Bytes body;

  /// The first header of that name, whatever its case; empty where there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Whom we talk to. The system's certificates are never consulted.
struct Trust {
  /// Trust anchors. Empty where only the pin is known yet.
  std::string ca_pem;
  /// SHA-256 of the CA's SubjectPublicKeyInfo. Without `ca_pem` the peer must send a CA
  /// certificate with this key, which then is the only anchor; with it, only anchors that match
  /// count.
  std::optional<Sha256> spki_pin;
};

/// Thread: any number.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Gives any answer that is whole, whatever its status: what a status means is the
  /// caller's to know. Follows no redirect. Asks again where a connection broke before it answered,
  /// for it may have been a kept one that the other side had closed: the request may be carried out
  /// more than once, so that every write needs an idempotency key.
  /// Errors: kUnavailable, kTimeout (deadline passed, the request may have been carried out),
  /// kRefused (the peer's certificate is not what we trust), kCorrupt (an answer that is no HTTP,
  /// or longer than asked for), kInvalidInput (URL or header), kCancelled.
  virtual Result<Response> send(const Request& request, std::stop_token stop) = 0;
};

}  // namespace obhut::wire
