// BILLING.md rule 6 and what section 4 says of a trial's free time.

#include "tests/billing/rating.h"

namespace obhut::billing::test {
namespace {

const std::string kC = created("c", "2026-01-05T10:00:00");
/// Noon in Berlin; free until noon on 12 April, 671 hours later.
const std::string kTrial = trial("t", "2026-03-15T11:00:00");
const std::string kServer = "c1 workload/server 1 1250 ";

TEST(Trial, ConvertsByItselfAtTheSameLocalTime) {
  const std::string events = kC + kTrial + on("w", "2026-03-15T12:00:00");
  EXPECT_EQ(rated(events, "2026-03"), Lines{});
  EXPECT_EQ(rated(events, "2026-04"), Lines{kServer + "2026-03-15T12:00:00Z [w]"});
  EXPECT_EQ(rated(events, "2026-05"), Lines{kServer + "2026-03-15T12:00:00Z [w]"});
}

TEST(Trial, NeverChargesUseThatEndsBeforeTheConversion) {
  const std::string use = kC + kTrial + on("w", "2026-03-15T12:00:00");
  for (const char* month : {"2026-03", "2026-04", "2026-05"}) {
    EXPECT_EQ(rated(use + off("o", "2026-04-11T00:00:00"), month), Lines{}) << month;
    EXPECT_EQ(rated(use + off("o", "2026-04-12T10:00:00"), month), Lines{})
        << "removed at the conversion itself";
  }
  EXPECT_EQ(rated(use + off("o", "2026-04-12T10:00:00.000001"), "2026-04"),
            Lines{kServer + "2026-03-15T12:00:00Z [w]"});
}

TEST(Trial, ChargesProviderAndLocalStorageFromTheFirstByte) {
  const std::string events = kC + kTrial + level("p", "2026-03-15T23:00:00", "v", 50) +
                             level("l", "2026-03-15T23:00:00", "v", 9, "local") +
                             level("x", "2026-03-15T23:00:00", "v", 7, "vendor");
  EXPECT_EQ(rated(events, "2026-03"),
            (Lines{"c1 storage/local 9 0 2026-03-15T23:00:00Z [l]",
                   "c1 storage/provider 50 250 2026-03-15T23:00:00Z [p]"}));
}

TEST(Trial, CountsFreeStorageFromTheConversionOn) {
  const std::string events = kC + kTrial + level("x1", "2026-03-16T00:00:00", "v", 90, "vendor") +
                             level("x2", "2026-04-12T09:59:59", "v", 40, "vendor") +
                             level("x3", "2026-04-20T00:00:00", "v", 30, "vendor");
  EXPECT_EQ(rated(events, "2026-03"), Lines{});
  EXPECT_EQ(rated(events, "2026-04"), Lines{"c1 storage/vendor 40 280 2026-03-16T00:00:00Z [x2]"})
      << "the maximum first counted at the conversion; first_use is older";
  EXPECT_EQ(rated(events + level("x2b", "2026-04-12T10:00:00", "v", 35, "vendor"), "2026-04"),
            Lines{"c1 storage/vendor 35 245 2026-03-16T00:00:00Z [x2b]"});
}

TEST(Trial, CountsStorageBeforeItsStart) {
  const std::string events = kC + level("x1", "2026-02-01T00:00:00", "v", 20, "vendor") + kTrial +
                             level("x2", "2026-03-16T00:00:00", "v", 90, "vendor");
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/vendor 20 140 2026-02-01T00:00:00Z [x1]"});
}

TEST(Trial, ChargesAWorkloadThatWasActiveBeforeItsStart) {
  EXPECT_EQ(rated(kC + kTrial + on("w", "2026-03-15T10:59:59.999999"), "2026-03"),
            Lines{kServer + "2026-03-15T10:59:59Z [w]"});
  EXPECT_EQ(rated(kC + kTrial + on("w", "2026-03-15T11:00:00"), "2026-03"), Lines{})
      << "the instant at which it starts is free";
}

TEST(Trial, IsOverForWhatStartsAtTheConversion) {
  const std::string at = "2026-04-12T10:00:00";
  EXPECT_EQ(rated(kC + kTrial + on("w", at) + off("o", at), "2026-04"),
            Lines{kServer + "2026-04-12T10:00:00Z [w]"});
  const std::string before = "2026-04-12T09:59:59.999999";
  EXPECT_EQ(rated(kC + kTrial + on("w", before) + off("o", before), "2026-04"), Lines{});
}

TEST(Trial, EndsOnTheEdgeOfAMonth) {
  const std::string events =
      kC + trial("t", "2026-01-31T23:00:00") + on("w", "2026-02-02T00:00:00");
  EXPECT_EQ(rated(events, "2026-02"), Lines{}) << "free through all of February";
  EXPECT_EQ(rated(events, "2026-03"), Lines{kServer + "2026-02-02T00:00:00Z [w]"});
}

TEST(Trial, TakesTheEvidenceOfTheLastActivityThatCounts) {
  const std::string events = kC + kTrial + on("w1", "2026-03-14T00:00:00", "w1", "workstation") +
                             off("o1", "2026-03-15T00:00:00") + on("w2", "2026-03-16T00:00:00");
  EXPECT_EQ(rated(events, "2026-03"),
            Lines{"c1 workload/workstation 1 450 2026-03-14T00:00:00Z [w1]"})
      << "the server of the trial does not count, so the kind is the one before";
}

TEST(Trial, IsGivenOnce) {
  const std::string twice = kC + trial("t1", "2026-02-01T00:00:00") +
                            trial("t2", "2026-03-10T00:00:00") + on("w", "2026-03-11T00:00:00");
  EXPECT_EQ(rated(twice, "2026-03"),
            (Lines{kServer + "2026-03-11T00:00:00Z [w]", "t2 trial_used"}));
  EXPECT_EQ(rated(kC + kTrial + trial("u", "2026-03-15T11:00:00"), "2026-03"),
            Lines{"u trial_used"})
      << "of one instant the first by id is the trial";
  EXPECT_EQ(rated(twice, "2026-04"), Lines{kServer + "2026-03-11T00:00:00Z [w]"});
}

TEST(Trial, IsNotGivenInALaterLife) {
  const std::string events = kC + deleted("d", "2026-02-10T00:00:00") +
                             created("c2", "2026-03-01T00:00:00") + kTrial +
                             on("w", "2026-03-16T00:00:00");
  EXPECT_EQ(rated(events, "2026-03"), (Lines{kServer + "2026-03-16T00:00:00Z [w]", "t trial_used"}))
      << "even though the first life had none";
}

TEST(Trial, EndsWithTheLife) {
  const std::string events = kC + kTrial + deleted("d", "2026-03-20T00:00:00") +
                             created("c2", "2026-03-21T00:00:00") + on("w", "2026-03-22T00:00:00");
  EXPECT_EQ(rated(events, "2026-03"), Lines{kServer + "2026-03-22T00:00:00Z [w]"});
  EXPECT_EQ(
      rated(kC + kTrial + on("w", "2026-03-16T00:00:00") + deleted("d", "2026-03-20T00:00:00"),
            "2026-03"),
      Lines{});
}

TEST(Trial, IsNotUsedUpByAnEventOutsideAnyLife) {
  const std::string events =
      trial("t0", "2026-01-01T00:00:00") + kC + kTrial + on("w", "2026-03-16T00:00:00");
  EXPECT_EQ(rated(events, "2026-03"), Lines{});
  EXPECT_EQ(rated(events, "2026-01"), Lines{"t0 not_alive"});
}

TEST(Trial, ReadsALostHourWithTheOffsetBeforeTheChange) {
  // 02:30 on 1 March; 28 days later 02:30 does not exist: 03:30 summer time, 01:30 UTC.
  const std::string events = kC + trial("t", "2026-03-01T01:30:00");
  EXPECT_EQ(
      rated(events + on("w", "2026-03-02T00:00:00") + off("o", "2026-03-29T01:30:00"), "2026-03"),
      Lines{});
  EXPECT_EQ(rated(events + on("w", "2026-03-02T00:00:00") + off("o", "2026-03-29T01:30:00.000001"),
                  "2026-03"),
            Lines{kServer + "2026-03-02T00:00:00Z [w]"});
}

TEST(Trial, MeansTheFirstOfAnHourThatComesTwice) {
  // 02:30 summer time on 27 September; on 25 October 02:30 comes twice: the first is 00:30 UTC.
  const std::string events = kC + trial("t", "2026-09-27T00:30:00");
  EXPECT_EQ(
      rated(events + on("w", "2026-10-02T00:00:00") + off("o", "2026-10-25T00:30:00"), "2026-10"),
      Lines{});
  EXPECT_EQ(rated(events + on("w", "2026-10-02T00:00:00") + off("o", "2026-10-25T00:30:00.000001"),
                  "2026-10"),
            Lines{kServer + "2026-10-02T00:00:00Z [w]"});
}

TEST(Trial, TakesItsDaysFromItsStartAndItsFreedomFromTheMonthBilled) {
  const std::string prices =
      with(kPrices, R"("policies":[)",
           R"("policies":[{"from":"2026-04","gb_bytes":1000000000,"gb_step":"1","trial_days":1,
              "trial_free":["storage/provider"]},)");
  const std::string events = kC + kTrial + on("w", "2026-03-16T00:00:00") +
                             level("p", "2026-03-16T00:00:00", "v", 50) +
                             level("p2", "2026-04-10T00:00:00", "v", 20);
  EXPECT_EQ(rated(events, "2026-03", prices),
            Lines{"c1 storage/provider 50 250 2026-03-16T00:00:00Z [p]"});
  EXPECT_EQ(rated(events, "2026-04", prices),
            (Lines{"c1 storage/provider 20 100 2026-03-16T00:00:00Z [p2]",
                   kServer + "2026-03-16T00:00:00Z [w]"}))
      << "28 days of March's policy, but April frees provider storage and no workload";
}

TEST(Trial, FreesWhatThePolicyNames) {
  const auto free = [](std::string_view entries) {
    return with(kPrices, R"(["workload/*","storage/vendor"])", entries);
  };
  const std::string events = kC + kTrial + on("w1", "2026-03-16T00:00:00", "w1", "server") +
                             on("w2", "2026-03-16T00:00:00", "w2", "workstation") +
                             level("p", "2026-03-16T00:00:00", "v", 1) +
                             level("x", "2026-03-16T00:00:00", "v", 1, "vendor");
  EXPECT_EQ(rated(events, "2026-03", free(R"(["workload/*","storage/*"])")), Lines{});
  EXPECT_EQ(rated(events, "2026-03", free(R"(["workload/server","storage/*"])")),
            Lines{"c1 workload/workstation 1 450 2026-03-16T00:00:00Z [w2]"});
  EXPECT_EQ(rated(events, "2026-03", free("[]")).size(), 4u);
}

TEST(Trial, OfNoDaysFreesNothing) {
  EXPECT_EQ(rated(kC + kTrial + on("w", "2026-03-15T11:00:00"), "2026-03",
                  with(kPrices, "\"trial_days\":28", "\"trial_days\":0")),
            Lines{kServer + "2026-03-15T11:00:00Z [w]"});
}

TEST(Trial, NeedsAPolicyForItsFirstMonth) {
  const std::string events =
      created("c", "2024-11-01T00:00:00") + trial("t", "2024-12-31T22:59:59.999999");
  EXPECT_EQ(
      error_of(events),
      "prices.json: field \"policies\": no policy for 2024-12, in which the trial of customer "
      "\"c1\" starts");
  EXPECT_EQ(
      error_of(events + trial("s", "2024-12-01T00:00:00")),
      "prices.json: field \"policies\": no policy for 2024-12, in which the trial of customer "
      "\"c1\" starts");
  EXPECT_EQ(rated(with(events, "2024-12-31T22:59:59.999999", "2024-12-31T23:00:00"), "2026-03"),
            Lines{});
}

}  // namespace
}  // namespace obhut::billing::test
