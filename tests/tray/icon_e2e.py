"""The icon on a real desktop's panel: Xvfb, a session bus, xfce4-panel and xfce4-notifyd, obhut-tray as a user without rights (one whom the system knows: a session bus asks).

Screenshots go to OBHUT_SHOTS where that is set. Needs root.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

from window_site import PAGE, WindowSite

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import BIN, wait_until  # noqa: E402

NOBODY = 65534
NOTIFYD = "/usr/lib/x86_64-linux-gnu/xfce4/notifyd/xfce4-notifyd"
TOOLS = ("Xvfb", "dbus-daemon", "xfce4-panel", "gdbus", "dbus-monitor", "import", "convert", "xdotool", "xdg-open")
PANEL = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/><value type="int" value="2"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray"/>
    <property name="plugin-2" type="string" value="clock"/>
  </property>
</channel>
"""
GREEN, GREY, BLUE, RED = (0x2B, 0x8A, 0x3E), (0x6C, 0x75, 0x7D), (0x1C, 0x7E, 0xD6), (0xE0, 0x31, 0x31)
BACK_UP, PAUSE_HOUR, RESUME, RESTORE, QUIT = 1, 2, 4, 5, 10


class Desktop:
    """A screen, a session bus, a panel and a place for messages, all of one user."""

    def __init__(self, home):
        self.home = pathlib.Path(home)
        config = self.home / ".config/xfce4/xfconf/xfce-perchannel-xml"
        config.mkdir(parents=True)
        (config / "xfce4-panel.xml").write_text(PANEL)
        (self.home / "run").mkdir(mode=0o700)
        self.opened = self.home / "opened"
        browser = self.home / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" >>{self.opened}\n')
        browser.chmod(0o755)
        applications = self.home / ".local/share/applications"
        applications.mkdir(parents=True)
        (applications / "notes.desktop").write_text(f"[Desktop Entry]\nType=Application\nName=Notes\nExec={browser} %u\n")
        (self.home / ".config/mimeapps.list").write_text(
            "[Default Applications]\nx-scheme-handler/http=notes.desktop\n")
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", home], check=True)
        self.log = open(self.home / "log", "ab")
        self.started = []
        self.screen = subprocess.Popen(["Xvfb", "-displayfd", "1", "-screen", "0", "1024x600x24", "-nolisten", "tcp", "-ac"],
                                       stdout=subprocess.PIPE, stderr=self.log, text=True)
        number = self.screen.stdout.readline().strip()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DISPLAY": f":{number}",
                            "LANG": "de_DE.UTF-8", "LC_CTYPE": "C.UTF-8", "XDG_RUNTIME_DIR": str(self.home / "run"),
                            "NO_AT_BRIDGE": "1"}
        self.bus = self.start("dbus-daemon", "--session", "--nofork", "--print-address=1", stdout=subprocess.PIPE)
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = self.bus.stdout.readline().strip()
        self.said = self.home / "said"
        with open(self.said, "wb") as out:
            self.start("dbus-monitor", "--session", "member='Notify'", stdout=out)
        self.start(NOTIFYD)
        self.panel = self.start("xfce4-panel", "--disable-wm-check")
        self.wait_for_host()

    def start(self, *command, stdout=None):
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                   stdout=stdout or self.log, stderr=self.log, text=True, user=NOBODY, group=NOBODY,
                                   extra_groups=[], env=self.environment, cwd="/", start_new_session=True)
        self.started.append(process)
        return process

    def gdbus(self, destination, path, method, *arguments, check=True):
        done = subprocess.run(["gdbus", "call", "--session", "--dest", destination, "--object-path", path, "--method",
                               method, "--", *arguments], capture_output=True, text=True, user=NOBODY, group=NOBODY,
                              extra_groups=[], env=self.environment, cwd="/", timeout=30)
        if check and done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout

    def property(self, destination, path, interface, name):
        return self.gdbus(destination, path, "org.freedesktop.DBus.Properties.Get", interface, name, check=False)

    def items(self):
        found = self.property("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher",
                              "org.kde.StatusNotifierWatcher", "RegisteredStatusNotifierItems")
        return re.findall(r"'([^'/]*)/StatusNotifierItem'", found)

    def wait_for_host(self):
        wait_until("the panel", lambda: "true" in self.property(
            "org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher",
            "IsStatusNotifierHostRegistered"), 60)

    def shot(self, name):
        file = self.home / f"{name}.png"
        subprocess.run(["import", "-window", "root", str(file)], check=True, env=self.environment, timeout=60)
        if os.environ.get("OBHUT_SHOTS"):
            shutil.copy(file, os.path.join(os.environ["OBHUT_SHOTS"], f"icon-{name}.png"))
        return file

    def shows(self, colour):
        """Whether the panel has a shield of that colour."""
        pixels = subprocess.run(["convert", str(self.shot("now")), "-crop", "1024x40+0+0", "-depth", "8", "rgb:-"],
                                capture_output=True, check=True, timeout=60).stdout
        return sum(pixels[at:at + 3] == bytes(colour) for at in range(0, len(pixels), 3)) > 40

    def close(self):
        for process in reversed(self.started):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        self.bus.stdout.close()
        self.screen.terminate()
        self.screen.wait(10)
        self.screen.stdout.close()
        self.log.close()


