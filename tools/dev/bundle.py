#!/usr/bin/env python3
"""Makes a program one file that needs no library of the machine that it is started on.

usage: bundle.py PROGRAM VERSION OUT

OUT is a shell script with an archive behind it: the program, stripped, the libraries that the linker
finds for it, the linker itself, and the locale that it reads names by. Unpacked for each run into a
folder from which programs may be started, and removed afterwards.
"""
import gzip
import hashlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

LOCALE = "/usr/lib/locale/C.utf8"

STUB = r"""#!/bin/sh
# {name} {version}: a program with everything it needs. Start it as it is, or by: sh {name}
self=$0
say() {{ printf '{name}: %s\n' "$*" >&2; }}
skip={skip}
if command -v sha256sum >/dev/null 2>&1; then
  sum=$(tail -n +$skip "$self" | sha256sum)
  if [ "${{sum%% *}}" != {digest} ]; then
    say 'this copy is damaged: take another one / diese Kopie ist beschädigt: eine andere nehmen'
    exit 3
  fi
fi
dir=
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# Where nothing may be started (noexec) the linker says so with 126.
for place in "${{TMPDIR:-/tmp}}" /tmp /var/tmp /dev/shm "${{HOME:-/root}}" .; do
  dir=$(umask 077 && mktemp -d "$place/{name}.XXXXXX" 2>/dev/null) || continue
  if tail -n +$skip "$self" | tar -xzf - -C "$dir" 2>/dev/null && "$dir/ld.so" --help >/dev/null 2>&1; then
    LOCPATH=$dir/locale OPENSSL_CONF=/dev/null \
      "$dir/ld.so" --library-path "$dir" --argv0 "$self" "$dir/{name}" "$@"
    exit $?
  fi
  rm -rf "$dir"
done
dir=
say 'no folder with room from which a program may be started: set TMPDIR / kein Ordner mit Platz, aus dem sich ein Programm starten lässt: TMPDIR setzen'
exit 3
"""


def libraries(program):
    """Paths by the names under which the program asks for them, the linker as ld.so."""
    shown = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    found = {name: path for name, path in re.findall(r"^\s*(\S+) => (/\S+)", shown, re.M)}
    [linker] = re.findall(r"^\s*(/\S*/ld-linux\S*)", shown, re.M)
    return {**found, "ld.so": linker}


def add(archive, name, content, mode):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def payload(program):
    with tempfile.TemporaryDirectory() as folder:
        stripped = os.path.join(folder, "program")
        subprocess.run(["strip", "-o", stripped, program], check=True)
        packed = io.BytesIO()
        # The same input gives the same bytes: no times, no owners, sorted.
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as out, \
                tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            add(archive, os.path.basename(program), pathlib.Path(stripped).read_bytes(), 0o755)
            for name, path in sorted(libraries(program).items()):
                add(archive, name, pathlib.Path(path).read_bytes(), 0o755)
            for path in sorted(pathlib.Path(LOCALE).rglob("*")):
                if path.is_file():
                    add(archive, f"locale/C.utf8/{path.relative_to(LOCALE)}", path.read_bytes(), 0o644)
    return packed.getvalue()


def main():
    if len(sys.argv) != 4:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    program, version, out = sys.argv[1:]
    content = payload(program)
    stub = STUB.format(name=os.path.basename(program), version=version, skip=0,
                       digest=hashlib.sha256(content).hexdigest())
    lines = stub.count("\n") + 1
    stub = stub.replace("skip=0\n", f"skip={lines}\n")
    part = out + ".part"
    with open(part, "wb") as file:
        file.write(stub.encode() + content)
    os.chmod(part, 0o755)
    os.replace(part, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
