#!/usr/bin/env python3
"""Runs clang-tidy over the product's sources, two at a time, and remembers what passed.

usage: tidy.py BUILD_DIR [FILE...]
The memory (BUILD_DIR/tidy-passed) is keyed by a hash of the preprocessed source's own files and of
the settings, so that an unchanged file costs nothing in the next run.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = ("agent", "platform", "service", "tools")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def own_files(path, seen):
    """The file and every header of ours that it reaches."""
    if path in seen or not (ROOT / path).exists():
        return seen
    seen.add(path)
    for header in INCLUDE.findall((ROOT / path).read_text(encoding="utf-8")):
        own_files(header, seen)
    return seen


def key_of(path, settings):
    digest = hashlib.sha256(settings)
    for name in sorted(own_files(path, set())):
        digest.update(name.encode())
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def check(build, path):
    # GCC-only warning names in the compile commands are not clang's concern.
    run = subprocess.run(
        ["clang-tidy-19", "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option", path],
        cwd=ROOT, capture_output=True, text=True)
    return run.returncode, run.stdout + ("" if run.returncode == 0 else run.stderr)


def main():
    build = pathlib.Path(sys.argv[1])
    wanted = set(sys.argv[2:])
    commands = json.loads((build / "compile_commands.json").read_text())
    files = sorted({os.path.relpath(c["file"], ROOT) for c in commands})
    files = [f for f in files if f.endswith(".cc") and f.split("/")[0] in OURS and (not wanted or f in wanted)]
    version = subprocess.run(["clang-tidy-19", "--version"], capture_output=True).stdout
    settings = (ROOT / ".clang-tidy").read_bytes() + version
    memory = build / "tidy-passed"
    passed = set(memory.read_text().split()) if memory.exists() else set()
    keys = {f: key_of(f, settings) for f in files}
    todo = [f for f in files if keys[f] not in passed]
    print(f"clang-tidy: {len(files)} sources, {len(todo)} to read")
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (code, out) in zip(todo, pool.map(lambda f: check(build, f), todo)):
            if code == 0:
                passed.add(keys[path])
            else:
                bad += 1
                print(f"--- {path}\n{out}", flush=True)
    memory.write_text("\n".join(sorted(passed)) + "\n")
    print(f"clang-tidy: {bad} sources with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
