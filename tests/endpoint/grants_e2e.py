"""Restore grants from end to end: what a user may read and restore with one, and who hears of it.

Two users without rights, and root. Needs root.
"""

import base64
import itertools
import json
import os
import pathlib
import re
import socket
import stat
import subprocess
import sys
import tarfile
import threading
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import BIN, CommandFailed, Site, wait_until  # noqa: E402
from harness.terminal import Terminal  # noqa: E402

ANNA, BERT = 54321, 54322

LINE = """
import json, socket, struct, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
def say(text):
    line.sendall(struct.pack("<I", len(text.encode())) + text.encode())
def take(size):
    data = b""
    while len(data) < size:
        part = line.recv(size - len(data))
        if not part:
            sys.exit("hung up")
        data += part
    return data
def hear():
    return json.loads(take(struct.unpack("<I", take(4))[0]))
"""

# Says one request to the daemon and prints its last word.
SAY = LINE + """
say(sys.argv[2])
entries = []
while True:
    message = hear()
    entries += message.get("entries", [])
    if message.get("done"):
        message["entries"] = entries
        print(json.dumps(message))
        break
"""

# Begins to browse, asks one question after the other, and prints each answer once it is there.
BROWSE = LINE + """
say(sys.argv[2])
assert hear()["event"] == "ready"
for question in sys.stdin:
    say(question)
    print(json.dumps(hear()), flush=True)
"""


class User:
    """Somebody on the endpoint, by numbers alone."""

    def __init__(self, endpoint, uid):
        self.endpoint, self.uid = endpoint, uid

    def run(self, words, ok, stdin=None):
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120,
                              user=self.uid, group=self.uid, extra_groups=[], cwd="/", **given)
        if ok is not None and done.returncode not in ok:
            raise CommandFailed([str(word) for word in words], done)
        return done

    def obhut(self, *words, ok=(0,), stdin=None):
        group = 2 if words[0] == "grant" else 1
        return self.run([os.path.join(BIN, "obhut"), *words[:group], "--socket", self.endpoint.socket,
                         "--json", *words[group:]], ok, stdin)

    def ask(self, *words, ok=(0,), stdin=None):
        return json.loads(self.obhut(*words, ok=ok, stdin=stdin).stdout)

    def say(self, **request):
        done = self.run(["/usr/bin/python3", "-c", SAY, self.endpoint.socket, json.dumps(request)], (0,))
        return json.loads(done.stdout)

    def browse(self, **request):
        return Browsing(self, {"command": "browse", **request})

    def paths(self, *words):
        return {entry["path"] for entry in self.ask(*words)}


