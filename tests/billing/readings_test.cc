// How BILLING.md sections 3 and 4 read the rules: order within an instant, lives, modes, rounding,
// zones, evidence. How to read a case: story.h.

#include "tests/billing/story.h"

namespace obhut::billing::test {
namespace {

const std::vector<Case> kReadings = {
    // --- one instant ---
    {"instant: events go by type, whatever their ids",
     "e9=create 03-29T03:00+02; e5=on w1 03-29T03:00+02; e1=level v 03-29T03:00+02 2GB",
     {"2026-03: storage/provider 2 10, workload/server 1 1250"}},
    {"instant: where the customer lives its deletion goes first, then the new life begins",
     "create 01-05 per_gb; level v 01-10 5GB; level w 11-01T00:00+01 1GB; create 11-01T00:00+01;"
     "z=delete 11-01T00:00+01",
     {"2026-10: storage/provider 5 45", "2026-11: storage/provider 1 5 by e3"}},
    {"instant: where it does not, the creation comes before the deletion",
     "a=delete 10-25T02:30+01; z=create 10-25T02:30+01; on w1 10-25T02:30+01",
     {"2026-10: e3 not_alive", "2026-11: nothing"}},
    {"instant: activated and removed at midnight is active in the later month",
     "create 01-05; on w1 04-01T00:00+02; off w1 04-01T00:00+02",
     {"2026-03: nothing", "2026-04: workload/server 1 1250", "2026-05: nothing"}},
    {"instant: removed and activated again at once is one workload, still active",
     "create 01-05; on w1 03-02; off w1 03-29T03:00+02; on w1 03-29T03:00:00.000001+02",
     {"2026-03: workload/server 1 1250 by e4", "2026-04: workload/server 1 1250 by e4"}},
    {"instant: of two levels the last by id alone was ever stored, as bytes sort ids",
     "create 01-05; x9=level v 04-01T00:00+02 1GB; x10=level v 04-01T00:00+02 900GB",
     {"2026-03: nothing", "2026-04: storage/provider 1 5 by x9"}},
    {"instant: a level holds up to, not including, the next",
     "create 01-05; level v 03-31T23:59:59.999999+02 7GB; level v 04-01T00:00+02 0",
     {"2026-03: storage/provider 7 35", "2026-04: nothing"}},

    // --- lives ---
    {"life: between two nothing counts, and notices stand in their own month",
     "create 01-05; delete 03-10; on w1 03-31T23:59:59+02; level v 04-01T00:00+02 5GB;"
     "create 04-10",
     {"2026-03: e3 not_alive", "2026-04: e4 not_alive", "2026-05: nothing"}},
    {"life: what comes a microsecond before the creation is outside, at its instant inside",
     "create 03-29T03:00+02; on w1 03-29T01:59:59.999999+01; on w2 03-29T03:00+02",
     {"2026-03: workload/server 1 1250 by e3, e2 not_alive"}},
    {"life: a second creation changes nothing, not even the mode",
     "create 01-05 per_gb; level v 03-02 10GB; create 03-29T03:00+02",
     {"2026-03 2026-04: storage/provider 10 90"}},
    {"life: first use is when the sum rose above zero in this one",
     "create 01-05; level v 01-10 1GB; level v 02-10 0; delete 03-10; create 03-11;"
     "level v 03-29T03:30+02 2GB",
     {"2026-02: storage/provider 1 5 since 2026-01-10T12:00:00Z",
      "2026-03: storage/provider 2 10 since 2026-03-29T01:30:00Z"}},
    {"life: what the one before stored is gone, whichever vaults follow",
     "create 01-05; level a 01-10 60GB; delete 03-10; create 03-11; level b 03-29T03:30+02 50GB",
     {"2026-03: storage/provider 60 300", "2026-04: storage/provider 50 250"}},
    {"life: two of them in one month charge one workload each that was active, once",
     "create 03-01T00:00+01; on w1 03-02; on w2 03-03; delete 03-10; create 03-20; on w1 03-21",
     {"2026-03: workload/server 2 2500 since 2026-03-03T12:00:00Z by e3 e6",
      "2026-04: workload/server 1 1250 by e6"}},

    // --- the mode of a month ---
    {"mode: that of the first instant, though the life ends and another begins",
     "create 04-01T00:00+02 per_gb; level v 04-02 10GB; delete 04-10; create 04-11; on w1 04-12",
     {"2026-04: storage/provider 10 90", "2026-05: workload/server 1 1250"}},
    {"mode: that of the month's first creation where nobody lived at its first instant",
     "create 01-05; delete 02-10; create 03-02 per_gb; delete 03-03; create 03-29T03:00+02;"
     "on w1 03-30; level v 03-30 10GB",
     {"2026-03: storage/provider 10 90",
      "2026-04: storage/provider 10 50,"
      " workload/server 1 1250"}},
    {"mode: one that is still to come ends with the life",
     "create 01-05; mode 03-29T03:00+02 per_gb; delete 04-01T00:00+02; create 04-01T00:00+02;"
     "on w1 04-02",
     {"2026-04 2026-05: workload/server 1 1250"}},
    {"mode: of two at one instant the last by id",
     "create 01-05; on w1 01-10; m9=mode 10-25T02:30+02 per_workload;"
     "m10=mode 10-25T02:30+02 per_gb",
     {"2026-10 2026-11: workload/server 1 1250"}},

    // --- kinds ---
    {"kind: a workload counts under the last one it had, across the hour that comes twice",
     "create 01-05; on w1 09-10 workstation; off w1 10-25T02:30+02; on w1 10-25T02:30+01",
     {"2026-09: workload/workstation 1 450", "2026-10 2026-11: workload/server 1 1250"}},
    {"kind: the last one that counts, where the later is free in the trial",
     "create 01-05; on w1 03-02 workstation; off w1 03-09; trial 03-10; on w1 03-11;"
     "off w1 04-07T13:00+02",
     {"2026-03: workload/workstation 1 450", "2026-04: nothing"}},

    // --- trials ---
    {"trial: frees what the policy of the month billed names",
     "policy 2026-04 free=storage/*; create 01-05; trial 03-20T12:00+01; on w1 03-21;"
     "level v 03-21 3GB; level v 03-21 4GB vendor; level v 04-10 1GB; level v 04-10 1GB vendor",
     {"2026-03: storage/provider 3 15",
      "2026-04: storage/provider 1 5, storage/vendor 1 7, workload/server 1 1250"}},
    {"trial: its start at the first instant frees what stood before from then on",
     "create 01-05; level v 02-10 9GB vendor; trial 03-01T00:00+01; level v 03-28T12:00+01 2GB "
     "vendor",
     {"2026-02: storage/vendor 9 63", "2026-03: storage/vendor 2 14"}},

    // --- rounding ---
    {"rounding: one byte is a whole step",
     "policy 2026-01 step=0.1; create 01-05 per_gb; level v 03-02 1; level v 03-02 1 local;"
     "level v 03-02 1 vendor",
     {"2026-03: storage/local 0.1 0, storage/provider 0.1 1, storage/vendor 0.1 1"}},
    {"rounding: half a cent goes up, once a line",
     "policy 2026-01 step=0.1; create 01-05; level v 03-02 100000000; level v 04-10 300000000;"
     "level v 05-10 200000000",
     {"2026-03: storage/provider 0.1 1", "2026-04: storage/provider 0.3 2",
      "2026-06: storage/provider 0.2 1"}},
    {"rounding: a byte beyond a full step is the next one",
     "policy 2026-01 step=0.1; create 01-05; level v 03-29T03:00+02 1000000000; level v 04-10 "
     "1000000001",
     {"2026-03: storage/provider 1 5", "2026-04: storage/provider 1.1 6"}},
    {"rounding: the sum is rounded, not each vault",
     "create 01-05; level a 03-02 500000000; level b 03-03 500000000; level c 04-10 1",
     {"2026-03: storage/provider 1 5", "2026-04: storage/provider 2 10"}},
    {"rounding: a policy may count by gibibytes",
     "policy 2026-04 gb=1073741824; create 01-05; level v 03-02 1073741824",
     {"2026-03: storage/provider 2 10", "2026-04: storage/provider 1 5"}},

    // --- corrections ---
    {"correction: other bytes of the same amount are none",
     "create 01-05; level v 03-02 500000000; close 2026-03; level v 03-03 900000000",
     {"2026-04: storage/provider 1 5"}},
    {"correction: a month closed with another price is told by today's",
     "create 01-05; on w1 01-10; close 2026-03;"
     "price per_workload workload/server 2026-03 13000000",
     {"2026-04: workload/server 1 1300, workload/server of 2026-03: 1250 -> 1300"}},
    {"correction: a mode told late moves the month to other products",
     "create 01-05; on w1 01-10; level v 01-10 10GB; close 2026-03; close 2026-04;"
     "mode 03-31T23:59:59+02 per_gb",
     {"2026-05: storage/provider 10 90, storage/provider of 2026-04: 50 -> 90,"
      " workload/server of 2026-04: 1250 -> 0"}},
    {"correction: a customer told of late owes the closed months",
     "create 01-05; close 2026-02; close 2026-03; customer c2; create 02-28T23:00Z per_gb;"
     "level v 03-01T00:00+01 2GB",
     {"2026-04: c2 storage/provider 2 18, c2 storage/provider of 2026-03: 0 -> 18"}},

    // --- zones ---
    {"zone: India's months end at half past six in the evening of UTC",
     "zone Asia/Kolkata; create 01-05; on w1 03-31T18:29:59Z; off w1 03-31T18:30Z",
     {"2026-03: workload/server 1 1250", "2026-04: nothing"}},
    {"zone: New Zealand's summer lasts into April",
     "zone Pacific/Auckland; create 01-05; on w1 03-31T10:59:59Z; off w1 03-31T11:00Z;"
     "on w2 04-30T11:59:59Z; off w2 04-30T12:00Z",
     {"2026-03: workload/server 1 1250 by e2", "2026-04: workload/server 1 1250 by e4",
      "2026-05: nothing"}},
    {"zone: a year ends by local time",
     "create 01-05; level v 12-31T23:00Z 3GB; level v 2027-01-31T22:59:59Z 0",
     {"2026-12: nothing", "2027-01: storage/provider 3 15", "2027-02: nothing"}},

    // --- what is refused ---
    {"refused: two events of one id that differ",
     "create 01-05; x=level v 03-02 1GB; x=level v 03-02 2GB",
     {"2026-03: refused"}},
    {"refused: a customer that is never created",
     "create 01-05; customer c2; on w1 03-29T03:00+02",
     {"2026-01 2026-03: refused"}},
    {"refused: the months in which something without a price is used",
     "create 01-05; on m1 03-31T23:59:59+02 mailbox; off m1 04-01T00:00+02",
     {"2026-02 2026-04: nothing", "2026-03: refused"}},
    {"refused: a month before the first policy",
     "create 2024-11-01; on w1 2024-12-31T23:59:59+01",
     {"2024-12: refused", "2025-01: workload/server 1 1250"}},
};

class Readings : public testing::TestWithParam<Case> {};

TEST_P(Readings, Hold) {
  expect_bills(GetParam());
}

INSTANTIATE_TEST_SUITE_P(BillingMd, Readings, testing::ValuesIn(kReadings), test_name);

}  // namespace
}  // namespace obhut::billing::test
