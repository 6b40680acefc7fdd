#!/usr/bin/env python3
"""Gathers the sources of a library into few translation units, for the trees that check rather than ship.

usage: unite.py FOLDER SOURCE...      (sources count from the top of the tree)
Writes FOLDER/united_N.cc, each including some of the sources, and prints their paths. A header is
then read once for a unit instead of once for each source: under the sanitizers, where every template
costs several times as much, that is most of the time.

Two sources that give the same name to something of their own (in an unnamed namespace) go into
different units. The includes are rooted like ours, so that the units are the same in every clone and
the compiler's cache serves them all.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LARGEST = 8  # sources: more would save little, and cost much when one of them changes
UNNAMED = re.compile(r"^namespace \{$(.*?)^\}  // namespace$", re.M | re.S)
# clang-format does not indent what a namespace holds: a declaration begins in the first column.
DECLARATION = re.compile(r"^[A-Za-z_][^\n]*(?:\n[ ]{4,}[^\n]*)*", re.M)
TYPE = re.compile(r"^(?:template <.*>\s*)?(?:struct|class|enum(?: class)?|union) (\w+)")
NAME = re.compile(r"(\w+)\s*(?:\[[^\]]*\]\s*)*[({=;]")
MACRO = re.compile(r"^#define (\w+)", re.M)


def own_names(text):
    """What the source calls its own: each name, with its whole declaration where that is an alias."""
    names = {name: None for name in MACRO.findall(text)}
    for inside in UNNAMED.findall(text):
        for declaration in DECLARATION.findall(inside):
            named = TYPE.match(declaration) or NAME.search(declaration)
            # TEST(…) and its like declare a name out of what stands between the brackets.
            if named and not named.group(1).isupper():
                names[named.group(1)] = declaration if declaration.startswith("using ") else None
    return names


def clash(one, other):
    """Saying the same alias twice is no clash; declaring anything else twice is."""
    return any(one[name] is None or one[name] != other[name] for name in one.keys() & other.keys())


def units_of(sources, texts):
    """Each source goes into the first unit that has room and does not clash with it."""
    units = []
    for source in sources:
        names = own_names(texts[source])
        for unit in units:
            if len(unit["sources"]) < LARGEST and not clash(names, unit["names"]):
                break
        else:
            unit = {"sources": [], "names": {}}
            units.append(unit)
        unit["sources"].append(source)
        unit["names"] |= names
    return [unit["sources"] for unit in units]


def main():
    folder, sources = pathlib.Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    texts = {source: (ROOT / source).read_text(encoding="utf-8") for source in sources}
    written = []
    for number, unit in enumerate(units_of(sources, texts)):
        path = folder / f"united_{number}.cc"
        text = "".join(f'#include "{source}"  // NOLINT(bugprone-suspicious-include)\n' for source in unit)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        written.append(str(path))
    print(";".join(written))


if __name__ == "__main__":
    main()
