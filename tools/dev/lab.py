"""Programs of ours as real processes on loopback, and the cluster's API as a person uses it.

The quickstart and the end-to-end tests drive the product through this: only by its command lines
and its API, as a partner would. Standard library only.
"""

import json
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import uuid


class Failed(Exception):
    """A step that did not go as it must; the message is for a person."""


class CommandFailed(Failed):
    """A program ended with an exit code that is not wanted."""

    def __init__(self, command, outcome):
        super().__init__(f"{' '.join(command)}: exit {outcome.returncode}\n"
                         f"{outcome.stdout}{outcome.stderr}")
        self.code = outcome.returncode
        self.stdout = outcome.stdout
        self.stderr = outcome.stderr


class Refused(Failed, AssertionError):
    """The cluster answered with an error."""


_held_ports = []


def free_port():
    """For this process alone for as long as it lives, also while nobody listens there: it is none of those that the system
    gives away, and who else asks here sees that its name is taken. (No file: others may write to /tmp.)"""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as text:
        given_away = int(text.read().split()[0])
    for port in random.sample(range(10_000, max(given_away, 20_000)), k=1000):
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0obhut-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        _held_ports.append(name)
        return port
    raise Failed("no free port found")


def run(*command, stdin=None, ok=(0,), timeout=None):
    """Runs a program to its end. `ok`: the exit codes that are wanted; None: any."""
    command = [str(part) for part in command]
    given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    outcome = subprocess.run(command, text=True, capture_output=True, timeout=timeout, check=False,
                             **given)
    if ok is not None and outcome.returncode not in ok:
        raise CommandFailed(command, outcome)
    return outcome


def wait_until(what, condition, seconds=30.0):
    """Polls until `condition()` is true and returns its value; fast at first."""
    end, pause = time.monotonic() + seconds, 0.02
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.3)


class Process:
    """A daemon; its output goes to a file."""

    def __init__(self, log, *command):
        self.log = pathlib.Path(log)
        self.command = [str(part) for part in command]
        with open(log, "ab") as out:
            self.handle = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,
                                           stderr=out, start_new_session=True)

    def alive(self):
        return self.handle.poll() is None

    def must_live(self):
        if not self.alive():
            raise Failed(f"{self.command[0]} ended with {self.handle.returncode}:\n"
                         f"{self.output()[-3000:]}")

    def kill(self):
        """As a power cut would."""
        self.handle.kill()
        self.handle.wait()

    def stop(self, seconds=30):
        if self.alive():
            self.handle.send_signal(signal.SIGTERM)
        return self.handle.wait(seconds)

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace")


class Api:
    """`token`: of a session; see log_in()."""

    def __init__(self, url, ca_file):
        self.url = url
        self.context = ssl.create_default_context(cafile=str(ca_file))
        self.token = None

    def call(self, method, path, body=None):
        """`body`: a document's text, or what becomes JSON. Returns the answer, parsed."""
        text = self.read(method, path, body)
        return json.loads(text) if text else None

    def read(self, method, path, body=None):
        """The same; returns the answer's bytes."""
        data = json.dumps(body) if body is not None and not isinstance(body, (bytes, str)) else body
        if isinstance(data, str):
            data = data.encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if method != "GET":
            request.add_header("Idempotency-Key", uuid.uuid4().hex)
        if self.token:
            request.add_header("Authorization", "Bearer " + self.token)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body):
        return self.call("POST", path, body)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def log_in(self, email, password):
        self.token = self.post("/api/v1/sessions", {"email": email, "password": password})["token"]
