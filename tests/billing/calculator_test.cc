// What a planned customer costs: the rules that bill, on made-up events.

#include "service/billing/calculator.h"

#include <gmock/gmock.h>

#include "tests/billing/rating.h"

namespace obhut::billing::test {
namespace {

using testing::HasSubstr;

/// Server 12.50, workstation 5.00 and provider 0.05 a GB by workload; provider 0.20 a GB alone.
constexpr const char* kBoth = R"({"currency":"EUR","time_zone":"Europe/Berlin","policies":[
  {"from":"2026-01","gb_bytes":1000000000,"gb_step":"1","trial_days":28,
   "trial_free":["workload/*"]}],"prices":[
  {"mode":"per_workload","product":"workload/server","from":"2026-01","micro":12500000},
  {"mode":"per_workload","product":"workload/workstation","from":"2026-01","micro":5000000},
  {"mode":"per_workload","product":"storage/provider","from":"2026-01","micro":50000},
  {"mode":"per_gb","product":"storage/provider","from":"2026-01","micro":200000}]})";

Result<Estimate> estimate_of(std::string_view plan_text, std::string_view prices_text = kBoth) {
  ASSIGN_OR_RETURN(const PlannedCustomer plan, PlannedCustomer::parse("plan.json", plan_text));
  ASSIGN_OR_RETURN(const PriceList prices,
                   PriceList::parse("prices.json", std::string(prices_text)));
  return calculate(plan, prices);
}

std::int64_t cents(const Estimate& estimate, Mode mode, std::size_t month) {
  const auto& bills = estimate.modes[static_cast<std::size_t>(mode)].bills;
  return bills.at(month).totals.empty() ? 0 : bills[month].totals[0].amount_cents;
}

TEST(Calculator, PricesAYearInBothModes) {
  const auto estimate = estimate_of(R"({"start":"2026-12",
    "devices":[{"kind":"server","count":2}],"storage":[{"location":"provider","gb":100}]})");

  ASSERT_TRUE(estimate) << estimate.error().message;
  ASSERT_EQ(estimate->months.size(), 12U);
  EXPECT_EQ(estimate->months.back().text(), "2027-11");
  for (std::size_t month = 0; month < 12; ++month) {
    EXPECT_EQ(cents(*estimate, Mode::kPerGb, month), 2000);
    EXPECT_EQ(cents(*estimate, Mode::kPerWorkload, month), 2 * 1250 + 500);
  }
  EXPECT_EQ(estimate->cheaper, Mode::kPerGb);
  ASSERT_EQ(estimate->turns.size(), 1U);
  EXPECT_EQ(estimate->turns[0].month.text(), "2026-12");
}

TEST(Calculator, SaysFromWhenTheOtherModeIsCheaper) {
  const auto estimate = estimate_of(R"({"start":"2026-01","devices":[{"kind":"server","count":1}],
    "storage":[{"location":"provider","gb":50,"more_gb_each_month":20}]})");

  ASSERT_TRUE(estimate) << estimate.error().message;
  // 0.20 x GB against 12.50 + 0.05 x GB: equal at 83 1/3 GB.
  EXPECT_EQ(cents(*estimate, Mode::kPerGb, 1), 1400);
  EXPECT_EQ(cents(*estimate, Mode::kPerWorkload, 1), 1250 + 350);
  ASSERT_EQ(estimate->turns.size(), 2U);
  EXPECT_EQ(estimate->turns[0].cheaper, Mode::kPerGb);
  EXPECT_EQ(estimate->turns[1].cheaper, Mode::kPerWorkload);
  EXPECT_EQ(estimate->turns[1].month.text(), "2026-03");
  EXPECT_EQ(estimate->cheaper, Mode::kPerWorkload);
}

TEST(Calculator, CountsDevicesThatComeLaterAndStorageThatShrinks) {
  const auto estimate = estimate_of(R"({"start":"2026-01","months":3,
    "devices":[{"kind":"server","count":1,"more_each_month":2},{"kind":"workstation","count":0,
    "more_each_month":1}],
    "storage":[{"location":"provider","gb":30,"more_gb_each_month":-20}]})");

  ASSERT_TRUE(estimate) << estimate.error().message;
  EXPECT_EQ(cents(*estimate, Mode::kPerWorkload, 0), 1250 + 150);
  // Before the first of the month 30 GB stood; at its first instant 10.
  EXPECT_EQ(cents(*estimate, Mode::kPerWorkload, 1), 3 * 1250 + 500 + 50);
  EXPECT_EQ(cents(*estimate, Mode::kPerWorkload, 2), 5 * 1250 + 2 * 500) << "never below 0";
}

