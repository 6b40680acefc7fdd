#!/usr/bin/env python3
"""The main job, end to end, on this machine: see tools/quickstart for the usage."""
import argparse
import datetime
import json
import os
import pathlib
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lab  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"
STATE = ROOT / "build/quickstart"
MARKER = ".obhut-quickstart"
COPIES = 40

PRICES = {
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "policies": [{"from": "2020-01", "gb_bytes": 1_000_000_000, "gb_step": "1", "trial_days": 28,
                  "trial_free": ["workload/*", "storage/vendor"]}],
    "prices": [
        {"mode": "per_workload", "product": "workload/server", "from": "2020-01", "micro": 12_500_000},
        {"mode": "per_workload", "product": "workload/workstation", "from": "2020-01", "micro": 4_900_000},
        {"mode": "per_workload", "product": "storage/provider", "from": "2020-01", "micro": 50_000},
        {"mode": "per_workload", "product": "storage/local", "from": "2020-01", "micro": 0},
        {"mode": "per_gb", "product": "storage/provider", "from": "2020-01", "micro": 120_000},
        {"mode": "per_gb", "product": "storage/local", "from": "2020-01", "micro": 40_000},
    ],
}


def plan_for(folders, escrow):
    return {
        "schema": "obhut.plan/1",
        "name": "Quickstart",
        "sources": [{"type": "files", "paths": [str(f) for f in folders]}],
        "targets": [{"type": "cluster", "retention": {"keep_last": 3, "daily": 14, "weekly": 8, "lock_days": 14}}],
        "schedule": {"rrule": "FREQ=DAILY;BYHOUR=1;BYMINUTE=30", "time_zone": "Europe/Berlin",
                     "jitter_minutes": 30, "missed": "run-soon"},
        "escrow": {"key": escrow, "name": "Quickstart partner"},
    }


