"""An endpoint and a cluster when the disk is full, the line is silent, or a clock is wrong, and plans
that are formally good and still not to be taken.

usage: faults_e2e.py [unittest's arguments]
"""

import calendar
import contextlib
import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.clock import clock  # noqa: E402
from harness.lying_cluster import LyingCluster, answer_with  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.site import PASSWORD, Site, free_port, run, wait_until  # noqa: E402
from harness.trees import differences  # noqa: E402

MEGABYTE = 1_000_000


def write_random(path, size, seed):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(random.Random(seed).randbytes(size))


class FaultTest(unittest.TestCase):
    def start_site(self, public_port=None):
        self.site = Site(public_port)
        self.addCleanup(self.site.close)
        self.source = self.site.path("source")
        write_random(os.path.join(self.source, "first"), 2 * MEGABYTE, 1)

    def enrolled(self, name="endpoint", url=None, uses=1):
        endpoint = self.site.endpoint(name)
        endpoint.start(self.site.partner.token(self.site.customer, url, uses))
        endpoint.wait_enrolled()
        return endpoint

    def with_plan(self, **how):
        endpoint = self.enrolled(**how)
        self.push(1)
        endpoint.wait_plan(1)
        return endpoint

    def push(self, version):
        self.site.partner.push_plan(self.site.partner.plan(self.source), self.site.customer,
                                    "--version", version)

    def refused_backup(self, endpoint, timeout=120):
        """A run that fails; gives its exit code and what it says."""
        outcome = endpoint.obhut("backup", "--wait", check=False, timeout=timeout)
        self.assertNotEqual(outcome.returncode, 0, outcome.stdout)
        return outcome.returncode, outcome.stdout + outcome.stderr

    def copy_of_source(self):
        """To compare with what a point holds, once the source has changed."""
        before = self.site.path("before")
        subprocess.run(["cp", "-a", self.source, before], check=True)
        return before

    def codes(self, endpoint):
        return [alert["code"] for alert in endpoint.status()["alerts"]]

    def assert_restores(self, endpoint, like, point="latest"):
        target = self.site.path(f"restored-{time.monotonic_ns()}")
        endpoint.ask("restore", point, "--to", target, timeout=300)
        self.assertEqual(differences(like, target + self.source), "")
        shutil.rmtree(target)


