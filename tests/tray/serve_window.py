"""For a look by hand: serves the restore window over a vault of its own until Enter is pressed.

usage: serve_window.py [FILES [BIG]]
"""

import json
import sys

from window_site import WindowSite

if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    here = WindowSite(*numbers)
    try:
        print(here.open_window(), json.dumps(here.fixture()), flush=True)
        sys.stdin.readline()
    finally:
        here.close()
