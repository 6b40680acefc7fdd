#include "service/billing/month.h"

#include <gtest/gtest.h>

#include "agent/base/time_text.h"

namespace obhut::billing {
namespace {

BillingCalendar zone(const char* name) {
  Result<BillingCalendar> calendar = BillingCalendar::open(name);
  EXPECT_TRUE(calendar) << name;
  return *calendar;
}
std::string start(const char* zone_name, Month month) {
  return format_time(zone(zone_name).start_of(month));
}

TEST(Month, IsReadStrictly) {
  EXPECT_EQ(Month::parse("2026-03"), (Month{2026, 3}));
  for (const char* bad :
       {"2026-00", "2026-13", "2026-3", "26-03", "2026/03", "0000-01", "2026-03 ", "+026-03", ""}) {
    EXPECT_FALSE(Month::parse(bad)) << bad;
  }
  EXPECT_EQ((Month{2026, 12}.next()), (Month{2027, 1}));
  EXPECT_EQ((Month{2026, 9}.text()), "2026-09");
}

TEST(Month, BeginsAtLocalMidnight) {
  EXPECT_EQ(start("Europe/Berlin", {2026, 1}), "2025-12-31T23:00:00Z");
  EXPECT_EQ(start("Europe/Berlin", {2026, 7}), "2026-06-30T22:00:00Z");
  EXPECT_EQ(start("UTC", {2026, 7}), "2026-07-01T00:00:00Z");
  EXPECT_EQ(start("Asia/Kolkata", {2026, 7}), "2026-06-30T18:30:00Z");
}

// Paraguay began summer time at midnight of 1 October 2017: 00:00 to 00:59 did not exist.
TEST(Month, BeginsAtTheChangeWhereItsMidnightIsLost) {
  EXPECT_EQ(start("America/Asuncion", {2017, 10}), "2017-10-01T04:00:00Z");
}

// Cuba ended summer time on 1 November 2020 at 01:00, so that midnight came twice.
TEST(Month, BeginsAtTheFirstOfTwoMidnights) {
  EXPECT_EQ(start("America/Havana", {2020, 11}), "2020-11-01T04:00:00Z");
}

TEST(Month, OwnsItsFirstInstantAndNotItsLast) {
  const BillingCalendar berlin = zone("Europe/Berlin");
  const Instant april = berlin.start_of({2026, 4});
  EXPECT_EQ(berlin.month_of(april), (Month{2026, 4}));
  EXPECT_EQ(berlin.month_of(april - std::chrono::microseconds{1}), (Month{2026, 3}));
  const Instant antiquity = parse_time("0999-12-31T23:59:59Z").value();
  EXPECT_EQ(berlin.month_of(antiquity), (Month{1000, 1})) << "local mean time, ahead of UTC";
}

TEST(Month, AddsCalendarDays) {
  const BillingCalendar berlin = zone("Europe/Berlin");
  const auto plus = [&](const char* at, int days) {
    return format_time_micro(berlin.plus_days(parse_time(at).value(), days));
  };
  EXPECT_EQ(plus("2026-03-15T11:00:00.000001Z", 28), "2026-04-12T10:00:00.000001Z");
  EXPECT_EQ(plus("2026-10-10T10:00:00Z", 28), "2026-11-07T11:00:00.000000Z");
  EXPECT_EQ(plus("2026-03-01T01:30:00Z", 28), "2026-03-29T01:30:00.000000Z") << "lost hour";
  EXPECT_EQ(plus("2026-09-27T00:30:00Z", 28), "2026-10-25T00:30:00.000000Z") << "double hour";
}

TEST(Month, KnowsNoInventedZone) {
  EXPECT_FALSE(BillingCalendar::open("Europe/Atlantis"));
  EXPECT_FALSE(BillingCalendar::open(""));
}

TEST(Calendar, CountsAnInstantToTheMonthThatBegan) {
  // From 00:01 on 1 November back to 23:01 on 31 October.
  const auto zone = BillingCalendar::open("America/St_Johns");
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->month_of(*parse_time("2009-11-01T02:29:59Z")).text(), "2009-10");
  EXPECT_EQ(zone->month_of(*parse_time("2009-11-01T02:30:00Z")).text(), "2009-11");
  EXPECT_EQ(zone->month_of(*parse_time("2009-11-01T02:31:00Z")).text(), "2009-11");
  EXPECT_EQ(zone->month_of(*parse_time("2009-11-01T03:31:00Z")).text(), "2009-11");
}

TEST(Calendar, NamesLocalDaysAndTheirFirstInstants) {
  const auto berlin = BillingCalendar::open("Europe/Berlin");
  ASSERT_TRUE(berlin);
  EXPECT_EQ(berlin->day_of(*parse_time("2026-03-28T22:59:59Z")), "2026-03-28");
  EXPECT_EQ(berlin->day_of(*parse_time("2026-03-28T23:00:00Z")), "2026-03-29");
  EXPECT_EQ(berlin->day_of(*parse_time("2026-03-29T22:00:00Z")), "2026-03-30") << "an hour less";
  EXPECT_EQ(format_time(*berlin->start_of_day("2026-03-30")), "2026-03-29T22:00:00Z");
  EXPECT_EQ(format_time(*berlin->start_of_day("2026-12-01")), "2026-11-30T23:00:00Z");
  for (const char* none :
       {"", "2026-02-29", "2026-00-01", "2026-3-01", "2026-03-1x", "2026-03-00"}) {
    EXPECT_EQ(berlin->start_of_day(none), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace obhut::billing
