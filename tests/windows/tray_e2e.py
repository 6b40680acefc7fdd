"""The tray as the package brings it: its start with the desktop, its window, and how it makes way for other packages."""

import http.client
import io
import json
import os
import pathlib
import re
import shutil
import struct
import signal
import subprocess
import unittest
import urllib.parse

from agent_e2e import MSI, WindowsTest
from wine import BIN, IN_WINE, TOP, windows_path
from harness.site import wait_until

PAGE = TOP / "build" / "window"
TRAY = ("Program Files", "Obhut", "obhut-tray.exe")
PROGRAM = "C:\\" + "\\".join(TRAY)
RUN = "Software\\Microsoft\\Windows\\CurrentVersion\\Run"
PENDING = "SYSTEM\\CurrentControlSet\\Control\\Session Manager"
GUI = 2


class Screen:
    """An X server that nobody looks at."""

    def __init__(self):
        self.process = subprocess.Popen(["Xvfb", "-displayfd", "1", "-screen", "0", "1024x600x24", "-nolisten", "tcp"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.display = ":" + self.process.stdout.readline().strip()

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()


class Answer:
    """What a server wrote, taken apart."""

    def __init__(self, raw):
        self.raw = raw
        if raw:
            wire = http.client.HTTPResponse(self)
            wire.begin()
            self.status, self.headers, self.body = wire.status, wire.headers, wire.read()

    def makefile(self, _mode):
        return io.BytesIO(self.raw)

    def json(self):
        return json.loads(self.body)


@unittest.skipUnless(shutil.which("Xvfb"), "needs Xvfb")
class Tray(WindowsTest):
    def setUp(self):
        screen = Screen()
        self.addCleanup(screen.close)
        self.display = screen.display
        super().setUp()
        self.tray = self.wine.drive_c(*TRAY)
        # What Wine takes for the browser notes what it was told to show.
        self.shown = pathlib.Path(self.folder, "shown")
        browser = pathlib.Path(self.folder, "browser")
        browser.write_text(f'#!/bin/sh\necho "$1" >>{self.shown}\n')
        browser.chmod(0o755)
        self.wine.run("reg", "add", "HKCU\\Software\\Wine\\WineBrowser", "/v", "Browsers", "/t", "REG_SZ", "/d",
                      str(browser), "/f")

    def start_tray(self, *options, starter=(), **how):
        tray = self.wine.start(os.path.join(self.folder, "tray.log"), *starter, PROGRAM, *options, **how)
        self.addCleanup(self.end, tray)
        return tray

    @staticmethod
    def end(tray):
        if tray.poll() is None:
            tray.kill()
        tray.wait(30)
        if tray.stdout:
            tray.stdout.close()

    def opened(self, times=1):
        """The window's addresses, as often as it was shown."""
        return wait_until("the browser", lambda: self.shown.exists() and
                          self.shown.read_text().split()[times - 1:] and self.shown.read_text().split(), 60)

    def trays(self):
        """Processes of this Windows that run the tray."""
        found = set()
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            except OSError:
                continue  # it is over
            if b"obhut-tray.exe" in command and f"WINEPREFIX={self.wine.prefix}".encode() in environment.split(b"\0"):
                found.add(int(process.name))
        return found

    def install(self, *told):
        """And waits for the tray that the package starts."""
        super().install(*told)
        wait_until("the tray", self.trays, 60)

    def with_tray(self):
        """One of ours, whose end can be seen. That it opened its window shows that it has its icon."""
        for other in self.trays():
            os.kill(other, signal.SIGKILL)
        wait_until("the end of the package's tray", lambda: not self.trays(), 30)
        # Through a program that tells how it ended: one that was ended from outside seems to have
        # ended well, as Wine tells it to this system.
        tray = self.start_tray("--open", starter=("start", "/wait"))
        self.opened()
        return tray

    def send(self, address, method, target, body=None, **headers):
        """As a program of the same account in this Windows. Nothing where nobody answers."""
        origin, token = address.split("/#token=")
        host = origin.removeprefix("http://")
        content = json.dumps(body).encode() if body is not None else b""
        lines = {"Host": host, "X-Obhut-Token": token, "Content-Length": str(len(content)), "Connection": "close"}
        lines.update({name.replace("_", "-"): value for name, value in headers.items()})
        text = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        done = subprocess.run([str(IN_WINE), str(BIN / "ask_window.exe"), host.rsplit(":", 1)[1]],
                              env=self.wine.environment, input=text.encode() + b"\r\n" + content, capture_output=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return Answer(done.stdout)

    def get(self, address, target, **query):
        answer = self.send(address, "GET", target + ("?" + urllib.parse.urlencode(query) if query else ""))
        self.assertEqual(answer.status, 200, answer.body[:300])
        return answer.json()

    def assert_nothing_waits_for_a_restart(self):
        self.assertNotIn("PendingFileRenameOperations", self.wine.registry(PENDING) or {})

    def menu(self):
        """Names in all start menus: Wine takes the account's for everybody's."""
        return [name for folder, _, names in os.walk(self.wine.drive_c()) if "Start Menu" in folder for name in names]

    def test_the_package_brings_it_with_its_page_and_starts_it_with_every_desktop(self):
        self.install()

        self.assertEqual(self.wine.registry(RUN)["Obhut"], f'"{PROGRAM}"')
        self.assertIn("Obhut.lnk", self.menu())
        installed = pathlib.Path(self.tray).parent / "window"
        page = {str(path.relative_to(PAGE)): path.read_bytes() for path in PAGE.rglob("*")
                if path.is_file() and path.name != ".built"}
        self.assertGreater(len(page), 2)
        self.assertEqual({str(path.relative_to(installed)): path.read_bytes() for path in installed.rglob("*")
                          if path.is_file()}, page)
        with open(self.tray, "rb") as program:
            head = program.read(1024)
        start = struct.unpack_from("<I", head, 0x3C)[0]
        self.assertEqual(struct.unpack_from("<H", head, start + 0x5C)[0], GUI, "no console beside it")

        # As Wine does it when somebody signs in.
        self.wine.stop()
        self.assertEqual(self.trays(), set())
        self.wine.quiet("wineboot")
        wait_until("the tray", self.trays, 60)

    def test_it_serves_its_window_to_its_own_account_and_restores(self):
        self.install_enrolled()
        self.with_plan()
        self.agent.backup()
        tray = self.start_tray("--serve", stdout=subprocess.PIPE)
        address = tray.stdout.readline().strip()
        self.assertRegex(address, r"^http://127\.0\.0\.1:\d+/#token=[0-9a-f]{32}$")
        port = int(address.split("/#")[0].rsplit(":", 1)[1])

        first = self.send(address, "GET", "/", X_Obhut_Token="")
        self.assertEqual((first.status, first.body), (200, (PAGE / "index.html").read_bytes()))
        self.assertIn("default-src 'none'", first.headers["Content-Security-Policy"])
        for asset in re.findall(r'(?:src|href)="\./(assets/[^"]+)"', first.body.decode()):
            self.assertEqual(self.send(address, "GET", "/" + asset).body, (PAGE / asset).read_bytes())
        session = self.get(address, "/api/session")
        self.assertTrue(session["windows"])
        self.assertEqual(session["locations"], [{"id": "cluster", "kind": "cluster"}])

        for token in ("", "0" * 32):
            refused = self.send(address, "GET", "/api/session", X_Obhut_Token=token)
            self.assertEqual((refused.status, refused.json()["error"]["kind"]), (401, "refused"))
        for headers in ({"Host": f"localhost:{port}"}, {"Host": f"evil.example:{port}"},
                        {"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
            for target in ("/", "/api/session"):
                self.assertEqual(self.send(address, "GET", target, **headers).status, 403, headers)
        # A program outside this Windows: its connection is no process's that Windows knows.
        stranger = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        stranger.request("GET", "/")
        with self.assertRaises((http.client.HTTPException, OSError)):
            stranger.getresponse()
        stranger.close()

        self.assert_restores_a_lost_file(address)
        # One without an icon has no window that could be asked to close.
        self.msiexec("/x", windows_path(MSI), "/qn")
        tray.wait(30)
        self.assert_nothing_waits_for_a_restart()
        self.assertFalse(os.path.exists(self.wine.drive_c("Program Files", "Obhut")))

    def assert_restores_a_lost_file(self, address):
        lost = pathlib.Path(self.source, "ümläut.txt")
        content = lost.read_bytes()
        point = self.get(address, "/api/points", location="cluster")["points"][-1]["id"]
        entries = self.get(address, "/api/entries", location="cluster", point=point, path="/Z" + self.source)["entries"]
        path = next(entry["path"] for entry in entries if entry["name"] == lost.name)
        lost.unlink()

        started = self.send(address, "POST", "/api/restores", {
            "location": "cluster", "point": point, "paths": [path], "to": {"kind": "original"}, "existing": "keep",
            "dry_run": False})
        self.assertEqual(started.status, 202, started.body)
        number = started.json()["id"]

        def ended():
            state = self.get(address, f"/api/restores/{number}")
            return state if state["state"] not in ("running", "paused") else None
        state = wait_until("the restore", ended, 60)

        self.assertEqual((state["report"]["files"], state["report"]["problems"]), (1, []), json.dumps(state))
        self.assertEqual(lost.read_bytes(), content)

    def test_its_icon_opens_the_window_and_stands_once(self):
        self.install()
        tray = self.with_tray()
        address = self.opened()[0]
        self.assertRegex(address, r"^http://127\.0\.0\.1:\d+/#token=[0-9a-f]{32}$")
        self.assertEqual(self.send(address, "GET", "/").status, 200)

        second = self.start_tray()

        self.assertEqual(second.wait(60), 0)
        self.assertEqual(self.opened(2), [address, address])
        self.assertIsNone(tray.poll())

    def test_an_upgrade_ends_it_and_leaves_the_new_files(self):
        self.package = self.older_package()
        self.install_enrolled()
        tray = self.with_tray()
        before = {name: os.stat(self.wine.drive_c("Program Files", "Obhut", name)).st_ctime_ns
                  for name in ("obhut-tray.exe", "window/index.html")}

        self.msiexec("/i", windows_path(self.newer_package()), "/qn")

        self.assertEqual(tray.wait(30), 0, "it went by itself")
        self.assertEqual(self.installed_versions(), ["99.0.0"])
        self.assert_nothing_waits_for_a_restart()
        for name, changed in before.items():
            self.assertGreater(os.stat(self.wine.drive_c("Program Files", "Obhut", name)).st_ctime_ns, changed, name)
        self.assertIn("Obhut", self.wine.registry(RUN))
        wait_until("the service to answer", self.agent.answers, 60)
        wait_until("the new tray", self.trays, 60)
        self.assertEqual(self.start_tray("--open").wait(60), 0)
        self.assertNotEqual(*self.opened(2), "another's window")

    def test_a_removal_ends_it_and_leaves_nothing_but_keys(self):
        self.install_enrolled()
        tray = self.with_tray()

        self.msiexec("/x", windows_path(MSI), "/qn")

        self.assertEqual(tray.wait(30), 0, "it went by itself")
        self.assert_nothing_waits_for_a_restart()
        self.assertFalse(os.path.exists(self.wine.drive_c("Program Files", "Obhut")))
        self.assertEqual(os.listdir(self.wine.drive_c("ProgramData", "Obhut")), ["state"])
        self.assertNotIn("Obhut", self.wine.registry(RUN) or {})
        self.assertNotIn("Obhut.lnk", self.menu())


if __name__ == "__main__":
    unittest.main()
