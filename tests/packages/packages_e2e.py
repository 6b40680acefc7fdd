"""The packages of the agent: installed, upgraded, removed and purged on machines of their own.

usage: OBHUT_BIN=… OBHUT_PACKAGES=… packages_e2e.py
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import BIN, Site, upload_limit, wait_until  # noqa: E402
from harness.machine import Machine, why_not  # noqa: E402
from harness.releases import Releases  # noqa: E402
from harness.trees import differences, make_tree  # noqa: E402
from lab import run  # noqa: E402

PACKAGES = pathlib.Path(os.environ.get("OBHUT_PACKAGES", pathlib.Path(BIN).parent / "packages"))
DEB = next(PACKAGES.glob("obhut-agent_*.deb"), None)
RPM = next(PACKAGES.glob("obhut-agent-*.rpm"), None)
UNIT = "obhut-agent.service"


def dependencies(deb):
    """The packages that come along: the first of each alternative."""
    named = ",".join(run("dpkg-deb", "--field", deb, field).stdout for field in ("Depends", "Recommends"))
    return [re.split(r"[ |(]", one.strip())[0] for one in named.split(",")]


def renumbered(deb, version, folder):
    """The same package as another version of itself."""
    tree = os.path.join(folder, "tree-" + version)
    run("dpkg-deb", "--raw-extract", deb, tree)
    for name in ("control", "preinst"):
        file = pathlib.Path(tree, "DEBIAN", name)
        file.write_text(file.read_text().replace("0.1.0", version))
    out = os.path.join(folder, f"obhut-agent_{version}_amd64.deb")
    run("dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", tree, out)
    return out


def rpm_of(version, folder):
    """The same programs in a package of another version."""
    run("cpack", "-G", "RPM", "--config", PACKAGES.parent / "CPackConfig.cmake", "-R", version, "-B", folder,
        "-D", f"CPACK_OUTPUT_FILE_PREFIX={folder}", "-D", "CPACK_RPM_COMPRESSION_TYPE=gzip")
    return next(pathlib.Path(folder).glob(f"obhut-agent-{version}-*.rpm"))


class PackageTest(unittest.TestCase):
    systemd = True
    there_already = dependencies(DEB) if DEB else []

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="obhut-packages-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.machine = Machine(self.folder, self.there_already, systemd=self.systemd)
        self.addCleanup(self.machine.close)
        self.package = self.machine.put(DEB, "/root/obhut-agent.deb")
        # Another test's plan is not this one's predecessor, whose sources it must not take away.
        self.site.customer = self.site.partner.add_customer(f"C-{uuid.uuid4().hex}")
        self.token = self.site.partner.token(self.site.customer)

    def install(self, package=None, check=True, **env):
        return self.machine.run("apt-get", "install", "-y", package or self.package, env=env,
                                ok=(0,) if check else None, timeout=300)

    def install_with_token(self):
        self.machine.put(self.token, "/root/token")
        return self.install(OBHUT_TOKEN_FILE="/root/token")

    def is_active(self):
        return self.machine.run("systemctl", "is-active", UNIT, ok=None).stdout.strip() == "active"

    def main_pid(self):
        return int(self.machine.run("systemctl", "show", "-P", "MainPID", UNIT).stdout)

    def with_plan(self, size=None):
        """Installed and enrolled, with a plan that protects /srv/data."""
        self.install_with_token()
        device = self.machine.wait_enrolled()["device"]
        source = self.machine.path("/srv/data")
        make_tree(str(source))
        if size:
            (source / "large").write_bytes(os.urandom(size))
        # 8 MB/s: a large one has a middle.
        limits = upload_limit(64000) if size else {}
        self.site.partner.push_plan(self.site.partner.plan("/srv/data", limits=limits), self.site.customer)
        self.machine.wait_plan(1)
        return device

    def offer(self, package):
        """Has the cluster offer a newer version, and the plan allow it."""
        self.machine.wait_enrolled()
        releases = Releases(self.site)
        self.machine.put(releases.root, "/etc/obhut/release-root.json")
        releases.publish(package)
        self.site.partner.push_plan(self.site.partner.plan("/srv", updates="install"), self.site.customer)
        self.machine.wait_plan(1)

    def wait_updated(self, version, before):
        """In: the process that ran before."""
        wait_until("the agent to be started anew", lambda: self.main_pid() not in (0, before), 60)
        wait_until("it to answer", self.answers)
        wait_until("its word", lambda: self.machine.status()["updates"]["installed"] == version, 60)
        self.assertTrue(self.is_active())

    def alerts(self, device):
        every = self.site.api.get(f"/api/v1/devices/{device}/alerts")["alerts"]
        return [alert["code"] for alert in every]

    def answers(self):
        return self.machine.obhut("status", check=False).returncode == 0

    def points(self):
        """None before the first backup, or while the agent is being started again."""
        listed = self.machine.obhut("points", "--json", check=False)
        return json.loads(listed.stdout) if listed.returncode == 0 else None


class Silent(PackageTest):
    def test_installs_enrols_backs_up_and_restores_without_a_word(self):
        said = self.install_with_token()
        self.assertTrue(self.is_active())
        self.machine.wait_enrolled()
        token = pathlib.Path(self.token).read_text().strip()

        self.assertNotIn(token[:40], said.stdout + said.stderr + self.machine.journal())
        self.assertFalse(self.machine.path("/var/lib/obhut/token").exists(), "it was for once")
        self.assertEqual(self.machine.run("systemctl", "is-enabled", UNIT).stdout.strip(), "enabled")
        make_tree(str(self.machine.path("/srv/data")))
        self.site.partner.push_plan(self.site.partner.plan("/srv/data"), self.site.customer)
        self.machine.wait_plan(1)
        backup = self.machine.backup()
        self.assertEqual(backup["outcome"], "done", json.dumps(backup))
        self.machine.ask("restore", "latest", "--to", "/srv/back", timeout=300)
        self.assertEqual(differences(str(self.machine.path("/srv/data")),
                                     str(self.machine.path("/srv/back/srv/data"))), "")

    def test_takes_the_token_beside_the_package(self):
        self.machine.put(self.token, "/root/obhut-agent.token")
        self.install()

        self.machine.wait_enrolled()

    def test_takes_the_token_out_of_the_package_whatever_its_name(self):
        own = os.path.join(self.folder, "anything.deb")
        run(os.path.join(BIN, "obhut-sign"), "package", DEB, "--token", self.token, "--out", own)
        self.assertEqual(os.stat(own).st_mode & 0o777, 0o600, "who has it can enrol")
        self.install(self.machine.put(own, "/root/Backup for customer 17.deb"))

        self.machine.wait_enrolled()

    def test_waits_for_enroll_where_no_token_came(self):
        self.install()
        self.assertTrue(self.is_active())
        self.assertFalse(self.machine.status()["enrolment"]["enrolled"])

        self.machine.put(self.token, "/root/later")
        self.machine.obhut("enroll", "--token-file", "/root/later")

        self.machine.wait_enrolled()

    def test_changes_nothing_where_the_token_file_is_missing(self):
        refused = self.install(check=False, OBHUT_TOKEN_FILE="/root/no-such-token")

        self.assertEqual(refused.returncode, 100)
        self.assertIn("/root/no-such-token", refused.stdout + refused.stderr)
        self.assertFalse(self.machine.path("/usr/sbin/obhutd").exists())
        self.assertFalse(self.machine.path("/var/lib/obhut").exists())

    def test_runs_and_says_so_where_the_token_is_none(self):
        self.machine.path("/root/token").write_text("no token at all")
        self.install(OBHUT_TOKEN_FILE="/root/token")

        status = self.machine.status()["enrolment"]
        self.assertFalse(status["enrolled"])
        self.assertIn("the token that the package was given", status["last_error"])
        self.machine.put(self.token, "/root/better")
        self.machine.obhut("enroll", "--token-file", "/root/better")
        self.machine.wait_enrolled()


class LostFile(PackageTest):
    """From a silent installation to a lost file that its user has back, by the restore window alone."""
    USER = 1000

    def as_user(self, *command):
        """What enters the machine as its user: where it runs, its processes are the user's own."""
        return self.machine.entering("setpriv", f"--reuid={self.USER}", f"--regid={self.USER}", "--clear-groups",
                                     "env", "-i", "PATH=/usr/bin:/bin", "HOME=/home/anna", "LANG=de_DE.UTF-8",
                                     *command)

    def test_is_back_within_a_minute(self):
        web = pathlib.Path(__file__).parents[2] / "tools" / "tray" / "web"
        if not shutil.which("chromium") or not (web / "node_modules").is_dir():
            self.skipTest("needs chromium and tools/dev/page")
        self.install_with_token()
        self.machine.wait_enrolled()
        self.machine.run("useradd", "--create-home", "--uid", str(self.USER), "anna")
        home = self.machine.path("/home/anna")
        letter = home / "Angebot Müller.txt"
        for name, text in (("Notizen.txt", "Milch\n"), (letter.name, "Sehr geehrte Frau Müller\n")):
            (home / name).write_text(text)
            os.chown(home / name, self.USER, self.USER)
        self.site.partner.push_plan(self.site.partner.plan("/home"), self.site.customer)
        self.machine.wait_plan(1)
        self.machine.backup()
        letter.unlink()

        window = subprocess.Popen(self.as_user("obhut-tray", "--serve"), stdout=subprocess.PIPE, text=True)
        self.addCleanup(window.wait)
        self.addCleanup(window.terminate)
        url = window.stdout.readline().strip()
        shots = os.path.join(self.folder, "shots")
        os.mkdir(shots)
        os.chown(shots, self.USER, self.USER)
        os.chmod(self.folder, 0o755)
        # The machine shares our network, and the window looks at who asks: the browser is this user's.
        seconds = subprocess.run(
            ["node", pathlib.Path(__file__).with_name("lost_file.mjs"), web, url, letter.name, shots],
            user=self.USER, group=self.USER, extra_groups=[], check=True, capture_output=True, text=True, timeout=300,
            env={"PATH": os.environ["PATH"], "HOME": shots, "LANG": "C.UTF-8",
                 "OBHUT_CHROMIUM": shutil.which("chromium")}).stdout
        if "OBHUT_SHOTS" in os.environ:
            shutil.copytree(shots, os.environ["OBHUT_SHOTS"], dirs_exist_ok=True)
        print(f"back after {seconds.strip()} s", file=sys.stderr)

        self.assertEqual(letter.read_text(), "Sehr geehrte Frau Müller\n")
        self.assertEqual(letter.stat().st_uid, self.USER)


