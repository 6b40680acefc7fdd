"""An endpoint from its token to its restored files, with everything going wrong on the way."""

import calendar
import glob
import json
import os
import random
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.lying_cluster import LyingCluster, answer_with  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.site import CommandFailed, Site, free_port, is_listened_to, run, wait_until  # noqa: E402
from harness.trees import differences, make_tree  # noqa: E402


class EndpointTest(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.source = self.site.path("source")
        make_tree(self.source)

    def enrolled(self, name="endpoint"):
        endpoint = self.site.endpoint(name)
        endpoint.start(self.site.partner.token(self.site.customer))
        endpoint.wait_enrolled()
        return endpoint

    def with_plan(self):
        endpoint = self.enrolled()
        self.site.partner.push_plan(self.site.partner.plan(self.source), self.site.customer)
        endpoint.wait_plan(1)
        return endpoint

    def behind_a_liar(self):
        port = free_port()
        self.site.close()
        self.site = Site(port)
        self.addCleanup(self.site.close)
        liar = LyingCluster(self.site.cluster, port)
        self.addCleanup(liar.close)
        self.source = self.site.path("source")
        make_tree(self.source)
        endpoint = self.site.endpoint()
        endpoint.start(self.site.partner.token(self.site.customer, f"https://localhost:{port}"))
        endpoint.wait_enrolled()
        return liar, endpoint

    def behind_a_proxy(self):
        port = free_port()
        self.site.close()
        self.site = Site(port)
        self.addCleanup(self.site.close)
        proxy = Proxy(self.site.cluster.port, port)
        self.addCleanup(proxy.close)
        self.source = self.site.path("source")
        make_tree(self.source)
        endpoint = self.site.endpoint()
        endpoint.start(self.site.partner.token(self.site.customer, f"https://localhost:{port}"))
        endpoint.wait_enrolled()
        return proxy, endpoint

    def assert_restores(self, endpoint, point="latest", like=None):
        target = self.site.path(f"restored-{time.monotonic_ns()}")
        endpoint.ask("restore", point, "--to", target, timeout=300)
        self.assertEqual(differences(like or self.source, target + self.source), "")
        shutil.rmtree(target)


class FromTokenToRestore(EndpointTest):
    def test_enrols_backs_up_and_restores_bit_for_bit(self):
        endpoint = self.with_plan()

        first = endpoint.backup()
        before = self.site.path("before")
        subprocess.run(["cp", "-a", self.source, before], check=True)
        with open(os.path.join(self.source, "small 5"), "ab") as out:
            out.write(b"changed")
        os.remove(os.path.join(self.source, "small 6"))
        second = endpoint.backup()
        points = endpoint.ask("points")

        self.assertEqual(first["outcome"], "done", json.dumps(first))
        self.assertEqual(second["outcome"], "done", json.dumps(second))
        self.assertEqual([point["sequence"] for point in points], [1, 2])
        self.assertLess(second["targets"][0]["point"]["new_bytes"], 1_500_000)
        self.assert_restores(endpoint)
        self.assert_restores(endpoint, points[0]["id"][:12], like=before)
        status = endpoint.status()
        self.assertEqual(status["protection"]["state"], "protected", json.dumps(status))
        self.assertTrue(status["protection"]["escrow"])
        device = self.site.devices()[0]["id"]
        kept = self.site.api.get(f"/api/v1/devices/{device}/points")["points"]
        self.assertEqual(len(kept), 2)

    def test_lists_finds_exports_and_verifies(self):
        endpoint = self.with_plan()
        endpoint.backup()

        names = {entry["path"] for entry in endpoint.ask("ls", "latest", self.source)}
        found = endpoint.ask("find", "hard")
        archive = self.site.path("all.tar")
        endpoint.ask("export", "--to", archive)
        listed = subprocess.run(["tar", "tf", archive], capture_output=True, text=True, check=True,
                                errors="replace").stdout
        verified = endpoint.ask("verify", "--read-data")

        self.assertIn(self.source + "/link", names)
        self.assertNotIn(self.source + "/deep/er/hard", names)
        self.assertEqual([entry["path"] for entry in found], [self.source + "/deep/er/hard"])
        self.assertIn("deep/er/hard", listed)
        self.assertEqual(verified["errors"], 0)
        self.assertGreater(verified["bytes_read"], 20_000_000)

    def test_keeps_the_receipts_for_what_is_billed(self):
        endpoint = self.enrolled()
        enrolment = endpoint.status()["enrolment"]

        def kept():
            billing = endpoint.ask("status", "--billing")
            return billing if os.path.exists(os.path.join(billing["folder"], "activation.jws")) else None

        billing = wait_until("the receipts", kept, 30)

        self.assertEqual(billing["activation"]["workload"], enrolment["workload"])
        self.assertEqual(billing["activation"]["activated_at"], enrolment["activated_at"])
        self.assertEqual(billing["storage"], [], "today is not over")
        with open(os.path.join(billing["folder"], "activation.jws"), encoding="ascii") as text:
            self.assertEqual(text.read(), enrolment["receipt"])
        self.assertIn("no receipt of storage yet", endpoint.obhut("status", "--billing").stdout)

    def test_reports_reach_the_cluster_in_codes_and_numbers(self):
        endpoint = self.with_plan()
        os.mkdir(os.path.join(self.source, "secret name"))
        endpoint.backup()
        device = self.site.devices()[0]["id"]

        def told():
            return self.site.api.get(f"/api/v1/devices/{device}/activities")["activities"]
        activities = wait_until("the activity to arrive", told)

        self.assertEqual(activities[0]["outcome"], "done")
        self.assertGreater(activities[0]["counts"]["files"], 200)
        self.assertNotIn("secret name", json.dumps(activities))

    def test_is_not_recoverable_until_a_recovery_key_is_confirmed(self):
        endpoint = self.enrolled()
        plan = self.site.partner.plan(self.source)
        del plan["escrow"]
        self.site.partner.push_plan(plan, self.site.customer)
        endpoint.wait_plan(1)
        endpoint.backup()
        self.assertEqual(endpoint.status()["protection"]["state"], "not recoverable")

        key = endpoint.ask("key", "show-recovery")["recovery_key"]
        mistyped = key.replace(key[0], "A" if key[0] != "A" else "B", 1)
        wrong = endpoint.obhut("key", "confirm", stdin=mistyped, check=False)
        endpoint.obhut("key", "confirm", stdin=key + "\n")

        self.assertEqual(wrong.returncode, 2)
        self.assertEqual(endpoint.status()["protection"]["state"], "protected")
        self.assertFalse(os.path.exists(os.path.join(endpoint.state, "secrets", "recovery.key")))

    def test_a_local_target_works_by_the_same_plan(self):
        endpoint = self.enrolled()
        local = self.site.path("local-vault")
        locked = self.site.path("locked-vault")
        plan = self.site.partner.plan(self.source, targets=[
            {"type": "cluster"},
            {"type": "local", "path": local, "retention": {"keep_last": 1, "lock_days": 0}},
            {"type": "local", "path": locked, "retention": {"keep_last": 1}}])
        self.site.partner.push_plan(plan, self.site.customer)
        endpoint.wait_plan(1)

        endpoint.backup()
        endpoint.backup()

        self.assertEqual(len(endpoint.ask("points")), 2)
        self.assertEqual(len(endpoint.ask("points", "--target", local)), 1)
        self.assertEqual(len(endpoint.ask("points", "--target", locked)), 2,
                         "younger than the default lock of 14 days")
        target = self.site.path("restored-local")
        endpoint.ask("restore", "--target", local, "--to", target)
        self.assertEqual(differences(self.source, target + self.source), "")


class OldPacks(EndpointTest):
    def write(self, number):
        with open(os.path.join(self.files, f"file-{number}"), "wb") as file:
            file.write(os.urandom(300_000))

    def test_the_next_backup_leaves_packs_of_which_one_file_lives(self):
        self.files = self.site.path("files")
        os.mkdir(self.files)
        endpoint = self.enrolled()
        self.site.partner.push_plan(self.site.partner.plan(self.files, targets=[
            {"type": "cluster", "retention": {"keep_last": 1, "lock_days": 0}}]), self.site.customer)
        endpoint.wait_plan(1)
        for number in range(30):
            self.write(number)
        endpoint.backup()
        for number in range(1, 30):
            self.write(number)
        endpoint.backup()
        cluster = self.site.cluster
        cluster.stop()
        config = os.path.join(cluster.state, "cluster.toml")
        with open(config, encoding="utf-8") as text:
            settings = text.read().replace("# grace_days = 7", "grace_days = 0")
        with open(config, "w", encoding="utf-8") as text:
            text.write(settings)
        for _ in range(2):  # drops the first point, and lets go of its head
            run("obhut-cluster", "--state", cluster.state, "retention", "run")
        cluster.start()
        self.assertEqual(len(endpoint.ask("points")), 1)
        time.sleep(2.1)  # files of the last two seconds are read again in any case
        for hint in glob.glob(os.path.join(endpoint.state, "cache-*", "walked")):
            os.remove(hint)  # as if a week had gone by

        endpoint.backup()
        endpoint.backup()
        endpoint.backup()

        with open(endpoint.log, encoding="utf-8") as log:
            self.assertIn("leaves packs that are mostly dead", log.read())
        stored = [point["stored_bytes"] for point in endpoint.ask("points")]
        self.assertLess(stored[-3], 50_000, "chosen after that run")
        self.assertGreater(stored[-2], 300_000, "one file moved")
        self.assertLess(stored[-2], 700_000)
        self.assertLess(stored[-1], 50_000, "nothing moves twice")
        target = self.site.path("restored")
        endpoint.ask("restore", "--to", target)
        self.assertEqual(differences(self.files, target + self.files), "")


class Enrolling(EndpointTest):
    def assert_one_device(self, activated_at):
        devices = self.site.devices()
        self.assertEqual(len(devices), 1, json.dumps(devices))
        self.assertEqual(devices[0]["activated"][:19], activated_at[:19])

    def test_killed_at_any_moment_it_stays_one_workload_with_one_date(self):
        token = self.site.partner.token(self.site.customer)
        endpoint = self.site.endpoint()
        chance = random.Random(3)
        for _ in range(12):
            endpoint.start(token, wait=False)
            time.sleep(chance.uniform(0.0, 0.15))
            endpoint.kill()
        endpoint.start(token)
        first = endpoint.wait_enrolled()
        endpoint.kill()
        endpoint.start(token)
        again = endpoint.wait_enrolled()

        self.assertEqual(first["device"], again["device"])
        self.assertEqual(first["activated_at"], again["activated_at"])
        self.assertEqual(first["receipt"], again["receipt"])
        self.assert_one_device(first["activated_at"])

    def test_the_activation_date_is_that_of_the_installation_however_late_the_cluster_hears(self):
        token = self.site.partner.token(self.site.customer)
        endpoint = self.site.endpoint()
        self.site.cluster.process.kill()
        before = int(time.time())
        endpoint.start(token)
        installed = time.time()
        status = endpoint.status()
        self.assertTrue(status["enrolment"]["pending"], json.dumps(status))
        endpoint.kill()
        time.sleep(2)
        self.site.cluster.start()
        endpoint.start()  # the token's file is not needed again

        activated = endpoint.wait_enrolled()["activated_at"]

        seconds = calendar.timegm(time.strptime(activated[:19], "%Y-%m-%dT%H:%M:%S"))
        self.assertTrue(before <= seconds <= installed, (before, activated, installed))
        self.assert_one_device(activated)

    def test_lost_answers_count_a_token_once(self):
        proxy = Proxy(self.site.cluster.port)
        self.addCleanup(proxy.close)
        proxy.mode = "lose-answers"
        token = self.site.partner.token(self.site.customer, f"https://localhost:{proxy.port}")
        endpoint = self.site.endpoint()
        for handshake in (1500, 2500, 3500):
            proxy.answer_bytes = handshake
            endpoint.start(token)
            time.sleep(0.5)
            endpoint.kill()
        proxy.mode = "pass"
        endpoint.start(token)
        endpoint.wait_enrolled(40)

        tokens = self.site.api.get(f"/api/v1/customers/{self.site.customer}/tokens")["tokens"]

        self.assertEqual([entry["used"] for entry in tokens], [1])
        self.assertEqual(len(self.site.devices()), 1)

    def test_a_used_up_token_is_refused_and_a_new_one_taken(self):
        token = self.site.partner.token(self.site.customer)
        self.enrolled_with(token, "first")
        second = self.site.endpoint("second")
        second.start()

        refused = second.obhut("enroll", "--token-file", token, check=False)
        accepted = second.obhut("enroll", "--token-file", self.site.partner.token(self.site.customer))

        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.assertEqual(accepted.returncode, 0)
        self.assertTrue(second.status()["enrolment"]["enrolled"])

    def enrolled_with(self, token, name):
        endpoint = self.site.endpoint(name)
        endpoint.start(token)
        endpoint.wait_enrolled()
        return endpoint

    def test_tokens_that_are_no_tokens_are_named(self):
        endpoint = self.site.endpoint()
        endpoint.start()
        for content, code in (("garbage", 2), ("", 2), ("a.b.c", 2)):
            file = self.site.path("bad-token")
            with open(file, "w", encoding="utf-8") as out:
                out.write(content)
            outcome = endpoint.obhut("enroll", "--token-file", file, check=False)
            self.assertEqual(outcome.returncode, code, outcome.stderr)
        self.assertFalse(endpoint.status()["enrolment"]["pending"])

    def test_another_servers_certificate_is_refused(self):
        with open(self.site.path("imposter.log"), "wb") as log:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=DNS:localhost", "-days", "1", "-keyout",
                            self.site.path("imposter.key"), "-out", self.site.path("imposter.pem")],
                           check=True, stdout=log, stderr=log)
            port = free_port()
            imposter = subprocess.Popen(
                ["openssl", "s_server", "-accept", str(port), "-cert", self.site.path("imposter.pem"),
                 "-key", self.site.path("imposter.key"), "-www"], stdout=log, stderr=log)
        self.addCleanup(imposter.wait)
        self.addCleanup(imposter.kill)
        endpoint = self.site.endpoint()
        endpoint.start()
        wait_until("the imposter", lambda: is_listened_to(port))

        outcome = endpoint.obhut("enroll", "--token-file",
                                 self.site.partner.token(self.site.customer,
                                                         f"https://localhost:{port}"), check=False)

        self.assertEqual(outcome.returncode, 4, outcome.stdout + outcome.stderr)
        self.assertIn("certificate", outcome.stdout)

    def test_one_state_folder_has_one_daemon(self):
        endpoint = self.enrolled()
        second = run("obhutd", "--state", endpoint.state, "--socket", self.site.path("other", "s"),
                     check=False)

        self.assertEqual(second.returncode, 3)
        self.assertIn("obhutd", second.stderr)


