#!/usr/bin/env python3
"""The rules of metering and billing, one table each: events and a month in, what the bill says out."""
import copy
import json
import unittest

import rating
from fixture import (PRICES, activated, created, deleted, dump, event, level, mode, removed, trial)

GB = 1_000_000_000


def with_policy(**members):
    prices = copy.deepcopy(PRICES)
    prices["policies"][0].update(members)
    return prices


class Rules(unittest.TestCase):
    maxDiff = None

    def check(self, cases, prices=PRICES):
        for name, events, month, wanted in cases:
            with self.subTest(name):
                self.assertEqual(rating.rated(events, month, dump(prices)), wanted)

    def test_the_examples_of_the_rules(self):
        server = [created(), activated("w1", "2026-03-31T21:59:59Z"), removed("w1", "2026-03-31T22:00:00Z")]
        vaults = [created(), level("a1", "2026-02-28T23:00:00Z", 100 * GB), level("a0", "2026-03-09T23:00:00Z", 0),
                  level("b0", "2026-02-27", 0, "B")]
        tried = [created("2026-03-15T11:00:00Z"), trial("2026-03-15T11:00:00Z"),
                 activated("w1", "2026-03-15T11:00:00Z"),
                 level("l", "2026-03-15T23:00:00Z", 50 * GB)]
        stored = "c1 storage/provider 50 250 2026-03-15T23:00:00Z [l]"
        self.check([
            ("the last second of March", server, "2026-03",
             ["c1 workload/server 1 1250 2026-03-31T21:59:59Z [workload-activated-w1]"]),
            ("ended where April begins", server, "2026-04", []),
            ("the maximum of the sum", vaults + [level("b1", "2026-03-19T23:00:00Z", 100 * GB, "B")], "2026-03",
             ["c1 storage/provider 100 500 2026-02-28T23:00:00Z [a1]"]),
            ("both at once", vaults + [level("b1", "2026-03-04T23:00:00Z", 100 * GB, "B")], "2026-03",
             ["c1 storage/provider 200 1000 2026-02-28T23:00:00Z [b1]"]),
            ("in the trial's first month", tried, "2026-03", [stored]),
            ("in the month of conversion", tried, "2026-04",
             [stored, "c1 workload/server 1 1250 2026-03-15T11:00:00Z [workload-activated-w1]"]),
            ("removed before the conversion", tried + [removed("w1", "2026-04-11")], "2026-04", [stored]),
        ])

    def test_1_charging_starts_with_use(self):
        self.check([
            ("a customer without use", [created()], "2026-01", []),
            ("the first byte, anywhere", [created(mode="per_gb"), level("l", "2026-01-09", 1, location="local")],
             "2026-01", ["c1 storage/local 1 2 2026-01-09T00:00:00Z [l]"]),
            ("nothing before the activation", [created(), activated("w", "2026-02-01")], "2026-01", []),
        ])

    def test_2_a_month_counts_in_full(self):
        self.check([
            ("active for no time at all",
             [created(), activated("w", "2026-03-05"), removed("w", "2026-03-05")], "2026-03",
             ["c1 workload/server 1 1250 2026-03-05T00:00:00Z [workload-activated-w]"]),
            ("ended a microsecond into the month",
             [created(), activated("w", "2026-02-05"), removed("w", "2026-02-28T23:00:00.000001Z")], "2026-03",
             ["c1 workload/server 1 1250 2026-02-05T00:00:00Z [workload-activated-w]"]),
            ("a re-activation at the instant of the removal is none",
             [created(), activated("w", "2026-02-05"), activated("w", "2026-02-28T23:00:00Z", id="again"),
              removed("w", "2026-02-28T23:00:00Z")], "2026-03", []),
        ])

    def test_3_storage_is_the_maximum_of_the_sum(self):
        start = "2026-02-28T23:00:00Z"
        self.check([
            ("from before the month", [created(), level("l", "2026-01-09", 7 * GB), level("m", start, 0)],
             "2026-03", []),
            ("up to a microsecond into the month",
             [created(), level("l", "2026-01-09", 7 * GB), level("m", "2026-02-28T23:00:00.000001Z", 0)], "2026-03",
             ["c1 storage/provider 7 35 2026-01-09T00:00:00Z [l]"]),
            ("moved between vaults at one instant",
             [created(), level("a", "2026-03-02", 5 * GB), level("m1", "2026-03-03", 5 * GB, "B"),
              level("m2", "2026-03-03", 0)], "2026-03", ["c1 storage/provider 5 25 2026-03-02T00:00:00Z [a]"]),
            ("of several at one instant the last by id",
             [created(), level("x1", "2026-03-02", 9 * GB), level("x2", "2026-03-02", 2 * GB)], "2026-03",
             ["c1 storage/provider 2 10 2026-03-02T00:00:00Z [x2]"]),
            ("a level replaced at its instant dates no first use",
             [created(), level("x1", "2026-03-02", 9), level("x2", "2026-03-02", 0), level("y", "2026-03-04", 3)],
             "2026-03", ["c1 storage/provider 1 5 2026-03-04T00:00:00Z [y]"]),
            ("the evidence may change nothing",
             [created(), level("x", "2026-02-02", 3 * GB), level("y", start, 0, "B")], "2026-03",
             ["c1 storage/provider 3 15 2026-02-02T00:00:00Z [y]"]),
            ("each location by itself",
             [created(), level("p", "2026-03-02", GB), level("q", "2026-03-03", GB, "A", "local")], "2026-03",
             ["c1 storage/local 1 0 2026-03-03T00:00:00Z [q]", "c1 storage/provider 1 5 2026-03-02T00:00:00Z [p]"]),
        ])

    def test_4_modes(self):
        use = [activated("w", "2026-03-02"), level("l", "2026-03-02", 1)]
        self.check([
            ("per workload", [created()] + use, "2026-03",
             ["c1 storage/provider 1 5 2026-03-02T00:00:00Z [l]",
              "c1 workload/server 1 1250 2026-03-02T00:00:00Z [workload-activated-w]"]),
            ("per GB", [created(mode="per_gb")] + use, "2026-03",
             ["c1 storage/provider 1 9 2026-03-02T00:00:00Z [l]"]),
            ("one line a kind",
             [created(), activated("b", "2026-03-03"), activated("a", "2026-03-04"),
              activated("v", "2026-03-01", "vm")],
             "2026-03", ["c1 workload/server 2 2500 2026-03-03T00:00:00Z [workload-activated-a workload-activated-b]",
                         "c1 workload/vm 1 450 2026-03-01T00:00:00Z [workload-activated-v]"]),
        ])

    def test_5_one_workload_however_often_activated(self):
        again = [created(), activated("w", "2026-03-02"), activated("w", "2026-03-05", "vm", id="again")]
        apart = [created(), activated("w", "2026-03-02"), removed("w", "2026-03-03"),
                 activated("w", "2026-03-05", "vm", id="again")]
        self.check([
            ("re-activation changes nothing, not even the kind", again, "2026-03",
             ["c1 workload/server 1 1250 2026-03-02T00:00:00Z [workload-activated-w]"]),
            ("once, under the last kind", apart, "2026-03", ["c1 workload/vm 1 450 2026-03-05T00:00:00Z [again]"]),
            ("the last kind that counts",
             [created("2026-03-01"), activated("w", "2026-03-01"), removed("w", "2026-03-02"), trial("2026-03-02"),
              activated("w", "2026-03-05", "vm", id="again"), removed("w", "2026-03-06", id="r2")], "2026-03",
             ["c1 workload/server 1 1250 2026-03-01T00:00:00Z [workload-activated-w]"]),
        ])

    def test_6_trials(self):
        begun = [created("2026-03-01T08:00:00Z"), trial("2026-03-01T08:00:00Z")]
        vendor = level("v", "2026-03-02", 9 * GB, "A", "vendor")
        used_up = begun + [deleted("2026-03-10"), created("2026-03-11", id="again")]
        self.check([
            ("free from the start", begun + [activated("w", "2026-03-01T08:00:00Z")], "2026-03",
             ["c1 workload/server 1 1250 2026-03-01T08:00:00Z [workload-activated-w]"]),
            ("removed as it converts", begun + [activated("w", "2026-03-02"), removed("w", "2026-03-29T07:00:00Z")],
             "2026-03", []),
            ("removed a microsecond later",
             begun + [activated("w", "2026-03-02"), removed("w", "2026-03-29T07:00:00.000001Z")], "2026-03",
             ["c1 workload/server 1 1250 2026-03-02T00:00:00Z [workload-activated-w]"]),
            ("free storage counts from the conversion",
             begun + [vendor, level("u", "2026-03-20", 4 * GB, "A", "vendor")], "2026-03",
             ["c1 storage/vendor 4 28 2026-03-02T00:00:00Z [u]"]),
            ("use before it starts is charged",
             [created("2026-03-01"), activated("w", "2026-03-02"), trial("2026-03-03"), removed("w", "2026-03-04")],
             "2026-03", ["c1 workload/server 1 1250 2026-03-02T00:00:00Z [workload-activated-w]"]),
            ("a second one", begun + [trial("2026-03-20", id="t2")], "2026-03", ["t2 trial_used"]),
            ("none in a later life", used_up + [trial("2026-03-12", id="t2"), activated("w", "2026-03-13")],
             "2026-03",
             ["c1 workload/server 1 1250 2026-03-13T00:00:00Z [workload-activated-w]", "t2 trial_used"]),
            ("none in a later life, even if never used",
             [created("2026-03-01"), deleted("2026-03-02"), created("2026-03-03", id="again"), trial("2026-03-04")],
             "2026-03", ["trial trial_used"]),
            ("ends with the life", used_up + [level("v", "2026-03-12", GB, "A", "vendor")], "2026-03",
             ["c1 storage/vendor 1 7 2026-03-12T00:00:00Z [v]"]),
            ("outside any life it uses nothing up",
             [trial("2026-02-01"), created("2026-03-01"), trial("2026-03-01", id="t2"), activated("w", "2026-03-02"),
              removed("w", "2026-03-03")], "2026-03", []),
        ])

    def test_6_a_trial_lasts_until_the_same_local_time(self):
        def ends(start, until, zone="Europe/Berlin", days=28):
            events = [created("2025-01-01"), trial(start), activated("w", start, id="w")]
            prices = dump({**with_policy(trial_days=days), "time_zone": zone})
            free = rating.rated(events + [removed("w", until + "Z")], until[:7], prices)
            paid = rating.rated(events + [removed("w", until + ".000001Z")], until[:7], prices)
            return free == [] and len(paid) == 1

        cases = [
            ("as in the rules", "2026-03-15T11:00:00Z", "2026-04-12T10:00:00"),
            ("into the hour lost in March", "2026-03-01T01:30:00Z", "2026-03-29T01:30:00"),
            ("into the hour that October has twice", "2026-09-27T00:30:00Z", "2026-10-25T00:30:00"),
            ("from the second of the two", "2026-10-25T01:30:00Z", "2026-11-22T01:30:00"),
            ("over no change of the clock", "2026-05-01T10:00:00Z", "2026-05-29T10:00:00"),
        ]
        for name, start, until in cases:
            with self.subTest(name):
                self.assertTrue(ends(start, until))
        self.assertTrue(ends("2026-03-15T11:00:00Z", "2026-04-12T11:00:00", "UTC"))
        self.assertTrue(ends("2026-04-03T14:45:00Z", "2026-04-04T14:45:00", "Australia/Lord_Howe", 1))

    def test_6_policies_of_a_trial(self):
        prices = copy.deepcopy(PRICES)
        later = {**prices["policies"][0], "from": "2026-04", "trial_days": 60, "trial_free": []}
        prices["policies"].append(later)
        begun = [created("2026-03-20"), trial("2026-03-20"), activated("w", "2026-03-21")]
        paid = ["c1 workload/server 1 1250 2026-03-21T00:00:00Z [workload-activated-w]"]
        self.check([
            ("free by the policy of March", begun, "2026-03", []),
            ("not free any more by that of April", begun + [removed("w", "2026-04-05")], "2026-04", paid),
        ], prices)
        self.check([("no days", begun + [trial("2026-03-25", id="t2")], "2026-03", paid + ["t2 trial_used"])],
                   with_policy(trial_days=0))
        self.check([("whatever is named", begun + [level("l", "2026-03-22", 1)], "2026-03", paid)],
                   with_policy(trial_free=["storage/*"]))
        early = [created("2020-01-01"), trial("2020-01-02")]
        self.check([("a start without a policy", early, "2026-03", "no_policy"),
                    ("not before any life", [trial("2020-01-02"), created()], "2026-03", [])])

    def test_7_endings(self):
        stored = [created(), activated("w", "2026-01-10"), level("l", "2026-01-10", 1)]
        both = ["c1 storage/provider 1 5 2026-01-10T00:00:00Z [l]",
                "c1 workload/server 1 1250 2026-01-10T00:00:00Z [workload-activated-w]"]
        self.check([
            ("a cancellation ends nothing", stored + [event("x", "partner.cancelled", "2026-01-11")], "2026-02",
             both),
            ("the month of deletion in full", stored + [deleted("2026-02-01")], "2026-02", both),
            ("the next not", stored + [deleted("2026-02-01")], "2026-03", []),
            ("deleted where the month begins", stored + [deleted("2026-01-31T23:00:00Z")], "2026-02", []),
            ("a removed device's storage stays", stored + [removed("w", "2026-01-20")], "2026-02", both[:1]),
            ("a deletion goes before what shares its instant",
             stored + [created("2026-02-02", id="again"), deleted("2026-02-02"),
                       activated("w", "2026-02-02", id="new")],
             "2026-03", ["c1 workload/server 1 1250 2026-02-02T00:00:00Z [new]"]),
            ("without a life it goes by the table",
             [created("2026-02-02"), activated("w", "2026-02-02"), deleted("2026-02-02")], "2026-02",
             ["workload-activated-w not_alive"]),
            ("a second deletion at the instant", stored + [deleted("2026-02-02"), deleted("2026-02-02", id="d2")],
             "2026-02", both + ["deleted not_alive"]),
        ])

    def test_7_after_the_end(self):
        lives = [created(), level("l", "2026-01-10", 5 * GB), deleted("2026-02-10")]
        self.check([
            ("everything is noticed",
             lives + [activated("w", "2026-02-11", id="a"), removed("w", "2026-02-12", id="b"),
                      level("c", "2026-02-12", 9), mode("2026-02-12", "per_gb", id="d"), trial("2026-02-12", id="e"),
                      deleted("2026-02-12", id="f")], "2026-02",
             ["c1 storage/provider 5 25 2026-01-10T00:00:00Z [l]"] + [f"{id} not_alive" for id in "abcdef"]),
            ("only in its own month", lives + [activated("w", "2026-02-11")], "2026-03", []),
            ("before any life", [activated("w", "2026-01-01"), created()], "2026-01",
             ["workload-activated-w not_alive"]),
            ("a new life has its own first use",
             lives + [created("2026-02-20", id="new"), level("m", "2026-02-21", 9 * GB)],
             "2026-02", ["c1 storage/provider 9 45 2026-02-21T00:00:00Z [m]"]),
            ("a second creation changes nothing",
             lives[:2] + [created("2026-01-20", mode="per_gb", id="second")], "2026-01",
             ["c1 storage/provider 5 25 2026-01-10T00:00:00Z [l]"]),
            ("never created", [level("l", "2026-01-10", 1)], "2026-01", "never_created"),
            ("created long after the month", [created("2027-01-01"), level("l", "2026-01-10", 1)], "2026-01",
             ["l not_alive"]),
        ])

    def test_8_changes_of_mode(self):
        gb, per_workload = "9", "5"  # cents of a GB at the provider

        def cents(events, month):
            said = rating.rated(events + [level("l", "2025-12-31T23:30:00Z", 1), level("m", "2026-03-10", 1, "B")],
                                month, dump(PRICES))
            return said[0].split()[3]

        old = created("2025-06-01")
        cases = [
            ("not in its own month", [old, mode("2026-03-15", "per_gb")], "2026-03", per_workload),
            ("from the next", [old, mode("2026-03-15", "per_gb")], "2026-04", gb),
            ("the month begins after its first instant", [old, mode("2026-02-28T23:00:00Z", "per_gb")], "2026-03",
             per_workload),
            ("a microsecond before it", [old, mode("2026-02-28T22:59:59.999999Z", "per_gb")], "2026-03", gb),
            ("the last of several", [old, mode("2026-02-01", "per_gb"), mode("2026-02-02", "per_workload", id="m2")],
             "2026-03", per_workload),
            ("the last by id at one instant",
             [old, mode("2026-02-01", "per_gb", id="m2"), mode("2026-02-01", "per_workload", id="m1")], "2026-03",
             gb),
            ("the first creation of the month decides",
             [created("2026-03-02", mode="per_gb", id="a"), deleted("2026-03-03"), created("2026-03-04", id="b")],
             "2026-03", gb),
            ("even one of a life without length",
             [created("2026-03-02", mode="per_gb", id="a"), deleted("2026-03-02"), created("2026-03-04", id="b")],
             "2026-03", gb),
            ("the next month has the later life's",
             [created("2026-03-02", mode="per_gb", id="a"), deleted("2026-03-03"),
                                                     created("2026-03-04", id="b")], "2026-04", per_workload),
            ("who lives at the first instant keeps the mode",
             [old, deleted("2026-03-03"), created("2026-03-04", mode="per_gb", id="b")], "2026-03", per_workload),
            ("re-created at the first instant",
             [old, deleted("2026-02-28T23:00:00Z"), created("2026-02-28T23:00:00Z", mode="per_gb", id="b")],
             "2026-03", gb),
            ("deleted at the first instant, created later",
             [old, deleted("2026-02-28T23:00:00Z"), created("2026-03-05", mode="per_gb", id="b")], "2026-03", gb),
            ("a change to come ends with the life",
             [old, mode("2026-02-10", "per_gb"), deleted("2026-02-11"), created("2026-02-12", id="b")], "2026-03",
             per_workload),
        ]
        for name, events, month, wanted in cases:
            with self.subTest(name):
                self.assertEqual(cents(events, month), wanted)

    def test_8_changes_of_prices(self):
        prices = copy.deepcopy(PRICES)
        prices["prices"] += [{"mode": "per_workload", "product": "storage/provider", "from": first, "micro": micro}
                             for first, micro in (("2026-03", 70_000), ("2026-05", 10_000))]
        prices["policies"].append({**prices["policies"][0], "from": "2026-04", "gb_bytes": 1 << 30})
        events = [created(), level("l", "2026-01-10", 10 * GB)]
        said = "c1 storage/provider {} {} 2026-01-10T00:00:00Z [l]".format
        self.check([("before", events, "2026-02", [said(10, 50)]),
                    ("the new price", events, "2026-03", [said(10, 70)]),
                    ("the new policy", events, "2026-04", [said(10, 70)]),
                    ("the last", events, "2027-01", [said(10, 10)]),
                    ("none for the product", [created(), activated("w", "2026-01-10", "site")], "2026-01",
                     "no_price"),
                    ("none, but not in use", [created(mode="per_gb"), activated("w", "2026-01-10", "site")],
                     "2026-01", []),
                    ("no policy for the month", [], "2024-12", "no_policy")], prices)

    def test_9_repeated_events(self):
        one = level("l", "2026-03-02", 1)
        other = dict(reversed(json.loads(one).items()))
        said = ["c1 storage/provider 1 5 2026-03-02T00:00:00Z [l]"]
        self.check([
            ("delivered twice", [created(), one, one], "2026-03", said),
            ("with its members in another order", [created(), one, dump(other)], "2026-03", said),
            ("with other content", [created(), one, dump({**other, "bytes": 2})], "2026-03", "other_content"),
            ("with an unknown member more", [created(), one, dump({**other, "x": 1})], "2026-03", "other_content"),
            ("with the number written otherwise", [created(), one, one.replace(":1}", ":1.0}")], "2026-03",
             "not_integer"),
            ("an unknown number written otherwise", [created(), one[:-1] + ',"x":1}', one[:-1] + ',"x":1.0}'],
             "2026-03",
             "other_content"),
            ("a number is no string", [created(), one[:-1] + ',"x":1}', one[:-1] + ',"x":"1"}'], "2026-03",
             "other_content"),
            ("a list is no number", [created(), one[:-1] + ',"x":1}', one[:-1] + ',"x":["1"]}'], "2026-03",
             "other_content"),
            ("the same instant spelt otherwise",
             [created(), one, one.replace("T00:00:00.000000Z", "T00:00:00Z")], "2026-03", "other_content"),
        ])

    def test_9_late_events_are_corrected_once(self):
        first = [created(), level("l", "2026-01-10", 10 * GB)]
        late = first + [level("late", "2026-01-11", 30 * GB), activated("w", "2026-02-10")]
        prices, bills = dump(PRICES), []
        for month, events in (("2026-01", first), ("2026-02", first), ("2026-03", late), ("2026-04", late)):
            bills.append(rating.ours(events, prices, month, bills).decode())
        corrections = ["c1 storage/provider corrects 2026-01: 50 -> 150 [late]",
                       "c1 storage/provider corrects 2026-02: 50 -> 150 [late]",
                       "c1 workload/server corrects 2026-02: 0 -> 1250 [workload-activated-w]"]
        lines = ["c1 storage/provider 30 150 2026-01-10T00:00:00Z [late]",
                 "c1 workload/server 1 1250 2026-02-10T00:00:00Z [workload-activated-w]"]
        march = rating.rated(late, "2026-03", prices, bills[:2])
        self.assertEqual(march, lines + corrections)
        self.assertEqual(rating.rated(late, "2026-04", prices, bills[:3]), lines, "once")
        self.assertEqual(rating.rated(late, "2026-05", prices, bills[:3]), lines, "a preview has none")
        self.assertEqual(rating.rated(late, "2026-02", prices, bills[:3]), lines, "nor has a closed month")
        self.assertEqual(rating.rated(first, "2026-05", prices, bills),
                         ["c1 storage/provider 10 50 2026-01-10T00:00:00Z [l]",
                          "c1 storage/provider corrects 2026-01: 150 -> 50 [l]",
                          "c1 storage/provider corrects 2026-02: 150 -> 50 [l]",
                          "c1 storage/provider corrects 2026-03: 150 -> 50 [l]",
                          "c1 storage/provider corrects 2026-04: 150 -> 50 [l]",
                          "c1 workload/server corrects 2026-02: 1250 -> 0 []",
                          "c1 workload/server corrects 2026-03: 1250 -> 0 []",
                          "c1 workload/server corrects 2026-04: 1250 -> 0 []"], "credits")
        self.assertEqual(rating.rated([], "2026-02", prices, bills[:1]),
                         ["c1 storage/provider corrects 2026-01: 50 -> 0 []"], "a customer that is gone")

    def test_9_closed_bills(self):
        def closed(month, currency="EUR"):
            return dump({"month": month, "currency": currency, "lines": [], "corrections": []})

        prices = dump(PRICES)
        early = [created("2025-01-01"), level("l", "2025-06-01", 1)]
        self.assertEqual(rating.rated(early, "2026-03", prices, [closed("2026-01"), closed("2026-02")])[1:],
                         ["c1 storage/provider corrects 2026-01: 0 -> 5 [l]",
                          "c1 storage/provider corrects 2026-02: 0 -> 5 [l]"],
                         "months before the first are not corrected")
        self.assertEqual(rating.rated(early, "2026-04", prices, [closed("2026-01"), closed("2026-03")]), "closed_gap")
        self.assertEqual(rating.rated(early, "2026-02", prices, [closed("2026-01", "USD")]), "other_currency")
        self.assertEqual(rating.rated([], "2025-01", prices, [closed("2024-12")]), "no_policy")

    def test_10_clocks(self):
        on = [created(), activated("a", "2026-03-02", clock="receipt"), activated("b", "2026-03-01")]
        self.check([
            ("one receipt clock marks the line", on, "2026-03",
             ["c1 workload/server 2 2500 2026-03-01T00:00:00Z "
              "[workload-activated-a workload-activated-b] receipt clock"]),
            ("endpoint is the default", [created(),
                                         event("w", "workload.activated", "2026-03-02", workload="w", kind="vm")],
             "2026-03", ["c1 workload/vm 1 450 2026-03-02T00:00:00Z [w]"]),
            ("fractions are cut off", [created(), activated("w", "2026-03-02T10:00:00.999999Z")], "2026-03",
             ["c1 workload/server 1 1250 2026-03-02T10:00:00Z [workload-activated-w]"]),
        ])

    def test_months_in_other_time_zones(self):
        def counts(zone, at, month):
            prices = dump({**PRICES, "time_zone": zone})
            events = [created("2000-01-01"), activated("w", at), removed("w", at)]
            return bool(rating.rated(events, month, prices.replace("2025-01", "2000-01")))

        cases = [
            ("Europe/Berlin", "2026-02-28T22:59:59.999999Z", "2026-03", False),
            ("Europe/Berlin", "2026-02-28T23:00:00Z", "2026-03", True),
            ("Europe/Berlin", "2026-03-31T22:00:00Z", "2026-03", False),
            ("Europe/Berlin", "2026-10-31T23:00:00Z", "2026-10", False),
            ("Europe/Berlin", "2026-10-31T22:59:59Z", "2026-10", True),
            ("UTC", "2026-03-01T00:00:00Z", "2026-03", True),
            ("America/Havana", "2026-11-01T04:00:00Z", "2026-11", True),  # the first of two midnights
            ("America/Havana", "2026-11-01T03:59:59Z", "2026-11", False),
            ("America/Asuncion", "2017-10-01T03:59:59Z", "2017-10", False),  # midnight is skipped
            ("America/Asuncion", "2017-10-01T04:00:00Z", "2017-10", True),
            ("America/St_Johns", "2009-11-01T02:31:00Z", "2009-11", True),  # the clock says 31 October again
        ]
        for zone, at, month, wanted in cases:
            with self.subTest(f"{zone} {at}"):
                self.assertEqual(counts(zone, at, month), wanted)

    def test_the_month_of_a_trial_where_a_clock_shows_the_old_month_again(self):
        """In St. John's it was 31 October again a minute into November 2009."""
        prices = {**copy.deepcopy(PRICES), "time_zone": "America/St_Johns"}
        prices["policies"] = [{**prices["policies"][0], "from": first, "trial_days": days}
                              for first, days in (("2009-10", 1), ("2009-11", 20))]
        text = dump(prices).replace("2025-01", "2009-01")
        for start, is_november in [("2009-11-01T02:29:59Z", False), ("2009-11-01T02:30:00Z", True),
                                   ("2009-11-01T02:45:00Z", True), ("2009-11-01T03:30:00Z", True)]:
            events = [created("2009-10-05"), trial(start), activated("w", start), removed("w", "2009-11-10")]
            self.assertEqual(rating.rated(events, "2009-11", text) == [], is_november, start)

    def test_3_arithmetic(self):
        cases = [  # bytes, step, quantity, cents at 0.05
            (0, "1", None, None), (1, "1", "1", 5), (GB, "1", "1", 5), (GB + 1, "1", "2", 10), (1, "0.1", "0.1", 1),
            (1_250_000_000, "0.1", "1.3", 7), (1_300_000_001, "0.1", "1.4", 7), (GB, "0.10", "1", 5),
            (1, "0.001", "0.001", 0), (98_000_001, "0.001", "0.099", 0), (99_000_001, "0.001", "0.1", 1),
            (1, "2.5", "2.5", 13), (2_500_000_001, "2.5", "5", 25), (1, "100", "100", 500),
            (18 * 10 ** 18, "1", "18000000000", 90_000_000_000)]
        for size, step, quantity, cents in cases:
            with self.subTest(size=size, step=step):
                self.assertEqual(rating.rated([created(), level("l", "2026-03-02", size)], "2026-03",
                                              dump(with_policy(gb_step=step))),
                                 [f"c1 storage/provider {quantity} {cents} 2026-03-02T00:00:00Z [l]"] if size else [])

    def test_amounts_that_no_bill_can_hold(self):
        most = (1 << 64) - 1
        dear = copy.deepcopy(PRICES)
        for price in dear["prices"]:
            price["micro"] = 5 * 10 ** 18
        self.check([("an amount", [created(), level("l", "2026-03-02", most)], "2026-03", "too_large_sum"),
                    ("a total", [created(), level("l", "2026-03-02", 18_000 * GB),
                                 level("m", "2026-03-02", 18_000 * GB, "A", "vendor")], "2026-03", "too_large_sum")],
                   dear)

    def test_sorts_by_the_bytes_of_utf8(self):
        names = ["b", "ä", "B", "\U0001f600", "\uffff", ""]
        events = [text for name in names for text in (created(customer=name),
                                                      level("l" + name, "2026-03-02", 1, customer=name))]
        said = rating.rated(events, "2026-03", dump(PRICES))
        self.assertEqual([line.split(" storage")[0] for line in said], sorted(names, key=lambda name: name.encode()))

    def test_any_order_and_number_gives_the_same_bytes(self):
        events = [created(), activated("w", "2026-03-05"), level("l", "2026-03-05", 5), trial("2026-03-05"),
                  removed("w", "2026-04-20"), created(customer="c2"), level("m", "2026-03-01", 7, customer="c2")]
        once = rating.ours(events, dump(PRICES), "2026-03")
        self.assertEqual(rating.ours(events[::-1] + events, dump(PRICES), "2026-03"), once)
        known = rating.EventSet()  # arriving one by one, each asked about at once
        for text in [events[0], events[5]] + events[1:][::-1]:
            known.add(text)
            now = rating.bill.rate(known, rating.PriceList(dump(PRICES)), rating.parse_month("2026-03"))
        self.assertEqual(rating.bill_text.to_json(now), once)


if __name__ == "__main__":
    unittest.main()
