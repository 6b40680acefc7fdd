"""Measurements: what devices signed of the vaults that lie with the customer, held against the ledger."""
import array
import collections
import hashlib
import os
import typing

from . import events, files, signatures, strict_json
from .trouble import BadInput

FILE = "measurements.jsonl"
LONGEST = 2 << 20  # bytes of a line: the longest document and what stands around it
LINE = ("event", "document")
EVENT = "measured-"
SCHEMA = "obhut.measurement/1"
MEMBERS = ("schema", "device", "vault", "location", "number", "bytes", "measured_at")
ID_DIGITS = 32
MOST_NUMBER = (1 << 64) - 1
MOST_BYTES = 10 ** 18
SHOWN = 20  # findings of a kind that are named: where a file is another's, every line is wrong


class Measurement(typing.NamedTuple):
    device: str
    vault: str
    number: int
    bytes: int


def device_id(key):
    """The id of the device with this public key, both lower-case hex."""
    return hashlib.sha256(b"\x0eobhut.device/1" + bytes.fromhex(key)).hexdigest()[:ID_DIGITS]


def parse(data):
    """A document's bytes as Measurement.

    Errors: those of signatures.read(), fields absent, wrong or unknown; other_device, bad_signature.
    """
    document = signatures.read(data, "measurement")
    members = strict_json.Members(document.payload, only=MEMBERS)
    members.choice("schema", (SCHEMA,))
    members.choice("location", ("local",))
    members.instant("measured_at")
    found = Measurement(members.hex("device", ID_DIGITS), members.hex("vault", ID_DIGITS),
                        members.integer("number", 1, MOST_NUMBER), members.integer("bytes", 0, MOST_BYTES))
    if found.device != device_id(document.signer):
        raise BadInput("other_device", "device")
    if not signatures.is_signed_by(document, document.signer):
        raise BadInput("bad_signature")
    return found


def lines(folder):
    """The lines of an export's file, each as its number, the event's id and the document's text.

    Errors: as files.lines() and strict_json's, and fields absent, wrong or unknown, with file and line.
    """
    for line, text in files.lines(os.path.join(folder, FILE), FILE, LONGEST):
        try:
            members = strict_json.Members(strict_json.parse(text), only=LINE)
            event, document = members.text("event"), members.text("document")
        except BadInput as bad:
            raise bad.at(FILE, line)
        yield line, event, document


class Measurements:
    """The local levels of a ledger, seen row by row; then each is asked for its measurement.

    A million of them take about 100 MB: what is known of a level stands in arrays, by its place among them.
    """

    def __init__(self, report):
        self.report, self.told = report, collections.Counter()
        self.places = {}  # by event id: the level's place, in the ledger's order
        self.rows, self.customers = array.array("Q"), []
        self.numbers, self.signers = array.array("Q"), array.array("I")  # number 0: no measurement so far
        self.devices = {}  # by id: what `signers` calls it
        self.different = set()  # places whose measurement says something else
        self.corrected = {}  # by reason: how many levels, and the highest

    def see(self, row, customer, event):
        """Takes the event of the ledger's next row, which has this number."""
        if event.rank != events.LEVEL or event.word != "local" or event.id in self.places:
            return
        if event.reason is not None:
            count, most = self.corrected.get(event.reason, (0, 0))
            self.corrected[event.reason] = count + 1, max(most, event.bytes)
            return
        self.places[event.id] = len(self.rows)
        self.rows.append(row)
        self.customers.append(customer)
        self.numbers.append(0)
        self.signers.append(0)

    def hold_against(self, folder, event_set):
        """Reads the export's measurements and reports what they say of the levels seen. Errors: as lines()."""
        for reason, (count, most) in sorted(self.corrected.items()):
            self.report.note("measurements", "levels_corrected", count=count, reason=reason, bytes=most)
        if not os.path.lexists(os.path.join(folder, FILE)):
            if self.places:
                self.report.note("measurements", "measurements_none", file=FILE, count=len(self.places))
            return
        for line, id, document in lines(folder):
            self._take(line, id, document, event_set)
        self._follow(event_set)
        more = {code: count - SHOWN for code, count in self.told.items() if count > SHOWN}
        if noted := more.pop("signer_changed", 0):
            self.report.note("measurements", "signers_more", count=noted)
        if more:
            self.report.fails("measurements", "measurements_more", count=sum(more.values()))
        if self.places and not self.told.keys() - {"signer_changed"}:
            self.report.holds("measurements", "measurements_hold", count=len(self.places),
                              devices=len(self.devices))

    def _tell(self, add, code, **values):
        self.told[code] += 1
        if self.told[code] <= SHOWN:
            add("measurements", code, **values)

    def _fails(self, code, **values):
        self._tell(self.report.fails, code, **values)

    def _take(self, line, id, document, event_set):
        data = document.encode()
        if id != EVENT + files.sha256(data):
            self._refuse(line, BadInput("other_document", "event"))
            return
        try:
            found = parse(data)
        except BadInput as bad:
            if bad.code == "no_cryptography":
                raise
            self._refuse(line, bad.within("document"))
            return
        place = self.places.get(id)
        if place is None:
            self._fails("measurement_surplus", line=line, event=id)
        elif self.numbers[place]:
            self._fails("measurement_twice", line=line, event=id)
        else:
            self.numbers[place] = found.number
            self.signers[place] = self.devices.setdefault(found.device, len(self.devices))
            event = event_set.by_id[id]
            if (event.object, event.bytes) != (found.vault, found.bytes):
                self.different.add(place)
                self._fails("measurement_differs", **self._level(place, event), bytes=event.bytes,
                            other=found.vault, measured=found.bytes)

    def _refuse(self, line, bad):
        self._fails("measurement_refused", reason=bad.at(FILE, line))

    def _level(self, place, event):
        return {"row": self.rows[place], "vault": event.object, "customer": self.customers[place]}

    def _follow(self, event_set):
        """Goes through the levels in the ledger's order: a vault has one device at a time, which counts up."""
        devices = list(self.devices)
        newest = {}  # by vault: the place of its device's highest number
        replaced = {}  # by vault and signer: the highest number
        for id, place in self.places.items():
            event, number, signer = event_set.by_id[id], self.numbers[place], self.signers[place]
            level = self._level(place, event)
            if not number:
                self._fails("level_unmeasured", **level, event=id)
            if not number or place in self.different:
                continue
            last = newest.setdefault(event.object, place)
            before, most = self.signers[last], self.numbers[last] if last != place else 0
            if signer != before:
                replaced[event.object, before] = most
                most = replaced.get((event.object, signer), 0)
                add, code = (self.report.fails, "signer_returned") if most else (self.report.note, "signer_changed")
                self._tell(add, code, **level, device=devices[signer], before=devices[before])
            if number <= most:
                self._fails("measurement_backwards", **level, device=devices[signer], number=number, before=most)
            if number > most or signer != before:
                newest[event.object] = place
