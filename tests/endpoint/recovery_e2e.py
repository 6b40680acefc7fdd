"""A machine is lost, and a fresh installation takes its place through the cluster."""

import base64
import json
import os
import pty
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import BIN, Site, billed_month, run, wait_until  # noqa: E402
from harness.trees import differences, make_tree  # noqa: E402

PRICES = {
    "currency": "EUR", "time_zone": "Europe/Berlin",
    "policies": [{"from": "2020-01", "gb_bytes": 1_000_000_000, "gb_step": "1", "trial_days": 28,
                  "trial_free": []}],
    "prices": [{"mode": "per_workload", "product": "workload/workstation", "from": "2020-01",
                "micro": 5_000_000},
               {"mode": "per_workload", "product": "storage/provider", "from": "2020-01",
                "micro": 50_000}],
}


def at_a_terminal(typed, program, *arguments):
    """Runs a program that asks, types the answer, gives its exit code and all that it showed."""
    ours, its = pty.openpty()
    process = subprocess.Popen([os.path.join(BIN, program), *arguments], stdin=its, stdout=its,
                               stderr=its, start_new_session=True)
    os.close(its)
    shown = b""
    asked = False
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        shown += part
        if not asked and shown.rstrip().endswith(b":"):
            asked = True
            os.write(ours, typed.encode() + b"\n")
    os.close(ours)
    return process.wait(60), shown.decode(errors="replace")


