#!/usr/bin/env python3
"""The cluster survives a crash at any instant of enrolment, uploads and commits.

The server runs under the recorder while a device enrols, gets its plan and makes two recovery points.
For every state in which a crash could have left the cluster's folder: the database is sound, every
acknowledged point is committed, every object that a committed point needs is in the store with the
right bytes, and the ledger's chain holds. From some states the server is started for real and the
device goes on with it.

usage: cluster_crash_test.py BIN RECORDER.so [STATES]
"""
import hashlib
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import crash_states  # noqa: E402

SEED = int(os.environ.get("CRASH_SEED", "20261124"))
REAL_RUNS = 8


def tell_story(site_module, recorder, log):
    """Gives the site, its endpoint, the disk before, and the head acknowledged at each mark."""
    os.environ["LD_PRELOAD"] = ""
    site = site_module.Site()
    site.cluster.stop()
    before = crash_states.Disk()
    before.load(site.cluster.state)
    os.environ.update(LD_PRELOAD=str(recorder), RECORD_ROOT=site.cluster.state, RECORD_LOG=str(log))
    site.cluster.start()
    for name in ("LD_PRELOAD", "RECORD_ROOT", "RECORD_LOG"):
        os.environ.pop(name)
    data = pathlib.Path(site.path("data"))
    data.mkdir()
    endpoint = site.endpoint()
    endpoint.start(site.partner.token(site.customer))
    endpoint.wait_enrolled()
    site.partner.push_plan(site.partner.plan(str(data)), site.customer)
    endpoint.wait_plan(1)
    for number in range(2):
        for i in range(4):
            (data / f"file-{number}-{i}").write_bytes(bytes([number, i]) * 5000)
        point = endpoint.backup()["targets"][0]["point"]
        crash_states.append_mark(log, point["id"])
    site.cluster.stop()
    return site, endpoint, before


def verify_files(name, marks, state):
    database = next(state.glob("*.db"), None) or next(state.glob("**/*.sqlite"))
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), name
        heads = dict(connection.execute("SELECT hash, store_key FROM heads"))
        for mark in marks:
            assert mark in heads, f"{name}: the acknowledged point {mark[:16]} is not committed"
        needed = connection.execute(
            "SELECT o.store_key, o.hash FROM objects o WHERE o.needed = 1").fetchall()
        newest = connection.execute("SELECT head_hash FROM vaults").fetchall()
    for (head,) in newest:
        assert head == "" or head in heads, f"{name}: the vault's newest head is not there"
    for key, digest in needed + [(key, digest) for digest, key in heads.items()]:
        file = next(state.rglob(pathlib.PurePath(key).name), None)
        assert file is not None, f"{name}: {key} is needed and gone"
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, f"{name}: {key} is damaged"


def go_on_for_real(site, endpoint, state, also_back_up):
    """The server starts on this state, and the device reads back all that it has there.

    Only at the very end it also backs up: from then on it would rightly refuse every older state.
    """
    kept = site.cluster.state
    site.cluster.state = str(state)
    try:
        site.cluster.start()
        endpoint.obhut("verify", "--read-data")
        if also_back_up:
            outcome = endpoint.backup()
            assert outcome["outcome"] == "done", outcome
    finally:
        site.cluster.stop()
        site.cluster.state = kept


def main():
    binaries, recorder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    most = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    os.environ["OBHUT_BIN"] = binaries
    if os.access("/dev/shm", os.W_OK):
        os.environ.setdefault("TMPDIR", "/dev/shm")
    from harness import site as site_module
    base = pathlib.Path(tempfile.mkdtemp(prefix="obhut-cluster-crash-"))
    log = base / "log"
    site, endpoint, before = tell_story(site_module, recorder, log)
    failures, done, real_runs = [], 0, 0
    try:
        operations = crash_states.read_log(log)
        acknowledged = sum(op.kind == crash_states.MARK for op in operations)
        for name, marks, disk in crash_states.states(operations, before, most, SEED):
            state = base / "state"
            disk.write_to(state)
            try:
                verify_files(name, marks, state)
                site_module.run("obhut-cluster", "--state", str(state), "ledger", "verify")
                # A state without the newest acknowledged point would rightly be refused.
                last = name == "the end"
                if len(marks) == acknowledged and (last or real_runs < REAL_RUNS):
                    go_on_for_real(site, endpoint, state, also_back_up=last)
                    real_runs += 1
            except (AssertionError, site_module.CommandFailed) as error:
                failures.append(f"{name}: {error}")
            shutil.rmtree(state)
            done += 1
        print(f"{len(operations)} operations, {done} states, seed {SEED}, {len(failures)} failures")
        for failure in failures[:10]:
            print(failure)
        return 1 if failures or acknowledged != 2 else 0
    finally:
        site.close()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
