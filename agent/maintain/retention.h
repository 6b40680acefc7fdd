#pragma once
// Which recovery points of a local vault stay. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/base/clock.h"

namespace obhut::maintain {

/// How many points each rule keeps. A point stays while any rule wants it.
struct KeepRules {
  std::uint32_t last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;  ///< ISO weeks, from Monday on
  std::uint32_t monthly = 0;
  std::uint32_t yearly = 0;
  /// Points of this instant and later stay whatever the counts say: the lock of a plan's target, so
  /// that a flood of new points pushes nothing out. Alone it does not make rules that keep.
  std::optional<Instant> all_since{};

  [[nodiscard]] bool keeps_nothing() const {
    return last == 0 && hourly == 0 && daily == 0 && weekly == 0 && monthly == 0 && yearly == 0;
  }
};

/// For each point, oldest first, whether it stays: the newest of each of the last n hours, days …
/// that have one. Periods are those of UTC, so that a vault read in two time zones is pruned alike.
/// The newest point always stays, whatever the rules say: a vault without one protects nothing.
std::vector<bool> kept_points(std::span<const Instant> oldest_first, const KeepRules& rules);

}  // namespace obhut::maintain
