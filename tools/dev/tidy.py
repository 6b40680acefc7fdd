#!/usr/bin/env python3
"""Runs clang-tidy over the sources of the tree, one a core, and remembers what passed.

usage: tidy.py BUILD_DIR [--analyze] [--minutes N] [FILE...]
  BUILD_DIR   configured there; build/tidy lets sources share units, which reads each header once
  --analyze   clang's analyzer instead of the checks of .clang-tidy; it looks into no included
              source, so give it a BUILD_DIR without united sources, as build/release
  --minutes   stop after so long: what changed last is read first, and what is left is named
  FILE        only the units that read this source

What passed is remembered beside the compiler's cache, by a hash of the unit, of every file of ours
that it reads and of the settings: an unchanged unit costs nothing, in this clone or another.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = ("agent", "platform", "service", "tests", "tools")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
# A test may be slow where that reads better, and may start a shell.
ALLOWED_IN_TESTS = "--checks=-performance-*,-cert-env33-c,-cert-err34-c"
FORGOTTEN_AFTER = 60 * 24 * 3600  # seconds without being asked for


def own_files(path, seen):
    """The file and every other of ours that it reads, as paths from the top."""
    if path in seen or not (ROOT / path).exists():
        return seen
    seen.add(path)
    for header in INCLUDE.findall((ROOT / path).read_text(encoding="utf-8")):
        own_files(header, seen)
    return seen


def is_ours(path, build):
    if path.startswith(os.path.relpath(build / "united", ROOT) + "/"):
        return True
    return path.split("/")[0] in OURS


def last_changed():
    """How many files were changed after each, by its path; for those of the last commits."""
    log = subprocess.run(["git", "log", "-n", "200", "--format=", "--name-only"], cwd=ROOT,
                         capture_output=True, text=True)
    ranks = {}
    for path in log.stdout.split("\n"):
        ranks.setdefault(path, len(ranks))
    return ranks


class Unit:
    def __init__(self, command, settings):
        self.path = os.path.relpath(command["file"], ROOT)
        self.reads = own_files(self.path, set())
        digest = hashlib.sha256(settings)
        digest.update(command["command"].replace(str(ROOT), ".").encode())
        for name in sorted(self.reads):
            digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
        self.key = digest.hexdigest()

    def rank(self, ranks):
        return min(ranks.get(name, len(ranks)) for name in self.reads)

    def is_test(self):
        return any(name.startswith("tests/") for name in self.reads)

    def name(self):
        """Sources by their names, for whoever waits."""
        sources = sorted(name for name in self.reads if name.endswith(".cc") and not name.startswith("build/"))
        return " ".join(sources) or self.path


class Memory:
    """One empty file for each unit that passed."""

    def __init__(self, build):
        asked = subprocess.run(["ccache", "--get-config", "cache_dir"], capture_output=True, text=True)
        home = pathlib.Path(asked.stdout.strip()) if asked.returncode == 0 else build
        self.folder = home / "obhut-tidy"
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.folder.iterdir():
            if file.stat().st_mtime < time.time() - FORGOTTEN_AFTER:
                file.unlink()

    def knows(self, key):
        file = self.folder / key
        if file.exists():
            file.touch()
            return True
        return False

    def add(self, key):
        (self.folder / key).touch()


def check(build, unit, arguments, until):
    if until is not None and time.monotonic() > until:
        return None, "", 0
    arguments = arguments or ([ALLOWED_IN_TESTS] if unit.is_test() else [])
    begin = time.monotonic()
    # Names of warnings that only GCC knows stand in the compile commands: no concern of clang's.
    run = subprocess.run(
        ["nice", "clang-tidy-19", "-p", str(build), "--quiet", *arguments,
         "--extra-arg=-Wno-unknown-warning-option", unit.path],
        cwd=ROOT, capture_output=True, text=True)
    found = run.stdout + ("" if run.returncode == 0 else run.stderr)
    return run.returncode == 0, found, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--analyze", action="store_true")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("files", nargs="*")
    args = parser.parse_intermixed_args()
    build = args.build.resolve()
    arguments = ["--checks=-*,clang-analyzer-*,-clang-analyzer-optin.performance.Padding"] if args.analyze else []

    version = subprocess.run(["clang-tidy-19", "--version"], capture_output=True, check=True).stdout
    settings = (ROOT / ".clang-tidy").read_bytes() + version + " ".join([ALLOWED_IN_TESTS, *arguments]).encode()
    commands = json.loads((build / "compile_commands.json").read_text())
    units = [Unit(c, settings) for c in commands
             if c["file"].endswith(".cc") and is_ours(os.path.relpath(c["file"], ROOT), build)]
    if args.files:
        units = [unit for unit in units if unit.reads & set(args.files)]
    if not units:
        print("clang-tidy: nothing to read: is the build directory configured?")
        return 1
    memory = Memory(build)
    ranks = last_changed()
    todo = sorted((unit for unit in units if not memory.knows(unit.key)), key=lambda unit: unit.rank(ranks))
    print(f"clang-tidy: {len(units)} units, {len(todo)} to read", flush=True)
    until = None if args.minutes is None else time.monotonic() + 60 * args.minutes
    bad = 0
    unread = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for unit, (good, found, seconds) in zip(todo, pool.map(lambda u: check(build, u, arguments, until), todo)):
            if good is None:
                unread.append(unit)
                continue
            print(f"{seconds:5.0f} s {'ok ' if good else 'BAD'} {unit.name()}", flush=True)
            if good:
                memory.add(unit.key)
            else:
                bad += 1
                print(found, flush=True)
    if unread:
        print(f"clang-tidy: no time was left for {len(unread)} units; tools/dev/check_tidy reads them all")
    print(f"clang-tidy: {bad} units with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
