"""This version over the state that earlier ones left: the cluster over theirs, the agent over theirs.

usage: OBHUT_BIN=… upgrade_e2e.py [unittest's arguments]
"""

import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))

from kept_site import DATA, VAULT, endpoint_of, proxy_before, unpack  # noqa: E402
from harness.environment import environment  # noqa: E402
from harness.site import run, wait_until  # noqa: E402
from harness.trees import differences  # noqa: E402

STATES = sorted(pathlib.Path(__file__).parents[1].joinpath("data", "states").glob("*.tar.xz"))


@unittest.skipIf(os.geteuid() != 0, "only root may give a daemon its own /mnt")
class Upgrade(unittest.TestCase):
    def goes_on(self, archive):
        site, facts = unpack(archive)
        self.addCleanup(site.close)
        proxy = proxy_before(site)
        self.addCleanup(proxy.close)
        endpoint = endpoint_of(site, proxy)
        endpoint.start()

        # The device that it was, with the plan that it had, and the same date on the bill.
        enrolment = endpoint.wait_enrolled()
        self.assertEqual(enrolment["device"], facts["device"])
        self.assertEqual(enrolment["activated_at"], facts["activated"])
        self.assertEqual(endpoint.status()["plan"]["version"], 1)
        self.assertEqual(endpoint.status()["protection"]["state"], "protected")
        wait_until("the line", lambda: endpoint.status()["cluster"]["reachable"], 60)

        # What it had backed up is there, and comes back.
        for target, points in (("cluster", facts["points"]), (VAULT, facts["local_points"])):
            with self.subTest(target=target):
                where = [] if target == "cluster" else ["--target", target]
                there = endpoint.ask("points", *where)
                self.assertEqual([point["id"] for point in there], [point["id"] for point in points])
                back = site.path("back-" + os.path.basename(target))
                endpoint.ask("restore", "latest", *where, "--to", back)
                self.assertEqual(differences(site.path("mnt", "data"), back + DATA), "")
                endpoint.ask("restore", min(points, key=lambda point: point["time"])["id"], *where,
                             "--to", back + "-first")
                self.assertTrue(os.path.exists(back + "-first" + DATA + "/Büro/Brief 4.txt"))

        # It goes on where it stopped: only what changed is sent.
        with open(site.path("mnt", "data", "Büro", "Brief 5.txt"), "a", encoding="utf-8") as out:
            out.write("Später dazu\n")
        outcome = endpoint.backup()
        self.assertEqual(outcome["outcome"], "done", json.dumps(outcome))
        self.assertEqual(len(endpoint.ask("points")), len(facts["points"]) + 1)
        self.assertEqual(endpoint.ask("verify", "--read-data")["errors"], 0)
        site.partner.push_plan(site.partner.plan(DATA, "/mnt/more", targets=[
            {"type": "cluster", "retention": {"keep_last": 1000}},
            {"type": "local", "path": VAULT, "retention": {"keep_last": 1000}}]), site.customer)
        endpoint.wait_plan(2)

        # The sheet in the safe opens the vault still.
        sheet = site.path("sheet.txt")
        with open(sheet, "w", encoding="utf-8") as out:
            out.write(facts["sheet"])
        with environment(https_proxy=proxy.url):
            points = json.loads(run("obhut", "vault", "points", "--json", "--sheet", sheet).stdout)
        self.assertEqual(len(points), len(facts["points"]) + 1)
        endpoint.stop()
        site.cluster.stop()
        self.assertEqual(run("obhut-cluster", "--state", site.cluster.state, "ledger", "verify").returncode, 0)

    def test_every_state_that_is_kept(self):
        self.assertTrue(STATES, "tests/data/states is empty")
        for archive in STATES:
            with self.subTest(archive=archive.name):
                self.goes_on(archive)


if __name__ == "__main__":
    unittest.main()
