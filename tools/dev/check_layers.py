#!/usr/bin/env python3
"""Holds every #include against tools/dev/layers.txt and keeps operating systems inside platform/.

usage: check_layers.py [ROOT]     exit 0: all kept; 1: each breach on a line; 2: bad layers.txt
"""
import fnmatch
import pathlib
import re
import sys

ROOTS = ("agent", "platform", "service", "tools")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
OS_IFDEF = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b.*\b(_WIN32|_WIN64|__linux__|__unix__|__APPLE__|__MINGW32__|_MSC_VER)\b")
OS_HEADER = re.compile(
    r"^(sys/|linux/|netinet/|arpa/|net/|unistd\.h|fcntl\.h|dirent\.h|pwd\.h|grp\.h|poll\.h|signal\.h|"
    r"pthread\.h|dlfcn\.h|termios\.h|sched\.h|windows\.h|winsock2\.h|io\.h|direct\.h)")


class Layers:
    def __init__(self, text):
        self.allowed = {}
        self.homes = {}
        self.os_homes = []
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.split("#", 1)[0].strip()
            if not line:
                continue
            words = line.replace(":", " ").split()
            if words[0] == "home" and len(words) > 2:
                self.homes[words[1]] = words[2:]
            elif words[0] == "os_home":
                self.os_homes += words[1:]
            elif ":" in line:
                self.allowed[words[0]] = words[1:]
            else:
                sys.exit(f"layers.txt:{number}: not understood: {raw.strip()}")

    def row_of(self, path):
        rows = [row for row in self.allowed if path == row or path.startswith(row + "/")]
        return max(rows, key=len, default=None)


def within(path, folders):
    return any(path == f or path.startswith(f + "/") or fnmatch.fnmatch(path, f + "/*") for f in folders)


def breaches_of(path, text, layers):
    row = layers.row_of(path)
    if row is None:
        yield 1, "stands in no row of layers.txt"
        return
    for number, line in enumerate(text.splitlines(), 1):
        if OS_IFDEF.match(line) and not within(path, layers.os_homes):
            yield number, "asks for an operating system outside platform/"
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, header = match.group(1) == '"', match.group(2)
        if quoted and header.split("/")[0] in ROOTS:
            if not within(header, [row] + layers.allowed[row]):
                yield number, f"{row} may not include {header}"
        elif not quoted:
            yield from third_party(path, number, header, layers)


def third_party(path, number, header, layers):
    if OS_HEADER.match(header) and not within(path, layers.os_homes):
        yield number, f"operating system header <{header}> outside platform/"
    for prefix, folders in layers.homes.items():
        if header == prefix + ".h" or header.startswith(prefix + "/") or header.startswith(prefix + "_") or header == prefix + ".hpp":
            if not within(path, folders):
                yield number, f"<{header}> outside its home ({', '.join(folders)})"
            elif path.endswith(".h") and header != "nlohmann/json_fwd.hpp" and "internal" not in path:
                yield number, f"third-party <{header}> in a header"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    layers = Layers((root / "tools/dev/layers.txt").read_text())
    found = []
    for top in ROOTS:
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            path = file.relative_to(root).as_posix()
            for number, what in breaches_of(path, file.read_text(encoding="utf-8"), layers):
                found.append(f"{path}:{number}: {what}")
    print("\n".join(found) if found else "layers: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
