"""Receipts: what the provider countersigned for endpoints, held against the lines of a bill."""
import datetime
import os
import re
import typing

from . import events, files, signatures, strict_json
from .instants import parse_month
from .trouble import BadInput

SCHEMA = "obhut.receipt/1"
COMMON = ("schema", "kind", "device", "received_at", "subject")
MEMBERS = {"activation": COMMON + ("workload", "activated_at", "clock"),
           "commit": COMMON + ("vault", "head", "sequence"),
           "storage": COMMON + ("customer", "vault", "location", "day", "bytes")}
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Activation(typing.NamedTuple):
    workload: str
    at: int
    clock: str


class Storage(typing.NamedTuple):
    customer: str
    vault: str
    location: str
    month: int  # in which the day lies
    bytes: int
    subject: str
    received_at: int


def parse(data, key):
    """A receipt's bytes as Activation or Storage; None for a commit, which no bill rests on.

    Errors: those of signatures.read(), other_key, fields absent, wrong or unknown.
    """
    document = signatures.read(data, "receipt")
    if not signatures.is_signed_by(document, key):
        raise BadInput("other_key")
    kind = strict_json.Members(document.payload).choice("kind", tuple(MEMBERS))
    members = strict_json.Members(document.payload, only=MEMBERS[kind])
    members.choice("schema", (SCHEMA,))
    received_at, subject = members.instant("received_at"), members.hex("subject", 64)
    members.text("device")
    if kind == "activation":
        return Activation(members.text("workload"), members.instant("activated_at"),
                          members.choice("clock", events.CLOCKS))
    if kind == "storage":
        return Storage(members.text("customer"), members.text("vault"),
                       members.choice("location", events.LOCATIONS), _month_of_day(members),
                       members.integer("bytes", 0, events.MOST_BYTES), subject, received_at)
    return None


def _month_of_day(members):
    text = members.text("day")
    try:
        if not DAY.fullmatch(text):
            raise ValueError(text)
        datetime.date.fromisoformat(text)
    except ValueError as error:
        raise BadInput("not_day", "day") from error
    return parse_month(text[:7])


class Receipts:
    """All receipts of some folders: read first, then held against the ledger, then asked about lines."""

    def __init__(self, folders, key, report):
        """Reads every *.jws below the folders. Errors: no_folder; a receipt that cannot be used is reported."""
        self.report = report
        self.read = []  # (file, Activation or Storage)
        self.refused = 0
        self.subjects = {}  # hash of an event's text: its customer and Event, once the ledger is read
        self.activations, self.storage = set(), {}
        for folder in folders:
            for path in _documents(folder):
                self._take(path, key)

    def _take(self, path, key):
        try:
            receipt = parse(files.read(path, path, signatures.LONGEST), key)
        except BadInput as bad:
            if bad.code == "no_cryptography":
                raise
            self._refuse(path, bad)
            return
        if receipt:
            self.read.append((path, receipt))
            if isinstance(receipt, Storage):
                self.subjects[receipt.subject] = None

    def _refuse(self, path, bad):
        self.refused += 1
        self.report.note("receipts", "receipt_refused", reason=bad.at(path))

    def see(self, text, customer, event):
        """Looks whether a receipt speaks of this event of the ledger."""
        if event.rank == events.LEVEL:
            subject = files.sha256(text.encode())
            if subject in self.subjects:
                self.subjects[subject] = customer, event

    def hold_against(self, event_set, made_at):
        """Keeps the receipts that speak of this ledger, made at this instant; reports the others."""
        workloads = {workload for _, workload in event_set.subjects(events.ACTIVATED)}
        vaults = event_set.subjects(events.LEVEL)
        for path, receipt in self.read:
            if isinstance(receipt, Activation):
                if receipt.workload in workloads:
                    self.activations.add(receipt)
                else:
                    self._refuse(path, BadInput("foreign_workload", workload=receipt.workload))
            elif (receipt.customer, receipt.vault) not in vaults:
                self._refuse(path, BadInput("foreign_vault", customer=receipt.customer, vault=receipt.vault))
            elif self._is_in_ledger(path, receipt, made_at):
                by_vault = self.storage.setdefault((receipt.customer, receipt.location, receipt.month), {})
                by_vault[receipt.vault] = max(receipt.bytes, by_vault.get(receipt.vault, 0))
        self.report.note("receipts", "receipts_read", count=len(self.read), refused=self.refused)

    def _is_in_ledger(self, path, receipt, made_at):
        found = self.subjects[receipt.subject]
        if found is None and receipt.received_at > made_at:
            self._refuse(path, BadInput("younger_than_export"))
            return False
        customer, event = found or (None, None)
        if not event or (customer, event.object, event.word, event.bytes) != \
                (receipt.customer, receipt.vault, receipt.location, receipt.bytes):
            # The provider's own signature against its own ledger.
            self.refused += 1
            self.report.fails("receipts", "subject_differs" if event else "subject_missing", file=path,
                              subject=receipt.subject)
            return False
        return True

    def lacking(self, evidence, event_set):
        """The ids among a workload line's evidence that no activation receipt vouches for."""
        def vouched(id):
            event = event_set.by_id.get(id)
            return event and Activation(event.object, event.at, event.clock) in self.activations
        return [id for id in evidence if not vouched(id)]

    def vouched_bytes(self, customer, location, month):
        """The most that can have been stored: each vault's highest day, added up."""
        return sum(self.storage.get((customer, location, month), {}).values())


def _documents(folder):
    if not os.path.isdir(folder):
        raise BadInput("no_folder").at(folder)
    for top, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.join(top, name) for name in sorted(names) if name.endswith(".jws"))
