#!/usr/bin/env python3
"""Input that cannot be used: one line that names file, line and field, exit code 2, and never a traceback."""
import json
import os
import pathlib
import random
import re
import string
import subprocess
import sys
import tempfile
import unittest

import fixture
import rating
from fixture import activated, created, dump, level, small

from verify_bill import messages

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "verify-bill"


class Input(fixture.Folder):
    def setUp(self):
        super().setUp()
        self.export = small().write(self.folder / "export")
        self.ledger = self.export / "ledger.jsonl"

    def refused(self, words, *options):
        code, out, err = self.verify(self.export, *options)
        self.assertEqual((code, out), (2, ""), err)
        self.assertEqual(err.count("\n"), 1)
        self.assertIn(words, err)

    def change_line(self, number, change):
        lines = self.ledger.read_bytes().split(b"\n")
        lines[number - 1] = change(lines[number - 1])
        self.ledger.write_bytes(b"\n".join(lines))

    def change_head(self, **members):
        file = self.export / "export.json"
        file.write_text(dump({**json.loads(file.read_text()), **members}))


class Files(Input):
    def test_that_are_missing(self):
        self.ledger.unlink()
        self.refused("ledger.jsonl: is missing")
        (self.export / "export.json").unlink()
        self.refused("export.json: is missing")
        self.export = self.folder / "nowhere"
        self.refused("nowhere: is no folder")
        self.export = TOOL
        self.refused("verify-bill: is no folder")

    def test_that_are_links_to_nowhere(self):
        self.ledger.unlink()
        self.ledger.symlink_to(self.folder / "gone")
        self.refused("ledger.jsonl: is a link that leads nowhere")
        self.ledger.unlink()
        self.ledger.symlink_to(self.ledger)
        self.refused("ledger.jsonl: cannot be read")

    def test_that_are_no_files(self):
        self.ledger.unlink()
        self.ledger.mkdir()
        self.refused("ledger.jsonl: is no regular file")
        (self.export / "export.json").unlink()
        os.mkfifo(self.export / "export.json")
        self.refused("export.json: is no regular file")
        (self.export / "export.json").unlink()
        (self.export / "export.json").symlink_to("/dev/zero")
        self.refused("export.json: is no regular file")

    def test_links_of_single_files_are_findings(self):
        for name in ("bills/2026-02.json", "closings/2026-02.jws"):
            with self.subTest(name):
                copy = self.copy(self.export, name.replace("/", "-"))
                (copy / name).unlink()
                (copy / name).symlink_to(self.folder / "gone")
                code, out, _ = self.verify(copy)
                self.assertEqual(code, 1)
                self.assertIn(f"2026-02: {name}: is a link that leads nowhere", out)

    def test_folders_that_are_none(self):
        for name in ("bills", "closings", "prices"):
            copy = self.copy(self.export, name)
            for file in (copy / name).iterdir():
                file.unlink()
            (copy / name).rmdir()
            self.assertIn(self.verify(copy)[0], (0, 1))
            (copy / name).write_text("x")
            self.assertIn(self.verify(copy)[0], (1, 2))

    def test_that_are_too_many_are_named(self):
        for name in ("notes.txt", "bills/2026-02.json~", "bills/2026-13.json", "closings/x.jws", "prices/x.json"):
            (self.export / name).write_text("x")
        code, out, _ = self.verify(self.export)
        self.assertEqual(code, 0)
        self.assertEqual(out.count("is no part of an export and was not looked at"), 5)

    def test_that_are_huge(self):
        with open(self.export / "bills/2026-02.json", "wb") as file:
            file.truncate(1 << 40)
        code, out, _ = self.verify(self.export)
        self.assertEqual(code, 1)
        self.assertIn("bills/2026-02.json: is larger than", out)
        with open(self.ledger, "ab") as file:
            file.truncate(1 << 40)
        self.refused("ledger.jsonl: line 11: is larger than")
        with open(self.export / "export.json", "wb") as file:
            file.truncate(1 << 40)
        self.refused("export.json: is larger than")


