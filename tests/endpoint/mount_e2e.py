"""Recovery points as a folder, and restoring by choosing, against a real daemon and cluster.

Needs root and FUSE; where the system has none, says so and is skipped.
"""

import errno
import filecmp
import json
import os
import pathlib
import pwd
import random
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.conversation import Conversation  # noqa: E402
from harness.site import BIN, Site, wait_until  # noqa: E402
from harness.terminal import Terminal  # noqa: E402
from harness.trees import make_tree  # noqa: E402

SKIPPED = 77
# Whom fusermount3 can name; everything here is called anna all the same.
ANNA = pwd.getpwnam("nobody").pw_uid
OBHUT = os.path.join(BIN, "obhut")
LARGE = 64_000_000
HOSTILE = [b"new\nline", b"\x1b[31mred", b"not \xff utf-8", b" ", b"...", b"-rf", b"a\\x41b", b"%41", b"x" * 255,
           "Übersicht".encode(), b"quote\"'`$(id)", b"tab\there"]


def why_not():
    if os.geteuid() != 0:
        return "needs root"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as problem:
        return f"needs FUSE: {problem}"
    return None


# The device is for everybody where a system has been set up, and for root alone in some containers: users
# get a node of their own, in a mount namespace of their own, so that nothing is changed for others.
WITH_FUSE = ('mount -t tmpfs -o mode=755 none "$1" && mknod -m 666 "$1/fuse" c 10 229 && '
             'mount --bind "$1/fuse" /dev/fuse && user=$2 && shift 2 && '
             'exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"')


def words_for(uid, folder, *words):
    """`words` as that user, who can use FUSE."""
    if uid == 0:
        return list(words)
    os.makedirs(folder + ".device", exist_ok=True)
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", WITH_FUSE, "sh", folder + ".device",
            str(uid), *words]


def mounted_at(folder, process="self"):
    try:
        mounts = open(f"/proc/{process}/mounts", encoding="utf-8")
    except OSError:
        return False
    with mounts:
        return any(line.split()[1] == folder for line in mounts)


