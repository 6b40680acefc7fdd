#include "agent/store/retrying_store.h"

#include "agent/base/check.h"
#include "agent/crypto/random.h"

namespace obhut::store {
namespace {

/// Uniform in [0, 1).
double chance() {
  std::array<std::uint8_t, 4> bytes{};
  crypto::fill_random(bytes);
  const std::uint32_t number =
      static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8U |
      static_cast<std::uint32_t>(bytes[2]) << 16U | static_cast<std::uint32_t>(bytes[3]) << 24U;
  return number / 4294967296.0;
}

}  // namespace

RetryingStore::RetryingStore(Store& inner, Clock& clock, const BackoffPolicy& policy,
                             unsigned max_attempts)
    : inner_(inner), clock_(clock), policy_(policy), max_attempts_(max_attempts) {
  CHECK(max_attempts >= 1);
}

template <class Ask>
auto RetryingStore::repeat(const std::stop_token& stop, Ask ask) -> decltype(ask()) {
  for (unsigned attempt = 1;; ++attempt) {
    auto answer = ask();
    if (answer || disposition_of(answer.error().kind) != Disposition::kRetry) return answer;
    if (attempt >= max_attempts_) {
      if (max_attempts_ > 1) {
        answer.error().message += " (after " + std::to_string(attempt) + " attempts)";
      }
      return answer;
    }
    if (!clock_.sleep_for(backoff_delay(policy_, attempt, chance()), stop)) {
      return fail(ErrorKind::kCancelled, "stopped while waiting to ask again");
    }
  }
}

Result<void> RetryingStore::put(const ObjectName& name, ByteView body, std::stop_token stop) {
  return repeat(stop, [&] { return inner_.put(name, body, stop); });
}
Result<Bytes> RetryingStore::get(const ObjectName& name, ByteRange range, std::stop_token stop) {
  return repeat(stop, [&] { return inner_.get(name, range, stop); });
}
Result<std::optional<std::uint64_t>> RetryingStore::size_of(const ObjectName& name,
                                                            std::stop_token stop) {
  return repeat(stop, [&] { return inner_.size_of(name, stop); });
}
Result<std::vector<ObjectInfo>> RetryingStore::list(ObjectKind kind, std::stop_token stop) {
  return repeat(stop, [&] { return inner_.list(kind, stop); });
}

}  // namespace obhut::store
