#pragma once
// A failure that a client is told: a status, a stable word and a sentence.

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "agent/base/result.h"

namespace obhut::cluster {

struct [[nodiscard]] Refusal {
  int status = 500;
  std::string code;    ///< stable: programs decide by it
  std::string detail;  ///< one sentence for people, with the way out
  ErrorKind kind = ErrorKind::kRefused;
  /// Further members of the problem document, as the inside of a JSON object: "\"a\":1".
  std::string members;
  std::int64_t retry_after = 0;  ///< seconds; 0: not said

  Refusal(int given_status, std::string given_code, std::string given_detail)
      : status(given_status), code(std::move(given_code)), detail(std::move(given_detail)) {}
  /// What a library said. kUnavailable, kTimeout and kThrottled become 503, kQuotaExceeded 507,
  /// kInvalidInput and kCrypto 422, kNotFound 404, kConflict 409, kRefused 403, all others 500.
  Refusal(Error error);  // NOLINT(google-explicit-constructor): TRY passes errors on
};

template <class T>
using Answer = std::expected<T, Refusal>;

[[nodiscard]] inline std::unexpected<Refusal> refuse(int status, std::string code,
                                                     std::string detail) {
  return std::unexpected(Refusal(status, std::move(code), std::move(detail)));
}
/// What does not exist and what is another tenant's look the same.
[[nodiscard]] inline std::unexpected<Refusal> not_found(std::string_view what) {
  return refuse(404, "not-found", "there is no such " + std::string(what));
}

}  // namespace obhut::cluster
