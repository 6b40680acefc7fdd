#pragma once
// Windows of the day in local time.

#include <optional>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/plan.h"
#include "agent/plan/local_time.h"

namespace obhut::plan {

/// True inside `window` at a local time.
bool window_holds(const model::DayWindow& window, std::chrono::local_seconds at);

/// True inside one of them, and always where there are none.
bool any_window_holds(const std::vector<model::DayWindow>& windows, const Zone& zone, Instant at);

/// `at` itself where a window is open then, else the next opening; nothing where none opens
/// within nine days.
std::optional<Instant> next_opening(const std::vector<model::DayWindow>& windows, const Zone& zone,
                                    Instant at);

/// When the last of the windows open at `at` closes; nothing where there are no windows.
std::optional<Instant> closing(const std::vector<model::DayWindow>& windows, const Zone& zone,
                               Instant at);

}  // namespace obhut::plan
