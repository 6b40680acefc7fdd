#include "agent/plan/plan_check.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/plan/local_time.h"
#include "agent/plan/plan_codec.h"
#include "agent/plan/schedule.h"

namespace obhut::plan {
namespace {

constexpr std::size_t kRuns = 10;

// What the format has and no agent of this version does: said, since a plan that promises more than
// it gets is worse than one that is refused.
void warn_of_what_waits(const model::Plan& plan, std::vector<std::string>& out) {
  if (plan.verification.every_days > 0) {
    out.emplace_back("verification: agents of this version verify on demand only (obhut verify)");
  }
}

std::vector<std::string> find_warnings(const model::Plan& plan) {
  std::vector<std::string> out;
  const auto cluster = [](const model::Target& target) {
    return target.type == model::TargetType::kCluster;
  };
  if (!plan.escrow) {
    out.emplace_back(
        "no escrow key: a device is not recoverable until someone confirms its recovery key");
  }
  if (std::ranges::none_of(plan.targets, cluster)) {
    out.emplace_back("no cluster target: what destroys the place destroys the backup");
  }
  for (const model::Target& target : plan.targets) {
    if (!target.retention.keeps_all()) continue;
    out.push_back((cluster(target) ? std::string("cluster") : printable(target.path)) +
                  ": no retention counts, every recovery point is kept");
  }
  warn_of_what_waits(plan, out);
  return out;
}

}  // namespace

Result<PlanReport> check_plan_file(std::string_view text, Instant now) {
  PlanReport report;
  ASSIGN_OR_RETURN(report.plan, parse_plan(text));
  model::Schedule bare = report.plan.schedule;
  bare.jitter = std::chrono::minutes{0};
  ASSIGN_OR_RETURN(const Schedule schedule, Schedule::make(bare, DeviceId{}));
  ASSIGN_OR_RETURN(const Zone zone, Zone::find(bare.time_zone));
  for (const Occurrence& run : schedule.upcoming(now, kRuns)) {
    report.runs.push_back(run.start);
    report.local_runs.push_back(zone.format(run.start));
  }
  report.warnings = find_warnings(report.plan);
  if (report.runs.empty()) report.warnings.emplace_back("the schedule has ended: no run to come");
  return report;
}

std::string format_report(const PlanReport& report) {
  std::string out = "plan \"" + printable(report.plan.name) + "\" is good\n";
  for (const std::string& warning : report.warnings) out += "warning: " + warning + "\n";
  out += "next runs in " + printable(report.plan.schedule.time_zone);
  const auto jitter = report.plan.schedule.jitter.count();
  if (jitter > 0) out += ", each device up to " + std::to_string(jitter) + " minutes later";
  out += ":\n";
  for (const std::string& run : report.local_runs) out += "  " + run + "\n";
  return out;
}

std::string format_report_json(const PlanReport& report) {
  nlohmann::ordered_json runs = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < report.runs.size(); ++i) {
    runs.push_back(nlohmann::ordered_json{{"at", format_time(report.runs[i])},
                                          {"local", report.local_runs[i]}});
  }
  const nlohmann::ordered_json out = {{"ok", true},
                                      {"name", report.plan.name},
                                      {"time_zone", report.plan.schedule.time_zone},
                                      {"jitter_minutes", report.plan.schedule.jitter.count()},
                                      {"runs", std::move(runs)},
                                      {"warnings", report.warnings}};
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace obhut::plan