@contextlib.contextmanager
def small_disk(folder, megabytes):
    """A file system of that size over `folder`, with what was in it."""
    kept = folder + ".below"
    os.rename(folder, kept)
    os.mkdir(folder, 0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs",
                              folder], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        os.rmdir(folder)
        os.rename(kept, folder)
        raise unittest.SkipTest("a small disk cannot be mounted here (it takes root's rights): "
                                + mounted.stderr.strip())
    try:
        subprocess.run(["cp", "-a", kept + "/.", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(path):
    """Takes what room there is on the disk."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as out:
        while out.write(bytes(4096)):
            pass


class FullDisks(FaultTest):
    def setUp(self):
        self.start_site()
        self.cluster = self.site.cluster
        self.cluster.stop()

    def stored(self):
        """Files of the object store by the hash that they hold."""
        files = {}
        for path in glob.glob(os.path.join(self.cluster.state, "objects", "packs", "*", "*")):
            files.setdefault(os.path.basename(path).split(".")[0], []).append(path)
        return files

    def assert_ends_for_want_of_room(self, endpoint):
        code, said = self.refused_backup(endpoint)
        self.assertEqual(code, 3, said)
        self.assertIn("disk is full", said)
        self.assertIn("backup-failed", self.codes(endpoint))

    def test_a_full_object_store_ends_the_run_and_loses_nothing(self):
        objects = os.path.join(self.cluster.state, "objects")
        if not os.path.isdir(objects):
            os.mkdir(objects, 0o700)
        with small_disk(objects, 24):
            self.cluster.start()
            self.addCleanup(self.cluster.stop)
            endpoint = self.with_plan()
            endpoint.backup()
            before = self.copy_of_source()
            write_random(os.path.join(self.source, "second"), 60 * MEGABYTE, 2)

            self.assert_ends_for_want_of_room(endpoint)

            self.assertEqual(len(endpoint.ask("points")), 1)
            self.assert_restores(endpoint, before)
            wait_until("room for what could not be finished to be given back",
                       lambda: not glob.glob(objects + "/tmp/*"))
            acknowledged = self.stored()
            self.assertGreater(len(acknowledged), 1, "some packs of the run had room")

            subprocess.run(["mount", "-o", "remount,size=200m", objects], check=True)
            outcome = endpoint.backup()

            self.assertEqual(outcome["outcome"], "done", json.dumps(outcome))
            self.assert_restores(endpoint, self.source)
            after = self.stored()
            for name, files in acknowledged.items():
                self.assertEqual(after.get(name), files, "an acknowledged pack was uploaded again")
            self.assertEqual(self.codes(endpoint), [])
            self.assertEqual(endpoint.ask("verify", "--read-data")["errors"], 0)
            endpoint.stop()
            self.cluster.stop()

    def test_a_full_disk_under_the_database_refuses_writes_and_loses_nothing(self):
        away = self.site.path("objects")
        file = os.path.join(self.cluster.state, "cluster.toml")
        with open(file, encoding="utf-8") as text:
            settings = text.read().replace("[objects]", f'[objects]\ndirectory = "{away}"')
        with open(file, "w", encoding="utf-8") as out:
            out.write(settings)
        filler = os.path.join(self.cluster.state, "filler")
        with small_disk(self.cluster.state, 16):
            self.cluster.start()
            self.addCleanup(self.cluster.stop)
            endpoint = self.with_plan()
            endpoint.backup()
            before = self.copy_of_source()
            write_random(os.path.join(self.source, "second"), 30 * MEGABYTE, 2)
            fill(filler)

            self.assert_ends_for_want_of_room(endpoint)

            self.assert_restores(endpoint, before)
            with self.assertRaisesRegex(AssertionError, " 507 .*disk is full"):
                self.site.partner.add_customer("C-2")

            os.remove(filler)
            outcome = endpoint.backup()

            self.assertEqual(outcome["outcome"], "done", json.dumps(outcome))
            self.assert_restores(endpoint, self.source)
            self.site.partner.add_customer("C-2")
            endpoint.stop()
            self.cluster.stop()
            self.assertEqual(run("obhut-cluster", "--state", self.cluster.state, "ledger",
                                 "verify").returncode, 0)


class SilentLines(FaultTest):
    """Deadlines are minutes: what can be waited for at once is. One public address, so that one
    proxy stands before all."""

    def setUp(self):
        port = free_port()
        self.start_site(port)
        self.proxy = Proxy(self.site.cluster.port, port)
        self.addCleanup(self.proxy.close)
        self.url = f"https://localhost:{port}"

    def test_whatever_is_silent_ends_at_a_deadline_and_goes_on_later(self):
        proxy = self.proxy  # its ways differ by connection
        uploading = self.with_plan(name="uploading", url=self.url)
        asking = self.enrolled("asking", self.url)
        asking.wait_plan(1)
        for endpoint in (uploading, asking):
            endpoint.backup()
        write_random(os.path.join(self.source, "second"), 20 * MEGABYTE, 2)

        # In the middle of an upload: the cluster gives a block half a minute, and the agent asks again.
        proxy.mode = "stall-uploads"
        proxy.upload_bytes = 5 * MEGABYTE
        proxy.cut()
        outcome = {}
        upload_ended = threading.Event()

        def back_up():
            outcome.update(uploading.ask("backup", "--wait", timeout=900))
            upload_ended.set()
        upload = threading.Thread(target=back_up)
        began = time.monotonic()
        upload.start()
        wait_until("an upload to stall", lambda: proxy.stalled > 0, 60)

        # Requests arrive, answers do not: also that of the poll which both have open.
        proxy.mode = "pass"
        proxy.hold = True
        unanswered = asking.obhut("points", check=False, timeout=300)
        self.assertEqual(unanswered.returncode, 5, unanswered.stderr)
        self.assertEqual(len(unanswered.stderr.strip().splitlines()), 1, unanswered.stderr)
        self.assertIn("no answer within", unanswered.stderr)
        wait_until("the poll to be given up", lambda: not asking.status()["cluster"]["reachable"], 120)
        self.assertFalse(upload_ended.is_set(), "the upload waits as well")

        proxy.hold = False
        upload.join(900)
        self.assertEqual(outcome.get("outcome"), "done", json.dumps(outcome))
        self.assertGreater(time.monotonic() - began, 60, "it was a stall, and it was waited for")
        self.push(2)
        asking.wait_plan(2, 120)
        self.assertTrue(asking.status()["cluster"]["reachable"])
        self.assertEqual(asking.backup()["outcome"], "done")
        for endpoint in (uploading, asking):
            self.assert_restores(endpoint, self.source)

    def test_a_run_against_silence_ends_with_exit_code_5_and_the_next_resumes(self):
        proxy = self.proxy
        endpoint = self.with_plan(url=self.url)
        endpoint.backup()
        before = self.copy_of_source()
        write_random(os.path.join(self.source, "second"), 20 * MEGABYTE, 2)
        proxy.mode = "stall"
        proxy.cut()

        code, said = self.refused_backup(endpoint, 1500)

        self.assertEqual(code, 5, said)
        self.assertIn("backup-failed", self.codes(endpoint))
        wait_until("the poll to be given up",
                   lambda: not endpoint.status()["cluster"]["reachable"], 120)
        proxy.mode = "pass"
        proxy.cut()
        self.assert_restores(endpoint, before, endpoint.ask("points")[0]["id"])
        self.assertEqual(endpoint.backup()["outcome"], "done")
        self.assertGreaterEqual(len(endpoint.ask("points")), 2)  # it may have run by itself as well
        wait_until("the alert to be cleared", lambda: self.codes(endpoint) == [], 60)
        self.assert_restores(endpoint, self.source)


def seconds_of(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


class WrongClocks(FaultTest):
    """Two days off, either way. BILLING.md rule 10 says which date an activation gets."""

    def setUp(self):
        self.start_site()

    def start_moved(self, offset):
        token = self.site.partner.token(self.site.customer)
        endpoint = self.site.endpoint()
        with clock(offset):
            endpoint.start(token, wait=False)
        wait_until("obhutd to answer", endpoint.answers)
        endpoint.wait_enrolled()
        return endpoint

    def assert_moved(self, process, days):
        """That the moved clock reached the process: its log tells the time."""
        def told():
            times = re.findall(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", process.output(), re.M)
            return times and abs(seconds_of(times[-1]) - time.time() - days * 86400) < 600
        wait_until("a line with the moved time", told)

    def lives_with(self, endpoint):
        self.push(1)
        endpoint.wait_plan(1)
        self.assertEqual(endpoint.backup()["outcome"], "done")
        write_random(os.path.join(self.source, "second"), MEGABYTE, 2)
        self.assertEqual(endpoint.backup()["outcome"], "done")
        self.assert_restores(endpoint, self.source)
        self.assertEqual(self.codes(endpoint), [])

    def test_an_endpoint_two_days_ahead_works_and_is_dated_by_the_cluster(self):
        endpoint = self.start_moved("+2d")
        self.assert_moved(endpoint.process, 2)
        activated = seconds_of(endpoint.status()["enrolment"]["activated_at"])
        self.assertLess(abs(activated - time.time()), 60)
        self.lives_with(endpoint)

    def test_an_endpoint_two_days_behind_works_and_is_dated_by_the_cluster(self):
        endpoint = self.start_moved("-2d")
        self.assert_moved(endpoint.process, -2)
        activated = seconds_of(endpoint.status()["enrolment"]["activated_at"])
        self.assertLess(abs(activated - time.time()), 60)
        self.lives_with(endpoint)

    def test_a_cluster_two_days_ahead_is_lived_with(self):
        self.site.cluster.stop()
        with clock("+2d"):
            self.site.cluster.start()
        self.assert_moved(self.site.cluster.process, 2)
        self.site.api.log_in("boss@example.org", PASSWORD)
        endpoint = self.site.endpoint()
        endpoint.start(self.site.partner.token(self.site.customer))
        endpoint.wait_enrolled()
        activated = seconds_of(endpoint.status()["enrolment"]["activated_at"])
        self.assertLess(abs(activated - time.time()), 60,
                        "the endpoint's date lies between the token's making and its arrival")
        self.lives_with(endpoint)

    def test_an_endpoint_whose_clock_is_set_right_goes_on(self):
        endpoint = self.start_moved("+2d")
        self.lives_with(endpoint)
        endpoint.stop()
        endpoint.start()
        write_random(os.path.join(self.source, "third"), MEGABYTE, 3)
        self.assertEqual(endpoint.backup()["outcome"], "done")
        self.push(2)
        endpoint.wait_plan(2, 60)
        self.assert_restores(endpoint, self.source)


class PlansNotToBeTaken(FaultTest):
    """Signed well, or by people who are somebody elsewhere; served by a cluster that plays along."""

    def setUp(self):
        port = free_port()
        self.start_site(port)
        self.liar = LyingCluster(self.site.cluster, port)
        self.addCleanup(self.liar.close)
        self.endpoint = self.with_plan(url=f"https://localhost:{port}")
        self.good = self.endpoint.status()["plan"]["hash"]
        self.assertEqual(self.endpoint.backup()["outcome"], "done")

    def serve(self, version, envelope, trust=""):
        served = json.dumps({"version": version, "envelope": envelope, "trust": trust})
        self.liar.lie("/api/v1/device/plan", answer_with(200, served))
        self.endpoint.stop()
        self.endpoint.start()  # the poll that is going on would last its fifty seconds

    def assert_refused(self, code):
        wait_until("the alert " + code, lambda: code in self.codes(self.endpoint))
        self.assertEqual(self.endpoint.status()["plan"]["hash"], self.good)
        self.assertEqual(self.endpoint.backup()["outcome"], "done")

    def test_an_expired_plan_is_refused(self):
        file = self.site.path("plan.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(self.site.partner.plan("/etc"), out)
        with clock("-3d"):
            self.site.partner.sign("plan", "sign", file, "--customer", self.site.customer,
                                   "--version", "9", "--days", "1", "--out", file + ".signed")
        with open(file + ".signed", encoding="utf-8") as text:
            self.serve(9, text.read())
        self.assert_refused("plan-refused-expired-plan")

    def test_cutting_retention_with_one_signature_is_refused(self):
        plan = self.site.partner.plan(self.source)
        plan["targets"][0]["retention"] = {"keep_last": 1}
        envelope = self.site.partner.signed_plan(plan, "--customer", self.site.customer,
                                                 "--version", "9", "--delay-hours", "72")
        self.serve(9, envelope)
        self.assert_refused("plan-refused-needs-two-operators")

    def test_a_plan_without_signature_is_refused(self):
        envelope = json.loads(self.site.partner.signed_plan(
            self.site.partner.plan("/etc"), "--customer", self.site.customer, "--version", "9"))
        envelope["signatures"] = []
        self.serve(9, json.dumps(envelope))
        wait_until("an alert", lambda: self.codes(self.endpoint))
        self.assertIn(self.codes(self.endpoint)[0],
                      ("plan-refused-unsigned", "plan-refused-malformed-envelope"))
        self.assert_refused(self.codes(self.endpoint)[0])

    def test_another_partners_keys_are_refused_with_what_they_signed(self):
        stranger = self.site.path("stranger")
        run("obhut-sign", "--dir", stranger, "init", "--partner", "Stranger", "--partner-id",
            self.site.partner.id)
        run("obhut-sign", "--dir", stranger, "operator", "add", "--name", "Eve", "--roles",
            "plan,enroll,restore")
        trust = self.site.path("stranger.trust")
        run("obhut-sign", "--dir", stranger, "trust", "export", "--out", trust)
        file = self.site.path("plan.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(self.site.partner.plan("/etc"), out)
        run("obhut-sign", "--dir", stranger, "plan", "sign", file, "--customer",
            self.site.customer, "--version", "9", "--out", file + ".signed")
        with open(file + ".signed", encoding="utf-8") as plan, open(trust, encoding="utf-8") as keys:
            self.serve(9, plan.read(), keys.read())
        self.assert_refused("trust-list-refused")
        self.assertIn("plan-refused-unknown-operator", self.codes(self.endpoint))


if __name__ == "__main__":
    unittest.main()
