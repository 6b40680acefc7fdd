"""The order of a run: each workload, repetition and step, with every program in turn."""
import dataclasses
import filecmp
import os
import subprocess

from .measuring import StepFailed, medians
from .programs import Obhut, TarExtract
from .room import note, size_of, warm

SLACK = 1 << 28
EXAMPLES = 5


@dataclasses.dataclass
class Result:
    """One step of one program: a figure for each repetition, or why there is none."""
    workload: str
    step: str
    program: str
    title: str
    command: str = ""
    figures: list = dataclasses.field(default_factory=list)
    error: str = None

    def median(self):
        return medians(self.figures)


class Findings:
    """All that was measured so far: whatever ends the run, this can be reported."""

    def __init__(self):
        self.results = {}
        self.sources = {}  # workload -> {title, bytes, files}
        self.filesystem = "unknown"
        self.interrupted = False

    def of(self, workload, step, program):
        key = (workload, step, program.key)
        return self.results.setdefault(key, Result(workload, step, program.key, program.title))

    def measured(self, workload, step, program, measure):
        found = [r for (w, s, p), r in self.results.items()
                 if w == workload and p == program and step in ("*", s) and r.figures and not r.error]
        values = [r.median()[measure] for r in found]
        return max((v for v in values if v is not None), default=None)

    def source_bytes(self, workload):
        return self.sources.get(workload, {}).get("bytes")

    def failures(self):
        """One line each: steps that failed, and restores of ours that differ from their source."""
        for result in self.results.values():
            place = f"{result.workload}, {result.step}, {result.title}"
            if result.error:
                yield f"{place}: {result.error}"
            for figure in result.figures:
                if figure.differences and result.program == Obhut.key:
                    yield f"{place}: the restore is wrong in {figure.differences} entries, such as: {', '.join(figure.examples)}"


def differences(source, restored):
    """Entries that differ in contents, owner, mode, times, links, ACLs or xattrs, and some of them."""
    command = ["rsync", "-aHAXn", "--checksum", "--delete", "--itemize-changes", f"{source}/", f"{restored}/"]
    count, examples = 0, []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as child:
        try:
            for line in filter(str.strip, child.stdout):
                count += 1
                if count <= EXAMPLES:
                    examples.append(line.strip())
        except KeyboardInterrupt:
            child.kill()
            raise
    if child.returncode != 0:
        raise StepFailed(f"rsync: exit {child.returncode}: the restore could not be compared")
    return count, examples


