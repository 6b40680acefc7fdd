"""Giving way: hooks around a run, pauses in the middle of it, runs that only take what is left."""

import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import Site, upload_limit, wait_until  # noqa: E402
from harness.trees import differences, make_tree  # noqa: E402

# 8 MB/s: a run that has a middle.
SLOW = upload_limit(64000)


class EndpointTest(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.source = self.site.path("source")
        self.hooks = self.site.path("hooks")
        os.mkdir(self.hooks, 0o755)
        make_tree(self.source)
        self.version = 0

    def with_plan(self, hook_limit="5m", **members):
        endpoint = self.site.endpoint()
        endpoint.configure(hooks=self.hooks, hook_limit=hook_limit)
        endpoint.start(self.site.partner.token(self.site.customer))
        endpoint.wait_enrolled()
        self.push(endpoint, **members)
        return endpoint

    def push(self, endpoint, **members):
        self.version += 1
        self.site.partner.push_plan(self.site.partner.plan(self.source, **members),
                                    self.site.customer)
        endpoint.wait_plan(self.version)

    def hook(self, name, *lines):
        file = os.path.join(self.hooks, name)
        with open(file, "w", encoding="utf-8") as out:
            out.write("\n".join(["#!/bin/sh", *lines, ""]))
        os.chmod(file, 0o755)
        return file

    def big_file(self, name, megabytes):
        with open(os.path.join(self.source, name), "wb") as out:
            for _ in range(megabytes):
                out.write(os.urandom(1 << 20))

    @staticmethod
    def backup(endpoint, *options):
        """Exit code and answer, also of a run that failed."""
        done = endpoint.obhut("backup", "--wait", *options, check=False, timeout=300)
        return done.returncode, done.stdout

    def outcome(self, endpoint):
        code, text = self.backup(endpoint, "--json")
        return code, json.loads(text)

    @staticmethod
    def alerts(endpoint):
        return {alert["code"]: alert["message"] for alert in endpoint.status()["alerts"]}

    def assert_restores(self, endpoint):
        target = self.site.path(f"restored-{time.monotonic_ns()}")
        endpoint.ask("restore", "latest", "--to", target, timeout=300)
        self.assertEqual(differences(self.source, target + self.source), "")


class Hooks(EndpointTest):
    def test_run_around_the_backup_and_their_output_stays_here(self):
        dump = os.path.join(self.source, "dump.sql")
        self.hook("dump-database", f"echo dumping; cp /etc/hostname {dump}")
        self.hook("clean-up", f"echo ended $OBHUT_OUTCOME >&2; rm {dump}")
        endpoint = self.with_plan(hooks={"before": ["dump-database"], "after": ["clean-up"]})

        code, outcome = self.outcome(endpoint)

        self.assertEqual((code, outcome["outcome"]), (0, "done"))
        self.assertEqual([(h["name"], h["phase"], h["exit"], h["output"]) for h in outcome["hooks"]],
                         [("dump-database", "before", 0, "dumping\n"),
                          ("clean-up", "after", 0, "ended done\n")])
        self.assertFalse(os.path.exists(dump))
        found = endpoint.ask("find", "dump.sql")
        self.assertEqual([entry["path"] for entry in found], [dump])
        self.assertNotIn("output", endpoint.status()["schedule"]["last"]["hooks"][0],
                         "the status is for everybody on the machine")
        _, text = self.backup(endpoint)
        self.assertIn("hook dump-database (before): exit code 0", text)
        self.assertIn("  | dumping\n", text)
        device = self.site.devices()[0]["id"]

        def told():
            activities = self.site.api.get(f"/api/v1/devices/{device}/activities")["activities"]
            return [a for a in activities if a["kind"] == "backup" and "hooks" in a["counts"]]
        wait_until("the activity", told)
        self.assertEqual(told()[0]["counts"]["hooks_failed"], 0)
        self.assertNotIn("dumping", json.dumps(told()))

    def test_that_fails_before_keeps_the_backup_from_being_made(self):
        self.hook("dump-database", "echo no space >&2; exit 9")
        self.hook("clean-up", "echo $OBHUT_OUTCOME")
        endpoint = self.with_plan(hooks={"before": ["dump-database"], "after": ["clean-up"]})

        code, outcome = self.outcome(endpoint)

        self.assertEqual((code, outcome["outcome"]), (3, "failed"))
        self.assertEqual(outcome["targets"][0]["error"]["message"],
                         "hook dump-database: exit code 9")
        self.assertEqual([h["output"] for h in outcome["hooks"]], ["no space\n", "failed\n"])
        self.assertEqual(endpoint.status()["protection"]["state"], "no backup yet")
        self.assertIn("backup-failed", self.alerts(endpoint))

        self.hook("dump-database", "exit 0")
        code, outcome = self.outcome(endpoint)
        self.assertEqual((code, outcome["outcome"]), (0, "done"))
        self.assertNotIn("hook-failed", self.alerts(endpoint))
        self.assertNotIn("backup-failed", self.alerts(endpoint))

    def test_that_fails_afterwards_leaves_the_point_and_an_alert(self):
        self.hook("clean-up", "exit 1")
        endpoint = self.with_plan(hooks={"after": ["clean-up"]})

        code, outcome = self.outcome(endpoint)

        self.assertEqual((code, outcome["outcome"]), (1, "done"))
        self.assertEqual(len(endpoint.ask("points")), 1)
        self.assertEqual(self.alerts(endpoint)["hook-failed"], "hook clean-up: exit code 1")
        self.assert_restores(endpoint)

    def test_that_somebody_else_could_have_written_is_not_run(self):
        trace = self.site.path("trace")
        file = self.hook("dump-database", f"touch {trace}")
        endpoint = self.with_plan(hooks={"before": ["dump-database"]})

        os.chmod(file, 0o777)
        code, outcome = self.outcome(endpoint)
        self.assertEqual((code, outcome["outcome"]), (4, "failed"))
        self.assertIn("others may write to it", outcome["targets"][0]["error"]["message"])
        os.chmod(file, 0o755)
        os.chmod(self.hooks, 0o777)
        self.assertEqual(self.outcome(endpoint)[0], 4)
        os.chmod(self.hooks, 0o755)
        os.rename(file, file + "-real")
        os.symlink(file + "-real", file)
        self.assertEqual(self.outcome(endpoint)[0], 4)
        os.remove(file)
        code, outcome = self.outcome(endpoint)
        self.assertEqual((code, outcome["outcome"]), (3, "failed"))
        self.assertFalse(os.path.exists(trace))

    def test_that_hangs_is_ended_with_what_it_started(self):
        child = self.site.path("child")
        self.hook("dump-database", f"sleep 600 & echo $! > {child}; wait")
        endpoint = self.with_plan("10s", hooks={"before": ["dump-database"]})

        code, outcome = self.outcome(endpoint)

        self.assertEqual((code, outcome["outcome"]), (3, "failed"))
        self.assertIn("took longer than 10 s", outcome["targets"][0]["error"]["message"])
        with open(child, encoding="utf-8") as text:
            process = text.read().strip()

        def gone():
            try:
                with open(f"/proc/{process}/stat", encoding="utf-8") as state:
                    return state.read().rsplit(")", 1)[1].split()[0] in "ZX"
            except (FileNotFoundError, ProcessLookupError):
                return True
        wait_until("the end of the hook's child", gone)


class Pauses(EndpointTest):
    def progress(self, endpoint):
        return endpoint.status()["schedule"].get("progress", {})

    def start_backup(self, endpoint):
        endpoint.obhut("backup")
        wait_until("the backup to read", lambda: self.progress(endpoint).get("new_bytes", 0) > 0)

    def still(self, endpoint):
        """Bytes read once nothing more is read for a second."""
        seen = [-1]

        def same():
            now = self.progress(endpoint).get("new_bytes")
            seen.append(now)
            time.sleep(0.25)
            return len(seen) > 5 and len(set(seen[-5:])) == 1
        wait_until("the reading to stop", same)
        return seen[-1]

    def test_in_the_middle_of_a_run_and_over_a_restart(self):
        self.big_file("big", 400)
        endpoint = self.with_plan(limits=SLOW)
        self.start_backup(endpoint)

        paused = endpoint.ask("pause", "--for", "2h")

        self.assertTrue(paused["paused"])
        self.assertEqual(paused["reasons"], ["asked"])
        read = self.still(endpoint)
        status = endpoint.status()
        self.assertTrue(status["schedule"]["running"])
        self.assertEqual(status["pause"], paused)
        self.assertIn("backups-paused", self.alerts(endpoint))
        self.assertIn("`obhut resume`", endpoint.obhut("status").stdout)
        self.assertLess(read, 400 << 20)

        endpoint.stop()
        endpoint.start()
        self.assertEqual(endpoint.status()["pause"], paused, "it outlives a restart")
        # The run that was cut short is due at once, and yet waits.
        time.sleep(2)
        self.assertFalse(endpoint.status()["schedule"]["running"])
        self.assertIn("begins when backups go on", endpoint.obhut("backup").stdout)
        time.sleep(1)
        self.assertFalse(endpoint.status()["schedule"]["running"])

        self.push(endpoint)  # at full speed from now on
        self.assertFalse(endpoint.ask("resume")["paused"])
        wait_until("the end of the backup",
                   lambda: endpoint.status()["schedule"].get("last_success"), 120)
        self.assertNotIn("backups-paused", self.alerts(endpoint))
        self.assert_restores(endpoint)

    def test_end_by_themselves_and_the_run_goes_on_where_it_was(self):
        self.big_file("big", 100)
        endpoint = self.with_plan(limits=SLOW)
        self.start_backup(endpoint)
        endpoint.ask("pause", "--for", "3s")

        wait_until("the end of the backup",
                   lambda: endpoint.status()["schedule"].get("last"), 120)

        status = endpoint.status()
        self.assertFalse(status["pause"]["paused"])
        self.assertEqual(status["schedule"]["runs"], 1)
        self.assertEqual(status["schedule"]["last"]["outcome"], "done")
        self.assert_restores(endpoint)

    def test_want_a_time_that_can_be_understood(self):
        endpoint = self.with_plan()

        for wrong in ["soon", "-1h", "0s", "400d"]:
            done = endpoint.obhut("pause", f"--for={wrong}", check=False)
            self.assertEqual(done.returncode, 2, wrong)
        self.assertFalse(endpoint.status()["pause"]["paused"])


class Idle(EndpointTest):
    def threads_that_give_way(self, endpoint):
        """SCHED_IDLE is policy 5, field 41 of /proc/…/stat."""
        folder = f"/proc/{endpoint.process.handle.pid}/task"
        found = 0
        for thread in os.listdir(folder):
            try:
                with open(f"{folder}/{thread}/stat", encoding="utf-8") as text:
                    found += text.read().rsplit(")", 1)[1].split()[38] == "5"
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def test_runs_take_what_nobody_else_wants(self):
        self.hook("note", f"chrt -p $$ > {self.site.path('policy')}")
        self.big_file("big", 50)
        endpoint = self.with_plan(limits={"cpu": "idle", **SLOW}, hooks={"before": ["note"]})
        endpoint.obhut("backup")
        most = 0

        def ended():
            nonlocal most
            most = max(most, self.threads_that_give_way(endpoint))
            return endpoint.status()["schedule"].get("last")
        wait_until("the end of the backup", ended, 120)

        self.assertEqual(ended()["outcome"], "done")
        self.assertGreaterEqual(most, 3, "the run's own thread and its stages")
        self.assertEqual(self.threads_that_give_way(endpoint), 0)
        with open(self.site.path("policy"), encoding="utf-8") as text:
            self.assertIn("SCHED_OTHER", text.read(), "hooks run as ever")
        self.assert_restores(endpoint)


if __name__ == "__main__":
    unittest.main(verbosity=2)
