"""tools/bench/run at its smallest size, with Obhut and the floors alone.

usage: suite_test.py OBHUT
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools/bench"))

from suite import SuiteError, generate, measuring, room, targets  # noqa: E402: found only by the line above

OBHUT = pathlib.Path("obhut")
TOOLS = ("bash", "cp", "find", "python3", "rm", "rsync", "sh", "tar")  # neither restic, Borg nor zstd


class Bench:
    """One run in a folder of its own, with nothing but TOOLS in the path; removed `at_the_end`."""

    def __init__(self, at_the_end):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-test-"))
        at_the_end(shutil.rmtree, self.folder)
        for name in ("path", "bin", "work"):
            (self.folder / name).mkdir()
        for tool in TOOLS:
            (self.folder / "path" / tool).symlink_to(shutil.which(tool))
        (self.folder / "bin/obhut").symlink_to(OBHUT)

    def fake_obhut(self, script):
        """`$real` runs the real one."""
        path = self.folder / "bin/obhut"
        path.unlink()
        path.write_text(f"#!/bin/bash\nreal={OBHUT}\n{script}\n")
        path.chmod(0o755)

    def command(self, *arguments):
        return [sys.executable, ROOT / "tools/bench/run", "--size", "tiny", "--bin", self.folder / "bin",
                "--work", self.folder / "work", "--out", self.folder / "out", *arguments]

    def start(self, *arguments):
        return subprocess.Popen([str(a) for a in self.command(*arguments)], env={"PATH": str(self.folder / "path")},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments):
        child = self.start(*arguments)
        out, err = child.communicate()
        return child.returncode, out, err

    def document(self):
        return json.loads((self.folder / "out/bench.json").read_text())


class Run(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = Bench(cls.addClassCleanup)
        cls.code, cls.out, cls.err = cls.bench.run()
        cls.document = cls.bench.document() if cls.code == 0 else None

    def setUp(self):
        self.assertEqual(self.code, 0, self.err)

    def test_measures_every_step_of_every_workload(self):
        done = {(row["workload"], row["step"]) for row in self.document["steps"] if row["program"] == "obhut"}
        self.assertEqual(done, {
            ("usr", "first"), ("usr", "unchanged"), ("usr", "restore"), ("usr", "check"),
            ("incompressible", "first"), ("incompressible", "restore"),
            ("many", "first"), ("many", "unchanged"), ("many", "restore"), ("many", "one-file"), ("many", "ls"),
            ("many", "find"), ("many", "check"), ("many", "changed"),
            ("image", "first"), ("image", "restore"), ("image", "changed"),
            ("points", "points"), ("points", "prune"), ("points", "check"), ("points", "restore")})
        for row in self.document["steps"]:
            self.assertIsNone(row["error"], row)
            self.assertEqual(len(row["runs"]), 1, row)
            for figure in row["runs"]:
                self.assertGreater(figure["wall"], 0)
                self.assertGreater(figure["peak"], 1 << 20)
                self.assertGreaterEqual(figure["others"], 0)

    def test_measures_the_floors_that_are_here(self):
        steps = {row["program"]: row["step"] for row in self.document["steps"] if row["workload"] == "many"}
        self.assertEqual({k: steps.get(k) for k in ("cp", "tar-x", "find")},
                         {"cp": "first", "tar-x": "restore", "find": "unchanged"})

    def test_finds_every_restore_of_ours_right(self):
        rows = [r for r in self.document["steps"] if r["program"] == "obhut" and r["step"] == "restore"]
        self.assertEqual([f["differences"] for r in rows for f in r["runs"]], [0] * 5)

    def test_counts_the_bytes_that_a_step_stored(self):
        [first] = [r for r in self.document["steps"] if (r["workload"], r["step"], r["program"]) == ("incompressible", "first", "obhut")]
        self.assertGreaterEqual(first["median"]["new"], 1 << 20)
        self.assertLess(first["median"]["new"], 1.5 * (1 << 20), "the second copy is stored again")

    def test_names_what_is_missing_and_how_to_get_it(self):
        self.assertEqual(self.document["missing"], [
            "restic is missing: apt-get install restic", "borg is missing: apt-get install borgbackup",
            "zstd is missing: apt-get install zstd"])
        for line in self.document["missing"]:
            self.assertIn(line, self.out)

    def test_judges_what_it_can_and_nothing_else(self):
        for row in self.document["targets"]:
            self.assertEqual(row["met"] is None, row["against"] in ("restic", "borg"), row)
        self.assertIn("not measured", self.out)

    def test_says_what_it_ran_on(self):
        self.assertGreaterEqual(self.document["machine"]["cores"], 1)
        self.assertNotIn("unknown", (self.document["machine"]["kernel"], self.document["machine"]["filesystem"]))
        self.assertRegex(self.document["programs"]["obhut"]["version"], r"\d+\.\d+")
        self.assertRegex(self.document["begun"], r"^\d{4}-\d\d-\d\dT")
        for row in self.document["steps"]:
            self.assertTrue(row["command"], row)

    def test_draws_a_bar_for_every_step_and_program(self):
        svg = xml.etree.ElementTree.parse(self.bench.folder / "out/bench.svg").getroot()
        names = [e.get("class") for e in svg.iter("{http://www.w3.org/2000/svg}rect")]
        self.assertEqual(len(names) - 1, len(self.document["steps"]))
        self.assertEqual(names.count("obhut"), 21)

    def test_prints_the_markdown_that_it_writes(self):
        self.assertEqual(self.out.strip(), (self.bench.folder / "out/bench.md").read_text().strip())
        widths = {line.replace("\\|", "").count("|") for line in self.out.splitlines() if line.startswith("| ") and "target" not in line}
        self.assertEqual(widths, {10, 4}, "a cell breaks its table")

    def test_leaves_nothing_in_the_work_folder(self):
        self.assertEqual(list((self.bench.folder / "work").iterdir()), [])


class Repeated(unittest.TestCase):
    def test_measures_as_often_as_asked_each_time_from_an_empty_repository(self):
        bench = Bench(self.addCleanup)

        code, _, err = bench.run("--workload", "incompressible", "--program", "obhut", "--repeat", "2")

        self.assertEqual(code, 0, err)
        rows = bench.document()["steps"]
        self.assertEqual([len(r["runs"]) for r in rows], [2, 2])
        self.assertGreater(min(f["new"] for f in rows[0]["runs"]), 1 << 20)


class WhatGoesWrong(unittest.TestCase):
    def test_a_restore_that_drops_a_file_is_reported(self):
        bench = Bench(self.addCleanup)
        bench.fake_obhut('"$real" "$@" || exit\n'
                         'while [ $# -gt 0 ]; do [ "$1" = --to ] && rm "$(find "$2" -name again.bin)"; shift; done; true')

        code, out, err = bench.run("--workload", "incompressible", "--program", "obhut")

        self.assertEqual(code, 1, err)
        self.assertIn("the restore is wrong in 2 entries", out)  # the file, and its folder's time
        self.assertRegex(bench.document()["failures"][0], r"\+\+\+ again\.bin")

    def test_a_restore_with_another_mode_is_reported(self):
        bench = Bench(self.addCleanup)
        (bench.folder / "path/chmod").symlink_to(shutil.which("chmod"))
        bench.fake_obhut('"$real" "$@" || exit\n'
                         'while [ $# -gt 0 ]; do [ "$1" = --to ] && chmod 0600 "$(find "$2" -name again.bin)"; shift; done; true')

        code, _, err = bench.run("--workload", "incompressible", "--program", "obhut")

        self.assertEqual(code, 1, err)
        self.assertEqual(bench.document()["steps"][1]["runs"][0]["differences"], 1)

    def test_a_program_that_fails_is_named_and_the_others_go_on(self):
        bench = Bench(self.addCleanup)
        bench.fake_obhut('[ "$2" = backup ] && { echo "no paper" >&2; exit 3; }; exec "$real" "$@"')

        code, out, _ = bench.run("--workload", "incompressible")

        rows = {(r["program"], r["step"]): r for r in bench.document()["steps"]}
        self.assertEqual(code, 1)
        self.assertIn("exit 3: no paper", rows["obhut", "first"]["error"])
        self.assertNotIn(("obhut", "restore"), rows)
        self.assertEqual(len(rows["tar-x", "restore"]["runs"]), 1)
        self.assertIn("exit 3: no paper", out)

    def test_a_program_asked_for_and_missing_ends_the_run(self):
        code, out, err = Bench(self.addCleanup).run("--program", "obhut", "restic")

        self.assertEqual((code, out), (3, ""))
        self.assertEqual(err, "bench: restic is missing: apt-get install restic\n")

    def test_a_work_folder_that_is_not_there_ends_the_run(self):
        code, _, err = Bench(self.addCleanup).run("--work", "/nonexistent/folder")

        self.assertEqual(code, 3)
        self.assertIn("bench: /nonexistent/folder: No such file or directory\n", err)

    def test_an_interruption_reports_what_was_measured_and_clears_up(self):
        bench = Bench(self.addCleanup)
        bench.fake_obhut('[ "$2" = restore ] && { echo > "$HOME/../../restoring"; sleep 300; }; exec "$real" "$@"')
        (bench.folder / "path/sleep").symlink_to(shutil.which("sleep"))
        child = bench.start("--workload", "incompressible", "--program", "obhut")
        while not (bench.folder / "work/restoring").exists() and child.poll() is None:
            time.sleep(0.02)

        child.send_signal(signal.SIGINT)
        out, err = child.communicate()

        self.assertEqual(child.returncode, 130, err)
        self.assertIn("Interrupted", out)
        document = bench.document()
        self.assertTrue(document["interrupted"])
        self.assertEqual([r["step"] for r in document["steps"] if r["runs"]], ["first"])
        self.assertEqual([p.name for p in (bench.folder / "work").iterdir()], ["restoring"])


class Parts(unittest.TestCase):
    def test_medians_are_taken_measure_by_measure(self):
        figures = [measuring.Figure(1, 9, 5, 0), measuring.Figure(3, 7, 6, 0), measuring.Figure(2, 8, 7, 0, new=4)]

        found = measuring.medians(figures)

        self.assertEqual((found["wall"], found["cpu"], found["peak"], found["new"], found["stored"]), (2, 8, 6, 4, None))

    def test_a_target_is_met_up_to_its_factor(self):
        target = targets.Target("many", "first", "wall", 1 / 4, "restic")
        for ours, met in ((2.5, True), (2.51, False), (None, None)):
            walls = {"obhut": ours, "restic": 10.0}
            verdict = targets.judge(target, lambda w, s, program, m, walls=walls: walls[program], lambda w: None)
            self.assertEqual(verdict.met, met)

    def test_too_little_room_is_said_in_numbers_before_anything_is_written(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(SuiteError, r"needs 1000000000\.0 GB, has \d+\.\d GB"):
                room.Room(pathlib.Path(folder)).make(10**18)
            self.assertEqual(os.listdir(folder), [])

    # Deleting makes creating slow for a minute, so nobody deletes without need, and who did waits.
    def test_discarded_trees_are_deleted_only_for_room_and_waited_for_afterwards(self):
        with tempfile.TemporaryDirectory() as folder:
            place, waits = room.Room(pathlib.Path(folder)), []
            place.discard(place.fresh("tree"))

            place.make(1)
            self.assertEqual(os.listdir(folder), ["tree-0"])
            with self.assertRaises(SuiteError):
                place.make(10**18)
            with unittest.mock.patch("time.sleep", waits.append):
                place.settle()

            self.assertEqual(os.listdir(folder), [])
        self.assertEqual(len(waits), 1)
        self.assertGreater(waits[0], 60)

    def test_the_same_seed_makes_the_same_tree(self):
        trees = []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as folder:
                generate.small_files(folder, 250, seed=3)
                deleted = generate.change_small_files(folder, seed=4, share=0.05)
                trees.append((deleted, {os.path.relpath(p, folder): p.read_bytes()
                                        for p in sorted(pathlib.Path(folder).rglob("*")) if p.is_file()}))

        self.assertEqual(trees[0], trees[1])
        names = [os.path.basename(n) for n in trees[0][1]]
        self.assertGreater(trees[0][0], 0)
        self.assertTrue(any(n.startswith("renamed") for n in names) and any(n.startswith("added") for n in names))

    def test_changes_no_more_blocks_of_an_image_than_asked(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "image"
            generate.disk_image(path, 40 * generate.BLOCK, seed=1)
            before = path.read_bytes()
            generate.change_blocks(path, seed=2, share=0.1)
            after = path.read_bytes()

        blocks = range(0, len(before), generate.BLOCK)
        self.assertEqual(sum(before[b:b + generate.BLOCK] != after[b:b + generate.BLOCK] for b in blocks), 4)


if __name__ == "__main__":
    OBHUT = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