class RecoveryTest(unittest.TestCase):
    """`self.old` has backed `self.source` up twice."""
    escrow = True

    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.partner = self.site.partner
        self.site.api.call("PUT", f"/api/v1/partners/{self.partner.id}/prices", PRICES)
        self.site.customer = self.site.api.post(
            f"/api/v1/partners/{self.partner.id}/customers",
            {"number": "C-2", "name": "Example Customer", "mode": "per_workload"})["id"]
        self.source = self.site.path("source")
        make_tree(self.source)
        plan = self.partner.plan(self.source)
        if not self.escrow:
            del plan["escrow"]
        self.partner.push_plan(plan, self.site.customer)
        self.old = self.enrol("old")
        self.old_device = self.old.status()["enrolment"]["device"]
        self.old_activation = self.old.status()["enrolment"]["activated_at"]

    def enrol(self, name, replaces=None):
        endpoint = self.site.endpoint(name)
        endpoint.start(self.partner.token(self.site.customer, replaces=replaces))
        endpoint.wait_enrolled()
        endpoint.wait_plan(1)
        return endpoint

    def take_place(self, name="new", of=None):
        """Enrolled in the old one's place, and aware of what is there to recover."""
        endpoint = self.enrol(name, of or self.old_device)
        wait_until("the vault to be found",
                   lambda: "vault" in endpoint.status().get("recovery", {}))
        return endpoint

    def back_up_old(self):
        self.assertEqual(self.old.backup()["outcome"], "done")
        with open(os.path.join(self.source, "small 5"), "ab") as out:
            out.write(b"changed")
        self.assertEqual(self.old.backup()["outcome"], "done")

    def refused(self, endpoint, code, *arguments, stdin=None):
        outcome = endpoint.obhut(*arguments, check=False, stdin=stdin)
        self.assertEqual(outcome.returncode, code, outcome.stdout + outcome.stderr)
        return outcome.stderr

    def write(self, name, text):
        path = self.site.path(name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def vaults(self, device):
        return self.site.api.get(f"/api/v1/devices/{device}/vaults")["vaults"]

    def alerts(self, endpoint):
        return {alert["code"] for alert in endpoint.status()["alerts"]}

    def activations(self):
        rows = self.site.api.get(f"/api/v1/partners/{self.partner.id}/ledger")["rows"]
        return [row["event"] for row in rows if row["event"]["type"] == "workload.activated"]

    def assert_restores(self, endpoint, *options):
        target = self.site.path(f"restored-{time.monotonic_ns()}")
        endpoint.ask("restore", "latest", "--to", target, *options, timeout=300)
        self.assertEqual(differences(self.source, target + self.source), "")

    def assert_goes_on(self, endpoint, vault, sequence):
        """The points are there, and the next backup goes into the same vault, nearly for nothing."""
        device = endpoint.status()["enrolment"]["device"]
        self.assertEqual([point["sequence"] for point in endpoint.ask("points")],
                         list(range(1, sequence + 1)))
        self.assertIn(self.source + "/small 5",
                      {entry["path"] for entry in endpoint.ask("ls", "latest", self.source)})
        self.assertEqual([entry["path"] for entry in endpoint.ask("find", "hard")],
                         [self.source + "/deep/er/hard"])
        self.assert_restores(endpoint)
        [before] = self.vaults(device)
        with open(os.path.join(self.source, "small 7"), "ab") as out:
            out.write(b"after the loss")
        outcome = endpoint.backup()
        self.assertEqual(outcome["outcome"], "done", json.dumps(outcome))
        point = outcome["targets"][0]["point"]
        self.assertEqual(point["sequence"], sequence + 1)
        self.assertLess(point["stored_bytes"], 1_500_000, "of more than 20 MB")
        [after] = self.vaults(device)
        self.assertEqual(after["id"], vault)
        self.assertLess(after["stored_bytes"] - before["stored_bytes"], 2_000_000)
        self.assert_restores(endpoint)
        self.assertEqual(endpoint.ask("verify", "--read-data")["errors"], 0)
        self.assertEqual(endpoint.status()["protection"]["state"], "protected")
        self.assertFalse(self.alerts(endpoint) & {"recovery-awaited", "backup-failed"})

    def assert_one_licence(self, endpoint):
        enrolment = endpoint.status()["enrolment"]
        self.assertEqual(enrolment["activated_at"], self.old_activation)
        [activation] = self.activations()
        self.assertEqual(activation["workload"], enrolment["workload"])
        month = billed_month(self.old_activation)
        bill = self.site.api.get(f"/api/v1/partners/{self.partner.id}/bills/{month}")
        [line] = [line for line in bill["lines"] if line["product"].startswith("workload/")]
        self.assertEqual(line["quantity"], "1")
        self.assertEqual(line["first_use"][:19], self.old_activation[:19])


class WithTheRecoveryKey(RecoveryTest):
    escrow = False

    def setUp(self):
        super().setUp()
        self.key = self.old.ask("key", "show-recovery")["recovery_key"]
        self.back_up_old()
        self.sheet = self.site.path("sheet.txt")
        self.old.obhut("key", "show-recovery", "--sheet", self.sheet)
        with open(self.sheet, encoding="utf-8") as text:
            self.sheet_text = text.read()
        self.assertIn(self.key, self.sheet_text)
        self.old.obhut("key", "confirm", stdin=self.key + "\n")
        self.key_file = self.write("key", self.key + "\n")

    def test_a_lost_machine_comes_back_whole(self):
        self.old.kill()
        new = self.take_place()
        [vault] = self.vaults(new.status()["enrolment"]["device"])

        status = new.status()
        self.assertEqual(status["recovery"]["vault"], vault["id"])
        self.assertEqual(status["recovery"]["replaces"], self.old_device)
        self.assertEqual(status["protection"]["state"], "waiting for recovery")
        self.assertIn("recovery-awaited", self.alerts(new))
        self.assertIn("obhut key recover", new.obhut("status").stdout)
        self.assertIn(vault["id"], self.refused(new, 4, "points"))
        refused = new.obhut("backup", "--wait", check=False)
        self.assertEqual(refused.returncode, 4, refused.stdout + refused.stderr)
        self.assertIn("waiting for recovery of vault " + vault["id"], refused.stdout)
        self.refused(new, 4, "key", "show-recovery")

        done = new.ask("key", "recover", "--key-file", self.key_file)

        self.assertTrue(done["entered"], done)
        self.assertEqual((done["vault"], done["sequence"], done["made_by"]),
                         (vault["id"], 2, self.old_device))
        self.assertNotIn("recovery", new.status())
        self.assert_goes_on(new, vault["id"], 2)
        self.assert_one_licence(new)
        self.assertIn("nothing to recover",
                      self.refused(new, 3, "key", "recover", "--key-file", self.key_file))

    def on_bare_hands(self, *arguments, check=True):
        """obhut-recovery, of which `OBHUT_RECOVERY` may name a build, on a machine with no home."""
        home = self.site.path("no-home")
        os.makedirs(home, exist_ok=True)
        program = os.environ.get("OBHUT_RECOVERY", os.path.join(BIN, "obhut-recovery"))
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120,
                              check=False, stdin=subprocess.DEVNULL,
                              env={"HOME": home, "PATH": "/nowhere", "LANG": "C.UTF-8"})
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def test_a_key_alone_brings_everything_back(self):
        self.old.kill()
        shutil.rmtree(self.old.folder)
        sheet = self.sheet
        self.assertEqual(os.stat(sheet).st_mode & 0o777, 0o600)

        points = json.loads(self.on_bare_hands("points", "--sheet", sheet, "--json").stdout)
        self.assertEqual(len(points), 2)
        found = self.on_bare_hands("find", "--sheet", sheet, "hard", "--point", "latest")
        self.assertIn(self.source.lstrip("/") + "/deep/er/hard", found.stdout)
        self.assertIn("small 5", self.on_bare_hands("ls", "--sheet", sheet, "latest",
                                                    self.source).stdout)
        target = self.site.path("restored")
        self.on_bare_hands("restore", "--sheet", sheet, "latest", "--to", target)
        self.assertEqual(differences(self.source, target + self.source), "")
        archive = self.site.path("point.tar")
        self.on_bare_hands("export", "--sheet", sheet, "latest", "--to", archive)
        self.assertIn(self.source.lstrip("/") + "/small 5",
                      subprocess.run(["tar", "-tf", archive], capture_output=True, text=True,
                                     check=True).stdout)

        # From paper: two lines typed.
        lines = dict(line.split(":", 1) for line in self.sheet_text.splitlines() if ":" in line)
        typed = self.write("typed", lines["key"].strip().lower().replace("-", " ") + "\n")
        self.on_bare_hands("points", "--vault", lines["vault"].strip(), "--key-file", typed)

        alerts = self.site.api.get(f"/api/v1/devices/{self.old_device}/alerts")["alerts"]
        self.assertIn("vault-read-by-recovery-key", {alert["code"] for alert in alerts})

    def test_the_program_on_a_stick_needs_nothing_of_the_machine(self):
        """In a root with a shell, tar and gzip, and no library but theirs."""
        if os.geteuid() != 0:
            self.skipTest("needs root, for chroot")
        stick = self.site.path("stick")
        top = os.path.join(os.path.dirname(__file__), "..", "..")
        subprocess.run([sys.executable, os.path.join(top, "tools", "dev", "bundle.py"),
                        os.path.join(BIN, "obhut-recovery"), "1.0", stick], check=True)
        bare = self.site.path("bare")
        for tool in ("sh", "tar", "gzip", "mktemp", "tail", "rm", "sha256sum"):
            path = os.path.realpath(shutil.which(tool))
            needs = re.findall(r"(/\S+)", subprocess.run(["ldd", path], capture_output=True,
                                                         text=True, check=True).stdout)
            for file in (path, *needs):
                os.makedirs(bare + os.path.dirname(file), exist_ok=True)
                shutil.copy(file, bare + file)
            os.makedirs(bare + "/bin", exist_ok=True)
            if not os.path.exists(f"{bare}/bin/{tool}"):
                os.symlink(path, f"{bare}/bin/{tool}")
        for folder in ("tmp", "etc", "usb"):
            os.makedirs(f"{bare}/{folder}", exist_ok=True)
        os.makedirs(bare + "/dev")
        os.mknod(bare + "/dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.chmod(bare + "/dev/null", 0o666)
        os.makedirs(bare + "/proc")
        subprocess.run(["mount", "--bind", "/proc", bare + "/proc"], check=True)
        self.addCleanup(subprocess.run, ["umount", bare + "/proc"], check=True)
        with open(bare + "/etc/hosts", "w", encoding="utf-8") as hosts:
            hosts.write("127.0.0.1 localhost\n")
        shutil.copy(stick, bare + "/usb/obhut-recovery")
        shutil.copy(self.sheet, bare + "/usb/sheet.txt")
        self.old.kill()

        def start(*arguments):
            return subprocess.run([shutil.which("chroot"), bare, "/usb/obhut-recovery", *arguments],
                                  capture_output=True, text=True, timeout=120, check=False,
                                  stdin=subprocess.DEVNULL, env={"PATH": "/bin"})

        done = start("restore", "--sheet", "/usb/sheet.txt", "latest", "--to", "/home")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(differences(self.source, bare + "/home" + self.source), "")
        self.assertEqual(os.listdir(bare + "/tmp"), [], "it leaves nothing behind")
        self.assertEqual(start("points", "--vault", "/nowhere").returncode, 3)

        with open(bare + "/usb/obhut-recovery", "r+b") as program:
            program.seek(-1000, os.SEEK_END)
            program.write(b"worn out")
        worn = start("points", "--sheet", "/usb/sheet.txt")
        self.assertEqual(worn.returncode, 3, worn.stderr)
        self.assertIn("damaged", worn.stderr)

    def test_a_wrong_sheet_is_told_what_is_wrong_with_it(self):
        place = next(line for line in self.sheet_text.splitlines() if line.startswith("vault:"))
        key = next(line for line in self.sheet_text.splitlines() if line.startswith("key:"))

        def refused(code, text, *words):
            done = self.on_bare_hands("points", "--sheet", self.write("bad", text), check=False)
            self.assertEqual(done.returncode, code, done.stderr)
            for word in words:
                self.assertIn(word, done.stderr)
            self.assertNotIn(self.key[:9], done.stderr)

        refused(2, "a shopping list\n", "recovery sheet", '"vault:"')
        refused(2, place + "\n", '"key:"')
        refused(2, f"{place}\nkey: {self.key[:-1]}{'A' if self.key[-1] != 'A' else 'B'}\n",
                "recovery sheet")
        refused(2, f"vault: https://127.0.0.1:1\n{key}\n", "https://HOST:PORT#PIN")
        pin = place.rsplit("#", 1)[1]
        other_pin = ("0" if pin[0] != "0" else "1") + pin[1:]
        refused(4, f"{place.rsplit('#', 1)[0]}#{other_pin}\n{key}\n", "certificate")
        unknown = self.write("other", "")
        os.unlink(unknown)
        vault = self.site.path("other-vault")
        passphrase = self.write("passphrase", "a passphrase\n")
        run("obhut", "vault", "init", "--vault", vault, "--key-file", passphrase,
            "--recovery-key-out", unknown)
        with open(unknown, encoding="utf-8") as text:
            refused(4, f"{place}\nkey: {text.read().strip()}\n", "opens nothing")
        # A vault on a disk opens with it too, wherever its cluster is.
        done = self.on_bare_hands("points", "--vault", vault, "--key-file", unknown)
        self.assertIn("no recovery point", done.stdout)
        refused_passphrase = self.on_bare_hands("points", "--vault", place.split(":", 1)[1].strip(),
                                                "--key-file", passphrase, check=False)
        self.assertEqual(refused_passphrase.returncode, 2)
        self.assertIn("only a recovery key", refused_passphrase.stderr)
        bare = self.on_bare_hands(check=False)
        self.assertIn("--sheet sheet.txt", bare.stderr)

    def test_what_is_no_key_of_the_vault_is_refused_by_name(self):
        self.old.kill()
        new = self.take_place()
        other = self.write("other", "some passphrase")
        wrong = "A" if self.key[0] != "A" else "B"

        self.assertIn("passphrase opens no slot",
                      self.refused(new, 4, "key", "recover", "--key-file", other))
        self.assertIn(other, self.refused(new, 4, "key", "recover", "--key-file", other))
        self.refused(new, 2, "key", "recover", "--key-file",
                     self.write("typo", wrong + self.key[1:]))
        self.refused(new, 2, "key", "recover", "--key-file", self.site.path("nowhere"))
        self.assertIn("--key-file", self.refused(new, 2, "key", "recover", stdin=""))
        self.refused(new, 3, "key", "recover", "--key-file", self.key_file, "--vault", "ab" * 16)
        self.refused(new, 2, "key", "recover", "--key-file", self.key_file, "--vault", "mine")
        self.assertIn("no escrow slot",
                      self.refused(new, 3, "key", "request", "--out", self.site.path("request")))
        self.assertEqual(new.status()["recovery"]["state"], "waiting")
        new.obhut("key", "recover", "--key-file", "-", stdin=self.key.lower().replace("-", " "))
        self.assertEqual(len(new.ask("points")), 2)

    def test_the_key_may_be_typed_and_is_not_shown(self):
        self.old.kill()
        new = self.take_place()

        code, shown = at_a_terminal(self.key, "obhut", "key", "recover", "--socket", new.socket)

        self.assertEqual(code, 0, shown)
        self.assertIn("is open again", shown)
        self.assertNotIn(self.key[:9], shown)

    def test_killed_at_any_moment_it_is_recovered_all_the_same(self):
        self.old.kill()
        new = self.take_place()
        chance = random.Random(11)
        new.kill()
        waiting = self.site.path("waiting")
        shutil.copytree(new.state, waiting)
        for _ in range(8):
            shutil.rmtree(new.state)
            shutil.copytree(waiting, new.state)
            new.start()
            asking = subprocess.Popen(
                [os.path.join(BIN, "obhut"), "key", "recover", "--socket", new.socket,
                 "--key-file", self.key_file],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.0, 0.25))
            new.kill()
            asking.wait()
            new.start()
            if "recovery" in new.status():
                new.obhut("key", "recover", "--key-file", self.key_file)
            self.assertEqual(len(new.ask("points")), 2)
            new.kill()
        new.start()

        self.assertEqual(new.backup()["outcome"], "done")
        self.assertEqual(len(new.ask("points")), 3)
        self.assertEqual(new.status()["protection"]["state"], "protected")
        self.assert_restores(new)

    def test_the_old_points_may_be_given_up(self):
        self.old.kill()
        new = self.take_place()
        device = new.status()["enrolment"]["device"]

        self.assertIn("--yes", self.refused(new, 2, "key", "start-over"))
        new.obhut("key", "start-over", "--yes")
        outcome = new.backup()

        self.assertEqual(outcome["targets"][0]["point"]["sequence"], 1)
        self.assertEqual([vault["head_sequence"] for vault in self.vaults(device)], [2, 1],
                         "the old points stay for retention")
        self.assertEqual(len(new.ask("points")), 1)
        self.assertNotIn("recovery-awaited", self.alerts(new))
        self.refused(new, 3, "key", "start-over", "--yes")
        new.kill()
        new.start()
        self.assertNotIn("recovery", new.status())
        self.assert_one_licence(new)

    def test_an_old_installation_that_lives_goes_on_in_a_new_vault(self):
        new = self.take_place()
        new.obhut("key", "recover", "--key-file", self.key_file)
        self.assertIn("taken over by another installation", self.refused(self.old, 4, "points"))

        outcome = self.old.backup()

        self.assertEqual(outcome["outcome"], "done", json.dumps(outcome))
        self.assertEqual(outcome["targets"][0]["point"]["sequence"], 1)
        self.assertIn("vault-taken-over", self.alerts(self.old))
        self.assertEqual(self.old.status()["protection"]["state"], "not recoverable",
                         "the key on paper is the other vault's")
        self.assert_restores(self.old)
        self.assert_goes_on(new, self.vaults(new.status()["enrolment"]["device"])[0]["id"], 2)
        self.old.stop()
        self.old.start()
        self.assertEqual(self.old.backup()["targets"][0]["point"]["sequence"], 2)
        self.assertEqual(len(self.activations()), 2, "two machines that live are two workloads")
        raised = self.site.api.get(f"/api/v1/devices/{self.old_device}/alerts")["alerts"]
        self.assertIn("cloned-device", {alert["code"] for alert in raised})
        self.old.obhut("key", "start-over", "--yes")
        self.assertNotIn("vault-taken-over", self.alerts(self.old))

    def test_a_token_that_replaces_nobody_gives_nothing_on_the_same_hardware(self):
        self.old.kill()

        twin = self.enrol("twin")

        devices = {device["id"]: device for device in self.site.devices()}
        device = twin.status()["enrolment"]["device"]
        self.assertEqual(devices[device]["workload"], devices[self.old_device]["workload"])
        self.assertEqual(self.vaults(device), [])
        self.assertEqual(len(self.vaults(self.old_device)), 1)
        self.assertNotIn("recovery", twin.status())
        self.refused(twin, 3, "key", "recover", "--key-file", self.key_file)
        self.assertEqual(twin.backup()["targets"][0]["point"]["sequence"], 1)
        self.refused(twin, 3, "enroll", "--token-file",
                     self.partner.token(self.site.customer, replaces=self.old_device))
        self.assert_one_licence(twin)


