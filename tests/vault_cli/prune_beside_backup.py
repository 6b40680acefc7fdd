#!/usr/bin/env python3
"""Backups, prunes and restores of one local vault at the same time, as processes of their own.

The source changes to and fro, so that backups refer to content that only dropped points had. Some
prunes are killed. Every command must end well, every point restore what its source was, and
`check --read-data` find nothing.

usage: prune_beside_backup.py OBHUT [ROUNDS]
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

SEED = int(os.environ.get("PRUNE_SEED", "20261128"))


class Vault:
    def __init__(self, program, work):
        self.program, self.work = program, work
        self.env = dict(os.environ, OBHUT_CACHE=str(work / "cache"), LC_ALL="C")
        (work / "key").write_text("a passphrase for this test\n")
        self.run("init", "--recovery-key-out", work / "recovery", key="key")

    def start(self, command, *arguments, key="recovery"):
        return subprocess.Popen([self.program, "vault", command, "--vault", self.work / "vault", "--key-file",
                                 self.work / key, *map(str, arguments)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, env=self.env)

    def run(self, command, *arguments, key="recovery"):
        process = self.start(command, *arguments, key=key)
        out, _ = process.communicate()
        if process.returncode != 0:
            raise AssertionError(f"{command}: exit {process.returncode}\n{out}")
        return out

    def points(self):
        return [point["id"] for point in json.loads(self.run("points", "--json"))]


def content_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()}


def write_source(source, pick):
    """A mix of small files and large ones, each in one of a few states that come back."""
    source.mkdir(exist_ok=True)
    for i in range(60):
        state = random.Random(i * 1000 + pick.randrange(4))
        (source / f"small-{i}").write_bytes(state.randbytes(3000 + i))
    for i in range(6):
        state = random.Random(i * 77_000 + pick.randrange(3))
        (source / f"large-{i}").write_bytes(state.randbytes(400_000))


class Pruning(threading.Thread):
    """Prunes until it is told to stop; kills some of them."""

    def __init__(self, vault, pick):
        super().__init__()
        self.vault, self.pick = vault, pick
        self.over = threading.Event()
        self.done = self.killed = self.waited = self.repacked = 0
        self.failure = None

    def run(self):
        while not self.over.is_set() and not self.failure:
            process = self.vault.start("prune", "--keep-last", "2", "--json")
            if self.pick.random() < 0.3:
                time.sleep(self.pick.random() * 0.15)
                process.kill()
                process.communicate()
                self.killed += 1
                continue
            out, _ = process.communicate()
            if process.returncode != 0:
                self.failure = f"prune: exit {process.returncode}\n{out}"
                return
            report = json.loads(out)
            self.done += 1
            self.waited += report["waiting_packs"] > 0
            self.repacked += report["repacked_packs"]


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 25
    pick = random.Random(SEED)
    work = pathlib.Path(tempfile.mkdtemp(prefix="obhut-prune-"))
    try:
        vault = Vault(program, work)
        source = work / "source"
        pruning = Pruning(vault, random.Random(SEED + 1))
        held = {}
        for number in range(rounds):
            write_source(source, pick)
            if number == 1:
                pruning.start()
            out = json.loads(vault.run("backup", "--json", source).strip().splitlines()[-1])
            held[out.get("point") or vault.points()[-1]] = content_of(source)
            if number % 3 == 2:
                # The newest two are never dropped meanwhile.
                point = vault.points()[-1]
                vault.run("restore", point, "--to", work / "restored")
                got = content_of(work / "restored" / str(source).lstrip("/"))
                assert got == held[point], f"round {number}: point {point} restores other bytes"
                shutil.rmtree(work / "restored")
        pruning.over.set()
        pruning.join()
        assert not pruning.failure, pruning.failure
        vault.run("check", "--read-data")
        vault.run("prune", "--keep-last", "1")
        vault.run("check", "--read-data")
        stored = sum(path.stat().st_size for path in (work / "vault").rglob("*") if path.is_file())
        live = sum(len(body) for body in content_of(source).values())
        print(f"{rounds} backups, {pruning.done} prunes beside them ({pruning.waited} had to wait, "
              f"{pruning.repacked} packs repacked), {pruning.killed} killed; {stored} bytes for {live}; seed {SEED}")
        assert pruning.done > 0 and pruning.killed > 0
        assert stored < 2 * live, f"{stored} bytes are left for {live}"
        return 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
