"""The agent on Windows from its package to its removal: a real MSI under Wine, a real cluster here."""

import json
import os
import pathlib
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from wine import BIN, IN_WINE, Obhut, Wine, windows_path  # noqa: E402
from harness.http_proxy import HttpProxy  # noqa: E402
from harness.releases import Releases  # noqa: E402
from harness.site import Site, lab, run, wait_until  # noqa: E402

MSI = os.environ.get("OBHUT_MSI")
STATE = ("ProgramData", "Obhut", "state")


def make_tree(folder):
    """What both systems can hold: long names, names of many scripts, hard links, odd sizes."""
    os.makedirs(os.path.join(folder, "deep", *("level" * 10 for _ in range(20))))
    os.makedirs(os.path.join(folder, "empty"))
    files = {"plain.txt": b"plain", "empty.txt": b"", "ümläut.txt": "ä".encode(), "日本語": b"x" * 100,
             "💾.bin": os.urandom(70_000), "n" * 200: b"long name", "with  spaces .txt": b"y",
             "large.bin": os.urandom(5_000_000), "compressible.log": b"line\n" * 300_000}
    for name, content in files.items():
        pathlib.Path(folder, name).write_bytes(content)
    deepest = os.path.join(folder, "deep", *("level" * 10 for _ in range(20)), "file")
    pathlib.Path(deepest).write_bytes(b"deep")
    os.link(os.path.join(folder, "large.bin"), os.path.join(folder, "linked.bin"))
    for name in files:
        os.utime(os.path.join(folder, name), ns=(10**18, 1_600_000_000_123_456_700))


