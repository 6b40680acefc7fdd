#!/usr/bin/env python3
"""Local levels, which rest on what devices signed."""
import base64
import json
import pathlib
import random
import unittest

import fixture
from fixture import Export, Key, created, level, sha256, small, write_measurements

from verify_bill import measurements
from verify_bill.trouble import BadInput

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "trust"
DEVICE, SUCCESSOR = Key(31), Key(32)
A, B = "aa" * 16, "bb" * 16
GB = 1_000_000_000


def measured(number, size, /, key=DEVICE, vault=A, header=None, **changes):
    """A device's document; `changes` replace members of its payload, `header` those of its header."""
    return key.sign("measurement", {
        "schema": "obhut.measurement/1", "device": key.device(), "vault": vault, "location": "local",
        "number": number, "bytes": size, "measured_at": "2026-01-06T03:00:00Z", **changes}, **header or {})


def other_at(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def local(id, at, size, vault=A, **members):
    """A level that names no measurement."""
    return fixture.event(id, "storage.level", at, vault=vault, location="local", bytes=size, **members)


class Measurements(fixture.Folder):
    def setUp(self):
        super().setUp()
        self.whole = (Export().add(created(mode="per_gb"), level("p", "2026-01-06", 5 * GB))
                      .measure("2026-01-07", measured(1, 3 * GB))
                      .measure("2026-01-08", measured(1, GB, vault=B))
                      .measure("2026-01-09", measured(2, 7 * GB)))
        self.ids = list(self.whole.measurements)  # in the order of their rows: 3, 4, 5

    def write(self, *lines):
        """Closes the month and writes the export; `lines` stand instead of its measurements."""
        self.export = self.whole.close("2026-01").write(self.folder / "export")
        if lines:
            write_measurements(self.export, lines)

    def lines(self):
        return sorted(self.whole.measurements.items())

    def finds(self, wanted, *words):
        """That exactly these codes fail or are notes, and that each of `words` stands in the text."""
        code, found = self.found(self.export, "--key", fixture.PROVIDER.public)
        self.assertEqual(found, {("measurements", one) for one in wanted})
        _, out, err = self.verify(self.export)
        self.assertEqual(err, "")
        for one in words:
            self.assertIn(one, out)
        return code

    def fails(self, wanted, *words):
        self.assertEqual(self.finds(wanted, *words), 1)

    def holds(self, wanted, *words):
        self.assertEqual(self.finds(wanted, *words), 0)


class Whole(Measurements):
    def test_vouch_for_every_local_level(self):
        self.write()
        self.holds(set(), "ok      measurements: local levels as devices measured and signed them: 3; devices: 1\n")
        self.assertIn("ok      Messungen: lokale Stände, wie Geräte sie maßen und unterschrieben: 3; Geräte: 1\n",
                      self.verify(self.export, "--lang", "de")[1])
        self.holds(set())

    def test_are_checked_whatever_month_is_asked_for(self):
        self.write(*self.lines()[1:])
        code, found = self.found(self.export, "--month", "2026-01")
        self.assertEqual(code, 1)
        self.assertIn(("measurements", "level_unmeasured"), found)

    def test_stand_in_any_order(self):
        self.write(*reversed(self.lines()))
        self.holds(set())

    def test_leave_the_bill_of_a_running_month_as_it_is(self):
        self.write()
        with_them = self.verify(self.export, "--rate", "2026-02")
        (self.export / "measurements.jsonl").unlink()
        self.assertEqual(with_them[0], 0)
        self.assertEqual(self.verify(self.export, "--rate", "2026-02"), with_them)

    def test_may_come_to_one_row_twice(self):
        """The ledger's reader takes an event once, whatever the number of deliveries."""
        self.whole.add(self.whole.texts[2])
        self.write()
        self.holds(set(), "signed them: 3; devices: 1")
        write_measurements(self.export, [line for line in self.lines() if line[0] != self.ids[0]])
        self.fails({"level_unmeasured"}, "row 3: ")

    def test_of_no_local_level_say_nothing(self):
        for name, text in (("without", None), ("with", "")):
            export = small().write(self.folder / name)
            if text is not None:
                (export / "measurements.jsonl").write_text(text)
            code, out, _ = self.verify(export)
            self.assertEqual(code, 0)
            self.assertNotIn("measurements", out)


class Absent(Measurements):
    def test_leave_the_providers_word(self):
        self.whole.measurements = None
        self.write()
        self.holds({"measurements_none"}, "note    measurements: there is no measurements.jsonl, which exports of "
                   "earlier versions lack: local levels are the provider's word alone (3 of them)")

    def test_an_empty_file_is_no_missing_one(self):
        self.whole.measurements = {}
        self.write()
        self.fails({"level_unmeasured"}, f"FAILED  measurements: row 3: vault {A} of customer c1: no measurement "
                   f"vouches for event {self.ids[0]}", f"row 4: vault {B} of", "row 5: ")

    def test_one_of_them(self):
        del self.whole.measurements[self.ids[1]]
        self.write()
        self.fails({"level_unmeasured"}, f"row 4: vault {B} of customer c1: no measurement")

    def test_of_a_level_that_names_none(self):
        self.whole.add(local("l1", "2026-01-10", 9 * GB, B))
        self.write()
        self.fails({"level_unmeasured"}, f"row 6: vault {B} of customer c1: no measurement vouches for event l1")


class Changed(Measurements):
    def test_in_a_byte(self):
        event, document = self.lines()[0]
        self.write()
        for at in (5, len(document) // 2, len(document) - 9):
            with self.subTest(at=at):
                write_measurements(self.export, [(event, other_at(document, at)), *self.lines()[1:]])
                self.fails({"measurement_refused", "level_unmeasured"},
                           "not counted: measurements.jsonl: line 1: event: is not measured- and the SHA-256 of the "
                           "document\n", f"vouches for event {event}")

    def test_in_a_byte_and_named_after_it(self):
        event, document = self.lines()[0]
        other = other_at(document, len(document) - 9)
        self.write(("measured-" + sha256(other), other), *self.lines()[1:])
        self.fails({"measurement_refused", "level_unmeasured"},
                   "line 1: document: bears no good signature of the key that it names", f"vouches for event {event}")

    def refused(self, document, words):
        """That a level is not vouched for by this document, although both name one another."""
        self.whole.measure("2026-01-10", document, vault=B, size=2 * GB)
        self.write(*self.lines())
        line = 1 + [document for _, document in self.lines()].index(document)
        self.fails({"measurement_refused", "level_unmeasured"}, f"line {line}: document{words}",
                   f"row 6: vault {B} of customer c1: no measurement vouches for event measured-{sha256(document)}")

    def test_signed_by_a_key_that_is_not_the_devices(self):
        self.refused(measured(2, 2 * GB, fixture.STRANGER, B, device=DEVICE.device()),
                     ".device: is not the device of the key that signed")

    def test_signed_by_another_key_than_it_names(self):
        self.refused(measured(2, 2 * GB, fixture.STRANGER, B, {"kid": DEVICE.public}, device=DEVICE.device()),
                     ": bears no good signature of the key that it names")

    def test_of_another_location(self):
        self.refused(measured(2, 2 * GB, vault=B, location="provider"), ".location: must be one of: local")

    def test_of_another_type(self):
        document = measured(2, 2 * GB, vault=B, header={"typ": "obhut.receipt+jws"})
        self.refused(document, ": is no document of the type obhut.measurement+jws")

    def test_of_other_bytes(self):
        self.whole.measure("2026-01-10", measured(3, 2 * GB), size=4 * GB)
        self.write()
        self.fails({"measurement_differs"}, f"row 6: vault {A} of customer c1 holds 4000000000 bytes, but the device "
                   f"measured vault {A}: 2000000000 bytes")

    def test_of_another_vault(self):
        self.whole.measure("2026-01-10", measured(3, 2 * GB), vault=B)
        self.whole.measure("2026-01-11", measured(2, 2 * GB, vault=B))
        self.write()
        self.fails({"measurement_differs"}, f"row 6: vault {B} of customer c1 holds 2000000000 bytes, but the device "
                   f"measured vault {A}: ")

    def test_into_another_row(self):
        """Changed in the ledger, where no chain would show it: what the device signed does."""
        self.whole.texts[2] = self.whole.texts[2].replace(":3000000000}", ":4000000000}")
        self.write()
        self.fails({"measurement_differs"}, "row 3: ")

    def test_in_a_bit_anywhere(self):
        self.write()
        file = self.export / "measurements.jsonl"
        good = file.read_bytes()
        for seed in range(100):
            chance = random.Random(seed)
            at = chance.randrange(len(good))
            with self.subTest(seed=seed, at=at):
                file.write_bytes(good[:at] + bytes([good[at] ^ 1 << chance.randrange(8)]) + good[at + 1:])
                code, _, err = self.verify(self.export)
                self.assertIn(code, (1, 2))
                self.assertEqual(err.count("\n"), 1 if code == 2 else 0)


class TooMany(Measurements):
    def test_for_an_event_that_the_ledger_lacks(self):
        document = measured(3, 99 * GB)
        self.write(*self.lines(), ("measured-" + sha256(document), document))
        self.fails({"measurement_surplus"},
                   f"line 4: the ledger has no measured local level with event measured-{sha256(document)}")

    def test_for_what_is_no_measured_local_level(self):
        for name, changes in (("provider", {"location": "provider"}), ("created", None)):
            document = measured(3, 2 * GB)
            whole = Export().add(created(mode="per_gb"))
            if changes:
                whole.measure("2026-01-10", document, **changes)
            else:
                whole.add(created(id="measured-" + sha256(document), at="2026-01-06")).measurements = {
                    "measured-" + sha256(document): document}
            self.export = whole.close("2026-01").write(self.folder / name)
            self.fails({"measurement_surplus"}, "line 1: the ledger has no measured local level")

    def test_for_one_event(self):
        self.write(*self.lines(), self.lines()[1])
        self.fails({"measurement_twice"}, f"line 4: event {self.lines()[1][0]} stands there already")

    def test_are_named_up_to_a_number_and_counted(self):
        for number in range(40):
            self.whole.measure("2026-01-10", measured(3 + number, number))
        self.whole.measurements = {}
        self.write()
        self.fails({"level_unmeasured", "measurements_more"}, "and 23 more faults in measurements")
        self.assertEqual(self.verify(self.export)[1].count("no measurement vouches"), 20)


class Order(Measurements):
    def goes_backwards(self, number):
        self.whole.measure("2026-01-10", measured(number, 8 * GB))
        self.write()
        self.fails({"measurement_backwards"}, f"row 6: vault {A} of customer c1: measurement {number} of device "
                   f"{DEVICE.device()} stands after its measurement 2")

    def test_does_not_go_backwards(self):
        self.goes_backwards(1)

    def test_does_not_stand_still(self):
        self.goes_backwards(2)

    def test_is_that_of_the_ledger_and_not_of_the_clock(self):
        self.whole.measure("2026-01-05", measured(3, 8 * GB))
        self.write()
        self.holds(set())

    def test_may_leave_numbers_out(self):
        self.whole.measure("2026-01-10", measured((1 << 64) - 1, 8 * GB))
        self.write()
        self.holds(set())

    def test_goes_on_after_one_that_went_backwards(self):
        for number in (9, 3, 8, 10):
            self.whole.measure("2026-01-10", measured(number, 8 * GB))
        self.write()
        self.fails({"measurement_backwards"})
        self.assertEqual(self.verify(self.export)[1].count("stands after its measurement 9"), 2)

    def test_a_device_that_was_replaced_is_noted(self):
        self.whole.measure("2026-01-10", measured(1, GB, SUCCESSOR)).measure("2026-01-11", measured(2, GB, SUCCESSOR))
        self.write()
        self.holds({"signer_changed"}, f"note    measurements: row 6: vault {A} of customer c1 is measured by device "
                   f"{SUCCESSOR.device()} from here on, before by {DEVICE.device()}", "signed them: 5; devices: 2")
        self.assertEqual(self.verify(self.export)[1].count("from here on"), 1)

    def test_a_device_that_was_replaced_does_not_come_back(self):
        self.whole.measure("2026-01-10", measured(1, GB, SUCCESSOR)).measure("2026-01-11", measured(3, GB))
        self.write()
        self.fails({"signer_changed", "signer_returned"}, f"FAILED  measurements: row 7: vault {A} of customer c1 is "
                   f"measured by device {DEVICE.device()} again, which {SUCCESSOR.device()} had replaced")

    def test_a_device_that_comes_back_counts_on(self):
        self.whole.measure("2026-01-10", measured(1, GB, SUCCESSOR))
        self.whole.measure("2026-01-11", measured(1, GB)).measure("2026-01-12", measured(3, GB))
        self.write()
        self.fails({"signer_changed", "signer_returned", "measurement_backwards"},
                   f"measurement 1 of device {DEVICE.device()} stands after its measurement 2")
        self.assertEqual(self.verify(self.export)[1].count(" again, which "), 1)

    def test_changes_of_devices_are_counted_where_they_are_many(self):
        for number in range(25):
            self.whole.measure("2026-01-10", measured(1, GB, Key(100 + number)))
        self.write()
        self.holds({"signer_changed", "signers_more"}, "and 5 more changes of the device", "devices: 26")


class Reasons(Measurements):
    def test_are_noted_with_their_counts(self):
        self.whole.add(local("f1", "2026-01-10", 0, reason="forgotten"),
                       local("f2", "2026-01-10", 0, B, reason="forgotten"),
                       local("r1", "2026-01-11", 2 * GB, reason="recounted"),
                       local("r2", "2026-01-12", GB, reason="recounted"),
                       fixture.event("o1", "storage.level", "2026-01-11", vault="C", location="provider", bytes=1,
                                     reason="object-missing"))
        self.write()
        self.holds({"levels_corrected"}, "signed them: 3",
                   "note    measurements: local levels by the provider's word, not measured: 2 forgotten, "
                   "at most 0 bytes", "not measured: 2 recounted, at most 2000000000 bytes")
        self.assertNotIn("object-missing", self.verify(self.export)[1])
        (self.export / "measurements.jsonl").unlink()
        self.holds({"levels_corrected", "measurements_none"}, "2 forgotten", "(3 of them)")


class Malformed(Measurements):
    def refused(self, line, words):
        write_measurements(self.export, [*self.lines(), line])
        code, out, err = self.verify(self.export)
        self.assertEqual((code, out, err.count("\n")), (2, "", 1))
        self.assertIn(f"measurements.jsonl: line 4: {words}", err)

    def test_lines_are_refused(self):
        self.write()
        event, document = self.lines()[0]
        for line, words in [("", "is no whole JSON"), ("[]", "must be an object"), ("{}", "event: is absent"),
                            ({"event": event}, "document: is absent"),
                            ({"event": event, "document": {}}, "document: must be a string"),
                            ({"event": 7, "document": document}, "event: must be a string"),
                            ({"event": event, "document": document, "n": 1}, "n: does not belong here"),
                            ('{"event":"a","event":"a","document":"b"}', "event: stands twice"),
                            ('{"event":"a","document":"\\ud800"}', "is no UTF-8")]:
            with self.subTest(words):
                self.refused(line if isinstance(line, str) else fixture.dump(line), words)

    def test_files_are_refused(self):
        self.write()
        file = self.export / "measurements.jsonl"
        with open(file, "ab") as opened:
            opened.truncate(1 << 40)
        self.assertIn("measurements.jsonl: line 4: is larger than", self.verify(self.export)[2])
        for make, words in ((lambda: file.symlink_to(self.folder / "gone"), "is a link that leads nowhere"),
                            (file.mkdir, "is no regular file")):
            file.unlink()
            make()
            code, _, err = self.verify(self.export)
            self.assertEqual(code, 2)
            self.assertIn("measurements.jsonl: " + words, err)


class Documents(unittest.TestCase):
    def test_the_golden_one_does_not_follow_from_its_key(self):
        with self.assertRaises(BadInput) as caught:
            measurements.parse((DATA / "measurement.jws").read_bytes())
        self.assertEqual((caught.exception.code, caught.exception.field), ("other_device", "device"))

    def test_a_device_is_named_after_its_key(self):
        """As in the golden request for escrow, whose device follows from the key that signed."""
        parts = (DATA / "escrow-request.jws").read_text().split(".")[:2]
        header, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in parts)
        self.assertEqual(measurements.device_id(header["kid"]), payload["device"])

    def test_say_what_a_device_measured(self):
        found = measurements.parse(measured(7, 123).encode())
        self.assertEqual(found, measurements.Measurement(DEVICE.device(), A, 7, 123))

    def test_have_these_members(self):
        for name, value in [("schema", "obhut.measurement/2"), ("device", "aa"), ("vault", A.upper()),
                            ("location", "vendor"), ("number", 0), ("number", 1.0), ("number", 1 << 64),
                            ("bytes", -1), ("bytes", 10 ** 18 + 1), ("bytes", "5"), ("measured_at", "now"),
                            ("more", 1)]:
            with self.subTest(name, value=value), self.assertRaises(BadInput) as caught:
                measurements.parse(measured(7, 123, **{name: value}).encode())
            self.assertEqual(caught.exception.field, name)
        measurements.parse(measured((1 << 64) - 1, 10 ** 18).encode())


if __name__ == "__main__":
    unittest.main()