class Head(Input):
    def test_is_strict(self):
        for members, words in [({"schema": "obhut.ledger-export/2"}, "schema: must be one of"),
                               ({"partner": "01"}, "partner: must be 32"),
                               ({"provider_key": "AB" * 32}, "provider_key: must be 64"),
                               ({"made_at": "now"}, "made_at: must be"),
                               ({"rows": 10.0}, "rows: must be a whole number"),
                               ({"rows": -1}, "rows: must be at least 0"),
                               ({"rows": True}, "rows: must be a whole number"),
                               ({"head": None}, "head: must be a string"),
                               ({"more": 1}, "more: does not belong here")]:
            with self.subTest(words):
                before = (self.export / "export.json").read_text()
                self.change_head(**members)
                self.refused("export.json: " + words)
                (self.export / "export.json").write_text(before)

    def test_is_json(self):
        good = (self.export / "export.json").read_bytes()
        for data, words in [(b"", "no whole JSON"), (good[:-5], "no whole JSON"), (b"[]", "must be an object"),
                            (good + b"x", "no whole JSON"),
                            (b"\xef\xbb\xbf" + good, "no whole JSON"),
                            (good.replace(b"{", b"\x00{"), "no whole JSON"),
                            (good.replace(b"2026", b"\xff026"), "no UTF-8"), (b"[" * 100_000, "nests deeper than 64"),
                            (good.replace(b"}", b',"rows":10}'), "rows: stands twice"),
                            (good.replace(b'"rows":10', b'"rows":1e1'), "rows: must be a whole"),
                            (good.replace(b'"rows":10,', b""), "rows: is absent")]:
            with self.subTest(words, data=data[:30]):
                (self.export / "export.json").write_bytes(data)
                self.refused("export.json: ")
                self.refused(words)


class Ledger(Input):
    def test_lines_are_strict(self):
        def replaced(one, other):
            return lambda line: line.replace(one, other)

        for change, words in [
                (lambda line: line[:-20], "no whole JSON"), (lambda line: b"", "no whole JSON"),
                (lambda line: line[:40] + b"\x00" + line[40:], "no whole JSON"),
                (lambda line: b"\xff" + line, "no UTF-8"),
                (lambda line: b"7", "must be an object"),
                (replaced(b'"number":4', b'"number":4.0'), "number: must be a whole number"),
                (replaced(b'"number":4', b'"number":"4"'), "number: must be a whole number"),
                (replaced(b'"number":4', b'"number":0'), "number: must be at least 1"),
                (replaced(b'"number":4', b'"number":4,"number":4'), "number: stands twice"),
                (replaced(b'"number":4', b'"number":4,"n":4'), "n: does not belong here"),
                (replaced(b'"number":4,', b""), "number: is absent"),
                (replaced(b'"received":"2026', b'"received":"x2026'), "received: must be an RFC 3339"),
                (replaced(b'"hash":"', b'"hash":"0'), "hash: must be 64"),
                (lambda line: dump({**json.loads(line), "event": {}}).encode(), "event: must be a string")]:
            with self.subTest(words):
                before = self.ledger.read_bytes()
                self.change_line(4, change)
                self.refused("ledger.jsonl: line 4: ")
                self.refused(words)
                self.ledger.write_bytes(before)

    def test_events_are_strict(self):
        good = level("x", "2026-03-05", 5)
        for event, words in [
                ("", "event: is no whole JSON"), ("[]", "event: must be an object"),
                (good[:-1], "event: is no whole JSON"),
                (good.replace(":5}", ":5.0}"), "event.bytes: must be a whole"),
                (good.replace(":5}", ":5e0}"), "event.bytes: must be a whole"),
                (good.replace(":5}", ":-1}"), "event.bytes: must be at least 0"),
                (good.replace(":5}", ":18446744073709551616}"), "event.bytes: must be at least 0"),
                (good.replace(":5}", ':5,"bytes":5}'), "event.bytes: stands twice"),
                (good.replace(":5}", ':5,"reason":7}'), "event.reason: must be a string"),
                (good.replace("provider", "attic"), "event.location: must be one of"),
                (good.replace(".000000Z", ".0000001Z"), "event.at: must be"),
                (good.replace("storage.level", "storage.delta"), "event.type: is of an unknown type"),
                (good.replace('"id":"x"', '"id":"\\ud800"'), "event: is no UTF-8"),
                (good.replace('"id":"x"', '"id":7'), "event.id: must be a string"),
                (good.replace('"customer":"c1",', ""), "event.customer: is absent"),
                (activated("w", "2026-03-05", clock="mine"), "event.clock: must be one of"),
                (created(mode="free", id="y"), "event.mode: must be one of"),
                (level("l1", "2026-01-11", 1), "event.id: event l1 stands there with other content")]:
            with self.subTest(words):
                before = self.ledger.read_bytes()
                self.change_line(6, lambda line: dump({**json.loads(line), "event": event}).encode())
                self.refused("ledger.jsonl: line 6: " + words)
                self.ledger.write_bytes(before)

    def test_customers_are_created(self):
        self.export = fixture.Export().add(level("l", "2026-01-05", 1)).close("2026-01",
                                                                              b"{}").write(self.folder / "never")
        code, out, _ = self.verify(self.export)
        self.assertEqual(code, 1)
        self.assertIn("2026-01: comes to no bill: customer: customer c1 was never created", out)

    def test_months_without_time_zones_come_to_no_bill(self):
        self.export = fixture.Export().add(created()).close("2038-01", b"{}").write(self.folder / "late")
        code, out, _ = self.verify(self.export)
        self.assertEqual(code, 1)
        self.assertIn("2038-01: comes to no bill: 2038-01 is after 2037", out)

    def test_the_last_line_may_lack_its_end(self):
        self.ledger.write_bytes(self.ledger.read_bytes()[:-1])
        self.assertEqual(self.verify(self.export)[0], 0)


