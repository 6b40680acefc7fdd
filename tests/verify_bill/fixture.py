"""An export as the server would write it, made from the formats, with keys of our own; then spoilt."""
import base64
import datetime
import hashlib
import io
import json
import pathlib
import shutil
import struct
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import rating

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from verify_bill import command  # noqa: E402

PARTNER = "01" * 16
PRICES = {
    "currency": "EUR", "time_zone": "Europe/Berlin",
    "policies": [{"from": "2025-01", "gb_bytes": 1_000_000_000, "gb_step": "1", "trial_days": 28,
                  "trial_free": ["workload/*", "storage/vendor"]}],
    "prices": [{"mode": "per_workload", "product": "workload/server", "from": "2025-01", "micro": 12_500_000},
               {"mode": "per_workload", "product": "workload/vm", "from": "2025-01", "micro": 4_500_000},
               {"mode": "per_workload", "product": "storage/local", "from": "2025-01", "micro": 0},
               {"mode": "per_workload", "product": "storage/provider", "from": "2025-01", "micro": 50_000},
               {"mode": "per_workload", "product": "storage/vendor", "from": "2025-01", "micro": 70_000},
               {"mode": "per_gb", "product": "storage/local", "from": "2025-01", "micro": 20_000},
               {"mode": "per_gb", "product": "storage/provider", "from": "2025-01", "micro": 90_000},
               {"mode": "per_gb", "product": "storage/vendor", "from": "2025-01", "micro": 110_000}]}


def dump(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def sha256(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """Ed25519 of a seed that is 32 times the same byte."""

    def __init__(self, number):
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def device(self):
        """The id of the device with this key."""
        return sha256(counted(b"obhut.device/1") + bytes.fromhex(self.public))[:32]

    def sign(self, kind, payload, **header):
        """A compact document; `header` replaces members of the usual one."""
        head = {"alg": "EdDSA", "typ": f"obhut.{kind}+jws", "kid": self.public, **header}
        signed = b64(dump(head).encode()) + "." + b64((payload if isinstance(payload,
                                                                             str) else dump(payload)).encode())
        return signed + "." + b64(self.private.sign(signed.encode()))


PROVIDER, STRANGER = Key(20), Key(21)


def event(id, type, at, customer="c1", **fields):
    """An event's text; `at` without a zone is UTC."""
    at = at if "T" in at else at + "T00:00:00"
    members = {"id": id, "type": type, "at": at if at.endswith("Z") or "+" in at else at + ".000000Z",
               "customer": customer, **fields}
    if type == "partner.cancelled":
        del members["customer"]
    return dump(members)


def created(at="2026-01-05", customer="c1", mode="per_workload", id=None):
    return event(id or f"created-{customer}", "customer.created", at, customer, mode=mode)


def activated(workload, at, kind="server", clock="endpoint", customer="c1", id=None):
    return event(id or f"workload-activated-{workload}", "workload.activated", at, customer, workload=workload,
                 kind=kind, clock=clock)


def removed(workload, at, customer="c1", id=None):
    return event(id or f"removed-{workload}", "workload.removed", at, customer, workload=workload)


def level(id, at, size, vault="A", location="provider", customer="c1"):
    return event(id, "storage.level", at, customer, vault=vault, location=location, bytes=size)


def trial(at, customer="c1", id="trial"):
    return event(id, "trial.started", at, customer)


def deleted(at, customer="c1", id="deleted"):
    return event(id, "customer.deleted", at, customer)


def mode(at, to, customer="c1", id="mode"):
    return event(id, "customer.mode", at, customer, mode=to)


# --- the ledger, from FORMAT.md --------------------------------------------------------------------

def counted(data):
    assert len(data) < 1 << 14
    return (bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])) + data


def genesis(partner=PARTNER):
    return sha256(counted(b"obhut.ledger.genesis/1") + bytes.fromhex(partner))


def chained(texts, partner=PARTNER, number=1, previous=None):
    """Rows of events, received a second apart from 2026-01-05T00:00:01 on."""
    previous, rows = previous or genesis(partner), []
    for number, text in enumerate(texts, number):
        received = 1_767_571_200_000_000 + number * 1_000_000
        data = (counted(b"obhut.ledger.row/1") + bytes.fromhex(partner) + struct.pack("<QQ", number, received)
                + bytes.fromhex(previous) + counted(json.loads(text)["id"].encode()) + counted(text.encode()))
        clock = (datetime.datetime(2026, 1, 5) + datetime.timedelta(seconds=number)).isoformat() + ".000000Z"
        rows.append({"number": number, "received": clock, "previous": previous, "hash": sha256(data), "event": text})
        previous = rows[-1]["hash"]
    return rows


