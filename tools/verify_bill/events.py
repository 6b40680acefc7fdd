"""Events: one immutable metered fact each, as the ledger keeps them."""
import hashlib
import typing

from . import strict_json
from .instants import parse_instant
from .trouble import BadInput

# In the order that decides where events share an instant.
TYPES = ("customer.created", "customer.mode", "customer.deleted", "trial.started", "workload.activated",
         "workload.removed", "storage.level", "partner.cancelled")
CREATED, MODE, DELETED, TRIAL, ACTIVATED, REMOVED, LEVEL, CANCELLED = range(8)
RANKS = {name: rank for rank, name in enumerate(TYPES)}
MODES = ("per_gb", "per_workload")
LOCATIONS = ("local", "provider", "vendor")
CLOCKS = ("endpoint", "receipt")
MOST_BYTES = (1 << 64) - 1


class Event(typing.NamedTuple):
    """Events sort by time, then rank, then id. What a type has no use for is empty."""
    at: int
    rank: int
    id: str
    object: str  # workload or vault
    word: str  # mode, kind or location
    bytes: int
    clock: str
    reason: typing.Optional[str]  # why a level was corrected; None where nothing says so
    content: bytes  # equal for equal JSON values, and only for them


def _text(value, field):
    try:
        text = value[field]
    except KeyError:
        raise BadInput("absent", field) from None
    if type(text) is not str:
        raise BadInput("not_text", field)
    return text


def _choice(value, field, choices):
    text = _text(value, field)
    if text not in choices:
        raise BadInput("not_one_of", field, choices=", ".join(choices))
    return text


def _instant(value):
    try:
        return parse_instant(_text(value, "at"))
    except ValueError as error:
        raise BadInput("not_instant", "at") from error


def parse(text):
    """One event's JSON text as its customer (None for partner.cancelled) and the Event.

    Errors: those of strict_json, and every field that is absent or not as the table of types has it.
    """
    value = strict_json.parse(text)
    if type(value) is not dict:
        raise BadInput("not_object")
    name = _text(value, "type")
    if name not in RANKS:
        raise BadInput("unknown_type", "type", name=name)
    rank = RANKS[name]
    thing = word = clock = ""
    size, reason = 0, None
    if rank <= MODE:
        word = _choice(value, "mode", MODES)
    elif rank == ACTIVATED:
        thing, word = _text(value, "workload"), _text(value, "kind")
        clock = _choice(value, "clock", CLOCKS) if "clock" in value else "endpoint"
    elif rank == REMOVED:
        thing = _text(value, "workload")
    elif rank == LEVEL:
        thing, word = _text(value, "vault"), _choice(value, "location", LOCATIONS)
        if "bytes" not in value:
            raise BadInput("absent", "bytes")
        size = strict_json.integer(value["bytes"], "bytes", 0, MOST_BYTES)
        reason = _text(value, "reason") if "reason" in value else None
    customer = None if rank == CANCELLED else _text(value, "customer")
    content = hashlib.sha256(repr(value).encode()).digest()
    return customer, Event(_instant(value), rank, _text(value, "id"), thing, word, size, clock, reason, content)