class Plans(EndpointTest):
    def test_wrong_plans_are_refused_and_the_last_good_one_stays(self):
        liar, endpoint = self.behind_a_liar()
        partner, customer = self.site.partner, self.site.customer
        other = partner.add_customer("C-2")
        older = partner.signed_plan(partner.plan("/etc"), "--customer", customer, "--version", "4")
        partner.push_plan(partner.plan(self.source), customer, "--version", "5")
        endpoint.wait_plan(5)
        good = endpoint.status()["plan"]["hash"]
        plan = partner.plan("/etc")
        newer = partner.signed_plan(plan, "--customer", customer, "--version", "7")
        payload = json.loads(newer)["payload"]
        stranger = self.site.path("stranger")
        run("obhut-sign", "--dir", stranger, "init", "--partner", "Stranger", "--partner-id",
            partner.id)
        run("obhut-sign", "--dir", stranger, "operator", "add", "--name", "Eve", "--roles", "plan")
        file = self.site.path("plan.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(plan, out)
        run("obhut-sign", "--dir", stranger, "plan", "sign", file, "--customer", customer,
            "--version", "8", "--out", self.site.path("foreign"))
        with open(self.site.path("foreign"), encoding="utf-8") as text:
            foreign = text.read()
        wrong = {
            "malformed-envelope": "no envelope at all",
            "bad-signature": newer.replace(payload, payload[:-8] + "AAAAAAAA"),
            "other-device": partner.signed_plan(plan, "--customer", other, "--version", "9"),
            "older-version": older,
            "unknown-operator": foreign,
        }

        for version, (reason, envelope) in enumerate(wrong.items(), start=10):
            with self.subTest(reason):
                served = json.dumps({"version": version, "envelope": envelope, "trust": ""})
                liar.lie("/api/v1/device/plan", answer_with(200, served))
                endpoint.stop()
                endpoint.start()  # the poll that is going on would last its fifty seconds

                def refused():
                    return [alert["code"] for alert in endpoint.status()["alerts"]
                            if alert["code"] == "plan-refused-" + reason]
                wait_until("the refusal", refused)

                self.assertEqual(endpoint.status()["plan"]["hash"], good)
        self.assertEqual(endpoint.backup()["outcome"], "done")

    def test_the_plan_in_force_survives_restarts_and_newer_ones_replace_it(self):
        endpoint = self.with_plan()
        endpoint.kill()
        self.site.cluster.process.kill()
        endpoint.start()
        self.assertEqual(endpoint.status()["plan"]["version"], 1)
        self.site.cluster.start()
        self.site.partner.push_plan(self.site.partner.plan(self.source, name="second"),
                                    self.site.customer)

        endpoint.wait_plan(2, 60)

        self.assertEqual(endpoint.status()["plan"]["name"], "second")

    def test_plan_check_prints_ten_runs_without_a_daemon(self):
        file = self.site.path("plan.json")
        plan = self.site.partner.plan(self.source)
        plan["schedule"] = {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "time_zone": "Europe/Berlin"}
        with open(file, "w", encoding="utf-8") as out:
            json.dump(plan, out)

        good = json.loads(run("obhut", "plan", "check", "--json", file).stdout)
        del plan["sources"]
        with open(file, "w", encoding="utf-8") as out:
            json.dump(plan, out)
        bad = run("obhut", "plan", "check", file, check=False)

        self.assertEqual(len(good["runs"]), 10)
        self.assertEqual(bad.returncode, 2)
        self.assertIn("sources", bad.stderr)

    def test_the_schedule_runs_by_itself_and_makes_up_for_what_was_missed(self):
        endpoint = self.enrolled()
        plan = self.site.partner.plan(self.source)
        plan["schedule"] = {"rrule": "FREQ=HOURLY;BYMINUTE=0,15,30,45", "time_zone": "UTC",
                            "missed": "run-soon"}
        self.site.partner.push_plan(plan, self.site.customer)
        endpoint.wait_plan(1)
        self.assertIn("next", endpoint.status()["schedule"])
        endpoint.stop()
        schedule = os.path.join(endpoint.state, "schedule.json")
        with open(schedule, "w", encoding="utf-8") as out:
            json.dump({"failures": 0, "last_begun": "2020-01-01T00:00:00Z"}, out)
        # The plan came into force just now, as far as the endpoint knows; an hour ago is missed.
        plan_file = os.path.join(endpoint.state, "plan.json")
        with open(plan_file, encoding="utf-8") as text:
            state = json.load(text)
        state["in_force"]["effective_at"] = "2024-01-01T00:00:00Z"
        with open(plan_file, "w", encoding="utf-8") as out:
            json.dump(state, out)
        endpoint.start()

        wait_until("the missed run", lambda: endpoint.status()["schedule"].get("last_success"), 60)


class Faults(EndpointTest):
    def test_killed_during_backups_it_goes_on_where_it_stopped(self):
        with open(os.path.join(self.source, "huge"), "wb") as out:
            out.write(random.Random(1).randbytes(150_000_000))
        endpoint = self.with_plan()
        chance = random.Random(5)
        for _ in range(6):
            endpoint.obhut("backup")
            time.sleep(chance.uniform(0.2, 1.2))
            endpoint.kill()
            endpoint.start()

        outcome = endpoint.backup()

        self.assertEqual(outcome["outcome"], "done", json.dumps(outcome))
        self.assert_restores(endpoint)
        self.assertEqual(endpoint.ask("verify", "--read-data")["errors"], 0)

    def test_an_older_state_folder_adopts_the_newest_point_without_alarm(self):
        endpoint = self.with_plan()
        endpoint.backup()
        endpoint.stop()
        snapshot = self.site.path("snapshot")
        subprocess.run(["cp", "-a", endpoint.state, snapshot], check=True)
        endpoint.start()
        endpoint.backup()
        endpoint.backup()
        endpoint.stop()
        shutil.rmtree(endpoint.state)
        os.rename(snapshot, endpoint.state)
        endpoint.start()

        outcome = endpoint.backup()

        self.assertEqual(outcome["outcome"], "done", json.dumps(outcome))
        self.assertEqual([p["sequence"] for p in endpoint.ask("points")], [1, 2, 3, 4])
        self.assertEqual(endpoint.status()["alerts"], [])
        self.assert_restores(endpoint)

    def test_a_cluster_restored_from_an_older_state_is_refused(self):
        endpoint = self.with_plan()
        endpoint.backup()
        self.site.cluster.process.stop()
        snapshot = self.site.path("cluster-snapshot")
        subprocess.run(["cp", "-a", self.site.cluster.state, snapshot], check=True)
        self.site.cluster.start()
        endpoint.backup()
        self.site.cluster.process.stop()
        shutil.rmtree(self.site.cluster.state)
        os.rename(snapshot, self.site.cluster.state)
        self.site.cluster.start()

        with self.assertRaises(CommandFailed) as raised:
            endpoint.obhut("backup", "--wait")
        with self.assertRaises(CommandFailed) as restoring:
            endpoint.obhut("points")

        self.assertEqual(raised.exception.code, 4, raised.exception)
        self.assertIn("older vault", raised.exception.stdout)
        self.assertEqual(restoring.exception.code, 4)
        codes = [alert["code"] for alert in endpoint.status()["alerts"]]
        self.assertIn("backup-failed", codes)

    def test_a_cluster_out_of_reach_is_told_apart_and_backups_go_on_later(self):
        proxy, endpoint = self.behind_a_proxy()
        self.site.partner.push_plan(self.site.partner.plan(self.source), self.site.customer)
        endpoint.wait_plan(1)
        proxy.mode = "refuse"
        proxy.cut()

        unreachable = endpoint.obhut("points", check=False, timeout=300)
        line = endpoint.status()["cluster"]
        proxy.mode = "pass"
        outcome = endpoint.backup()

        self.assertEqual(unreachable.returncode, 5, unreachable.stderr)
        self.assertFalse(line["reachable"], json.dumps(line))
        self.assertEqual(outcome["outcome"], "done")
        wait_until("the line to be good again", lambda: endpoint.status()["cluster"]["reachable"])

    def test_garbage_and_lies_end_in_one_clear_error_and_lose_nothing(self):
        liar, endpoint = self.behind_a_liar()
        self.site.partner.push_plan(self.site.partner.plan(self.source), self.site.customer)
        endpoint.wait_plan(1)
        self.assertEqual(endpoint.backup()["outcome"], "done")
        vaults = "/api/v1/device/vaults/"
        lies = {
            "not JSON": answer_with(200, "<html>"),
            "another shape": answer_with(200, json.dumps({"heads": 1, "objects": {}})),
            "a wrong length": answer_with(200, "{}", length=100),
            "an endless length": answer_with(200, "{}", length=10**15),
        }
        for what, lie in lies.items():
            with self.subTest(what):
                liar.lie(vaults, lie)
                outcome = endpoint.obhut("points", check=False, timeout=300)
                self.assertIn(outcome.returncode, (3, 5), outcome.stderr)
                self.assertEqual(len(outcome.stderr.strip().splitlines()), 1, outcome.stderr)
        liar.tell_the_truth()
        self.assertEqual(endpoint.backup()["outcome"], "done")
        self.assert_restores(endpoint)

    def test_a_removed_device_is_told_so(self):
        endpoint = self.with_plan()
        device = self.site.devices()[0]["id"]
        self.site.api.call("DELETE", f"/api/v1/devices/{device}")

        with self.assertRaises(CommandFailed) as raised:
            endpoint.obhut("backup", "--wait")

        self.assertEqual(raised.exception.code, 4, raised.exception)


if __name__ == "__main__":
    unittest.main()
