"""Updates from end to end: a signed release, a real cluster, a real agent; and everything that a
hostile cluster, a stolen key or somebody on the endpoint may try. The package manager alone is a
script, which notes what it was given: real packages are installed in tests/packages. Needs root."""

import base64
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.releases import Releases, sha256, text_of  # noqa: E402
from harness.site import BIN, CommandFailed, Site, run, wait_until  # noqa: E402

RECORDER = """#!/bin/sh
sha256sum < "$1" | cut -c 1-64 >> {folder}/ran
ls -ld "$(dirname "$1")" | cut -c 1-10 > {folder}/mode
echo "unpacking"
echo "no space left on the moon"
exit "$(cat {folder}/exit)"
"""


class UpdateService(threading.Thread):
    """As obhut-update.socket: starts the installing process for each connection."""

    def __init__(self, path, endpoint):
        super().__init__(daemon=True)
        self.endpoint = endpoint
        self.served = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.close()
            self.served += 1
            subprocess.run([os.path.join(BIN, "obhutd"), "--install-update", "--config", self.endpoint.config,
                            "--state", self.endpoint.state], stdin=subprocess.DEVNULL, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class UpdatesTest(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.releases = Releases(self.site)
        self.record = pathlib.Path(self.site.path("record"))
        self.record.mkdir()
        (self.record / "exit").write_text("0")
        self.program = self.site.path("record", "install-agent")
        pathlib.Path(self.program).write_text(RECORDER.format(folder=self.record), encoding="utf-8")
        os.chmod(self.program, 0o755)
        os.mkdir(self.site.path("source"))
        pathlib.Path(self.site.path("source", "file")).write_text("something")
        self.version = 0

    def endpoint(self, rule="off", name="endpoint", root=None, **settings):
        endpoint = self.site.endpoint(name)
        endpoint.configure(release_root=root or self.releases.root, update_program=self.program,
                           update_folder=os.path.join(endpoint.folder, "update"), **settings)
        endpoint.start(self.site.partner.token(self.site.customer))
        endpoint.wait_enrolled()
        self.push(endpoint, rule)
        self.at = endpoint
        return endpoint

    def push(self, endpoint, rule, **members):
        more = {} if rule == "off" else {"updates": rule}
        plan = self.site.partner.plan(self.site.path("source"), **more, **members)
        self.site.partner.push_plan(plan, self.site.customer)
        self.version += 1
        endpoint.wait_plan(self.version)

    def installed(self):
        ran = self.record / "ran"
        return ran.read_text().split() if ran.exists() else []

    def update(self):
        return self.at.ask("update", "status")

    def file(self):
        return pathlib.Path(self.at.state, "updates", "package.deb")

    def wait_downloaded(self):
        return wait_until("the download", lambda: self.update()["downloaded"], 60)

    def wait_problem(self, words):
        def there():
            problem = self.update()["problem"]
            return words in problem and problem
        return wait_until(f"the problem {words!r}", there, 30)

    def refused(self, *words, code=4):
        with self.assertRaises(CommandFailed) as failed:
            self.at.obhut(*words)
        self.assertEqual(failed.exception.code, code, str(failed.exception))
        return failed.exception.stderr


class AsThePlanSays(UpdatesTest):
    def test_installs_what_enough_keys_signed(self):
        wanted = self.releases.publish(self.releases.package())
        endpoint = self.endpoint("install")

        offered = endpoint.ask("update", "check")
        wait_until("the installation", self.installed, 60)
        wait_until("its result", lambda: self.update()["installed"] == "9.1.0", 30)

        self.assertEqual(offered["offered"], "9.1.0")
        self.assertEqual(self.installed(), [wanted])
        self.assertEqual(text_of(self.record / "mode").strip(), "drwx------")
        self.assertFalse(self.file().exists(), "what is installed is not kept")
        self.assertIn("9.1.0 is installed", endpoint.obhut("status").stdout)
        device = self.site.devices()[0]["id"]

        def told():
            done = self.site.api.get(f"/api/v1/devices/{device}/activities")["activities"]
            return [one for one in done if one["kind"] == "update"]
        self.assertEqual(wait_until("the activity", told, 30)[0]["outcome"], "done")
        time.sleep(11)
        self.assertEqual(self.installed(), [wanted], "once is enough")

    def test_downloads_and_leaves_the_rest_to_an_administrator(self):
        wanted = self.releases.publish(self.releases.package())
        endpoint = self.endpoint("download")
        self.site.let_users_in()

        endpoint.ask("update", "check")
        self.wait_downloaded()
        mode = self.file().parent.stat().st_mode & 0o777
        time.sleep(6)
        before = self.installed()
        user = subprocess.run([os.path.join(BIN, "obhut"), "update", "install", "--socket", endpoint.socket],
                              capture_output=True, text=True, user=54321, group=54321, extra_groups=[], cwd="/",
                              check=False)
        self.assertEqual(user.returncode, 4, user.stderr)
        self.assertIn("needs administrator rights", user.stderr)
        handed = endpoint.ask("update", "install")
        wait_until("the installation", self.installed, 60)

        self.assertEqual(mode, 0o700)
        self.assertEqual(before, [])
        self.assertEqual(handed["handed"], "9.1.0")
        self.assertEqual(self.installed(), [wanted])

    def test_waits_while_backups_stand_still(self):
        self.releases.publish(self.releases.package(size=1000))
        endpoint = self.endpoint("download")
        endpoint.ask("pause")
        self.assertEqual(endpoint.ask("update", "check")["offered"], "9.1.0")
        time.sleep(11)
        self.assertFalse(self.update()["downloaded"])

        endpoint.ask("resume")
        self.wait_downloaded()

    def test_does_nothing_where_anybody_says_no(self):
        self.releases.publish(self.releases.package())
        self.endpoint("off")
        self.at.ask("update", "check")
        self.assertEqual(self.update()["off"], "plan")
        self.assertEqual(self.update()["offered"], "9.1.0")
        self.assertIn("plan does not allow", self.refused("update", "install"))
        self.assertIn("the plan does not allow it", self.at.obhut("status").stdout)

        self.at.stop()
        no_root = self.endpoint("install", "no-root", root=self.site.path("missing.json"))
        self.assertEqual(self.update()["off"], "no-root")
        self.assertIn("brought no release root", self.refused("update", "check"))
        self.assertIn("off: this package brought no release root", no_root.obhut("status").stdout)

        no_root.stop()
        self.endpoint("install", "forbidden", updates="no")
        self.assertIn('updates = "no"', self.refused("update", "check"))
        self.assertIn('updates = "no"', self.refused("update", "install"))
        time.sleep(6)
        self.assertEqual(self.installed(), [])

    def test_waits_for_a_backup(self):
        wanted = self.releases.publish(self.releases.package(size=1000))
        hooks = pathlib.Path(self.site.path("hooks"))
        hooks.mkdir(0o755)
        (hooks / "wait").write_text(f"#!/bin/sh\nuntil [ -e {self.record}/go ]; do sleep 0.1; done\n")
        os.chmod(hooks / "wait", 0o755)
        endpoint = self.endpoint("install", hooks=str(hooks))
        self.push(endpoint, "install", hooks={"before": ["wait"]})

        endpoint.obhut("backup")
        wait_until("the backup", lambda: endpoint.status()["schedule"]["running"])
        endpoint.ask("update", "check")
        time.sleep(6)
        self.assertEqual(self.update()["downloaded"], False)
        self.assertIn("a backup or restore is running", self.refused("update", "install", code=3))
        (self.record / "go").touch()
        wait_until("the installation", self.installed, 60)
        self.assertEqual(self.installed(), [wanted])

    def test_hands_over_to_a_unit_of_its_own_and_says_how_it_failed(self):
        wanted = self.releases.publish(self.releases.package())
        (self.record / "exit").write_text("7")
        path = self.site.path("update.sock")
        os.environ["OBHUT_UPDATE_SOCKET"] = path
        self.addCleanup(os.environ.pop, "OBHUT_UPDATE_SOCKET", None)
        endpoint = self.endpoint("download")
        endpoint.ask("update", "check")
        self.wait_downloaded()

        endpoint.obhut("update", "install", check=False)
        problem = self.wait_problem("update service does not answer")
        self.assertIn("systemctl start obhut-update.socket", problem)
        service = UpdateService(path, endpoint)
        self.addCleanup(service.close)
        endpoint.ask("update", "install")
        problem = self.wait_problem("the package manager ended with 7")

        self.assertIn("no space left on the moon", problem)
        self.assertEqual((self.installed(), service.served), ([wanted], 1))
        self.assertIn("update-failed", [alert["code"] for alert in endpoint.status()["alerts"]])
        (self.record / "exit").write_text("0")
        endpoint.ask("update", "install")
        wait_until("its result", lambda: self.update()["installed"] == "9.1.0", 30)
        self.assertNotIn("update-failed", [alert["code"] for alert in endpoint.status()["alerts"]])

    def test_follows_new_roots_and_remembers_them(self):
        endpoint = self.endpoint("download")
        package = self.releases.package(size=1000)
        self.releases.publish(package)
        second = self.releases.file("root-2.json")
        self.releases.sign("release", "root", "--after", self.releases.root, "--root-key", self.releases.keys["eve"],
                           "--release-key", self.releases.keys["eve"], "--release-threshold", 1, "--key",
                           self.releases.file("root.key"), "--key", self.releases.file("eve.key"), "--out", second)
        self.site.api.post("/api/v1/releases/roots", text_of(second))
        self.site.api.post("/api/v1/releases", self.releases.manifest(package, root=second, keys=("eve",)))

        endpoint.ask("update", "check")
        self.wait_downloaded()
        endpoint.stop()
        endpoint.start()

        self.assertEqual((self.update()["root"], self.update()["serial"]), (2, 2))
        self.assertTrue(self.update()["downloaded"])
        endpoint.ask("update", "install")
        wait_until("the installation", self.installed, 60)


class WhatIsTried(UpdatesTest):
    def test_a_cluster_offers_what_nobody_signed(self):
        package = self.releases.package(size=1000)
        other = self.releases.package("9.2.0", size=1000)
        self.releases.publish(package)
        self.releases.serial = 4
        self.releases.smuggle(self.releases.manifest(package))
        self.endpoint("install")
        good = self.at.ask("update", "check")
        wait_until("the installation", self.installed, 60)
        wait_until("its result", lambda: self.update()["installed"] == "9.1.0", 30)
        broken = json.loads(self.releases.manifest(other, serial=6))
        payload = base64.urlsafe_b64decode(broken["payload"] + "==").replace(b"9.2.0", b"9.3.0")
        broken["payload"] = base64.urlsafe_b64encode(payload).decode().rstrip("=")
        for words, document in (
                ("fewer than 2 of the 2 release keys", self.releases.manifest(other, serial=6, keys=("anna",))),
                ("fewer than 2 of the 2 release keys", self.releases.manifest(other, serial=6, keys=("anna", "eve"))),
                ("going back", self.releases.manifest(other, serial=4)),
                ("another one with this serial", self.releases.manifest(other, serial=5)),
                ("does not match", json.dumps(broken))):
            with self.subTest(words):
                self.releases.smuggle(document)
                self.assertIn(words, self.refused("update", "check"))
                self.assertIn(words, self.update()["problem"])
        self.assertEqual(good["serial"], 5)
        self.assertEqual(self.update()["serial"], 5)
        self.assertIn("update-refused", [alert["code"] for alert in self.at.status()["alerts"]])
        time.sleep(6)
        self.assertEqual(len(self.installed()), 1)

    def test_a_release_that_has_expired(self):
        package = self.releases.package(size=1000)
        self.releases.publish(package)
        root = self.releases.root
        past = self.releases.file("past.json")
        subprocess.run(["faketime", "-f", "-30d", os.path.join(BIN, "obhut-sign"), "release", "manifest", "--root", root,
                        "--serial", "9", "--days", "20", "--package", package, "--key",
                        self.releases.file("anna.key"), "--key", self.releases.file("bert.key"), "--out", past],
                       check=True, stdout=subprocess.DEVNULL)
        self.releases.serial = 9
        self.releases.smuggle(text_of(past))
        self.endpoint("install")

        self.assertIn("expired on", self.refused("update", "check"))
        self.assertEqual(self.update()["offered"], "")

    def test_a_package_that_was_tampered_with(self):
        self.releases.publish(self.releases.package())
        stored = next(pathlib.Path(self.site.cluster.state, "objects", "releases").glob("*/*"))
        data = bytearray(stored.read_bytes())
        data[5_000_000] ^= 1
        os.chmod(stored, 0o600)
        stored.write_bytes(data)
        self.endpoint("install")

        self.at.ask("update", "check")
        self.wait_problem("other bytes than the release names")

        self.assertFalse(self.file().exists())
        self.assertEqual(self.installed(), [])

    def test_a_file_that_is_swapped_between_download_and_installation(self):
        self.releases.publish(self.releases.package())
        self.endpoint("download")
        self.at.ask("update", "check")
        self.wait_downloaded()
        size = self.file().stat().st_size
        self.file().write_bytes(os.urandom(size))

        self.at.obhut("update", "install", check=False)
        self.wait_problem("is not the file that the release names")

        self.assertEqual(self.installed(), [])
        self.assertEqual(sorted(os.listdir(os.path.join(self.at.folder, "update"))), ["lock", "result.json"])

    def test_links_in_the_updates_folder(self):
        wanted = self.releases.publish(self.releases.package(size=1000))
        self.endpoint("download")
        self.at.ask("update", "check")
        self.wait_downloaded()
        elsewhere = pathlib.Path(self.site.path("elsewhere"))
        elsewhere.mkdir()
        with self.held():
            shutil.move(self.file(), elsewhere / "package.deb")
            self.file().symlink_to(elsewhere / "package.deb")
            (elsewhere / "keep").write_text("mine")
            self.refuse_by_itself("package.deb")
        wait_until("the download anew", lambda: self.file().exists() and not self.file().is_symlink(), 30)
        self.assertTrue((elsewhere / "package.deb").exists())
        shutil.rmtree(self.file().parent)
        os.symlink(elsewhere, self.file().parent)
        self.assertIn("must be a folder and no link", self.refused("update", "install"))
        with self.held():
            self.refuse_by_itself("updates")
        self.assertEqual(sorted(os.listdir(elsewhere)), ["keep", "package.deb"])
        self.assertEqual(self.installed(), [])
        os.remove(os.path.join(self.at.state, "updates"))
        self.at.ask("update", "install")
        wait_until("the installation", self.installed, 60)
        self.assertEqual(self.installed(), [wanted])

    @contextlib.contextmanager
    def held(self):
        """The daemon's folder stays as it is meanwhile."""
        self.at.process.handle.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.at.process.handle.send_signal(signal.SIGCONT)

    def refuse_by_itself(self, name):
        """The installing process, told that all is well by a daemon that was taken over."""
        record = json.loads(text_of(os.path.join(self.at.state, "updates.json")))
        copy = self.site.path(f"copy-{time.monotonic_ns()}")
        shutil.copytree(self.at.state, copy, symlinks=True, ignore=shutil.ignore_patterns("crashes"))
        record["handed"] = {"id": "aa", "version": "9.1.0", "sha256": record["package"],
                            "at": "2026-01-01T00:00:00Z"}
        pathlib.Path(copy, "updates.json").write_text(json.dumps(record), encoding="utf-8")
        done = run("obhutd", "--install-update", "--config", self.at.config, "--state", copy, check=False)
        self.assertNotEqual(done.returncode, 0, done.stderr)
        self.assertIn(name, done.stderr)

    def test_a_daemon_that_was_taken_over_hands_over_what_it_likes(self):
        package = self.releases.package(size=1000)
        evil = self.releases.package("9.9.9", size=1000)
        old = self.releases.package("0.0.1", size=1000)
        self.releases.publish(package)
        self.endpoint("off")
        self.at.ask("update", "check")
        self.at.stop()
        eves = self.releases.file("eves-root.json")
        self.releases.sign("release", "root", "--root-key", self.releases.keys["eve"], "--root-threshold", 1,
                           "--release-key", self.releases.keys["eve"], "--release-threshold", 1, "--key",
                           self.releases.file("eve.key"), "--out", eves)
        good = self.releases.manifest(package, serial=3)
        for words, release, file in (
                ("fewer than 2", self.releases.manifest(evil, serial=3, keys=("eve",), root=eves), evil),
                ("names no such package", good, evil),
                ("is not newer than", self.releases.manifest(old, serial=3), old)):
            with self.subTest(words):
                data = pathlib.Path(file).read_bytes()
                record = {"roots": [text_of(eves)], "release": release, "serial": 0,
                          "handed": {"id": "bb", "version": "9.9.9", "sha256": sha256(data),
                                     "at": "2026-01-01T00:00:00Z"}}
                pathlib.Path(self.at.state, "updates.json").write_text(json.dumps(record), encoding="utf-8")
                self.file().parent.mkdir(exist_ok=True)
                self.file().write_bytes(data)
                done = run("obhutd", "--install-update", "--config", self.at.config, "--state", self.at.state,
                           check=False)
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn(words, done.stderr)
        self.assertEqual(self.installed(), [])

    def test_a_program_or_root_that_others_may_write(self):
        self.releases.publish(self.releases.package(size=1000))
        os.chmod(self.program, 0o777)
        self.endpoint("download")
        self.at.ask("update", "check")
        self.wait_downloaded()

        self.at.obhut("update", "install", check=False)
        self.wait_problem("others may write to it")
        os.chmod(self.releases.root, 0o666)
        self.assertIn("others may write to it", self.refused("update", "check"))

        self.assertEqual(self.installed(), [])


if __name__ == "__main__":
    unittest.main()
