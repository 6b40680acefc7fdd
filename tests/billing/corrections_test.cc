// BILLING.md rule 9: late events, closed months, correction lines.

#include "tests/billing/rating.h"

namespace obhut::billing::test {
namespace {

const std::string kC = created("c", "2026-01-05T10:00:00");
const std::string kOne = kC + on("w1", "2026-01-10T00:00:00");
const std::string kLate = on("late", "2026-02-10T00:00:00", "w2");

std::string server(int count, const std::string& evidence) {
  return "c1 workload/server " + std::to_string(count) + " " + std::to_string(1250 * count) +
         " 2026-01-10T00:00:00Z " + evidence;
}

TEST(Corrections, BillALateEventInTheMonthAfterTheLastClosedOne) {
  const std::vector<ClosedBill> until_february = {closed(kOne, "2026-01"), closed(kOne, "2026-02")};
  EXPECT_EQ(rated(kOne + kLate, "2026-03", kPrices, until_february),
            (Lines{server(2, "[late w1]"),
                   "c1 workload/server corrects 2026-02: 1250 -> 2500 [late w1]"}));
}

TEST(Corrections, AppearOnce) {
  const ClosedBill january = closed(kOne, "2026-01");
  const ClosedBill february = closed(kOne, "2026-02", {january});
  const ClosedBill march = closed(kOne + kLate, "2026-03", {january, february});
  EXPECT_EQ(march.amounts.size(), 2u);
  EXPECT_EQ(rated(kOne + kLate, "2026-04", kPrices, {january, february, march}),
            Lines{server(2, "[late w1]")})
      << "March's bill says it already";
}

TEST(Corrections, CountThoseBilledSince) {
  const ClosedBill january = closed(kOne, "2026-01");
  const ClosedBill february = closed(kOne, "2026-02", {january});
  const ClosedBill march = closed(kOne + kLate, "2026-03", {january, february});
  const std::string more = kOne + kLate + on("later", "2026-02-11T00:00:00", "w3");
  EXPECT_EQ(rated(more, "2026-04", kPrices, {march, january, february}),
            (Lines{server(3, "[late later w1]"),
                   "c1 workload/server corrects 2026-02: 2500 -> 3750 [late later w1]",
                   "c1 workload/server corrects 2026-03: 2500 -> 3750 [late later w1]"}))
      << "the order in which the closed bills are given does not matter";
}

TEST(Corrections, CreditWhatIsGone) {
  const std::string use = kOne + level("s", "2026-01-10T00:00:00", "v", 10);
  const std::vector<ClosedBill> until_february = {closed(use, "2026-01"), closed(use, "2026-02")};
  const Bill bill =
      bill_of(use + deleted("d", "2026-01-20T00:00:00"), "2026-03", kPrices, until_february);
  EXPECT_EQ(lines_of(bill), (Lines{"c1 storage/provider corrects 2026-02: 50 -> 0 []",
                                   "c1 workload/server corrects 2026-02: 1250 -> 0 []"}));
  ASSERT_EQ(bill.totals.size(), 1u) << "a customer with corrections alone has a total";
  EXPECT_EQ(bill.totals[0].amount_cents, -1300);
}

TEST(Corrections, GoBackToAnyClosedMonthAndNoFurther) {
  const std::string late = on("w0", "2025-11-10T00:00:00", "w0");
  const std::string before = created("c", "2025-10-01T00:00:00");
  const std::vector<ClosedBill> from_january = {closed(before, "2026-01"),
                                                closed(before, "2026-02")};
  EXPECT_EQ(rated(before + late, "2026-03", kPrices, from_january),
            (Lines{"c1 workload/server 1 1250 2025-11-10T00:00:00Z [w0]",
                   "c1 workload/server corrects 2026-01: 0 -> 1250 [w0]",
                   "c1 workload/server corrects 2026-02: 0 -> 1250 [w0]"}))
      << "November and December were not closed here";
}

TEST(Corrections, AppearInNoOtherMonth) {
  const std::vector<ClosedBill> until_february = {closed(kOne, "2026-01"), closed(kOne, "2026-02")};
  for (const char* month : {"2026-01", "2026-02", "2026-04"}) {
    EXPECT_TRUE(bill_of(kOne + kLate, month, kPrices, until_february).corrections.empty()) << month;
  }
  EXPECT_TRUE(bill_of(kOne + kLate, "2026-03").corrections.empty()) << "nothing is closed";
}

TEST(Corrections, FollowThePriceListOfToday) {
  const std::string cheaper = with(kPrices, "12500000", "12000000");
  EXPECT_EQ(rated(kOne, "2026-02", cheaper, {closed(kOne, "2026-01")}),
            (Lines{"c1 workload/server 1 1200 2026-01-10T00:00:00Z [w1]",
                   "c1 workload/server corrects 2026-01: 1250 -> 1200 [w1]"}));
}

TEST(Corrections, OfZeroDoNotAppear) {
  const std::string use = kC + level("s", "2026-01-10T00:00:00", "v", 10, "local");
  EXPECT_EQ(rated(use + level("s2", "2026-01-11T00:00:00", "v", 20, "local"), "2026-02", kPrices,
                  {closed(use, "2026-01")}),
            Lines{"c1 storage/local 20 0 2026-01-10T00:00:00Z [s2]"})
      << "more local storage at a price of 0";
}

TEST(Corrections, ReachAcrossTheChangeOfAYear) {
  const std::string before = created("c", "2025-10-01T00:00:00");
  EXPECT_EQ(rated(before + on("w", "2025-12-31T22:59:59"), "2026-01", kPrices,
                  {closed(before, "2025-12")}),
            (Lines{"c1 workload/server 1 1250 2025-12-31T22:59:59Z [w]",
                   "c1 workload/server corrects 2025-12: 0 -> 1250 [w]"}));
}

TEST(Corrections, KeepCustomersThatTheEventsNoLongerName) {
  const ClosedBill january = closed(kOne, "2026-01");
  const std::string others = created("x", "2026-01-01T00:00:00", "per_gb", "c2");
  EXPECT_EQ(rated(others, "2026-02", kPrices, {january}),
            Lines{"c1 workload/server corrects 2026-01: 1250 -> 0 []"});
}

TEST(Corrections, SortByCustomerProductAndMonth) {
  const std::vector<ClosedBill> until_february = {closed(kC, "2026-01"), closed(kC, "2026-02")};
  const Lines lines =
      rated(kOne + level("s", "2026-01-10T00:00:00", "v", 10), "2026-03", kPrices, until_february);
  EXPECT_EQ(Lines(lines.begin() + 2, lines.end()),
            (Lines{"c1 storage/provider corrects 2026-01: 0 -> 50 [s]",
                   "c1 storage/provider corrects 2026-02: 0 -> 50 [s]",
                   "c1 workload/server corrects 2026-01: 0 -> 1250 [w1]",
                   "c1 workload/server corrects 2026-02: 0 -> 1250 [w1]"}));
}

TEST(Corrections, RefuseGapsAndMonthsClosedTwice) {
  const ClosedBill january = closed(kOne, "2026-01");
  const ClosedBill march = closed(kOne, "2026-03");
  EXPECT_EQ(error_of(kOne, "2026-04", kPrices, {march, january}),
            "2026-03.json: field \"month\": the bill of 2026-02 is missing between 2026-01 and "
            "2026-03");
  ClosedBill again = january;
  again.name = "copy.json";
  EXPECT_EQ(error_of(kOne, "2026-02", kPrices, {january, again}),
            "copy.json: field \"month\": 2026-01 is closed by 2026-01.json already");
}

TEST(Corrections, RefuseAnotherCurrency) {
  const ClosedBill january = closed(kOne, "2026-01");
  EXPECT_EQ(error_of(kOne, "2026-02", with(kPrices, "EUR", "CHF"), {january}),
            "2026-01.json: field \"currency\": is \"EUR\", the price list's \"CHF\"");
}

TEST(Corrections, NeedAPolicyForEveryClosedMonth) {
  const ClosedBill january = closed(kOne, "2026-01");
  const std::string prices = with(kPrices, R"("from":"2025-01","gb)", R"("from":"2026-02","gb)");
  EXPECT_EQ(error_of(kOne, "2026-02", prices, {january}),
            "prices.json: field \"policies\": no policy for 2026-01, which is rated");
}

TEST(Corrections, NameWhatIsWrongInAClosedBill) {
  const std::string bill = bill_to_json(bill_of(kOne, "2026-01"));
  const std::string line = R"({"customer":"c1","product":"p","amount_cents":1})";
  const auto error = [](std::string_view text) {
    const Result<ClosedBill> parsed = ClosedBill::parse("x.json", text);
    return parsed ? "no error" : parsed.error().message;
  };
  EXPECT_EQ(error(bill), "no error");
  EXPECT_EQ(error("[]"), "x.json: not a JSON object");
  EXPECT_EQ(error("{"), "x.json: not valid JSON at byte 2");
  EXPECT_EQ(error("{}"), "x.json: field \"month\": is missing");
  EXPECT_EQ(error(with(bill, "2026-01", "2026-13")),
            "x.json: field \"month\": must be a month as YYYY-MM, not \"2026-13\"");
  EXPECT_EQ(error(with(bill, "\"EUR\"", "7")), "x.json: field \"currency\": must be a string");
  EXPECT_EQ(error(with(bill, "amount_cents", "cents")),
            "x.json: field \"lines[0].amount_cents\": is missing");
  EXPECT_EQ(error(with(bill, "\"amount_cents\":1250", "\"amount_cents\":1250.0")),
            "x.json: field \"lines[0].amount_cents\": must be an integer of 64 bits");
  EXPECT_EQ(error(with(bill, "\"corrections\":[]", "\"corrections\":{}")),
            "x.json: field \"corrections\": must be an array");
  EXPECT_EQ(error(R"({"month":"2026-01","currency":"EUR","corrections":[],"lines":[)" + line + "," +
                  line + "]}"),
            "x.json: field \"lines\": customer \"c1\" and product \"p\" appear twice for 2026-01");
  EXPECT_EQ(error(R"({"month":"2026-01","currency":"EUR","lines":[],"corrections":[)"
                  R"({"customer":"c","product":"p","corrects":"2026-01","amount_cents":1}]})"),
            "x.json: field \"corrections[0].corrects\": must be a month before 2026-01");
}

}  // namespace
}  // namespace obhut::billing::test
