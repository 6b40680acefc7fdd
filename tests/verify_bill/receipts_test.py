#!/usr/bin/env python3
"""Receipts from endpoints, held against the lines of bills."""
import json
import pathlib
import unittest

import fixture
from fixture import Export, activated, created, deleted, level, sha256, small, trial

OWN = ("key", "key_of_export")
READ = ("receipts", "receipts_read")
GB = 1_000_000_000


def activation(workload, at, clock="endpoint"):
    return {"schema": "obhut.receipt/1", "kind": "activation", "device": "d0" * 16,
            "received_at": "2026-06-01T12:00:00Z", "subject": "51" * 32, "workload": workload,
            "activated_at": at if "T" in at else at + "T00:00:00Z", "clock": clock}


def storage(event, day, **changes):
    """A day's receipt for the event with which its maximum stood."""
    of = json.loads(event)
    return {"schema": "obhut.receipt/1", "kind": "storage", "device": "d0" * 16,
            "received_at": "2026-06-01T12:00:00Z",
            "subject": sha256(event), "customer": of["customer"], "vault": of["vault"], "location": of["location"],
            "day": day, "bytes": of["bytes"], **changes}


class Receipts(fixture.Folder):
    def setUp(self):
        super().setUp()
        self.receipts = self.folder / "receipts"
        self.receipts.mkdir()
        self.written = 0

    def write(self, export):
        self.export = export.write(self.folder / "export")
        self.events = {json.loads(text)["id"]: text for text in export.texts}

    def give(self, payload, key=fixture.PROVIDER, name=None, **header):
        self.written += 1
        text = payload if isinstance(payload, str) else key.sign("receipt", payload, **header)
        file = self.receipts / (name or f"{self.written}.jws")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def findings(self, *options):
        """Everything said about lines and receipts, as (month or section, code, text)."""
        code, out, err = self.verify(self.export, "--json", "--receipts", self.receipts, *options)
        self.assertEqual(err, "")
        said = [(one.get("month", one["section"]), one["code"], one["text"]) for one in json.loads(out)["findings"]
                if one["section"] == "receipts" or one["code"].startswith(("line", "correction"))]
        return code, said

    def finds(self, wanted, *options):
        code, said = self.findings(*options)
        self.assertEqual([(where, what) for where, what, _ in said if what != "receipts_read"], wanted)
        fails = [what for _, what in wanted if what.endswith(("lacks", "short", "missing", "differs"))]
        self.assertEqual(code, 1 if fails else 0)
        return said


class Lines(Receipts):
    def setUp(self):
        super().setUp()
        self.write(small())

    def give_all(self):
        e = self.events
        for workload, at, clock in (("w1", "2026-01-10", "endpoint"), ("w2", "2026-02-03", "receipt"),
                                    ("w3", "2026-01-20", "endpoint")):
            self.give(activation(workload, at, clock), name=f"host-{workload}/state/a.jws")
        for event, day in (("l1", "2026-01-11"), ("l1", "2026-01-12"), ("l2", "2026-01-12"), ("l1", "2026-02-01"),
                           ("l3", "2026-02-05"), ("l2", "2026-02-07"), ("l3", "2026-03-01"), ("l4", "2026-03-01"),
                           ("l2", "2026-03-31")):
            self.give(storage(e[event], day))

    SUPPORTED = [("2026-01", "line_stored"), ("2026-01", "line_activated"), ("2026-01", "line_stored"),
                 ("2026-02", "line_stored"), ("2026-02", "line_activated"), ("2026-02", "line_activated"),
                 ("2026-02", "line_stored"),
                 ("2026-03", "line_stored"), ("2026-03", "line_activated"), ("2026-03", "line_activated"),
                 ("2026-03", "line_stored"),
                 ("2026-03", "correction_activated"), ("2026-03", "correction_activated")]

    def test_are_supported_by_their_receipts(self):
        self.give_all()
        said = self.finds(self.SUPPORTED)
        self.assertIn(("2026-01", "line_stored", "c1 storage/provider 101: the receipts vouch for up to 101"), said)
        self.assertIn(("2026-03", "correction_activated",
                       "c1 workload/server, correction of 2026-01, now 2: every activation has its receipt"), said)
        self.assertEqual(said[-1][2], "12 read, 0 not counted")

    def test_of_one_month(self):
        self.give_all()
        self.finds([one for one in self.SUPPORTED if one[0] == "2026-01"], "--month", "2026-01")

    def test_without_receipts(self):
        said = self.finds([(month, code.replace("activated", "lacks").replace("stored", "short"))
                           for month, code in self.SUPPORTED])
        self.assertIn(("2026-01", "line_short", "c1 storage/provider 101: the receipts vouch for 0 at most"), said)
        self.assertIn(("2026-03", "line_lacks",
                       "c1 workload/server 2: no receipt for workload-activated-w1, workload-activated-w3"), said)

    def test_from_several_folders(self):
        self.give_all()
        other = self.folder / "more"
        other.mkdir()
        for file in list(self.receipts.glob("*.jws"))[:4]:
            file.rename(other / file.name)
        self.finds(self.SUPPORTED, "--receipts", other)

    def test_an_activation_must_be_the_event(self):
        for receipt in (activation("w1", "2026-01-10T00:00:00.000001Z"), activation("w1", "2026-01-10", "receipt"),
                        activation("w2", "2026-01-10")):
            with self.subTest(receipt):
                self.give(receipt, name="one.jws")
                self.assertIn(("2026-01", "line_lacks"), [one[:2] for one in self.findings("--month", "2026-01")[1]])
        self.give(activation("w1", "2026-01-10T01:00:00+01:00"), name="one.jws")
        self.assertIn(("2026-01", "line_activated"), [one[:2] for one in self.findings("--month", "2026-01")[1]])

    def test_a_month_before_does_not_vouch(self):
        self.give(storage(self.events["l1"], "2025-12-31"))
        self.give(storage(self.events["l1"], "2026-02-01"))
        self.assertIn(("2026-01", "line_short", "c1 storage/provider 101: the receipts vouch for 0 at most"),
                      self.findings("--month", "2026-01")[1])


