"""/usr/share and /usr/lib of this machine through a vault and back, compared by rsync.

usage: round_trip_usr.py OBHUT [FOLDER…]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


def space_needed(folders):
    listed = subprocess.run(["du", "-sxb", "--total", *folders], capture_output=True, text=True,
                            check=False).stdout
    return int(listed.splitlines()[-1].split()[0])


def differences(folder, restored, began):
    """What differs, but for what somebody changed since the backup began."""
    told = subprocess.run(["rsync", "-aHAX", "--one-file-system", "--dry-run", "--checksum",
                           "--delete", "--itemize-changes", "--out-format=%i %n", folder + "/",
                           restored + "/"], capture_output=True, check=True).stdout
    wrong = []
    for line in told.split(b"\n"):
        if not line:
            continue
        name = os.path.join(os.fsencode(folder), line.split(b" ", 1)[1].rstrip(b"/"))
        try:
            changed = os.lstat(name).st_ctime
        except FileNotFoundError:
            changed = os.lstat(os.path.dirname(name)).st_ctime
        if changed < began:
            wrong.append(os.fsdecode(line))
    return wrong


def main():
    obhut = sys.argv[1]
    folders = sys.argv[2:] or ["/usr/share", "/usr/lib"]
    scratch = tempfile.mkdtemp(prefix="obhut-usr-")
    try:
        needed = 2 * space_needed(folders)
        free = shutil.disk_usage(scratch).free
        assert free > needed, f"{scratch}: {needed >> 20} MB are needed, {free >> 20} MB are free"
        key = os.path.join(scratch, "key")
        with open(key, "w", encoding="utf-8") as out:
            out.write("a passphrase for a test\n")
        vault = ["--vault", os.path.join(scratch, "vault"), "--key-file", key]
        target = os.path.join(scratch, "restored")

        def vault_command(name, *arguments):
            return subprocess.run([obhut, "vault", name, *vault, *arguments], capture_output=True,
                                  text=True, check=True, timeout=900).stdout

        vault_command("init")
        began = time.time()
        vault_command("backup", "--one-file-system", *folders)
        vault_command("backup", "--one-file-system", *folders)
        points = json.loads(vault_command("points", "--json"))
        assert len(points) == 2 and points[0]["files"] > 0, points
        # What is stored is smaller than what is protected, and the second copy is nothing to it.
        assert points[0]["stored_bytes"] < points[0]["bytes"], points
        assert points[1]["stored_bytes"] < points[0]["stored_bytes"] // 20, points
        vault_command("restore", points[0]["id"], "--to", target)
        for folder in folders:
            wrong = differences(folder, target + folder, began)
            assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:50])
        vault_command("check", "--read-data")
        print(f"{points[0]['files']} files, {points[0]['bytes'] >> 20} MB: equal")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
