"""What users of an endpoint see of its recovery points, and what they may restore: theirs.

Two users without rights, and root. Needs root; a restore has to be able to make anybody's files.
"""

import json
import os
import pathlib
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import BIN, CommandFailed, Site, wait_until  # noqa: E402
from harness.trees import differences  # noqa: E402

ANNA, BERT, STAFF = 54321, 54322, 54331


# Twenty restores that stand still, until a line comes.
HOLD = """
import json, socket, struct, sys, time
held = []
for number in range(20):
    one = socket.socket(socket.AF_UNIX)
    one.connect(sys.argv[1])
    for message in ({"command": "restore", "point": "latest", "to": sys.argv[2]}, {"command": "pause"}):
        data = json.dumps(message).encode()
        try:
            one.sendall(struct.pack("<I", len(data)) + data)
        except OSError:
            break
    held.append(one)
    time.sleep(0.05)
print("held", flush=True)
sys.stdin.readline()
"""


class User:
    """Somebody on the endpoint, by numbers alone."""

    def __init__(self, endpoint, uid, groups=()):
        self.endpoint, self.uid, self.groups = endpoint, uid, list(groups)

    def obhut(self, command, *arguments, ok=(0,), json_too=True):
        words = [os.path.join(BIN, "obhut"), command, "--socket", self.endpoint.socket,
                 *(["--json"] if json_too else []), *map(str, arguments)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              user=self.uid, group=self.uid, extra_groups=self.groups, cwd="/")
        if done.returncode not in ok:
            raise CommandFailed(words, done)
        return done

    def ask(self, command, *arguments, ok=(0,)):
        return json.loads(self.obhut(command, *arguments, ok=ok).stdout)

    def paths(self, *arguments, ok=(0,)):
        return {entry["path"] for entry in self.ask(*arguments, ok=ok)}


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Rights(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.let_users_in()
        cls.source = cls.site.path("home")
        cls.make_homes(pathlib.Path(cls.source))
        cls.endpoint = cls.site.endpoint()
        cls.endpoint.start(cls.site.partner.token(cls.site.customer))
        cls.endpoint.wait_enrolled()
        cls.site.partner.push_plan(cls.site.partner.plan(cls.source), cls.site.customer)
        cls.endpoint.wait_plan(1)
        cls.endpoint.backup()

    @staticmethod
    def make_homes(home):
        """As homes are: each its owner's, a shared folder, and a folder of root's."""
        home.mkdir(mode=0o755)
        os.chmod(home, 0o755)

        def put(path, owner, mode, content="", group=None):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content or path.name)
            os.chown(path, owner, owner if group is None else group)
            os.chmod(path, mode)

        def folder(path, owner, mode, group=None):
            path.mkdir(exist_ok=True)
            os.chown(path, owner, owner if group is None else group)
            os.chmod(path, mode)

        for name, uid in (("anna", ANNA), ("bert", BERT)):
            folder(home / name, uid, 0o700)
            put(home / name / "letter", uid, 0o600)
            folder(home / name / "deep", uid, 0o755)
            put(home / name / "deep" / "note", uid, 0o644)
        put(home / "anna" / "roots", 0, 0o600, "root put it here")
        folder(home / "shared", 0, 0o2770, STAFF)
        put(home / "shared" / "of staff", BERT, 0o660, group=STAFF)
        put(home / "shared" / "bert alone", BERT, 0o600, group=STAFF)
        folder(home / "through", 0, 0o711)
        folder(home / "through" / "inner", ANNA, 0o700)
        put(home / "through" / "inner" / "treasure", ANNA, 0o600)
        put(home / "open", 0, 0o644, "for everybody")
        put(home / "secret", 0, 0o600, "of root")
        acl = home / "granted"
        put(acl, 0, 0o600, "anna by name")
        subprocess.run(["setfacl", "-m", f"u:{ANNA}:r", acl], check=True)
        put(home / "capable", 0, 0o755, "a program")
        subprocess.run(["setcap", "cap_net_raw+ep", home / "capable"], check=True)
        put(home / "set-uid", 0, 0o4755, "a program")

    def setUp(self):
        self.anna = User(self.endpoint, ANNA)
        self.bert = User(self.endpoint, BERT, [STAFF])
        self.root = User(self.endpoint, 0)

    def inside(self, paths):
        return {path[len(self.source):] for path in paths if path.startswith(self.source)}

    def place_of(self, uid):
        folder = self.site.path(f"back-{self.id().rsplit('.', 1)[1]}-{uid}")
        os.mkdir(folder)
        os.chown(folder, uid, uid)
        os.chmod(folder, 0o755)
        return folder

    def test_everybody_sees_the_points_and_only_root_what_they_are_made_of(self):
        of_anna, of_root = self.anna.ask("points"), self.root.ask("points")

        self.assertEqual([point["id"] for point in of_anna], [point["id"] for point in of_root])
        self.assertEqual(of_anna[0]["sources"], [])
        self.assertEqual(of_root[0]["sources"], [self.source])

    def test_a_home_shows_its_owner_everything_and_others_nothing(self):
        home = self.source + "/anna"

        self.assertEqual(self.inside(self.anna.paths("ls", "latest", home)),
                         {"/anna/letter", "/anna/deep", "/anna/roots"})
        self.assertEqual(self.bert.paths("ls", "latest", home), set())
        self.assertEqual(self.inside(self.root.paths("ls", "latest", home)),
                         {"/anna/letter", "/anna/deep", "/anna/roots"})

    def test_find_looks_where_its_asker_could_have_looked(self):
        self.assertEqual(self.inside(self.anna.paths("find", "letter")), {"/anna/letter"})
        self.assertEqual(self.inside(self.bert.paths("find", "letter")), {"/bert/letter"})
        self.assertEqual(self.inside(self.root.paths("find", "letter")), {"/anna/letter", "/bert/letter"})
        self.assertEqual(self.anna.paths("find", "treasure"), set(), "a folder that cannot be listed")

    def test_what_is_seen_and_not_readable_says_so(self):
        by_path = {entry["path"][len(self.source):]: entry.get("denied", False)
                   for entry in self.anna.ask("ls", "latest", self.source)}

        self.assertEqual(by_path, {"/anna": False, "/bert": True, "/shared": True, "/through": True,
                                   "/open": False, "/secret": True, "/granted": False, "/capable": False,
                                   "/set-uid": False})

    def test_groups_and_lists_of_access_count(self):
        shared = self.source + "/shared"

        self.assertEqual(self.inside(self.bert.paths("ls", "latest", shared)),
                         {"/shared/of staff", "/shared/bert alone"})
        self.assertEqual(self.anna.paths("ls", "latest", shared), set())
        back = self.place_of(ANNA)
        self.anna.obhut("restore", "latest", self.source + "/granted", "--to", back)
        self.assertEqual(pathlib.Path(back + self.source, "granted").read_text(), "anna by name")

    def test_a_way_that_is_known_by_name_may_be_gone(self):
        self.assertEqual(self.inside(self.anna.paths("ls", "latest", self.source + "/through/inner")),
                         {"/through/inner/treasure"})
        self.assertEqual(self.bert.paths("ls", "latest", self.source + "/through/inner"), set())

    def test_a_user_restores_what_is_his_as_himself(self):
        back = self.place_of(ANNA)
        report = self.anna.ask("restore", "latest", self.source + "/anna", "--to", back, ok=(1,))

        restored = pathlib.Path(back + self.source, "anna")
        self.assertEqual((restored / "letter").read_text(), "letter")
        self.assertEqual((restored / "deep" / "note").stat().st_uid, ANNA)
        self.assertFalse((restored / "roots").exists())
        self.assertEqual([problem["path"] for problem in report["problems"]], [self.source + "/anna/roots"])
        for path in pathlib.Path(back).rglob("*"):
            self.assertEqual(path.lstat().st_uid, ANNA, path)

    def test_a_user_restores_nothing_of_others(self):
        back = self.place_of(BERT)
        refused = self.bert.obhut("restore", "latest", self.source + "/anna/letter", "--to", back, ok=(1, 2))

        self.assertNotEqual(refused.returncode, 0)
        self.assertEqual([path for path in pathlib.Path(back).rglob("*") if path.is_file()], [])
        self.bert.obhut("export", "latest", self.source + "/anna", "--to", back + "/anna.tar", ok=(0, 1, 2))
        if os.path.exists(back + "/anna.tar"):
            listed = subprocess.run(["tar", "tf", back + "/anna.tar"], check=True, capture_output=True, text=True)
            self.assertNotIn("letter", listed.stdout)

    def test_a_user_writes_nowhere_that_is_not_his(self):
        not_his = self.site.path("not-his")
        os.makedirs(not_his, exist_ok=True)
        os.chmod(not_his, 0o755)

        refused = self.anna.obhut("restore", "latest", self.source + "/open", "--to", not_his, ok=(1, 2, 3, 4))

        self.assertNotEqual(refused.returncode, 0)
        self.assertEqual(os.listdir(not_his), [])
        of_root = self.anna.obhut("export", "latest", self.source + "/open", "--to", not_his + "/x.tar",
                                  ok=(1, 2, 3, 4))
        self.assertNotEqual(of_root.returncode, 0)
        self.assertEqual(os.listdir(not_his), [])

    def test_no_right_comes_back_with_a_program(self):
        back = self.place_of(ANNA)
        report = self.anna.ask("restore", "latest", self.source + "/capable", self.source + "/set-uid", "--to",
                               back, ok=(1,))

        capable = pathlib.Path(back + self.source, "capable")
        self.assertNotIn("security.capability", os.listxattr(capable))
        set_uid = pathlib.Path(back + self.source, "set-uid").stat()
        self.assertEqual((set_uid.st_uid, set_uid.st_mode & (stat.S_ISUID | stat.S_ISGID)), (ANNA, 0))
        reasons = " ".join(problem["reason"] for problem in report["problems"])
        self.assertIn("needs administrator rights", reasons)
        self.assertIn("suid", reasons)

    def test_root_restores_all_bit_for_bit(self):
        back = self.place_of(0)
        self.root.ask("restore", "latest", "--to", back)

        self.assertEqual(differences(self.source, back + self.source), "")

    def test_a_folder_of_a_user_is_no_vault_to_the_daemon(self):
        theirs = self.place_of(ANNA)
        refused = self.anna.obhut("points", "--target", theirs, ok=(4,))

        self.assertIn("no target of the protection plan", refused.stdout + refused.stderr)

    def test_users_leave_connections_to_administrators(self):
        held = subprocess.Popen(
            ["/usr/bin/python3", "-c", HOLD, self.endpoint.socket, self.place_of(ANNA)], user=ANNA, group=ANNA,
            extra_groups=[], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(held.stdout.readline(), "held\n")
            self.anna.obhut("points", ok=(5,))
            self.root.ask("points")
        finally:
            held.communicate("\n", timeout=30)
        wait_until("room again", lambda: self.anna.obhut("points", ok=(0, 5)).returncode == 0)

    def test_the_rest_is_for_administrators(self):
        for command in (("backup", "--wait"), ("verify",), ("status", "--billing")):
            self.anna.obhut(*command, ok=(4,))

    def test_users_have_quiet_until_tomorrow_and_no_longer(self):
        self.anna.obhut("pause", ok=(4,))
        self.anna.obhut("pause", "--for", "37h", ok=(4,))
        self.assertTrue(self.anna.ask("pause", "--for", "1h")["paused"])
        self.assertFalse(self.bert.ask("resume")["paused"])
        self.root.obhut("pause")

        for command in (("pause", "--for", "1h"), ("resume",)):
            self.anna.obhut(*command, ok=(4,))
        self.assertTrue(self.root.ask("status")["pause"]["paused"])
        self.root.obhut("resume")
        self.anna.obhut("backup")


if __name__ == "__main__":
    unittest.main()
