#include "service/cluster/retention_rules.h"

#include <ranges>

namespace obhut::cluster {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::sys_days;

std::int64_t hour_of(Instant at) {
  return floor<std::chrono::hours>(at).time_since_epoch().count();
}
std::int64_t day_of(Instant at) {
  return floor<days>(at).time_since_epoch().count();
}
/// Weeks begin on Monday; 1970-01-01 was a Thursday.
std::int64_t week_of(Instant at) {
  const std::int64_t shifted = day_of(at) + 3;
  return shifted >= 0 ? shifted / 7 : (shifted - 6) / 7;
}
std::int64_t month_of(Instant at) {
  const std::chrono::year_month_day date(floor<days>(at));
  return static_cast<int>(date.year()) * 12 + static_cast<int>(static_cast<unsigned>(date.month()));
}
std::int64_t year_of(Instant at) {
  return static_cast<int>(std::chrono::year_month_day(floor<days>(at)).year());
}

/// The newest point of each of the `count` newest periods.
void keep_newest_of(std::span<const RetainedPoint> points, std::uint32_t count,
                    std::int64_t (*period_of)(Instant), std::set<std::uint64_t>& keep) {
  std::set<std::int64_t> periods;
  for (const RetainedPoint& point : points | std::views::reverse) {
    if (periods.size() >= count) return;
    if (periods.insert(period_of(point.received)).second) keep.insert(point.sequence);
  }
}

}  // namespace

std::set<std::uint64_t> points_to_keep(std::span<const RetainedPoint> points,
                                       const model::Retention& rules, Instant now) {
  std::set<std::uint64_t> keep;
  if (points.empty()) return keep;
  keep.insert(points.back().sequence);
  for (const RetainedPoint& point : points) {
    const bool locked = now < point.locked_until || now < point.received + days(rules.lock_days);
    if (locked || rules.keeps_all()) keep.insert(point.sequence);
  }
  std::uint32_t last = rules.keep_last;
  for (const RetainedPoint& point : points | std::views::reverse) {
    if (last-- == 0) break;
    keep.insert(point.sequence);
  }
  keep_newest_of(points, rules.hourly, hour_of, keep);
  keep_newest_of(points, rules.daily, day_of, keep);
  keep_newest_of(points, rules.weekly, week_of, keep);
  keep_newest_of(points, rules.monthly, month_of, keep);
  keep_newest_of(points, rules.yearly, year_of, keep);
  return keep;
}

}  // namespace obhut::cluster
