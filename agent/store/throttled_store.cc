#include "agent/store/throttled_store.h"

#include <algorithm>

namespace obhut::store {
namespace {

using std::chrono::steady_clock;

/// While nothing moves the right to a burst grows, but no further than this.
constexpr std::chrono::seconds kBurst{1};

}  // namespace

ThrottledStore::ThrottledStore(Store& inner, Clock& clock, BandwidthLimit limit)
    : inner_(inner), clock_(clock), limit_(std::move(limit)) {}

bool ThrottledStore::admit(std::uint64_t bytes, const std::stop_token& stop) {
  const std::uint64_t limit = limit_();
  if (limit == 0) return !stop.stop_requested();
  const steady_clock::time_point now = clock_.steady();
  const std::chrono::duration<double> price(static_cast<double>(bytes) /
                                            static_cast<double>(limit));
  // Each transfer waits until the ones before it are paid for, and leaves its own price behind.
  const steady_clock::time_point start = free_at_.with([&](steady_clock::time_point& free_at) {
    const steady_clock::time_point begin = std::max(free_at, now - kBurst);
    free_at = begin + std::chrono::duration_cast<steady_clock::duration>(price);
    return begin;
  });
  if (start <= now) return !stop.stop_requested();
  return clock_.sleep_for(start - now, stop);
}

Result<void> ThrottledStore::put(const ObjectName& name, ByteView body, std::stop_token stop) {
  if (!admit(body.size(), stop)) return fail(ErrorKind::kCancelled, "put " + name.text());
  return inner_.put(name, body, stop);
}
Result<Bytes> ThrottledStore::get(const ObjectName& name, ByteRange range, std::stop_token stop) {
  if (!admit(range.length, stop)) return fail(ErrorKind::kCancelled, "get " + name.text());
  return inner_.get(name, range, stop);
}
Result<std::optional<std::uint64_t>> ThrottledStore::size_of(const ObjectName& name,
                                                             std::stop_token stop) {
  return inner_.size_of(name, stop);
}
Result<std::vector<ObjectInfo>> ThrottledStore::list(ObjectKind kind, std::stop_token stop) {
  return inner_.list(kind, stop);
}

}  // namespace obhut::store
