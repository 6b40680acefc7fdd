"""A whole site in a temporary folder: cluster, partner, customer, endpoints.

Real processes over real TLS. The binaries are found in OBHUT_BIN.
"""

import json
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools" / "dev"))

import lab  # noqa: E402
from lab import Api, CommandFailed, free_port, wait_until  # noqa: E402, F401

BIN = os.environ.get("OBHUT_BIN", "build/dev/bin")
PASSWORD = "correct horse battery staple"


def run(program, *arguments, check=True, stdin=None, timeout=120):
    return lab.run(os.path.join(BIN, program), *arguments, stdin=stdin, ok=(0,) if check else None,
                   timeout=timeout)


def daemon(log, program, *arguments):
    return lab.Process(log, os.path.join(BIN, program), *arguments)


class Cluster:
    """`public_port`: where a proxy will stand before it, if there is to be one."""

    def __init__(self, folder, public_port=None):
        self.state = os.path.join(folder, "cluster")
        self.log = os.path.join(folder, "cluster.log")
        self.port = free_port()
        self.process = None
        self.public_port = public_port
        run("obhut-cluster", "--state", self.state, "init", "--listen", f"127.0.0.1:{self.port}",
            "--name", "localhost")
        run("obhut-cluster", "--state", self.state, "user", "add", "--email", "boss@example.org",
            stdin=PASSWORD + "\n")
        self.url = f"https://localhost:{self.port}"
        self.ca_file = os.path.join(self.state, "ca.pem")
        if public_port:
            self.set_public_url(f"https://localhost:{public_port}")

    def set_public_url(self, url):
        file = os.path.join(self.state, "cluster.toml")
        with open(file, encoding="utf-8") as text:
            lines = text.read().splitlines()
        lines = [line for line in lines if "public_url" not in line]
        lines.insert(lines.index("[tls]") + 1, f'public_url = "{url}"')
        with open(file, "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")

    def start(self):
        self.process = daemon(self.log, "obhut-cluster", "--state", self.state, "run")
        wait_until("the cluster to listen", self.listens)

    def listens(self):
        self.process.must_live()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process:
            self.process.stop()


class Partner:
    """A partner with its signer's folder, known to the cluster, with one operator."""

    def __init__(self, folder, api, cluster):
        self.folder = os.path.join(folder, "partner")
        self.api = api
        self.cluster = cluster
        os.makedirs(self.folder, exist_ok=True)
        made = self.sign("init", "--partner", "Example Partner")
        self.id = made["partner"]
        self.sign("operator", "add", "--name", "Olga", "--roles", "plan,enroll,restore")
        api.post("/api/v1/partners", {"id": self.id, "name": "Example Partner",
                                      "root": made["root"]})
        self.publish_trust()
        self.escrow = self.sign("escrow", "show")["key"]

    def sign(self, *arguments):
        return json.loads(run("obhut-sign", "--dir", self.folder, "--json", *arguments).stdout)

    def publish_trust(self):
        file = os.path.join(self.folder, "published.trust")
        self.sign("trust", "export", "--out", file)
        with open(file, encoding="utf-8") as text:
            self.api.call("PUT", f"/api/v1/partners/{self.id}/trust", text.read())

    def add_customer(self, number="C-1"):
        made = self.api.post(f"/api/v1/partners/{self.id}/customers",
                             {"number": number, "name": "Example Customer", "mode": "per_gb"})
        return made["id"]

    def token(self, customer, url=None, uses=1, replaces=None):
        """Makes a registration token, registers its hash, returns its file."""
        file = os.path.join(self.folder, f"token-{uuid.uuid4().hex}")
        more = ["--replaces", replaces] if replaces else []
        made = self.sign("token", "--customer", customer, "--cluster", url or self.cluster.url,
                         "--ca", self.cluster.ca_file, "--uses", uses, "--out", file, *more)
        registration = made["registration"]
        self.api.post(f"/api/v1/customers/{customer}/tokens",
                      registration if isinstance(registration, str) else json.dumps(registration))
        return file

    def signed_plan(self, plan, *options):
        """Signs a plan and returns the envelope's text."""
        file = os.path.join(self.folder, "plan.json")
        out = os.path.join(self.folder, "plan.envelope")
        with open(file, "w", encoding="utf-8") as text:
            json.dump(plan, text)
        self.sign("plan", "sign", file, "--out", out, *options)
        with open(out, encoding="utf-8") as text:
            return text.read()

    def push_plan(self, plan, customer, *options):
        envelope = self.signed_plan(plan, "--customer", customer, *options)
        self.api.post(f"/api/v1/customers/{customer}/plans", envelope)

    def plan(self, *paths, **members):
        """A plan whose own schedule does not fire while a test runs."""
        plan = {
            "schema": "obhut.plan/1",
            "name": "e2e",
            "sources": [{"type": "files", "paths": list(paths)}],
            "targets": [{"type": "cluster", "retention": {"keep_last": 10}}],
            "schedule": {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "time_zone": "Europe/Berlin",
                         "missed": "skip"},
            "escrow": {"key": self.escrow, "name": "Example Partner"},
        }
        plan.update(members)
        return plan


