"""The restore window's server as browsers, other pages and other users of the machine meet it.

Real cluster, real daemon, real obhut-tray. Needs root.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse

from window_site import ANNA, BERT, HOSTILE, PAGE, WindowSite

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import wait_until  # noqa: E402

# As another user of the machine: what a port says to somebody who has everything but the account.
ASK = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1] + "/api/session", headers={"X-Obhut-Token": sys.argv[2]})
try:
    print(urllib.request.urlopen(request, timeout=10).status)
except Exception as error:
    print(type(error).__name__)
"""

# Asks as Anna, whose connections alone are answered: requests as JSON lines on standard input.
TALK = """
import http.client, json, sys
for line in sys.stdin:
    asked = json.loads(line)
    wire = http.client.HTTPConnection("127.0.0.1", asked["port"], timeout=60)
    try:
        wire.request(asked["method"], asked["target"], asked["body"], asked["headers"])
        got = wire.getresponse()
        body = got.read()
        print(json.dumps({"status": got.status, "headers": dict(got.getheaders()),
                          "text": body.decode("latin-1")}), flush=True)
    except (OSError, http.client.HTTPException) as error:
        print(json.dumps({"status": 0, "headers": {}, "text": type(error).__name__}), flush=True)
    wire.close()
"""


SITE = []


def setUpModule():
    if os.geteuid() == 0 and PAGE.is_dir():
        SITE.append(WindowSite())
        unittest.addModuleCleanup(SITE[0].close)


