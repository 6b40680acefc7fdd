"""The verifier's rating and the server's, called alike."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from verify_bill import bill, bill_text  # noqa: E402
from verify_bill.event_set import EventSet  # noqa: E402
from verify_bill.instants import format_instant, format_month, parse_month  # noqa: E402
from verify_bill.prices import PriceList  # noqa: E402
from verify_bill.trouble import BadInput  # noqa: E402

BIN = pathlib.Path(os.environ.get("OBHUT_BIN", "build/release/bin"))


def ours(events, prices, month, closed=()):
    """The bill's bytes from JSON texts. Errors: BadInput."""
    known = EventSet()
    for text in events:
        known.add(text)
    billed = bill.Billed()
    for text in closed:
        billed.add(bill_text.read_amounts(text))
    return bill_text.to_json(bill.rate(known, PriceList(prices), parse_month(month), billed))


def ours_or_none(*arguments):
    """The bill's bytes, or None for bad input."""
    try:
        return ours(*arguments)
    except BadInput:
        return None


class Server:
    """`obhut-cluster rate`, fed from files of a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.closed = self.folder / "closed"
        self.closed.mkdir()
        self.message = ""

    def rate(self, events, prices, month, closed=()):
        """The bill's bytes, or None for bad input (what it said is in `message`)."""
        (self.folder / "events.jsonl").write_text("".join(text + "\n" for text in events), "utf-8")
        (self.folder / "prices.json").write_text(prices, "utf-8")
        for old in self.closed.iterdir():
            old.unlink()
        for number, text in enumerate(closed):
            (self.closed / f"{number}.json").write_text(text, "utf-8")
        more = ["--closed", self.closed] if closed else []
        outcome = subprocess.run([BIN / "obhut-cluster", "rate", "--events", self.folder / "events.jsonl",
                                  "--prices", self.folder / "prices.json", "--month", month, *more],
                                 capture_output=True, check=False)
        if outcome.returncode not in (0, 2):
            raise AssertionError(f"obhut-cluster rate: exit {outcome.returncode}: {outcome.stderr.decode()}")
        self.message = outcome.stderr.decode()
        return outcome.stdout if outcome.returncode == 0 else None


def rated(events, month, prices, closed=()):
    """What a bill says, one short text a line, correction and notice; for bad input its code."""
    known, billed = EventSet(), bill.Billed()
    try:
        for text in events:
            known.add(text)
        for text in closed:
            billed.add(bill_text.read_amounts(text))
        found = bill.rate(known, PriceList(prices), parse_month(month), billed)
    except BadInput as bad:
        return bad.code
    said = [f"{one.customer} {one.product} {one.quantity} {one.cents} {format_instant(one.first_use)} "
            f"[{' '.join(one.evidence)}]{' ' + one.note if one.note else ''}" for one in found.lines]
    said += [f"{one.customer} {one.product} corrects {format_month(one.corrects)}: {one.was_cents} -> "
             f"{one.now_cents} [{' '.join(one.evidence)}]" for one in found.corrections]
    return said + [f"{event} {code}" for event, code in found.notices]