class Story:
    """What the steps leave for one another and for the report."""

    def __init__(self, folder, port, say):
        self.folder, self.port, self.say = folder, port, say
        self.processes = []
        self.work = STATE / "work"
        self.report = {"folder": str(folder)}

    def start(self, name, *command):
        process = lab.Process(STATE / f"{name}.log", *command)
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.stop()

    # --- the provider -----------------------------------------------------------------------------

    def cluster(self):
        state = STATE / "cluster"
        lab.run(BIN / "obhut-cluster", "--state", state, "init", "--listen", f"127.0.0.1:{self.port}")
        password = secrets.token_urlsafe(18)
        lab.run(BIN / "obhut-cluster", "--state", state, "user", "add", "--email", "provider@example.org",
                "--role", "provider", stdin=password + "\n")
        process = self.start("cluster", BIN / "obhut-cluster", "--state", state, "run")
        self.ca = state / "ca.pem"
        self.api = lab.Api(f"https://127.0.0.1:{self.port}", self.ca)

        def answers():
            process.must_live()
            try:
                return self.api.get("/api/v1/version")
            except OSError:
                return None

        version = lab.wait_until("the cluster to answer", answers, 20)
        self.api.log_in("provider@example.org", password)
        (STATE / "session-token").write_text(self.api.token + "\n")
        (STATE / "session-token").chmod(0o600)
        self.report["api"] = f"https://127.0.0.1:{self.port}/api/v1"
        self.report["cluster_version"] = version["version"]
        self.cluster_key = version["cluster_key"]
        self.say(f"cluster {version['version']} answers on {self.report['api']}")

    # --- the partner ------------------------------------------------------------------------------

    def sign(self, *arguments):
        return json.loads(lab.run(BIN / "obhut-sign", "--dir", STATE / "signer", "--json",
                                  *arguments).stdout)

    def partner(self):
        made = self.sign("init", "--partner", "Quickstart IT")
        self.sign("operator", "add", "--name", "operator", "--roles", "plan,enroll,restore")
        self.escrow = made["escrow"]
        self.partner_id = made["partner"]
        self.api.post("/api/v1/partners", {"id": self.partner_id, "name": "Quickstart IT", "root": made["root"]})
        trust = lab.run(BIN / "obhut-sign", "--dir", STATE / "signer", "trust", "export").stdout
        self.api.put(f"/api/v1/partners/{self.partner_id}/trust", trust)
        self.api.put(f"/api/v1/partners/{self.partner_id}/prices", PRICES)
        customer = self.api.post(f"/api/v1/partners/{self.partner_id}/customers",
                                 {"number": "K-1001", "mode": "per_workload"})
        self.customer_id = customer["id"]
        self.token_file = STATE / "token"
        token = self.sign("token", "--customer", self.customer_id, "--cluster", f"https://127.0.0.1:{self.port}",
                          "--ca", self.ca, "--kind", "server", "--uses", "1", "--days", "1", "--out", self.token_file)
        registration = token["registration"]
        self.api.post(f"/api/v1/customers/{self.customer_id}/tokens",
                      registration if isinstance(registration, str) else json.dumps(registration))
        self.say("partner, customer K-1001 and a registration token for one server")

    # --- the endpoint -----------------------------------------------------------------------------

    def obhut(self, *arguments, ok=(0,)):
        text = lab.run(BIN / "obhut", *arguments, "--socket", STATE / "obhutd.sock", "--json", ok=ok).stdout
        return json.loads(text) if text.strip() else None

    def enrol(self):
        config = STATE / "agent.toml"
        config.write_text("")
        agent = self.start("agent", BIN / "obhutd", "--state", STATE / "agent", "--config", config,
                           "--socket", STATE / "obhutd.sock", "--token-file", self.token_file)

        def enrolled():
            agent.must_live()
            if not (STATE / "obhutd.sock").exists():
                return None
            try:
                status = self.obhut("status")
            except lab.Failed:
                return None
            return status if status["enrolment"]["enrolled"] else None

        enrolment = lab.wait_until("the agent to enrol", enrolled, 30)["enrolment"]
        self.device_id = enrolment["device"]
        self.report["device"] = self.device_id
        self.report["activation"] = {"activated_at": enrolment["activated_at"],
                                     "workload": enrolment["workload"], "kind": enrolment["kind"],
                                     "receipt": enrolment["receipt"]}
        self.say(f"enrolled as workload {enrolment['workload'][:8]}, active since {enrolment['activated_at']}")

    def push_plan(self):
        self.make_copies()
        plan = STATE / "plan.json"
        plan.write_text(json.dumps(plan_for([self.folder, self.work], self.escrow), indent=2))
        self.sign("plan", "sign", plan, "--device", self.device_id, "--days", "30", "--out", STATE / "plan.jws")
        self.api.post(f"/api/v1/devices/{self.device_id}/plans", (STATE / "plan.jws").read_text())
        lab.wait_until("the plan to come into force", lambda: self.obhut("status").get("plan"), 60)
        self.say("the signed protection plan is in force")

    def make_copies(self):
        """A folder of our own to change between the points: copies of some of FOLDER's files."""
        self.work.mkdir()
        small = []
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and 0 < path.stat().st_size < 200_000:
                small.append(path)
            if len(small) >= 400:
                break
        random.Random(1).shuffle(small)
        for number, path in enumerate(small[:COPIES]):
            shutil.copy2(path, self.work / f"{number:02}-{path.name}")
        (self.work / "letter.txt").write_text("Dear customer,\n")

    def change_copies(self):
        files = sorted(p for p in self.work.iterdir() if p.name != "letter.txt")
        for path in files[: len(files) // 4]:
            path.write_bytes(path.read_bytes() + b"changed\n")
        for path in files[len(files) // 4: len(files) // 3]:
            path.rename(path.with_name("moved-" + path.name))
        for path in files[-3:]:
            path.unlink()
        (self.work / "letter.txt").write_text("Dear customer, your data is back.\n")

    def back_up(self, name):
        started = time.monotonic()
        run = self.obhut("backup", "--wait", ok=(0, 1))
        target = run["targets"][0]
        if "point" not in target:
            raise lab.Failed(f"the {name} backup made no point: {json.dumps(run)}")
        point = target["point"]
        point["seconds"] = round(time.monotonic() - started, 2)
        self.report.setdefault("points", {})[name] = point
        self.say(f"{name} recovery point {point['id'][:16]}: {point['files']:,} files, "
                 f"{megabytes(point['bytes'])}, in {point['seconds']} s; {megabytes(point['stored_bytes'])} stored")
        return point

    def restore(self, name, point, sources):
        target = STATE / f"restored-{name}"
        started = time.monotonic()
        self.obhut("restore", point["id"], "--to", target, ok=(0, 1))
        seconds = time.monotonic() - started
        differences = []
        for source, original in sources:
            differences += compare(original, target / str(source).lstrip("/"))
        self.report.setdefault("restores", {})[name] = {"seconds": round(seconds, 2),
                                                        "differences": differences}
        if differences:
            raise lab.Failed(f"the {name} restore differs:\n" + "\n".join(differences[:20]))
        self.say(f"{name} point restored in {seconds:.1f} s and compared: contents and metadata equal")
        return target

    def backups(self):
        first = self.back_up("first")
        kept = STATE / "work-at-first"
        lab.run("cp", "-a", self.work, kept)
        self.change_copies()
        second = self.back_up("second")
        restored = self.restore("first", first, [(self.folder, self.folder), (self.work, kept)])
        # The trees stay until the next run, to be looked at. A tree that was just deleted also makes ext4 slow at creating
        # files for a minute: only where there is no room for both.
        if shutil.disk_usage(STATE).free < 2 * second["bytes"]:
            remove(restored)
        self.restore("second", second, [(self.folder, self.folder), (self.work, self.work)])

    # --- the bill ---------------------------------------------------------------------------------

    def bill(self):
        month = time.strftime("%Y-%m")
        self.report["bill"] = self.api.get(f"/api/v1/partners/{self.partner_id}/bills/{month}")
        self.report["protection"] = self.obhut("status")["protection"]
        self.verify_bill(month)

    def verify_bill(self, month):
        """Without the server's code: the ledger, a closed month, and this month's bill once more."""
        state, export = STATE / "cluster", STATE / "ledger-export"
        first = datetime.date.fromisoformat(month + "-01")
        before = (first - datetime.timedelta(days=1)).strftime("%Y-%m")
        cluster = [BIN / "obhut-cluster", "--state", state]
        lab.run(*cluster, "bill", "close", "--month", before)
        lab.run(*cluster, "ledger", "export", "--partner", self.partner_id, "--out", export)
        verifier = ["/usr/bin/python3", ROOT / "tools/verify-bill", export]
        lab.run(*verifier, "--key", self.cluster_key, "--receipts", STATE / "agent/receipts")
        rated = json.loads(lab.run(*verifier, "--rate", month).stdout)
        if rated != self.report["bill"]:
            raise lab.Failed(f"the bill of {month} is not what the ledger comes to: see {export}")
        self.report["verified"] = {"export": str(export), "closed": before}
        self.say(f"the bill of {month} and the closing of {before} verified offline from the exported ledger")


def remove(tree):
    os.sync()  # what is still on its way to the disk would be waited for file by file, for minutes
    shutil.rmtree(tree)


def compare(original, restored):
    """rsync as the independent judge: contents by checksum, owner, mode, times, links, ACL, xattr."""
    out = lab.run("rsync", "-aHAXn", "--checksum", "--delete", "--itemize-changes",
                  f"{original}/", f"{restored}/").stdout
    return [line for line in out.splitlines() if line.strip()]


def megabytes(count):
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def print_report(report):
    first, second = report["points"]["first"], report["points"]["second"]
    bill = report["bill"]
    print(f"""
  Obhut protected {report['folder']}

               files        bytes      stored     time
  first   {first['files']:>10,} {megabytes(first['bytes']):>12} {megabytes(first['stored_bytes']):>11} {first['seconds']:>6.1f} s
  second  {second['files']:>10,} {megabytes(second['bytes']):>12} {megabytes(second['stored_bytes']):>11} {second['seconds']:>6.1f} s
  both restored bit for bit ({report['restores']['first']['seconds']} s and {report['restores']['second']['seconds']} s), see {STATE.relative_to(ROOT)}/restored-second

  activation   {report['activation']['activated_at']}, countersigned by the cluster
               workload {report['activation']['workload']} ({report['activation']['kind']})
  protection   {report['protection']['state']}""")
    print(f"\n  bill of {bill['month']} so far ({bill['currency']})")
    for line in bill["lines"]:
        print(f"    {line['product']:<20} {line['quantity']:>6} {line['unit']:<9} x {line['unit_micro'] / 1e6:>9.4f}"
              f" = {line['amount_cents'] / 100:>9.2f}   since {line['first_use']}")
    print(f"    {'total':<49} {sum(t['amount_cents'] for t in bill['totals']) / 100:>9.2f}")
    print(f"\n  verified     {report['verified']['export']}: tools/verify-bill, which shares no code with the server")
    print(f"  API          {report['api']}  (CA: build/quickstart/cluster/ca.pem, token: build/quickstart/session-token)")


def prepare_state():
    if STATE.exists():
        if not (STATE / MARKER).exists():
            raise lab.Failed(f"{STATE} is not the quickstart's: move it away")
        remove(STATE)
    STATE.mkdir(parents=True, mode=0o700)
    (STATE / MARKER).write_text("made by tools/quickstart; deleted by its next run\n")


def main():
    parser = argparse.ArgumentParser(prog="tools/quickstart")
    parser.add_argument("folder", nargs="?", default="/usr/share")
    parser.add_argument("--once", action="store_true", help="end after the run")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.add_argument("--port", type=int, default=0, help="of the cluster (default: a free one)")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.folder).resolve()
    if not folder.is_dir():
        parser.error(f"{arguments.folder} is no folder: name one that exists")
    begun = time.monotonic()
    story = Story(folder, arguments.port or lab.free_port(),
                  lambda text: print(f"{time.monotonic() - begun:6.1f} s  {text}", file=sys.stderr, flush=True))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    try:
        prepare_state()
        for step in (story.cluster, story.partner, story.enrol, story.push_plan, story.backups, story.bill):
            step()
        story.report["seconds"] = round(time.monotonic() - begun, 1)
        if arguments.json:
            print(json.dumps(story.report))
        else:
            print_report(story.report)
        sys.stdout.flush()
        if not arguments.once:
            print("\n  cluster and agent stay up; Ctrl-C ends them", file=sys.stderr)
            while all(process.alive() for process in story.processes):
                time.sleep(0.5)
        return 0
    except lab.Failed as failure:
        print(f"quickstart: {failure}\n(logs: {STATE}/*.log)", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 0
    finally:
        story.stop()


if __name__ == "__main__":
    sys.exit(main())
