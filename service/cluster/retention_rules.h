#pragma once
// Which recovery points stay. Pure: instants in, a choice out.

#include <cstdint>
#include <set>
#include <span>

#include "agent/base/clock.h"
#include "agent/model/plan.h"

namespace obhut::cluster {

struct RetainedPoint {
  std::uint64_t sequence = 0;
  Instant received{};      ///< by the cluster's clock: a device's own would let it back-date
  Instant locked_until{};  ///< as promised when the point was committed
};

/// The sequences that stay. In: `points` ascending by sequence.
/// The newest always stays; so does what is locked by the promise given at its commit or by the
/// rules of today, whichever is longer. Counts are of the newest point of each hour, day, ISO week,
/// month and year (UTC) that has one.
std::set<std::uint64_t> points_to_keep(std::span<const RetainedPoint> points,
                                       const model::Retention& rules, Instant now);

}  // namespace obhut::cluster