class Storage(Receipts):
    def test_is_at_most_the_sum_of_each_vaults_highest_day(self):
        a, b, c = level("a", "2026-01-06", 4 * GB), level("b", "2026-01-20", 3 * GB, "B"), level("c", "2026-01-07", 1,
                                                                                                 "C")
        d = level("d", "2026-01-10", 2 * GB)
        self.write(Export().add(created(), a, b, c, d, level("x", "2026-01-06", GB, "A", "local")).close("2026-01"))
        for event, day in ((a, "2026-01-06"), (d, "2026-01-10"), (b, "2026-01-20"), (c, "2026-01-07")):
            self.give(storage(event, day))
        said = self.findings()[1]
        self.assertIn(("2026-01", "line_stored", "c1 storage/provider 6: the receipts vouch for up to 8"), said)
        self.assertIn(("2026-01", "line_short", "c1 storage/local 1: the receipts vouch for 0 at most"), said)

    def test_goes_by_the_steps_of_the_policy(self):
        prices = {**fixture.PRICES, "policies": [{**fixture.PRICES["policies"][0], "gb_step": "0.1"}]}
        event, less = level("a", "2026-01-06", 1_250_000_000), level("b", "2026-01-05", 1_150_000_000)
        self.write(Export(prices=prices).add(created(), event, less).close("2026-01"))
        self.give(storage(less, "2026-01-05"))
        self.assertIn(("2026-01", "line_short", "c1 storage/provider 1.3: the receipts vouch for 1.2 at most"),
                      self.findings()[1])
        self.give(storage(event, "2026-01-06"))
        self.assertIn(("2026-01", "line_stored", "c1 storage/provider 1.3: the receipts vouch for up to 1.3"),
                      self.findings()[1])

    def test_of_a_correction_goes_by_the_month_corrected(self):
        a, late = level("a", "2026-01-06", 4 * GB), level("b", "2026-01-20", 9 * GB)
        self.write(Export().add(created(), a).close("2026-01").add(late,
                                                                   level("c", "2026-01-25", GB)).close("2026-02"))
        for event, day in ((a, "2026-01-06"), (late, "2026-02-20")):
            self.give(storage(event, day))
        self.assertIn(("2026-02", "correction_short",
                       "c1 storage/provider, correction of 2026-01, now 9: the receipts vouch for 4 at most"),
                      self.findings()[1])
        self.give(storage(late, "2026-01-20"))
        self.assertIn(("2026-02", "correction_stored",
                       "c1 storage/provider, correction of 2026-01, now 9: the receipts vouch for up to 9"),
                      self.findings()[1])

    def test_a_credit_for_all_of_a_line_needs_no_receipt(self):
        a = level("a", "2026-01-06", 4 * GB)
        self.write(Export().add(created(), a).close("2026-01").add(level("z", "2026-01-06", 0)).close("2026-02"))
        self.give(storage(a, "2026-01-06"))
        self.finds([("2026-01", "line_stored"), ("2026-02", "correction_of_nothing")])