@unittest.skipUnless(os.geteuid() == 0, "needs root")
@unittest.skipUnless(PAGE.is_dir() and all(map(shutil.which, TOOLS)) and os.path.exists(NOTIFYD), "needs a desktop")
class Icon(unittest.TestCase):
    def setUp(self):
        self.here = WindowSite(files=200, big=50)
        self.addCleanup(self.here.close)
        self.desktop = Desktop(self.here.site.path("annas-desktop"))
        self.addCleanup(self.desktop.close)
        self.tray = self.start_tray()
        self.item = wait_until("the icon", self.desktop.items, 30)[0]

    def start_tray(self, *options):
        return self.desktop.start(os.path.join(BIN, "obhut-tray"), "--socket", self.here.endpoint.socket, "--page",
                                  PAGE, *options)

    def tooltip(self):
        return self.desktop.property(self.item, "/StatusNotifierItem", "org.kde.StatusNotifierItem", "ToolTip")

    def wait_tooltip(self, text, seconds=30):
        wait_until(text, lambda: text in self.tooltip(), seconds)

    def choose(self, number):
        self.desktop.gdbus(self.item, "/MenuBar", "com.canonical.dbusmenu.Event", str(number), "clicked", "<0>", "0")

    def test_it_tells_at_a_glance_and_does_what_its_menu_says(self):
        desktop, endpoint = self.desktop, self.here.endpoint
        self.wait_tooltip("Letzte Sicherung")
        wait_until("a green shield", lambda: desktop.shows(GREEN), 30)
        desktop.shot("protected")

        points = len(endpoint.ask("points"))
        self.choose(BACK_UP)
        wait_until("one more point", lambda: len(endpoint.ask("points")) == points + 1, 60)

        self.choose(PAUSE_HOUR)
        wait_until("the pause", lambda: endpoint.status()["pause"]["paused"])
        self.wait_tooltip("angehalten bis")
        wait_until("a grey shield", lambda: desktop.shows(GREY), 30)
        desktop.shot("paused")
        self.choose(RESUME)
        wait_until("the end of the pause", lambda: not endpoint.status()["pause"]["paused"])

        endpoint.stop()
        self.wait_tooltip("antwortet nicht")
        desktop.shot("no-daemon")
        endpoint.start()
        self.wait_tooltip("Letzte Sicherung")

        self.assert_attention()
        self.assert_opens_the_window()
        self.assert_is_back_with_the_panel()
        self.choose(QUIT)
        self.assertEqual(self.tray.wait(20), 0)

    def assert_attention(self):
        """A backup that fails is said once, in words of everyday, and the shield turns red."""
        shutil.rmtree(self.here.site.path("disk"))
        with open(self.here.site.path("disk"), "w", encoding="utf-8"):
            pass  # a file where the local vault was
        self.here.endpoint.obhut("backup", "--wait", check=False)
        self.wait_tooltip("Braucht Aufmerksamkeit", 60)
        wait_until("a red shield", lambda: self.desktop.shows(RED), 30)
        wait_until("the message", lambda: "fehlgeschlagen" in self.desktop.said.read_text(encoding="utf-8", errors="replace"))
        time.sleep(12)  # two looks later
        self.desktop.shot("attention")
        self.assertEqual(self.desktop.said.read_text(encoding="utf-8", errors="replace").count("fehlgeschlagen"), 1)

    def assert_opens_the_window(self):
        self.choose(RESTORE)
        wait_until("the browser", self.desktop.opened.exists, 30)
        first = self.desktop.opened.read_text().split()[0]
        self.assertRegex(first, r"^http://127\.0\.0\.1:\d+/#token=[0-9a-f]{32}$")
        asked = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", first], user=NOBODY, group=NOBODY,
                               extra_groups=[], capture_output=True, text=True, timeout=30, cwd="/")
        self.assertEqual(asked.stdout, "200")
        second = self.start_tray("--open")
        self.assertEqual(second.wait(20), 0)
        wait_until("the browser again", lambda: self.desktop.opened.read_text().split() == [first, first], 30)

    def assert_is_back_with_the_panel(self):
        os.killpg(self.desktop.panel.pid, signal.SIGKILL)
        self.desktop.panel.wait()
        wait_until("no panel", lambda: not self.desktop.items(), 30)
        self.desktop.panel = self.desktop.start("xfce4-panel", "--disable-wm-check")
        self.desktop.wait_for_host()
        self.assertEqual(wait_until("the icon", self.desktop.items, 30), [self.item])


if __name__ == "__main__":
    unittest.main()