class WithAPassphrase(RecoveryTest):
    escrow = False

    def test_a_passphrase_opens_what_a_lost_machine_left(self):
        self.back_up_old()
        self.assertEqual(self.old.status()["protection"]["state"], "not recoverable")
        self.refused(self.old, 2, "key", "add-passphrase", stdin="")
        self.refused(self.old, 2, "key", "add-passphrase", "--new-key-file",
                     self.write("paper", self.old.ask("key", "show-recovery")["recovery_key"]))
        key_file = self.write("passphrase", "correct horse battery staple\n")
        for _ in range(2):  # a second time changes nothing
            self.assertTrue(self.old.ask("key", "add-passphrase", "--new-key-file",
                                         key_file)["reported"])
        self.assertEqual(self.old.status()["protection"]["state"], "protected")
        [vault] = self.vaults(self.old_device)
        self.assertTrue(vault["recoverable"])
        self.old.kill()
        new = self.take_place()

        self.refused(new, 4, "key", "recover", "--key-file", self.write("other", "correct horse"))
        new.ask("key", "recover", "--key-file", key_file)

        self.assert_goes_on(new, vault["id"], 2)
        self.assertTrue(new.status()["protection"]["passphrase"])

    def test_without_the_cluster_none_is_promised(self):
        self.back_up_old()
        self.site.cluster.stop()

        self.refused(self.old, 5, "key", "add-passphrase", "--new-key-file",
                     self.write("passphrase", "correct horse battery staple"))

        self.assertEqual(self.old.status()["protection"]["state"], "not recoverable")


