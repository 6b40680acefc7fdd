"""The folder that a partner is given: export.json, ledger, price lists, bills and closings."""
import os
import re
import typing

from . import chain, files, measurements, signatures, strict_json
from .instants import parse_month
from .trouble import BadInput

FILE = "export.json"
SCHEMA = "obhut.ledger-export/1"
MEMBERS = ("schema", "partner", "provider_key", "made_at", "prices", "rows", "head")
NO_PRICES = "0" * 64
PARTNER_DIGITS = 32
CLOSING = re.compile(r"([0-9]{4}-[0-9]{2})\.jws")
BILL = re.compile(r"([0-9]{4}-[0-9]{2})\.json")
PRICES = re.compile(r"([0-9a-f]{64})\.json")
KNOWN = {FILE, chain.FILE, measurements.FILE, "prices", "bills", "closings"}


class Export(typing.NamedTuple):
    folder: str
    partner: str
    key: str
    made_at: int
    prices: str  # of the price list in force; NO_PRICES where there is none
    rows: int
    head: str

    def read(self, *names):
        """The bytes of a file of the export. Errors: as files.read()."""
        return files.read(os.path.join(self.folder, *names), "/".join(names))

    def names(self, folder, pattern):
        """By what `pattern` finds in them, the names of a folder's files; and the other names there."""
        found, strays = {}, []
        for name in files.listing(os.path.join(self.folder, folder), folder):
            match = pattern.fullmatch(name)
            if match and (pattern is PRICES or _is_month(match[1])):
                found[match[1]] = name
            else:
                strays.append(f"{folder}/{name}")
        return found, strays


def _is_month(text):
    try:
        parse_month(text)
    except ValueError:
        return False
    return True


def read(folder):
    """Opens an export. Errors: no_export, files' and strict_json's, fields absent, wrong or unknown."""
    if not os.path.isdir(folder):
        raise BadInput("no_export").at(folder)
    data = files.read(os.path.join(folder, FILE), FILE)
    try:
        members = strict_json.Members(strict_json.parse(files.text_of(data)), only=MEMBERS)
        members.choice("schema", (SCHEMA,))
        return Export(folder, members.hex("partner", PARTNER_DIGITS),
                      members.hex("provider_key", signatures.KEY_DIGITS), members.instant("made_at"),
                      members.hex("prices", chain.HASH_DIGITS),
                      members.integer("rows"), members.hex("head", chain.HASH_DIGITS))
    except BadInput as bad:
        raise bad.at(FILE)


def report_strays(export, closed_months, report):
    """Names the files that no check looked at, and price lists that are not what their names say."""
    strays = [name for name in files.listing(export.folder, ".") if name not in KNOWN]
    _, other = export.names("closings", CLOSING)
    bills, more = export.names("bills", BILL)
    lists, yet_more = export.names("prices", PRICES)
    for month, name in bills.items():
        if month not in closed_months:
            report.fails("files", "bill_unclosed", file=f"bills/{name}")
    for digest, name in lists.items():
        try:
            if files.sha256(export.read("prices", name)) != digest:
                report.fails("files", "prices_name", file=f"prices/{name}")
        except BadInput as bad:
            report.fails("files", "unusable", reason=bad)
    for name in sorted(strays + other + more + yet_more):
        report.note("files", "stray", file=name)