class Mount:
    """`obhut mount` in the foreground, as `uid`."""

    def __init__(self, endpoint, folder, *more, uid=0):
        self.folder, self.endpoint = folder, endpoint
        os.makedirs(folder, exist_ok=True)
        os.chown(folder, uid, uid)
        self.process = subprocess.Popen(
            words_for(uid, folder, OBHUT, "mount", folder, "--socket", endpoint.socket, *more),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")
        self.said = self.process.stdout.readline()
        if not mounted_at(folder, self.process.pid) and self.process.wait(10) is not None:
            raise AssertionError("did not mount: " + self.said + self.process.stdout.read())

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def beside(self, uid, *words):
        """Runs `words` as that user, where this mount is seen."""
        return subprocess.run(["nsenter", "-t", str(self.process.pid), "-m", "setpriv", "--reuid", str(uid), "--regid",
                               str(uid), "--clear-groups", *words], cwd="/", capture_output=True, text=True,
                              timeout=120, check=False)

    def end(self, how=signal.SIGINT):
        """The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(20)
        self.process.stdout.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end(signal.SIGTERM)
        if mounted_at(self.folder):
            subprocess.run(["umount", "-l", self.folder], check=False)


# What a user can do with each path: "ok" or the name of the error.
TRY_ALL = """
import errno, json, os, sys
def attempt(path):
    try:
        if os.path.isdir(path):
            return sorted(os.listdir(path))
        with open(path, "rb") as file:
            return file.read().decode()
    except OSError as problem:
        return errno.errorcode[problem.errno]
print(json.dumps([attempt(path) for path in sys.argv[1:]]))
"""


class Session(Conversation):
    """Of questions, as a mount asks them."""

    def __init__(self, endpoint):
        super().__init__(endpoint, command="browse")
        self.first = self.hear()

    def ask(self, question, **members):
        self.say(question=question, **members)
        return self.hear()


class Mounts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.let_users_in()
        cls.source = cls.site.path("source")
        cls.make_source(pathlib.Path(cls.source))
        cls.endpoint = cls.site.endpoint()
        cls.endpoint.start(cls.site.partner.token(cls.site.customer))
        cls.endpoint.wait_enrolled()
        cls.vault = cls.site.path("local-vault")
        plan = cls.site.partner.plan(
            cls.source, targets=[{"type": "cluster", "retention": {"keep_last": 10}},
                                 {"type": "local", "path": cls.vault, "retention": {"keep_last": 2, "lock_days": 0}}])
        cls.site.partner.push_plan(plan, cls.site.customer)
        cls.endpoint.wait_plan(1)
        cls.endpoint.backup()

    @staticmethod
    def make_source(source):
        make_tree(str(source))
        source.chmod(0o755)
        (source / "large").write_bytes(random.Random(3).randbytes(LARGE))
        (source / "wide").mkdir()
        for number in range(20_000):
            (source / "wide" / f"file {number:05}").write_text(str(number) if number % 100 == 0 else "")
        (source / "hostile").mkdir()
        for name in HOSTILE:
            with open(os.path.join(os.fsencode(source / "hostile"), name), "wb") as file:
                file.write(name)
        for name, uid, mode in (("anna", ANNA, 0o700), ("private", 0, 0o700), ("through", 0, 0o711)):
            (source / name).mkdir()
            (source / name / "letter").write_text("of " + name)
            os.chown(source / name / "letter", uid, uid)
            os.chmod(source / name / "letter", 0o644)
            os.chown(source / name, uid, uid)
            os.chmod(source / name, mode)
        (source / "secret").write_text("of root")
        (source / "secret").chmod(0o600)

    def mount(self, *more, uid=0):
        folder = self.site.path("mnt-" + self.id().rsplit(".", 1)[1] + f"-{uid}")
        mount = Mount(self.endpoint, folder, *more, uid=uid)
        self.addCleanup(mount.__exit__)
        return mount

    def in_latest(self, mount, *names):
        return mount.path("latest", self.source.lstrip("/"), *names)

    def test_shows_the_tree_as_it_was(self):
        with self.mount() as mount:
            there = self.in_latest(mount)
            done = subprocess.run(["rsync", "-aHnic", "--delete", self.source + "/", there + "/"],
                                  capture_output=True, text=True, errors="replace", check=True)
            self.assertEqual(done.stdout, "")
            compared = subprocess.run(["diff", "-r", "--no-dereference", "-x", "fifo", self.source, there],
                                      capture_output=True, text=True, errors="replace", check=False)
            self.assertEqual((compared.returncode, compared.stdout), (0, ""))
            link = os.stat(os.path.join(there, "small 2"))
            other = os.stat(os.path.join(there, "deep", "er", "hard"))
            self.assertEqual((link.st_ino, link.st_nlink), (other.st_ino, 2))
            self.assertEqual(os.stat(os.path.join(there, "small 4")).st_mtime_ns, 1_234_567_890_123_456_789)

    def test_points_are_there_by_date_and_by_id(self):
        points = self.endpoint.ask("points")
        with self.mount() as mount:
            dates = os.listdir(mount.path("by-date"))
            self.assertEqual(sorted(os.listdir(mount.path("by-id"))), sorted(point["id"] for point in points))
            self.assertIn(points[-1]["time"].replace(":", "-"), dates)
            self.assertEqual(os.readlink(mount.path("latest")), "by-date/" + max(dates))

    def test_one_point_alone_is_the_root(self):
        point = self.endpoint.ask("points")[-1]["id"]
        for word in ("latest", point[:12]):
            with self.mount("--point", word) as mount:
                there = mount.path(self.source.lstrip("/"), "small 1")
                self.assertTrue(filecmp.cmp(there, os.path.join(self.source, "small 1"), shallow=False))
                self.assertEqual(mount.end(), 0)
        refused = subprocess.run([OBHUT, "mount", self.site.path("mnt-none"), "--socket", self.endpoint.socket,
                                  "--point", "0000000"], capture_output=True, text=True, check=False)
        self.assertEqual(refused.returncode, 3, refused.stderr)

    def test_reads_a_large_file_at_random(self):
        with open(os.path.join(self.source, "large"), "rb") as file:
            content = file.read()
        chance = random.Random(11)
        with self.mount() as mount, open(self.in_latest(mount, "large"), "rb", buffering=0) as file:
            for _ in range(300):
                offset = chance.randrange(LARGE)
                length = chance.choice((1, 4096, 100_000, 3_000_000))
                self.assertEqual(os.pread(file.fileno(), length, offset)[:length],
                                 content[offset:offset + length][:len(os.pread(file.fileno(), length, offset))])
            file.seek(0)
            whole = b"".join(iter(lambda: file.read(1 << 20), b""))
            self.assertTrue(whole == content)
            self.assertEqual(os.pread(file.fileno(), 10, LARGE), b"")

    def test_lists_a_wide_directory(self):
        with self.mount() as mount:
            wide = self.in_latest(mount, "wide")
            self.assertEqual(sorted(os.listdir(wide)), sorted(os.listdir(os.path.join(self.source, "wide"))))
            sizes = {entry.name: entry.stat().st_size for entry in os.scandir(wide)}
            self.assertEqual(sizes["file 19900"], 5)
            with open(os.path.join(wide, "file 10000"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "10000")
            self.assertFalse(os.path.exists(os.path.join(wide, "file 20000")))

    def test_takes_names_of_any_bytes(self):
        with self.mount() as mount:
            hostile = os.fsencode(self.in_latest(mount, "hostile"))
            self.assertEqual(sorted(os.listdir(hostile)), sorted(HOSTILE))
            for name in HOSTILE:
                with open(os.path.join(hostile, name), "rb") as file:
                    self.assertEqual(file.read(), name)

    def test_nothing_can_be_changed(self):
        with self.mount() as mount:
            there = self.in_latest(mount, "small 1")
            for attempt in (lambda: open(there, "ab"), lambda: os.unlink(there), lambda: os.chmod(there, 0o777),
                            lambda: os.mkdir(mount.path("new"))):
                with self.assertRaises(OSError) as refused:
                    attempt()
                self.assertEqual(refused.exception.errno, errno.EROFS)
            with open("/proc/self/mounts", encoding="utf-8") as mounts:
                options = next(line.split()[3].split(",") for line in mounts if line.split()[1] == mount.folder)
            self.assertLessEqual({"ro", "nosuid", "nodev"}, set(options))

    def test_a_user_sees_what_is_his_to_see(self):
        mount = self.mount(uid=ANNA)
        with mount:
            at = self.in_latest(mount)
            done = mount.beside(ANNA, "/usr/bin/python3", "-c", TRY_ALL, *(os.path.join(at, name) for name in (
                "anna", "anna/letter", "private", "private/letter", "through", "through/letter", "secret")))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout), [["letter"], "of anna", "EACCES", "EACCES", "EACCES", "of through", "EACCES"])
            by_root = mount.beside(0, "ls", mount.folder)
            self.assertIn("Permission denied", by_root.stderr, "it is another user's")
            ended = mount.beside(ANNA, OBHUT, "unmount", mount.folder)
            self.assertEqual(ended.returncode, 0, ended.stderr)
            self.assertEqual(mount.process.wait(20), 0)

    def test_survives_a_restart_of_the_daemon(self):
        with self.mount() as mount:
            with open(self.in_latest(mount, "large"), "rb", buffering=0) as file:
                first = file.read(1 << 20)
                self.endpoint.stop()
                self.endpoint.start()
                self.assertEqual(len(first), 1 << 20)
                rest = os.pread(file.fileno(), 1 << 20, LARGE - (1 << 20))
            with open(os.path.join(self.source, "large"), "rb") as file:
                self.assertTrue(rest == file.read()[-(1 << 20):])
            self.assertEqual(len(os.listdir(self.in_latest(mount, "wide"))), 20_000)

    def test_ends_on_every_way_and_leaves_nothing(self):
        def by_signal(mount):
            mount.process.send_signal(signal.SIGTERM)

        def by_command(mount):
            subprocess.run([OBHUT, "unmount", mount.folder], check=True, capture_output=True)

        def by_fuse(mount):
            subprocess.run(["fusermount3", "-u", mount.folder], check=True)

        for way in (by_signal, by_command, by_fuse):
            with self.subTest(way.__name__), self.mount() as mount:
                os.listdir(self.in_latest(mount))
                way(mount)
                self.assertEqual(mount.process.wait(20), 0)
                self.assertFalse(mounted_at(mount.folder))
                self.assertEqual(os.listdir(mount.folder), [])

    def test_unmount_says_what_stands_in_its_way(self):
        with self.mount() as mount:
            with open(self.in_latest(mount, "small 1"), "rb"):
                busy = subprocess.run([OBHUT, "unmount", mount.folder], capture_output=True, text=True, check=False)
            self.assertEqual(busy.returncode, 3)
            self.assertIn("in use", busy.stderr)
            self.assertTrue(mounted_at(mount.folder))
        other = subprocess.run([OBHUT, "unmount", self.site.folder], capture_output=True, text=True, check=False)
        self.assertEqual(other.returncode, 2)

    def test_hides_nothing_that_is_in_the_folder(self):
        refused = subprocess.run([OBHUT, "mount", self.source, "--socket", self.endpoint.socket],
                                 capture_output=True, text=True, check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("not empty", refused.stderr)

    def test_goes_on_in_the_background(self):
        folder = self.site.path("mnt-background")
        os.mkdir(folder)
        done = subprocess.run([OBHUT, "mount", folder, "--background", "--socket", self.endpoint.socket],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        try:
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"obhut unmount {folder}", done.stdout)
            self.assertIn("latest", os.listdir(folder))
        finally:
            subprocess.run([OBHUT, "unmount", folder], check=True, capture_output=True)
        wait_until("the process behind it to end",
                   lambda: subprocess.run(["pgrep", "-f", f"obhut mount {folder}"], check=False,
                                          capture_output=True).returncode == 1)
        failed = subprocess.run([OBHUT, "mount", folder, "--background", "--socket", folder + "/none"],
                                capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(failed.returncode, 3)
        self.assertIn("does not answer", failed.stderr)

    def test_a_pruned_point_goes_and_the_others_stay(self):
        folder = self.site.path("mnt-local")
        pathlib.Path(self.source, "changes").write_bytes(os.urandom(3_000_000))
        self.endpoint.backup()
        with Mount(self.endpoint, folder, "--target", self.vault) as mount:
            names = sorted(os.listdir(mount.path("by-date")))
            oldest = mount.path("by-date", names[0], self.source.lstrip("/"))
            self.assertIn("deep", os.listdir(oldest))
            pathlib.Path(self.source, "changes").unlink()
            for _ in range(2):  # retention keeps two
                time.sleep(1.1)
                self.endpoint.backup()
            point = json.loads(subprocess.run([OBHUT, "points", "--json", "--socket", self.endpoint.socket,
                                               "--target", self.vault], check=True, capture_output=True).stdout)
            self.assertEqual(len(point), 2)
            time.sleep(32)  # what is known of the list of points
            self.assertEqual(len(os.listdir(mount.path("by-date"))), 2)
            self.assertTrue(filecmp.cmp(mount.path("latest", self.source.lstrip("/"), "deep", "large"),
                                        os.path.join(self.source, "deep", "large"), shallow=False))
            with self.assertRaises(OSError) as gone:
                os.listdir(os.path.join(oldest, "deep", "er"))
            self.assertIn(gone.exception.errno, (errno.ESTALE, errno.ENOENT))

    def test_a_session_answers_errors_and_goes_on(self):
        session = Session(self.endpoint)
        self.addCleanup(session.close)
        self.assertEqual(session.first, {"event": "ready"})
        point = session.ask("points")["points"][-1]["id"]
        base = self.source.lstrip("/")
        for members, kind in (({"question": "dance"}, "source-gone"),
                              ({"question": "dance", "point": point}, "invalid-input"),
                              ({"question": "list", "point": "no", "path": base}, "source-gone"),
                              ({"question": "list", "point": point, "path": base + "/none"}, "not-found"),
                              ({"question": "list", "point": point, "path": "../etc"}, "invalid-input"),
                              ({"question": "list", "point": point, "path64": "!"}, "invalid-input"),
                              ({"question": "read", "point": point, "path": base + "/deep", "length": 1},
                               "invalid-input"),
                              ({"question": "entry", "point": point, "path": ""}, "not-found")):
            session.say(**members)
            self.assertEqual(session.hear()["error"]["kind"], kind, members)
        # Asked at once, answered in their order.
        for offset in (0, 1_000_000, 5):
            session.say(question="read", point=point, path=base + "/large", offset=offset, length=10)
        with open(os.path.join(self.source, "large"), "rb") as file:
            for offset in (0, 1_000_000, 5):
                self.assertEqual(session.hear()["content"], 10)
                file.seek(offset)
                self.assertEqual(session.raw(), file.read(10))
        batch = session.ask("list", point=point, path=base + "/wide", most=3, after="file 00007")
        self.assertEqual([entry["name"] for entry in batch["entries"]], [f"file {n:05}" for n in (8, 9, 10)])
        self.assertTrue(batch["more"])

    def test_mounts_leave_room_for_others(self):
        """A user's third session is refused; his requests and root's sessions go on."""
        with self.mount(uid=ANNA):
            second = Mount(self.endpoint, self.site.path("mnt-second"), uid=ANNA)
            with second:
                third = subprocess.run([OBHUT, "mount", "/tmp", "--socket", self.endpoint.socket], user=ANNA,
                                       group=ANNA, extra_groups=[], cwd="/", capture_output=True, text=True,
                                       check=False)
                self.assertEqual(third.returncode, 5, third.stderr)
                self.assertIn("too many", third.stderr)
                back = self.site.path("back-of-anna")
                os.mkdir(back)
                os.chown(back, ANNA, ANNA)
                subprocess.run([OBHUT, "restore", "latest", self.source + "/anna", "--to", back, "--socket",
                                self.endpoint.socket], user=ANNA, group=ANNA, extra_groups=[], cwd="/", check=True,
                               capture_output=True)
                session = Session(self.endpoint)
                self.assertEqual(session.first, {"event": "ready"})
                session.close()

    def test_restores_by_choosing_on_a_terminal(self):
        back = self.site.path("chosen")
        terminal = Terminal(OBHUT, "restore", "-i", "--socket", self.endpoint.socket)
        terminal.wait_for("Point (Enter")
        terminal.type("")
        terminal.wait_for("(?: help)> ")
        terminal.type("s letter")
        terminal.wait_for("anna/letter")
        terminal.wait_for("(?: help)> ")
        terminal.type("m all")
        terminal.wait_for("[3 marked]")
        terminal.type("s not utf-8")
        terminal.wait_for("not \\xff utf-8")
        terminal.wait_for("(?: help)> ")
        terminal.type("m all")
        terminal.wait_for("[5 marked]")
        terminal.type("g")
        terminal.wait_for("Where to")
        terminal.type("2")
        terminal.wait_for("Folder> ")
        terminal.type(back)
        terminal.wait_for("already")
        terminal.type("1")
        terminal.wait_for("would create 5")
        terminal.wait_for("(y/n)> ")
        self.assertFalse(os.path.exists(back))
        terminal.type("y")
        self.assertEqual(terminal.ended(), 0, terminal.seen)
        self.assertIn("5 files", terminal.seen)
        # Below what all of them have in common.
        self.assertEqual(pathlib.Path(back, "anna", "letter").read_text(), "of anna")
        with open(os.fsencode(back) + b"/hostile/not \xff utf-8", "rb") as file:
            self.assertEqual(file.read(), b"not \xff utf-8")

    def test_leaves_on_ctrl_c_and_asks_nobody_without_a_terminal(self):
        terminal = Terminal(OBHUT, "restore", "-i", "--socket", self.endpoint.socket)
        terminal.wait_for("Point (Enter")
        os.write(terminal.fd, b"\x03")
        self.assertNotEqual(terminal.ended(), 0)
        nobody = subprocess.run([OBHUT, "restore", "-i", "--socket", self.endpoint.socket],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(nobody.returncode, 2)
        self.assertIn("terminal", nobody.stderr)


if __name__ == "__main__":
    if why_not():
        print("skipped:", why_not())
        sys.exit(SKIPPED)
    unittest.main()