class Client:
    """What is asked of a daemon by `obhut`, which call() runs; `socket`: None for the default."""

    socket = None

    def obhut(self, *arguments, check=True, stdin=None, timeout=120):
        group = 2 if arguments[0] in ("plan", "key") else 1
        where = ["--socket", self.socket] if self.socket else []
        return self.call(*arguments[:group], *where, *arguments[group:], check=check, stdin=stdin,
                         timeout=timeout)

    def ask(self, *arguments, timeout=120):
        group = 2 if arguments[0] in ("plan", "key") else 1
        return json.loads(self.obhut(*arguments[:group], "--json", *arguments[group:],
                                     timeout=timeout).stdout)

    def status(self):
        return self.ask("status")

    def wait_enrolled(self, seconds=30):
        wait_until("the enrolment", lambda: self.status()["enrolment"]["enrolled"], seconds)
        return self.status()["enrolment"]

    def wait_plan(self, version, seconds=30):
        def there():
            plan = self.status().get("plan")
            return plan and plan["version"] >= version
        wait_until(f"plan {version}", there, seconds)

    def backup(self):
        return self.ask("backup", "--wait", timeout=300)


class Endpoint(Client):
    """obhutd with a state folder of its own, and `obhut` talking to it."""

    def __init__(self, folder, name="endpoint"):
        self.folder = os.path.join(folder, name)
        self.state = os.path.join(self.folder, "state")
        self.socket = os.path.join(self.folder, "run", "obhutd.sock")
        self.log = os.path.join(self.folder, "obhutd.log")
        self.config = "/nonexistent/agent.toml"
        self.process = None
        os.makedirs(self.folder, exist_ok=True)

    def configure(self, **settings):
        """Texts for agent.toml; to be called before start()."""
        self.config = os.path.join(self.folder, "agent.toml")
        with open(self.config, "w", encoding="utf-8") as out:
            out.writelines(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())

    def start(self, token_file=None, wait=True):
        arguments = ["--config", self.config, "--state", self.state, "--socket",
                     self.socket]
        if token_file:
            arguments += ["--token-file", token_file]
        self.process = daemon(self.log, "obhutd", *arguments)
        if wait:
            wait_until("obhutd to answer", self.answers)

    def answers(self):
        self.process.must_live()
        return self.obhut("status", check=False).returncode == 0

    def call(self, *arguments, **how):
        return run("obhut", *arguments, **how)

    def stop(self):
        return self.process.stop() if self.process else None

    def kill(self):
        self.process.kill()


class Site:
    """Cluster, partner and customer, ready for endpoints. Use as a context."""

    def __init__(self, public_port=None):
        self.folder = tempfile.mkdtemp(prefix="obhut-e2e-")
        self.endpoints = []
        self.cluster = Cluster(self.folder, public_port)
        self.cluster.start()
        self.api = Api(self.cluster.url, self.cluster.ca_file)
        self.api.log_in("boss@example.org", PASSWORD)
        self.partner = Partner(self.folder, self.api, self.cluster)
        self.customer = self.partner.add_customer()

    def endpoint(self, name="endpoint"):
        endpoint = Endpoint(self.folder, name)
        self.endpoints.append(endpoint)
        return endpoint

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def devices(self):
        return self.api.get(f"/api/v1/customers/{self.customer}/devices")["devices"]

    def close(self):
        for endpoint in self.endpoints:
            if endpoint.process and endpoint.process.alive():
                endpoint.stop()
        self.cluster.stop()
        if not os.environ.get("OBHUT_E2E_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
