"""tools/bench/wire and the delaying proxy that it measures through.

usage: wire_test.py
"""
import hashlib
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tools/dev")]

from harness.delay import DelayProxy  # noqa: E402: found only by the line above
from lab import free_port  # noqa: E402


class Echo:
    """Sends back what it gets, and closes when the other side has."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    @staticmethod
    def _serve(peer):
        with peer:
            while data := peer.recv(1 << 16):
                peer.sendall(data)


class Delaying(unittest.TestCase):
    def connect(self, one_way_ms):
        echo = Echo()
        self.addCleanup(echo.listener.close)
        port = free_port()
        proxy = DelayProxy(port, echo.port, one_way_ms)
        self.addCleanup(proxy.close)
        peer = socket.create_connection(("127.0.0.1", port))
        self.addCleanup(peer.close)
        peer.settimeout(60)
        return peer

    def test_a_round_trip_takes_both_ways(self):
        peer = self.connect(60)
        for _ in range(3):
            begun = time.monotonic()
            peer.sendall(b"?")
            self.assertEqual(peer.recv(1), b"?")
            self.assertGreaterEqual(time.monotonic() - begun, 0.120)

    def test_every_byte_arrives_in_its_order_and_the_end_after_them(self):
        peer = self.connect(25)
        sent = random.Random(1).randbytes(30_000_000)
        received = hashlib.sha256()
        length = 0

        def send():
            peer.sendall(sent)
            peer.shutdown(socket.SHUT_WR)
        writer = threading.Thread(target=send)
        writer.start()
        while data := peer.recv(1 << 18):
            received.update(data)
            length += len(data)
        writer.join()

        self.assertEqual(length, len(sent))
        self.assertEqual(received.digest(), hashlib.sha256(sent).digest())

    def test_what_is_under_way_does_not_wait_for_answers(self):
        peer = self.connect(250)
        begun = time.monotonic()
        for _ in range(20):
            peer.sendall(b"x" * 1000)
            time.sleep(0.005)
        got = 0
        while got < 20_000:
            got += len(peer.recv(1 << 16))
        self.assertLess(time.monotonic() - begun, 20 * 0.5, "a round trip for all, not for each")


class Arguments(unittest.TestCase):
    def refused(self, *arguments):
        done = subprocess.run([sys.executable, str(ROOT / "tools/bench/wire"), *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_programs_that_are_missing_are_named_with_the_way_out(self):
        with tempfile.TemporaryDirectory() as empty:
            said = self.refused("--bin", empty)
        self.assertIn("obhut-cluster", said)
        self.assertIn("ninja -C build/release", said)

    def test_impossible_sizes_are_refused(self):
        self.assertIn("--mb from 15", self.refused("--mb", "1"))


if __name__ == "__main__":
    unittest.main()
