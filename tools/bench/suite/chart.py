"""The wall times as a bar chart: one group a step, bars as long as their share of the slowest."""
from xml.sax.saxutils import escape

from .report import in_unit

WIDTH, LEFT, RIGHT = 860, 130, 250
ROW, BAR, GROUP_GAP, TOP = 22, 14, 16, 78

STYLE = """
    .page { fill: #ffffff } text { fill: #1c2430; font: 13px system-ui, sans-serif }
    .title { font-size: 17px; font-weight: 600 } .group { font-weight: 600 } .small { fill: #566173; font-size: 12px }
    .obhut { fill: #1464c8 } .peer { fill: #9aa6b6 } .floor { fill: #d3d9e1 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #12161c } text { fill: #e6eaf0 } .small { fill: #a3aebd }
      .obhut { fill: #5aa2ff } .peer { fill: #6c7a8d } .floor { fill: #3c4756 }
    }
"""


def draw(doc):
    body, y = [], TOP
    for (workload, title), rows in _groups(doc):
        name = doc["workloads"].get(workload, {}).get("title", workload)
        body.append(_text(16, y, f"{name}: {title}", "group"))
        y += 10
        slowest = max(row["median"]["wall"] for row in rows) or 1
        for row in rows:
            body += _bar(y, row, row["median"]["wall"] / slowest, doc)
            y += ROW
        y += GROUP_GAP + 12
    runs = f"medians of {doc['repeat']} runs" if doc["repeat"] > 1 else "one run"
    head = [_text(16, 28, "Wall time, shorter is better", "title"),
            _text(16, 46, f"beside each: wall time, CPU, peak memory; {doc['machine']['cores']} cores, size {doc['size']}, {runs}, "
                          f"{doc['begun'][:10]}", "small")]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" role="img">\n'
            f"  <title>Wall time of backup programs, step by step</title>\n  <style>{STYLE}  </style>\n"
            f'  <rect class="page" width="{WIDTH}" height="{y}"/>\n' + "\n".join(head + body) + "\n</svg>\n")


def _groups(doc):
    groups = {}
    for row in doc["steps"]:
        if row["runs"] and not row["error"]:
            groups.setdefault((row["workload"], row["title"]), []).append(row)
    return groups.items()


def _bar(y, row, share, doc):
    length = max(1.0, share * (WIDTH - LEFT - RIGHT))
    kind = "obhut" if row["program"] == "obhut" else "floor" if doc["programs"][row["program"]]["floor"] else "peer"
    median = row["median"]
    value = ", ".join(in_unit(m, median[m]) for m in ("wall", "cpu", "peak"))
    return [_text(16, y + 12, row["program_title"]),
            f'  <rect class="{kind}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>',
            _text(LEFT + length + 8, y + 12, value, "small")]


def _text(x, y, text, kind=""):
    attribute = f' class="{kind}"' if kind else ""
    return f'  <text x="{x:.1f}" y="{y}"{attribute}>{escape(text)}</text>'
