"""The command lines of each program. An instance is one repository, fresh for each repetition; a
method that returns None, or no commands, says that the program has no such thing."""
import os
import pathlib
import shutil
import subprocess

from .measuring import Command

PASSPHRASE = "a passphrase of the benchmark"


class Program:
    key = title = binary = version = ""
    package = None   # of Debian
    floor = False    # no backup program: what the machine costs at the least
    keeps = True     # leaves something whose size counts as stored

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def create(self, source):
        """Commands before the first step; none of them is measured."""
        return []

    def first(self, source):
        return None

    def unchanged(self, source):
        return None

    def changed(self, source):
        return None

    def before_restore(self, source):
        """Commands that a restore needs; not measured."""
        return []

    def restore(self, source, to):
        return None

    def restore_one(self, file, to):
        return None

    def ls(self, folder, expect):
        return None

    def find(self, name):
        return None

    def check(self):
        return None

    def prune(self, keep):
        return None

    @staticmethod
    def landed(path, to):
        """Where `path` lies after a restore to `to`."""
        return to / str(path).lstrip("/")

    @classmethod
    def locate(cls, folder):
        """Path of the program, or None. `folder` is where ours was built."""
        return shutil.which(cls.binary)

    @classmethod
    def remedy(cls):
        return f"{cls.binary} is missing: apt-get install {cls.package}"

    @classmethod
    def version_of(cls, binary):
        answer = subprocess.run([binary, *cls.version.split()], capture_output=True, text=True, check=False)
        lines = answer.stdout.strip().splitlines()
        return lines[0].strip("* ") if lines else "unknown"


class BackupProgram(Program):
    def backup(self, source):
        raise NotImplementedError

    def first(self, source):
        return self.backup(source)

    def unchanged(self, source):
        return self.backup(source)

    def changed(self, source):
        return self.backup(source)


class Obhut(BackupProgram):
    """A local vault, opened by passphrase; only what looks something up uses the recovery key, as an
    agent its machine key: a passphrase is stretched for half a second, on purpose."""
    key = title = binary = "obhut"
    version = "--version"

    def __init__(self, binary, folder):
        super().__init__(binary, folder / "vault")
        self._key, self._recovery = folder / "key", folder / "recovery"
        self._key.write_text(PASSPHRASE + "\n")

    @classmethod
    def locate(cls, folder):
        path = pathlib.Path(folder) / cls.binary
        return str(path) if os.access(path, os.X_OK) else None

    @classmethod
    def remedy(cls):
        return "obhut is missing: cmake --preset release && ninja -C build/release obhut, or name its folder with --bin"

    def _command(self, verb, *arguments, key=None, expect=None):
        return Command([self.binary, "vault", verb, "--vault", self.folder, "--key-file", key or self._key, *arguments],
                       expect=expect)

    def create(self, source):
        return [self._command("init", "--recovery-key-out", self._recovery)]

    def backup(self, source):
        return self._command("backup", source)

    def restore(self, source, to):
        return self._command("restore", "latest", "--to", to)

    def restore_one(self, file, to):
        return self._command("restore", "latest", file, "--to", to, key=self._recovery)

    def ls(self, folder, expect):
        return self._command("ls", "latest", folder, key=self._recovery, expect=expect)

    def find(self, name):
        return self._command("find", "--point", "latest", name, key=self._recovery, expect=name)

    def check(self):
        return self._command("check", "--read-data")

    def prune(self, keep):
        return self._command("prune", "--keep-last", keep)


class Restic(BackupProgram):
    """Repository version 2, everything else as it comes."""
    key = title = binary = package = "restic"
    version = "version"

    def __init__(self, binary, folder):
        super().__init__(binary, folder / "repository")
        self._cache = folder / "cache"

    def _command(self, *arguments, expect=None):
        return Command([self.binary, "-r", self.folder, "--cache-dir", self._cache, *arguments], expect=expect)

    def create(self, source):
        return [self._command("init", "--repository-version", "2")]

    def backup(self, source):
        return self._command("backup", "-q", source)

    def restore(self, source, to):
        return self._command("restore", "-q", "latest", "--target", to)

    def restore_one(self, file, to):
        return self._command("restore", "-q", "latest", "--target", to, "--include", file)

    def ls(self, folder, expect):
        return self._command("ls", "latest", folder, expect=expect)

    def find(self, name):
        return self._command("find", "-s", "latest", name, expect=name)

    def check(self):
        return self._command("check", "-q", "--read-data")

    def prune(self, keep):
        return self._command("forget", "-q", "--keep-last", keep, "--prune")


class Borg(BackupProgram):
    """repokey-blake2 and lz4; pruning is `prune` and the `compact` that frees the space."""
    key = title = binary = "borg"
    package, version = "borgbackup", "--version"

    def __init__(self, binary, folder):
        super().__init__(binary, folder / "repository")
        self._points = 0

    def _archive(self):
        return f"{self.folder}::point-{self._points}"

    def _command(self, verb, *arguments, **more):
        return Command([self.binary, verb, *arguments], accepted=(0, 1), **more)

    def create(self, source):
        return [self._command("init", "--encryption", "repokey-blake2", self.folder)]

    def backup(self, source):
        self._points += 1
        return self._command("create", "--compression", "lz4", self._archive(), source)

    def restore(self, source, to):
        return self._command("extract", self._archive(), cwd=to)

    def restore_one(self, file, to):
        return self._command("extract", self._archive(), str(file).lstrip("/"), cwd=to)

    def ls(self, folder, expect):
        return self._command("list", self._archive(), str(folder).lstrip("/"), expect=expect)

    def find(self, name):
        return self._command("list", self._archive(), f"sh:**/{name}", expect=name)

    def check(self):
        return self._command("check", "--verify-data", self.folder)

    def prune(self, keep):
        script = '"$1" prune --keep-last "$2" "$3" && "$1" compact "$3"'
        return Command(["bash", "-c", script, "bash", self.binary, keep, self.folder], accepted=(0, 1))


class TarZstd(Program):
    key, title, binary, package, version = "tar-zstd", "tar | zstd -1", "zstd", "zstd", "--version"
    floor = True

    def first(self, source):
        script = 'set -o pipefail; tar -c -C "$1" . | "$2" -1 -T0 -q -o "$3"'
        return Command(["bash", "-c", script, "bash", source, self.binary, self.folder / "archive.tar.zst"])


class Copy(Program):
    key, title, binary, package, version = "cp", "cp -a", "cp", "coreutils", "--version"
    floor = True

    def first(self, source):
        return Command([self.binary, "-a", "--reflink=never", source, self.folder / "copy"])


class TarExtract(Program):
    key, title, binary, package, version = "tar-x", "tar x", "tar", "tar", "--version"
    floor = True
    keeps = False

    def before_restore(self, source):
        return [Command([self.binary, "-c", "-C", source, "-f", self.folder / "archive.tar", "."])]

    def restore(self, source, to):
        return Command([self.binary, "-x", "-p", "-C", to, "-f", self.folder / "archive.tar"])

    @staticmethod
    def landed(path, to):
        return to


class Find(Program):
    key, title, binary, package, version = "find", "find -printf", "find", "findutils", "--version"
    floor = True
    keeps = False

    def unchanged(self, source):
        return Command([self.binary, source, "-printf", r"%p %s %T@ %C@ %m %U %G %i\n"])


ALL = (Obhut, Restic, Borg, TarZstd, Copy, TarExtract, Find)