class Runner:
    """`found` maps each chosen program's class to the path of its binary."""

    def __init__(self, size, found, room, meter, findings):
        self.size, self.found, self.room, self.meter = size, found, room, meter
        self.findings = findings
        self._changes = 0

    def run(self, workload, repeat):
        title = workload.title(self.size)
        note(f"{workload.name}: {title}")
        self.room.make(self.needed(workload))
        root = self.room.fresh(f"source-{workload.name}")
        source = workload.build(root, self.size)
        source.count()
        self.findings.sources[workload.name] = {"title": title, "bytes": source.bytes, "files": source.files}
        try:
            for repetition in range(repeat):
                note(f" repetition {repetition + 1} of {repeat}")
                self._repetition(workload, source, repetition)
        finally:
            self.room.discard(root)

    def needed(self, workload):
        """Bytes: the source, one restored tree, the archive of tar x, and the repositories."""
        trees = 3 if TarExtract in self.found else 2
        return trees * workload.expected(self.size) + self._needed_by_repositories(workload)

    def _needed_by_repositories(self, workload):
        repositories = sum(1 for program in self.found if not program.floor)
        return int(workload.expected(self.size) * workload.stored_share * repositories) + SLACK

    def _repetition(self, workload, source, repetition):
        self.room.make(self._needed_by_repositories(workload))
        # Each goes first once: what the one before left in the caches should favour nobody.
        order = list(self.found)
        order = order[repetition % len(order):] + order[:repetition % len(order)]
        repositories = []
        for program in order:
            repository = program(self.found[program], self.room.fresh(f"{workload.name}-{program.key}"))
            repositories.append(repository)
            self._unmeasured(workload, workload.steps[0], repository, repository.create(source.root))
        try:
            for step in workload.steps:
                self._step(workload, step, source, repositories)
        finally:
            for repository in repositories:
                self.room.discard(repository.folder)

    def _step(self, workload, step, source, repositories):
        if step == "points":
            self._series(workload, source, repositories)
            return
        if step == "changed":
            self._change(workload, source)
        for repository in repositories:
            if not self._broken(workload, repository):
                self._measure(workload, step, source, repository)

    def _change(self, workload, source):
        self._changes += 1
        self.room.deleted(workload.change(source, self.size, self._changes))
        source.count()

    def _broken(self, workload, repository):
        """Whoever failed a step would do the next ones with less work."""
        return any(r.error for (w, _, p), r in self.findings.results.items()
                   if w == workload.name and p == repository.key)

    def _unmeasured(self, workload, step, repository, commands):
        for command in commands:
            try:
                self.meter.run(command)
            except StepFailed as failure:
                self._fail(self.findings.of(workload.name, step, repository), failure)
                return False
        return True

    def _fail(self, result, failure):
        result.error = str(failure)
        note(f"  {result.title}, {result.step}: {failure}")

    def _series(self, workload, source, repositories):
        """Backups of many states of the tree; each program's sum is one figure."""
        sums, befores = {}, {r: self._stored(r) for r in repositories}
        for number in range(self.size.points):
            note(f"  point {number + 1} of {self.size.points}")
            if number:
                self._change(workload, source)
            for repository in repositories:
                command = repository.changed(source.root)
                if command is None or self._broken(workload, repository):
                    continue
                result = self.findings.of(workload.name, "points", repository)
                result.command = str(command)
                try:
                    figure = self._timed(command, source.root)
                except StepFailed as failure:
                    self._fail(result, failure)
                    continue
                sums[repository] = sums[repository].plus(figure) if repository in sums else figure
        for repository, figure in sums.items():
            self._keep(self.findings.of(workload.name, "points", repository), figure, repository, befores[repository])

    def _stored(self, repository):
        return size_of(repository.folder)[0] if repository.keeps and repository.folder.exists() else None

    def _timed(self, command, warmed, contents=True):
        warm(warmed, contents)
        os.sync()  # nobody pays for the pages that another left dirty
        return self.meter.run(command)

    def _measure(self, workload, step, source, repository):
        to = self.room.fresh("restored") if step in ("restore", "one-file") else None
        command = self._command(step, source, repository, to)
        if command is None:
            return
        writes_a_tree = step == "restore" or (repository.floor and repository.keeps)
        if writes_a_tree:
            trees = 2 if isinstance(repository, TarExtract) else 1
            self.room.make(trees * source.on_disk() + SLACK, source.files)
        result = self.findings.of(workload.name, step, repository)
        result.command = str(command)
        if step == "restore" and not self._unmeasured(workload, step, repository, repository.before_restore(source.root)):
            return
        if writes_a_tree:
            self.room.settle()
        reads_source = step in ("first", "unchanged", "changed")
        before = self._stored(repository)
        try:
            figure = self._timed(command, source.root if reads_source else repository.folder,
                                 contents=step != "unchanged")
            self._compare(step, figure, source, repository, to)
        except StepFailed as failure:
            self._fail(result, failure)
            return
        finally:
            if to:
                self.room.discard(to)
        self._keep(result, figure, repository, before if reads_source or step == "prune" else None)
        if repository.floor:
            self.room.discard(repository.folder)

    def _command(self, step, source, repository, to):
        root, sample = source.root, source.sample
        commands = {
            "first": lambda: repository.first(root),
            "unchanged": lambda: repository.unchanged(root),
            "changed": lambda: repository.changed(root),
            "restore": lambda: repository.restore(root, to),
            "one-file": lambda: repository.restore_one(sample, to),
            "ls": lambda: repository.ls(sample.parent, sample.name),
            "find": lambda: repository.find(sample.name),
            "check": repository.check,
            "prune": lambda: repository.prune(self.size.keep),
        }
        return commands[step]()

    def _compare(self, step, figure, source, repository, to):
        if step == "restore":
            figure.differences, figure.examples = differences(source.root, repository.landed(source.root, to))
        elif step == "one-file":
            landed = repository.landed(source.sample, to)
            if not landed.is_file() or not filecmp.cmp(source.sample, landed, shallow=False):
                raise StepFailed(f"{landed.name} is not what was backed up")

    def _keep(self, result, figure, repository, before):
        figure.stored = self._stored(repository)
        if figure.stored is not None and before is not None:
            figure.new = figure.stored - before
        result.figures.append(figure)
        wrong = f", {figure.differences} entries differ" if figure.differences else ""
        note(f"  {result.title}, {result.step}: {figure.wall:.2f} s, {figure.cpu:.2f} CPU s, "
             f"{figure.peak / 1e6:.0f} MB{wrong}")