class Refused(Receipts):
    def setUp(self):
        super().setUp()
        self.write(Export().add(created(), level("a", "2026-01-06", 4 * GB),
                                activated("w", "2026-01-06")).close("2026-01"))

    def not_counted(self, words):
        code, said = self.findings()
        self.assertEqual(code, 1, "the lines lack support")
        self.assertEqual([(where, what) for where, what, _ in said[:2]],
                         [("2026-01", "line_short"), ("2026-01", "line_lacks")])
        self.assertTrue(any(what in ("receipt_refused", "subject_missing", "subject_differs") and words in text
                            for _, what, text in said), said)
        self.assertEqual(said[-1][2].split(", ")[1], "1 not counted")

    def test_signed_by_another_key(self):
        self.give(storage(self.events["a"], "2026-01-06"), key=fixture.STRANGER)
        self.not_counted("1.jws: bears no signature of the provider's key")
        self.give(storage(self.events["a"], "2026-01-06"), key=fixture.STRANGER, kid=fixture.PROVIDER.public,
                  name="1.jws")
        self.not_counted("1.jws: bears no signature of the provider's key")

    def test_malformed(self):
        good = storage(self.events["a"], "2026-01-06")
        for payload, words in [
                ("x", "is no compact JWS"), ("", "is no compact JWS"),
                ({**good, "bytes": 4e9}, "bytes: must be a whole number"),
                ({**good, "bytes": -1}, "bytes: must be at least 0"),
                ({**good, "day": "2026-02-30"}, "day: must be a day"),
                ({**good, "day": "2026-1-6"}, "day: must be a day"),
                ({**good, "location": "attic"}, "location: must be one of"),
                ({**good, "kind": "promise"}, "kind: must be one of"),
                ({**good, "schema": "obhut.receipt/2"}, "schema: must be one of"),
                ({**good, "more": 1}, "more: does not belong here"),
                ({**good, "subject": "51"}, "subject: must be 64"),
                ({name: value for name, value in good.items() if name != "vault"}, "vault: is absent"),
                (fixture.PROVIDER.sign("receipt", '{"schema":"obhut.receipt/1","schema":"obhut.receipt/1"}'),
                 "schema: stands twice"),
                (fixture.PROVIDER.sign("closing", good), "is no document of the type obhut.receipt+jws")]:
            with self.subTest(words):
                self.give(payload, name="x.jws")
                self.not_counted("x.jws: " + words)

    def test_files_that_cannot_be_read(self):
        (self.receipts / "gone.jws").symlink_to(self.folder / "nowhere")
        self.not_counted("gone.jws: is a link that leads nowhere")
        (self.receipts / "gone.jws").unlink()
        with open(self.receipts / "huge.jws", "wb") as file:
            file.truncate(1 << 40)
        self.not_counted("huge.jws: is larger than")

    def test_of_another_partner(self):
        self.give(storage(level("a", "2026-01-06", 9 * GB, "strange"), "2026-01-06"), name="x.jws")
        self.not_counted("x.jws: speaks of customer c1 and vault strange, which are not in the ledger")
        self.give(storage(level("a", "2026-01-06", 9 * GB, customer="c9"), "2026-01-06"), name="x.jws")
        self.not_counted("x.jws: speaks of customer c9 and vault A, which are not in the ledger")
        self.give(activation("w9", "2026-01-06"), name="x.jws")
        self.not_counted("x.jws: speaks of workload w9, which is not in the ledger")

    def test_for_an_event_that_the_ledger_lacks(self):
        """The provider signed for what it then left out: named as a fault, not only as not counted."""
        self.give(storage(level("b", "2026-01-07", 9 * GB), "2026-01-07"), name="x.jws")
        self.not_counted("x.jws is signed for event")
        self.assertIn(("receipts", "subject_missing"), [one[:2] for one in self.findings()[1]])

    def test_for_an_event_that_says_something_else(self):
        for change in ({"bytes": 9 * GB}, {"location": "local"}):
            self.give(storage(self.events["a"], "2026-01-07", **change), name="x.jws")
            self.not_counted("x.jws is signed for event")
            self.assertIn(("receipts", "subject_differs"), [one[:2] for one in self.findings()[1]])

    def test_younger_than_the_export(self):
        self.give(storage(level("b", "2026-07-02", 9 * GB), "2026-07-02", received_at="2026-07-02T00:00:00Z"),
                  name="x.jws")
        self.not_counted("x.jws: is younger than the export")

    def test_change_nothing_where_the_others_suffice(self):
        self.give(storage(self.events["a"], "2026-01-06"))
        self.give(activation("w", "2026-01-06"))
        self.give("x")
        self.give((pathlib.Path(__file__).parents[1] / "data/trust/receipt-commit.jws").read_text())
        (self.receipts / "notes.txt").write_text("not a receipt")
        code, said = self.findings()
        self.assertEqual(code, 0)
        self.assertEqual(said[-1][2], "2 read, 1 not counted")


class Use(Receipts):
    def test_only_what_a_trial_leaves_to_be_charged_needs_receipts(self):
        self.write(Export().add(created(), trial("2026-01-05"), activated("w", "2026-01-06"), deleted("2026-01-20"))
                   .close("2026-01"))
        self.finds([])


if __name__ == "__main__":
    unittest.main()
