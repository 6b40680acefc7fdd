"""The work folder: free space, warm pages, and trees that wait for their deletion."""
import itertools
import os
import subprocess
import sys
import time

from . import SuiteError

# ext4 does not take an inode again for a minute after its deletion, and walks past each of those when
# it looks for a free one: after a large deletion, creating files is several times slower until then.
SETTLE_SECONDS = 65
MANY = 5000  # deletions; fewer, spread over a disk, are not to be seen


def note(text):
    print(text, file=sys.stderr, flush=True)


def gigabytes(count):
    return f"{count / 1e9:.1f} GB"


def walk(folder):
    """Every file's os.DirEntry, without following links or holding more than one folder's names."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from walk(entry.path)
            else:
                yield entry


def warm(folder, contents):
    """Brings metadata, and where asked the bytes, of everything below `folder` into memory."""
    buffer = bytearray(1 << 20)
    for entry in walk(folder):
        if not contents or not entry.is_file(follow_symlinks=False):
            entry.stat(follow_symlinks=False)
            continue
        with open(entry.path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def size_of(folder):
    """Bytes and number of the files below, and of `folder` itself where it is a file."""
    if not os.path.isdir(folder) or os.path.islink(folder):
        return os.lstat(folder).st_size, 1
    total = count = 0
    for entry in walk(folder):
        total += entry.stat(follow_symlinks=False).st_size
        count += 1
    return total, count


class Room:
    """Nothing is deleted before room is needed: see SETTLE_SECONDS."""

    def __init__(self, folder):
        self.folder = folder
        self._scrap = []
        self._numbers = itertools.count()
        self._settled_at = 0.0

    def fresh(self, name):
        """A new folder below the work folder."""
        path = self.folder / f"{name}-{next(self._numbers)}"
        path.mkdir()
        return path

    def discard(self, path):
        self._scrap.append(path)

    def make(self, needed_bytes, needed_files=0):
        """Makes sure of that much room, by deleting what was discarded. Raises SuiteError."""
        if self._short(needed_bytes, needed_files) is None:
            return
        if self._scrap:
            note(f"  making room: deleting {len(self._scrap)} folders")
            subprocess.run(["rm", "-rf", "--", *map(str, self._scrap)], check=False)
            self._scrap.clear()
            self.deleted(MANY)
        short = self._short(needed_bytes, needed_files)
        if short:
            raise SuiteError(f"{self.folder}: {short}; name another place with --work")

    def _short(self, needed_bytes, needed_files):
        found = os.statvfs(self.folder)
        if found.f_bavail * found.f_frsize < needed_bytes:
            return f"needs {gigabytes(needed_bytes)}, has {gigabytes(found.f_bavail * found.f_frsize)}"
        if found.f_files and found.f_favail < needed_files:  # 0: a file system without such a limit
            return f"needs {needed_files} inodes, has {found.f_favail}"
        return None

    def deleted(self, files):
        """That many files have just been deleted."""
        if files < MANY:
            return
        os.sync()  # while their inodes are dirty the minute is six
        self._settled_at = time.monotonic() + SETTLE_SECONDS

    def settle(self):
        """Waits until creating files costs what it does on a quiet file system."""
        left = self._settled_at - time.monotonic()
        if left > 0:
            note(f"  waiting {left:.0f} s: files were deleted a moment ago")
            time.sleep(left)