class Browsing:
    """A user's conversation of many questions, as a mount has and the picker of `restore -i`."""

    def __init__(self, user, request):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-c", BROWSE, user.endpoint.socket, json.dumps(request)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, user=user.uid, group=user.uid,
            extra_groups=[], cwd="/")
        self.point = self.ask(question="points")["points"][-1]["id"]

    def ask(self, **question):
        """The answer; None where the daemon ended it."""
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        return json.loads(answer) if answer else None

    def names(self, path):
        """What it holds, and whether that may be looked into or read; an error's kind otherwise."""
        answer = self.ask(question="list", point=self.point, path=path.lstrip("/"), after="")
        if "error" in answer:
            return answer["error"]["kind"]
        return {entry["name"]: not entry.get("denied", False) for entry in answer["entries"]}

    def of(self, question, path):
        answer = self.ask(question=question, point=self.point, path=path.lstrip("/"), length=10)
        return answer["error"]["kind"] if "error" in answer else answer

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class RestoreService:
    """As obhut-restore.socket: starts the other process for each restore that is handed over."""

    def __init__(self, site, endpoint):
        self.path = site.path("run-restore.sock")
        self.endpoint = endpoint
        self.log = open(site.path("restore.log"), "ab")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.served = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.served += 1
            with connection:
                subprocess.Popen([os.path.join(BIN, "obhutd"), "--restore", "--config", self.endpoint.config,
                                  "--state", self.endpoint.state], stdin=connection, stdout=self.log,
                                 stderr=self.log)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.log.close()


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Grants(unittest.TestCase):
    handed_over = False

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.let_users_in()
        cls.home = cls.site.path("home")
        cls.make_homes(pathlib.Path(cls.home))
        cls.local = cls.site.path("local-target")
        cls.endpoint = cls.site.endpoint()
        if cls.handed_over:
            cls.service = RestoreService(cls.site, cls.endpoint)
            cls.addClassCleanup(cls.service.close)
            os.environ["OBHUT_RESTORE_SOCKET"] = cls.service.path
            cls.addClassCleanup(os.environ.pop, "OBHUT_RESTORE_SOCKET")
        cls.endpoint.start(cls.site.partner.token(cls.site.customer))
        cls.device = cls.endpoint.wait_enrolled()["device"]
        targets = [{"type": "cluster", "retention": {"keep_last": 10}},
                   {"type": "local", "path": cls.local, "retention": {"keep_last": 10}}]
        cls.site.partner.push_plan(cls.site.partner.plan(cls.home, targets=targets), cls.site.customer)
        cls.endpoint.wait_plan(1)
        cls.endpoint.backup()

    @staticmethod
    def make_homes(home):
        home.mkdir()
        os.chmod(home, 0o755)

        def put(path, owner, mode, content=""):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content or path.name)
            os.chown(path, owner, owner)
            os.chmod(path, mode)

        for name, uid in (("anna", ANNA), ("bert", BERT), ("annabel", ANNA)):
            (home / name).mkdir()
            put(home / name / "letter", uid, 0o600)
            put(home / name / "readable", uid, 0o644, "readable, where the folder is closed")
            put(home / name / "docs" / "plan", uid, 0o600, "the plan")
            put(home / name / "docs" / "deep" / "note", uid, 0o600, "a note")
            put(home / name / "docs" / "set-uid", uid, 0o4700, "a program")
            put(home / name / "docs2" / "other", uid, 0o600)
            os.setxattr(home / name / "docs" / "plan", "user.colour", b"red")
            os.setxattr(home / name / "docs" / "plan", "trusted.secret", b"of root")
            for folder in ("docs", "docs2", "docs/deep", ""):
                os.chown(home / name / folder, uid, uid)
                os.chmod(home / name / folder, 0o700)
        put(home / "open", 0, 0o644)
        put(home / "secret", 0, 0o600)

    def setUp(self):
        self.anna, self.bert, self.root = (User(self.endpoint, uid) for uid in (ANNA, BERT, 0))
        self.docs = self.home + "/anna/docs"

    def tearDown(self):
        for user in (self.anna, self.bert):
            for grant in user.ask("grant", "list"):
                user.obhut("grant", "drop", grant["id"])

    # ---- what the tests are told in

    def make_grant(self, *paths, user=f"uid:{BERT}", to="any", hours=1, reason="ticket 4711", vault=None):
        """Signs one; returns its text."""
        file = os.path.join(self.site.partner.folder, f"grant-{uuid.uuid4().hex}")
        for_whom = ["--user", user] if user else ["--anybody"]
        more = ["--vault", vault] if vault else []
        self.site.partner.sign("grant", "--device", self.device, *for_whom, "--to", to, "--hours", hours,
                               "--reason", reason, "--out", file, *more,
                               *itertools.chain(*(("--path", path) for path in paths)))
        return pathlib.Path(file).read_text()

    def give(self, *paths, to_whom=None, **how):
        """Makes one and has it taken, from a file."""
        return (to_whom or self.bert).ask("grant", "add", "-", stdin=self.make_grant(*paths, **how))

    def publish(self, text):
        return self.site.api.post(f"/api/v1/devices/{self.device}/grants", text)

    def place_of(self, user, name=""):
        folder = self.site.path(f"back-{self.id().rsplit('.', 1)[1]}-{user.uid}{name}")
        os.makedirs(folder)
        os.chown(folder, user.uid, user.uid)
        return folder

    def restored(self, back):
        """What files are there, below the homes."""
        return {str(path)[len(back + self.home):] for path in pathlib.Path(back).rglob("*") if path.is_file()}

    def uses(self, grant):
        """The activities that the cluster knows of this grant, by when they ended."""
        told = self.site.api.get(f"/api/v1/devices/{self.device}/activities")["activities"]
        return [one for one in told if one.get("grant", {}).get("id") == grant["id"]]

    def wait_for_use(self, grant, kind):
        def ended():
            return [one for one in self.uses(grant) if one["kind"] == kind and one["outcome"] != "running"]
        return wait_until(f"the cluster to hear of {kind}", ended)[0]

    def may(self, user, path, content):
        """What of `path` (a file) the user gets by each way there is."""
        ways = set()
        folder = os.path.dirname(path)
        by_path = {entry["path"]: entry for entry in user.ask("ls", "latest", folder)}
        if path in by_path:
            ways.add("list")
        if path in user.paths("find", os.path.basename(path)):
            ways.add("find")
        if path in {entry["path"] for entry in user.say(command="search", text=os.path.basename(path))["entries"]}:
            ways.add("search")
        if user.say(command="versions", path=path).get("versions"):
            ways.add("versions")
        shown = user.say(command="preview", point="latest", path=path)
        if "content" in shown:
            self.assertEqual(base64.b64decode(shown["content"]).decode(), content)
            ways.add("preview")
        back = self.place_of(user, f"-{uuid.uuid4().hex[:8]}")
        would = user.say(command="restore", point="latest", paths=[path], to=back, dry_run=True)
        if would.get("create", 0) > 0 and would.get("denied", 0) == 0 and not would.get("error"):
            ways.add("dry run")
        user.obhut("restore", "latest", path, "--to", back, ok=None)
        if os.path.exists(back + path):
            self.assertEqual(pathlib.Path(back + path).read_text(), content)
            self.assertEqual(os.stat(back + path).st_uid, ANNA if user.uid == 0 else user.uid)
            ways.add("restore")
        user.obhut("export", "latest", path, "--to", back + "/all.tar", ok=None)
        if os.path.exists(back + "/all.tar"):
            with tarfile.open(back + "/all.tar") as archive:
                if path.lstrip("/") in archive.getnames():
                    ways.add("export")
        return ways

    ALL = {"list", "find", "search", "versions", "preview", "dry run", "restore", "export"}

    # ---- rights

    def test_every_user_every_way_inside_and_outside_with_and_without(self):
        inside, outside = self.docs + "/plan", self.home + "/anna/letter"
        beside = self.home + "/annabel/docs/plan"
        without = {
            (self.anna, inside): self.ALL, (self.anna, outside): self.ALL, (self.anna, beside): self.ALL,
            (self.bert, inside): set(), (self.bert, outside): set(), (self.bert, beside): set(),
            (self.root, inside): self.ALL, (self.root, outside): self.ALL, (self.root, beside): self.ALL,
        }
        contents = {inside: "the plan", outside: "letter", beside: "the plan"}
        for granted in (False, True):
            if granted:
                self.give(self.docs)
            for (user, path), ways in without.items():
                want = self.ALL if granted and user is self.bert and path == inside else ways
                with self.subTest(user=user.uid, path=path, granted=granted):
                    self.assertEqual(self.may(user, path, contents[path]), want)

    def test_what_lies_on_the_way_shows_what_leads_there_and_no_more(self):
        self.give(self.docs)

        top = {entry["path"]: entry for entry in self.bert.ask("ls", "latest", self.home)}
        self.assertNotIn("denied", top[self.home + "/anna"])
        self.assertTrue(top[self.home + "/anna"]["in_part"])
        self.assertTrue(top[self.home + "/annabel"]["denied"])
        self.assertEqual(self.bert.paths("ls", "latest", self.home + "/anna"), {self.docs})
        self.assertEqual(self.bert.paths("ls", "latest", "--recursive", self.home + "/anna"),
                         {self.docs, self.docs + "/plan", self.docs + "/deep", self.docs + "/deep/note",
                          self.docs + "/set-uid"})
        # Its mode would let him read it, its folder did not let him there, and he knows its name.
        readable = self.home + "/anna/readable"
        self.assertEqual(self.bert.paths("ls", "latest", readable), set())
        self.assertIn("error", self.bert.say(command="preview", point="latest", path=readable))
        back = self.place_of(self.bert)
        self.bert.obhut("restore", "latest", readable, "--to", back, ok=None)
        self.assertEqual(self.restored(back), set())

    def browse(self, user, **request):
        browsing = user.browse(**request)
        self.addCleanup(browsing.close)
        return browsing

    def test_the_picker_shows_what_was_opened_and_reads_nothing(self):
        self.give(self.docs)
        picker = self.browse(self.bert, names=True)

        top = picker.names(self.home)
        self.assertEqual((top["anna"], top["annabel"], top["bert"]), (True, False, True))
        self.assertEqual(picker.names(self.home + "/anna"), {"docs": True})
        self.assertEqual(picker.names(self.docs), {"deep": True, "plan": True, "set-uid": True})
        self.assertEqual(picker.names(self.home + "/annabel"), "refused")
        self.assertEqual(picker.of("entry", self.docs + "/plan")["entry"]["size"], len("the plan"))
        for hidden in ("readable", "docs2/other", "letter", "none"):
            self.assertEqual(picker.of("entry", f"{self.home}/anna/{hidden}"), "not-found", hidden)
        self.assertEqual(picker.of("read", self.docs + "/plan"), "invalid-input")
        self.assertEqual(picker.of("read", self.home + "/open"), "invalid-input")

    def test_the_picker_finds_and_restores_what_was_opened(self):
        grant = self.give(self.docs)
        back = self.place_of(self.bert)
        terminal = Terminal(os.path.join(BIN, "obhut"), "restore", "-i", "--socket", self.endpoint.socket, user=BERT)
        terminal.wait_for("Point (Enter")
        terminal.type("")
        for name in [*self.home.strip("/").split("/"), "anna", "docs"]:
            listed = terminal.wait_for("(?: help)> ")
            number = re.search(rf"^\s*(\d+)\W.*\b{re.escape(name)}/", listed, re.M)
            self.assertTrue(number, f"{name} in\n{listed}")
            terminal.type(number[1])
        listed = terminal.wait_for("(?: help)> ")
        self.assertIn("plan", listed)
        terminal.type("m all")
        terminal.wait_for("[1 marked]")  # all of a folder is the folder
        terminal.type("g")
        terminal.wait_for("Where to")
        terminal.type("2")
        terminal.wait_for("Folder> ")
        terminal.type(back)
        terminal.wait_for("already")
        terminal.type("1")
        terminal.wait_for("(y/n)> ")
        terminal.type("y")

        self.assertEqual(terminal.ended(), 1, terminal.seen)
        self.assertIn("3 files and 2 folders restored", terminal.seen)
        self.assertIn("suid and sgid left out", terminal.seen)
        self.assertEqual({str(path.relative_to(back)) for path in pathlib.Path(back).rglob("*") if path.is_file()},
                         {"docs/plan", "docs/deep/note", "docs/set-uid"})
        self.assertEqual(self.wait_for_use(grant, "grant-restore")["outcome"], "done")

    def test_a_mount_shows_what_is_ones_own(self):
        self.give(self.docs)
        mount = self.browse(self.bert)

        self.assertEqual(mount.names(self.home + "/anna"), "refused")
        self.assertEqual(mount.of("read", self.docs + "/plan"), "refused")
        self.assertEqual(mount.of("read", self.home + "/open")["content"], len("open"))

    def test_a_picker_that_is_open_loses_what_is_taken_back(self):
        grant = self.give(self.docs)
        picker = self.browse(self.bert, names=True)
        self.assertEqual(picker.names(self.home + "/anna"), {"docs": True})

        self.bert.obhut("grant", "drop", grant["id"])

        self.assertIsNone(picker.ask(question="list", point=picker.point, path=self.docs[1:], after=""))
        self.assertEqual(self.browse(self.bert, names=True).names(self.home + "/anna"), "refused")

    def test_a_restore_of_all_brings_what_is_ones_own_and_what_was_opened(self):
        self.give(self.docs)
        back = self.place_of(self.bert)

        self.bert.obhut("restore", "latest", self.home, "--to", back, ok=(1,))

        self.assertEqual(self.restored(back), {
            "/open", "/anna/docs/plan", "/anna/docs/deep/note", "/anna/docs/set-uid",
            *(f"/bert/{name}" for name in ("letter", "readable", "docs/plan", "docs/deep/note",
                                           "docs/set-uid", "docs2/other"))})

    def test_it_is_written_with_ones_own_rights_and_no_others(self):
        self.give(self.docs)
        back = self.place_of(self.bert)
        self.bert.obhut("restore", "latest", self.docs, "--to", back, ok=(0, 1))

        for path in pathlib.Path(back).rglob("*"):
            self.assertEqual(path.lstat().st_uid, BERT, path)
        program = pathlib.Path(back + self.docs, "set-uid").stat()
        self.assertEqual(program.st_mode & (stat.S_ISUID | stat.S_ISGID), 0)
        names = os.listxattr(back + self.docs + "/plan")
        self.assertIn("user.colour", names)
        self.assertNotIn("trusted.secret", names)
        not_his = self.place_of(self.anna)
        os.chmod(not_his, 0o755)
        self.assertNotEqual(
            self.bert.obhut("restore", "latest", self.docs, "--to", not_his, ok=None).returncode, 0)
        self.assertEqual(os.listdir(not_his), [])

    def test_a_grant_is_for_the_account_that_it_names(self):
        grant = self.give(self.docs, to_whom=self.anna)  # whoever brings it

        self.assertEqual(grant["account"], f"uid:{BERT}")
        self.assertEqual([one["id"] for one in self.bert.ask("grant", "list")], [grant["id"]])
        self.assertEqual(self.anna.ask("grant", "list"), [])
        self.assertIn(grant["id"], [one["id"] for one in self.root.ask("grant", "list")])
        self.anna.obhut("grant", "drop", grant["id"], ok=(2, 3))
        self.bert.obhut("grant", "drop", grant["id"][:8])
        self.assertEqual(self.bert.paths("find", "plan"), {self.home + "/bert/docs/plan"})

    def test_one_for_anybody_is_for_who_brings_it(self):
        text = self.make_grant(self.docs, user=None)
        self.root.obhut("grant", "add", "-", stdin=text, ok=(4,))
        self.bert.obhut("grant", "add", "-", stdin=text)

        other = User(self.endpoint, 54399)
        self.assertIn(self.docs + "/plan", self.bert.paths("find", "plan"))
        self.assertEqual(other.paths("find", "plan"), set())

    def test_the_whole_device_and_one_vault(self):
        vaults = self.site.api.get(f"/api/v1/devices/{self.device}/vaults")["vaults"]
        cluster_vault = next(one["id"] for one in vaults if one["location"] == "provider")
        self.give("/", vault=cluster_vault)

        secret = self.home + "/secret"
        self.assertIn(secret, self.bert.paths("ls", "latest", self.home))
        self.assertEqual(base64.b64decode(self.bert.say(
            command="preview", point="latest", path=secret)["content"]), b"secret")
        self.assertIn("error", self.bert.say(command="preview", point="latest", path=secret, target=self.local))

    # ---- where it may go

    def test_a_destination_that_is_not_allowed_is_refused_before_anything_is_written(self):
        allowed = self.place_of(self.bert)
        elsewhere = self.place_of(self.bert, "-elsewhere")
        grant = self.give(self.docs, to=allowed)
        own = self.home + "/bert/letter"

        for words in (("restore", "latest", own, self.docs, "--to", elsewhere),
                      ("restore", "latest", own, self.docs, "--to", elsewhere, "--dry-run"),
                      ("export", "latest", self.docs, "--to", elsewhere + "/a.tar"),
                      ("restore", "latest", self.docs, "--to", allowed + "2"),
                      ("restore", "latest", "--to", elsewhere)):
            refused = self.bert.obhut(*words, ok=(4,))
            self.assertIn(grant["id"][:8], refused.stdout + refused.stderr)
        # As the restore window writes paths.
        for to in (allowed + "/\\x2e\\x2e/" + os.path.basename(elsewhere), elsewhere):
            answer = self.bert.say(command="restore", point="latest", paths=[self.docs], to=to, escaped=True)
            self.assertEqual(answer["error"]["kind"], "refused", answer)
        self.assertEqual(os.listdir(elsewhere), [], "not even what is his own")
        self.assertEqual(self.uses(grant), [])

        self.bert.obhut("restore", "latest", self.docs, "--to", allowed + "/deep", ok=(0, 1))
        self.assertTrue(os.path.exists(allowed + "/deep" + self.docs + "/plan"))
        self.bert.obhut("restore", "latest", own, "--to", elsewhere)
        self.assertEqual(self.restored(elsewhere), {"/bert/letter"}, "his own needs no grant")
        self.assertEqual(self.wait_for_use(grant, "grant-restore")["grant"]["destination"], "folder")

    def test_the_original_place_alone(self):
        grant = self.give(self.docs, self.home + "/bert", to="original")
        back = self.place_of(self.bert)

        self.bert.obhut("restore", "latest", self.docs, "--to", back, ok=(4,))
        self.bert.obhut("export", "latest", self.docs, "--to", back + "/a.tar", ok=(4,))
        self.assertEqual(os.listdir(back), [])
        os.remove(self.home + "/bert/letter")
        self.bert.obhut("restore", "latest", self.home + "/bert", "--to", "/", ok=(0, 1))
        self.assertEqual(pathlib.Path(self.home, "bert", "letter").read_text(), "letter")
        self.assertEqual(self.uses(grant), [], "his own home, by his own rights")

    # ---- how it ends

    def test_it_can_be_taken_back(self):
        text = self.make_grant(self.docs)
        published = self.publish(text)
        grant = self.bert.ask("grant", "add", "-", stdin=text)
        back = self.place_of(self.bert)

        self.site.api.call("DELETE", f"/api/v1/devices/{self.device}/grants/{published['id']}")

        # At its next use, and without one soon after.
        self.bert.obhut("restore", "latest", self.docs, "--to", back, ok=None)
        self.assertEqual(self.restored(back), set())
        self.assertEqual(self.bert.ask("grant", "list"), [])
        self.assertEqual(self.bert.paths("find", "plan"), {self.home + "/bert/docs/plan"})
        again = self.bert.obhut("grant", "add", "-", stdin=text, ok=(4,))
        self.assertIn("taken back", again.stdout + again.stderr)
        self.assertEqual(self.uses(grant), [])

    def test_one_that_was_taken_back_before_it_came_is_not_taken(self):
        text = self.make_grant(self.docs)
        published = self.publish(text)
        self.site.api.call("DELETE", f"/api/v1/devices/{self.device}/grants/{published['id']}")

        self.bert.obhut("grant", "add", "-", stdin=text, ok=(4,))

        self.assertEqual(self.bert.ask("grant", "list"), [])

    def test_what_is_no_grant_for_here_is_refused(self):
        good = self.make_grant(self.docs)
        other = good.replace(".", "A.", 1)
        for text, codes in (("nonsense", (2,)), (other, (2, 4)), ("x" * 5000, (2,)), ("", (2,))):
            self.bert.obhut("grant", "add", "-", stdin=text, ok=codes)
        mine, self.device = self.device, "ab" * 16
        elsewhere = self.make_grant(self.docs)
        self.device = mine
        refused = self.bert.obhut("grant", "add", "-", stdin=elsewhere, ok=(4,))
        self.assertIn("another device", refused.stdout + refused.stderr)
        self.bert.obhut("grant", "add", ok=(2,))
        self.assertEqual(self.bert.ask("grant", "list"), [])

    # ---- codes

    def test_a_code_fetches_it_once(self):
        published = self.publish(self.make_grant(self.docs))
        code = published["code"]

        grant = self.bert.ask("grant", "add", "--code", code.lower())

        self.assertEqual(grant["id"], published["id"])
        self.assertEqual(grant["scope"], [self.docs])
        self.assertEqual((grant["destination"], grant["reason"]), ("any", "ticket 4711"))
        self.assertIn(self.docs + "/plan", self.bert.paths("find", "plan"))
        for user in (self.anna, self.bert):
            used = user.obhut("grant", "add", "--code", code, ok=(4,))
            self.assertIn("used already", used.stdout + used.stderr)

    def test_guessing_codes_ends_soon(self):
        code = self.publish(self.make_grant(self.docs))["code"]

        ends = [self.anna.obhut("grant", "add", "--code", f"0000-000{number}", ok=None).returncode
                for number in range(10)]
        self.assertNotIn(0, ends)
        self.bert.obhut("grant", "add", "--code", code, ok=(5,))
        alerts = self.site.api.get(f"/api/v1/devices/{self.device}/alerts")["alerts"]
        self.assertIn("grant-code-guessing", [alert["code"] for alert in alerts])

    # ---- who hears of it

    def test_every_use_is_told(self):
        grant = self.give(self.docs, self.home + "/annabel", reason="Anna is ill")
        back = self.place_of(self.bert)
        self.bert.ask("ls", "latest", self.docs)
        self.bert.say(command="restore", point="latest", paths=[self.docs], to=back, dry_run=True)
        self.bert.obhut("restore", "latest", self.docs, "--to", back, ok=(0, 1))
        self.bert.obhut("export", "latest", self.docs, self.home + "/annabel", "--to", back + "/a.tar", ok=(0, 1))
        self.bert.say(command="preview", point="latest", path=self.docs + "/plan")
        self.bert.say(command="preview", point="latest", path=self.home + "/bert/letter")

        restore = self.wait_for_use(grant, "grant-restore")
        self.assertEqual(restore["counts"]["files"], 3)
        self.assertEqual(restore["grant"]["account"], f"uid:{BERT}")
        self.assertEqual(restore["grant"]["reason"], "Anna is ill")
        self.assertEqual(restore["grant"]["scope"], [self.docs])
        self.assertEqual(restore["grant"]["destination"], "elsewhere")
        export = self.wait_for_use(grant, "grant-export")
        self.assertEqual(sorted(export["grant"]["scope"]), sorted([self.docs, self.home + "/annabel"]))
        self.assertEqual(self.wait_for_use(grant, "grant-preview")["grant"]["destination"], "none")
        self.assertEqual(sorted(one["kind"] for one in self.uses(grant)),
                         ["grant-export", "grant-preview", "grant-restore"], "names alone are no use")

    def test_offline_by_file_and_told_later(self):
        text = self.make_grant(self.docs)
        back = self.place_of(self.bert)
        self.site.cluster.stop()
        try:
            wait_until("the daemon to miss the cluster",
                       lambda: not self.endpoint.status()["cluster"]["reachable"], 90)
            grant = self.bert.ask("grant", "add", "-", stdin=text)
            self.bert.obhut("restore", "latest", self.docs, "--target", self.local, "--to", back, ok=(0, 1))
            self.assertIn("/anna/docs/plan", self.restored(back))
            failed = self.bert.obhut("grant", "add", "--code", "0000-0000", ok=None)
            self.assertNotEqual(failed.returncode, 0)
            # What waits survives a daemon that is killed.
            self.endpoint.kill()
            self.endpoint.start()
            self.assertEqual([one["id"] for one in self.bert.ask("grant", "list")], [grant["id"]])
        finally:
            self.site.cluster.start()
        use = self.wait_for_use(grant, "grant-restore")
        self.assertEqual(use["grant"]["reason"], "ticket 4711")
        # The next test asks what is only asked over a line.
        wait_until("the line", lambda: self.endpoint.status()["cluster"]["reachable"], 90)


class GrantsHandedOver(Grants):
    """The same where restores run in a process of their own."""

    handed_over = True

    def test_the_other_process_did_the_work(self):
        self.give(self.docs)
        before = self.service.served
        back = self.place_of(self.bert)
        self.bert.obhut("restore", "latest", self.docs, "--to", back, ok=(0, 1))
        self.assertEqual(self.service.served, before + 1)

    def test_a_client_chooses_no_grants(self):
        grant = self.give(self.docs, to=self.place_of(self.bert, "-allowed"))
        back = self.place_of(self.bert)

        answer = self.bert.say(command="restore", point="latest", paths=[self.docs], to=back,
                               grants=[grant["id"]])

        self.assertIn("error", answer)
        self.assertEqual(os.listdir(back), [])


if __name__ == "__main__":
    unittest.main()
