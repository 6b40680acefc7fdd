"""What Obhut has to reach at size full, as data, and whether it does."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    """Obhut's `measure` in a step is at most `factor` times that of `against`.

    against: the key of a program; "source": the bytes of the source; "": `factor` is the limit itself.
    step:    "*" takes the largest of all steps of the workload.
    """
    workload: str
    step: str
    measure: str
    factor: float
    against: str = ""


PEAK_LIMIT = 200e6
LOOKUP_SECONDS = 0.3

TARGETS = (
    Target("usr", "first", "cpu", 1 / 3.5, "restic"),
    Target("usr", "first", "wall", 1 / 3, "restic"),
    Target("usr", "first", "stored", 1, "restic"),
    Target("usr", "first", "wall", 1 / 3, "borg"),
    Target("usr", "restore", "wall", 1 / 3, "restic"),
    Target("usr", "restore", "wall", 1 / 4, "borg"),
    Target("usr", "check", "wall", 1 / 3, "restic"),
    Target("incompressible", "first", "cpu", 1 / 6, "restic"),
    Target("incompressible", "first", "stored", 0.505, "source"),  # the second copy stores nothing
    Target("many", "first", "wall", 1 / 4, "restic"),
    Target("many", "first", "wall", 1 / 6, "borg"),
    Target("many", "unchanged", "wall", 1 / 12, "restic"),
    Target("many", "unchanged", "wall", 2, "find"),
    Target("many", "unchanged", "wall", 1 / 20, "borg"),
    Target("many", "changed", "wall", 1 / 8, "restic"),
    Target("many", "restore", "wall", 1 / 2, "restic"),
    Target("many", "restore", "wall", 1, "tar-x"),
    Target("many", "restore", "wall", 1 / 3, "borg"),
    Target("many", "one-file", "wall", LOOKUP_SECONDS),
    Target("many", "ls", "wall", LOOKUP_SECONDS),
    Target("many", "find", "wall", LOOKUP_SECONDS),
    Target("many", "check", "wall", 1 / 3, "restic"),
    Target("image", "changed", "cpu", 1 / 4, "restic"),
    Target("image", "changed", "new", 1.5, "restic"),
    Target("points", "prune", "wall", 1 / 3, "restic"),
    *(Target(name, "*", "peak", PEAK_LIMIT) for name in ("usr", "incompressible", "many", "image", "points")),
)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """ours and theirs in the measure's unit; met is None where one of them was not measured."""
    target: Target
    ours: float
    theirs: float
    met: bool


def judge(target, measured, source_bytes):
    """measured(workload, step, program, measure) gives a median or None; source_bytes of a workload too."""
    ours = measured(target.workload, target.step, "obhut", target.measure)
    if target.against == "source":
        theirs = source_bytes(target.workload)
    elif target.against:
        theirs = measured(target.workload, target.step, target.against, target.measure)
    else:
        theirs = 1.0
    if ours is None or theirs is None:
        return Verdict(target, ours, theirs, None)
    return Verdict(target, ours, theirs, ours <= target.factor * theirs)