TEST(Calculator, LetsATrialRun) {
  const auto estimate = estimate_of(R"({"start":"2026-01","months":2,"trial":true,
    "devices":[{"kind":"server","count":1}],"storage":[{"location":"provider","gb":10}]})");

  ASSERT_TRUE(estimate) << estimate.error().message;
  // 28 days from the first: it turns into a licence within the month, which is charged in full.
  EXPECT_EQ(cents(*estimate, Mode::kPerWorkload, 0), 1250 + 50);
  const auto february = estimate_of(R"({"start":"2026-02","months":2,"trial":true,
    "devices":[{"kind":"server","count":1}]})");
  EXPECT_EQ(cents(*february, Mode::kPerWorkload, 0), 0) << "February has 28 days";
  EXPECT_EQ(cents(*february, Mode::kPerWorkload, 1), 1250);
}

TEST(Calculator, TellsWhereAModeIsNotOffered) {
  const auto estimate = estimate_of(
      R"({"start":"2026-01","devices":[{"kind":"server","count":1}],
          "storage":[{"location":"local","gb":1}]})");
  ASSERT_FALSE(estimate) << "no price for local storage in either mode";
  EXPECT_THAT(estimate.error().message, HasSubstr("storage/local"));

  const auto one = estimate_of(R"({"start":"2026-01","months":1,
    "devices":[{"kind":"mailbox","count":1}],"storage":[{"location":"provider","gb":1}]})");
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_THAT(one->modes[1].missing, HasSubstr("workload/mailbox"));
  EXPECT_EQ(one->cheaper, std::nullopt);
  EXPECT_THAT(estimate_to_json(*one), HasSubstr("\"per_workload\":{\"missing\":"));
}

TEST(Calculator, IsThisJson) {
  const auto estimate = estimate_of(R"({"start":"2026-01","months":1,
    "devices":[{"kind":"server","count":1}],"storage":[{"location":"provider","gb":10}]})");

  EXPECT_EQ(estimate_to_json(*estimate),
            "{\"currency\":\"EUR\",\n"
            "\"per_gb\":{\"total_cents\":200,\"months\":[\n"
            "{\"month\":\"2026-01\",\"amount_cents\":200,\"lines\":[{\"product\":"
            "\"storage/provider\",\"quantity\":\"10\",\"unit\":\"GB\",\"unit_micro\":200000,"
            "\"amount_cents\":200}]}\n]},\n"
            "\"per_workload\":{\"total_cents\":1300,\"months\":[\n"
            "{\"month\":\"2026-01\",\"amount_cents\":1300,\"lines\":[{\"product\":"
            "\"storage/provider\",\"quantity\":\"10\",\"unit\":\"GB\",\"unit_micro\":50000,"
            "\"amount_cents\":50},{\"product\":\"workload/server\",\"quantity\":\"1\",\"unit\":"
            "\"workload\",\"unit_micro\":12500000,\"amount_cents\":1250}]}\n]},\n"
            "\"cheaper\":\"per_gb\",\n"
            "\"cheaper_from\":[{\"month\":\"2026-01\",\"mode\":\"per_gb\"}]}\n");
}

TEST(Calculator, NamesWhatIsWrongInAPlan) {
  const struct {
    const char* plan;
    const char* named;
  } cases[] = {
      {"", "plan.json"},
      {"[]", "must be an object"},
      {R"({"start":"2026-01"})", "nothing is planned"},
      {R"({"devices":[{"kind":"server","count":1}]})", "\"start\": is missing"},
      {R"({"start":"2026-13","devices":[]})", "\"start\": must be a month"},
      {R"({"start":"2026-01","device":[]})", "\"device\": is unknown"},
      {R"({"start":"2026-01","months":0,"devices":[{"kind":"a","count":1}]})",
       "\"months\": must be"},
      {R"({"start":"2026-01","months":121,"devices":[{"kind":"a","count":1}]})",
       "\"months\": must"},
      {R"({"start":"2026-01","trial":1,"devices":[{"kind":"a","count":1}]})", "\"trial\": must be"},
      {R"({"start":"2026-01","devices":[{"kind":"","count":1}]})", "\"devices[0].kind\": must not"},
      {R"({"start":"2026-01","devices":[{"kind":"a","count":-1}]})", "\"devices[0].count\""},
      {R"({"start":"2026-01","devices":[{"kind":"a","count":1.5}]})", "\"devices[0].count\""},
      {R"({"start":"2026-01","devices":[{"kind":"a","count":100001}]})", "at most 100000"},
      {R"({"start":"2026-01","devices":[{"kind":"a","count":99999,"more_each_month":9}]})",
       "more than 100000 in the end"},
      {R"({"start":"2026-01","storage":[{"location":"moon","gb":1}]})", "\"storage[0].location\""},
      {R"({"start":"2026-01","storage":[{"location":"local","gb":1e3}]})", "\"storage[0].gb\""},
      {R"({"start":"2026-01","start":"2026-02","devices":[]})", "start"},
  };
  for (const auto& each : cases) {
    const auto plan = PlannedCustomer::parse("plan.json", each.plan);
    ASSERT_FALSE(plan) << each.plan;
    EXPECT_THAT(plan.error().message, HasSubstr(each.named));
  }
}

}  // namespace
}  // namespace obhut::billing::test
