"""Whether receipts support the lines of a bill."""
import typing

from . import bill, bill_text
from .instants import format_month
from .prices import Decimal, Policy


class Claim(typing.NamedTuple):
    """One line of a bill, or a correction with the line that it rests on."""
    month: str  # of the bill
    customer: str
    product: str
    charged: int  # the month it is for
    corrects: bool
    quantity: typing.Optional[Decimal]  # None: charges nothing
    evidence: tuple
    policy: Policy


def claims_of(text, month, event_set, prices):
    """The claims of a month's bill, with the events known now. Errors: bill_text's, bill.lines_of()'s."""
    today = {}
    for line in bill_text.read_lines(text):
        quantity, evidence = line.quantity, line.evidence
        if line.corrects:
            key = line.customer, line.month
            history = event_set.history(line.customer)
            if key not in today:
                today[key] = bill.lines_of(line.customer, history, line.month, prices) if history else {}
            now = today[key].get(line.product)
            quantity, evidence = (now.quantity, now.evidence) if now else (None, ())
        yield Claim(month, line.customer, line.product, line.month, line.corrects, quantity,
                    evidence, prices.policy(line.month))


def report_claim(claim, receipts, event_set, report):
    """Says of one claim whether the receipts support it."""
    what = {"customer": claim.customer, "product": claim.product, "charged": format_month(claim.charged)}
    if claim.quantity is None:
        report.holds("month", "correction_of_nothing", claim.month, **what)
        return
    what["quantity"] = str(claim.quantity)
    kind = "correction_" if claim.corrects else "line_"
    thing, _, location = claim.product.partition("/")
    if thing == "workload":
        lacking = receipts.lacking(claim.evidence, event_set)
        supported, code, more = not lacking, "lacks" if lacking else "activated", {"ids": lacking}
    else:
        vouched = claim.policy.gb(receipts.vouched_bytes(claim.customer, location, claim.charged))
        supported = vouched.at_least(claim.quantity)
        code, more = "stored" if supported else "short", {"vouched": str(vouched)}
    (report.holds if supported else report.fails)("month", kind + code, claim.month, **what, **more)
