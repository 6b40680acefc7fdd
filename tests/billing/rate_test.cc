// BILLING.md section 2 rules 1 to 5, 8 and 10, and the examples of section 4: each rule inside a
// month and on the edge of one. Berlin is UTC+1 until 29 March 2026, 01:00 UTC, then UTC+2.

#include "tests/billing/rating.h"

namespace obhut::billing::test {
namespace {

const std::string kC = created("c", "2026-01-05T10:00:00");
const std::string kGb = created("c", "2026-01-05T10:00:00", "per_gb");

// --- the examples of section 4 ---

TEST(Rate, ChargesTheLastSecondOfAMonthAndNothingOfTheNext) {
  const std::string events =
      kC + on("e1", "2026-03-31T21:59:59") + off("e2", "2026-03-31T22:00:00");

  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 workload/server 1 1250 2026-03-31T21:59:59Z [e1]"});
  EXPECT_EQ(rated(events, "2026-04"), Lines{});
}

TEST(Rate, TakesTheMaximumOfTheSumNotTheSumOfMaxima) {
  const std::string a = level("a1", "2026-02-28T23:00:00", "A", 100) +
                        level("a2", "2026-03-09T23:00:00", "A", 0) +
                        level("b1", "2026-02-28T23:00:00", "B", 0);

  EXPECT_EQ(rated(kC + a + level("b2", "2026-03-19T23:00:00", "B", 100), "2026-03"),
            Lines{"c1 storage/provider 100 500 2026-02-28T23:00:00Z [b1]"})
      << "b1 is the last storage event at the first instant of the maximum";
  EXPECT_EQ(rated(kC + a + level("b2", "2026-03-04T23:00:00", "B", 100), "2026-03"),
            Lines{"c1 storage/provider 200 1000 2026-02-28T23:00:00Z [b2]"});
}

TEST(Rate, NamesTheEventWithWhichTheMaximumFirstStood) {
  const std::string events = kC + level("b1", "2026-02-27T23:00:00", "B", 0) +
                             level("a1", "2026-02-28T23:00:00", "A", 100) +
                             level("a2", "2026-03-09T23:00:00", "A", 0) +
                             level("b2", "2026-03-19T23:00:00", "B", 100);

  EXPECT_EQ(rated(events, "2026-03"),
            Lines{"c1 storage/provider 100 500 2026-02-28T23:00:00Z [a1]"});
}

// --- rule 1: charging starts with use ---

TEST(Rate, ChargesNothingForACustomerThatOnlyOrdered) {
  EXPECT_EQ(rated(kC, "2026-01"), Lines{});
  EXPECT_EQ(rated(kGb, "2026-03"), Lines{});
}

TEST(Rate, ChargesPerGbFromTheFirstByteWhateverTheLocation) {
  EXPECT_EQ(rated(kGb + level_bytes("s", "2026-03-10T00:00:00", "v", "local", "1"), "2026-03"),
            Lines{"c1 storage/local 1 2 2026-03-10T00:00:00Z [s]"});
  EXPECT_EQ(
      rated(kGb + level_bytes("s", "2026-03-31T21:59:59.999999", "v", "vendor", "1"), "2026-03"),
      Lines{"c1 storage/vendor 1 11 2026-03-31T21:59:59Z [s]"});
}

TEST(Rate, ChargesAWorkloadFromItsActivation) {
  const std::string events = kC + on("e1", "2026-03-31T22:00:00");
  EXPECT_EQ(rated(events, "2026-03"), Lines{});
  EXPECT_EQ(rated(events, "2026-04"), Lines{"c1 workload/server 1 1250 2026-03-31T22:00:00Z [e1]"});
}

// --- rule 2: the whole month, always ---

TEST(Rate, ChargesAWholeMonthForOneInstant) {
  EXPECT_EQ(rated(kC + on("e1", "2026-03-15T12:00:00") + off("e2", "2026-03-15T12:00:00.000001"),
                  "2026-03"),
            Lines{"c1 workload/server 1 1250 2026-03-15T12:00:00Z [e1]"});
}

TEST(Rate, CountsTheInstantOfActivationEvenWhenRemovedAtOnce) {
  const std::string events =
      kC + on("e1", "2026-03-15T12:00:00") + off("e2", "2026-03-15T12:00:00");
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 workload/server 1 1250 2026-03-15T12:00:00Z [e1]"});
  EXPECT_EQ(rated(events, "2026-04"), Lines{});

  const std::string first_instant =
      kC + on("e1", "2026-02-28T23:00:00") + off("e2", "2026-02-28T23:00:00");
  EXPECT_EQ(rated(first_instant, "2026-02"), Lines{}) << "a boundary belongs to the later month";
  EXPECT_EQ(rated(first_instant, "2026-03"),
            Lines{"c1 workload/server 1 1250 2026-02-28T23:00:00Z [e1]"});
}

TEST(Rate, ChargesEveryMonthOfALongActivity) {
  const std::string events =
      kC + on("e1", "2026-01-10T00:00:00") + off("e2", "2026-03-31T22:00:00");
  const Lines line = {"c1 workload/server 1 1250 2026-01-10T00:00:00Z [e1]"};
  EXPECT_EQ(rated(events, "2026-01"), line);
  EXPECT_EQ(rated(events, "2026-02"), line);
  EXPECT_EQ(rated(events, "2026-03"), line);
  EXPECT_EQ(rated(events, "2026-04"), Lines{}) << "what ended at the boundary was not there";
}

// --- rule 3: the maximum of the sum, by location ---

TEST(Rate, CountsWhatWasStoredBeforeTheMonthFromItsFirstInstant) {
  const std::string events = kC + level("s1", "2026-02-10T00:00:00", "v", 70) +
                             level("s2", "2026-03-01T00:00:00", "v", 20);
  EXPECT_EQ(rated(events, "2026-03"),
            Lines{"c1 storage/provider 70 350 2026-02-10T00:00:00Z [s1]"});
  EXPECT_EQ(rated(events, "2026-04"),
            Lines{"c1 storage/provider 20 100 2026-02-10T00:00:00Z [s2]"});
}

TEST(Rate, DoesNotCountWhatEndedAtTheFirstInstant) {
  const std::string events =
      kC + level("s1", "2026-02-10T00:00:00", "v", 70) + level("s2", "2026-02-28T23:00:00", "v", 0);
  EXPECT_EQ(rated(events, "2026-02"),
            Lines{"c1 storage/provider 70 350 2026-02-10T00:00:00Z [s1]"});
  EXPECT_EQ(rated(events, "2026-03"), Lines{});
}

TEST(Rate, KeepsLocationsApart) {
  const std::string events = kC + level("s1", "2026-03-02T00:00:00", "v", 10, "local") +
                             level("s2", "2026-03-03T00:00:00", "v", 20, "provider") +
                             level("s3", "2026-03-04T00:00:00", "v", 30, "vendor");
  EXPECT_EQ(rated(events, "2026-03"), (Lines{"c1 storage/local 10 0 2026-03-02T00:00:00Z [s1]",
                                             "c1 storage/provider 20 100 2026-03-03T00:00:00Z [s2]",
                                             "c1 storage/vendor 30 210 2026-03-04T00:00:00Z [s3]"}))
      << "a price of 0 still gives a line";
}

TEST(Rate, AddsVaultsOfOneInstantOnlyWhenAllOfThemHaveMoved) {
  // 100 GB move from one vault to the other: never 200, whichever event comes first by id.
  const std::string move1 = kC + level("s1", "2026-03-02T00:00:00", "A", 100) +
                            level("x1", "2026-03-05T00:00:00", "A", 0) +
                            level("x2", "2026-03-05T00:00:00", "B", 100);
  const std::string move2 = kC + level("s1", "2026-03-02T00:00:00", "A", 100) +
                            level("x2", "2026-03-05T00:00:00", "A", 0) +
                            level("x1", "2026-03-05T00:00:00", "B", 100);
  const Lines line = {"c1 storage/provider 100 500 2026-03-02T00:00:00Z [s1]"};
  EXPECT_EQ(rated(move1, "2026-03"), line);
  EXPECT_EQ(rated(move2, "2026-03"), line);
}

TEST(Rate, TakesTheLastByIdOfSeveralLevelsAtOneInstant) {
  const std::string events = kC + level("s2", "2026-03-02T00:00:00", "v", 5) +
                             level("s1", "2026-03-02T00:00:00", "v", 900) +
                             level("s10", "2026-03-02T00:00:00", "v", 800);
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 5 25 2026-03-02T00:00:00Z [s2]"})
      << "s1 < s10 < s2 by bytes";
}

TEST(Rate, GivesTheLastStorageEventEvenWhereItChangedNothing) {
  const std::string events = kC + level("s1", "2026-02-02T00:00:00", "v", 5) +
                             level("s2", "2026-02-20T00:00:00", "v", 5) +
                             level("s3", "2026-03-20T00:00:00", "v", 5);
  EXPECT_EQ(rated(events, "2026-02"), Lines{"c1 storage/provider 5 25 2026-02-02T00:00:00Z [s1]"});
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 5 25 2026-02-02T00:00:00Z [s2]"})
      << "the maximum first stood in March as March began, and s2 was the last then";
}

TEST(Rate, GivesTheLastByIdWhereVaultsReportTogether) {
  const std::string events = kC + level("s3", "2026-03-02T00:00:00", "A", 5) +
                             level("s1", "2026-03-02T00:00:00", "B", 5) +
                             level("s2", "2026-03-02T00:00:00", "C", 5) +
                             level("s9", "2026-03-02T00:00:00", "C", 5, "local");
  EXPECT_EQ(rated(events, "2026-03"),
            (Lines{"c1 storage/local 5 0 2026-03-02T00:00:00Z [s9]",
                   "c1 storage/provider 15 75 2026-03-02T00:00:00Z [s3]"}));
}

TEST(Rate, DatesFirstUseByTheSumAboveZero) {
  const std::string events = kC + level("s1", "2026-01-10T00:00:00", "v", 0) +
                             level("s2", "2026-01-11T00:00:00.750000", "v", 1) +
                             level("s3", "2026-02-01T00:00:00", "v", 0) +
                             level("s4", "2026-03-02T00:00:00", "v", 7);
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 7 35 2026-01-11T00:00:00Z [s4]"})
      << "the first rise in this life, its fraction cut off";
}

TEST(Rate, DoesNotDateFirstUseByALevelThatNeverHeld) {
  const std::string events = kC + level("s1", "2026-03-02T00:00:00", "v", 9) +
                             level("s2", "2026-03-02T00:00:00", "v", 0) +
                             level("s3", "2026-03-05T00:00:00", "v", 7);
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 7 35 2026-03-05T00:00:00Z [s3]"});
}

TEST(Rate, ShowsNoLineOfQuantityZero) {
  EXPECT_EQ(rated(kC + level("s1", "2026-03-02T00:00:00", "v", 0), "2026-03"), Lines{});
}

// --- rule 4: what the modes charge ---

TEST(Rate, ChargesEachActiveWorkloadOnceByKind) {
  const std::string events = kC + on("e1", "2026-03-05T00:00:00", "w1", "server") +
                             on("e2", "2026-03-04T00:00:00", "w2", "server") +
                             on("e3", "2026-03-06T00:00:00", "w3", "workstation") +
                             off("e4", "2026-03-07T00:00:00", "w1") +
                             on("e5", "2026-03-08T00:00:00", "w1", "server");
  EXPECT_EQ(rated(events, "2026-03"),
            (Lines{"c1 workload/server 2 2500 2026-03-04T00:00:00Z [e2 e5]",
                   "c1 workload/workstation 1 450 2026-03-06T00:00:00Z [e3]"}))
      << "w1 counts once, with the activation of its last activity";
}

TEST(Rate, ChargesStorageAlonePerGb) {
  const std::string events =
      kGb + on("e1", "2026-03-05T00:00:00") + level("s1", "2026-03-06T00:00:00", "v", 3);
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 3 27 2026-03-06T00:00:00Z [s1]"});
}

TEST(Rate, TakesTheLastKindOfAWorkload) {
  const std::string change = kC + on("e1", "2026-03-05T00:00:00", "w1", "workstation") +
                             off("e2", "2026-03-10T00:00:00") +
                             on("e3", "2026-03-11T00:00:00", "w1", "server");
  EXPECT_EQ(rated(change, "2026-03"), Lines{"c1 workload/server 1 1250 2026-03-11T00:00:00Z [e3]"});

  const std::string on_the_edge = kC + on("e1", "2026-03-05T00:00:00", "w1", "workstation") +
                                  off("e2", "2026-03-31T22:00:00") +
                                  on("e3", "2026-03-31T22:00:00.000001", "w1", "server");
  EXPECT_EQ(rated(on_the_edge, "2026-03"),
            Lines{"c1 workload/workstation 1 450 2026-03-05T00:00:00Z [e1]"});
  EXPECT_EQ(rated(on_the_edge, "2026-04"),
            Lines{"c1 workload/server 1 1250 2026-03-31T22:00:00Z [e3]"});
}

// --- rule 5: one workload, one licence ---

TEST(Rate, KeepsTheFirstActivationWhenAnActiveWorkloadIsActivatedAgain) {
  const std::string events = kC + on("e1", "2026-02-05T00:00:00", "w1", "server") +
                             on("e2", "2026-03-05T00:00:00", "w1", "workstation", "receipt");
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 workload/server 1 1250 2026-02-05T00:00:00Z [e1]"})
      << "neither kind nor clock nor date of the second one count";
}

TEST(Rate, AppliesActivationBeforeRemovalOfTheSameInstant) {
  const std::string events = kC + on("e1", "2026-03-01T00:00:00") +
                             on("x2", "2026-03-10T00:00:00") + off("a3", "2026-03-10T00:00:00");
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 workload/server 1 1250 2026-03-01T00:00:00Z [e1]"});
  EXPECT_EQ(rated(events, "2026-04"), Lines{}) << "x2 changed nothing, then a3 removed w1";
}

TEST(Rate, IgnoresTheRemovalOfWhatIsNotActive) {
  EXPECT_EQ(
      rated(kC + off("e1", "2026-03-05T00:00:00") + on("e2", "2026-03-06T00:00:00"), "2026-03"),
      Lines{"c1 workload/server 1 1250 2026-03-06T00:00:00Z [e2]"});
}

TEST(Rate, TakesTheFirstByIdOfTwoActivationsAtOneInstant) {
  const std::string events = kC + on("e2", "2026-03-05T00:00:00", "w1", "server") +
                             on("e1", "2026-03-05T00:00:00", "w1", "workstation");
  EXPECT_EQ(rated(events, "2026-03"),
            Lines{"c1 workload/workstation 1 450 2026-03-05T00:00:00Z [e1]"});
}

// --- rule 7, first half; rule 8: modes and prices by month ---

TEST(Rate, LetsACancellationEndNothing) {
  const std::string events =
      kC + on("e1", "2026-02-05T00:00:00") +
      R"({"id":"p1","type":"partner.cancelled","at":"2026-02-20T00:00:00Z"})" + "\n" +
      R"({"id":"p2","type":"partner.cancelled","at":"2026-02-28T23:00:00Z","customer":7})";
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 workload/server 1 1250 2026-02-05T00:00:00Z [e1]"})
      << "a customer member of a cancellation is an unknown field";
}

TEST(Rate, ChangesModeWithTheNextMonth) {
  const std::string use =
      kC + on("e1", "2026-01-10T00:00:00") + level("s1", "2026-01-10T00:00:00", "v", 10);
  const Lines per_workload = {"c1 storage/provider 10 50 2026-01-10T00:00:00Z [s1]",
                              "c1 workload/server 1 1250 2026-01-10T00:00:00Z [e1]"};
  const Lines per_gb = {"c1 storage/provider 10 90 2026-01-10T00:00:00Z [s1]"};

  const std::string inside = use + mode("m1", "2026-03-10T00:00:00", "per_gb");
  EXPECT_EQ(rated(inside, "2026-02"), per_workload);
  EXPECT_EQ(rated(inside, "2026-03"), per_workload);
  EXPECT_EQ(rated(inside, "2026-04"), per_gb);
  EXPECT_EQ(rated(inside, "2026-05"), per_gb);

  const std::string last_instant = use + mode("m1", "2026-03-31T21:59:59.999999", "per_gb");
  EXPECT_EQ(rated(last_instant, "2026-03"), per_workload);
  EXPECT_EQ(rated(last_instant, "2026-04"), per_gb);

  const std::string first_instant = use + mode("m1", "2026-03-31T22:00:00", "per_gb");
  EXPECT_EQ(rated(first_instant, "2026-04"), per_workload) << "an instant of April";
  EXPECT_EQ(rated(first_instant, "2026-05"), per_gb);
}

TEST(Rate, LetsTheLastModeOfAMonthWin) {
  const std::string use = kC + level("s1", "2026-01-10T00:00:00", "v", 10);
  EXPECT_EQ(rated(use + mode("m1", "2026-03-10T00:00:00", "per_gb") +
                      mode("m2", "2026-03-11T00:00:00", "per_workload"),
                  "2026-04"),
            Lines{"c1 storage/provider 10 50 2026-01-10T00:00:00Z [s1]"});
  EXPECT_EQ(rated(use + mode("m2", "2026-03-10T00:00:00", "per_gb") +
                      mode("m1", "2026-03-10T00:00:00", "per_workload"),
                  "2026-04"),
            Lines{"c1 storage/provider 10 90 2026-01-10T00:00:00Z [s1]"})
      << "of one instant the last by id";
}

TEST(Rate, TakesTheModeOfTheCreationInTheFirstMonth) {
  const std::string events = created("c", "2026-03-10T00:00:00", "per_gb") +
                             mode("m1", "2026-03-10T00:00:00", "per_workload") +
                             level("s1", "2026-03-11T00:00:00", "v", 10);
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 10 90 2026-03-11T00:00:00Z [s1]"});
  EXPECT_EQ(rated(events, "2026-04"), Lines{"c1 storage/provider 10 50 2026-03-11T00:00:00Z [s1]"});
}

TEST(Rate, TakesPricesAndPoliciesOfTheMonth) {
  const std::string prices = with(
      with(
          kPrices, R"("prices":[)",
          R"("prices":[{"mode":"per_workload","product":"workload/server","from":"2026-03","micro":20000000},
              {"mode":"per_workload","product":"storage/provider","from":"2026-04","micro":60000},)"),
      R"("policies":[)",
      R"("policies":[{"from":"2026-04","gb_bytes":1073741824,"gb_step":"10","trial_days":1,"trial_free":[]},)");
  const std::string events =
      kC + on("e1", "2026-01-10T00:00:00") + level("s1", "2026-01-10T00:00:00", "v", 100);
  const auto lines = [](const char* storage, const char* server) {
    return Lines{"c1 storage/provider " + std::string(storage) + " 2026-01-10T00:00:00Z [s1]",
                 "c1 workload/server 1 " + std::string(server) + " 2026-01-10T00:00:00Z [e1]"};
  };
  EXPECT_EQ(rated(events, "2026-02", prices), lines("100 500", "1250"));
  EXPECT_EQ(rated(events, "2026-03", prices), lines("100 500", "2000"));
  EXPECT_EQ(rated(events, "2026-04", prices), lines("100 600", "2000")) << "93.13 GiB by tens";
}

// --- rule 10: whose clock ---

TEST(Rate, SaysWhereTheReceiptTimeCounted) {
  EXPECT_EQ(rated(kC + on("e1", "2026-03-05T00:00:00", "w1", "server", "receipt"), "2026-03"),
            Lines{"c1 workload/server 1 1250 2026-03-05T00:00:00Z [e1] receipt clock"});
  EXPECT_EQ(rated(kC + on("e1", "2026-03-05T00:00:00", "w1", "server", "endpoint"), "2026-03"),
            Lines{"c1 workload/server 1 1250 2026-03-05T00:00:00Z [e1]"});
  EXPECT_EQ(rated(kC + on("e1", "2026-03-05T00:00:00", "w1") +
                      on("e2", "2026-03-06T00:00:00", "w2", "server", "receipt"),
                  "2026-03"),
            Lines{"c1 workload/server 2 2500 2026-03-05T00:00:00Z [e1 e2] receipt clock"})
      << "any of the evidence";
}

TEST(Rate, ForgetsTheReceiptClockOfAnEarlierActivity) {
  const std::string events = kC + on("e1", "2026-03-05T00:00:00", "w1", "server", "receipt") +
                             off("e2", "2026-03-06T00:00:00") + on("e3", "2026-03-07T00:00:00");
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 workload/server 1 1250 2026-03-07T00:00:00Z [e3]"});
}

// --- daylight saving, time zones, fractions ---

TEST(Rate, CutsMonthsByLocalTimeInSummerAndWinter) {
  const auto months = [](const std::string& at) {
    std::string hit;
    for (const char* month : {"2026-03", "2026-04", "2026-10", "2026-11"}) {
      if (!rated(kC + on("e1", at) + off("e2", at), month).empty()) hit += month;
    }
    return hit;
  };
  EXPECT_EQ(months("2026-02-28T22:59:59.999999"), "");
  EXPECT_EQ(months("2026-02-28T23:00:00"), "2026-03") << "midnight in winter";
  EXPECT_EQ(months("2026-03-31T21:59:59.999999"), "2026-03");
  EXPECT_EQ(months("2026-03-31T22:00:00"), "2026-04") << "midnight in summer";
  EXPECT_EQ(months("2026-09-30T22:00:00"), "2026-10");
  EXPECT_EQ(months("2026-10-31T22:59:59"), "2026-10") << "winter again";
  EXPECT_EQ(months("2026-10-31T23:00:00"), "2026-11");
}

TEST(Rate, ReadsAnyOffset) {
  const std::string events = kC + on("e1", "2026-04-01T01:59:59+02:00", "w1") +
                             on("e2", "2026-03-31T12:00:00-10:00", "w2");
  EXPECT_EQ(rated(events, "2026-03"), Lines{});
  EXPECT_EQ(rated(kC + on("e1", "2026-03-31T23:59:59.5+02:00"), "2026-03"),
            Lines{"c1 workload/server 1 1250 2026-03-31T21:59:59Z [e1]"});
  EXPECT_EQ(rated(events, "2026-04"),
            Lines{"c1 workload/server 2 2500 2026-03-31T22:00:00Z [e1 e2]"});
}

TEST(Rate, FollowsTheZoneOfThePriceList) {
  const std::string utc = with(kPrices, "Europe/Berlin", "UTC");
  const std::string events =
      kC + on("e1", "2026-03-31T23:59:59") + off("e2", "2026-04-01T00:00:00");
  EXPECT_EQ(rated(events, "2026-03", utc),
            Lines{"c1 workload/server 1 1250 2026-03-31T23:59:59Z [e1]"});
  EXPECT_EQ(rated(events, "2026-04", utc), Lines{});
}

TEST(Rate, CountsFractionsInComparisons) {
  const std::string events =
      kC + on("e1", "2026-02-28T22:59:59.999999") + off("e2", "2026-02-28T23:00:00.000000");
  EXPECT_EQ(rated(events, "2026-02"), Lines{"c1 workload/server 1 1250 2026-02-28T22:59:59Z [e1]"});
  EXPECT_EQ(rated(events, "2026-03"), Lines{});
}

// --- several customers ---

TEST(Rate, SortsByBytesAndTotalsByCustomer) {
  const auto use = [](const char* customer) {
    const std::string c(customer);
    return event("c-" + c, "customer.created", "2026-01-01T00:00:00", c,
                 R"("mode":"per_workload")") +
           event("w-" + c, "workload.activated", "2026-03-02T00:00:00", c,
                 R"("workload":"w1","kind":"server")") +
           event("s-" + c, "storage.level", "2026-03-02T00:00:00", c,
                 R"("vault":"v","location":"provider","bytes":1)");
  };
  const Bill bill = bill_of(use("b") + use("\xC3\xA9") + use("B") + use("a"), "2026-03");
  std::vector<std::string> order;
  for (const BillLine& line : bill.lines) order.push_back(line.customer + " " + line.product);
  EXPECT_EQ(order, (Lines{"B storage/provider", "B workload/server", "a storage/provider",
                          "a workload/server", "b storage/provider", "b workload/server",
                          "\xC3\xA9 storage/provider", "\xC3\xA9 workload/server"}));
  ASSERT_EQ(bill.totals.size(), 4u);
  EXPECT_EQ(bill.totals[0].customer, "B");
  EXPECT_EQ(bill.totals[0].amount_cents, 1255);
}

TEST(Rate, TakesWorkloadsOfTwoCustomersForTwo) {
  const std::string events = kC + created("d", "2026-01-01T00:00:00", "per_workload", "c2") +
                             on("e1", "2026-03-05T00:00:00") +
                             event("e2", "workload.activated", "2026-03-06T00:00:00", "c2",
                                   R"("workload":"w1","kind":"server")") +
                             off("e3", "2026-03-06T00:00:00");
  EXPECT_EQ(rated(events, "2026-04"), Lines{"c2 workload/server 1 1250 2026-03-06T00:00:00Z [e2]"});
}

}  // namespace
}  // namespace obhut::billing::test
