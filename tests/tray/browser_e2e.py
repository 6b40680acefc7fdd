"""The restore window in Chromium, by the page's own tests, over a real vault of more than 100,000 files.

Screenshots of every view in both languages, light and dark, go to OBHUT_SHOTS where that is set. Needs root, and Node.
"""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

from window_site import ANNA, PAGE, ROOT, WindowSite

WEB = ROOT / "tools" / "tray" / "web"


@unittest.skipUnless(os.geteuid() == 0, "needs root")
@unittest.skipUnless(PAGE.is_dir() and shutil.which("chromium"), "needs tools/dev/page and chromium")
class Browser(unittest.TestCase):
    def test_the_pages_own_tests_pass_against_the_real_server(self):
        here = WindowSite(files=110_000, big=50_000)
        self.addCleanup(here.close)
        own = pathlib.Path(here.site.path("annas-browser"))
        own.mkdir()
        fixture = own / "fixture.json"
        fixture.write_text(json.dumps(here.fixture(codes=5)))
        # Tools write beside what they read; the modules stay where they are.
        for name in ("e2e", "src", "package.json", "tsconfig.json", "vitest.e2e.config.ts"):
            copy = shutil.copytree if (WEB / name).is_dir() else shutil.copy
            copy(WEB / name, own / name)
        (own / "node_modules").mkdir()
        for module in (WEB / "node_modules").glob("[!.]*"):
            os.symlink(module, own / "node_modules" / module.name)
        subprocess.run(["chown", "-R", f"{ANNA}:{ANNA}", own], check=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(own), "LANG": "C.UTF-8", "CI": "true",
                       "OBHUT_WINDOW_URL": here.open_window(), "OBHUT_WINDOW_FIXTURE": str(fixture),
                       "OBHUT_CHROMIUM": shutil.which("chromium")}
        done = subprocess.run(["node", "node_modules/vitest/vitest.mjs", "run", "--config", "vitest.e2e.config.ts"],
                              cwd=own, user=ANNA, group=ANNA, extra_groups=[], env=environment, capture_output=True,
                              text=True, timeout=1500)
        shots = os.environ.get("OBHUT_SHOTS")
        if shots and (own / "e2e" / "screenshots").is_dir():
            shutil.copytree(own / "e2e" / "screenshots", shots, dirs_exist_ok=True)
        self.assertEqual(done.returncode, 0, done.stdout[-20_000:] + done.stderr[-5_000:])


if __name__ == "__main__":
    unittest.main()
