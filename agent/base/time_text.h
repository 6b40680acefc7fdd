#pragma once
// Instants as RFC 3339 text, durations as people write them.

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"

namespace obhut {

/// UTC with whole seconds: "2026-03-31T21:59:59Z"; fractions are cut off toward the past.
std::string format_time(Instant at);
/// UTC with six fraction digits, for what must survive the way out and back.
std::string format_time_micro(Instant at);
/// Any offset, at most six fraction digits, years 0001 to 9999, no leap seconds. Strict: RFC 3339
/// section 5.6 with upper- or lower-case T and Z.
std::optional<Instant> parse_time(std::string_view text);

inline constexpr std::chrono::seconds kMostDuration = std::chrono::days(366);
/// "90s", "15m", "2h", "7d": a whole number, 1 at least, and its unit; kMostDuration at most.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace obhut