class Export:
    """Builds an export month by month: add() events, close() months, write() it."""

    def __init__(self, partner=PARTNER, prices=PRICES, key=PROVIDER):
        self.partner, self.prices, self.key = partner, prices, key
        self.texts, self.bills, self.closings, self.lists = [], {}, {}, {}
        self.measurements = None  # documents by event id; None: an export without the file

    def add(self, *texts):
        self.texts += texts
        return self

    def measure(self, at, document, **changes):
        """Adds a device's document and the level that follows from it; `changes` replace members of the level."""
        payload = json.loads(base64.urlsafe_b64decode(document.split(".")[1] + "=="))
        self.measurements = self.measurements or {}
        self.measurements["measured-" + sha256(document)] = document
        return self.add(level(**{"id": "measured-" + sha256(document), "at": at, "size": payload["bytes"],
                                 "vault": payload["vault"], "location": "local", **changes}))

    def close(self, month, text=None, **changes):
        """Closes a month with its right bill, or this text; `changes` replace members of the closing."""
        prices = self.prices if isinstance(self.prices, str) else dump(self.prices)
        rows, bill = self.rows(), text
        if bill is None:
            bill = rating.ours(self.texts, prices, month, [old.decode() for old in self.bills.values()])
        before = list(self.closings.values())
        payload = {"schema": "obhut.closing/1", "partner": self.partner, "month": month, "bill": sha256(bill),
                   "prices": sha256(prices), "rows": len(rows),
                   "head": rows[-1]["hash"] if rows else genesis(self.partner),
                   "previous": sha256(before[-1]) if before else "0" * 64, "closed_at": "2026-07-01T08:00:00Z",
                   **changes}
        self.bills[month], self.lists[sha256(prices)] = bill, prices
        self.closings[month] = self.key.sign("closing", payload)
        return self

    def rows(self):
        return chained(self.texts, self.partner)

    def write(self, folder):
        folder = pathlib.Path(folder)
        rows = self.rows()
        for name in ("prices", "bills", "closings"):
            (folder / name).mkdir(parents=True)
        head = {"schema": "obhut.ledger-export/1", "partner": self.partner, "provider_key": self.key.public,
                "made_at": "2026-07-01T09:00:00Z",
                "prices": list(self.lists)[-1] if self.lists else "0" * 64, "rows": len(rows),
                "head": rows[-1]["hash"] if rows else genesis(self.partner)}
        (folder / "export.json").write_text(dump(head))
        write_rows(folder, rows)
        if self.measurements is not None:
            write_measurements(folder, sorted(self.measurements.items()))
        for digest, text in self.lists.items():
            (folder / "prices" / f"{digest}.json").write_text(text)
        for month, bill in self.bills.items():
            (folder / "bills" / f"{month}.json").write_bytes(bill)
        for month, text in self.closings.items():
            (folder / "closings" / f"{month}.jws").write_text(text + "\n")
        return folder


def write_rows(folder, rows):
    (folder / "ledger.jsonl").write_text("".join(dump(row) + "\n" for row in rows), "utf-8")


def read_rows(folder):
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text("utf-8").splitlines()]


def write_measurements(folder, lines):
    """The file of event ids and documents, or of whatever text stands for a line."""
    (folder / "measurements.jsonl").write_text("".join(
        (line if isinstance(line, str) else dump(dict(zip(("event", "document"), line)))) + "\n" for line in lines),
        "utf-8")


def small():
    """Three closed months: workloads, storage, a trial, a late event with its correction."""
    return (Export()
            .add(created(), activated("w1", "2026-01-10"), level("l1", "2026-01-11", 100_500_000_000),
                 created(customer="c2", mode="per_gb"), level("l2", "2026-01-12", 7, customer="c2", vault="B"))
            .close("2026-01")
            .add(activated("w2", "2026-02-03", "vm", "receipt"), level("l3", "2026-02-04", 40_000_000_000))
            .close("2026-02")
            .add(activated("w3", "2026-01-20"), level("l4", "2026-03-01", 1, vault="C"))
            .close("2026-03")
            .add(level("l5", "2026-04-01", 5_000_000_000, vault="C")))


class Folder(unittest.TestCase):
    """A test with a folder of its own and the verifier's command."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def verify(self, export, *options):
        """Exit code, standard output, standard error."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = command.run([str(export), "--lang", "en", *map(str, options)])
        return code, out.getvalue(), err.getvalue()

    def found(self, export, *options):
        """Exit code and the codes of what failed and of notes, each with its month or section."""
        code, out, err = self.verify(export, "--json", *options)
        self.assertEqual(err, "")
        said = json.loads(out)
        self.assertEqual(said["holds"], code == 0)
        return code, {(one.get("month", one["section"]), one["code"]) for one in said["findings"]
                      if one["verdict"] != "holds"}

    def copy(self, export, name="copy"):
        shutil.copytree(export, self.folder / name, symlinks=True)
        return self.folder / name
