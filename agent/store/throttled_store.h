#pragma once
// The plan's bandwidth limit.

#include <cstdint>
#include <functional>

#include "agent/base/clock.h"
#include "agent/base/guarded.h"
#include "agent/store/store.h"

namespace obhut::store {

/// Bytes per second that may move now; 0 is no limit. Asked before each transfer, since a plan's
/// limit depends on the time of day.
using BandwidthLimit = std::function<std::uint64_t()>;

/// A token bucket that may run into debt: a transfer larger than the bucket waits for its whole
/// price afterwards, so that a 16 MiB pack passes a limit of 100 KB/s.
class ThrottledStore final : public Store {
 public:
  ThrottledStore(Store& inner, Clock& clock, BandwidthLimit limit);

  Result<void> put(const ObjectName& name, ByteView body, std::stop_token stop) override;
  Result<Bytes> get(const ObjectName& name, ByteRange range, std::stop_token stop) override;
  Result<std::optional<std::uint64_t>> size_of(const ObjectName& name,
                                               std::stop_token stop) override;
  Result<std::vector<ObjectInfo>> list(ObjectKind kind, std::stop_token stop) override;

 private:
  /// Waits until `bytes` may move. False where `stop` was asked for.
  bool admit(std::uint64_t bytes, const std::stop_token& stop);
  Store& inner_;
  Clock& clock_;
  BandwidthLimit limit_;
  Guarded<std::chrono::steady_clock::time_point> free_at_;
};

}  // namespace obhut::store
