"""What is backed up, and the steps measured on it."""
import dataclasses
import pathlib
from collections.abc import Callable

from . import generate
from .room import size_of

MIB, GIB = 1 << 20, 1 << 30
SEED = 20260101
SHARE_CHANGED = 0.01
SHARE_CHANGED_OFTEN = 0.001  # of the image's blocks, from each of many points to the next


@dataclasses.dataclass(frozen=True)
class Size:
    name: str
    repeat: int           # unless --repeat says otherwise
    copy_from: tuple
    copy_limit: int       # None: whole
    incompressible: int   # bytes, twice
    many: int             # files
    image: int
    points: int
    points_files: int
    points_image: int
    keep: int


SIZES = {size.name: size for size in (
    Size("full", 3, ("/usr",), None, 4 * GIB, 1_000_000, 4 * GIB, 30, 20_000, GIB, 5),
    Size("small", 1, ("/usr/share/doc", "/usr/lib"), 300 * MIB, 256 * MIB, 20_000, 256 * MIB, 30, 2_000, 64 * MIB, 5),
    # For the suite's own test.
    Size("tiny", 1, ("/usr/share/doc",), MIB, MIB, 150, MIB, 4, 30, MIB, 2),
)}


@dataclasses.dataclass
class Source:
    """A tree to back up. `sample` is one file in it that no change touches."""
    root: pathlib.Path
    sample: pathlib.Path = None
    bytes: int = 0
    files: int = 0

    def on_disk(self):
        """Bytes that a copy takes, with the rest of each file's last block and its inode."""
        return self.bytes + self.files * 4096

    def count(self):
        self.bytes, self.files = size_of(self.root)


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    title: Callable       # of a Size
    expected: Callable    # bytes that the source will take
    stored_share: float   # of them, what a repository takes at the end, on average
    build: Callable       # (root, Size) -> Source
    change: Callable      # (Source, Size, number): the next state of the tree; returns how many files it deleted
    steps: tuple


# first, unchanged, restore, check: see STEPS. Changes come last: whatever creates many files must not
# come soon after a deletion.
STEPS = {
    "first": "first backup",
    "unchanged": "nothing changed",
    "changed": "1% changed",
    "points": "all points, one after the other",
    "restore": "restore",
    "one-file": "restore of one file",
    "ls": "ls of one folder",
    "find": "find by name",
    "check": "check, reading everything",
    "prune": "prune",
}


def _build_copy(root, size):
    generate.copy_of(size.copy_from, size.copy_limit, root)
    return Source(root)


def _copy_bytes(size):
    if size.copy_limit is not None:
        return size.copy_limit
    return sum(size_of(source)[0] for source in size.copy_from)


def _build_incompressible(root, size):
    generate.incompressible_twice(root, size.incompressible, SEED)
    return Source(root)


def _build_many(root, size):
    generate.small_files(root, size.many, SEED)
    number = size.many // 2
    return Source(root, sample=generate.folder_of(root, number) / generate.name_of(number))


def _change_many(source, _size, number):
    return generate.change_small_files(source.root, SEED + number, SHARE_CHANGED, keep=(source.sample.name,))


def _build_image(root, size):
    generate.disk_image(root / "disk.img", size.image, SEED)
    return Source(root)


def _change_image(source, _size, number):
    generate.change_blocks(source.root / "disk.img", SEED + number, SHARE_CHANGED)
    return 0


def _build_points(root, size):
    generate.small_files(root / "files", size.points_files, SEED)
    generate.disk_image(root / "disk.img", size.points_image, SEED)
    return Source(root)


def _change_points(source, _size, number):
    generate.change_blocks(source.root / "disk.img", SEED + number, SHARE_CHANGED_OFTEN)
    return generate.change_small_files(source.root / "files", SEED + number, SHARE_CHANGED)


def _no_change(_source, _size, _number):
    return 0


WORKLOADS = (
    Workload("usr", lambda s: "copy of " + (" and parts of ".join(s.copy_from) if len(s.copy_from) > 1 else s.copy_from[0]),
             _copy_bytes, 0.6, _build_copy, _no_change, ("first", "unchanged", "restore", "check")),
    Workload("incompressible", lambda s: f"{s.incompressible // MIB} MiB incompressible, twice",
             lambda s: 2 * s.incompressible, 0.55, _build_incompressible, _no_change, ("first", "restore")),
    Workload("many", lambda s: f"{s.many:,} small files",
             lambda s: s.many * 4096, 0.8, _build_many, _change_many,
             ("first", "unchanged", "restore", "one-file", "ls", "find", "check", "changed")),
    Workload("image", lambda s: f"disk image of {s.image // MIB} MiB",
             lambda s: s.image, 1.2, _build_image, _change_image, ("first", "restore", "changed")),
    Workload("points", lambda s: f"{s.points} points of {s.points_files:,} files and a {s.points_image // MIB} MiB image, "
                                 f"{s.points - s.keep} dropped",
             lambda s: s.points_files * 4096 + s.points_image, 3, _build_points, _change_points,
             ("points", "prune", "check", "restore")),
)
