"""Closings: the provider's signature under a month's bill, its price list and the ledger so far."""
import typing

from . import export as exports
from . import files, signatures, strict_json
from .instants import format_month, parse_month
from .trouble import BadInput

SCHEMA = "obhut.closing/1"
MEMBERS = ("schema", "partner", "month", "bill", "prices", "rows", "head", "previous", "closed_at")
NONE_BEFORE = "0" * 64


class Closing(typing.NamedTuple):
    month: int
    partner: str
    bill: str  # SHA-256, lower-case hex, as all of these
    prices: str
    rows: int
    head: str
    previous: str
    closed_at: str
    text_hash: str
    signed: bool

    @property
    def name(self):
        return format_month(self.month)


def parse(data, key):
    """A closing's bytes. Errors: those of signatures.read(), fields absent, wrong or unknown."""
    document = signatures.read(data, "closing")
    members = strict_json.Members(document.payload, only=MEMBERS)
    members.choice("schema", (SCHEMA,))
    members.instant("closed_at")
    try:
        month = parse_month(members.text("month"))
    except ValueError as error:
        raise BadInput("not_month", "month") from error
    hashes = {name: members.hex(name, 64) for name in ("bill", "prices", "head", "previous")}
    return Closing(month=month, partner=members.hex("partner", exports.PARTNER_DIGITS),
                   rows=members.integer("rows"), closed_at=members.text("closed_at"),
                   text_hash=files.sha256(document.text.encode()),
                   signed=signatures.is_signed_by(document, key), **hashes)


def load(export, key, only, report):
    """The export's closings by month, in order; those that cannot be read are reported.

    `only`: the one month whose closing is checked; None: all are.
    """
    found = {}
    names, _ = export.names("closings", exports.CLOSING)
    for month, name in sorted(names.items()):
        try:
            closing = parse(export.read("closings", name), key)
        except BadInput as bad:
            if bad.code == "no_cryptography":
                raise
            report.fails("month", "unusable", month, reason=bad.at(f"closings/{name}"))
            continue
        if closing.name == month:
            found[closing.month] = closing
        else:
            report.fails("month", "closing_month", month, other=closing.name)
    _check(found, set(names), export, only, report)
    return found


def _check(found, listed, export, only, report):
    before = None
    for month, closing in found.items():
        # What cannot be read stands in the report already; it leaves no gap.
        missing = [name for name in map(format_month, range(before.month + 1, month)) if name not in listed] \
            if before else []
        if only is None or only == month:
            faults = list(_faults(closing, before, missing, export.partner))
            for code, values in faults:
                report.fails("month", code, closing.name, **values)
            if not faults:
                report.holds("month", "closing_holds", closing.name, at=closing.closed_at, rows=closing.rows)
        before = closing


def _faults(closing, before, missing, partner):
    """What is wrong with a closing by itself and beside the one before, as (code, values)."""
    if not closing.signed:
        yield "closing_signature", {}
    if closing.partner != partner:
        yield "closing_partner", {"partner": closing.partner}
    for name in missing:
        yield "closing_gap", {"missing": name}
    if before is None:
        if closing.previous != NONE_BEFORE:
            yield "closing_first", {}
    elif closing.previous != before.text_hash:
        yield "closing_previous", {"before": before.name}
    if before and closing.rows < before.rows:
        yield "closing_backwards", {"rows": closing.rows, "before": before.name, "expected": before.rows}