@unittest.skipUnless(os.geteuid() == 0, "needs root")
@unittest.skipUnless(PAGE.is_dir(), "tools/dev/page was not run")
class WindowTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.here = SITE[0]
        address = cls.here.open_window()
        cls.origin, cls.token = address.split("/#token=")
        cls.port = int(cls.origin.rsplit(":", 1)[1])
        cls.talker = subprocess.Popen(["/usr/bin/python3", "-c", TALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, user=ANNA, group=ANNA, extra_groups=[], cwd="/")
        cls.addClassCleanup(cls.hang_up)

    @classmethod
    def hang_up(cls):
        cls.talker.stdin.close()
        cls.talker.wait(30)
        cls.talker.stdout.close()

    def send(self, method, target, body=None, token=None, **headers):
        """One request as Anna's browser would send it, unless `headers` say otherwise."""
        given = {"X-Obhut-Token": self.token if token is None else token}
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        asked = {"port": self.port, "method": method, "target": target, "headers": given,
                 "body": json.dumps(body) if isinstance(body, dict) else body}
        self.talker.stdin.write(json.dumps(asked) + "\n")
        self.talker.stdin.flush()
        answer = json.loads(self.talker.stdout.readline())
        answer["json"] = json.loads(answer["text"].encode("latin-1")) if answer["text"][:1] == "{" else None
        return answer

    def ask(self, where, status=200, /, **query):
        answer = self.send("GET", where + ("?" + urllib.parse.urlencode(query) if query else ""))
        self.assertEqual(answer["status"], status, answer["text"][:300])
        return answer["json"]

    def do(self, path, body, status=200, method="POST"):
        answer = self.send(method, path, body)
        self.assertEqual(answer["status"], status, answer["text"][:300])
        return answer["json"]

    def newest(self):
        return self.ask("/api/points", location="cluster")["points"][-1]["id"]

    def entries(self, path, **more):
        return self.ask("/api/entries", location="cluster", point=self.newest(), path=str(path), **more)

    def restore(self, paths, **how):
        body = {"location": "cluster", "point": self.newest(), "paths": [str(path) for path in paths],
                "to": {"kind": "original"}, "existing": "keep", "dry_run": False, **how}
        number = self.do("/api/restores", body, 202)["id"]

        def ended():
            state = self.ask(f"/api/restores/{number}")
            return state if state["state"] not in ("running", "paused") else None
        return wait_until("the restore", ended, 60)


class Doors(WindowTest):
    def test_another_user_of_the_machine_is_not_spoken_to(self):
        as_bert = subprocess.run(["/usr/bin/python3", "-c", ASK, self.origin, self.token], user=BERT, group=BERT,
                                 extra_groups=[], capture_output=True, text=True, timeout=60, cwd="/")
        as_root = subprocess.run(["/usr/bin/python3", "-c", ASK, self.origin, self.token], capture_output=True,
                                 text=True, timeout=60)

        self.assertNotIn("200", as_bert.stdout + as_root.stdout)
        self.assertTrue(as_bert.stdout.strip(), as_bert.stderr)
        self.assertEqual(self.ask("/api/session")["account"], str(ANNA))

    def test_without_its_token_nothing_is_told(self):
        for token in ("", "0" * 32, self.token[:-1], self.token + "0"):
            answer = self.send("GET", "/api/session", token=token)
            self.assertEqual((answer["status"], answer["json"]["error"]["kind"]), (401, "refused"))
        self.assertEqual(self.send("POST", "/api/restores", {}, token="")["status"], 401)

    def test_requests_of_other_pages_are_refused(self):
        for headers in ({"Host": "localhost"}, {"Host": f"evil.example:{self.port}"}, {"Host": "127.0.0.1"},
                        {"Origin": "http://evil.example"}, {"Origin": "null"},
                        {"Origin": f"http://localhost:{self.port}"}, {"Sec_Fetch_Site": "cross-site"},
                        {"Sec_Fetch_Site": "same-site"}):
            for path in ("/", "/api/session"):
                self.assertEqual(self.send("GET", path, **headers)["status"], 403, headers)
        good = self.send("GET", "/api/session", Origin=self.origin, Sec_Fetch_Site="same-origin")
        self.assertEqual(good["status"], 200)

    def test_every_answer_forbids_the_page_all_but_itself(self):
        for target in ("/", "/api/session", "/api/nothing", "/nothing", "/api/restores/x"):
            headers = {name.lower(): value for name, value in self.send("GET", target)["headers"].items()}
            policy = headers["content-security-policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["referrer-policy"], "no-referrer")
            self.assertEqual(headers["cache-control"], "no-store")

    def test_files_beside_the_page_cannot_be_had(self):
        for target in ("/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../.built", "/.built",
                       "//etc/passwd", "/assets", "/index.html%00.js"):
            answer = self.send("GET", target)
            self.assertIn(answer["status"], (400, 404), target)
            self.assertNotIn("root:", answer["text"])

    def test_what_is_too_large_or_broken_ends_with_a_word(self):
        self.assertEqual(self.send("GET", "/" + "a" * 40_000)["status"], 431)
        self.assertEqual(self.send("POST", "/api/restores", "x" * 4_000_000)["status"] in (413, 0), True)
        self.assertEqual(self.send("POST", "/api/restores", "{")["json"]["error"]["kind"], "invalid-input")
        self.assertEqual(self.send("POST", "/api/restores", "[]")["status"], 400)
        self.assertEqual(self.send("GET", "/api/entries?path=%zz")["status"], 400)
        self.assertEqual(self.send("PUT", "/api/session", "{}")["status"], 405)
        self.assertEqual(self.ask("/api/session")["account"], str(ANNA))

    def test_many_idle_connections_do_not_lock_the_window_out_for_ever(self):
        hold = ("import socket, sys\nheld = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) "
                "for _ in range(60)]\nprint('held', flush=True)\nsys.stdin.readline()")
        holder = subprocess.Popen(["/usr/bin/python3", "-c", hold, str(self.port)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, user=ANNA, group=ANNA, extra_groups=[], cwd="/")
        self.assertEqual(holder.stdout.readline().strip(), "held")
        holder.stdin.close()
        holder.wait(30)
        holder.stdout.close()

        wait_until("an answer", lambda: self.send("GET", "/api/session")["status"] == 200, 30)


class Looking(WindowTest):
    def test_the_session_tells_whose_window_it_is(self):
        session = self.ask("/api/session")

        self.assertEqual(session["language"], "de")
        self.assertEqual(session["home"], str(self.here.anna))
        self.assertEqual(session["locations"], [{"id": "cluster", "kind": "cluster"},
                                                {"id": self.here.site.path("disk"), "kind": "local"}])
        self.assertFalse(session["administrator"])
        self.assertEqual(session["brand"]["name"], "Obhut")

    def test_points_stand_from_old_to_new(self):
        points = self.ask("/api/points", location="cluster")["points"]

        self.assertGreaterEqual(len(points), 5)
        self.assertEqual([point["time"] for point in points], sorted(point["time"] for point in points))
        self.assertGreater(points[0]["new_bytes"], 0)

    def test_a_folder_is_read_page_by_page_and_folders_stand_first(self):
        archive = self.here.anna / "Archiv"
        whole = self.entries(archive / "Messwerte", limit=5000)["entries"]
        pages, cursor = [], ""
        while cursor is not None:
            page = self.entries(archive / "Messwerte", limit=7, cursor=cursor)
            pages += page["entries"]
            cursor = page["next"]

        self.assertEqual([entry["name"] for entry in pages], [entry["name"] for entry in whole])
        self.assertEqual(len(whole), self.here.big)
        self.assertEqual(len({entry["path"] for entry in whole}), self.here.big)
        kinds = [entry["type"] for entry in self.entries(self.here.anna)["entries"]]
        self.assertEqual(kinds, sorted(kinds))  # "directory" < "file"

    def test_a_folder_that_is_not_there_is_no_folder_or_is_anothers_is_said_to_be(self):
        documents = self.here.anna / "Dokumente"
        newest = {"location": "cluster", "point": self.newest()}

        missing = self.ask("/api/entries", 404, path=str(documents / "none"), **newest)
        a_file = self.ask("/api/entries", 400, path=str(documents / "zuletzt.txt"), **newest)
        anothers = self.ask("/api/entries", 403, path=str(self.here.homes / "bert"), **newest)

        self.assertEqual([one["error"]["kind"] for one in (missing, a_file, anothers)],
                         ["not-found", "invalid-input", "refused"])
        by_name = {entry["name"]: entry for entry in self.entries(documents)["entries"]}
        self.assertTrue(by_name["Vertrag von Bert.pdf"]["denied"])
        self.assertFalse(by_name["zuletzt.txt"]["denied"])
        self.assertEqual(by_name["zuletzt.txt"]["mode"], "rw-r--r--")
        self.assertEqual(by_name["neueste Rechnung"]["target"], "Rechnung Hotel.txt")

    def test_names_that_are_no_text_can_be_asked_for_and_restored(self):
        folder = os.fsencode(self.here.anna) + b"/odd \xff \\ name"
        os.makedirs(folder, exist_ok=True)
        with open(folder + b"/inner\n", "wb") as out:
            out.write(b"here")
        for path in (folder, folder + b"/inner\n"):
            os.chown(path, ANNA, ANNA)
        self.here.endpoint.backup()
        self.addCleanup(subprocess.run, ["rm", "-rf", folder], check=True)

        shown = [entry["path"] for entry in self.entries(self.here.anna)["entries"] if "odd" in entry["path"]]
        inner = self.entries(shown[0])["entries"]
        os.unlink(folder + b"/inner\n")
        report = self.restore([inner[0]["path"]])["report"]

        self.assertTrue(shown[0].endswith("odd \\xff \\\\ name"), shown)
        self.assertEqual(inner[0]["name"], "inner\\x0a")
        self.assertEqual((report["files"], report["problems"]), (1, []))
        with open(folder + b"/inner\n", "rb") as back:
            self.assertEqual(back.read(), b"here")

    def test_a_search_finds_names_in_any_point_the_best_first(self):
        found = self.ask("/api/search", location="cluster", text="ANGEBOT dach")["results"]
        gone = self.ask("/api/search", location="cluster", text="verlorenes")["results"]

        self.assertEqual([one["path"] for one in found], [str(self.here.anna / "Dokumente/Angebot Dachausbau.txt")])
        self.assertTrue(found[0]["in_latest"])
        self.assertFalse(gone[0]["in_latest"])
        self.assertEqual(self.ask("/api/search", location="cluster", text="Tagebuch")["results"], [])
        self.assertEqual(self.ask("/api/search", location="cluster", text="zzqq"), {"results": [], "next": None})

    def test_a_long_search_comes_in_pages_without_a_name_twice(self):
        paths, cursor = [], ""
        while cursor is not None:
            page = self.ask("/api/search", location="cluster", text="messung", cursor=cursor)
            self.assertLessEqual(len(page["results"]), 100)
            paths += [one["path"] for one in page["results"]]
            cursor = page["next"]

        self.assertEqual(len(paths), len(set(paths)))
        self.assertEqual(len(paths), sum(1 for path in self.here.anna.rglob("Messung*")))

    def test_versions_and_changes_are_told(self):
        path = str(self.here.anna / "Dokumente/Angebot Dachausbau.txt")
        versions = self.ask("/api/versions", location="cluster", path=path)["versions"]
        changes = self.ask("/api/changes", location="cluster", point=versions[0]["point"])

        self.assertGreaterEqual(len(versions), 5)
        self.assertGreater(versions[-5]["size"], versions[-1]["size"])
        self.assertIn("examples", changes)
        self.assertEqual(self.ask("/api/versions", 404, location="cluster", path=path + "x")["error"]["kind"], "not-found")

    def preview(self, name, point=None):
        return self.ask("/api/preview", location="cluster", point=point or self.newest(),
                        path=str(self.here.anna / name))

    def test_previews_are_text_or_pixels_whatever_the_file_says_of_itself(self):
        hostile = self.preview("Dokumente/" + HOSTILE)
        svg = self.preview("Dokumente/hostile.svg")
        lying = self.preview("Dokumente/huge picture.png")
        good = self.preview("Bilder/2024 Sommer/IMG_0001.png")
        anothers = self.preview("Dokumente/Vertrag von Bert.pdf")

        self.assertEqual((hostile["kind"], hostile["truncated"]), ("text", False))
        self.assertIn("<script>", hostile["text"])
        self.assertEqual(svg["kind"], "text")
        self.assertEqual(lying, {"kind": "none", "reason": "too-large"})
        self.assertEqual(anothers, {"kind": "none", "reason": "denied"})
        self.assertEqual(self.send("GET", good["url"], token="")["status"], 401)

    def test_pictures_are_shown_whole(self):
        for name in ("Bilder/2024 Sommer/IMG_0001.png", "Bilder/2024 Sommer/IMG_0002.png"):
            picture = self.preview(name)
            self.assertEqual(picture["kind"], "image")
            shown = self.send("GET", picture["url"])
            self.assertEqual(shown["headers"]["Content-Type"], "image/png")
            self.assertTrue(shown["text"].encode("latin-1") == (self.here.anna / name).read_bytes(), name)

    def test_folders_of_this_machine_are_shown_as_anna_may_use_them(self):
        own = self.ask("/api/folders", path=str(self.here.anna))
        of_all = self.ask("/api/folders", path="/")

        self.assertTrue(own["writable"])
        self.assertEqual([folder["name"] for folder in own["folders"] if folder["name"] in ("Bilder", "Dokumente")],
                         ["Bilder", "Dokumente"])
        self.assertIsNone(of_all["parent"])
        self.assertFalse(of_all["writable"])
        self.ask("/api/folders", 403, path=str(self.here.homes / "bert"))
        self.ask("/api/folders", 400, path="relative")
        self.do("/api/folders", {"path": str(self.here.anna / "neu")})
        self.assertEqual(os.stat(self.here.anna / "neu").st_uid, ANNA)
        self.do("/api/folders", {"path": "/etc/annas"}, 403)
        self.do("/api/folders", {"path": str(self.here.anna / "a/b/c")}, 404)


class Restoring(WindowTest):
    def test_a_lost_file_comes_back_as_annas_own(self):
        lost = self.here.anna / "Archiv/Messwerte/Messung 000007.csv"
        before = lost.read_bytes()
        lost.unlink()
        would = self.restore([lost], dry_run=True)
        self.assertFalse(lost.exists())

        done = self.restore([lost])

        self.assertEqual(would["report"]["would"]["create"], 1)
        self.assertEqual((done["state"], done["report"]["files"], done["report"]["problems"]), ("done", 1, []))
        self.assertEqual((lost.read_bytes(), os.stat(lost).st_uid), (before, ANNA))
        listed = self.ask("/api/restores")["restores"]
        self.assertIn(done["id"], [one["id"] for one in listed])
        self.assertNotIn(would["id"], [one["id"] for one in listed])

    def test_what_is_bound_to_fail_is_in_the_report_with_its_reason(self):
        target = self.here.site.path("target")
        os.mkdir(target, 0o755)  # root's
        done = self.restore([self.here.anna / "Dokumente"], to={"kind": "folder", "folder": target})

        self.assertIn(done["state"], ("failed", "done"))
        if done["state"] == "failed":
            self.assertEqual(done["error"]["kind"], "refused")
        else:
            self.assertEqual(done["report"]["problems"][0]["kind"], "denied")
        self.assertEqual(os.listdir(target), [])

    def test_files_of_others_are_left_out_and_named(self):
        target = self.here.anna / "back"
        done = self.restore([self.here.anna / "Dokumente"], to={"kind": "folder", "folder": str(target)})

        problems = {os.path.basename(problem["path"]): problem for problem in done["report"]["problems"]}
        self.assertEqual(problems["Vertrag von Bert.pdf"]["kind"], "denied")
        self.assertEqual(done["report"]["missing"], 1)
        self.assertEqual((target / "Dokumente/zuletzt.txt").read_text(), "1", "in the chosen folder itself")

    @contextlib.contextmanager
    def daemon_held(self):
        daemon = self.here.endpoint.process.handle
        daemon.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            daemon.send_signal(signal.SIGCONT)

    def test_a_restore_stands_still_and_is_cancelled(self):
        body = {"location": "cluster", "point": self.newest(), "paths": [str(self.here.anna / "Archiv")],
                "to": {"kind": "folder", "folder": str(self.here.anna / "slowly")}, "existing": "keep"}
        with self.daemon_held():  # so that the restore cannot be over before it is told to pause
            number = self.do("/api/restores", body, 202)["id"]
            self.do(f"/api/restores/{number}/pause", {})
        looks = []

        def stands_still():
            looks.append(self.ask(f"/api/restores/{number}"))
            time.sleep(0.5)
            last = looks[-3:]
            return (len(last) == 3 and {one["state"] for one in last} == {"paused"}
                    and len({one["progress"]["files_done"] for one in last}) == 1)
        wait_until("the restore to stand still", stands_still)
        self.do(f"/api/restores/{number}/cancel", {})

        state = wait_until("the end", lambda: [one for one in [self.ask(f"/api/restores/{number}")]
                                               if one["state"] in ("cancelled", "done")])[0]

        self.assertEqual(state["state"], "cancelled")
        self.assertIsNotNone(state["report"])
        self.do(f"/api/restores/{number}/pause", {})
        self.do("/api/restores/r999/pause", {}, 404)

    def test_what_makes_no_sense_is_refused_before_anything_starts(self):
        good = {"location": "cluster", "point": self.newest(), "paths": ["/x"], "to": {"kind": "original"}}
        for change in ({"paths": []}, {"paths": "x"}, {"to": {}}, {"to": {"kind": "folder"}}, {"to": "x"}):
            self.assertEqual(self.do("/api/restores", {**good, **change}, 400)["error"]["kind"], "invalid-input")


class Grants(WindowTest):
    def test_a_code_opens_what_it_names_until_it_is_given_back(self):
        home = str(self.here.homes / "bert")
        where = {"location": "cluster", "point": self.newest(), "path": home}
        self.ask("/api/entries", 403, **where)
        self.assertIsNone(self.ask("/api/session")["grant"])
        self.do("/api/grants", {"code": "0000-0000"}, 404)

        session = self.do("/api/grants", {"code": self.here.grant_code()})

        self.assertEqual((session["grant"]["scope"], session["grant"]["reason"]), ([home], "Ticket 4711"))
        self.assertEqual([entry["name"] for entry in self.ask("/api/entries", **where)["entries"]], ["Tagebuch.txt"])
        target = self.here.anna / "from-bert"
        done = self.restore([home + "/Tagebuch.txt"], to={"kind": "folder", "folder": str(target)})
        back = target / "Tagebuch.txt"
        self.assertEqual((done["state"], back.read_text(), os.stat(back).st_uid), ("done", "liebes Tagebuch\n", ANNA))
        self.do("/api/grants", None, method="DELETE")
        self.assertIsNone(self.ask("/api/session")["grant"])
        self.ask("/api/entries", 403, **where)


class Away(WindowTest):
    def test_a_stopped_daemon_is_named_and_all_goes_on_when_it_is_back(self):
        self.here.endpoint.stop()
        self.assertEqual(self.ask("/api/session", 503)["error"]["kind"], "daemon-stopped")
        self.assertEqual(self.ask("/api/points", 503, location="cluster")["error"]["kind"], "daemon-stopped")
        self.here.endpoint.start()
        self.assertGreaterEqual(len(self.ask("/api/points", location="cluster")["points"]), 5)

    def test_the_window_ends_with_its_program(self):
        self.here.windows[-1].send_signal(signal.SIGTERM)
        self.assertEqual(self.here.windows[-1].wait(15), 0)


if __name__ == "__main__":
    unittest.main()
