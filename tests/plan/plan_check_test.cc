#include "agent/plan/plan_check.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "tests/plan/example.h"

namespace obhut::plan {
namespace {

Instant at(std::string_view text) {
  return parse_time(text).value();
}

/// The text between ```json and ``` in a document.
std::string json_block(const std::string& file) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  const std::string all = text.str();
  const std::size_t begin = all.find("```json\n");
  if (begin == std::string::npos) return {};
  return all.substr(begin + 8, all.find("\n```", begin) - begin - 8);
}

TEST(PlanCheck, PrintsTheNextTenRunsInTheZoneOfThePlan) {
  const Result<PlanReport> report =
      check_plan_file(example_plan().dump(), at("2026-03-27T12:00:00Z"));

  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->runs.size(), 10U);
  EXPECT_EQ(report->local_runs[0], "2026-03-28 02:30 CET");
  EXPECT_EQ(report->local_runs[1], "2026-03-29 03:30 CEST") << "02:30 does not exist on that day";
  EXPECT_EQ(format_time(report->runs[2]), "2026-03-30T00:30:00Z");
  EXPECT_TRUE(report->warnings.empty());
  EXPECT_NE(format_report(*report).find("2026-03-29 03:30 CEST"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(format_report_json(*report))["runs"].size(), 10U);
}

TEST(PlanCheck, WarnsOfWhatIsPerhapsNotMeant) {
  nlohmann::json value = example_plan();
  value.erase("escrow");
  value["targets"] = nlohmann::json::parse(R"([{"type":"local","path":"/mnt/x"}])");
  value["schedule"]["rrule"] = "FREQ=DAILY;COUNT=1";

  const PlanReport report = check_plan_file(value.dump(), at("2026-03-27T12:00:00Z")).value();

  EXPECT_EQ(report.warnings.size(), 4U);
  EXPECT_TRUE(report.runs.empty());
}

TEST(PlanCheck, SaysWhatNoAgentOfThisVersionDoes) {
  nlohmann::json value = example_plan();
  value["hooks"] = {{"before", {"dump-database"}}, {"after", nlohmann::json::array()}};
  value["verification"] = {{"every_days", 7}, {"test_restore_files", 5}};
  value["consistency"] = {{"snapshot", "required"}};
  value["limits"] = {{"cpu", "idle"}};

  const PlanReport report = check_plan_file(value.dump(), at("2026-03-27T12:00:00Z")).value();

  EXPECT_EQ(report.warnings.size(), 1U) << format_report(report);
}

TEST(PlanCheck, AcceptsTheExampleOfThePlanReference) {
  const std::string example = json_block("docs/plan.md");
  ASSERT_FALSE(example.empty()) << "docs/plan.md has no json block";

  const Result<PlanReport> report = check_plan_file(example, at("2026-03-27T12:00:00Z"));

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->runs.size(), 10U);
}

}  // namespace
}  // namespace obhut::plan
