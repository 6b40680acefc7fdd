#include "agent/plan/schedule.h"

#include <set>

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/plan/windows.h"

namespace obhut::plan {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

Instant at(std::string_view text) {
  return parse_time(text).value();
}

DeviceId device(std::uint8_t number) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[15] = number;
  return DeviceId(bytes);
}

model::Schedule rule(std::string rrule, std::string zone = "Europe/Berlin") {
  model::Schedule schedule;
  schedule.rrule = std::move(rrule);
  schedule.time_zone = std::move(zone);
  return schedule;
}

Schedule make(const model::Schedule& schedule, const DeviceId& id = {}) {
  Result<Schedule> made = Schedule::make(schedule, id);
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}

model::DayWindow window(std::string_view from, std::string_view to,
                        model::DaySet days = model::kEveryDay) {
  return {days, model::parse_time_of_day(from).value(), model::parse_time_of_day(to).value()};
}

std::vector<std::string> starts(const Schedule& schedule, std::string_view after,
                                std::size_t count) {
  std::vector<std::string> out;
  for (const Occurrence& run : schedule.upcoming(at(after), count)) {
    out.push_back(format_time(run.start));
  }
  return out;
}

using Times = std::vector<std::string>;

TEST(Schedule, RunsAtTheLocalTimeOfItsZone) {
  const Schedule schedule = make(rule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30"));

  EXPECT_EQ(starts(schedule, "2026-01-10T12:00:00Z", 2),
            (Times{"2026-01-11T01:30:00Z", "2026-01-12T01:30:00Z"}));
  EXPECT_EQ(starts(schedule, "2026-07-10T12:00:00Z", 1), (Times{"2026-07-11T00:30:00Z"}));
}

// 2026-03-29: clocks go from 02:00 CET to 03:00 CEST, 02:30 does not exist.
TEST(Schedule, ReadsAMissingLocalTimeWithTheOffsetBeforeTheChange) {
  const Schedule schedule = make(rule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30"));

  EXPECT_EQ(starts(schedule, "2026-03-28T00:00:00Z", 3),
            (Times{"2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}));
}

// 2026-10-25: clocks go from 03:00 CEST back to 02:00 CET, 02:30 comes twice.
TEST(Schedule, TakesTheFirstOfALocalTimeThatComesTwiceAndRunsOnce) {
  const Schedule schedule = make(rule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30"));

  EXPECT_EQ(starts(schedule, "2026-10-24T12:00:00Z", 2),
            (Times{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}));
}

// 02:00 and 03:00 are one instant on that day, and 02:30 reads as an instant after 03:00.
TEST(Schedule, KeepsInstantsAscendingAndDistinctInTheHourThatSpringLeavesOut) {
  const Schedule schedule = make(rule("FREQ=HOURLY;BYMINUTE=0,30"));

  EXPECT_EQ(starts(schedule, "2026-03-29T00:00:00Z", 5),
            (Times{"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z",
                   "2026-03-29T02:00:00Z", "2026-03-29T02:30:00Z"}));
}

TEST(Schedule, GivesEveryDayOfFiveYearsExactlyOneRun) {
  const Schedule schedule = make(rule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30"));

  const std::vector<Occurrence> runs = schedule.upcoming(at("2025-12-31T23:30:00Z"), 1826);

  ASSERT_EQ(runs.size(), 1826U);
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const auto gap = runs[i].start - runs[i - 1].start;
    EXPECT_GE(gap, hours{23}) << format_time(runs[i].start);
    EXPECT_LE(gap, hours{25}) << format_time(runs[i].start);
  }
}

struct RuleCase {
  const char* rrule;
  const char* after;
  Times expected;
};

TEST(Schedule, FollowsRfc5545) {
  const RuleCase cases[] = {
      {"FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=1,13",
       "2026-03-27T12:00:00Z",
       {"2026-03-30T01:00:00Z", "2026-03-30T13:00:00Z", "2026-04-02T01:00:00Z"}},
      {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO",
       "2026-03-27T12:00:00Z",
       {"2026-03-30T00:00:00Z", "2026-04-13T00:00:00Z"}},
      {"FREQ=MONTHLY;BYDAY=2TU;BYHOUR=3",
       "2026-03-27T12:00:00Z",
       {"2026-04-14T03:00:00Z", "2026-05-12T03:00:00Z"}},
      {"FREQ=MONTHLY;BYMONTHDAY=-1",
       "2026-01-31T12:00:00Z",
       {"2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"}},
      {"FREQ=MONTHLY;BYMONTHDAY=31", "2026-03-31T12:00:00Z", {"2026-05-31T00:00:00Z"}},
      {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
       "2026-03-31T12:00:00Z",
       {"2026-04-30T00:00:00Z", "2026-05-29T00:00:00Z"}},
      {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
       "2026-03-31T12:00:00Z",
       {"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
      {"FREQ=HOURLY;INTERVAL=7",
       "2026-03-27T12:00:00Z",
       {"2026-03-27T15:00:00Z", "2026-03-27T22:00:00Z"}},
      {"FREQ=DAILY;INTERVAL=5",
       "2026-03-27T12:00:00Z",
       {"2026-03-30T00:00:00Z", "2026-04-04T00:00:00Z"}},
      {"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
       "2026-01-01T00:00:00Z",
       {"2026-05-11T00:00:00Z", "2027-05-17T00:00:00Z"}},
      {"FREQ=DAILY;COUNT=3",
       "2020-01-01T12:00:00Z",
       {"2020-01-02T00:00:00Z", "2020-01-03T00:00:00Z"}},
      {"FREQ=DAILY;UNTIL=20260402",
       "2026-03-31T12:00:00Z",
       {"2026-04-01T00:00:00Z", "2026-04-02T00:00:00Z"}},
      {"FREQ=DAILY;UNTIL=20260401T000000Z", "2026-03-31T12:00:00Z", {"2026-04-01T00:00:00Z"}},
  };

  for (const RuleCase& one : cases) {
    const Schedule schedule = make(rule(one.rrule, "UTC"));
    const std::string_view text = one.rrule;
    const bool ends = text.find("COUNT") != text.npos || text.find("UNTIL") != text.npos;
    EXPECT_EQ(starts(schedule, one.after, one.expected.size() + (ends ? 5 : 0)), one.expected)
        << one.rrule;
  }
}

TEST(Schedule, CountsFromItsStart) {
  model::Schedule weekly = rule("FREQ=WEEKLY;INTERVAL=2", "UTC");
  weekly.start = std::chrono::local_days{std::chrono::year{2026} / 1 / 5} + hours{4} + minutes{45};

  EXPECT_EQ(starts(make(weekly), "2026-01-01T00:00:00Z", 3),
            (Times{"2026-01-05T04:45:00Z", "2026-01-19T04:45:00Z", "2026-02-02T04:45:00Z"}));
}

// UNTIL in UTC bounds instants: 22:30Z is 00:30 of the next day in Berlin.
TEST(Schedule, ReadsUntilInUtcAsAnInstant) {
  const Schedule schedule = make(rule("FREQ=DAILY;BYHOUR=0;BYMINUTE=30;UNTIL=20260701T223000Z"));

  EXPECT_EQ(starts(schedule, "2026-06-30T23:00:00Z", 5), (Times{"2026-07-01T22:30:00Z"}));
}

TEST(Schedule, RefusesWhatIsNoRuleOrWouldNeverFire) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "1 to 1024"},
      {"DAILY", "NAME=VALUE"},
      {"FREQ=FOO", "FREQ must be"},
      {"BYHOUR=2", "FREQ must be"},
      {"FREQ=DAILY;FREQ=DAILY", "stands twice"},
      {"FREQ=SECONDLY", "not supported"},
      {"FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "not supported"},
      {"FREQ=DAILY;BYSECOND=1", "not supported"},
      {"FREQ=DAILY;X-EVIL=1", "not supported"},
      {"FREQ=DAILY;BYHOUR=24", "out of range"},
      {"FREQ=DAILY;BYHOUR=-1", "out of range"},
      {"FREQ=DAILY;BYHOUR=", "out of range"},
      {"FREQ=DAILY;BYHOUR=2,2", "twice"},
      {"FREQ=DAILY;BYMONTHDAY=0", "out of range"},
      {"FREQ=DAILY;INTERVAL=0", "INTERVAL must be"},
      {"FREQ=DAILY;INTERVAL=99999999999", "INTERVAL must be"},
      {"FREQ=DAILY;COUNT=1000000", "COUNT must be"},
      {"FREQ=DAILY;UNTIL=2026", "UNTIL"},
      {"FREQ=DAILY;UNTIL=20260230", "UNTIL"},
      {"FREQ=DAILY;UNTIL=20260101T000000Z;UNTIL=20260101T000000Z", "UNTIL stands twice"},
      {"FREQ=DAILY;BYDAY=5MO", "needs FREQ=MONTHLY"},
      {"FREQ=MONTHLY;BYDAY=54MO", "out of range"},
      {"FREQ=MONTHLY;BYDAY=XX", "no day"},
      {"FREQ=HOURLY;BYMONTHDAY=30", "cannot stand"},
      {"FREQ=HOURLY;INTERVAL=24;BYHOUR=3", "never fires"},
      {"FREQ=HOURLY;INTERVAL=168;BYDAY=MO", "never fires"},
      {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never fires"},
      {"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "never fires"},
      {"FREQ=MONTHLY;INTERVAL=12;BYMONTH=3", "never fires"},
      {"FREQ=DAILY;UNTIL=20190101", "never fires"},
      {"FREQ=HOURLY;BYMINUTE=0,1", "every 5 minutes"},
      {"FREQ=HOURLY;BYMINUTE=0,58", "every 5 minutes"},
  };

  for (const auto& [rrule, expected] : cases) {
    const Result<Schedule> made = Schedule::make(rule(rrule), DeviceId{});
    ASSERT_FALSE(made) << rrule;
    EXPECT_EQ(made.error().kind, ErrorKind::kInvalidInput) << rrule;
    EXPECT_NE(made.error().message.find(expected), std::string::npos)
        << rrule << ": " << made.error().message;
  }
  EXPECT_FALSE(Schedule::make(rule("FREQ=DAILY;BYHOUR=" + std::string(2000, '1')), DeviceId{}));
}

TEST(Schedule, RefusesATimeZoneThatIsNoneOrLeavesItsFolder) {
  for (const char* zone :
       {"", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe/../UTC"}) {
    EXPECT_FALSE(Schedule::make(rule("FREQ=DAILY", zone), DeviceId{})) << zone;
  }
}

// A hundred years, leap days on Mondays and the century without one included.
TEST(Schedule, FindsARunInAHundredYearsAndEndsInBoundedTime) {
  const Schedule rare = make(rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", "UTC"));
  const Schedule daily = make(rule("FREQ=DAILY;BYHOUR=2"));

  EXPECT_EQ(starts(rare, "2026-01-01T00:00:00Z", 3),
            (Times{"2044-02-29T00:00:00Z", "2072-02-29T00:00:00Z", "2112-02-29T00:00:00Z"}));
  EXPECT_EQ(rare.next(at("2100-01-01T00:00:00Z"), at("2073-01-01T00:00:00Z")).occurrence.start,
            at("2112-02-29T00:00:00Z"));
  EXPECT_EQ(starts(daily, "2126-07-01T12:00:00Z", 1).size(), 1U);
  EXPECT_TRUE(daily.upcoming(at("9998-01-01T00:00:00Z"), 1).empty());
}

TEST(Schedule, GivesADeviceTheSameJitterEveryTimeAndDevicesDifferentOnes) {
  model::Schedule jittered = rule("FREQ=DAILY;BYHOUR=2", "UTC");
  jittered.jitter = minutes{60};
  std::set<Instant> distinct;

  for (std::uint8_t number = 0; number < 100; ++number) {
    const auto first = make(jittered, device(number)).next_after(at("2026-05-01T00:00:00Z"));
    const auto again = make(jittered, device(number)).next_after(at("2026-05-01T01:59:59Z"));
    ASSERT_TRUE(first && again);
    EXPECT_EQ(*first, *again);
    EXPECT_EQ(first->nominal, at("2026-05-01T02:00:00Z"));
    EXPECT_GE(first->start, first->nominal);
    EXPECT_LE(first->start, first->nominal + minutes{60});
    distinct.insert(first->start);
  }

  EXPECT_GT(distinct.size(), 80U) << "spread over 3600 seconds, few may meet";
}

TEST(Schedule, KeepsJitterShortOfTheNextOccurrence) {
  model::Schedule jittered = rule("FREQ=HOURLY;BYMINUTE=0,30", "UTC");
  jittered.jitter = hours{12};

  for (std::uint8_t number = 0; number < 20; ++number) {
    const auto runs = make(jittered, device(number)).upcoming(at("2026-05-01T00:00:00Z"), 50);
    ASSERT_EQ(runs.size(), 50U);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      EXPECT_LT(runs[i].start, runs[i].nominal + minutes{30});
      if (i > 0) {
        EXPECT_GT(runs[i].start, runs[i - 1].start);
      }
    }
  }
}

TEST(Schedule, MovesARunIntoTheNextWindowAndDropsItWhereTheFollowingComesFirst) {
  model::Schedule nightly = rule("FREQ=HOURLY", "UTC");
  nightly.windows = {window("22:00", "01:00")};

  EXPECT_EQ(starts(make(nightly), "2026-05-01T02:00:00Z", 4),
            (Times{"2026-05-01T22:00:00Z", "2026-05-01T23:00:00Z", "2026-05-02T00:00:00Z",
                   "2026-05-02T22:00:00Z"}));

  model::Schedule weekend = rule("FREQ=DAILY;BYHOUR=12", "UTC");
  weekend.windows = {window("06:00", "20:00", 0b1100000)};
  // Friday noon waits for Saturday 06:00; Saturday and Sunday run at noon.
  EXPECT_EQ(starts(make(weekend), "2026-05-04T00:00:00Z", 3),
            (Times{"2026-05-09T06:00:00Z", "2026-05-09T12:00:00Z", "2026-05-10T12:00:00Z"}));
}

TEST(Schedule, StartsInsideItsWindowWhateverTheJitter) {
  model::Schedule schedule = rule("FREQ=DAILY;BYHOUR=1", "Europe/Berlin");
  schedule.jitter = hours{12};
  schedule.windows = {window("23:00", "04:00")};

  for (std::uint8_t number = 0; number < 50; ++number) {
    const Schedule made = make(schedule, device(number));
    for (const Occurrence& run : made.upcoming(at("2026-03-20T00:00:00Z"), 20)) {
      EXPECT_TRUE(made.window_open(run.start)) << format_time(run.start);
    }
  }
}

// The window lies in the hour that spring leaves out: on that day it does not open.
TEST(Schedule, SkipsAWindowThatDoesNotExistOnTheDayOfTheChange) {
  model::Schedule schedule = rule("FREQ=DAILY;BYHOUR=2;BYMINUTE=15");
  schedule.windows = {window("02:00", "03:00")};

  EXPECT_EQ(starts(make(schedule), "2026-03-28T12:00:00Z", 1), (Times{"2026-03-30T00:00:00Z"}));
}

TEST(ScheduleDecision, RunsOnTimeThenWaitsForTheNext) {
  const Schedule schedule = make(rule("FREQ=DAILY;BYHOUR=2", "UTC"));
  const Instant due = at("2026-05-02T02:00:00Z");

  const Decision before = schedule.next(due - seconds{1}, due - hours{24});
  const Decision now = schedule.next(due, due - hours{24});
  const Decision after = schedule.next(due + minutes{1}, due);

  EXPECT_EQ(before.action, Decision::Action::kWait);
  EXPECT_EQ(before.occurrence.start, due);
  EXPECT_EQ(now.action, Decision::Action::kRunNow);
  EXPECT_FALSE(now.made_up_for);
  EXPECT_EQ(after.action, Decision::Action::kWait);
  EXPECT_EQ(after.occurrence.start, due + hours{24});
}

// A notebook that was off for a week.
TEST(ScheduleDecision, MakesUpForMissedRunsOnceWhereThePlanSaysSo) {
  const Schedule schedule = make(rule("FREQ=DAILY;BYHOUR=2", "UTC"));
  const Instant now = at("2026-05-08T09:00:00Z");

  const Decision make_up = schedule.next(now, at("2026-05-01T02:00:00Z"));
  const Decision done = schedule.next(now + minutes{30}, now);

  EXPECT_EQ(make_up.action, Decision::Action::kRunNow);
  EXPECT_TRUE(make_up.made_up_for);
  EXPECT_EQ(make_up.occurrence.nominal, at("2026-05-08T02:00:00Z"));
  EXPECT_EQ(done.action, Decision::Action::kWait);
  EXPECT_EQ(done.occurrence.start, at("2026-05-09T02:00:00Z"));
}

TEST(ScheduleDecision, SkipsMissedRunsWhereThePlanSaysSo) {
  model::Schedule skipping = rule("FREQ=DAILY;BYHOUR=2", "UTC");
  skipping.missed = model::MissedRun::kSkip;
  const Schedule schedule = make(skipping);

  const Decision late = schedule.next(at("2026-05-08T09:00:00Z"), at("2026-05-01T02:00:00Z"));
  const Decision little = schedule.next(at("2026-05-08T02:04:00Z"), at("2026-05-01T02:00:00Z"));

  EXPECT_EQ(late.action, Decision::Action::kWait);
  EXPECT_EQ(late.occurrence.start, at("2026-05-09T02:00:00Z"));
  EXPECT_EQ(little.action, Decision::Action::kRunNow) << "four minutes late is on time";
}

TEST(ScheduleDecision, MakesUpOnlyInsideAWindow) {
  model::Schedule nightly = rule("FREQ=WEEKLY;BYDAY=MO;BYHOUR=2", "UTC");
  nightly.windows = {window("22:00", "06:00")};
  const Schedule schedule = make(nightly);

  const Decision day = schedule.next(at("2026-05-05T09:00:00Z"), at("2026-04-27T02:00:00Z"));
  const Decision night = schedule.next(at("2026-05-05T22:10:00Z"), at("2026-04-27T02:00:00Z"));

  EXPECT_EQ(day.action, Decision::Action::kWait);
  EXPECT_EQ(day.occurrence.start, at("2026-05-05T22:00:00Z"));
  EXPECT_EQ(night.action, Decision::Action::kRunNow);
  EXPECT_TRUE(night.made_up_for);
}

// The clock stood at 2031 when the last run was noted down, and is right again.
TEST(ScheduleDecision, GoesOnAfterALastRunInTheFuture) {
  const Schedule schedule = make(rule("FREQ=DAILY;BYHOUR=2", "UTC"));

  const Decision decision = schedule.next(at("2026-05-08T09:00:00Z"), at("2031-01-01T00:00:00Z"));

  EXPECT_EQ(decision.action, Decision::Action::kWait);
  EXPECT_EQ(decision.occurrence.start, at("2026-05-09T02:00:00Z"));
}

TEST(ScheduleDecision, SaysWhenTheRuleHasEnded) {
  const Schedule schedule = make(rule("FREQ=DAILY;COUNT=3", "UTC"));

  EXPECT_EQ(schedule.next(at("2026-05-08T09:00:00Z"), at("2026-05-01T00:00:00Z")).action,
            Decision::Action::kNoMore);
}

TEST(UploadLimit, HoldsTheLowestOpenLimitInLocalTime) {
  model::Plan plan;
  plan.schedule = rule("FREQ=DAILY");
  plan.limits.upload = {{window("08:00", "18:00", 0b0011111), 2000},
                        {window("12:00", "13:00"), 500}};

  EXPECT_EQ(upload_limit_at(plan, at("2026-07-01T05:59:00Z")).value(), std::nullopt);
  EXPECT_EQ(upload_limit_at(plan, at("2026-07-01T06:00:00Z")).value(), 2000U);
  EXPECT_EQ(upload_limit_at(plan, at("2026-07-01T10:30:00Z")).value(), 500U);
  EXPECT_EQ(upload_limit_at(plan, at("2026-07-04T06:00:00Z")).value(), std::nullopt) << "Saturday";
}

// The library counts from the start of a rule; we start in the middle. Both must agree.
TEST(Schedule, StartsInTheMiddleOfARuleWhereCountingFromItsStartArrives) {
  for (const char* rrule :
       {"FREQ=HOURLY;INTERVAL=7", "FREQ=HOURLY;INTERVAL=5;BYHOUR=3,8,20",
        "FREQ=DAILY;INTERVAL=9;BYHOUR=1,5", "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,WE",
        "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=3,-2", "FREQ=YEARLY;INTERVAL=2;BYMONTH=3,7;BYDAY=1MO",
        "FREQ=DAILY;INTERVAL=2;BYDAY=MO,TU"}) {
    const Schedule schedule = make(rule(rrule, "UTC"));
    const std::vector<Occurrence> all = schedule.upcoming(at("2019-12-31T23:00:00Z"), 300);

    for (std::size_t i = 0; i + 5 < all.size(); i += 13) {
      const auto some = schedule.upcoming(all[i].start - seconds{1}, 5);
      EXPECT_EQ(some, std::vector<Occurrence>(all.begin() + static_cast<std::ptrdiff_t>(i),
                                              all.begin() + static_cast<std::ptrdiff_t>(i) + 5))
          << rrule << " at " << format_time(all[i].start);
    }
  }
}

}  // namespace
}  // namespace obhut::plan
