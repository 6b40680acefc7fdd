"""Builds from a recorder's log every state in which a crash could have left the folder.

Three kinds of state are made at each operation:
  killed   the process died: all operations so far took effect (the kernel lives on);
  torn     the process died in the middle of a write: its first half took effect;
  power    the machine died: of files only synced contents are left, of directories only the
           entries that stood at their last sync; what was not synced is gone, or, drawn by a seeded
           chance, is there in part.

The model is stricter than ext4: a rename that was not followed by a sync of its directory may be
undone, and a file that was not synced may be empty although its name is there.
"""
import copy
import os
import pathlib
import random
import struct

OPEN, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, LINK, MKDIR, RMDIR, SYMLINK, MARK = range(1, 12)
NAMES = {OPEN: "create", WRITE: "write", TRUNCATE: "truncate", SYNC: "fsync", RENAME: "rename",
         UNLINK: "unlink", LINK: "link", MKDIR: "mkdir", RMDIR: "rmdir", MARK: "mark"}


class Operation:
    def __init__(self, kind, path, other, number, data):
        self.kind, self.path, self.other, self.number, self.data = kind, path, other, number, data

    def __str__(self):
        return f"{NAMES[self.kind]} {self.path} {self.other} {self.number}+{len(self.data)}"


def append_mark(log, text):
    """Notes in the log that the world outside now relies on what happened before."""
    name = text.encode()
    body = struct.pack("<I", len(name)) + name + struct.pack("<I", 0) + struct.pack("<Q", 0)
    with open(log, "ab") as file:
        file.write(struct.pack("<BQ", MARK, len(body)) + body)


def read_log(log):
    raw = pathlib.Path(log).read_bytes()
    at, operations = 0, []
    while at < len(raw):
        kind, length = struct.unpack_from("<BQ", raw, at)
        body = raw[at + 9:at + 9 + length]
        at += 9 + length
        (la,) = struct.unpack_from("<I", body, 0)
        path = body[4:4 + la].decode("utf-8", "surrogateescape")
        (lb,) = struct.unpack_from("<I", body, 4 + la)
        other = body[8 + la:8 + la + lb].decode("utf-8", "surrogateescape")
        (number,) = struct.unpack_from("<Q", body, 8 + la + lb)
        operations.append(Operation(kind, path, other, number, body[16 + la + lb:]))
    return operations


class Inode:
    def __init__(self):
        self.now = bytearray()
        self.durable = b""


class Folder:
    """A tree of directories whose entries name inodes or directories, now and durably."""

    def __init__(self):
        self.now = {}
        self.durable = {}


class Disk:
    def __init__(self):
        self.root = Folder()

    def _find(self, path):
        node = self.root
        for part in [p for p in path.split("/") if p]:
            node = node.now[part]
        return node

    def _split(self, path):
        parent, _, name = path.rstrip("/").rpartition("/")
        return self._find(parent), name

    def load(self, folder):
        """Starts from what is on disk, all of it durable."""
        def fill(node, path):
            for item in sorted(path.iterdir()):
                if item.is_symlink():
                    continue
                if item.is_dir():
                    child = Folder()
                    fill(child, item)
                else:
                    child = Inode()
                    child.now = bytearray(item.read_bytes())
                    child.durable = bytes(child.now)
                node.now[item.name] = child
                node.durable[item.name] = child
        fill(self.root, pathlib.Path(folder))

    def apply(self, op, cut=None):
        if op.kind == MARK:
            return
        if op.kind == SYNC:
            node = self._find(op.path)
            node.durable = bytes(node.now) if isinstance(node, Inode) else dict(node.now)
            return
        if op.kind == WRITE:
            node, data = self._find(op.path), op.data if cut is None else op.data[:cut]
            end = op.number + len(data)
            if len(node.now) < end:
                node.now.extend(b"\0" * (end - len(node.now)))
            node.now[op.number:end] = data
            return
        if op.kind == TRUNCATE:
            node = self._find(op.path)
            if len(node.now) > op.number:
                del node.now[op.number:]
            else:
                node.now.extend(b"\0" * (op.number - len(node.now)))
            return
        parent, name = self._split(op.path)
        if op.kind == OPEN:
            parent.now[name] = Inode()
        elif op.kind == MKDIR:
            parent.now[name] = Folder()
        elif op.kind in (UNLINK, RMDIR):
            parent.now.pop(name, None)
        elif op.kind == RENAME:
            to, to_name = self._split(op.other)
            to.now[to_name] = parent.now.pop(name)
        elif op.kind == LINK:
            to, to_name = self._split(op.other)
            to.now[to_name] = parent.now[name]

    def after_power_loss(self, chance):
        """`chance` None: only what was synced. Else a random.Random that draws what more got through."""
        disk = Disk()
        made = {}

        def content(inode):
            if chance is None or chance.random() < 0.5:
                return inode.durable
            now = bytes(inode.now)
            if chance.random() < 0.5:
                return now
            # The new length got through, half of the new bytes did not.
            kept = min(len(inode.durable), len(now))
            half = kept + (len(now) - kept) // 2
            return now[:half] + b"\0" * (len(now) - half)

        def turn(node):
            if id(node) in made:
                return made[id(node)]
            if isinstance(node, Inode):
                made[id(node)] = out = Inode()
                out.durable = content(node)
                out.now = bytearray(out.durable)
                return out
            made[id(node)] = out = Folder()
            names = dict(node.durable)
            if chance is not None:
                for name in sorted(set(node.now) | set(node.durable)):
                    if node.now.get(name) is not node.durable.get(name) and chance.random() < 0.5:
                        if name in node.now:
                            names[name] = node.now[name]
                        else:
                            names.pop(name, None)
            out.now = {name: turn(child) for name, child in names.items()}
            out.durable = dict(out.now)
            return out

        disk.root = turn(self.root)
        return disk

    def write_to(self, folder, leave_out=("-shm",)):
        def fill(node, path):
            path.mkdir(mode=0o700, exist_ok=True)
            for name, child in node.now.items():
                if isinstance(child, Folder):
                    fill(child, path / name)
                elif not name.endswith(leave_out):
                    with open(path / name, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as file:
                        file.write(child.now)
        fill(self.root, pathlib.Path(folder))


def states(operations, start, most, seed):
    """Yields (name, marks so far, disk) for about `most` states: at every operation one killed, one
    torn, one after a loss of power, and as many partly written ones as fill the number."""
    disk = copy.deepcopy(start)
    chance = random.Random(seed)
    count = sum(op.kind != MARK for op in operations)
    writes = sum(op.kind == WRITE and len(op.data) > 1 for op in operations)
    draws = max(1, -(-(most - 2 * count - writes) // max(1, count)))
    marks = []
    for index, op in enumerate(operations):
        if op.kind == MARK:
            marks.append(op.path)
            continue
        name = f"{index}: {op}"
        yield f"killed before {name}", list(marks), copy.deepcopy(disk)
        if op.kind == WRITE and len(op.data) > 1:
            torn = copy.deepcopy(disk)
            torn.apply(op, cut=len(op.data) // 2)
            yield f"killed amid {name}", list(marks), torn
        yield f"power lost before {name}", list(marks), disk.after_power_loss(None)
        for draw in range(draws):
            yield f"power lost before {name}, draw {draw}", list(marks), disk.after_power_loss(chance)
        disk.apply(op)
    yield "the end", list(marks), disk
