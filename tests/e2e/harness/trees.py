"""Trees to back up, and whether they came back."""

import os
import random
import subprocess


def make_tree(folder):
    """A little of everything that a file system holds."""
    os.makedirs(os.path.join(folder, "deep", "er"))
    chance = random.Random(7)
    for number in range(200):
        with open(os.path.join(folder, f"small {number}"), "wb") as out:
            out.write(chance.randbytes(chance.randrange(0, 5000)))
    with open(os.path.join(folder, "deep", "large"), "wb") as out:
        out.write(chance.randbytes(20_000_000))
    with open(os.path.join(folder, "sparse"), "wb") as out:
        out.truncate(50_000_000)
        out.seek(30_000_000)
        out.write(b"in the middle")
    os.symlink("small 1", os.path.join(folder, "link"))
    os.link(os.path.join(folder, "small 2"), os.path.join(folder, "deep", "er", "hard"))
    os.mkfifo(os.path.join(folder, "fifo"))
    with open(os.path.join(os.fsencode(folder), b"not \xff utf-8"), "wb") as out:
        out.write(b"named badly")
    os.chmod(os.path.join(folder, "small 3"), 0o4750)
    os.utime(os.path.join(folder, "small 4"), ns=(1, 1_234_567_890_123_456_789))


def differences(one, other):
    """What rsync would have to do to make `other` like `one`: nothing, if it was restored."""
    outcome = subprocess.run(["rsync", "-aHAX", "--dry-run", "--itemize-changes", "--checksum",
                              "--delete", one + "/", other + "/"],
                             capture_output=True, text=True, check=True, errors="replace")
    return outcome.stdout
