"""A cluster, a partner's signer and agents as real processes on loopback, in one folder.

The quickstart and the end-to-end tests drive the product through this: only by its command lines
and its API, as a partner would.
"""
import http.client
import json
import os
import pathlib
import secrets
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse


class Failed(Exception):
    """A step that did not go as it must; the message is for a person."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command, stdin=None, ok=(0,), env=None):
    """Runs a program to its end and gives its standard output."""
    done = subprocess.run([str(c) for c in command], input=stdin, text=True, capture_output=True,
                          env=env, stdin=subprocess.DEVNULL if stdin is None else None)
    if done.returncode not in ok:
        raise Failed(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_for(what, seconds, test):
    """Asks until `test()` gives something true; polls fast at first."""
    end, pause = time.monotonic() + seconds, 0.02
    while True:
        found = test()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


class Process:
    """A daemon with its log; ended by SIGTERM, or SIGKILL where a test wants that."""

    def __init__(self, name, command, log, env=None):
        self.name, self.command, self.log, self.env = name, [str(c) for c in command], log, env
        self.child = None

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=self.env, start_new_session=True)
        return self

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def must_live(self):
        if not self.alive():
            tail = pathlib.Path(self.log).read_text(errors="replace")[-3000:]
            raise Failed(f"{self.name} ended with {self.child.returncode}:\n{tail}")
        return True

    def stop(self, how=signal.SIGTERM, patience=20):
        if not self.alive():
            return
        self.child.send_signal(how)
        try:
            self.child.wait(patience)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def kill(self):
        self.stop(signal.SIGKILL)


class Api:
    """The cluster's REST API as a person's session uses it."""

    def __init__(self, host, port, ca):
        self.host, self.port = host, port
        self.tls = ssl.create_default_context(cafile=str(ca))
        self.token = None

    def call(self, method, path, body=None, expect=(200, 201, 204), raw=False):
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=70)
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        data = None
        if body is not None:
            data = body if isinstance(body, (str, bytes)) else json.dumps(body)
            headers["Content-Type"] = "application/json"
        if method in ("POST", "PUT", "DELETE"):
            headers["Idempotency-Key"] = secrets.token_hex(16)
        connection.request(method, "/api/v1" + path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status not in expect:
            raise Failed(f"{method} {path}: {answer.status} {text.decode(errors='replace')[:600]}")
        if raw:
            return answer.status, text
        return json.loads(text) if text else None

    def get(self, path, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        return self.call("GET", path + query)

    def post(self, path, body):
        return self.call("POST", path, body)

    def put(self, path, body):
        return self.call("PUT", path, body)
