// Usage day by day: levels, maxima, when they first stood and by which vault.

#include "service/billing/daily_usage.h"

#include "tests/billing/rating.h"

namespace obhut::billing::test {
namespace {

struct Inputs {
  EventSet events;
  PriceList prices;
};

Inputs inputs_of(const std::string& text) {
  return {std::move(*EventSet::from_text("events", text)),
          std::move(*PriceList::parse("prices", std::string(kPrices)))};
}

std::vector<DailyUsage> days_of(const std::string& text, Month month,
                                std::string_view until = "2030-01-01T00:00:00Z",
                                std::string_view customer = "") {
  const Inputs inputs = inputs_of(text);
  auto days = daily_usage(inputs.events, inputs.prices, month, customer, *parse_time(until));
  EXPECT_TRUE(days) << days.error().message;
  return std::move(*days);
}

constexpr std::uint64_t kGb = 1'000'000'000;

TEST(DailyUsage, TellsWhenAndByWhichVaultTheMaximumStood) {
  const auto days = days_of(created("c", "2026-03-01T10:00:00") +
                                level("a1", "2026-03-02T08:00:00Z", "vault-a", 100) +
                                level("b1", "2026-03-02T09:00:00Z", "vault-b", 50) +
                                level("a2", "2026-03-02T10:00:00Z", "vault-a", 20),
                            {2026, 3});

  ASSERT_EQ(days.size(), 30U) << "from the second to the last of March";
  EXPECT_EQ(days[0].day, "2026-03-02");
  ASSERT_EQ(days[0].storage.size(), 1U);
  EXPECT_EQ(days[0].storage[0].max_bytes, 150 * kGb);
  EXPECT_EQ(format_time(days[0].storage[0].max_since), "2026-03-02T09:00:00Z");
  EXPECT_EQ(days[0].storage[0].event, "b1");
  EXPECT_EQ(days[0].storage[0].vault, "vault-b");
  EXPECT_EQ(days[0].storage[0].end_bytes, 70 * kGb);
  EXPECT_EQ(days[1].storage[0].max_bytes, 70 * kGb);
  EXPECT_EQ(format_time(days[1].storage[0].max_since), "2026-03-02T23:00:00Z")
      << "it stood as the day began";
  EXPECT_EQ(days[1].storage[0].event, "a2") << "with which it came to stand";
}

TEST(DailyUsage, HasDaysOfLocalTimeThroughBothChangesOfTheClock) {
  // 29 March has 23 hours, 25 October 25.
  const std::string events = created("c", "2026-01-05T10:00:00") +
                             level("a", "2026-03-29T21:59:59.999999Z", "v", 1) +
                             level("b", "2026-03-29T22:00:00Z", "v", 2);
  const auto march = days_of(events, {2026, 3});
  ASSERT_EQ(march.size(), 3U);
  EXPECT_EQ(march[0].day, "2026-03-29");
  EXPECT_EQ(march[0].storage[0].max_bytes, kGb);
  EXPECT_EQ(march[1].storage[0].max_bytes, 2 * kGb) << "at midnight it is the next day's";
  EXPECT_EQ(days_of(events, {2026, 10}).size(), 31U);
}

TEST(DailyUsage, CountsWorkloadsByKindWhateverIsFree) {
  const auto days = days_of(
      created("c", "2026-03-01T00:00:00", "per_workload") + trial("t", "2026-03-01T00:00:00") +
          on("w1", "2026-03-10T12:00:00", "one", "server") +
          on("w2", "2026-03-10T13:00:00", "two", "server") + off("x", "2026-03-11T12:00:00", "one"),
      {2026, 3});

  ASSERT_EQ(days.size(), 22U);
  EXPECT_EQ(days[0].workloads.at("server"), 2U);
  EXPECT_EQ(days[1].workloads.at("server"), 2U) << "until noon";
  EXPECT_EQ(days[2].workloads.at("server"), 1U);
}

TEST(DailyUsage, EndsNowAndWithTheCustomer) {
  const std::string events = created("c", "2026-03-01T00:00:00") +
                             level("a", "2026-03-02T00:00:00Z", "v", 5) +
                             deleted("d", "2026-03-20T12:00:00");
  EXPECT_EQ(days_of(events, {2026, 3}).size(), 19U);
  const auto today = days_of(events, {2026, 3}, "2026-03-05T10:00:00Z");
  ASSERT_EQ(today.size(), 4U);
  EXPECT_EQ(today.back().storage[0].end_bytes, 5 * kGb);
  EXPECT_EQ(days_of(events, {2026, 3}, "2026-02-01T00:00:00Z").size(), 0U);
  EXPECT_EQ(days_of(events, {2026, 3}, "2030-01-01T00:00:00Z", "another").size(), 0U);
}

TEST(DailyUsage, TellsHowMuchMoreCostsNothing) {
  Policy policy;
  policy.gb_bytes = kGb;
  policy.gb_step = *Decimal::parse("1");
  EXPECT_EQ(room_in_quantity(0, 0, policy), 0U);
  EXPECT_EQ(room_in_quantity(1, 1, policy), kGb - 1) << "the first byte is a GB";
  EXPECT_EQ(room_in_quantity(kGb, kGb, policy), 0U);
  EXPECT_EQ(room_in_quantity(5 * kGb, kGb, policy), 4 * kGb) << "it stood there before";
  policy.gb_step = *Decimal::parse("0.5");
  EXPECT_EQ(room_in_quantity(kGb + 1, kGb + 1, policy), kGb / 2 - 1);
}

}  // namespace
}  // namespace obhut::billing::test
