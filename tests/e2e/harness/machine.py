"""A Debian of its own, booted by systemd in a container, for packages that are really installed.

It shares this machine's network, so that a cluster on the loopback is in reach. Needs root,
debootstrap and systemd-nspawn. What it starts from is made once, and kept in the cache.
"""

import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import lab
from harness.site import Client

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))) / "obhut"
# What makes it a machine; a package's own dependencies come on top.
ALWAYS = ("systemd", "systemd-sysv", "dbus", "init-system-helpers")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def why_not():
    """What is missing for containers here, or nothing."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("debootstrap", "systemd-nspawn"):
        if shutil.which(program, path=PATH) is None:
            return f"needs {program}"
    return None


def base(packages):
    """The folder of a fresh Debian that holds `packages`, which may be virtual ones."""
    wanted = sorted({*ALWAYS, *packages})
    name = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
    folder = CACHE / f"debian-{name}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        making = tempfile.mkdtemp(prefix="making-debian-", dir=CACHE)
        try:
            lab.run("debootstrap", "--variant=minbase", "--include=" + ",".join(ALWAYS), "bookworm",
                    making, timeout=900)
            apt = ("chroot", making, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq")
            lab.run(*apt, "install", "-y", "--no-install-recommends", *wanted, timeout=900)
            lab.run(*apt, "clean")
            os.chmod(making, 0o755)
            os.rename(making, folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder


class Machine(Client):
    """`systemd`: booted; otherwise there is no init at all, as in a rescue system or a container."""

    def __init__(self, folder, packages, systemd=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="machine-", dir=folder))
        self.root = self.folder / "root"
        for name in ("root", "upper", "work"):
            (self.folder / name).mkdir()
        lab.run("mount", "-t", "overlay", "overlay", "-o",
                f"lowerdir={base(packages)},upperdir={self.folder}/upper,workdir={self.folder}/work", self.root)
        self.path("/etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        self.container = None
        self.leader = None
        try:
            self._boot() if systemd else self._enter()
        except BaseException:
            self.close()
            raise

    def _boot(self):
        self.console = self.folder / "console"
        with open(self.console, "wb") as out:
            self.container = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe", "-D", self.root,
                 "--hostname=endpoint", "--boot"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        self.leader = int(lab.wait_until("the container to begin", self._child))
        lab.wait_until("the container to have booted",
                       lambda: self.run("systemctl", "is-system-running", ok=None).stdout.strip()
                       in ("running", "degraded"), 60)

    def _child(self):
        if self.container.poll() is not None:
            raise lab.Failed("the container ended: " + self.console.read_text(errors="replace")[-3000:])
        of = f"/proc/{self.container.pid}/task/{self.container.pid}/children"
        children = pathlib.Path(of).read_text().split()
        # Before it is the system's init it is nspawn's own.
        return next((one for one in children if self._is_init(one)), None)

    @staticmethod
    def _is_init(process):
        try:
            return "systemd-nspawn" not in pathlib.Path(f"/proc/{process}/comm").read_text()
        except OSError:
            return False

    def _enter(self):
        for kind, name in (("proc", "proc"), ("tmpfs", "run"), ("tmpfs", "tmp")):
            lab.run("mount", "-t", kind, kind, self.root / name)

    def run(self, *command, env=None, **how):
        """In the machine, as its root; with nothing of our environment."""
        environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **(env or {})}
        clean = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *command]
        return lab.run(*self.entering(*clean), **how)

    def entering(self, *command):
        """What runs a command in the machine, as its root."""
        # --root alone: what is entered must not begin in a folder of ours.
        into = (["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-p", "--root", "--wd"] if self.leader
                else ["chroot", str(self.root)])
        return [*into, *command]

    def call(self, *arguments, check=True, stdin=None, timeout=120):
        return self.run("obhut", *arguments, stdin=stdin, ok=(0,) if check else None, timeout=timeout)

    def path(self, inside):
        """From here, while it runs or not."""
        return self.root / str(inside).lstrip("/")

    def put(self, file, inside):
        """A copy. In a folder that systemd lays something over, it would not be seen."""
        self.path(inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, self.path(inside))
        return inside

    def journal(self):
        return self.run("journalctl", "--no-pager", "-o", "cat").stdout

    def close(self):
        if self.container and self.container.poll() is None:
            if self.leader:
                os.kill(self.leader, signal.SIGRTMIN + 4)  # systemd: power off
            try:
                self.container.wait(30)
            except subprocess.TimeoutExpired:
                self.container.kill()
                self.container.wait()
        for line in reversed(pathlib.Path("/proc/mounts").read_text().splitlines()):
            at = line.split()[1]
            if at == str(self.root) or at.startswith(f"{self.root}/"):
                subprocess.run(["umount", "-l", at], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
