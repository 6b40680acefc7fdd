"""Seeded data: the same seed gives the same bytes on every machine."""
import os
import random
import shutil
import subprocess

from . import SuiteError
from .room import size_of

FILES_PER_FOLDER = 100
MAX_SMALL_FILE = 8192
BLOCK = 64 * 1024

# Letters as unevenly spread as in text, so that an entropy coder halves them; drawn independently, so
# that no program gains from matches between files which real data would not have either.
_LETTERS = b" etaoinshrdlucm\n"
TEXT = bytes(_LETTERS[int((i / 256) ** 2.2 * len(_LETTERS))] for i in range(256))


def text(rng, length):
    return rng.randbytes(length).translate(TEXT)


def copy_of(sources, limit, target):
    """Copies `sources` whole, or their entries in order of name while they fit into `limit` bytes."""
    if limit is None:
        chosen = [s for s in sources if os.path.isdir(s)]
    else:
        chosen, left = [], limit
        for source in (s for s in sources if os.path.isdir(s)):
            for name in sorted(os.listdir(source)):
                size, _ = size_of(os.path.join(source, name))
                if size <= left:
                    chosen.append(os.path.join(source, name))
                    left -= size
    if not chosen:
        raise SuiteError(f"{' '.join(sources)}: nothing there to copy")
    for begin in range(0, len(chosen), 500):
        # ignored: exit 1, what this user may not read; the copy is the workload, whatever it holds
        subprocess.run(["cp", "-a", "--reflink=auto", "--parents", "-t", target, *chosen[begin:begin + 500]],
                       stderr=subprocess.DEVNULL, check=False)


def small_files(target, count, seed):
    """Sizes from 0 to 8 KiB with more small than large, two of three compressible, about 100 a folder."""
    rng = random.Random(seed)
    for folder in range((count + FILES_PER_FOLDER - 1) // FILES_PER_FOLDER):
        path = os.path.join(target, f"part {folder // FILES_PER_FOLDER:03}", f"folder {folder:05}")
        os.makedirs(path)
        handle = os.open(path, os.O_DIRECTORY)
        for number in range(folder * FILES_PER_FOLDER, min(count, (folder + 1) * FILES_PER_FOLDER)):
            _write_small(rng, handle, name_of(number), os.O_EXCL)
        os.close(handle)


def name_of(number):
    return f"file-{number:07}.dat"


def folder_of(target, number):
    folder = number // FILES_PER_FOLDER
    return target / f"part {folder // FILES_PER_FOLDER:03}" / f"folder {folder:05}"


def _write_small(rng, folder, name, flags):
    length = int(MAX_SMALL_FILE * rng.random() ** 2)
    content = text(rng, length) if rng.random() < 0.66 else rng.randbytes(length)
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | flags, 0o644, dir_fd=folder)
    os.write(handle, content)
    os.close(handle)


def change_small_files(target, seed, share, keep=()):
    """Of all files below, anywhere: `share` rewritten, as many renamed, deleted, and added. Names in
    `keep` stay as they are. Returns the number of deletions."""
    rng, deleted = random.Random(seed), 0
    for path, folders, names in os.walk(target):
        folders.sort()
        handle = os.open(path, os.O_DIRECTORY)
        for name in sorted(names):
            kind = int(rng.random() / share) if name not in keep else 4
            if kind == 0:
                _write_small(rng, handle, name, 0)
            elif kind == 1:
                os.rename(name, f"renamed-{rng.getrandbits(48):012x}.dat", src_dir_fd=handle, dst_dir_fd=handle)
            elif kind == 2:
                os.unlink(name, dir_fd=handle)
                deleted += 1
            elif kind == 3:
                _write_small(rng, handle, f"added-{rng.getrandbits(48):012x}.dat", os.O_EXCL)
        os.close(handle)
    return deleted


def incompressible_twice(target, length, seed):
    rng = random.Random(seed)
    with open(target / "once.bin", "wb") as file:
        for _ in range(length // (1 << 20)):
            file.write(rng.randbytes(1 << 20))
    shutil.copyfile(target / "once.bin", target / "again.bin")


def disk_image(path, length, seed):
    """Blocks as on a disk in use: half text-like, a quarter incompressible, a quarter zeros."""
    rng = random.Random(seed)
    with open(path, "wb") as file:
        for _ in range(length // BLOCK):
            file.write(_block(rng))


def _block(rng):
    kind = rng.random()
    return text(rng, BLOCK) if kind < 0.5 else rng.randbytes(BLOCK) if kind < 0.75 else bytes(BLOCK)


def change_blocks(path, seed, share):
    """Rewrites that share of the blocks, at least one, in place."""
    rng = random.Random(seed)
    blocks = os.path.getsize(path) // BLOCK
    with open(path, "r+b") as file:
        for block in sorted(rng.sample(range(blocks), max(1, int(blocks * share)))):
            file.seek(block * BLOCK)
            file.write(rng.randbytes(BLOCK))
