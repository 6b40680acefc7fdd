"""Runs one command and says what it cost."""
import dataclasses
import os
import pathlib
import shlex
import signal
import statistics
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class StepFailed(Exception):
    """The command did not do what it was asked; the run goes on without this step."""


@dataclasses.dataclass(frozen=True)
class Command:
    argv: list
    cwd: pathlib.Path = None
    accepted: tuple = (0,)
    expect: str = None  # text that its output must hold

    def __str__(self):
        line = shlex.join(str(a) for a in self.argv)
        return f"cd {shlex.quote(str(self.cwd))} && {line}" if self.cwd else line


@dataclasses.dataclass
class Figure:
    """Seconds, and bytes for the rest. `others` is CPU seconds of everything else on the machine."""
    wall: float
    cpu: float
    peak: int
    others: float
    stored: int = None
    new: int = None
    differences: int = None
    examples: list = dataclasses.field(default_factory=list)  # of the differences

    def plus(self, other):
        """Of two commands that make one step, one after the other."""
        return Figure(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak),
                      self.others + other.others)


MEASURES = ("wall", "cpu", "peak", "others", "stored", "new", "differences")


def medians(figures):
    """The median of each measure by itself; None where no run has it."""
    found = {}
    for measure in MEASURES:
        values = [getattr(f, measure) for f in figures if getattr(f, measure) is not None]
        found[measure] = statistics.median(values) if values else None
    return found


def machine_busy():
    """CPU seconds that the whole machine has worked since it started."""
    fields = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, soft = (int(f) for f in fields[:7])
    return (user + nice + system + irq + soft) / TICKS


class Meter:
    """Starts commands in one environment; their output goes to files in `folder`."""

    def __init__(self, environment, folder):
        self.environment = environment
        self.out, self.err = folder / "stdout", folder / "stderr"

    def run(self, command):
        """Raises StepFailed. The peak is no less than this process's own: a child inherits it at exec."""
        with open(self.out if command.expect else os.devnull, "wb") as out, open(self.err, "wb") as err:
            busy, begun = machine_busy(), time.monotonic()
            try:
                child = subprocess.Popen([str(a) for a in command.argv], cwd=command.cwd, env=self.environment,
                                         stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
            except OSError as error:
                raise StepFailed(f"{command.argv[0]}: {error.strerror}") from error
            usage = self._wait(child)
            wall, cpu = time.monotonic() - begun, usage.ru_utime + usage.ru_stime
        self._judge(command, child.returncode)
        return Figure(wall, cpu, usage.ru_maxrss * 1024, max(0.0, machine_busy() - busy - cpu))

    def _wait(self, child):
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            # A session of its own: the terminal's Ctrl-C reached us alone.
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            raise
        child.returncode = os.waitstatus_to_exitcode(status)
        return usage

    def _judge(self, command, code):
        if code not in command.accepted:
            said = self.err.read_text(errors="replace").strip().splitlines()
            raise StepFailed(f"{command.argv[0]}: exit {code}: {said[-1] if said else 'no message'}")
        if command.expect and command.expect not in self.out.read_text(errors="replace"):
            raise StepFailed(f"{command.argv[0]}: the answer lacks {command.expect}")
