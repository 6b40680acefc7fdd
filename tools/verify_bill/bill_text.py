"""The spelling of a bill in JSON, byte by byte, and the reading of closed ones."""
import re
import typing

from . import strict_json
from .bill import MOST_CENTS
from .instants import format_instant, format_month, parse_month
from .prices import Decimal, parse_decimal
from .trouble import BadInput

ESCAPED = re.compile(r'["\\\x00-\x1f]')


def _escape(match):
    return "\\" + match[0] if match[0] in '"\\' else f"\\u{ord(match[0]):04x}"


def quoted(text):
    """A JSON string: quote, backslash and what lies below 0x20 escaped, nothing else."""
    return '"' + ESCAPED.sub(_escape, text) + '"'


def _element(**members):
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


def _ids(evidence):
    return "[" + ",".join(map(quoted, evidence)) + "]"


def _list(name, elements):
    return f'"{name}":[' + ("\n" + ",\n".join(elements) + "\n" if elements else "") + "]"


def to_json(bill):
    """A Bill's bytes: equal bills have equal ones."""
    lines = [_element(customer=quoted(one.customer), product=quoted(one.product), quantity=quoted(str(one.quantity)),
                      unit=quoted(one.unit), unit_micro=one.unit_micro, amount_cents=one.cents,
                      first_use=quoted(format_instant(one.first_use)), evidence=_ids(one.evidence),
                      note=quoted(one.note)) for one in bill.lines]
    corrections = [_element(customer=quoted(one.customer), product=quoted(one.product),
                            corrects=quoted(format_month(one.corrects)), amount_cents=one.cents,
                            was_cents=one.was_cents, now_cents=one.now_cents, evidence=_ids(one.evidence))
                   for one in bill.corrections]
    totals = [_element(customer=quoted(customer), amount_cents=cents) for customer, cents in bill.totals]
    notices = [_element(event=quoted(event), code=quoted(code)) for event, code in bill.notices]
    head = f'{{"month":{quoted(format_month(bill.month))},"currency":{quoted(bill.currency)}'
    parts = [head, _list("lines", lines), _list("corrections", corrections), _list("totals", totals),
             _list("notices", notices)]
    return (",\n".join(parts) + "}\n").encode()


class ClosedBill(typing.NamedTuple):
    """What a closed bill says was charged."""
    month: int
    currency: str
    billed: list  # (customer, product, month it is for, cents)

    def amounts(self):
        """As Bill.amounts()."""
        return self.billed


class ClosedLine(typing.NamedTuple):
    """A line or a correction of a closed bill, as far as receipts can speak for it."""
    customer: str
    product: str
    month: int  # the bill's own, or the one that a correction is for
    corrects: bool
    quantity: typing.Optional[Decimal]  # a correction has none
    evidence: tuple  # ids of events


def read_amounts(text):
    """A closed bill's JSON text as ClosedBill; nothing but the amounts is read.

    Errors: strict_json's, and fields absent or wrong.
    """
    members = strict_json.Members(strict_json.parse(text))
    month = _month(members, "month")

    def amount(of, corrects):
        return (of.text("customer"), of.text("product"), _corrected(of, month) if corrects else month,
                of.integer("amount_cents", -MOST_CENTS - 1, MOST_CENTS))

    return ClosedBill(month, members.text("currency"), _elements(members, amount))


def read_lines(text):
    """A closed bill's lines and corrections. Errors: as read_amounts()."""
    members = strict_json.Members(strict_json.parse(text))
    month = _month(members, "month")

    def line(of, corrects):
        evidence = of.list("evidence")
        if any(type(id) is not str for id in evidence):
            raise BadInput("not_text", "evidence")
        return ClosedLine(of.text("customer"), of.text("product"), _corrected(of, month) if corrects else month,
                          corrects, None if corrects else _quantity(of), tuple(evidence))

    return _elements(members, line)


def _elements(members, read):
    found = []
    for name in ("lines", "corrections"):
        for index, element in enumerate(members.list(name)):
            try:
                found.append(read(strict_json.Members(element), name == "corrections"))
            except BadInput as bad:
                raise bad.within(f"{name}[{index}]")
    return found


def _quantity(members):
    try:
        return parse_decimal(members.text("quantity"))
    except ValueError as error:
        raise BadInput("not_decimal", "quantity") from error


def _corrected(members, month):
    corrected = _month(members, "corrects")
    if corrected >= month:
        raise BadInput("not_before", "corrects", month=format_month(month))
    return corrected


def _month(members, name):
    try:
        return parse_month(members.text(name))
    except ValueError as error:
        raise BadInput("not_month", name) from error
