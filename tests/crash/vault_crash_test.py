#!/usr/bin/env python3
"""A local vault survives a crash at any instant.

A small backup, a second one, a prune and a third backup run under the recorder. For every state in
which a crash could have left the vault, the last acknowledged point must be listed and restore bit
for bit, `check --read-data` must find nothing, and the next backup must succeed.

The story `repack` records nothing but a prune that copies live blobs out of mostly dead packs; after
each of its states the next prune must end the work and leave the point whole.

usage: vault_crash_test.py OBHUT RECORDER.so [STATES [backup|repack]]
"""
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import crash_states  # noqa: E402

SEED = int(os.environ.get("CRASH_SEED", "20261124"))


def obhut(program, *arguments, env=None, ok=(0,)):
    run = subprocess.run([program, "vault", *map(str, arguments)], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, env=env)
    if run.returncode not in ok:
        raise AssertionError(f"obhut vault {' '.join(map(str, arguments))}: exit {run.returncode}\n"
                             f"{run.stdout}{run.stderr}")
    return run.stdout


def content_of(folder):
    out = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        name = path.relative_to(folder).as_posix()
        out[name] = path.read_bytes() if path.is_file() else None
    return out


def make_source(folder, round_number):
    folder.mkdir(exist_ok=True)
    (folder / "sub").mkdir(exist_ok=True)
    for i in range(6):
        (folder / "sub" / f"note-{i}.txt").write_text(f"note {i} of round {round_number if i % 2 else 0}\n" * 20)
    (folder / "big.bin").write_bytes(bytes((i * (round_number + 3)) % 251 for i in range(300_000)))
    (folder / f"new-{round_number}.txt").write_text("new\n")


def record(program, recorder, work):
    """Runs the story; gives the log, the disk before it, and what each acknowledged point holds."""
    vault, source, key, log = work / "vault", work / "source", work / "key", work / "log"
    key.write_text("a passphrase for a crash test\n")
    make_source(source, 0)
    recovery = work / "recovery"
    obhut(program, "init", "--vault", vault, "--key-file", key, "--recovery-key-out", recovery)
    before = crash_states.Disk()
    before.load(vault)
    env = dict(os.environ, LD_PRELOAD=str(recorder), RECORD_ROOT=str(vault), RECORD_LOG=str(log),
               XDG_CACHE_HOME=str(work / "cache"))
    held = {}

    def backup(round_number):
        make_source(source, round_number)
        obhut(program, "backup", "--vault", vault, "--key-file", recovery, source, env=env)
        points = json.loads(obhut(program, "points", "--vault", vault, "--key-file", recovery, "--json"))
        held[points[-1]["id"]] = content_of(source)
        crash_states.append_mark(log, points[-1]["id"])

    backup(1)
    backup(2)
    obhut(program, "prune", "--vault", vault, "--key-file", recovery, "--keep-last", "1", env=env)
    backup(3)
    return log, before, held, recovery, source


def make_large_files(folder, changed):
    """Each is a blob of its own, and random: what dies in a pack is known to the byte."""
    folder.mkdir(exist_ok=True)
    for i in range(8):
        content = random.Random(f"{i} {changed and i < 6}").randbytes(300_000)
        (folder / f"large-{i}").write_bytes(content)


def record_repack(program, recorder, work):
    vault, source, key, log = work / "vault", work / "source", work / "key", work / "log"
    key.write_text("a passphrase for a crash test\n")
    recovery = work / "recovery"
    obhut(program, "init", "--vault", vault, "--key-file", key, "--recovery-key-out", recovery)
    keyed = ("--vault", vault, "--key-file", recovery)
    for changed in (False, True):
        make_large_files(source, changed)
        obhut(program, "backup", *keyed, source, env=dict(os.environ, XDG_CACHE_HOME=str(work / "cache")))
    point = json.loads(obhut(program, "points", *keyed, "--json"))[-1]["id"]
    before = crash_states.Disk()
    before.load(vault)
    env = dict(os.environ, LD_PRELOAD=str(recorder), RECORD_ROOT=str(vault), RECORD_LOG=str(log),
               XDG_CACHE_HOME=str(work / "cache"))
    report = json.loads(obhut(program, "prune", *keyed, "--keep-last", "1", "--json", env=env))
    assert report["repacked_packs"] > 0, f"nothing was repacked: {report}"
    crash_states.append_mark(log, point)
    return log, before, {point: content_of(source)}, recovery, source


def verify_repack(program, recovery, source, held, name, _marks, vault, work):
    verify(program, recovery, source, held, name, list(held), vault, work)
    keyed = ("--vault", vault, "--key-file", recovery)
    env = dict(os.environ, XDG_CACHE_HOME=str(work / "cache"))
    obhut(program, "prune", *keyed, "--keep-last", "1", env=env)
    obhut(program, "check", *keyed, "--read-data", env=env)
    stored = sum(path.stat().st_size for path in vault.rglob("*") if path.is_file())
    assert stored < 2_700_000, f"{name}: {stored} bytes are left for eight files of 300,000"


def verify(program, recovery, source, held, name, marks, vault, work):
    env = dict(os.environ, XDG_CACHE_HOME=str(work / "cache"))
    keyed = ("--vault", vault, "--key-file", recovery)
    points = json.loads(obhut(program, "points", *keyed, "--json", env=env))
    ids = [point["id"] for point in points]
    if marks:
        assert marks[-1] in ids, f"{name}: the acknowledged point {marks[-1]} is gone from {ids}"
    for point in ids:
        if point not in held:
            continue
        target = work / "restored"
        obhut(program, "restore", *keyed, point, "--to", target, env=env)
        got = content_of(target / str(source).lstrip("/"))
        assert got == held[point], f"{name}: point {point} restores other bytes"
        shutil.rmtree(target)
    obhut(program, "check", *keyed, "--read-data", env=env)
    obhut(program, "backup", *keyed, source, env=env)
    after = json.loads(obhut(program, "points", *keyed, "--json", env=env))
    assert len(after) == len(points) + 1, f"{name}: the next backup made no point"


STORIES = {"backup": (record, verify), "repack": (record_repack, verify_repack)}


def main():
    program, recorder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    most = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    tell, prove = STORIES[sys.argv[4] if len(sys.argv) > 4 else "backup"]
    # In memory: the states are what matters, and thousands of syncs on a disk would be the test.
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    base = pathlib.Path(tempfile.mkdtemp(prefix="obhut-crash-", dir=os.environ.get("TMPDIR", fast)))
    try:
        log, before, held, recovery, source = tell(program, recorder, base)
        operations = crash_states.read_log(log)
        done, failures = 0, []

        def one(state):
            name, marks, disk = state
            work = pathlib.Path(tempfile.mkdtemp(prefix="state-", dir=base))
            try:
                disk.write_to(work / "vault")
                prove(program, recovery, source, held, name, marks, work / "vault", work)
            except AssertionError as error:
                return f"{name}: {error}"
            finally:
                shutil.rmtree(work, ignore_errors=True)
            return None

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            pending = set()
            for state in crash_states.states(operations, before, most, SEED):
                pending.add(pool.submit(one, state))
                done += 1
                if len(pending) >= 16:  # states are copies of the disk: only so many at once
                    finished, pending = concurrent.futures.wait(
                        pending, return_when=concurrent.futures.FIRST_COMPLETED)
                    failures += [f.result() for f in finished if f.result()]
            failures += [f.result() for f in pending if f.result()]
        print(f"{len(operations)} operations, {done} states, seed {SEED}, {len(failures)} failures")
        for failure in failures[:10]:
            print(failure)
        return 1 if failures or not operations else 0
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