class PriceLists(Input):
    def refused_with(self, text, words):
        self.export = fixture.Export(prices=text).add(created()).close("2026-01", b"{}") \
            .write(tempfile.mkdtemp(dir=self.folder))
        self.refused(f"prices/{fixture.sha256(text)}.json: ")
        self.refused(words)

    def test_are_strict(self):
        good = dump(fixture.PRICES)
        self.refused_with(good.replace('"currency":"EUR",', ""), "currency: is absent")
        self.refused_with(good.replace("Europe/Berlin", "Europe/Bonn"),
                          "time_zone: is no known time zone: Europe/Bonn")
        for zone in ("", "Europe", "../Berlin", "/etc/passwd", "right/UTC", "\\u0000"):
            self.refused_with(good.replace("Europe/Berlin", zone), "time_zone: is no known time zone")
        self.refused_with(good.replace("1000000000", "1e9"), "policies[0].gb_bytes: must be a whole number")
        self.refused_with(good.replace("1000000000", "0"), "policies[0].gb_bytes: must be at least 1")
        for step in ("0", "0.00", "", "-1", "1,5", "1e3", "x", "9" * 100):
            self.refused_with(good.replace('"gb_step":"1"', f'"gb_step":"{step}"'),
                              "policies[0].gb_step: must be a decimal")
        self.refused_with(good.replace('"gb_step":"1"', '"gb_step":1'), "policies[0].gb_step: must be a string")
        self.refused_with(good.replace(':28', ':28.0'), "policies[0].trial_days: must be a whole number")
        for free in ('["*"]', '["storage/attic"]', '["attic/*"]', '[7]'):
            self.refused_with(good.replace('["workload/*","storage/vendor"]', free),
                              "policies[0].trial_free: must name products")
        self.refused_with(good.replace('["workload/*","storage/vendor"]', '"workload/*"'),
                          "policies[0].trial_free: must be a list")
        self.refused_with(good.replace("storage/local", "storage/attic"), "prices[2].product: must name products")
        self.refused_with(good.replace(":12500000", ":-1"), "prices[0].micro: must be at least 0")
        self.refused_with(good.replace(":12500000", ":12500000.0"), "prices[0].micro: must be a whole number")
        self.refused_with(good.replace("per_workload", "per_user"), "prices[0].mode: must be one of")
        self.refused_with(good.replace('"from":"2025-01","gb', '"from":"2025-1","gb'),
                          "policies[0].from: must be a month")
        self.refused_with(good.replace('"from":"2025-01","gb', '"from":"2025-00","gb'),
                          "policies[0].from: must be a month")
        self.refused_with("not json", "is no whole JSON")
        self.refused_with("{}", "currency: is absent")

    def test_name_nothing_twice(self):
        prices = json.loads(dump(fixture.PRICES))
        prices["prices"].append(prices["prices"][3])
        self.refused_with(dump(prices), "prices[8].from: 2025-01 stands twice")
        prices = json.loads(dump(fixture.PRICES))
        prices["policies"].append(prices["policies"][0])
        self.refused_with(dump(prices), "policies[1].from: 2025-01 stands twice")
        self.refused_with(dump(fixture.PRICES).replace("{", '{"currency":"EUR",', 1), "currency: stands twice")


