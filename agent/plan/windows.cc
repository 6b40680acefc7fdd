#include "agent/plan/windows.h"

#include <algorithm>

namespace obhut::plan {
namespace {

using model::DayWindow;
using std::chrono::days;
using std::chrono::local_days;
using std::chrono::local_seconds;

bool on_day(const DayWindow& window, local_days day) {
  const unsigned index = std::chrono::weekday{day}.iso_encoding() - 1;
  return (window.days >> index & 1U) != 0;
}

bool overnight(const DayWindow& window) {
  return window.to <= window.from;
}

local_seconds end_of(const DayWindow& window, local_days day) {
  return day + window.to + days{overnight(window) ? 1 : 0};
}

}  // namespace

bool window_holds(const DayWindow& window, local_seconds at) {
  const auto today = std::chrono::floor<days>(at);
  for (const local_days day : {today, today - days{1}}) {
    if (on_day(window, day) && at >= day + window.from && at < end_of(window, day)) return true;
  }
  return false;
}

bool any_window_holds(const std::vector<DayWindow>& windows, const Zone& zone, Instant at) {
  const local_seconds local = zone.to_local(at);
  return windows.empty() || std::ranges::any_of(windows, [&](const DayWindow& window) {
           return window_holds(window, local);
         });
}

std::optional<Instant> next_opening(const std::vector<DayWindow>& windows, const Zone& zone,
                                    Instant at) {
  if (any_window_holds(windows, zone, at)) return at;
  const auto today = std::chrono::floor<days>(zone.to_local(at));
  std::optional<Instant> best;
  for (int offset = 0; offset <= 9; ++offset) {
    for (const DayWindow& window : windows) {
      const local_days day = today + days{offset};
      if (!on_day(window, day)) continue;
      const Instant opens = zone.to_instant(day + window.from);
      // A window inside the hour that spring leaves out never opens on that day.
      if (opens < at || !any_window_holds(windows, zone, opens)) continue;
      if (!best || opens < *best) best = opens;
    }
    if (best) break;
  }
  return best;
}

std::optional<Instant> closing(const std::vector<DayWindow>& windows, const Zone& zone,
                               Instant at) {
  const local_seconds local = zone.to_local(at);
  const auto today = std::chrono::floor<days>(local);
  std::optional<Instant> latest;
  for (const DayWindow& window : windows) {
    for (const local_days day : {today, today - days{1}}) {
      const bool open =
          on_day(window, day) && local >= day + window.from && local < end_of(window, day);
      if (!open) continue;
      const Instant closes = zone.to_instant(end_of(window, day));
      if (!latest || closes > *latest) latest = closes;
    }
  }
  return latest;
}

}  // namespace obhut::plan
