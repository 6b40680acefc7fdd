"""What is metered from an endpoint: its local vaults, limits, a cloned machine, the software's removal;
and that nothing found on the device, nor anybody's name, is in what is billed."""

import datetime
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import BIN, Site, billed_month, run, wait_until  # noqa: E402
from quickstart import PRICES  # noqa: E402  # beside lab, which the harness finds

MEGABYTE = 1_000_000


def write_random(path, size):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(os.urandom(size))


class MeteringTest(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.source = self.site.path("source")
        write_random(os.path.join(self.source, "data"), MEGABYTE)
        self.version = 0

    def push(self, **members):
        self.version += 1
        plan = self.site.partner.plan(self.source, **members)
        self.site.partner.push_plan(plan, self.site.customer)

    def enrolled(self, name="endpoint"):
        endpoint = self.site.endpoint(name)
        endpoint.start(self.site.partner.token(self.site.customer))
        endpoint.wait_enrolled()
        return endpoint

    def device(self):
        return self.site.devices()[0]["id"]

    def alerts(self):
        answer = self.site.api.get(f"/api/v1/devices/{self.device()}/alerts")
        return sorted(alert["code"] for alert in answer["alerts"] if not alert["cleared"])

    def events(self, type_):
        rows = self.site.api.get(f"/api/v1/partners/{self.site.partner.id}/ledger")["rows"]
        return [row["event"] for row in rows if row["event"]["type"] == type_]

    def levels(self, location):
        return [event["bytes"] for event in self.events("storage.level")
                if event["location"] == location]


class Trials(MeteringTest):
    def test_are_known_to_the_device_before_they_end(self):
        self.site.api.call("PUT", f"/api/v1/partners/{self.site.partner.id}/prices", PRICES)
        self.site.api.call("POST", f"/api/v1/customers/{self.site.customer}/trial")
        endpoint = self.enrolled()
        trial = wait_until("the device to hear of it", lambda: endpoint.status().get("trial"), 60)
        [policy] = PRICES["policies"]
        days = (datetime.datetime.fromisoformat(trial["ends"])
                - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86400
        self.assertLess(abs(days - policy["trial_days"]), 1.1)


class LocalVaults(MeteringTest):
    def test_are_billed_by_what_the_endpoint_measures(self):
        endpoint = self.enrolled()
        local = self.site.path("disk")
        self.push(targets=[{"type": "cluster"},
                           {"type": "local", "path": local,
                            "retention": {"keep_last": 1, "lock_days": 0}}])
        endpoint.wait_plan(1)
        endpoint.backup()
        wait_until("the first level", lambda: self.levels("local"), 60)
        first = self.levels("local")[-1]
        self.assertGreater(first, MEGABYTE)
        self.assertLess(first, 1.1 * MEGABYTE)

        write_random(os.path.join(self.source, "data"), 3 * MEGABYTE)
        endpoint.backup()  # retention drops the first point
        wait_until("the second level", lambda: self.levels("local")[-1] != first, 60)
        self.assertLess(abs(self.levels("local")[-1] - 3 * MEGABYTE), 0.1 * MEGABYTE)

        shown = endpoint.ask("status", "--billing")["local_vaults"]
        self.assertEqual([(vault["path"], vault["bytes"], vault["told"]) for vault in shown],
                         [(local, self.levels("local")[-1], True)])
        self.assertIn(local, endpoint.obhut("status", "--billing").stdout)
        vaults = self.site.api.get(f"/api/v1/devices/{self.device()}/vaults")["vaults"]
        self.assertEqual({vault["location"] for vault in vaults}, {"local", "provider"})


class Limits(MeteringTest):
    def limit(self, **quota):
        self.site.api.put(f"/api/v1/customers/{self.site.customer}/quota", quota)

    def test_a_hard_limit_ends_the_run_with_a_reason_and_loses_nothing(self):
        write_random(os.path.join(self.source, "large"), 40 * MEGABYTE)
        endpoint = self.enrolled()
        self.push()
        endpoint.wait_plan(1)
        self.limit(hard_bytes=20 * MEGABYTE)

        refused = endpoint.obhut("backup", "--wait", check=False, timeout=300)

        self.assertEqual(refused.returncode, 3)
        self.assertIn("limit", refused.stderr + refused.stdout)
        wait_until("the alert", lambda: "quota-exceeded" in self.alerts(), 60)
        self.assertEqual(self.levels("provider"), [])
        stored = sum(size for _, size in self.objects())
        self.assertLessEqual(stored, 20 * MEGABYTE)

        self.limit(hard_bytes=200 * MEGABYTE)
        self.assertEqual(endpoint.backup()["outcome"], "done")
        self.assertGreater(self.levels("provider")[-1], 40 * MEGABYTE)
        wait_until("the alert to go", lambda: "quota-exceeded" not in self.alerts(), 60)
        target = self.site.path("restored")
        endpoint.ask("restore", "latest", "--to", target, timeout=300)
        for name in ("data", "large"):
            with open(os.path.join(self.source, name), "rb") as original, \
                    open(target + os.path.join(self.source, name), "rb") as copy:
                self.assertEqual(original.read(), copy.read())

    def objects(self):
        folder = os.path.join(self.site.cluster.state, "objects", "packs")
        for base, _, names in os.walk(folder):
            for name in names:
                yield name, os.path.getsize(os.path.join(base, name))


class Machines(MeteringTest):
    def test_a_cloned_image_is_two_workloads_and_an_alert(self):
        endpoint = self.enrolled()
        self.push()
        endpoint.wait_plan(1)
        endpoint.stop()
        copy = self.site.endpoint("copy")
        shutil.copytree(endpoint.state, copy.state, dirs_exist_ok=True)
        endpoint.start()
        copy.start()

        def cloned():
            # Each plan ends both polls, so that both ask again at once.
            self.push()
            endpoint.wait_plan(self.version)
            copy.wait_plan(self.version)
            return self.site.devices()[0]["cloned"]
        wait_until("the clone to be seen", cloned, 90)

        self.assertEqual(len(self.events("workload.activated")), 2)
        self.assertIn("cloned-device", self.alerts())

    def test_a_machine_set_back_to_a_snapshot_is_none(self):
        endpoint = self.enrolled()
        self.push()
        endpoint.wait_plan(1)
        endpoint.backup()
        endpoint.stop()
        snapshot = self.site.path("snapshot")
        shutil.copytree(endpoint.state, snapshot)
        endpoint.start()
        write_random(os.path.join(self.source, "more"), MEGABYTE)
        endpoint.backup()
        endpoint.kill()
        shutil.rmtree(endpoint.state)
        shutil.copytree(snapshot, endpoint.state)
        endpoint.start()
        write_random(os.path.join(self.source, "still more"), MEGABYTE)
        self.assertEqual(endpoint.backup()["outcome"], "done")

        self.assertEqual(len(self.events("workload.activated")), 1)
        self.assertFalse(self.site.devices()[0]["cloned"])
        self.assertEqual(self.alerts(), [])

    def test_removed_software_is_an_alert_until_the_device_is_heard_again(self):
        endpoint = self.enrolled()
        self.push()
        endpoint.wait_plan(1)
        report = ["--report-removal", "--config", endpoint.config, "--state", endpoint.state]
        busy = run("obhutd", *report, check=False)
        self.assertEqual(busy.returncode, 3, "while the daemon runs nothing is removed")
        endpoint.stop()
        run("obhutd", *report)
        self.assertEqual(self.alerts(), ["software-removed"])
        self.assertEqual(self.events("workload.removed"), [])

        endpoint.start()
        wait_until("the alert to go", lambda: self.alerts() == [], 60)
        endpoint.stop()
        self.site.cluster.stop()
        unreachable = run("obhutd", *report, check=False)
        self.assertEqual(unreachable.returncode, 5)
        self.assertIn("obhutd: ", unreachable.stderr)
        nothing = run("obhutd", "--report-removal", "--config", endpoint.config, "--state",
                      self.site.path("never-enrolled"))
        self.assertEqual(nothing.stdout, "")


class Canaries(MeteringTest):
    """Planted wherever a name could come from; looked for in all that is billed by."""

    FILE, FOLDER, USER, HOST, CONTENT, HOOK, CUSTOMER = (
        f"canary-{what}-{os.urandom(6).hex()}"
        for what in ("file", "folder", "user", "host", "content", "hook", "customer"))

    def plant(self):
        folder = os.path.join(self.source, self.FOLDER)
        write_random(os.path.join(folder, self.FILE), 1000)
        with open(os.path.join(folder, self.FILE + ".txt"), "w", encoding="utf-8") as out:
            out.write((self.CONTENT + "\n") * 100)
        os.symlink(self.FILE, os.path.join(folder, self.FILE + ".link"))
        os.mkfifo(os.path.join(folder, self.FILE + ".pipe"))

    def start_as_somebody(self, endpoint, token):
        """In a name space with a host name of its own, where that may be made."""
        os.environ.update({"USER": self.USER, "LOGNAME": self.USER, "HOME": "/home/" + self.USER,
                           "HOSTNAME": self.HOST})
        real = os.path.join(BIN, "obhutd")
        wrapper = self.site.path("bin")
        os.makedirs(wrapper, exist_ok=True)
        with open(os.path.join(wrapper, "obhutd"), "w", encoding="utf-8") as script:
            script.write("#!/bin/sh\n"
                         f'exec unshare --uts sh -c \'hostname {self.HOST}; exec "$@"\' sh '
                         f'"{os.path.abspath(real)}" "$@"\n')
        os.chmod(os.path.join(wrapper, "obhutd"), 0o755)
        allowed = subprocess.run(["unshare", "--uts", "hostname", self.HOST], check=False,
                                 capture_output=True).returncode == 0
        if allowed:
            import harness.site as site
            site.BIN = wrapper
        try:
            endpoint.start(token, wait=False)
        finally:
            if allowed:
                site.BIN = BIN
            for name in ("USER", "LOGNAME", "HOSTNAME"):
                os.environ.pop(name, None)
            os.environ["HOME"] = "/root"
        wait_until("obhutd to answer", endpoint.answers)
        return allowed

    def exported(self):
        """Everything that leaves the cluster about what is billed, by name."""
        api, partner = self.site.api, f"/api/v1/partners/{self.site.partner.id}"
        month = billed_month(self.events("customer.created")[0]["at"])
        for path in (f"{partner}/ledger", f"{partner}/bills/{month}",
                     f"{partner}/bills/{month}?format=csv", f"{partner}/bills/{month}?format=focus",
                     f"{partner}/bills/{month}/forecast", f"{partner}/usage/{month}",
                     f"{partner}/usage/{month}?format=csv"):
            content = api.read("GET", path)
            self.assertIn(b"C-canary", content)
            yield path, content
        folder = self.site.path("export")
        run("obhut-cluster", "--state", self.site.cluster.state, "ledger", "export", "--partner",
            self.site.partner.id, "--out", folder)
        for base, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(base, name), "rb") as file:
                    yield "export/" + name, file.read()

    def stored(self):
        """Every file of the cluster's, the database, its journal and its log among them."""
        for base, _, names in os.walk(self.site.cluster.state):
            for name in names:
                with open(os.path.join(base, name), "rb") as file:
                    yield os.path.join(base, name), file.read()
        with open(self.site.cluster.log, "rb") as file:
            yield "log", file.read()

    def test_no_name_of_a_file_a_user_or_a_host_leaves_the_device_unsealed(self):
        self.plant()
        number = "C-canary"
        named = self.site.api.post(f"/api/v1/partners/{self.site.partner.id}/customers",
                                   {"number": number, "name": self.CUSTOMER, "mode": "per_gb"})
        self.site.customer = named["id"]
        self.site.api.put(f"/api/v1/partners/{self.site.partner.id}/prices", PRICES)
        endpoint = self.site.endpoint()
        hooks = self.site.path("hooks")
        os.makedirs(hooks)
        with open(os.path.join(hooks, "before"), "w", encoding="utf-8") as hook:
            hook.write(f"#!/bin/sh\necho {self.HOOK}; echo {self.HOOK} >&2\n")
        os.chmod(os.path.join(hooks, "before"), 0o755)
        endpoint.configure(hooks=hooks)
        host_planted = self.start_as_somebody(endpoint, self.site.partner.token(self.site.customer))
        endpoint.wait_enrolled()
        self.push(hooks={"before": ["before"], "after": []},
                  targets=[{"type": "cluster"},
                           {"type": "local", "path": self.site.path("disk")}])
        endpoint.wait_plan(1)
        endpoint.backup()
        os.remove(os.path.join(self.source, self.FOLDER, self.FILE))
        endpoint.backup()
        # A run that fails, with all that is said about it.
        shutil.move(self.source, self.source + "-gone")
        endpoint.obhut("backup", "--wait", check=False)
        shutil.move(self.source + "-gone", self.source)
        wait_until("the local level", lambda: self.levels("local"), 60)
        wait_until("reports", lambda: len(self.site.api.get(
            f"/api/v1/devices/{self.device()}/activities")["activities"]) >= 6, 60)

        points = endpoint.ask("points")
        if host_planted:
            self.assertEqual(points[0]["host"], self.HOST, "the canary was planted")
        found = endpoint.ask("ls", points[0]["id"], os.path.join(self.source, self.FOLDER)) + \
            endpoint.ask("ls", points[1]["id"], os.path.join(self.source, self.FOLDER))
        self.assertIn(self.FILE + ".txt", json.dumps(found), "the canary was planted")

        planted = [self.FILE, self.FOLDER, self.USER, self.HOST, self.CONTENT, self.HOOK]
        for name, content in self.exported():
            for canary in planted + [self.CUSTOMER]:
                self.assertNotIn(canary.encode(), content, name)
            self.assertNotIn(b"Example Partner", content, name)
        self.site.cluster.stop()
        seen_customer = False
        for name, content in self.stored():
            for canary in planted:
                self.assertNotIn(canary.encode(), content, name)
            seen_customer = seen_customer or self.CUSTOMER.encode() in content
        self.assertTrue(seen_customer, "the search finds what is there")

    def test_a_customer_needs_no_name(self):
        made = self.site.api.post(f"/api/v1/partners/{self.site.partner.id}/customers",
                                  {"number": "C-2", "mode": "per_workload"})
        self.assertEqual(made["name"], "")
        database = sqlite3.connect(os.path.join(self.site.cluster.state, "cluster.db"))
        self.addCleanup(database.close)
        rows = database.execute("SELECT event FROM ledger").fetchall()
        self.assertTrue(any("C-2" in event for event, in rows))
        self.assertFalse(any("Example Customer" in event for event, in rows))


if __name__ == "__main__":
    unittest.main(verbosity=2)
