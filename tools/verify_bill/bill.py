"""A month's bill: lines, corrections, totals and notices, and their one spelling."""
import typing

from . import events
from .instants import format_month
from .prices import Decimal
from .trouble import BadInput
from .usage import counted_activities, mode_of, peak, trial_window

MICRO_PER_CENT = 10_000
MOST_CENTS = (1 << 63) - 1


class Line(typing.NamedTuple):
    customer: str
    product: str
    quantity: Decimal
    unit: str
    unit_micro: int
    cents: int
    first_use: int
    evidence: tuple  # ids of events
    note: str


class Correction(typing.NamedTuple):
    customer: str
    product: str
    corrects: int  # month
    was_cents: int
    now_cents: int
    evidence: tuple
    line: typing.Optional[Line]  # as rated today

    @property
    def cents(self):
        return self.now_cents - self.was_cents


class Bill(typing.NamedTuple):
    month: int
    currency: str
    lines: list
    corrections: list
    totals: list  # (customer, cents)
    notices: list  # (event id, code)

    def amounts(self):
        """What was billed, as (customer, product, month it is for, cents)."""
        yield from ((line.customer, line.product, self.month, line.cents) for line in self.lines)
        yield from ((one.customer, one.product, one.corrects, one.cents) for one in self.corrections)


class Billed:
    """What the bills of consecutive closed months said, corrections included."""

    def __init__(self):
        self.first = self.last = None
        self.currencies = set()
        self.cents = {}  # by customer: {(month, product): cents}

    def add(self, bill):
        """Takes in a Bill, or ClosedBill, of the month after those known. Errors: closed_gap."""
        if self.last is not None and bill.month != self.last + 1:
            raise BadInput("closed_gap", "month", month=format_month(self.last + 1))
        self.first, self.last = bill.month if self.first is None else self.first, bill.month
        self.currencies.add(bill.currency)
        for customer, product, of, cents in bill.amounts():
            sums = self.cents.setdefault(customer, {})
            sums[of, product] = sums.get((of, product), 0) + cents


def amount_cents(quantity, micro):
    """Quantity times unit price, rounded half away from zero."""
    per_cent = MICRO_PER_CENT * 10 ** quantity.places
    return (2 * quantity.digits * micro + per_cent) // (2 * per_cent)


class _CustomerMonth:
    """One customer in one month."""

    def __init__(self, customer, history, month, prices):
        self.customer, self.history, self.month, self.prices = customer, history, month, prices
        self.start, self.end = prices.calendar.span(month)
        self.policy = prices.policy(month)
        self.trial = trial_window(history, self.end, self._trial_end)
        self.mode = mode_of(history, self.start, self.end)

    def _trial_end(self, begin):
        calendar = self.prices.calendar
        days = self.prices.policy(calendar.month_of(begin)).trial_days
        return calendar.days_after(begin, days) if days else begin

    def _free(self, product):
        return self.trial if self.policy.frees(product) else None

    def _line(self, product, quantity, unit, first_use, evidence, note=""):
        micro = self.prices.micro(self.mode, product, self.month)
        cents = fitting(amount_cents(quantity, micro), self.customer, self.month)
        return Line(self.customer, product, quantity, unit, micro, cents, first_use, evidence, note)

    def storage(self):
        for location in events.LOCATIONS:
            product = "storage/" + location
            most = peak(self.history.steps[location], self.start, self.end, self._free(product))
            if most:
                yield self._line(product, self.policy.gb(most.bytes), "GB", most.first_use, (most.evidence.id,))

    def workloads(self):
        if self.mode != "per_workload":
            return
        counted = counted_activities(self.history, self.start, self.end,
                                     lambda activity: self._free("workload/" + activity.activation.word))
        by_kind = {}
        for activity in counted.values():
            by_kind.setdefault(activity.activation.word, []).append(activity.activation)
        for kind, began in sorted(by_kind.items()):
            note = "receipt clock" if any(event.clock == "receipt" for event in began) else ""
            yield self._line("workload/" + kind, Decimal(len(began), 0), "workload", min(event.at for event in began),
                             tuple(sorted(event.id for event in began)), note)


def lines_of(customer, history, month, prices):
    """One customer's lines of a month, by product, in their order.

    Errors: no_policy, no_price, too_late, too_large_sum.
    """
    of = _CustomerMonth(customer, history, month, prices)
    return {line.product: line for line in (*of.storage(), *of.workloads())}


def fitting(cents, customer, month):
    """The amount, if a bill can hold it. Errors: too_large_sum."""
    if not -MOST_CENTS - 1 <= cents <= MOST_CENTS:
        raise BadInput("too_large_sum", customer=customer, month=format_month(month))
    return cents


def rate(event_set, prices, month, billed=None, changed=None):
    """The bill of a month from an EventSet, a PriceList and the bills closed before (a Billed).

    `changed`: the customers whose closed months may come to something else than was billed; None: any may.
    Errors: those of lines_of(); never_created, other_currency.
    """
    start, end = prices.calendar.span(month)
    prices.policy(month)
    if billed and billed.currencies - {prices.currency}:
        raise BadInput("other_currency", "currency", currency=prices.currency)
    lines, notices = [], []
    for customer in sorted(event_set.customers):
        history = event_set.history(customer)
        if not history.lives:
            raise BadInput("never_created", "customer", customer=customer)
        lines += lines_of(customer, history, month, prices).values()
        notices += [(id, code) for at, id, code in history.notices if start <= at < end]
    corrections = []
    if billed and billed.last is not None and billed.last + 1 == month:
        corrections = _corrections(event_set, prices, billed, changed)
    return Bill(month, prices.currency, lines, corrections, _totals(lines, corrections, month), sorted(notices))


def _corrections(event_set, prices, billed, changed):
    months = range(billed.first, billed.last + 1)
    for month in months:
        prices.policy(month)
    found = []
    for customer in sorted(billed.cents.keys() | event_set.customers if changed is None else changed):
        history, was = event_set.history(customer), billed.cents.get(customer, {})
        for month in months:
            now = lines_of(customer, history, month, prices) if history else {}
            for product in now.keys() | {product for of, product in was if of == month}:
                line, before = now.get(product), was.get((month, product), 0)
                cents = line.cents if line else 0
                if cents != before:
                    fitting(cents - before, customer, month)
                    found.append(Correction(customer, product, month, before, cents,
                                            line.evidence if line else (), line))
    return sorted(found, key=lambda one: (one.customer, one.product, one.corrects))


def _totals(lines, corrections, month):
    sums = {}
    for one in lines + corrections:
        sums[one.customer] = sums.get(one.customer, 0) + one.cents
    return [(customer, fitting(cents, customer, month)) for customer, cents in sorted(sums.items())]