class ClosedBills(unittest.TestCase):
    """Bills closed before, as far as rating reads them."""

    def test_are_strict(self):
        line = {"customer": "c1", "product": "storage/provider", "amount_cents": 5}
        good = {"month": "2026-02", "currency": "EUR", "lines": [line],
                "corrections": [{**line, "corrects": "2026-01"}]}
        rating.bill_text.read_amounts(dump(good))
        for change, field in [({"month": "2026"}, "month"), ({"currency": 1}, "currency"), ({"lines": {}}, "lines"),
                              ({"lines": [1]}, "lines[0]"), ({"lines": [{}]}, "lines[0].customer"),
                              ({"lines": [line, {**line, "amount_cents": 5.0}]}, "lines[1].amount_cents"),
                              ({"lines": [{**line, "amount_cents": 1 << 63}]}, "lines[0].amount_cents"),
                              ({"corrections": [line]}, "corrections[0].corrects"),
                              ({"corrections": [{**line, "corrects": "2026-02"}]}, "corrections[0].corrects")]:
            with self.subTest(field), self.assertRaises(rating.BadInput) as caught:
                rating.bill_text.read_amounts(dump({**good, **change}))
            self.assertEqual(caught.exception.field, field)


class Damage(Input):
    """The export with a byte changed, cut or added, anywhere: found or refused, without a traceback."""

    def test_is_never_a_surprise(self):
        files = sorted(path for path in self.export.rglob("*") if path.is_file())
        for seed in range(150):
            chance = random.Random(seed)
            file = chance.choice(files)
            good = file.read_bytes()
            at = chance.randrange(len(good))
            bad = chance.choice([good[:at], good[:at] + bytes([good[at] ^ 1 << chance.randrange(8)]) + good[at + 1:],
                                 good[:at] + bytes([chance.randrange(256)]) + good[at:], good[:at] + good[at + 1:]])
            with self.subTest(seed=seed, file=file.name, at=at):
                file.write_bytes(bad)
                code, _, err = self.verify(self.export)
                file.write_bytes(good)
                if bad.strip() != good.strip() and file.name != "export.json":
                    self.assertIn(code, (1, 2))
                self.assertEqual(err.count("\n"), 1 if code == 2 else 0)


