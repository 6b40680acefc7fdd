#include "agent/maintain/retention.h"

#include <chrono>
#include <optional>

namespace obhut::maintain {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::year_month_day;

std::int64_t hour_of(Instant at) {
  return floor<std::chrono::hours>(at).time_since_epoch().count();
}
std::int64_t day_of(Instant at) {
  return floor<days>(at).time_since_epoch().count();
}
// 1970-01-01 was a Thursday: three days further on, weeks begin on Monday.
std::int64_t week_of(Instant at) {
  return floor<std::chrono::weeks>(at + days(3)).time_since_epoch().count();
}
std::int64_t month_of(Instant at) {
  const year_month_day date{floor<days>(at)};
  return std::int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month()) - 1;
}
std::int64_t year_of(Instant at) {
  return static_cast<int>(year_month_day{floor<days>(at)}.year());
}

void keep_newest_of_each(std::span<const Instant> oldest_first, std::uint32_t count,
                         std::int64_t (*period_of)(Instant), std::vector<bool>& kept) {
  std::optional<std::int64_t> last;
  for (std::size_t i = oldest_first.size(); i-- > 0 && count > 0;) {
    const std::int64_t period = period_of(oldest_first[i]);
    if (period == last) continue;
    last = period;
    kept[i] = true;
    --count;
  }
}

}  // namespace

std::vector<bool> kept_points(std::span<const Instant> oldest_first, const KeepRules& rules) {
  std::vector<bool> kept(oldest_first.size(), false);
  if (kept.empty()) return kept;
  kept.back() = true;
  for (std::uint32_t i = 0; i < rules.last && i < kept.size(); ++i)
    kept[kept.size() - 1 - i] = true;
  keep_newest_of_each(oldest_first, rules.hourly, hour_of, kept);
  keep_newest_of_each(oldest_first, rules.daily, day_of, kept);
  keep_newest_of_each(oldest_first, rules.weekly, week_of, kept);
  keep_newest_of_each(oldest_first, rules.monthly, month_of, kept);
  keep_newest_of_each(oldest_first, rules.yearly, year_of, kept);
  for (std::size_t i = 0; rules.all_since && i < kept.size(); ++i) {
    if (oldest_first[i] >= *rules.all_since) kept[i] = true;
  }
  return kept;
}

}  // namespace obhut::maintain