class WithoutPoints(RecoveryTest):
    def test_a_device_that_left_nothing_is_replaced_without_waiting(self):
        self.old.kill()

        new = self.enrol("new", self.old_device)
        outcome = new.backup()

        self.assertEqual(outcome["outcome"], "done", json.dumps(outcome))
        self.assertNotIn("recovery", new.status())
        self.assert_one_licence(new)


class WithThePartnersEscrow(RecoveryTest):
    def setUp(self):
        super().setUp()
        self.back_up_old()
        self.request = self.site.path("request")
        self.answer = self.site.path("answer")
        self.old_vault = self.vaults(self.old_device)[0]["id"]

    def give_answer(self):
        return self.partner.sign("escrow", "answer", "--request", self.request, "--out",
                                 self.answer, "--yes")

    def root_of(self, endpoint):
        with open(os.path.join(endpoint.state, "secrets", "vault.keyring"), "rb") as keyring:
            return keyring.read()[-32:]

    def assert_nowhere(self, secret, *places):
        spellings = [secret, secret.hex().encode(), base64.b64encode(secret)[:-2],
                     base64.urlsafe_b64encode(secret)[:-2]]
        for place in places:
            files = [place] if os.path.isfile(place) else [
                os.path.join(folder, name) for folder, _, names in os.walk(place)
                for name in names]
            for file in files:
                with open(file, "rb") as content:
                    text = content.read()
                for spelling in spellings:
                    self.assertNotIn(spelling, text, file)

    def test_a_lost_machine_comes_back_without_a_recovery_key(self):
        root = self.root_of(self.old)
        self.old.kill()
        new = self.take_place()
        vault = new.status()["recovery"]["vault"]

        asked = new.ask("key", "request", "--out", self.request)
        again = new.ask("key", "request", "--out", self.request)
        unasked = run("obhut-sign", "--dir", self.partner.folder, "escrow", "answer", "--request",
                      self.request, "--out", self.answer, check=False, stdin="")
        given = self.give_answer()
        done = new.ask("key", "recover", "--answer", self.answer)

        self.assertEqual(asked["fingerprint"], again["fingerprint"])
        self.assertEqual(unasked.returncode, 2)
        self.assertIn(asked["fingerprint"], unasked.stderr)
        self.assertEqual((given["fingerprint"], given["vault"], given["device"]),
                         (asked["fingerprint"], vault, asked["device"]))
        self.assertEqual((done["vault"], done["sequence"]), (vault, 2))
        self.assertEqual(self.root_of(new), root)
        self.assertFalse(os.path.exists(os.path.join(new.state, "secrets", "escrow-request.key")))
        self.assert_goes_on(new, vault, 2)
        self.assertTrue(new.status()["protection"]["escrow"])
        self.assert_one_licence(new)
        self.assert_nowhere(root, self.request, self.answer, self.site.cluster.state,
                            self.partner.folder, new.log)

    def test_the_partner_types_the_fingerprint_that_the_endpoint_shows(self):
        self.old.kill()
        new = self.take_place()
        shown_there = new.ask("key", "request", "--out", self.request)["fingerprint"]
        command = ["obhut-sign", "--dir", self.partner.folder, "escrow", "answer", "--request",
                   self.request, "--out", self.answer]

        code, shown = at_a_terminal("ABCD-EFGH-IJKL-MNOP", *command)
        self.assertEqual(code, 4, shown)
        self.assertFalse(os.path.exists(self.answer))
        self.assertIn(self.old_vault, shown)
        code, shown = at_a_terminal(shown_there.lower().replace("-", " "), *command)

        self.assertEqual(code, 0, shown)
        new.ask("key", "recover", "--answer", self.answer)

    def test_an_answer_counts_for_its_own_request_alone(self):
        self.old.kill()
        new = self.take_place()
        self.refused(new, 2, "key", "recover", "--answer", self.site.path("nowhere"))
        self.refused(new, 2, "key", "recover", "--answer", self.write("junk", "{}"))
        new.ask("key", "request", "--out", self.request)
        self.give_answer()
        with open(self.answer, encoding="utf-8") as text:
            answer = json.load(text)
        for name, member, value in (("other", "request", "0" * 64),
                                    ("bent", "sealed", "A" + answer["sealed"][1:-1] + "A")):
            bent = self.write(name, json.dumps(dict(answer, **{member: value})))
            self.refused(new, 4, "key", "recover", "--answer", bent)
        self.assertEqual(new.status()["recovery"]["state"], "waiting")

        third = self.take_place("third", new.status()["enrolment"]["device"])

        self.refused(third, 3, "key", "recover", "--answer", self.answer)
        third.ask("key", "request", "--out", self.site.path("its own"))
        self.refused(third, 4, "key", "recover", "--answer", self.answer)

    # Whoever runs the cluster may enrol a machine of its own, whose keys it knows, and show its
    # vault in place of the lost one's: the partner's key would open that too.
    def test_a_cluster_that_shows_another_devices_vault_is_refused(self):
        mallory = self.enrol("mallory")
        self.assertEqual(mallory.backup()["outcome"], "done")
        others = mallory.status()["enrolment"]["device"]
        self.old.kill()
        new = self.take_place()
        device = new.status()["enrolment"]["device"]
        database = sqlite3.connect(os.path.join(self.site.cluster.state, "cluster.db"), timeout=20)
        with database:
            database.execute("UPDATE vaults SET device = ? WHERE device = ?", (self.old_device,
                                                                               device))
            database.execute("UPDATE vaults SET device = ? WHERE device = ?", (device, others))
        database.close()
        new.ask("key", "request", "--out", self.request)
        self.give_answer()

        error = self.refused(new, 4, "key", "recover", "--answer", self.answer)

        self.assertIn("made by device " + others, error)
        self.assertEqual(new.status()["recovery"]["state"], "waiting")
        self.assertFalse(os.path.exists(os.path.join(new.state, "secrets", "vault.keyring")))

    def test_a_device_that_never_wrote_is_replaced_on_its_predecessors_word(self):
        self.old.kill()
        second = self.take_place("second")
        second.ask("key", "request", "--out", self.request)
        self.give_answer()
        second.ask("key", "recover", "--answer", self.answer)
        second.kill()
        third = self.take_place("third", self.device_of("second"))
        third.ask("key", "request", "--out", self.request)
        self.give_answer()

        refused = self.refused(third, 4, "key", "recover", "--answer", self.answer)
        third.ask("key", "recover", "--answer", self.answer, "--made-by", self.old_device)

        self.assertIn("--made-by " + self.old_device, refused)
        self.assertEqual(third.backup()["outcome"], "done")
        self.assertEqual(len(third.ask("points")), 3)
        self.assert_one_licence(third)

    def device_of(self, name):
        with open(self.site.path(name, "state", "identity.json"), encoding="utf-8") as identity:
            return json.load(identity)["device"]


if __name__ == "__main__":
    unittest.main(verbosity=2)
