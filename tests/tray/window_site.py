"""A site whose endpoint has a vault as a family or a small office has one, and obhut-tray over it.

Two users without rights: Anna, whose window it is, and Bert. Needs root.
"""

import os
import pathlib
import struct
import subprocess
import sys
import uuid
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.clock import clock  # noqa: E402
from harness.site import BIN, PASSWORD, Site  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "build" / "window"
ANNA, BERT = 54321, 54322
HOSTILE = "<img src=x onerror=alert(1)>.html"


def picture(width, height, row):
    """A PNG whose rows are what `row` makes of their number: three bytes for each of its pixels."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + row(number) for number in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class WindowSite:
    """`files`: how many the vault holds, about; `big`: how many of them lie in one folder."""

    def __init__(self, files=2000, big=500):
        with clock("-7d"):
            self.site = Site()
        self.big = big
        self.site.let_users_in()
        self.homes = pathlib.Path(self.site.path("home"))
        self.anna = self.homes / "anna"
        self.make_homes(files - big)
        self.back_up()
        self.windows = []

    def put(self, path, content, owner=ANNA, mode=0o644):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        os.chown(path, owner, owner)

    def make_homes(self, others):
        documents = self.anna / "Dokumente"
        self.put(documents / "Angebot Dachausbau.txt", "Angebot, Fassung 1\n")
        self.put(documents / "Verlorenes Rezept.txt", "Mehl, Eier, Geduld\n")
        self.put(documents / "Rechnung Hotel.txt", "2 Nächte\n")
        self.put(documents / HOSTILE, "<script>document.title = 'taken over'</script><h1>Hallo</h1>\n")
        self.put(documents / "hostile.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
        self.put(documents / "huge picture.png", self.lying_picture())
        self.put(documents / "Vertrag von Bert.pdf", "secret\n", BERT, 0o600)
        os.symlink("Rechnung Hotel.txt", documents / "neueste Rechnung")
        summer = self.anna / "Bilder" / "2024 Sommer"
        self.put(summer / "IMG_0001.png", picture(320, 200, lambda _: bytes((40, 120, 200)) * 320))
        self.put(summer / "IMG_0002.png", picture(2000, 1000, lambda _: os.urandom(3 * 2000)))  # as large as a camera's
        self.put(self.homes / "bert" / "Tagebuch.txt", "liebes Tagebuch\n", BERT, 0o600)
        os.chmod(self.homes / "bert", 0o700)
        os.chown(self.homes / "bert", BERT, BERT)
        self.fill(self.anna / "Archiv" / "Messwerte", self.big)
        folder = 0
        while others > 0:
            self.fill(self.anna / "Archiv" / f"Projekt {folder:04}" / "Daten", min(others, 200))
            others -= 200
            folder += 1
        for where, folders, names in os.walk(self.anna):
            os.chown(where, ANNA, ANNA)
        self.put(documents / "zuletzt.txt", "1")
        self.put(documents / "Verschlossen" / "Notiz.txt", "liegt fest\n")
        os.chown(documents / "Verschlossen", ANNA, ANNA)

    @staticmethod
    def lying_picture():
        """A picture that says of itself that it has 10 thousand million pixels."""
        small = picture(8, 8, lambda _: bytes(3 * 8))
        head = b"IHDR" + struct.pack(">II", 100_000, 100_000) + small[24:29]
        return small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]

    @staticmethod
    def fill(folder, count):
        folder.mkdir(parents=True)
        for number in range(count):
            path = folder / f"Messung {number:06}.csv"
            path.write_text(f"{number};{number * 7919 % 9973}\n")
            os.chown(path, ANNA, ANNA)

    def back_up(self):
        """Five recovery points: of a week ago, of two days ago, and of today; in the cluster and on a disk of its own."""
        site, documents = self.site, self.anna / "Dokumente"
        with clock("-7d"):
            self.endpoint = site.endpoint()
            self.endpoint.start(site.partner.token(site.customer))
            self.endpoint.wait_enrolled()
            both = [{"type": "cluster", "retention": {"keep_last": 10}},
                    {"type": "local", "path": site.path("disk"), "retention": {"keep_last": 10}}]
            site.partner.push_plan(site.partner.plan(str(self.homes), targets=both), site.customer)
            self.endpoint.wait_plan(1)
            self.endpoint.backup()
            self.endpoint.stop()
            site.cluster.stop()
        self.write_version(2)
        with clock("-2d"):
            site.cluster.start()
            self.endpoint.start()
            self.endpoint.backup()
            self.endpoint.stop()
            site.cluster.stop()
        site.cluster.start()
        self.endpoint.start()
        for version in (3, 4, 5):
            self.write_version(version)
            if version == 5:
                (documents / "Verlorenes Rezept.txt").unlink()
            self.endpoint.backup()
        site.api.log_in("boss@example.org", PASSWORD)  # a week later
        # Nothing of Anna's can be made there any more.
        os.chown(documents / "Verschlossen", 0, 0)

    def write_version(self, number):
        self.put(self.anna / "Dokumente" / "Angebot Dachausbau.txt",
                 f"Angebot, Fassung {number}\n" + "Dach, Dämmung, Fenster\n" * number)

    def open_window(self, *options, user=ANNA, **environment):
        """Starts one more obhut-tray, as Anna unless another is named; returns its window's address."""
        home = self.site.path("annas-own")
        os.makedirs(home, exist_ok=True)
        os.chown(home, ANNA, ANNA)
        window = subprocess.Popen(
            [os.path.join(BIN, "obhut-tray"), "--serve", "--socket", self.endpoint.socket, "--page", str(PAGE),
             *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, user=user, group=user,
            extra_groups=[], cwd="/",
            env={"PATH": os.environ["PATH"], "HOME": str(self.anna), "LANG": "de_DE.UTF-8", **environment})
        self.windows.append(window)
        return window.stdout.readline().strip()

    def grant_code(self):
        """A code that opens Bert's home to Anna, once."""
        site, device = self.site, self.endpoint.status()["enrolment"]["device"]
        file = os.path.join(site.partner.folder, f"grant-{uuid.uuid4().hex}")
        site.partner.sign("grant", "--device", device, "--user", f"uid:{ANNA}", "--to", "any", "--hours", 4,
                          "--reason", "Ticket 4711", "--path", self.homes / "bert", "--out", file)
        return site.api.post(f"/api/v1/devices/{device}/grants", pathlib.Path(file).read_text())["code"]

    def fixture(self, codes=0):
        """tools/tray/web/e2e/fixture.ts"""
        return {"folder": str(self.anna / "Dokumente"), "textFile": "Angebot Dachausbau.txt",
                "searched": "angebot dach", "deletedFile": "Verlorenes Rezept.txt",
                "picture": str(self.anna / "Bilder/2024 Sommer/IMG_0001.png"), "hostileFile": HOSTILE,
                "deniedFile": "Vertrag von Bert.pdf", "deniedFolder": str(self.homes / "bert"),
                "grantCodes": [self.grant_code() for _ in range(codes)], "troubledFile": "Verschlossen",
                "bigFolder": str(self.anna / "Archiv/Messwerte"), "bigCount": self.big}

    def close(self):
        for window in self.windows:
            window.terminate()
            window.wait(30)
            window.stdout.close()
        self.site.close()