class CommandLine(fixture.Folder):
    def run_tool(self, *arguments, env=None):
        outcome = subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, check=False,
                                 env={**os.environ, "LC_ALL": "C", **(env or {})})
        return outcome.returncode, outcome.stdout.decode(), outcome.stderr.decode()

    def test_is_as_the_help_says(self):
        code, out, err = self.run_tool("--help")
        self.assertEqual((code, err), (0, ""))
        for words in ("--month", "--receipts", "--key", "--json", "--lang", "Exit codes:", "  0 ", "  1 ", "  2 "):
            self.assertIn(words, out)
        self.assertIn("Aufruf:", self.run_tool("--help", "--lang", "de")[1])

    def test_takes_nothing_else(self):
        for arguments, words in [([], "name one export"), (["a", "b"], "name one export"),
                                 (["a", "--colour"], "--colour: is no option"),
                                 (["a", "--month"], "--month: is no option, or lacks"),
                                 (["a", "--month", "2026-3"], "--month: must be a month"),
                                 (["a", "--key", "ab"], "--key: must be 64"),
                                 (["a", "--lang", "fr"], "--lang: must be one of: en, de"),
                                 (["a"], "a: is no folder"), (["a", "-x"], "-x: is no option")]:
            with self.subTest(words):
                code, out, err = self.run_tool(*arguments)
                self.assertEqual((code, out, err.count("\n")), (2, "", 1))
                self.assertTrue(err.startswith(f"verify-bill: {words}"), err)

    def test_speaks_the_language_of_the_environment(self):
        export = small().write(self.folder / "export")
        for env, words in [({}, "everything holds"), ({"LC_ALL": "de_AT.UTF-8"}, "alles stimmt"),
                           ({"LC_ALL": "", "LC_MESSAGES": "de_DE.UTF-8", "LANG": "en_US.UTF-8"}, "alles stimmt"),
                           ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "de"}, "alles stimmt"),
                           ({"LC_ALL": "en_US.UTF-8", "LANG": "de"}, "everything holds")]:
            with self.subTest(env=env):
                code, out, err = self.run_tool(export, env=env)
                self.assertEqual((code, err, out.splitlines()[-1]), (0, "", words))
        self.assertIn("alles stimmt", self.run_tool(export, "--lang", "de")[1])
        self.assertIn("fehlt", self.run_tool(export, "--lang", "de", "--month", "2026-09")[2])

    def test_prints_one_object(self):
        export = small().write(self.folder / "export")
        (export / "bills/2026-02.json").unlink()
        code, out, err = self.run_tool(export, "--json", "--lang", "de")
        said = json.loads(out)
        self.assertEqual((code, err, said["holds"], said["failed"]), (1, "", False, 1))
        failed = [one for one in said["findings"] if one["verdict"] == "fails"]
        self.assertEqual([(one["section"], one["month"], one["code"], one["text"]) for one in failed],
                         [("month", "2026-02", "unusable", "bills/2026-02.json: fehlt")])

    def test_shows_names_that_could_move_the_cursor_escaped(self):
        export = small().write(self.folder / "export")
        (export / "a\x1b[2Jb\u202ec").write_text("")
        _, out, _ = self.run_tool(export)
        self.assertIn("a\\u001b[2Jb\\u202ec", out)

    def test_writes_to_any_terminal(self):
        export = small().write(self.folder / "export")
        (export / "\u00e4\u4e2d").write_text("")
        outcome = subprocess.run([sys.executable, TOOL, export, "--lang", "de"], capture_output=True, check=False,
                                 env={**os.environ, "PYTHONIOENCODING": "latin-1"})
        self.assertEqual((outcome.returncode, outcome.stderr), (0, b""))
        self.assertIn(b"\xe4\\u4e2d", outcome.stdout)

    def test_bears_a_reader_that_leaves(self):
        export = small().write(self.folder / "export")
        with subprocess.Popen([sys.executable, TOOL, export], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")


class Messages(unittest.TestCase):
    def test_are_whole_in_both_languages(self):
        fields = string.Formatter().parse
        for texts in (*messages.TROUBLES.values(), *messages.FINDINGS.values(), *messages.SUMMARY.values()):
            english, german = ({name for _, name, _, _ in fields(text) if name} for text in texts)
            self.assertEqual(english, german, texts)

    def test_there_is_one_for_every_code(self):
        source = "".join(path.read_text() for path in (TOOL.parent / "verify_bill").glob("*.py")
                         if path.name != "messages.py")
        troubles = set(re.findall(r'BadInput\(\s*"(\w+)"', source)) | {"dangling", "missing"}
        self.assertEqual(troubles - messages.TROUBLES.keys(), set())
        used = set(re.findall(r'"(\w+)"', source))
        claims = {claim + support for claim in messages.CLAIMS for support in messages.SUPPORT}
        self.assertEqual((messages.TROUBLES.keys() | messages.FINDINGS.keys()) - claims - used, set())


if __name__ == "__main__":
    unittest.main()