def manifest(folder):
    """What must come back of a tree: names, contents, times to 100 ns, which names are one file."""
    found, first = {}, {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        status = path.lstat()
        name = str(path.relative_to(folder))
        if path.is_dir():
            found[name] = "folder"
            continue
        if not stat.S_ISREG(status.st_mode):
            found[name] = stat.S_IFMT(status.st_mode)
            continue
        one = first.setdefault(status.st_ino, name)
        found[name] = (path.read_bytes(), status.st_mtime_ns // 100, one)
    return found


class WindowsTest(unittest.TestCase):
    display = ""
    package = MSI

    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.folder = tempfile.mkdtemp(prefix="obhut-windows-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.source = os.path.join(self.folder, "source")
        make_tree(self.source)
        self.wine = Wine(os.path.join(self.folder, "wine"), self.display)
        self.addCleanup(self.wine.stop)
        self.agent = Obhut(self.wine, self.wine.drive_c("Program Files", "Obhut", "obhut.exe"))

    def msiexec(self, *arguments, check=True):
        outcome = self.wine.run("msiexec", *arguments, check=False, timeout=240)
        if check:
            self.assertEqual(outcome.returncode, 0, self.msi_log())
        return outcome.returncode

    def msi_log(self):
        file = os.path.join(self.folder, "msi.log")
        if not os.path.exists(file):
            return ""
        return pathlib.Path(file).read_bytes().replace(b"\0", b"").decode(errors="replace")

    def install(self, *told):
        self.msiexec("/i", windows_path(self.package), "/qn", "/l*v",
                     windows_path(os.path.join(self.folder, "msi.log")), *told)
        wait_until("the service to answer", self.agent.answers, 60)

    def install_enrolled(self, *more):
        self.token = self.site.partner.token(self.site.customer)
        self.install("TOKENFILE=" + windows_path(self.token), *more)
        self.agent.wait_enrolled(60)

    def with_plan(self, **members):
        self.site.partner.push_plan(self.site.partner.plan(windows_path(self.source), **members),
                                    self.site.customer)
        self.agent.wait_plan(1, 60)

    def older_package(self):
        """One that is told at its removal, as Windows does and Wine does not, that another replaces it."""
        older = os.path.join(self.folder, "older.msi")
        shutil.copy(MSI, older)
        lab.run("msibuild", older, "-q", "INSERT INTO `Property` (`Property`, `Value`) "
                "VALUES ('UPGRADINGPRODUCTCODE', 'yes')")
        return older

    def newer_package(self):
        """The same programs under another version."""
        newer = os.path.join(self.folder, "obhut-agent-99.0.0.msi")
        shutil.copy(MSI, newer)
        code = "{" + str(uuid.uuid4()).upper() + "}"
        for name, value in (("ProductVersion", "99.0.0"), ("ProductCode", code)):
            lab.run("msibuild", newer, "-q", f"UPDATE `Property` SET `Value`='{value}' "
                    f"WHERE `Property`='{name}'")
        # Which versions it takes for older ones, and which for newer. Of keys, none can be changed.
        version = lab.run("msiinfo", "export", MSI, "Property").stdout
        version = re.search(r"^ProductVersion\t(\S+)", version, re.M)[1]
        table = pathlib.Path(self.folder, "Upgrade.idt")
        table.write_text(lab.run("msiinfo", "export", MSI, "Upgrade").stdout.replace(version, "99.0.0"), newline="")
        lab.run("msibuild", newer, "-i", str(table))
        return newer

    def installed_versions(self):
        listed = self.wine.run("reg", "query", "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall", "/s")
        return re.findall(r"DisplayVersion\s+REG_SZ\s+(\S+)", listed.stdout)

    def landed(self, target):
        return target + "/Z" + self.source

    def daemon_log(self):
        return pathlib.Path(self.wine.drive_c("ProgramData", "Obhut", "log",
                                              "obhutd.log")).read_text(encoding="utf-8")


class FromPackageToRemoval(WindowsTest):
    def test_installs_enrols_backs_up_restores_and_leaves_nothing_but_keys(self):
        self.install_enrolled()
        self.with_plan()

        first = self.agent.backup()
        before = manifest(self.source)
        pathlib.Path(self.source, "plain.txt").write_bytes(b"changed since")
        second = self.agent.backup()
        points = self.agent.ask("points")
        target = os.path.join(self.folder, "restored")
        report = self.agent.ask("restore", points[0]["id"][:12], "--to", windows_path(target),
                                timeout=300)

        self.assertEqual(first["outcome"], "done", json.dumps(first))
        self.assertEqual(second["outcome"], "done", json.dumps(second))
        self.assertLess(second["targets"][0]["point"]["new_bytes"], 1_000_000)
        self.assertEqual(report["missing"], 0, json.dumps(report))
        self.assertEqual(report["metadata_problems"], 0, json.dumps(report))
        self.assertEqual(manifest(self.landed(target)), before)
        self.assertEqual(self.agent.status()["protection"]["state"], "protected")
        read_live = first["targets"][0]["point"]["read_live"]
        self.assertIn("Volume Shadow Copy", read_live[0]["reason"], "it is told why")
        device = self.site.devices()[0]["id"]
        kept = self.site.api.get(f"/api/v1/devices/{device}/points")["points"]
        self.assertEqual(len(kept), 2)

        self.msiexec("/x", windows_path(MSI), "/qn")

        self.assertFalse(os.path.exists(self.wine.drive_c("Program Files", "Obhut")))
        alerts = self.site.api.get(f"/api/v1/devices/{device}/alerts")["alerts"]
        self.assertIn("software-removed", [alert["code"] for alert in alerts])
        self.assertIsNone(self.wine.registry("Software\\Obhut\\Agent"))
        self.assertIsNone(self.wine.registry("Software\\Obhut\\Setup"))
        self.assertIsNone(self.wine.registry("SYSTEM\\CurrentControlSet\\Services\\Obhut"))
        left = sorted(os.listdir(self.wine.drive_c("ProgramData", "Obhut")))
        self.assertEqual(left, ["state"])
        kept = os.listdir(self.wine.drive_c(*STATE))
        self.assertIn("secrets", kept)
        self.assertFalse([name for name in kept if name.startswith("cache-")])

        self.install()
        self.assertTrue(self.agent.status()["enrolment"]["enrolled"], "the device that it was")
        self.msiexec("/x", windows_path(MSI), "/qn", "PURGE=1")
        self.assertFalse(os.path.exists(self.wine.drive_c("ProgramData", "Obhut")))

    def test_a_token_on_the_command_line_is_in_no_log_and_no_registry_afterwards(self):
        token = pathlib.Path(self.site.partner.token(self.site.customer)).read_text().strip()

        self.install("TOKEN=" + token, "BRAND=Example IT")
        self.agent.wait_enrolled(60)

        # Wine lists hidden properties at the end, which Windows does not: check 26 of verify.ps1.
        log = [line for line in self.msi_log().splitlines()
               if not line.startswith(("Property(S): TOKEN =", "Property(S): KeepToken =",
                                       "Property(S): CustomActionData ="))]
        self.assertEqual([line[:60] for line in log if token in line], [])
        self.assertFalse(os.path.exists(self.wine.drive_c(*STATE, "token")), "it was for once")
        told = self.wine.registry("Software\\Obhut\\Agent")
        for key in ("Setup", "Agent"):
            self.assertNotIn(token, str(self.wine.registry("Software\\Obhut\\" + key)))
        self.assertEqual(told["Brand"], "Example IT")
        self.assertNotIn(token, self.daemon_log())

    def test_an_upgrade_keeps_state_and_settings(self):
        self.package = self.older_package()
        self.install_enrolled("PROXY=direct", "BRAND=Example IT")
        self.with_plan()
        self.agent.backup()
        device = self.agent.status()["enrolment"]["device"]

        self.msiexec("/i", windows_path(self.newer_package()), "/qn")
        wait_until("the service to answer", self.agent.answers, 60)

        self.assertEqual(self.installed_versions(), ["99.0.0"])
        status = self.agent.status()
        self.assertEqual(status["enrolment"]["device"], device)
        alerts = self.site.api.get(f"/api/v1/devices/{device}/alerts")["alerts"]
        self.assertNotIn("software-removed", [alert["code"] for alert in alerts])
        self.assertEqual(status["plan"]["version"], 1)
        self.assertEqual(self.wine.registry("Software\\Obhut\\Agent")["Proxy"], "direct")
        self.assertEqual(self.agent.backup()["outcome"], "done")
        self.assertEqual(len(self.agent.ask("points")), 2)

    def test_it_updates_itself_where_the_plan_says_so(self):
        self.package = self.older_package()
        self.install_enrolled()
        device = self.agent.status()["enrolment"]["device"]
        releases = Releases(self.site)
        shutil.copy(releases.root, self.wine.drive_c("ProgramData", "Obhut", "release-root.json"))
        releases.publish(self.newer_package())
        self.with_plan(updates="install")

        self.assertEqual(self.agent.ask("update", "check")["offered"], "99.0.0")

        wait_until("the upgrade", lambda: self.installed_versions() == ["99.0.0"], 240)
        wait_until("the service to answer", self.agent.answers, 60)
        self.assertEqual(self.agent.status()["enrolment"]["device"], device)
        self.assertEqual(self.agent.backup()["outcome"], "done")

    def test_what_waits_for_a_restart_is_told(self):
        self.install_enrolled()
        where = ("HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager", "/v", "PendingFileRenameOperations")

        def codes():
            return [alert["code"] for alert in self.agent.status()["alerts"]]
        for others in ("\\??\\C:\\Program Files\\Other\\obhut.exe", "\\??\\C:\\Program Files\\Obhut"):
            self.wine.run("reg", "add", *where, "/t", "REG_MULTI_SZ", "/d", others, "/f")
            time.sleep(6)  # it is looked at every five seconds
            self.assertNotIn("reboot-pending", codes())

        self.wine.run("reg", "add", *where, "/t", "REG_MULTI_SZ", "/d",
                      "!\\??\\c:\\program files\\obhut\\obhut.exe", "/f")
        wait_until("it to be told", lambda: "reboot-pending" in codes(), 60)
        self.wine.run("reg", "delete", *where, "/f")
        wait_until("it to be over", lambda: "reboot-pending" not in codes(), 60)

    def test_the_service_stops_and_starts(self):
        self.install_enrolled()

        self.assertEqual(self.wine.run("net", "stop", "Obhut").returncode, 0)
        self.assertFalse(self.agent.answers())
        self.assertEqual(self.wine.run("net", "start", "Obhut").returncode, 0)
        wait_until("the service to answer", self.agent.answers, 30)
        self.assertIn("stopping", self.daemon_log())

    def test_a_proxy_that_the_package_was_told_is_used(self):
        proxy = HttpProxy("localhost")
        self.addCleanup(proxy.close)

        self.install_enrolled(f"PROXY=http://127.0.0.1:{proxy.port}")
        self.with_plan()
        outcome = self.agent.backup()

        self.assertEqual(outcome["outcome"], "done", json.dumps(outcome))
        self.assertGreater(proxy.passed, 0)

    def test_the_proxy_of_the_system_is_used(self):
        proxy = HttpProxy("localhost")
        self.addCleanup(proxy.close)
        # As netsh winhttp set proxy writes it: a head, "named proxy", its text, no exceptions.
        text = f"127.0.0.1:{proxy.port}".encode()
        setting = struct.pack("<IIII", 0x18, 0, 3, len(text)) + text + struct.pack("<I", 0)
        self.wine.run("reg", "add", "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\"
                      "Internet Settings\\Connections", "/v", "WinHttpSettings", "/t", "REG_BINARY",
                      "/d", setting.hex(), "/f")

        self.install_enrolled()

        self.assertGreater(proxy.passed, 0)

    def test_a_cluster_with_another_authority_is_not_spoken_with(self):
        other = Site()
        self.addCleanup(other.close)
        made = json.loads(run("obhut-sign", "--dir", self.site.partner.folder, "--json", "token",
                              "--customer", self.site.customer, "--cluster", self.site.cluster.url,
                              "--ca", other.cluster.ca_file, "--uses", 1, "--out",
                              os.path.join(self.folder, "token")).stdout)
        self.assertIn("registration", made)
        # The machine's own store would trust it: it is not asked.
        self.wine.run("certutil", "-addstore", "Root", windows_path(self.site.cluster.ca_file),
                      check=False)

        self.install("TOKENFILE=" + windows_path(os.path.join(self.folder, "token")))
        refused = wait_until("the refusal", lambda: self.agent.status()["enrolment"].get("last_error"), 60)

        self.assertIn("not trusted", json.dumps(refused))
        self.assertFalse(self.agent.status()["enrolment"]["enrolled"])

    def test_what_bad_input_gets(self):
        self.install()
        bad = os.path.join(self.folder, "bad-token")
        pathlib.Path(bad).write_text("no token")
        refused = self.agent.obhut("enroll", windows_path(bad), check=False)
        no_vault = self.wine.run(self.agent.program, "vault", "points", "--vault", "C:\\none",
                                 "--key-file", windows_path(bad), check=False)
        usage = self.wine.run(self.agent.program, "no-such-command", check=False)

        self.assertNotEqual(refused.returncode, 0)
        self.assertNotEqual(no_vault.returncode, 0)
        self.assertEqual(usage.returncode, 2)
        self.assertFalse(self.agent.status()["enrolment"]["enrolled"])


class VaultsOfBothSystems(unittest.TestCase):
    """A vault written on one is read on the other."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="obhut-windows-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.source = os.path.join(self.folder, "source")
        make_tree(self.source)
        self.key = os.path.join(self.folder, "key")
        pathlib.Path(self.key).write_text("correct horse battery staple\n")
        self.vault = os.path.join(self.folder, "vault")
        self.wine = Wine(os.path.join(self.folder, "wine"))
        self.addCleanup(self.wine.stop)

    def there(self, command, *arguments, check=True):
        return self.wine.run(BIN / "obhut.exe", "vault", command, "--vault",
                             windows_path(self.vault), "--key-file", windows_path(self.key),
                             *arguments, check=check, timeout=300)

    def here(self, command, *arguments, check=True):
        return run("obhut", "vault", command, "--vault", self.vault, "--key-file", self.key,
                   *arguments, check=check, timeout=300)

    def test_written_on_windows_restored_here(self):
        self.there("init")
        self.there("backup", windows_path(self.source))
        target = os.path.join(self.folder, "restored")

        checked = self.here("check", "--read-data")
        restored = json.loads(self.here("restore", "latest", "--json", "--to", target).stdout)

        self.assertIn("sound", checked.stdout)
        self.assertEqual(restored["missing"], 0)
        self.assertEqual(restored["metadata_problems"], 0)
        self.assertGreater(restored["left_out"]["windows"], 10)
        self.assertEqual(manifest(target + "/Z" + self.source), manifest(self.source))

    def test_written_here_restored_on_windows(self):
        os.symlink("plain.txt", os.path.join(self.source, "link"))
        os.mkfifo(os.path.join(self.source, "fifo"))
        pathlib.Path(self.source, "no name for windows: *?").write_bytes(b"x")
        os.chmod(os.path.join(self.source, "plain.txt"), 0o444)
        os.setxattr(os.path.join(self.source, "plain.txt"), "user.note", b"x")
        for name in ("Case.txt", "CASE.txt", "DIR/inner", "dir/inner"):
            path = pathlib.Path(self.source, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(name)
        self.here("init")
        self.here("backup", self.source)
        target = os.path.join(self.folder, "restored")

        checked = self.there("check", "--read-data")
        restored = self.there("restore", "latest", "--json", "--to", windows_path(target),
                              check=False)

        self.assertIn("sound", checked.stdout)
        self.assertEqual(restored.returncode, 1, "something could not come back")
        report = json.loads(restored.stdout)
        missing = sorted(problem["path"].rsplit("/", 1)[1] for problem in report["problems"]
                         if problem["kind"] == "missing")
        # Wine has no symbolic links. Of names that differ in case alone the first is restored.
        self.assertEqual(missing, ["Case.txt", "dir", "fifo", "link", "no name for windows: *?"])
        self.assertEqual(report["left_out"], {"user": 1})
        wanted = manifest(self.source)
        for name in [*missing, "dir/inner"]:
            del wanted[name]
        self.assertEqual(manifest(target + self.source), wanted)
        self.assertFalse(os.stat(os.path.join(target + self.source, "plain.txt")).st_mode & 0o200)

    def test_one_vault_holds_points_of_both(self):
        self.there("init")
        self.there("backup", windows_path(self.source))
        here = self.here("backup", self.source)
        self.here("prune", "--keep-last", "2")

        points = json.loads(self.there("points", "--json").stdout)

        self.assertIn("stored", here.stdout)
        self.assertEqual(len(points["points"] if isinstance(points, dict) else points), 2)
        self.assertIn("sound", self.there("check", "--read-data").stdout)

    def test_a_locked_file_is_listed_and_the_run_goes_on(self):
        self.there("init")
        held = subprocess.Popen(
            [IN_WINE, BIN / "hold_file.exe", windows_path(os.path.join(self.source, "plain.txt"))],
            env=self.wine.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(held.communicate, timeout=30)
        self.assertIn("held", held.stdout.readline())

        outcome = self.there("backup", windows_path(self.source), check=False)

        self.assertEqual(outcome.returncode, 1, outcome.stdout + outcome.stderr)
        self.assertIn("plain.txt", outcome.stdout + outcome.stderr)
        points = json.loads(self.there("points", "--json").stdout)
        self.assertEqual(len(points["points"] if isinstance(points, dict) else points), 1)


if __name__ == "__main__":
    unittest.main()
