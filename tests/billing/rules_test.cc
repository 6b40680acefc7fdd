// BILLING.md section 2, rule by rule: each inside a month and on its edges, where clocks change, in
// a trial, around a deletion. Berlin is UTC+1 until 29 March 2026, 02:00 (then 03:00), and again
// from 25 October, 03:00 (then 02:00). Prices: rating.h. How to read a case: story.h.

#include <map>

#include "tests/billing/story.h"

namespace obhut::billing::test {
namespace {

const std::vector<Case> kRules = {
    // --- charging starts with use ---
    {"rule 1: an order, a trial and a change of mode charge nothing",
     "create 01-05; trial 01-06; mode 02-10 per_gb; cancel 03-29",
     {"2026-01 2026-02 2026-03 2026-10: nothing"}},
    {"rule 1: per_gb starts with the first byte, here in the last second of October",
     "create 01-05 per_gb; level v 10-31T23:59:59+01 1 local",
     {"2026-09: nothing", "2026-10 2026-11: storage/local 1 2 since 2026-10-31T22:59:59Z"}},
    {"rule 1: a vault of no bytes is no use, and a byte at midnight is the later month's",
     "create 01-05 per_gb; level v 03-10 0; level v 04-01T00:00+02 1",
     {"2026-03: nothing", "2026-04: storage/provider 1 9 since 2026-03-31T22:00:00Z"}},
    {"rule 1: per_workload starts with the activation, here as summer time begins",
     "create 01-05; on w1 03-29T03:00+02",
     {"2026-02: nothing", "2026-03: workload/server 1 1250 since 2026-03-29T01:00:00Z"}},
    {"rule 1: an activation counts at its instant, whatever date its offset shows",
     "create 01-05; on w1 04-01T05:59:59+08",
     {"2026-03: workload/server 1 1250 since 2026-03-31T21:59:59Z"}},

    // --- whole months ---
    {"rule 2: one hour of the night that has it twice charges October",
     "create 01-05; on w1 10-25T02:30+02; off w1 10-25T02:30+01",
     {"2026-10: workload/server 1 1250 since 2026-10-25T00:30:00Z", "2026-11: nothing"}},
    {"rule 2: the 29th alone charges a leap year's February",
     "create 2028-01-05; on w1 2028-02-29T00:00+01; off w1 2028-02-29T23:59:59+01",
     {"2028-01: nothing", "2028-02: workload/server 1 1250", "2028-03: nothing"}},
    {"rule 2: so does the last microsecond of the 29th",
     "create 2028-01-05; on w1 2028-02-29T23:59:59.999999+01; off w1 2028-03-01T00:00+01",
     {"2028-02: workload/server 1 1250", "2028-03: nothing"}},
    {"rule 2: one second of storage on New Year's Eve charges December",
     "create 01-05; level v 12-31T23:59:59+01 3GB; level v 2027-01-01T00:00+01 0",
     {"2026-12: storage/provider 3 15", "2027-01: nothing"}},
    {"rule 2: a deletion after one minute shortens nothing",
     "create 03-29T00:00+01; on w1 03-29T00:00+01; delete 03-29T00:01+01",
     {"2026-03: workload/server 1 1250", "2026-04: nothing"}},

    // --- the maximum of the sum, by location ---
    {"rule 3: maxima of two vaults that never meet are not added",
     "create 01-05; level a 03-02 60GB; level a 03-10 0; level b 03-10 50GB",
     {"2026-03: storage/provider 60 300", "2026-04: storage/provider 50 250"}},
    {"rule 3: one microsecond in which both stand adds them",
     "create 01-05; level a 03-02 60GB; level b 03-10T12:00Z 50GB;"
     "level a 03-10T12:00:00.000001Z 0",
     {"2026-03: storage/provider 110 550 by e3", "2026-04: storage/provider 50 250"}},
    {"rule 3: what stood before November counts, though it shrinks a microsecond later",
     "create 01-05; level v 10-10 80GB; level v 11-01T00:00:00.000001+01 10GB",
     {"2026-10 2026-11: storage/provider 80 400", "2026-12: storage/provider 10 50"}},
    {"rule 3: what shrinks as November begins was October's",
     "create 01-05; level v 10-10 80GB; level v 11-01T00:00+01 10GB",
     {"2026-10: storage/provider 80 400", "2026-11: storage/provider 10 50"}},
    {"rule 3: bytes that move to another location count in both",
     "create 01-05 per_gb; level v 03-02 40GB local; level v 03-20 0 local; level v 03-20 40GB",
     {"2026-03: storage/local 40 80, storage/provider 40 360", "2026-04: storage/provider 40 360"}},
    {"rule 3: a peak between the two half past twos of 25 October",
     "create 01-05; level v 10-01 20GB; level v 10-25T02:30+02 30GB; level v 10-25T02:30+01 25GB",
     {"2026-10: storage/provider 30 150 by e3", "2026-11: storage/provider 25 125 by e4"}},

    // --- what the modes charge ---
    {"rule 4: per_workload charges workloads by kind and storage by location",
     "create 01-05; on w1 03-02; on w2 03-03 workstation; on w3 03-04 workstation;"
     "level v 03-05 2GB; level v 03-05 7GB local",
     {"2026-03: storage/local 7 0, storage/provider 2 10, workload/server 1 1250,"
      " workload/workstation 2 900"}},
    {"rule 4: per_gb charges the same storage at its own prices, and no device",
     "create 01-05 per_gb; on w1 03-02; on w2 03-03 workstation; on w3 03-04 workstation;"
     "level v 03-05 2GB; level v 03-05 7GB local",
     {"2026-03: storage/local 7 14, storage/provider 2 18"}},
    {"rule 4: a workload that comes and goes counts once, to the last second",
     "create 01-05; on w1 03-02; off w1 03-03; on w1 03-20; off w1 03-21;"
     "on w1 03-31T23:59:59+02",
     {"2026-03 2026-04: workload/server 1 1250 since 2026-03-31T21:59:59Z by e6"}},
    {"rule 4: one ends as March begins, another begins as it ends: one each",
     "create 01-05; on w1 01-10; off w1 03-01T00:00+01; on w2 03-31T23:59:59+02",
     {"2026-02: workload/server 1 1250 by e2", "2026-03 2026-04: workload/server 1 1250 by e4"}},
    {"rule 4: any kind that has a price, here where clocks change",
     "price per_workload workload/mailbox 2026-01 1990000;"
     "create 01-05; on m1 03-29T01:59:59+01 mailbox; on m2 10-25T02:30+02 mailbox",
     {"2026-03: workload/mailbox 1 199", "2026-10: workload/mailbox 2 398"}},

    // --- one machine, one licence ---
    {"rule 5: re-installations keep the licence and its first date, month after month",
     "create 01-05; on w1 01-10; on w1 03-29T03:30+02; on w1 04-01T00:00+02;"
     "on w1 10-25T02:30+01",
     {"2026-03 2026-04 2026-10: workload/server 1 1250 since 2026-01-10T12:00:00Z by e2"}},
    {"rule 5: a cloned image is a second workload from the instant it shows",
     "create 01-05; on w1 01-10; on clone 04-01T00:00+02",
     {"2026-03: workload/server 1 1250",
      "2026-04: workload/server 2 2500 since 2026-01-10T12:00:00Z by e2 e3"}},
    {"rule 5: a clone of March's last second is charged in March",
     "create 01-05; on w1 01-10; on clone 03-31T23:59:59+02",
     {"2026-03: workload/server 2 2500"}},
    {"rule 5: after its removal the same machine begins a licence anew",
     "create 01-05; on w1 01-10; off w1 02-10; on w1 03-10",
     {"2026-02: workload/server 1 1250 since 2026-01-10T12:00:00Z by e2",
      "2026-03: workload/server 1 1250 since 2026-03-10T12:00:00Z by e4"}},

    // --- trials ---
    {"rule 6: across the end of summer time a trial lasts 673 hours",
     "create 01-05; trial 10-10T12:00+02; on w1 10-11; off w1 11-07T12:00+01",
     {"2026-10 2026-11 2026-12: nothing"}},
    {"rule 6: whoever stays a microsecond longer pays the month of conversion",
     "create 01-05; trial 10-10T12:00+02; on w1 10-11; off w1 11-07T12:00:00.000001+01",
     {"2026-10: nothing", "2026-11: workload/server 1 1250 since 2026-10-11T12:00:00Z",
      "2026-12: nothing"}},
    {"rule 6: in a leap year the trial of all February ends on the 29th, and the month is charged",
     "create 2028-01-05; trial 2028-02-01T00:00+01; on w1 2028-02-02",
     {"2028-01: nothing", "2028-02: workload/server 1 1250"}},
    {"rule 6: unless its use ends at that midnight",
     "create 2028-01-05; trial 2028-02-01T00:00+01; on w1 2028-02-02; off w1 2028-02-29T00:00+01",
     {"2028-02 2028-03: nothing"}},
    {"rule 6: a trial from March's first instant converts in March",
     "create 01-05; trial 03-01T00:00+01; on w1 03-01T00:00+01",
     {"2026-02: nothing", "2026-03: workload/server 1 1250"}},
    {"rule 6: vendor storage counts from the conversion on, not by what stood before it",
     "create 01-05; trial 03-10T12:00+01; level v 03-11 90GB vendor;"
     "level v 04-07T11:59+02 20GB vendor; level v 04-20 25GB vendor",
     {"2026-03: nothing", "2026-04: storage/vendor 25 175 since 2026-03-11T12:00:00Z by e5"}},
    {"rule 6: provider and local storage cost from the trial's first byte",
     "create 01-05; trial 03-10T12:00+01; level v 03-10T12:00+01 1; level v 03-10T12:00+01 1 local;"
     "level x 03-11 9GB vendor",
     {"2026-03: storage/local 1 0, storage/provider 1 5"}},
    {"rule 6: a second trial in one life is none",
     "create 01-05; trial 02-02; trial 03-28; on w1 03-30",
     {"2026-03: workload/server 1 1250, e3 trial_used", "2026-04: workload/server 1 1250"}},
    {"rule 6: a trial of the first life is not given to the second",
     "create 01-05; trial 01-06; delete 01-20; create 03-29T03:00+02; trial 03-29T03:00+02;"
     "on w1 03-30",
     {"2026-03: workload/server 1 1250, e5 trial_used"}},
    {"rule 6: nor to a life that begins as the first one ends",
     "create 01-05; delete 03-10; create 03-10; trial 03-10; on w1 03-11",
     {"2026-03: workload/server 1 1250, e4 trial_used"}},
    {"rule 6: a trial ends with its life, on the edge of a month too",
     "create 01-05; trial 03-20; on w1 03-21; delete 04-01T00:00+02; create 04-01T00:00+02;"
     "on w1 04-01T00:00+02",
     {"2026-03: nothing", "2026-04: workload/server 1 1250 by e6"}},
    {"rule 6: a workload of the second before the trial is charged for that month alone",
     "create 01-05; on w1 02-28T23:59:59+01; trial 03-01T00:00+01; off w1 03-28T23:59:59+01",
     {"2026-02: workload/server 1 1250", "2026-03: nothing"}},
    {"rule 6: in New York it ends at a local time that does not exist",
     "zone America/New_York; create 01-05; trial 02-08T02:30-05; on w1 02-09;"
     "off w1 03-08T02:30-05",
     {"2026-02 2026-03: nothing"}},
    {"rule 6: and not later, read with the offset before the change",
     "zone America/New_York; create 01-05; trial 02-08T02:30-05; on w1 02-09;"
     "off w1 03-08T02:30:00.000001-05",
     {"2026-02: nothing", "2026-03: workload/server 1 1250"}},
    {"rule 6: there it ends on 1 November at half past one, which comes twice",
     "zone America/New_York; create 01-05; trial 10-04T01:30-04; on w1 10-05;"
     "off w1 11-01T01:30-04",
     {"2026-10 2026-11: nothing"}},
    {"rule 6: at the first of the two",
     "zone America/New_York; create 01-05; trial 10-04T01:30-04; on w1 10-05;"
     "off w1 11-01T01:30:00.000001-04",
     {"2026-10: nothing", "2026-11: workload/server 1 1250"}},
    {"rule 6: its days are those of the month in which it starts",
     "policy 2026-04 days=14; create 01-05; trial 03-31T23:59+02; on w1 04-01;"
     "off w1 04-28T23:58+02",
     {"2026-04: nothing"}},
    {"rule 6: a minute later it has April's",
     "policy 2026-04 days=14; create 01-05; trial 04-01T00:00+02; on w1 04-01;"
     "off w1 04-15T00:00:00.000001+02",
     {"2026-04: workload/server 1 1250"}},

    // --- endings ---
    {"rule 7: a partner's cancellation ends nothing, whenever it comes",
     "create 01-05; on w1 01-10; level v 01-10 2GB; cancel 03-29T03:00+02; cancel 04-01T00:00+02",
     {"2026-03 2026-04 2026-10: storage/provider 2 10, workload/server 1 1250"}},
    {"rule 7: a deletion in the hour that comes twice: October in full, November not",
     "create 01-05; on w1 01-10; level v 01-10 2GB; delete 10-25T02:30+02",
     {"2026-10: storage/provider 2 10, workload/server 1 1250", "2026-11: nothing"}},
    {"rule 7: a deletion as November begins leaves nothing to charge in it",
     "create 01-05; on w1 01-10; level v 01-10 2GB; delete 11-01T00:00+01",
     {"2026-10: storage/provider 2 10, workload/server 1 1250", "2026-11: nothing"}},
    {"rule 7: a microsecond later November is charged in full",
     "create 01-05; on w1 01-10; level v 01-10 2GB; delete 11-01T00:00:00.000001+01",
     {"2026-11: storage/provider 2 10, workload/server 1 1250", "2026-12: nothing"}},
    {"rule 7: a removed device's recovery points are charged until they are deleted",
     "create 01-05; on w1 01-10; level v 01-10 10GB; off w1 03-10; level v 05-01T00:00+02 0",
     {"2026-03: storage/provider 10 50, workload/server 1 1250", "2026-04: storage/provider 10 50",
      "2026-05: nothing"}},
    {"rule 7: a deletion amid the trial: no licence ever, provider storage for the month",
     "create 01-05; trial 03-10; on w1 03-11; level v 03-11 3GB; level v 03-11 3GB vendor;"
     "delete 03-20",
     {"2026-03: storage/provider 3 15", "2026-04: nothing"}},

    // --- modes, prices and policies change with the month ---
    {"rule 8: a mode of October's last microsecond is November's",
     "create 01-05; on w1 01-10; level v 01-10 10GB; mode 10-31T23:59:59.999999+01 per_gb",
     {"2026-10: storage/provider 10 50, workload/server 1 1250",
      "2026-11: storage/provider 10 90"}},
    {"rule 8: a mode of November's first instant is December's",
     "create 01-05; on w1 01-10; level v 01-10 10GB; mode 11-01T00:00+01 per_gb",
     {"2026-11: storage/provider 10 50, workload/server 1 1250",
      "2026-12: storage/provider 10 90"}},
    {"rule 8: there and back on both sides of a midnight is one month of the other mode",
     "create 01-05; on w1 01-10; level v 01-10 10GB; mode 03-31T23:59:59+02 per_gb;"
     "mode 04-01T00:00+02 per_workload",
     {"2026-03 2026-05: storage/provider 10 50, workload/server 1 1250",
      "2026-04: storage/provider 10 90"}},
    {"rule 8: each mode has its own prices, from their month on",
     "price per_workload storage/provider 2026-04 60000; price per_gb storage/provider 2026-04 "
     "80000; create 01-05; level v 03-02 10GB; customer c2; create 01-05 per_gb;"
     "level v 03-02 10GB",
     {"2026-03: storage/provider 10 50, c2 storage/provider 10 90",
      "2026-04: storage/provider 10 60, c2 storage/provider 10 80"}},
    {"rule 8: of several prices the latest that has begun holds",
     "price per_workload workload/server 2026-10 15000000;"
     "price per_workload workload/server 2026-03 20000000; create 01-05; on w1 01-10",
     {"2026-02: workload/server 1 1250", "2026-03 2026-09: workload/server 1 2000",
      "2026-10 2026-11: workload/server 1 1500"}},
    {"rule 8: a policy with a finer step counts from its month on",
     "policy 2026-04 step=0.1; create 01-05; level v 03-02 1250000000",
     {"2026-03: storage/provider 2 10", "2026-04: storage/provider 1.3 7"}},

    // --- late and repeated events ---
    {"rule 9: every event once more, backwards, changes nothing",
     "create 01-05; trial 02-02; on w1 03-29T03:30+02; off w1 03-30; level v 03-10 10GB;"
     "level v 03-11 4GB; repeat",
     {"2026-02: nothing", "2026-03: storage/provider 10 50, workload/server 1 1250",
      "2026-04: storage/provider 4 20"}},
    {"rule 9: late storage corrects its closed month in the next one, and in no other",
     "create 01-05; level v 03-02 10GB; close 2026-03; level v 03-29T03:30+02 500GB;"
     "level v 03-30 10GB",
     {"2026-04: storage/provider 10 50, storage/provider of 2026-03: 50 -> 2500",
      "2026-05: storage/provider 10 50"}},
    {"rule 9: a removal told late credits March from its first instant",
     "create 01-05; on w1 01-10; close 2026-03; off w1 03-01T00:00+01",
     {"2026-04: workload/server of 2026-03: 1250 -> 0"}},
    {"rule 9: a microsecond into March it credits nothing",
     "create 01-05; on w1 01-10; close 2026-03; off w1 03-01T00:00:00.000001+01",
     {"2026-04: nothing"}},
    {"rule 9: what a correction has billed is corrected in its turn",
     "create 01-05; close 2026-02; close 2026-03; on w1 02-28T23:59:59+01; close 2026-04;"
     "off w1 03-31T23:59+02; level v 02-10 2GB",
     {"2026-05: storage/provider 2 10, storage/provider of 2026-02: 0 -> 10,"
      " storage/provider of 2026-03: 0 -> 10, storage/provider of 2026-04: 0 -> 10,"
      " workload/server of 2026-04: 1250 -> 0"}},
    {"rule 9: a trial told late gives back what was billed in it",
     "create 01-05; on w1 03-11; close 2026-03; trial 03-10",
     {"2026-04: workload/server 1 1250, workload/server of 2026-03: 1250 -> 0"}},
    {"rule 9: a deletion told late gives back the months after its own",
     "create 01-05; on w1 01-10; level v 01-10 2GB; close 2026-02; close 2026-03;"
     "delete 02-28T23:59:59+01",
     {"2026-04: storage/provider of 2026-03: 10 -> 0, workload/server of 2026-03: 1250 -> 0"}},
    {"rule 9: what belongs to the open month corrects nothing, from its first instant on",
     "create 01-05; on w1 01-10; close 2026-03; on w2 04-01T00:00+02",
     {"2026-04: workload/server 2 2500"}},

    // --- clocks ---
    {"rule 10: an endpoint's date in a closed month counts there",
     "create 01-05; close 2026-03; on w1 03-31T23:59:59+02",
     {"2026-04: workload/server 1 1250 since 2026-03-31T21:59:59Z,"
      " workload/server of 2026-03: 0 -> 1250"}},
    {"rule 10: one that does not count leaves the receipt, and the line says so",
     "create 01-05; close 2026-03; on w1 04-01T00:00+02 receipt",
     {"2026-04: workload/server 1 1250 receipt clock since 2026-03-31T22:00:00Z"}},
    {"rule 10: the note goes with the activation that had that clock",
     "create 01-05; on w1 01-10 receipt; off w1 03-01T00:00+01; on w2 02-10",
     {"2026-02: workload/server 2 2500 receipt clock", "2026-03: workload/server 1 1250"}},
    {"rule 10: each kind says for itself, storage never",
     "create 01-05; on w1 03-29T03:00+02 receipt; on w2 03-30 workstation; level v 03-30 1GB",
     {"2026-03: storage/provider 1 5, workload/server 1 1250 receipt clock,"
      " workload/workstation 1 450"}},

    // --- bytes that were measured ---
    {"rule 11: a level that is measured again is the same bytes",
     "create 01-05; level v 03-02 10GB; level v 03-29T03:30+02 10GB; level v 04-01T00:00+02 10GB",
     {"2026-03: storage/provider 10 50 by e2",
      "2026-04: storage/provider 10 50 since 2026-03-02T12:00:00Z by e4"}},
    {"rule 11: what maintenance frees in the night of 25 October lowers November",
     "create 01-05; level v 10-02 10GB; level v 10-25T02:30+01 8GB",
     {"2026-10: storage/provider 10 50", "2026-11: storage/provider 8 40"}},
    {"rule 11: what it frees as April begins lowers April",
     "create 01-05; level v 03-02 10GB; level v 04-01T00:00+02 8GB",
     {"2026-03: storage/provider 10 50", "2026-04: storage/provider 8 40"}},
    {"rule 11: what the agent tells of local storage is not the provider's",
     "create 01-05 per_gb; level v 03-02 10GB; level v 03-31T23:59:59+02 12GB local",
     {"2026-03 2026-04: storage/local 12 24, storage/provider 10 90"}},

    // --- names ---
    {"rule 12: a customer may be a pseudonym",
     "customer 7f3a9c; create 01-05; on w1 03-29T03:30+02; level v 04-01T00:00+02 1",
     {"2026-03: 7f3a9c workload/server 1 1250",
      "2026-04: 7f3a9c storage/provider 1 5, 7f3a9c workload/server 1 1250"}},
    {"rule 12: no machine, vault or person is named in a bill",
     "say host kiste-7; say user anna; create 01-05; on laptop 03-02; trial 03-03; trial 03-04;"
     "level documents 03-31T23:59:59+02 1GB",
     {"2026-03: storage/provider 1 5, workload/server 1 1250, e4 trial_used"},
     {"kiste", "anna", "laptop", "documents"}},
    {"rule 12: nor in a correction",
     "say host kiste-7; say user anna; create 01-05; close 2026-03;"
     "on laptop 03-31T23:59:59+02; level documents 03-29T03:30+02 1GB",
     {"2026-04: storage/provider 1 5, workload/server 1 1250,"
      " storage/provider of 2026-03: 0 -> 5, workload/server of 2026-03: 0 -> 1250"},
     {"kiste", "anna", "laptop", "documents"}},
};

class Rules : public testing::TestWithParam<Case> {};

TEST_P(Rules, Charge) {
  expect_bills(GetParam());
}

INSTANTIATE_TEST_SUITE_P(BillingMd, Rules, testing::ValuesIn(kRules), test_name);

TEST(RulesTable, HoldsEveryRuleTwiceOrMore) {
  std::map<std::string, int> cases;
  for (const Case& each : kRules) ++cases[split(each.name, ':').at(0)];
  EXPECT_EQ(cases.size(), 12U);
  for (const auto& [rule, count] : cases) EXPECT_GE(count, 2) << rule;
}

}  // namespace
}  // namespace obhut::billing::test
