#pragma once
// `obhut plan check FILE`: is a plan good, and when would it run?

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/model/plan.h"

namespace obhut::plan {

struct PlanReport {
  model::Plan plan;
  /// The next runs of a device without jitter, at most ten, oldest first.
  std::vector<Instant> runs;
  /// The same in the plan's time zone: "2026-03-29 03:30 CEST".
  std::vector<std::string> local_runs;
  /// What is allowed but perhaps not meant: no escrow key, no cluster target, no end of retention.
  std::vector<std::string> warnings;
};

/// Errors: kInvalidInput, as parse_plan().
Result<PlanReport> check_plan_file(std::string_view text, Instant now);

/// For people, several lines; and for programs, one JSON object.
std::string format_report(const PlanReport& report);
std::string format_report_json(const PlanReport& report);

}  // namespace obhut::plan
