"""A Windows of its own under Wine, and the endpoint's programs in it."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness.site import Client, lab  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
IN_WINE = TOP / "tools" / "dev" / "windows" / "in_wine"
BIN = pathlib.Path(os.environ.get("OBHUT_WINDOWS_BIN", TOP / "build" / "windows-mingw" / "bin"))


def windows_path(path):
    """The path of this system as Windows programs see it under Wine."""
    return "Z:" + str(path).replace("/", "\\")


def find_wineserver():
    for place in ("/usr/lib/wine/wineserver", shutil.which("wineserver")):
        if place and os.path.exists(place):
            return place
    raise lab.Failed("wineserver is missing: apt install wine64")


class Wine:
    """`prefix`: made where it is missing, and used by nobody else; `display`: an X server's, for programs with windows."""

    def __init__(self, prefix, display=""):
        self.prefix = str(prefix)
        self.environment = dict(os.environ, WINEPREFIX=self.prefix, WINEDEBUG="-all",
                                WINEDLLOVERRIDES="mscoree,mshtml,winemenubuilder.exe=", DISPLAY=display)
        self.server = find_wineserver()
        made = not os.path.exists(os.path.join(self.prefix, "system.reg"))
        if made:
            self.quiet("wineboot", "-i")
            self.quiet("winecfg", "-v", "win10")
            self.stop()
        # Or else it and its services end with the last program; and the first program starts
        # services of Wine's own that keep its output open.
        subprocess.run([self.server, "-p"], env=self.environment, check=False,
                       stderr=subprocess.DEVNULL)  # one that runs already says so
        self.quiet("cmd", "/c", "ver")

    def quiet(self, *command):
        subprocess.run([IN_WINE, *command], env=self.environment, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                       timeout=180)

    def run(self, *command, check=True, stdin=None, timeout=120):
        command = [str(IN_WINE), *(str(part) for part in command)]
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin.encode()}
        # No pipes: what a program starts and leaves running would keep them open.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            outcome = subprocess.run(command, env=self.environment, stdout=out, stderr=err,
                                     timeout=timeout, check=False, **given)
            for name, file in (("stdout", out), ("stderr", err)):
                file.seek(0)
                setattr(outcome, name, file.read().decode(errors="replace").replace("\r\n", "\n"))
        if check and outcome.returncode != 0:
            raise lab.CommandFailed(command, outcome)
        return outcome

    def start(self, log, *command, stdout=None):
        with open(log, "ab") as out:
            return subprocess.Popen([IN_WINE, *(str(part) for part in command)],
                                    env=self.environment, stdin=subprocess.DEVNULL,
                                    stdout=stdout or out, stderr=out, text=True)

    def drive_c(self, *parts):
        return os.path.join(self.prefix, "drive_c", *parts)

    def registry(self, key):
        """Names and texts of a key of HKEY_LOCAL_MACHINE; None where there is none."""
        outcome = self.run("reg", "query", "HKLM\\" + key, check=False)
        if outcome.returncode != 0:
            return None
        values = {}
        for line in outcome.stdout.splitlines():
            parts = line.strip().split("    ")
            if len(parts) == 3:
                values[parts[0]] = parts[2]
        return values

    def stop(self):
        subprocess.run([self.server, "-k"], env=self.environment, check=False)
        subprocess.run([self.server, "-w"], env=self.environment, check=False)


class Obhut(Client):
    """`obhut` in a Windows; asks the daemon there."""

    def __init__(self, wine, program):
        self.wine = wine
        self.program = program

    def call(self, *arguments, **how):
        return self.wine.run(self.program, *arguments, **how)

    def answers(self):
        return self.obhut("status", check=False).returncode == 0
