"""The command: arguments, the chosen programs, the work folder, and what is written at the end."""
import argparse
import contextlib
import datetime
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from . import SuiteError, chart, programs, report
from .measuring import Meter
from .room import Room, note
from .runner import Findings, Runner
from .workloads import SIZES, STEPS, WORKLOADS

ROOT = pathlib.Path(__file__).resolve().parents[3]


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench/run", description="Obhut beside its peers on the same data in one run.")
    parser.add_argument("--size", choices=SIZES, default="small", help="small: minutes; full: hours, and five times the size of /usr on the disk; tiny: to test the suite")
    parser.add_argument("--workload", nargs="+", action="extend", choices=[w.name for w in WORKLOADS], metavar="NAME", help="default: all")
    parser.add_argument("--program", nargs="+", action="extend", choices=[p.key for p in programs.ALL], metavar="NAME", help="default: all")
    parser.add_argument("--repeat", type=int, metavar="N", help="medians of N runs (small: 1, full: 3)")
    parser.add_argument("--work", metavar="DIR", help="where data and repositories lie meanwhile (default: $TMPDIR or /tmp)")
    parser.add_argument("--bin", metavar="DIR", default=str(ROOT / "build/release/bin"), help="folder of obhut (default: build/release/bin)")
    parser.add_argument("--out", metavar="DIR", default=str(ROOT / "build/bench"), help="for bench.md, bench.json and bench.svg (default: build/bench)")
    parser.add_argument("--list", action="store_true", help="name workloads, steps and programs, and end")
    options = parser.parse_args(arguments)
    if options.repeat is not None and options.repeat < 1:
        parser.error("--repeat takes a number from 1")
    return options


def print_list(options):
    size = SIZES[options.size]
    for workload in WORKLOADS:
        print(f"workload {workload.name}: {workload.title(size)}: {', '.join(STEPS[s] for s in workload.steps)}")
    for program in programs.ALL:
        binary = program.locate(options.bin)
        print(f"program {program.key}: {program.version_of(binary) if binary else program.remedy()}")


def find_programs(options):
    """The chosen programs that are here, and a line for each that is not. Asking for a missing one is an error."""
    found, missing = {}, []
    for program in programs.ALL:
        if options.program and program.key not in options.program:
            continue
        binary = program.locate(options.bin)
        if binary:
            found[program] = binary
        elif options.program:
            raise SuiteError(program.remedy())
        else:
            missing.append(program.remedy())
    if not found:
        raise SuiteError("none of the programs is here: " + "; ".join(missing))
    if shutil.which("rsync") is None:
        raise SuiteError("rsync, which compares the restores, is missing: apt-get install rsync")
    return found, missing


def environment(work):
    """Nothing of the user's: no configuration, no cache, and temporary files on the same disk as the rest."""
    for name in ("home", "tmp"):
        (work / name).mkdir()
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(work / "home"), "TMPDIR": str(work / "tmp"),
            "RESTIC_PASSWORD": programs.PASSPHRASE, "BORG_PASSPHRASE": programs.PASSPHRASE, "BORG_BASE_DIR": str(work / "home")}


def interrupt(_signal, _frame):
    raise KeyboardInterrupt


@contextlib.contextmanager
def work_folder(parent):
    """A new folder that is gone at the end, whatever happens."""
    try:
        work = pathlib.Path(tempfile.mkdtemp(prefix="obhut-bench-", dir=parent)).resolve()
    except OSError as error:
        raise SuiteError(f"{parent}: {error.strerror}") from error
    try:
        yield work
    finally:
        note(f"removing {work}")
        handlers = [(s, signal.signal(s, signal.SIG_IGN)) for s in (signal.SIGINT, signal.SIGTERM)]
        subprocess.run(["rm", "-rf", "--", work], check=False)
        for number, handler in handlers:
            signal.signal(number, handler)


def measure(options, found, findings, work):
    """Fills `findings`, up to an interruption. Raises SuiteError where it cannot go on."""
    size = SIZES[options.size]
    findings.filesystem = report.filesystem_of(work)
    runner = Runner(size, found, Room(work), Meter(environment(work), work), findings)
    try:
        for workload in WORKLOADS:
            if not options.workload or workload.name in options.workload:
                runner.run(workload, options.repeat or size.repeat)
    except KeyboardInterrupt:
        findings.interrupted = True
    except OSError as error:
        raise SuiteError(f"{error.filename or work}: {error.strerror}") from error


def write(options, document):
    out = pathlib.Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        text = report.markdown(document)
        (out / "bench.md").write_text(text)
        (out / "bench.json").write_text(report.json_text(document))
        (out / "bench.svg").write_text(chart.draw(document))
    except OSError as error:
        raise SuiteError(f"{error.filename}: {error.strerror}") from error
    print(text)
    note(f"written to {out}: bench.md, bench.json, bench.svg")


def run(options):
    """Measures, reports, and gives the exit code."""
    findings, refused = Findings(), None
    found, missing = find_programs(options)
    for line in missing:
        note(line)
    begun = datetime.datetime.now(datetime.timezone.utc)
    with work_folder(options.work) as work:
        try:
            measure(options, found, findings, work)
        except SuiteError as error:
            refused = error  # what was measured until then is worth a report
        if findings.results or not refused:
            write(options, report.document(options, begun, found, missing, findings))
    if refused:
        raise refused
    if findings.interrupted:
        return 130
    failures = list(findings.failures())
    for line in failures:
        note(f"bench: {line}")
    return 1 if failures else 0


def main(arguments):
    options = parse(arguments)
    if options.list:
        print_list(options)
        return 0
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return run(options)
    except SuiteError as error:
        note(f"bench: {error}")
        return 3
    except KeyboardInterrupt:
        return 130
