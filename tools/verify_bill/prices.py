"""A price list: currency, time zone, policies and prices, each with the first month it is for."""
import re
import typing

from . import strict_json
from .events import LOCATIONS, MODES
from .instants import Calendar, format_month, parse_month
from .trouble import BadInput

STEP = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


class Decimal(typing.NamedTuple):
    """digits x 10^-places, exact."""
    digits: int
    places: int

    def __str__(self):
        whole, part = divmod(self.digits, 10 ** self.places)
        fraction = f"{part:0{self.places}}".rstrip("0") if self.places else ""
        return f"{whole}.{fraction}" if fraction else str(whole)

    def at_least(self, other):
        return self.digits * 10 ** other.places >= other.digits * 10 ** self.places


def parse_decimal(text):
    """A decimal number without sign and exponent. Errors: ValueError."""
    match = STEP.fullmatch(text)
    if not match or len(text) > strict_json.LONGEST_INTEGER:
        raise ValueError(text)
    places = match[2] or ""
    return Decimal(int(match[1] + places), len(places))


class Policy(typing.NamedTuple):
    gb_bytes: int
    gb_step: Decimal
    trial_days: int
    trial_free: tuple

    def frees(self, product):
        """Whether a running trial makes a product free."""
        return any(product == entry or (entry.endswith("/*") and product.startswith(entry[:-1]))
                   for entry in self.trial_free)

    def gb(self, size):
        """Bytes as GB, rounded up to the step."""
        unit = self.gb_bytes * self.gb_step.digits
        steps = -(-size * 10 ** self.gb_step.places // unit)
        return Decimal(steps * self.gb_step.digits, self.gb_step.places)


class PriceList:
    """`currency`, `calendar` (of the time zone), and what holds in a month."""

    def __init__(self, text):
        """Reads a price list's JSON text. Errors: strict_json's, every field absent or wrong, twice."""
        members = strict_json.Members(strict_json.parse(text))
        self.currency = members.text("currency")
        self.calendar = Calendar(members.text("time_zone"))
        self.policies = _by_month(members, "policies", _policy)
        self.prices = _by_month(members, "prices", _price)

    def policy(self, month):
        """The policy of a month. Errors: no_policy."""
        found = _latest(self.policies.get((), ()), month)
        if found is None:
            raise BadInput("no_policy", "policies", month=format_month(month))
        return found

    def micro(self, mode, product, month):
        """A unit's price in micro-units of the currency. Errors: no_price."""
        found = _latest(self.prices.get((mode, product), ()), month)
        if found is None:
            raise BadInput("no_price", "prices", mode=mode, product=product, month=format_month(month))
        return found


def _latest(entries, month):
    """Of (first month, value), sorted, the value of the last one that began by `month`; or None."""
    return next((value for first, value in reversed(entries) if first <= month), None)


def _by_month(members, name, read):
    """By what `read` says an element is for, its elements as (first month, value), sorted."""
    found = {}
    for index, element in enumerate(members.list(name)):
        try:
            of = strict_json.Members(element)
            first = _month(of)
            subject, value = read(of)
            entries = found.setdefault(subject, {})
            if first in entries:
                raise BadInput("stands_twice", "from", month=format_month(first))
            entries[first] = value
        except BadInput as bad:
            raise bad.within(f"{name}[{index}]")
    return {subject: sorted(entries.items(), key=lambda entry: entry[0]) for subject, entries in found.items()}


def _month(members):
    try:
        return parse_month(members.text("from"))
    except ValueError as error:
        raise BadInput("not_month", "from") from error


def _policy(members):
    try:
        step = parse_decimal(members.text("gb_step"))
    except ValueError as error:
        raise BadInput("not_decimal", "gb_step") from error
    if not step.digits:
        raise BadInput("not_decimal", "gb_step")
    free = members.list("trial_free")
    for entry in free:
        if type(entry) is not str or not (entry == "storage/*" or _is_product(entry)):
            raise BadInput("not_product", "trial_free")
    return (), Policy(members.integer("gb_bytes", 1), step, members.integer("trial_days"), tuple(free))


def _is_product(text):
    kind, slash, name = text.partition("/")
    return bool(slash) and (kind == "workload" or (kind == "storage" and name in LOCATIONS))


def _price(members):
    mode, product = members.choice("mode", MODES), members.text("product")
    if not _is_product(product):
        raise BadInput("not_product", "product")
    return (mode, product), members.integer("micro")
