"""kill -9 at random moments: of the endpoint, of the cluster, of both, amid a backup.

Each time the last acknowledged point restores, and the next run succeeds. usage: kill_e2e.py [TIMES]
"""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.site import Site, wait_until  # noqa: E402
from harness.trees import differences, make_tree  # noqa: E402


class Rounds:
    def __init__(self, site, chance):
        self.site = site
        self.chance = chance
        self.source = site.path("source")
        make_tree(self.source)
        self.endpoint = site.endpoint()
        self.endpoint.start(site.partner.token(site.customer))
        self.endpoint.wait_enrolled()
        site.partner.push_plan(site.partner.plan(self.source), site.customer)
        self.endpoint.wait_plan(1)
        self.states = {}  # sequence of a point -> copy of the tree that it holds
        self.copies = 0
        self.acknowledged = 0
        self.amid = 0
        self.span = 0.0

    def change(self, number):
        """Small and large, new and gone; some 30 MB, so that a run has packs to be killed in."""
        with open(os.path.join(self.source, f"new {number}"), "wb") as out:
            out.write(self.chance.randbytes(self.chance.randrange(20_000_000, 40_000_000)))
        with open(os.path.join(self.source, f"small {self.chance.randrange(100, 200)}"), "ab") as out:
            out.write(b"more")
        old = os.path.join(self.source, f"new {number - 3}")
        if os.path.exists(old):
            os.unlink(old)

    def copy(self):
        self.copies += 1
        target = self.site.path(f"state {self.copies}")
        subprocess.run(["cp", "-a", self.source, target], check=True)
        return target

    def latest(self):
        return self.endpoint.ask("points")[-1]

    def committed(self):
        database = sqlite3.connect(os.path.join(self.site.cluster.state, "cluster.db"))
        try:
            return database.execute("SELECT MAX(sequence) FROM heads").fetchone()[0]
        finally:
            database.close()

    def settle(self, state):
        """The next run succeeds, and holds `state`."""
        outcome = self.endpoint.backup()
        assert outcome["outcome"] == "done", outcome
        self.acknowledged = self.latest()["sequence"]
        self.states = {self.acknowledged: state}

    def measure(self):
        """How long a run takes here, for kills to fall into it."""
        self.change(-1)
        begin = time.monotonic()
        self.settle(self.copy())
        self.span = time.monotonic() - begin

    def restores(self, point):
        target = self.site.path("restored")
        self.endpoint.ask("restore", point["id"], "--to", target, timeout=300)
        wrong = differences(self.states[point["sequence"]], target + self.source)
        shutil.rmtree(target)
        assert wrong == "", f"point {point['sequence']} came back otherwise:\n{wrong}"

    def kill(self, whom):
        cluster = self.site.cluster
        if "endpoint" in whom:
            self.endpoint.kill()
        if "cluster" in whom:
            cluster.process.kill()
        # Counted at once: started again, the endpoint goes on with the run by itself.
        self.amid += self.committed() == self.acknowledged
        if "cluster" in whom:
            cluster.start()
        if "endpoint" in whom:
            self.endpoint.start()

    def round(self, number):
        self.change(number)
        state = self.copy()
        self.endpoint.obhut("backup")
        time.sleep(self.chance.uniform(0.0, self.span))
        self.kill(self.chance.choice([["endpoint"], ["cluster"], ["endpoint", "cluster"]]))
        wait_until("the run that was cut off to end", self.idle, 120)
        # Where the answer to the commit was lost with the process, the run is made up for: one more.
        point = self.latest()
        sequence = point["sequence"]
        assert self.acknowledged <= sequence <= self.acknowledged + 2, sequence
        for made in range(self.acknowledged + 1, sequence + 1):
            self.states[made] = state
        self.restores(point)
        old = self.states[self.acknowledged]
        self.settle(state)
        if old != state:
            shutil.rmtree(old)

    def idle(self):
        return not self.endpoint.status()["schedule"]["running"]


def main():
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(os.environ.get("OBHUT_SEED", "1"))
    site = Site()
    try:
        rounds = Rounds(site, random.Random(seed))
        rounds.settle(rounds.copy())
        rounds.measure()
        for number in range(times):
            rounds.round(number)
        rounds.restores(rounds.latest())
        verified = rounds.endpoint.ask("verify", "--read-data", timeout=600)
        assert verified["errors"] == 0, verified
        print(f"{times} kills, {rounds.amid} before the point was acknowledged; nothing lost")
        # Kills that all come too late or too early would prove nothing.
        assert times // 10 <= rounds.amid, rounds.amid
    finally:
        site.close()


if __name__ == "__main__":
    main()
