#include "agent/base/time_text.h"

#include <gtest/gtest.h>

namespace obhut {
namespace {

using std::chrono::microseconds;

TEST(TimeText, GivesBackWhatItWrote) {
  for (const std::int64_t count :
       {std::int64_t{0}, std::int64_t{1'700'000'000'123'456}, std::int64_t{-1},
        std::int64_t{-62'135'596'800'000'000}, std::int64_t{253'402'300'799'999'999}}) {
    const Instant at{microseconds(count)};
    EXPECT_EQ(parse_time(format_time_micro(at)), at) << format_time_micro(at);
  }
}

TEST(TimeText, IsRfc3339) {
  EXPECT_EQ(format_time(Instant(microseconds(1'700'000'000'999'999))), "2023-11-14T22:13:20Z");
  EXPECT_EQ(format_time_micro(Instant(microseconds(1))), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(parse_time("2026-03-31T23:59:59+02:00"), parse_time("2026-03-31T21:59:59Z"));
  EXPECT_EQ(parse_time("2024-02-29t12:00:00z"), parse_time("2024-02-29T12:00:00.0Z"));
}

TEST(TimeText, CutsFractionsTowardThePast) {
  EXPECT_EQ(format_time(Instant(microseconds(-1))), "1969-12-31T23:59:59Z");
}

TEST(TimeText, RefusesWhatIsNoTime) {
  for (const std::string_view text :
       {"", "2026-03-31", "2026-03-31T21:59:59", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00+2:00",
        "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00Zx", " 2026-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z", "2026-01-01 00:00:00Z"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

TEST(Duration, IsANumberAndItsUnit) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("15m"), 15min);
  EXPECT_EQ(parse_duration("02h"), 2h);
  EXPECT_EQ(parse_duration("366d"), 366 * 24h);
  EXPECT_EQ(parse_duration("31622400s"), 366 * 24h);
}

TEST(Duration, IsNothingElse) {
  for (const char* text : {"", "s", "0s", "00h", "1", "h1", "-1h", "+1h", "1 h", "1H", "1.5h",
                           "1h30m", "367d", "31622401s", "99999999d", "18446744073709551617s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace obhut
