"""A whole site in a temporary folder: cluster, partner, customer, endpoints.

Real processes over real TLS. The binaries are found in OBHUT_BIN.
"""

import datetime
import json
import os
import pathlib
import re
import shutil
import socket
import sys
import tempfile
import uuid
import zoneinfo

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


def is_listened_to(port, address="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        return probe.connect_ex((address, port)) == 0


class Cluster:
    """`public_port`: where a proxy will stand before it, if there is to be one; `public_name`: how
    endpoints call it; `listen`: the address that it has."""

    def __init__(self, folder, public_port=None, public_name="localhost", listen="127.0.0.1"):
        self.state = os.path.join(folder, "cluster")
        self.log = os.path.join(folder, "cluster.log")
        self.port = free_port()
        self.process = None
        self.public_port = public_port
        host = f"[{listen}]" if ":" in listen else listen
        run("obhut-cluster", "--state", self.state, "init", "--listen", f"{host}:{self.port}",
            "--name", public_name)
        run("obhut-cluster", "--state", self.state, "user", "add", "--email", "boss@example.org",
            stdin=PASSWORD + "\n")
        # As this test calls it: its certificate always has these two.
        self.url = f"https://{host if ':' in listen else 'localhost'}:{self.port}"
        self.listen = listen
        self.ca_file = os.path.join(self.state, "ca.pem")
        self.public_url = self.url
        if public_port or public_name != "localhost":
            self.set_public_url(f"https://{public_name}:{public_port or self.port}")

    @classmethod
    def kept(cls, folder):
        """One whose state lies in `folder` already; it listens on a port of today."""
        cluster = cls.__new__(cls)
        cluster.state = os.path.join(folder, "cluster")
        cluster.log = os.path.join(folder, "cluster.log")
        cluster.port = free_port()
        cluster.listen = "127.0.0.1"
        cluster.process = None
        cluster.url = f"https://localhost:{cluster.port}"
        cluster.ca_file = os.path.join(cluster.state, "ca.pem")
        file = os.path.join(cluster.state, "cluster.toml")
        with open(file, encoding="utf-8") as text:
            settings = re.sub(r"(?m)^port = .*$", f"port = {cluster.port}", text.read())
        with open(file, "w", encoding="utf-8") as out:
            out.write(settings)
        return cluster

    def set_public_url(self, url):
        self.public_url = url
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
        return is_listened_to(self.port, self.listen)

    def stop(self):
        if self.process:
            self.process.stop()


def billed_month(instant):
    """Of "2026-12-01T00:30:00Z", where the price lists of tests reckon."""
    return datetime.datetime.fromisoformat(instant.replace("Z", "+00:00")).astimezone(
        zoneinfo.ZoneInfo("Europe/Berlin")).strftime("%Y-%m")


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

    @classmethod
    def kept(cls, folder, api, cluster, partner):
        """One whose signer's folder lies in `folder` already."""
        known = cls.__new__(cls)
        known.folder = os.path.join(folder, "partner")
        known.api = api
        known.cluster = cluster
        known.id = partner
        known.escrow = known.sign("escrow", "show")["key"]
        return known

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
        group = 2 if arguments[0] in ("plan", "key", "update") else 1
        where = ["--socket", self.socket] if self.socket else []
        return self.call(*arguments[:group], *where, *arguments[group:], check=check, stdin=stdin,
                         timeout=timeout)

    def ask(self, *arguments, timeout=120):
        group = 2 if arguments[0] in ("plan", "key", "update") else 1
        return json.loads(self.obhut(*arguments[:group], "--json", *arguments[group:],
                                     timeout=timeout).stdout)

    def status(self):
        return self.ask("status")

    def wait_enrolled(self, seconds=30):
        def there():
            status = self.status()
            return status["enrolment"]["enrolled"] and "cluster" in status and status["enrolment"]
        return wait_until("the enrolment", there, seconds)

    def wait_plan(self, version, seconds=30):
        def there():
            plan = self.status().get("plan")
            return plan and plan["version"] >= version
        wait_until(f"plan {version}", there, seconds)

    def backup(self):
        return self.ask("backup", "--wait", timeout=300)


def upload_limit(kbps):
    """A plan's limits: this much at all times."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return {"upload_kbps": [{"days": days, "from": "00:00", "to": "24:00", "kbps": kbps}]}


class Endpoint(Client):
    """obhutd with a state folder of its own, and `obhut` talking to it."""

    def __init__(self, folder, name="endpoint"):
        self.folder = os.path.join(folder, name)
        self.state = os.path.join(self.folder, "state")
        self.socket = os.path.join(self.folder, "run", "obhutd.sock")
        self.log = os.path.join(self.folder, "obhutd.log")
        self.config = "/nonexistent/agent.toml"
        self.runner = []  # a command that takes the daemon's as its last arguments
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
        self.process = lab.Process(self.log, *self.runner, os.path.join(BIN, "obhutd"), *arguments)
        if wait:
            wait_until("obhutd to answer", self.answers)

    def answers(self):
        """It also has its engine where it is enrolled: the socket is there a moment before."""
        self.process.must_live()
        asked = self.obhut("status", "--json", check=False)
        if asked.returncode != 0:
            return False
        status = json.loads(asked.stdout)
        return not status["enrolment"]["enrolled"] or "cluster" in status

    def call(self, *arguments, **how):
        return run("obhut", *arguments, **how)

    def stop(self):
        return self.process.stop() if self.process else None

    def kill(self):
        self.process.kill()


class Site:
    """Cluster, partner and customer, ready for endpoints. Use as a context."""

    def __init__(self, public_port=None, **cluster):
        self.folder = tempfile.mkdtemp(prefix="obhut-e2e-")
        self.endpoints = []
        self.cluster = Cluster(self.folder, public_port, **cluster)
        self.cluster.start()
        self.api = Api(self.cluster.url, self.cluster.ca_file)
        self.api.log_in("boss@example.org", PASSWORD)
        self.partner = Partner(self.folder, self.api, self.cluster)
        self.customer = self.partner.add_customer()

    @classmethod
    def kept(cls, folder, partner, customer):
        """One whose cluster and partner lie in `folder` already, which this site owns from now on."""
        site = cls.__new__(cls)
        site.folder = folder
        site.endpoints = []
        site.cluster = Cluster.kept(folder)
        site.cluster.start()
        site.api = Api(site.cluster.url, site.cluster.ca_file)
        site.api.log_in("boss@example.org", PASSWORD)
        site.partner = Partner.kept(folder, site.api, site.cluster, partner)
        site.customer = customer
        return site

    def endpoint(self, name="endpoint"):
        endpoint = Endpoint(self.folder, name)
        self.endpoints.append(endpoint)
        return endpoint

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def let_users_in(self):
        """Other accounts of the machine reach the daemon's socket."""
        for folder in (self.folder, self.path("endpoint"), self.path("endpoint", "run")):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, 0o755)

    def devices(self):
        return self.api.get(f"/api/v1/customers/{self.customer}/devices")["devices"]

    def close(self):
        for endpoint in self.endpoints:
            if endpoint.process and endpoint.process.alive():
                endpoint.stop()
        self.cluster.stop()
        if not os.environ.get("OBHUT_E2E_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
