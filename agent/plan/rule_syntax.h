#pragma once
// The part of RFC 5545 that a plan's rule may use, checked before any library sees it.

#include <chrono>
#include <cstdint>
#include <string_view>

#include "agent/base/result.h"

namespace obhut::plan {

struct RuleFacts {
  std::uint32_t count = 0;            ///< COUNT, 0 without one
  std::chrono::hours hourly_step{0};  ///< FREQ=HOURLY: INTERVAL, else 0
};

/// Errors: kInvalidInput naming the part.
Result<RuleFacts> check_rule_syntax(std::string_view rule, std::chrono::local_seconds start);

}  // namespace obhut::plan
