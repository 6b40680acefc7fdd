"""The whole check of an export, one pass over its ledger."""
from . import bill, bill_text, chain, closings, export, files, measurements, receipts, support
from .event_set import EventSet
from .instants import format_month
from .prices import PriceList
from .trouble import BadInput

SHOWN = 300  # characters of a line that differs


def verify(folder, report, month=None, key=None, receipt_folders=()):
    """Checks the export in `folder` and reports what it found.

    `month`: the only one to check; `key`: the provider's, as the partner knows it.
    Errors: BadInput, for an export that cannot be read; the report is worth nothing then.
    """
    opened = export.read(folder)
    _report_key(opened, key, report)
    key = key or opened.key
    closed, _ = opened.names("closings", export.CLOSING)
    if month is not None and format_month(month) not in closed:
        raise BadInput("missing").at(f"closings/{format_month(month)}.jws")
    found = closings.load(opened, key, month, report)
    known = receipts.Receipts(receipt_folders, key, report) if receipt_folders else None
    walk = Walk(opened, found, month, known, report)
    walk.run()
    if month is None:
        if not closed:
            report.note("files", "nothing_closed")
        export.report_strays(opened, closed, report)


def _report_key(opened, key, report):
    if key is None:
        report.note("key", "key_of_export", key=opened.key)
    elif key == opened.key:
        report.holds("key", "key_given", key=key)
    else:
        report.fails("key", "key_differs", key=key, other=opened.key)


class Walk:
    """Reads the ledger and rates each closed month as soon as the rows of its closing are there."""

    def __init__(self, opened, found, only, known, report):
        self.export, self.only, self.receipts, self.report = opened, only, known, report
        self.closings = [one for month, one in found.items() if only is None or month <= only]
        self.events = EventSet()
        self.chain = chain.Chain(opened.partner, report)
        self.measurements = measurements.Measurements(report)
        self.lists = {}  # price lists by hash
        self.billed = bill.Billed()  # None once a bill is missing
        self.before = None  # the price list under which the month before came to what was billed
        self.claims = []

    def run(self):
        waiting = sorted(self.closings, key=lambda one: (one.rows, one.month))
        waiting = self._close(waiting)
        for line, row in chain.rows(self.export.folder):
            try:
                customer, event = self.events.add(row.event)
            except BadInput as bad:
                raise bad.within("event").at(chain.FILE, line)
            self.chain.follow(line, row, event.id)
            self.measurements.see(row.number, customer, event)
            if self.receipts:
                self.receipts.see(row.event, customer, event)
            if waiting and waiting[0].rows == self.chain.rows:
                waiting = self._close(waiting)
        self.chain.end(self.export.rows, self.export.head)
        self.measurements.hold_against(self.export.folder, self.events)
        for closing in waiting:
            self.report.fails("month", "closing_beyond", closing.name, rows=closing.rows, existing=self.chain.rows)
        self._report_claims()

    def _close(self, waiting):
        while waiting and waiting[0].rows == self.chain.rows:
            closing = waiting.pop(0)
            if self.only is None or closing.month == self.only:
                self._check(closing)
            else:
                self._remember(closing, None, self._bill_file(closing))
        return waiting

    def _check(self, closing):
        if closing.head == self.chain.head:
            self.report.holds("month", "closing_head", closing.name, rows=closing.rows)
        else:
            self.report.fails("month", "closing_head_differs", closing.name, rows=closing.rows,
                              head=self.chain.head, expected=closing.head)
        data = self._bill_file(closing)
        prices = self._prices(closing)
        rated = self._rate(closing, prices)
        if rated and data is not None:
            self._compare(closing, bill_text.to_json(rated), data)
        if self.receipts and prices and data is not None:
            self._claim(closing, data, prices)
        self._remember(closing, rated, data)

    def _bill_file(self, closing):
        """The bill's bytes, None where there are none; reports whether they are those that were closed."""
        name = f"bills/{closing.name}.json"
        try:
            data = self.export.read("bills", f"{closing.name}.json")
        except BadInput as bad:
            self.report.fails("month", "unusable", closing.name, reason=bad)
            return None
        if files.sha256(data) == closing.bill:
            self.report.holds("month", "bill_hash", closing.name)
        else:
            self.report.fails("month", "bill_changed", closing.name, file=name)
        return data

    def _prices(self, closing):
        """The price list that the closing names, or None. Errors: a price list that is none."""
        if closing.prices not in self.lists:
            name = f"{closing.prices}.json"
            try:
                data = self.export.read("prices", name)
            except BadInput as bad:
                self.report.fails("month", "unusable", closing.name, reason=bad)
                return None
            if files.sha256(data) != closing.prices:
                self.report.fails("month", "prices_changed", closing.name, file=f"prices/{name}")
                return None
            try:
                self.lists[closing.prices] = PriceList(files.text_of(data))
            except BadInput as bad:
                raise bad.at(f"prices/{name}")
        return self.lists[closing.prices]

    def _rate(self, closing, prices):
        if prices is None or self.billed is None or not self._follows(closing):
            self.report.fails("month", "not_rated", closing.name)
            return None
        earliest = self.events.take_earliest()
        try:
            start = prices.calendar.start(closing.month)
            late = {customer for customer, at in earliest.items() if at < start}
            return bill.rate(self.events, prices, closing.month, self.billed,
                             late if self.before is prices else None)
        except BadInput as bad:
            if bad.field in ("prices", "policies"):
                bad.at(f"prices/{closing.prices}.json")
            self.report.fails("month", "unratable", closing.name, reason=bad)
            return None

    def _follows(self, closing):
        return self.billed.last is None or closing.month == self.billed.last + 1

    def _compare(self, closing, mine, data):
        if mine == data:
            self.report.holds("month", "bill_rated", closing.name, rows=closing.rows)
            return
        wanted, found = mine.splitlines(), data.splitlines()
        line = next((number for number, pair in enumerate(zip(wanted, found)) if pair[0] != pair[1]),
                    min(len(wanted), len(found)))
        self.report.fails("month", "bill_differs", closing.name, rows=closing.rows, line=line + 1,
                          found=_shown(found, line), rated=_shown(wanted, line))

    def _claim(self, closing, data, prices):
        try:
            self.claims += support.claims_of(files.text_of(data), closing.name, self.events, prices)
        except BadInput as bad:
            self.report.fails("month", "unusable", closing.name, reason=bad.at(f"bills/{closing.name}.json"))

    def _remember(self, closing, rated, data):
        """Keeps for later months what was billed: what was closed, wherever that can be told."""
        self.before = None
        if self.billed is None or not self._follows(closing):
            self.billed = None
            return
        try:
            if rated and files.sha256(bill_text.to_json(rated)) == closing.bill:
                self.before = self.lists[closing.prices]
                self.billed.add(rated)
            elif data is None:
                self.billed = None
            else:
                self.billed.add(bill_text.read_amounts(files.text_of(data)))
        except BadInput as bad:
            self.report.fails("month", "unusable", closing.name, reason=bad.at(f"bills/{closing.name}.json"))
            self.billed = None

    def _report_claims(self):
        if self.receipts:
            self.receipts.hold_against(self.events, self.export.made_at)
        for claim in self.claims:
            support.report_claim(claim, self.receipts, self.events, self.report)


def _shown(lines, number):
    return lines[number][:SHOWN].decode("utf-8", "replace") if number < len(lines) else ""