class Over(PackageTest):
    """Upgrades and downgrades."""

    def test_upgrades_while_a_backup_runs_and_stays_the_device_that_it_is(self):
        device = self.with_plan(size=200_000_000)
        newer = self.machine.put(renumbered(DEB, "0.2.0", self.folder), "/root/newer.deb")
        self.machine.obhut("backup")
        wait_until("the backup to run", lambda: self.machine.status()["schedule"]["running"])

        self.install(newer)

        self.assertEqual(self.machine.run("dpkg-query", "-W", "-f=${Version}", "obhut-agent").stdout, "0.2.0")
        self.assertEqual(self.machine.wait_enrolled()["device"], device)
        wait_until("the backup to be made up for", self.points, 120)
        self.machine.ask("restore", "latest", "--to", "/srv/back", timeout=300)
        self.assertEqual(differences(str(self.machine.path("/srv/data")),
                                     str(self.machine.path("/srv/back/srv/data"))), "")

    def test_updates_itself_where_the_plan_says_so(self):
        self.install_with_token()
        self.offer(renumbered(DEB, "0.2.0", self.folder))
        before = self.main_pid()
        mounts = self.machine.run("cat", f"/proc/{before}/mountinfo").stdout.splitlines()
        installs_from = [line for line in mounts if line.split()[4] == "/var/lib/obhut-update"]
        self.assertTrue(installs_from and installs_from[0].split()[5].startswith("ro"), "the agent may not write there")

        self.machine.obhut("update", "check")

        def version():
            return self.machine.run("dpkg-query", "-W", "-f=${Version} ${db:Status-Status}", "obhut-agent").stdout
        wait_until("the upgrade", lambda: version() == "0.2.0 installed", 120)
        self.wait_updated("0.2.0", before)
        self.assertEqual(os.stat(self.machine.path("/var/lib/obhut-update")).st_mode & 0o777, 0o700)

    def test_keeps_what_the_administrator_set(self):
        self.install()
        self.machine.path("/etc/obhut/agent.toml").write_text('log = "debug"\n')
        self.install(self.machine.put(renumbered(DEB, "0.2.0", self.folder), "/root/newer.deb"))

        self.assertEqual(self.machine.path("/etc/obhut/agent.toml").read_text(), 'log = "debug"\n')
        self.assertTrue(self.is_active())

    def test_refuses_a_downgrade_and_runs_on(self):
        newer = self.machine.put(renumbered(DEB, "0.2.0", self.folder), "/root/newer.deb")
        self.machine.put(self.token, "/root/token")
        self.install(newer, OBHUT_TOKEN_FILE="/root/token")
        self.machine.wait_enrolled()

        refused = self.machine.run("apt-get", "install", "-y", "--allow-downgrades", self.package, ok=None)

        self.assertEqual(refused.returncode, 100)
        self.assertIn("older than 0.2.0", refused.stdout + refused.stderr)
        self.assertTrue(self.machine.status()["enrolment"]["enrolled"])
        self.assertEqual(self.machine.run("dpkg-query", "-W", "-f=${Version} ${db:Status-Status}",
                                          "obhut-agent").stdout, "0.2.0 installed")


