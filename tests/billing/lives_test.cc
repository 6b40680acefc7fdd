// BILLING.md rule 7 and the reading of deletions, new lives and events of one instant.

#include "tests/billing/rating.h"

namespace obhut::billing::test {
namespace {

const std::string kC = created("c", "2026-01-05T10:00:00");
const std::string kUse =
    kC + on("w", "2026-01-10T00:00:00") + level("s", "2026-01-10T00:00:00", "v", 10);
const Lines kAll = {"c1 storage/provider 10 50 2026-01-10T00:00:00Z [s]",
                    "c1 workload/server 1 1250 2026-01-10T00:00:00Z [w]"};

TEST(Lives, ChargesTheMonthOfDeletionInFullAndNotTheNext) {
  const std::string events = kUse + deleted("d", "2026-03-10T00:00:00");
  EXPECT_EQ(rated(events, "2026-03"), kAll);
  EXPECT_EQ(rated(events, "2026-04"), Lines{});
}

TEST(Lives, GivesABoundaryToTheLaterMonthWhenDeleting) {
  EXPECT_EQ(rated(kUse + deleted("d", "2026-02-28T23:00:00"), "2026-03"), Lines{});
  EXPECT_EQ(rated(kUse + deleted("d", "2026-02-28T23:00:00"), "2026-02"), kAll);
  EXPECT_EQ(rated(kUse + deleted("d", "2026-02-28T23:00:00.000001"), "2026-03"), kAll);
}

TEST(Lives, KeepsStorageOfARemovedDevice) {
  const std::string events = kUse + off("o", "2026-02-10T00:00:00");
  EXPECT_EQ(rated(events, "2026-03"), Lines{kAll[0]});
  EXPECT_EQ(rated(events + level("z", "2026-02-28T23:00:00", "v", 0), "2026-03"), Lines{});
}

TEST(Lives, ChargesNothingBetweenLivesAndSaysSo) {
  const std::string events =
      kUse + deleted("d", "2026-03-10T00:00:00") + on("n1", "2026-03-11T00:00:00", "w2") +
      level("n2", "2026-03-11T00:00:00", "v", 99) + off("n3", "2026-03-11T00:00:00") +
      mode("n4", "2026-03-11T00:00:00", "per_gb") + trial("n5", "2026-03-11T00:00:00") +
      deleted("n6", "2026-03-11T00:00:00") + created("c-again", "2026-04-10T00:00:00");
  const Lines notices = {"n1 not_alive", "n2 not_alive", "n3 not_alive",
                         "n4 not_alive", "n5 not_alive", "n6 not_alive"};
  Lines all = kAll;
  all.insert(all.end(), notices.begin(), notices.end());
  EXPECT_EQ(rated(events, "2026-03"), all);
  EXPECT_EQ(rated(events, "2026-04"), Lines{}) << "notices stand in their own month only";
}

TEST(Lives, SaysNotAliveBeforeAnyCreation) {
  const std::string events = on("e1", "2026-03-05T00:00:00") + created("c", "2026-03-06T00:00:00") +
                             level("e2", "2026-02-28T22:59:59", "v", 3) +
                             level("e3", "2026-02-28T23:00:00", "v", 3);
  EXPECT_EQ(rated(events, "2026-03"), (Lines{"e1 not_alive", "e3 not_alive"}));
  EXPECT_EQ(rated(events, "2026-02"), Lines{"e2 not_alive"});
}

TEST(Lives, IgnoresASecondCreationInOneLife) {
  const std::string events = kUse + created("c2", "2026-02-10T00:00:00", "per_gb");
  EXPECT_EQ(rated(events, "2026-03"), kAll) << "no new mode, nothing ended, no notice";
}

TEST(Lives, StartsANewLifeWithNothing) {
  const std::string events = kUse + deleted("d", "2026-02-10T00:00:00") +
                             created("c2", "2026-03-01T00:00:00") +
                             level("s2", "2026-03-05T00:00:00", "v2", 4);
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 4 20 2026-03-05T00:00:00Z [s2]"})
      << "10 GB of the first life are gone, and first_use is that of the second";
}

TEST(Lives, TakesTheMaximumOfBothLivesOfAMonth) {
  const std::string shrinking =
      kUse + deleted("d", "2026-03-10T00:00:00") + created("c2", "2026-03-11T00:00:00") +
      level("s2", "2026-03-12T00:00:00", "v", 4) + on("w2", "2026-03-12T00:00:00");
  EXPECT_EQ(rated(shrinking, "2026-03"),
            (Lines{kAll[0], "c1 workload/server 1 1250 2026-03-12T00:00:00Z [w2]"}))
      << "one workload, once, with the last of its activities";
  EXPECT_EQ(rated(with(shrinking, "\"bytes\":4000000000", "\"bytes\":14000000000"), "2026-03"),
            (Lines{"c1 storage/provider 14 70 2026-03-12T00:00:00Z [s2]",
                   "c1 workload/server 1 1250 2026-03-12T00:00:00Z [w2]"}));
}

TEST(Lives, DeletesBeforeAllElseOfTheInstantWhereTheCustomerLives) {
  const std::string at = "2026-03-10T00:00:00";
  const std::string events =
      kUse + deleted("z", at) + created("c2", at) + on("a", at, "w9") + level("b", at, "v", 3);
  EXPECT_EQ(rated(events, "2026-04"),
            (Lines{"c1 storage/provider 3 15 2026-03-10T00:00:00Z [b]",
                   "c1 workload/server 1 1250 2026-03-10T00:00:00Z [a]"}));
  EXPECT_EQ(rated(events, "2026-03"),
            (Lines{kAll[0], "c1 workload/server 2 2500 2026-01-10T00:00:00Z [a w]"}));
}

TEST(Lives, ActivatesNothingAtTheInstantOfADeletionAlone) {
  const std::string at = "2026-03-10T00:00:00";
  EXPECT_EQ(rated(kC + on("a", at) + deleted("z", at), "2026-03"), Lines{"a not_alive"});
}

TEST(Lives, FollowsTheTableWhereTheCustomerDoesNotLiveYet) {
  const std::string at = "2026-03-10T00:00:00";
  const std::string events = deleted("a", at) + created("z", at) + on("b", at);
  EXPECT_EQ(rated(events, "2026-03"), Lines{"b not_alive"}) << "created, deleted, then activated";
}

TEST(Lives, SaysNotAliveOfASecondDeletionAtOneInstant) {
  const std::string events =
      kUse + deleted("d1", "2026-03-10T00:00:00") + deleted("d2", "2026-03-10T00:00:00");
  Lines all = kAll;
  all.push_back("d2 not_alive");
  EXPECT_EQ(rated(events, "2026-03"), all);
}

TEST(Lives, TakesTheModeOfTheLifeAtTheFirstInstant) {
  const std::string events =
      created("c", "2026-01-01T00:00:00", "per_gb") + level("s", "2026-01-10T00:00:00", "v", 10) +
      deleted("d", "2026-03-10T00:00:00") + created("c2", "2026-03-11T00:00:00", "per_workload") +
      on("w", "2026-03-12T00:00:00");
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 10 90 2026-01-10T00:00:00Z [s]"});
  EXPECT_EQ(rated(events, "2026-04"), Lines{"c1 workload/server 1 1250 2026-03-12T00:00:00Z [w]"});
}

TEST(Lives, TakesTheModeOfTheFirstCreationWhereItDidNotLiveAtTheFirstInstant) {
  const std::string events =
      created("c", "2026-03-02T00:00:00", "per_gb") + deleted("d", "2026-03-10T00:00:00") +
      created("c2", "2026-03-11T00:00:00", "per_workload") + on("w", "2026-03-12T00:00:00") +
      level("s", "2026-03-12T00:00:00", "v", 10);
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 10 90 2026-03-12T00:00:00Z [s]"});
  EXPECT_EQ(rated(with(events, "2026-03-02", "2026-02-02"), "2026-03"),
            Lines{"c1 storage/provider 10 90 2026-03-12T00:00:00Z [s]"});
}

TEST(Lives, TakesTheModeOfTheNewLifeWhereTheOldOneEndedAtTheFirstInstant) {
  const std::string first = "2026-02-28T23:00:00";
  const std::string events = created("c", "2026-01-02T00:00:00", "per_gb") + deleted("d", first) +
                             created("c2", "2026-03-11T00:00:00", "per_workload") +
                             on("w", "2026-03-12T00:00:00");
  const Lines line = {"c1 workload/server 1 1250 2026-03-12T00:00:00Z [w]"};
  EXPECT_EQ(rated(events, "2026-03"), line);
  EXPECT_EQ(rated(with(events, "2026-03-11T00:00:00", first), "2026-03"), line);
}

TEST(Lives, EndsAModeChangeThatIsStillToCome) {
  const std::string events =
      kC + mode("m", "2026-03-05T00:00:00", "per_gb") + deleted("d", "2026-03-10T00:00:00") +
      created("c2", "2026-03-11T00:00:00", "per_workload") + on("w", "2026-03-12T00:00:00");
  EXPECT_EQ(rated(events, "2026-04"), Lines{"c1 workload/server 1 1250 2026-03-12T00:00:00Z [w]"});
}

TEST(Lives, ReadsALifeWithoutLengthAsTheFirstCreation) {
  const std::string at = "2026-03-02T00:00:00";
  const std::string events = created("c", at, "per_gb") + deleted("d", at) +
                             created("c2", "2026-03-11T00:00:00", "per_workload") +
                             on("w", "2026-03-12T00:00:00") +
                             level("s", "2026-03-12T00:00:00", "v", 10);
  EXPECT_EQ(rated(events, "2026-03"), Lines{"c1 storage/provider 10 90 2026-03-12T00:00:00Z [s]"});
  EXPECT_EQ(
      rated(with(with(events, at, "2026-02-28T23:00:00"), at, "2026-02-28T23:00:00"), "2026-03"),
      Lines{"c1 storage/provider 10 90 2026-03-12T00:00:00Z [s]"});
}

}  // namespace
}  // namespace obhut::billing::test
