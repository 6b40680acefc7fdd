"""`obhut support-bundle`: what support needs is in it, and no secret is, whoever makes it.

Every secret of a whole endpoint is searched for in every file of the bundle, in all its encodings.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import unittest
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import BIN, Site, run  # noqa: E402

USER = 54321
PROXY_PASSWORD = "Gr8-Proxy-Canary"
PASSPHRASE = "seven lazy canaries sing at midnight"
SECRET_NAME = "dismissal of Mr Canary.odt"
EVERYBODY_SEES = {"README.txt", "system.json", "status.json", "activities.json", "points.json", "agent.toml"}


def encodings(secret):
    """All that a text could hold in place of these bytes, in lower case."""
    forms = {secret, secret.hex().encode(), base64.b32encode(secret).rstrip(b"=")}
    # Base64 begins at any of three places in what goes before.
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * before + secret).rstrip(b"=")
            forms.add(whole[(0, 2, 3)[before]:-1])
    return {form.lower() for form in forms}


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.source = pathlib.Path(cls.site.path("home"))
        cls.source.mkdir()
        (cls.source / SECRET_NAME).write_text("what nobody is to know")
        cls.endpoint = endpoint = cls.site.endpoint()
        # Paths are logged at debug alone.
        cls.log = log = os.path.join(endpoint.folder, "agent.log")
        endpoint.configure(state=endpoint.state, log_file=log, log="debug")
        token_file = cls.site.partner.token(cls.site.customer)
        endpoint.start(token_file)
        endpoint.wait_enrolled()
        cls.site.partner.push_plan(cls.site.partner.plan(str(cls.source)), cls.site.customer)
        endpoint.wait_plan(1)
        cls.site.let_users_in()
        cls.recovery_key = endpoint.ask("key", "show-recovery")["recovery_key"]
        run("obhut", "key", "add-passphrase", "--socket", endpoint.socket, "--new-key-file", "-",
            stdin=PASSPHRASE + "\n")
        if endpoint.backup()["outcome"] != "done":
            raise AssertionError("no backup")
        # As where the package puts it: its folder is for root alone.
        os.chmod(log, 0o600)
        cls.configure_proxy()
        cls.token = pathlib.Path(token_file).read_text().strip()
        cls.canaries = cls.plant(log)

    @classmethod
    def configure_proxy(cls):
        """Settings are read when the daemon starts, which therefore does without this proxy."""
        cls.endpoint.configure(state=cls.endpoint.state, log_file=cls.log, log="debug",
                               token_file="/etc/obhut/token",
                               proxy=f"http://backup:{PROXY_PASSWORD}@proxy.example:3128")

    @classmethod
    def plant(cls, log):
        """What is to be found nowhere, by what it is; and all of it in the log, as a fault would put it there."""
        secrets = {path.name: path.read_bytes() for path in pathlib.Path(cls.endpoint.state, "secrets").iterdir()}
        cls.assert_some(secrets)
        canaries = {"token": cls.token.encode(), "recovery key": cls.recovery_key.encode(),
                    "recovery key, bare": cls.recovery_key.replace("-", "").encode(),
                    "proxy password": PROXY_PASSWORD.encode(), "passphrase": PASSPHRASE.encode(),
                    "file name": SECRET_NAME.encode()}
        canaries |= {f"secret {name}": value for name, value in secrets.items()}
        seeds = [value for value in secrets.values() if len(value) >= 32]
        with open(log, "a", encoding="utf-8") as out:
            line = "2026-11-30T14:03:02.270Z warn canary "
            out.write(f"{line}token {cls.token} read\n")
            out.write(f"{line}why=\"got {cls.recovery_key} as a key\" n=1\n")
            out.write(f"{line}connect to http://backup:{PROXY_PASSWORD}@proxy.example:3128: connection refused\n")
            out.write(f"{line}proxy said {PROXY_PASSWORD} is wrong\n")
            out.write(f"{line}passphrase=\"{PASSPHRASE}\"\n")
            out.write(f"{line}why=\"open {cls.source}/{SECRET_NAME}: permission denied\"\n")
            for seed in seeds:
                for text in (seed.hex(), base64.b64encode(seed).decode(), base64.urlsafe_b64encode(seed).decode()):
                    out.write(f"{line}with {text} in it\n")
        return canaries

    @staticmethod
    def assert_some(secrets):
        if not any(len(value) >= 32 for value in secrets.values()):
            raise AssertionError(f"no keys among {list(secrets)}: nothing to search for")

    def make(self, *options, user=None, language="C"):
        """A bundle by root or by a user, unpacked: its answer, and its files by name."""
        folder = pathlib.Path(self.site.path(f"made-{self.id().rpartition('.')[2]}-{len(os.listdir(self.site.folder))}"))
        folder.mkdir(mode=0o755)
        if user:
            os.chown(folder, user, user)
        who = {"user": user, "group": user, "extra_groups": []} if user else {}
        done = subprocess.run(
            [os.path.join(BIN, "obhut"), "support-bundle", "--json", "--socket", self.endpoint.socket,
             "--config", self.endpoint.config, *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": language}, **who)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        answer = json.loads(done.stdout)
        file = pathlib.Path(answer["file"])
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual(file.stat().st_uid, user or 0)
        self.assertEqual(file.stat().st_size, answer["bytes"])
        self.assertEqual(os.listdir(file.parent), [file.name])
        with zipfile.ZipFile(file) as archive:
            self.assertIsNone(archive.testzip())
            return answer, {name: archive.read(name) for name in archive.namelist()}

    def found(self, files):
        """Which canaries are in which files."""
        hits = set()
        for name, content in files.items():
            text = content.lower()
            # Whoever looks takes the dashes out, and the escapes of JSON.
            text += b"\n" + re.sub(rb"[-\s]", b"", text) + text.replace(b"\\", b"")
            for what, secret in self.canaries.items():
                forms = encodings(secret)
                # What is parted by lines or escapes is looked for by its beginning as well.
                forms |= {form[:40] for form in forms if len(form) > 60}
                if any(form in text for form in forms):
                    hits.add((what, name))
        return hits

    def assert_clean(self, files):
        self.assertEqual(self.found(files), set())

    def test_root_gets_all_and_no_secret(self):
        answer, files = self.make()
        self.assert_clean(files)
        self.assertLessEqual(EVERYBODY_SEES | {"plan.json", "obhutd.log", "state.txt"}, set(files))
        self.assertRegex(os.path.basename(answer["file"]), r"^obhut-support-[A-Za-z0-9.-]+-\d{8}-\d{6}\.zip$")
        for name in set(files) - {"README.txt"}:
            self.assertIn(f"  {name}: ", files["README.txt"].decode())
        status = json.loads(files["status.json"])
        self.assertTrue(status["enrolment"]["enrolled"])
        self.assertEqual(status["enrolment"]["device"], self.endpoint.status()["enrolment"]["device"])
        points = json.loads(files["points.json"])[0]["points"]
        self.assertEqual([point["id"] for point in points], [point["id"] for point in self.endpoint.ask("points")])
        self.assertNotIn("sources", points[0])
        plan = json.loads(files["plan.json"])["plan"]
        self.assertEqual(plan["sources"][0]["paths"], [str(self.source)])
        self.assertEqual(plan["escrow"]["key"], self.site.partner.escrow)
        system = json.loads(files["system.json"])
        self.assertTrue(system["obhut"] and system["obhutd"] and system["kernel"], system)
        self.assertGreater(system["state_disk"]["free"], 0)
        log = files["obhutd.log"].decode()
        self.assertIn("backup begins", log)
        self.assertRegex(log, re.escape(str(self.source)) + r"/<path:[0-9a-f]{8}>: permission denied")
        settings = files["agent.toml"].decode()
        self.assertIn('token_file = "/etc/obhut/token"', settings)
        self.assertIn('proxy = "http://<hidden>@proxy.example:3128"', settings)
        self.assertRegex(files["state.txt"].decode(), r"(?m)^0600 0:0 \d+ \S+ identity\.json$")

    # If names were found nowhere, neither would a search that finds nothing be.
    def test_names_are_kept_where_asked_and_then_found(self):
        _, files = self.make("--with-names")
        self.assertEqual(self.found(files), {("file name", "obhutd.log")})

    def test_the_search_finds_what_is_there(self):
        log = pathlib.Path(self.log).read_bytes()
        found = {what for what, _ in self.found({"log": log})}
        self.assertEqual(found, {what for what, secret in self.canaries.items()
                                 if len(secret) >= 32 or not what.startswith("secret ")})

    def test_a_user_gets_what_a_user_may_read(self):
        answer, files = self.make(user=USER)
        self.assert_clean(files)
        self.assertLessEqual(EVERYBODY_SEES, set(files))
        for name in ("plan.json", "obhutd.log", "state.txt"):
            self.assertNotIn(name, files)
            self.assertIn(name, {each["what"] for each in answer["left_out"]})
            self.assertRegex(files["README.txt"].decode(), f"{name}: this user may not read it")

    def test_a_stopped_daemon_is_said_and_no_hindrance(self):
        self.endpoint.stop()
        try:
            _, files = self.make()
            self.assert_clean(files)
            self.assertLessEqual({"README.txt", "system.json", "plan.json", "obhutd.log", "agent.toml", "state.txt"},
                                 set(files))
            self.assertNotIn("status.json", files)
            self.assertIn("The daemon did not answer", files["README.txt"].decode())
            self.assertEqual(json.loads(files["plan.json"])["plan"]["sources"][0]["paths"], [str(self.source)])
            self.assertFalse(json.loads(files["system.json"])["daemon_answers"])
            _, files = self.make(user=USER, language="de_DE.UTF-8")
            self.assert_clean(files)
            self.assertNotIn("plan.json", files)
            self.assertIn("dieser Benutzer darf das nicht lesen", files["README.txt"].decode())
        finally:
            self.endpoint.configure(state=self.endpoint.state, log_file=self.log, log="debug")
            self.endpoint.start()
            self.configure_proxy()

    def test_it_goes_where_it_is_told(self):
        wanted = self.site.path("elsewhere", "bundle.zip")
        os.mkdir(os.path.dirname(wanted))
        self.addCleanup(shutil.rmtree, os.path.dirname(wanted))
        answer, _ = self.make("--to", wanted)
        self.assertEqual(answer["file"], wanted)
        refused = run("obhut", "support-bundle", "--to", self.site.path("nowhere", "bundle.zip"), "--socket",
                      self.endpoint.socket, check=False)
        self.assertEqual(refused.returncode, 3, refused.stderr)


if __name__ == "__main__":
    unittest.main()
