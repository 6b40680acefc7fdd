#include "agent/maintain/retention.h"

#include <gtest/gtest.h>

#include "agent/base/time_text.h"

namespace obhut::maintain {
namespace {

std::vector<std::string> kept(const std::vector<std::string>& times, const KeepRules& rules) {
  std::vector<Instant> instants;
  for (const std::string& time : times) instants.push_back(*parse_time(time));
  const std::vector<bool> stays = kept_points(instants, rules);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (stays[i]) out.push_back(times[i]);
  }
  return out;
}

using Times = std::vector<std::string>;

TEST(KeepRules, KeepTheLastOnes) {
  const Times times = {"2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"};
  EXPECT_EQ(kept(times, {.last = 2}), (Times{times[1], times[2]}));
  EXPECT_EQ(kept(times, {.last = 9}), times);
}

TEST(KeepRules, KeepTheNewestOfEachDayThatHasOne) {
  const Times times = {"2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z", "2026-01-02T23:59:59Z",
                       "2026-01-05T00:00:00Z"};
  EXPECT_EQ(kept(times, {.daily = 2}), (Times{times[2], times[3]}));
  EXPECT_EQ(kept(times, {.daily = 3}), (Times{times[0], times[2], times[3]}));
}

TEST(KeepRules, BeginWeeksOnMonday) {
  // 2026-01-04 was a Sunday.
  const Times times = {"2026-01-04T23:59:59Z", "2026-01-05T00:00:00Z", "2026-01-11T23:00:00Z",
                       "2026-01-12T00:00:00Z"};
  EXPECT_EQ(kept(times, {.weekly = 3}), (Times{times[0], times[2], times[3]}));
}

TEST(KeepRules, KnowMonthsAndYears) {
  const Times times = {"2024-12-31T23:59:59Z", "2025-01-01T00:00:00Z", "2025-02-28T12:00:00Z",
                       "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"};
  EXPECT_EQ(kept(times, {.monthly = 2}), (Times{times[3], times[4]}));
  EXPECT_EQ(kept(times, {.yearly = 3}), (Times{times[0], times[3], times[4]}));
}

TEST(KeepRules, AddUp) {
  const Times times = {"2025-06-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"};
  EXPECT_EQ(kept(times, {.last = 1, .yearly = 2}), (Times{times[0], times[2]}));
}

// A flood of empty points in one night must not push out last week's.
TEST(KeepRules, DropNothingThatIsLocked) {
  const Times times = {"2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z", "2026-01-09T00:00:00Z",
                       "2026-01-09T00:00:01Z"};

  EXPECT_EQ(kept(times, {.last = 1, .all_since = parse_time("2026-01-08T00:00:00Z")}),
            (Times{times[1], times[2], times[3]}));
}

TEST(KeepRules, NeverEmptyAVault) {
  EXPECT_EQ(kept({"2026-01-01T00:00:00Z"}, {}), (Times{"2026-01-01T00:00:00Z"}));
  EXPECT_TRUE(kept({}, {.last = 1}).empty());
}

}  // namespace
}  // namespace obhut::maintain
