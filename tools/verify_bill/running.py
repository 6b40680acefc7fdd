"""The bill of a month that is not closed yet, from all that an export holds."""
from . import bill, bill_text, chain, export, files
from .event_set import EventSet
from .instants import format_month, parse_month
from .prices import PriceList
from .trouble import BadInput


def rate(folder, month):
    """The month's bill as JSON text, in bytes: what the server shows as long as it is not closed.

    Rated with all rows, the price list in force and the bills of the months closed before. Nothing is
    checked here but that it can be read: verification.verify() does that.
    Errors: BadInput, for an export that cannot be read or rated.
    """
    opened = export.read(folder)
    if opened.prices == export.NO_PRICES:
        raise BadInput("no_prices").at(export.FILE)
    name = f"prices/{opened.prices}.json"
    try:
        prices = PriceList(files.text_of(opened.read(*name.split("/"))))
    except BadInput as bad:
        raise bad.at(name)
    return bill_text.to_json(bill.rate(_events(folder), prices, month, _billed(opened, month)))


def _events(folder):
    events = EventSet()
    for line, row in chain.rows(folder):
        try:
            events.add(row.event)
        except BadInput as bad:
            raise bad.within("event").at(chain.FILE, line)
    return events


def _billed(opened, month):
    billed = bill.Billed()
    closed, _ = opened.names("closings", export.CLOSING)
    for of in sorted(parse_month(text) for text in closed):
        if of >= month:
            break
        name = f"bills/{format_month(of)}.json"
        try:
            billed.add(bill_text.read_amounts(files.text_of(opened.read(*name.split("/")))))
        except BadInput as bad:
            raise bad.at(name)
    return billed
