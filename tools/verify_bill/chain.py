"""The ledger: rows, each with the hash of itself and of the one before."""
import hashlib
import os
import struct
import typing

from . import files, strict_json
from .trouble import BadInput

FILE = "ledger.jsonl"
LONGEST = 4 << 20  # bytes of a row's line
MEMBERS = ("number", "received", "previous", "hash", "event")
HASH_DIGITS = 64
MOST_NUMBER = (1 << 64) - 1
SHOWN = 20  # rows that are named: in a ledger of another partner every one is wrong


class Row(typing.NamedTuple):
    number: int
    received: int
    previous: str
    hash: str
    event: str


def _counted(data):
    length, head = len(data), bytearray()
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + data


def genesis(partner):
    """What the first row of a partner (32 hex digits) holds as the hash before it."""
    return files.sha256(_counted(b"obhut.ledger.genesis/1") + bytes.fromhex(partner))


def row_hash(partner, row, id):
    """The hash that a row must have, `id` being its event's."""
    data = (_counted(b"obhut.ledger.row/1") + bytes.fromhex(partner) + struct.pack("<Qq", row.number, row.received)
            + bytes.fromhex(row.previous) + _counted(id.encode()) + _counted(row.event.encode()))
    return hashlib.sha256(data).hexdigest()


def parse_row(text):
    """A line of the ledger file. Errors: strict_json's, and fields absent, wrong or unknown."""
    members = strict_json.Members(strict_json.parse(text), only=MEMBERS)
    return Row(members.integer("number", 1, MOST_NUMBER), members.instant("received"),
               members.hex("previous", HASH_DIGITS), members.hex("hash", HASH_DIGITS), members.text("event"))


def rows(folder):
    """The rows of an export, each with the number of its line, one at a time.

    Errors: as files.lines() and parse_row(), with file and line.
    """
    for line, text in files.lines(os.path.join(folder, FILE), FILE, LONGEST):
        try:
            row = parse_row(text)
        except BadInput as bad:
            raise bad.at(FILE, line)
        yield line, row


class Chain:
    """Follows the rows and reports each that does not fit; goes on with what a row says of itself."""

    def __init__(self, partner, report):
        self.partner, self.report = partner, report
        self.rows, self.number, self.head = 0, 0, genesis(partner)
        self.wrong = 0

    def follow(self, line, row, id):
        """Takes the next row, whose event has this id."""
        self.rows += 1
        if row.number != self.number + 1:
            self._wrong("row_number", line=line, number=row.number, expected=self.number + 1)
        if row.previous != self.head:
            self._wrong("row_previous", line=line, number=row.number)
        if row_hash(self.partner, row, id) != row.hash:
            self._wrong("row_hash", line=line, number=row.number)
        self.number, self.head = row.number, row.hash

    def _wrong(self, code, **values):
        self.wrong += 1
        if self.wrong <= SHOWN:
            self.report.fails("ledger", code, **values)

    def end(self, rows, head):
        """Holds the ledger's end against what export.json says of it."""
        if self.wrong > SHOWN:
            self.report.fails("ledger", "rows_more", count=self.wrong - SHOWN)
        if self.rows != rows:
            self.report.fails("ledger", "ledger_rows", rows=self.rows, expected=rows)
        if self.head != head:
            self.report.fails("ledger", "ledger_head", head=self.head, expected=head)
        if not self.wrong and self.rows == rows and self.head == head:
            self.report.holds("ledger", "ledger_whole", rows=rows, head=head)
