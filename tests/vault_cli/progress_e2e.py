"""Progress of `obhut vault` as it reaches a terminal, a pipe, and a program that reads JSON."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

OBHUT = sys.argv.pop(1)
# What a redraw is made of; nothing else may steer the terminal.
REDRAW = re.compile(r"\r([^\r\n\x1b]*)\x1b\[K")
# Made of /dev/urandom; what a machine of this time reads in less than a redraw.
LARGE = 256 << 20


def set_width(fd, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


class Slowly:
    """Has a process run a sixth of the time, so that there is a middle to be seen on any machine."""
    RUNS, STANDS = 0.01, 0.05

    def __init__(self, process):
        self.process, self.end = process, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.end.wait(self.RUNS) and self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
            self.end.wait(self.STANDS)
            self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()


class Seen:
    """What came out of a pseudo-terminal, with the time of each part."""

    def __init__(self):
        self.parts = []

    @property
    def text(self):
        return b"".join(part for _, part in self.parts).decode()

    def redraws(self):
        """The lines that were shown, the empty one that clears them last."""
        return REDRAW.findall(self.text)


class Progress(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="obhut-progress-")
        cls.source = os.path.join(cls.folder, "source")
        cls.key = os.path.join(cls.folder, "key")
        os.makedirs(os.path.join(cls.source, "small"))
        with open(cls.key, "w", encoding="utf-8") as out:
            out.write("a passphrase\n")
        for i in range(300):
            with open(os.path.join(cls.source, "small", f"file-{i}"), "wb") as out:
                out.write(os.urandom(500))
        # A name that would set the window's title, and a wide one.
        cls.evil = os.path.join(cls.source, "\x1b]0;evil\x07 花子.bin")
        cls.write_large(cls.evil)

    @staticmethod
    def write_large(path):
        with open(path, "wb") as out:
            for _ in range(LARGE >> 20):
                out.write(os.urandom(1 << 20))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.vault = os.path.join(self.folder, "vault")
        self.cleanup_vault()
        self.obhut("init")

    def cleanup_vault(self):
        for name in ("vault", "cache", "target"):
            shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)

    def tearDown(self):
        self.cleanup_vault()

    def command(self, name, *arguments):
        return [OBHUT, "vault", name, "--vault", self.vault, "--key-file", self.key, *arguments]

    def environment(self, **more):
        return {"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8",
                "OBHUT_CACHE": os.path.join(self.folder, "cache"), **more}

    def obhut(self, name, *arguments, **environment):
        """On pipes."""
        return subprocess.run(self.command(name, *arguments), env=self.environment(**environment),
                              capture_output=True, text=True, check=True, timeout=300)

    def on_terminal(self, name, *arguments, columns=100, on_redraw=None, **environment):
        """Both outputs on a pseudo-terminal."""
        main, side = pty.openpty()
        set_width(main, columns)
        began = time.monotonic()
        process = subprocess.Popen(self.command(name, *arguments), stdin=subprocess.DEVNULL,
                                   stdout=side, stderr=side, env=self.environment(**environment))
        os.close(side)
        seen = Seen()
        with Slowly(process):
            while True:
                ready, _, _ = select.select([main], [], [], 300)
                self.assertTrue(ready, "the command is silent")
                try:
                    part = os.read(main, 65536)
                except OSError:  # the other end is closed
                    break
                if not part:
                    break
                seen.parts.append((time.monotonic() - began, part))
                if on_redraw:
                    on_redraw(main, seen)
        os.close(main)
        self.assertEqual(process.wait(300), 0, seen.text)
        return seen

    def lines(self, name, *arguments):
        """JSON lines with the time of each."""
        began = time.monotonic()
        process = subprocess.Popen(
            self.command(name, "--json", "--progress", "always", *arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.environment(), text=True)
        with Slowly(process):
            lines = [(time.monotonic() - began, json.loads(line)) for line in process.stdout]
            errors = process.stderr.read()
        self.assertEqual((process.wait(300), errors), (0, ""))
        process.stdout.close()
        process.stderr.close()
        return lines

    # ---- terminals

    def assert_clean(self, seen):
        """Only redraws of one line, and ordinary lines after the last one cleared it."""
        rest = REDRAW.sub("", seen.text)
        self.assertNotIn("\x1b", rest)
        self.assertEqual(seen.redraws()[-1], "", "the line is cleared at the end")
        last = seen.text.rindex("\r\x1b[K")
        self.assertNotIn("\n", seen.text[:last], "nothing was left behind before the result")
        self.assertIn("\n", seen.text[last:])

    def test_is_one_line_written_over_five_times_a_second_at_most(self):
        seen = self.on_terminal("backup", self.source, columns=220)

        self.assert_clean(seen)
        shown = seen.redraws()
        self.assertGreater(len(shown), 3)
        times = [at for at, part in seen.parts if b"\x1b[K" in part]
        self.assertLessEqual(len(shown) - 1, times[-1] * 5 + 2)
        self.assertTrue(any("backing up" in line for line in shown), shown)
        self.assertIn("Recovery point", seen.text)
        self.assertNotIn("evil\x07", seen.text)
        self.assertTrue(any(line.endswith("\\x1b]0;evil\\x07 花子.bin") for line in shown), shown)

    def test_of_a_second_backup_knows_how_much_there_is(self):
        self.obhut("backup", self.source)
        # With other bytes: what is stored already is only read, too fast to be seen.
        self.write_large(self.evil)
        seen = self.on_terminal("backup", self.source, columns=160)

        self.assert_clean(seen)
        self.assertTrue(any(re.search(r"\d+% .*of (about )?301 files", line)
                            for line in seen.redraws()), seen.redraws())

    def test_fits_the_window_also_when_that_changes(self):
        wide = []

        def shrink(main, seen):
            if len(seen.redraws()) >= 2 and not wide:
                set_width(main, 40)
                while select.select([main], [], [], 0)[0]:  # drawn before
                    seen.parts.append((seen.parts[-1][0], os.read(main, 65536)))
                wide.append(len(seen.redraws()))

        seen = self.on_terminal("backup", self.source, columns=90, on_redraw=shrink)

        def width(line):
            return sum(2 if 0x2E80 <= ord(c) <= 0xFFFF else 1 for c in line)
        widths = [width(line) for line in seen.redraws()]
        self.assertLessEqual(max(widths), 89)
        self.assertGreater(max(widths[:wide[0]]), 39)
        # One may have been on its way.
        self.assertLessEqual(max(widths[wide[0] + 1:], default=0), 39, seen.redraws())

    def test_speaks_german(self):
        seen = self.on_terminal("backup", self.source, LANG="de_DE.UTF-8")

        self.assertTrue(any("Sicherung" in line for line in seen.redraws()), seen.redraws())

    def test_is_not_shown_where_nobody_wants_it(self):
        for arguments, environment in [(["--progress", "never"], {}), (["--json"], {}),
                                       ([], {"TERM": "dumb"})]:
            seen = self.on_terminal("backup", *arguments, self.source, **environment)
            self.assertEqual(seen.redraws(), [], arguments)
            self.assertNotIn("\r", seen.text.replace("\r\n", ""))

    # ---- pipes

    def test_says_nothing_in_a_pipe(self):
        done = self.obhut("backup", self.source)
        self.assertEqual(done.stderr, "")
        self.assertNotIn("\r", done.stdout)
        done = self.obhut("check", "--json", "--read-data")
        self.assertEqual(done.stderr, "")
        self.assertEqual(len(done.stdout.splitlines()), 1)

    def check_lines(self, lines, job):
        """All but the last are progress; its end is the result's."""
        progress = [line for _, line in lines[:-1]]
        result = lines[-1][1]
        self.assertNotIn("type", result)
        self.assertGreater(len(progress), 0)
        for line in progress:
            self.assertEqual((line["type"], line["job"]), ("progress", job))
            if line["phase"] != "done":
                self.assertLess(line["percent"] or 0, 100)
                self.assertNotEqual(line["seconds_left"], 0)
        self.assertEqual((progress[-1]["phase"], progress[-1]["percent"],
                          progress[-1]["seconds_left"]), ("done", 100, 0))
        self.assertLessEqual(len(progress), lines[-1][0] * 5 + 3)
        elapsed_told = [line["seconds_elapsed"] for line in progress]
        self.assertEqual(elapsed_told, sorted(elapsed_told))
        return progress, result

    def test_is_json_lines_on_request_with_the_right_totals_at_the_end(self):
        progress, result = self.check_lines(self.lines("backup", self.source), "backup")

        last = progress[-1]
        self.assertEqual((last["totals"], last["files_total"], last["bytes_total"]),
                         ("exact", result["files"], result["bytes"]))
        self.assertEqual((last["files_done"], last["bytes_done"]),
                         (result["files"], result["bytes"]))
        self.assertEqual((last["read_bytes"], last["new_bytes"], last["stored_bytes"]),
                         (result["read_bytes"], result["new_bytes"], result["stored_bytes"]))
        read = [line["read_bytes"] for line in progress]
        self.assertEqual(read, sorted(read))
        self.assertTrue(any(0 < at < LARGE for at in read), "also within a large file")
        self.assertTrue(any(line["path"] and "\\x1b]0;evil\\x07" in line["path"]
                            for line in progress))

        progress, result = self.check_lines(
            self.lines("restore", "latest", "--to", os.path.join(self.folder, "target")), "restore")
        self.assertEqual(progress[0]["totals"], "exact")
        self.assertEqual(progress[0]["bytes_total"], result["bytes"])
        self.assertEqual((progress[-1]["files_done"], progress[-1]["written_bytes"]),
                         (result["files"], result["bytes"]))

        progress, result = self.check_lines(self.lines("check", "--read-data"), "check")
        self.assertEqual(progress[-1]["read_bytes"], result["bytes_read"])
        self.assertEqual(progress[-1]["points_done"], result["points"])

        self.check_lines(self.lines("prune", "--keep-last", "1"), "prune")

    def test_goes_on_where_the_reader_of_the_lines_has_gone(self):
        process = subprocess.Popen(
            self.command("backup", "--json", "--progress", "always", self.source),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.environment())
        with Slowly(process):
            process.stdout.readline()
            process.stdout.close()
        self.assertEqual(process.wait(300), 0)
        self.assertEqual(len(json.loads(self.obhut("points", "--json").stdout)), 1)

    def test_refuses_another_word(self):
        done = subprocess.run(self.command("backup", "--progress", "often", self.source),
                              env=self.environment(), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--progress", done.stderr)


if __name__ == "__main__":
    unittest.main()
