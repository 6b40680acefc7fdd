"""The document of a run, as JSON and as markdown."""
import json
import os
import pathlib
import platform

from . import programs
from .measuring import MEASURES
from .targets import TARGETS, judge
from .workloads import SIZES, STEPS

WORDS = {"wall": "wall time", "cpu": "CPU", "peak": "peak memory", "stored": "stored bytes", "new": "new bytes"}


def filesystem_of(folder):
    """Type of the file system that holds `folder`, as /proc/self/mountinfo names it."""
    device = os.stat(folder).st_dev
    number, kind = f"{os.major(device)}:{os.minor(device)}", "unknown"
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, rest = line.partition(" - ")
        if mount.split()[2] == number:
            kind = rest.split()[0]
    return kind


def machine(filesystem):
    def first(path, key):
        lines = (line for line in pathlib.Path(path).read_text().splitlines() if line.startswith(key))
        return next(lines, ":unknown").partition(":")[2].strip()
    return {"processor": first("/proc/cpuinfo", "model name"), "cores": len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
            "kernel": platform.release(), "system": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
            "filesystem": filesystem}


def document(options, begun, found, missing, findings):
    """Everything that was measured, in seconds and bytes."""
    return {
        "format": 1,
        "begun": begun.isoformat(timespec="seconds"),
        "size": options.size,
        "repeat": options.repeat or SIZES[options.size].repeat,
        "interrupted": findings.interrupted,
        "machine": machine(findings.filesystem),
        "programs": {p.key: {"title": p.title, "version": p.version_of(path), "path": path, "floor": p.floor}
                     for p, path in found.items()},
        "missing": missing,
        "workloads": findings.sources,
        "steps": [{"workload": r.workload, "step": r.step, "title": STEPS[r.step], "program": r.program, "program_title": r.title,
                   "command": r.command, "error": r.error, "median": r.median(),
                   "runs": [{**{m: getattr(f, m) for m in MEASURES}, "examples": f.examples} for f in r.figures]}
                  for r in ordered(findings)],
        "targets": [verdict_row(judge(t, findings.measured, findings.source_bytes))
                    for t in TARGETS if t.workload in findings.sources],
        "failures": list(findings.failures()),
    }


def ordered(findings):
    """By workload and step, and within a step the programs always in the same order."""
    rank = {p.key: n for n, p in enumerate(programs.ALL)}
    steps = {}
    for workload, step, _ in findings.results:
        steps.setdefault((workload, step), len(steps))
    return sorted(findings.results.values(), key=lambda r: (steps[r.workload, r.step], rank[r.program]))


def verdict_row(verdict):
    t = verdict.target
    return {"workload": t.workload, "step": t.step, "measure": t.measure, "factor": t.factor, "against": t.against,
            "text": target_text(t), "ours": verdict.ours, "theirs": verdict.theirs, "met": verdict.met}


def factor_text(factor):
    return f"1/{1 / factor:.3g} of" if factor <= 0.5 else f"{factor:.3g} times"


def escaped(text):
    """For a cell of a markdown table."""
    return text.replace("|", "\\|")


def target_text(target):
    step = "every step" if target.step == "*" else STEPS[target.step]
    if not target.against:
        limit = in_unit(target.measure, target.factor)
    elif target.factor == 1:
        limit = of(target.against)
    else:
        limit = f"{factor_text(target.factor)} {of(target.against)}"
    return f"{step}: {WORDS[target.measure]} at most {limit}"


def of(against):
    names = {"source": "the source's", "find": "find -printf's", "tar-x": "tar x's"}
    return names.get(against, f"{against}'s")


def in_unit(measure, value):
    if measure in ("wall", "cpu", "others"):
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    return f"{value / 1e6:,.1f} MB" if abs(value) < 10e6 else f"{value / 1e6:,.0f} MB"


def json_text(doc):
    return json.dumps(doc, indent=1, ensure_ascii=False) + "\n"


def cell(measure, value):
    return "" if value is None else in_unit(measure, value).split(" ")[0]


def markdown(doc):
    parts = [_heading(doc)]
    for name, workload in doc["workloads"].items():
        parts.append(f"### {workload['title']}\n\n{in_unit('stored', workload['bytes'])}, {workload['files']:,} file{'s' if workload['files'] != 1 else ''}, links included.")
        parts.append(_steps([row for row in doc["steps"] if row["workload"] == name]))
        targets = [row for row in doc["targets"] if row["workload"] == name]
        if targets:
            parts.append(_targets(targets))
    for title, key in (("Not measured", "missing"), ("Failed", "failures")):
        if doc[key]:
            parts.append(f"### {title}\n\n" + "\n".join(f"- {line}" for line in doc[key]))
    parts.append("### How\n\n" + NOTES)
    return "\n\n".join(parts) + "\n"


NOTES = (
    "Medians, each measure by itself. CPU is user plus system of the program and its children; `others` is what the rest of the machine "
    "used meanwhile; MB are 10^6 bytes; a peak below 30 MB may be the suite's own, which its children inherit. The page cache is warm for all alike, dirty pages are written before each step, and each "
    "repetition begins with an empty repository. Restores are compared by rsync -aHAX --checksum; `differ` counts the entries that are "
    "not as they were. Encryption on: Obhut by passphrase (one file, ls and find by recovery key, which is not stretched), restic "
    "repository version 2, Borg repokey-blake2 with lz4. The targets are those of size full.")


def _heading(doc):
    m = doc["machine"]
    versions = "; ".join(f"{p['title']}: {p['version']}" for p in doc["programs"].values())
    cut = " Interrupted: what was measured until then." if doc["interrupted"] else ""
    return (f"Size {doc['size']}, {doc['repeat']} repetition{'s' if doc['repeat'] > 1 else ''}, begun {doc['begun']}.{cut} "
            f"{m['processor']}, {m['cores']} cores, {m['memory_bytes'] / 1e9:.0f} GB, {m['system']}, kernel {m['kernel']}, "
            f"{m['filesystem']}.\n\n{versions}")


def _steps(rows):
    lines = ["| step | program | wall s | CPU s | peak MB | stored MB | new MB | others' CPU s | differ |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        names = f"| {row['title']} | {escaped(row['program_title'])} "
        if row["error"]:
            lines.append(f"{names}| failed: {escaped(row['error'])} | | | | | | |")
            continue
        median = row["median"]
        cells = [cell(m, median[m]) for m in ("wall", "cpu", "peak", "stored", "new", "others")]
        differ = "" if median["differences"] is None else f"{median['differences']:.0f}"
        lines.append(f"{names}| {' | '.join(cells)} | {differ} |")
    return "\n".join(lines)


def _targets(rows):
    lines = ["| target | measured | |", "|---|---|---|"]
    for row in rows:
        lines.append(f"| {row['text']} | {_measured(row)} | {verdict_word(row['met'])} |")
    return "\n".join(lines)


def verdict_word(met):
    return {True: "met", False: "**not met**", None: "not measured"}[met]


def _measured(row):
    if row["met"] is None:
        return ""
    ours = in_unit(row["measure"], row["ours"])
    if not row["against"]:
        return ours
    ratio = row["ours"] / row["theirs"] if row["theirs"] else float("inf")
    share = f"1/{1 / ratio:.3g}" if 0 < ratio < 0.7 else f"{ratio:.3g} times"
    return f"{share} ({ours} to {in_unit(row['measure'], row['theirs'])})"