class Away(PackageTest):
    """Removal and purge."""

    def test_removal_is_reported_and_keeps_the_device(self):
        device = self.with_plan()
        self.machine.backup()

        said = self.machine.run("apt-get", "remove", "-y", "obhut-agent")

        self.assertNotIn("was not told", said.stderr + said.stdout)
        self.assertFalse(self.machine.path("/usr/sbin/obhutd").exists())
        wait_until("the partner to learn of it", lambda: "software-removed" in self.alerts(device))
        self.install()
        self.assertEqual(self.machine.wait_enrolled()["device"], device)
        self.assertEqual(len(self.machine.ask("points")), 1)

    def test_purge_leaves_nothing(self):
        before = self.everything()
        self.with_plan()
        self.machine.run("apt-get", "purge", "-y", "obhut-agent")

        left = {path for path in self.everything() - before
                if not re.match(r"/(srv|root|tmp|var/log|var/cache|var/lib/(dpkg|apt|systemd))(/|$)", path)}
        self.assertEqual(left, set())

    def everything(self):
        return set(self.machine.run("find", "/", "-xdev", "-not", "-path", "/srv/*").stdout.splitlines())


class Unattended(PackageTest):
    """What systemd makes of the unit."""

    def test_the_unit_is_sound_and_has_little_to_give_away(self):
        self.install()
        self.machine.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", UNIT)
        said = self.machine.run("systemd-analyze", "security", UNIT, ok=None).stdout

        level = float(re.search(r"Overall exposure level.*: ([0-9.]+)", said)[1])
        self.assertLess(level, 4.0, said)

    def test_comes_back_after_a_crash_with_its_backup(self):
        self.with_plan(size=200_000_000)
        before = self.main_pid()
        self.machine.obhut("backup")
        wait_until("the backup to run", lambda: self.machine.status()["schedule"]["running"])
        self.machine.run("systemctl", "kill", "-s", "KILL", UNIT)

        wait_until("it to come back", lambda: self.main_pid() not in (0, before), 30)
        wait_until("the backup to be made up for", self.points, 120)

    def last_sign(self):
        return self.machine.run("systemctl", "show", "-P", "WatchdogTimestampMonotonic", UNIT).stdout

    def test_is_started_again_where_it_gives_no_sign_of_life(self):
        self.install()
        drop_in = self.machine.path(f"/etc/systemd/system/{UNIT}.d/quick.conf")
        drop_in.parent.mkdir()
        drop_in.write_text("[Service]\nWatchdogSec=20s\nRestartSec=100ms\n")
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", UNIT)
        before = self.main_pid()
        first = self.last_sign()
        wait_until("a sign of life", lambda: self.last_sign() != first)
        self.assertEqual(self.main_pid(), before)

        self.machine.run("systemctl", "kill", "-s", "STOP", UNIT)

        wait_until("another to run", lambda: self.main_pid() not in (0, before), 60)
        wait_until("it to answer", self.answers)


