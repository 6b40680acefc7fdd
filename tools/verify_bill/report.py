"""What was found: each check that holds or fails, and notes that are neither."""
import typing

HOLDS, FAILS, NOTE = "holds", "fails", "note"
SECTIONS = ("key", "ledger", "measurements", "month", "files", "receipts")


class Finding(typing.NamedTuple):
    verdict: str
    section: str
    month: str  # of section month; else empty
    code: str  # of messages.py, whose text `values` fill
    values: dict


class Report:
    """Findings in the order in which they are shown: by section, months by time."""

    def __init__(self):
        self.found = []

    def add(self, verdict, section, code, month="", **values):
        self.found.append(Finding(verdict, section, month, code, values))

    def holds(self, section, code, month="", **values):
        self.add(HOLDS, section, code, month, **values)

    def fails(self, section, code, month="", **values):
        self.add(FAILS, section, code, month, **values)

    def note(self, section, code, month="", **values):
        self.add(NOTE, section, code, month, **values)

    def findings(self):
        return sorted(self.found, key=lambda one: (SECTIONS.index(one.section), one.month))

    def failed(self):
        """How many checks failed."""
        return sum(one.verdict == FAILS for one in self.found)
