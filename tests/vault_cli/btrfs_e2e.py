#!/usr/bin/env python3
"""`obhut vault backup --consistency` on a real btrfs, in an image on a loop device."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = ""
NOT_POSSIBLE = ""  # why nothing here can run
WRITER = """
import os, sys
files = [os.open(os.path.join(sys.argv[1], name), os.O_WRONLY | os.O_CREAT, 0o644)
         for name in ("a-first", "z-second")]
n = 0
while True:
    n += 1
    for file in files:
        os.pwrite(file, b"%012d" % n, 0)
        os.fdatasync(file)
    if n == 1:
        print("ready", flush=True)
"""


def sh(line, check=True):
    done = subprocess.run(line, shell=True, text=True, capture_output=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{line}: {done.stderr}{done.stdout}")
    return done.stdout


def find_obstacle():
    """Why no btrfs can be mounted here; empty where one can."""
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("mkfs.btrfs"):
        return "needs btrfs-progs"
    folder = tempfile.mkdtemp(prefix="obhut-btrfs-")
    try:
        make_image(folder)
        sh(f"umount {folder}/mount")
        return ""
    except RuntimeError as error:
        return f"no btrfs image can be mounted: {error}"
    finally:
        shutil.rmtree(folder)


def make_image(folder):
    """Mounts a new btrfs; far larger than its files, whose space comes back only after a while."""
    os.makedirs(f"{folder}/mount", exist_ok=True)
    sh(f"truncate -s 4G {folder}/image && mkfs.btrfs -q -m single {folder}/image")
    sh(f"mount -o loop {folder}/image {folder}/mount")


class Btrfs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="obhut-btrfs-")
        os.chmod(self.folder, 0o755)
        self.mounts = []
        make_image(self.folder)
        self.top = f"{self.folder}/mount"
        self.mounts.append(self.top)
        sh(f"btrfs subvolume create {self.top}/home")
        self.home = f"{self.top}/home"
        self.write("home/ann/letter", "dear")
        with open(f"{self.folder}/key", "w") as file:
            file.write("a passphrase\n")
        os.chmod(f"{self.folder}/key", 0o644)
        self.obhut("init")

    def tearDown(self):
        for mount in reversed(self.mounts):
            sh(f"umount -R {mount} || umount -l {mount}", check=False)
        shutil.rmtree(self.folder)

    def write(self, path, text):
        path = f"{self.top}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def command(self, command, *arguments):
        return [PROGRAM, "vault", command, "--vault", f"{self.folder}/vault",
                "--key-file", f"{self.folder}/key", *arguments]

    def environment(self):
        return {**os.environ, "OBHUT_CACHE": f"{self.folder}/cache", "LANG": "C"}

    def obhut(self, command, *arguments, code=0):
        done = subprocess.run(self.command(command, *arguments), text=True, capture_output=True,
                              env=self.environment(), stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def backup(self, *sources, use="snapshot", code=0, options=()):
        done = self.obhut("backup", "--json", "--consistency", use, *options, *sources, code=code)
        self.assert_nothing_left()
        return json.loads(done.stdout if code in (0, 1) else done.stderr)

    def restored(self, name="out"):
        target = f"{self.folder}/{name}"
        shutil.rmtree(target, ignore_errors=True)
        self.obhut("restore", "latest", "--to", target)
        return target

    def snapshots(self):
        return [line for line in sh(f"btrfs subvolume list {self.top}").splitlines()
                if ".obhut" in line]

    def assert_nothing_left(self):
        self.assertEqual(self.snapshots(), [])
        self.assertFalse(os.path.exists(f"{self.top}/.obhut-snapshots"))
        records = sh(f"find {self.folder}/cache -path '*/snapshots/*' ! -name lock").split()
        self.assertEqual(records, [])

    def points(self):
        return json.loads(self.obhut("points", "--json").stdout)

    # ---- what is read

    @contextlib.contextmanager
    def written_in_turn(self):
        """Two files, one of which is always at most one number ahead of the other."""
        os.mkdir(f"{self.home}/pair")
        writer = subprocess.Popen([sys.executable, "-c", WRITER, f"{self.home}/pair"],
                                  stdout=subprocess.PIPE)
        try:
            writer.stdout.readline()
            yield
        finally:
            writer.kill()
            writer.communicate()

    def agree(self, use):
        """Whether a backup of both could have been made in one moment."""
        # Between the two by name, and new every time: so much is read in between.
        sh(f"rm -rf {self.home}/pair/m*; head -c 30M /dev/urandom | "
           f"split -a 3 -b 150000 - {self.home}/pair/m")
        # Exit code 1: the live files change every time they are read.
        done = subprocess.run(self.command("backup", "--consistency", use, self.home),
                              env=self.environment(), capture_output=True, text=True)
        self.assertIn(done.returncode, (0,) if use == "snapshot" else (0, 1), done.stderr)
        out = self.restored() + self.home + "/pair/"
        with open(out + "a-first") as first, open(out + "z-second") as second:
            return int(first.read()) - int(second.read()) in (0, 1)

    def test_two_files_written_in_turn_agree_in_every_point(self):
        with self.written_in_turn():
            self.assertTrue(all(self.agree("snapshot") for _ in range(6)))

    def test_without_a_snapshot_they_do_not_always(self):
        with self.written_in_turn():
            self.assertFalse(all(self.agree("best-effort") for _ in range(30)))

    def test_the_point_has_the_original_paths_and_says_that_it_was_a_snapshot(self):
        report = self.backup(self.home)

        self.assertEqual((report["consistency"], report["read_live"]), ("snapshot", []))
        point = self.points()[0]
        self.assertEqual((point["consistency"], point["sources"]), ("snapshot", [self.home]))
        self.assertIn("snapshot", self.obhut("points").stdout)
        listed = self.obhut("ls", "-r", "latest").stdout
        self.assertIn(f"{self.home[1:]}/ann/letter", listed)
        self.assertNotIn(".obhut", listed)
        self.assertEqual(sh(f"diff -r {self.home} {self.restored()}{self.home}"), "")

    def test_an_unchanged_run_reads_nothing(self):
        for i in range(300):
            self.write(f"home/many/{i % 7}/{i}", f"{i}")
        os.link(f"{self.home}/many/1/1", f"{self.home}/many/one-more")
        sh(f"sync; touch -d '1 hour ago' {self.home}; sleep 3")
        self.backup(self.home)

        for use in ("snapshot", "best-effort", "snapshot"):
            again = self.backup(self.home, use=use)
            self.assertEqual((again["unchanged_files"], again["changed_files"], again["new_files"],
                              again["read_bytes"]), (302, 0, 0, 0), use)

        self.write("home/many/1/1", "another")
        changed = self.backup(self.home)
        self.assertEqual((changed["changed_files"], changed["unchanged_files"]), (2, 300))
        out = self.restored() + self.home + "/many"
        self.assertEqual(os.stat(f"{out}/1/1").st_ino, os.stat(f"{out}/one-more").st_ino)

    def test_a_nested_subvolume_is_read_from_a_snapshot_of_its_own(self):
        sh(f"btrfs subvolume create {self.home}/ann/nested && "
           f"btrfs subvolume create {self.home}/ann/nested/deeper")
        self.write("home/ann/nested/deeper/x", "deep")
        self.write("home/ann/nested/y", "y")

        report = self.backup(self.home)

        self.assertEqual(report["consistency"], "snapshot")
        self.assertEqual(sh(f"diff -r {self.home} {self.restored()}{self.home}"), "")
        self.backup(self.home, options=["--one-file-system"])
        self.assertEqual(os.listdir(f"{self.restored()}{self.home}/ann/nested"), [])

    def test_folders_files_bind_mounts_and_the_whole_file_system_are_sources(self):
        bound = f"{self.folder}/bound"
        os.mkdir(bound)
        sh(f"mount --bind {self.home}/ann {bound}")
        self.mounts.append(bound)
        os.symlink(self.home, f"{self.folder}/link")
        self.write("beside", "file in the root of all subvolumes")
        for sources in ([f"{self.home}/ann"], [f"{self.home}/ann/letter"], [bound],
                        [f"{self.folder}/link/ann"], [self.top], [f"{self.top}/beside"],
                        [self.home, f"{self.home}/ann", bound]):
            with self.subTest(sources=sources):
                report = self.backup(*sources)
                self.assertEqual(report["consistency"], "snapshot")
                out = self.restored()
                for source in sources:
                    self.assertEqual(sh(f"diff -r {source} {out}{source}"), "")

    # ---- what cannot be had

    def test_another_file_system_below_is_read_live_and_the_point_says_so(self):
        mount = f"{self.home}/ann/disk"
        os.mkdir(mount)
        sh(f"mount -t tmpfs tmpfs {mount}")
        self.mounts.append(mount)
        self.write("home/ann/disk/file", "on another file system")

        report = self.backup(self.home, use="preferred")

        self.assertEqual(report["consistency"], "best-effort")
        self.assertEqual([each["path"] for each in report["read_live"]], [mount])
        self.assertEqual(sh(f"diff -r {self.home} {self.restored()}{self.home}"), "")
        self.assertEqual(self.points()[0]["consistency"], "best-effort")
        refused = self.backup(self.home, code=3)
        self.assertIn(mount, refused["error"]["message"])
        self.assertIn("leave it out", refused["error"]["message"])
        for way_out in (["--exclude", "disk/"], ["--one-file-system"]):
            self.assertEqual(self.backup(self.home, options=way_out)["consistency"], "snapshot")

    def test_a_read_only_file_system_is_read_as_it_is_where_snapshots_are_preferred(self):
        sh(f"mount -o remount,ro {self.top}")

        self.assertIn("mount it writable", self.backup(self.home, code=3)["error"]["message"])
        report = self.backup(self.home, use="preferred")

        self.assertEqual(report["consistency"], "best-effort")
        self.assertIn("read-only", report["read_live"][0]["reason"])

    def test_a_full_file_system_is_told_or_held(self):
        sh(f"cat /dev/urandom > {self.home}/big; for i in $(seq 4000); do "
           f"head -c 3000 /dev/urandom > {self.home}/small$i || break; done", check=False)
        done = subprocess.run(self.command("backup", "--json", "--consistency", "snapshot",
                                           f"{self.home}/ann"),
                              env=self.environment(), text=True, capture_output=True)
        if done.returncode != 0:
            self.assertIn("make room", done.stderr)
        self.assert_nothing_left()

    def test_a_user_without_rights_is_told_so(self):
        sh(f"chmod -R a+rwX {self.folder}/vault; chmod 777 {self.folder}")
        done = subprocess.run(self.command("backup", "--consistency", "snapshot", self.home),
                              env={**self.environment(), "OBHUT_CACHE": f"{self.folder}/other"},
                              text=True, capture_output=True, user=65534, group=65534,
                              extra_groups=[])
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("takes root", done.stderr)

    # ---- what is left behind

    def test_what_a_killed_run_leaves_is_removed_by_the_next_and_nothing_else(self):
        for _ in range(10):
            sh(f"head -c 150M /dev/urandom > {self.home}/big")
            run = subprocess.Popen(self.command("backup", "--consistency", "snapshot", self.home),
                                   env=self.environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
            while not self.snapshots() and run.poll() is None:
                time.sleep(0.005)
            run.send_signal(signal.SIGKILL)
            run.wait()
            if self.snapshots():  # else it was over already
                break
        self.assertEqual(len(self.snapshots()), 1)
        self.assertEqual(os.stat(f"{self.top}/.obhut-snapshots").st_mode & 0o777, 0o700)
        self.assertEqual(sh(f"grep -c {self.folder} /proc/self/mountinfo", check=False).strip(),
                         str(len(self.mounts)), "the snapshot is mounted nowhere")
        other = f"{self.top}/.obhut-snapshots/{'0' * 32}"
        sh(f"btrfs subvolume snapshot {self.home} {other}")

        self.obhut("backup", "--consistency", "best-effort", self.top)

        self.assertEqual([line.split()[-1] for line in self.snapshots()],
                         [f".obhut-snapshots/{'0' * 32}"])
        self.assertNotIn(".obhut-snapshots", self.obhut("ls", "-r", "latest").stdout)
        sh(f"btrfs subvolume delete {other} && rmdir {self.top}/.obhut-snapshots")
        self.backup(self.home)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    NOT_POSSIBLE = find_obstacle()
    if NOT_POSSIBLE:
        print(f"skipped: {NOT_POSSIBLE}")
        sys.exit(77)
    unittest.main()