class WithoutSystemd(PackageTest):
    """Where another init runs, or none."""

    systemd = False

    def test_installs_runs_logs_to_a_file_and_goes(self):
        self.install_with_token()
        self.addCleanup(self.machine.run, "/etc/init.d/obhut-agent", "stop", ok=None)
        self.machine.run("/etc/init.d/obhut-agent", "start")
        wait_until("it to answer", self.answers)
        self.machine.wait_enrolled()
        self.assertIn("enrolled", self.machine.path("/var/log/obhut/obhutd.log").read_text())
        self.assertEqual(self.machine.run("/etc/init.d/obhut-agent", "status", ok=None).returncode, 0)

        self.machine.run("apt-get", "purge", "-y", "obhut-agent")

        self.assertNotEqual(self.machine.run("pgrep", "-r", "S,R,D", "-x", "obhutd", ok=None).returncode, 0)
        self.assertFalse(self.machine.path("/var/lib/obhut").exists())


class Rpm(PackageTest):
    """The other kind of package, on a machine that has none of its libraries but the C library.

    rpm's own database is empty there, so that it cannot be asked for what the package requires.
    """

    there_already = ("rpm", "tzdata", "ca-certificates")

    def rpm(self, *arguments, ok=(0,), **env):
        return self.machine.run("rpm", *arguments, ok=ok, env=env)

    def test_installs_enrols_backs_up_and_goes(self):
        package = self.machine.put(RPM, "/root/obhut-agent.rpm")
        self.machine.put(self.token, "/root/token")
        self.rpm("-i", "--nodeps", package, OBHUT_TOKEN_FILE="/root/token")
        device = self.machine.wait_enrolled()["device"]
        make_tree(str(self.machine.path("/srv/data")))
        self.site.partner.push_plan(self.site.partner.plan("/srv/data"), self.site.customer)
        self.machine.wait_plan(1)
        self.machine.backup()
        self.machine.ask("restore", "latest", "--to", "/srv/back", timeout=300)
        self.assertEqual(differences(str(self.machine.path("/srv/data")),
                                     str(self.machine.path("/srv/back/srv/data"))), "")
        self.assertEqual(self.rpm("-V", "--nodeps", "obhut-agent", ok=None).stdout, "")

        self.rpm("-e", "obhut-agent")

        self.assertFalse(self.machine.path("/usr/sbin/obhutd").exists())
        self.assertFalse(self.machine.path("/usr/lib/obhut").exists())
        self.assertTrue(self.machine.path("/var/lib/obhut/identity.json").exists())
        wait_until("the partner to learn of it", lambda: "software-removed" in self.alerts(device))

    def test_updates_itself_by_what_the_administrator_named(self):
        self.machine.path("/etc/debian_version").unlink()  # dpkg is a mere tool on a machine of rpm's
        self.machine.put(self.token, "/root/token")
        self.rpm("-i", "--nodeps", self.machine.put(RPM, "/root/obhut-agent.rpm"), OBHUT_TOKEN_FILE="/root/token")
        program = self.machine.path("/usr/local/sbin/update-obhut")
        program.write_text('#!/bin/sh\nexec rpm --upgrade --nodeps "$1"\n')
        program.chmod(0o755)
        with self.machine.path("/etc/obhut/agent.toml").open("a") as settings:
            settings.write('update_program = "/usr/local/sbin/update-obhut"\n')
        self.machine.run("systemctl", "restart", UNIT)
        self.offer(rpm_of("0.2.0", self.folder))
        before = self.main_pid()

        self.machine.obhut("update", "check")

        wait_until("the upgrade", lambda: "-0.2.0-" in self.rpm("-q", "obhut-agent", ok=None).stdout, 120)
        self.wait_updated("0.2.0", before)
        self.assertIn("update_program", self.machine.path("/etc/obhut/agent.toml").read_text())
        self.assertEqual(self.rpm("-V", "--nodeps", "obhut-agent", ok=None).stdout.split()[1:],
                         ["c", "/etc/obhut/agent.toml"])

    def test_takes_the_token_beside_the_package(self):
        package = self.machine.put(RPM, "/root/some name.rpm")
        self.machine.put(self.token, "/root/some name.rpm.token")
        self.rpm("-i", "--nodeps", package)

        self.machine.wait_enrolled()


