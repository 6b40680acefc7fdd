#pragma once
// What a new plan would take away. Endpoint and cluster ask the same question of the same code.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/plan.h"

namespace obhut::plan {

enum class ChangeKind : std::uint8_t {
  kShorterRetention,  ///< a count or the lock period shrinks, or "keep all" ends
  kSourceRemoved,     ///< a path is no longer protected
  kSourceNarrowed,    ///< a path takes less: include patterns, one file system, marked caches
  kTargetRemoved,
  kBroadExclude,   ///< a new exclude pattern leaves out names that nobody chose
  kEscrowChanged,  ///< vaults would open to another key, or no longer to the partner's
};

/// "shorter-retention" …
std::string_view to_string(ChangeKind kind);

struct ChangeReason {
  ChangeKind kind;
  std::string detail;  ///< "daily 7 to 3 on target cluster"
  friend bool operator==(const ChangeReason&, const ChangeReason&) = default;
};

/// Every dangerous difference from `in_force` to `next`; empty where there is none. Such a plan
/// needs two operators' signatures and a delay (agent/trust/plan_gate.h).
std::vector<ChangeReason> plan_change_risk(const model::Plan& in_force, const model::Plan& next);

}  // namespace obhut::plan