class AsTheyAre(unittest.TestCase):
    """What can be said of the packages without installing them."""

    def test_the_deb_pleases_lintian(self):
        said = run("lintian", "--allow-root", "--tag-display-limit", "0", DEB, ok=None).stdout.splitlines()

        # Key files are for root alone.
        self.assertEqual([line for line in said if "non-standard-dir-perm 0700 != 0755 [etc/obhut/keys/]" not in line],
                         [])

    def test_nothing_in_them_names_where_they_were_built(self):
        tree = tempfile.mkdtemp(prefix="obhut-packages-")
        self.addCleanup(shutil.rmtree, tree, ignore_errors=True)
        run("dpkg-deb", "--raw-extract", DEB, tree)
        here = str(pathlib.Path(__file__).resolve().parents[2])

        self.assertEqual(run("grep", "-rlF", here, tree, ok=None).stdout, "")

    def test_both_hold_the_same_programs_and_pages(self):
        in_deb = {line.split()[-1].lstrip(".") for line in run("dpkg-deb", "-c", DEB).stdout.splitlines()}
        in_rpm = set(run("rpm", "-qlp", RPM).stdout.split())
        own = {path for path in in_rpm if not path.startswith("/usr/lib/obhut") and "/zsh/" not in path}

        self.assertEqual(own - {path.rstrip("/") for path in in_deb}, set())
        self.assertIn("/usr/sbin/obhutd", own)


if __name__ == "__main__":
    reason = why_not()
    if reason or DEB is None or RPM is None:
        print(f"skipped: {reason or 'no packages in ' + str(PACKAGES)}")
        sys.exit(77)
    unittest.main()
