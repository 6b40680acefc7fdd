#!/usr/bin/env python3
"""Makes the golden documents of this folder from FORMAT.md alone: JSON by Python's json module,
Ed25519 by the openssl program. Nothing of the product's own code is used.

    tests/data/trust/make.py        writes every file beside itself
"""
import base64, hashlib, json, os, subprocess, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PREFIX = bytes.fromhex("302e020100300506032b657004220420")  # PKCS#8 of an Ed25519 seed


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def dump(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Key:
    """The seed is 32 times the same byte."""

    def __init__(self, number):
        self.folder = tempfile.TemporaryDirectory()
        self.der = os.path.join(self.folder.name, "key.der")
        with open(self.der, "wb") as file:
            file.write(PREFIX + bytes([number]) * 32)
        public = self.run("pkey", "-inform", "DER", "-in", self.der, "-pubout", "-outform", "DER")
        self.public = public[-32:].hex()

    @staticmethod
    def run(*args):
        return subprocess.run(["openssl", *args], check=True, capture_output=True).stdout

    def sign(self, text):
        message = os.path.join(self.folder.name, "message")
        with open(message, "wb") as file:
            file.write(text.encode())
        return self.run("pkeyutl", "-sign", "-inkey", self.der, "-keyform", "DER", "-rawin",
                        "-in", message)

    def signature(self, kind, payload):
        header = b64(dump({"alg": "EdDSA", "typ": f"obhut.{kind}+jws", "kid": self.public}).encode())
        return header, b64(self.sign(header + "." + payload))


def general(kind, payload, keys):
    encoded = b64(dump(payload).encode())
    signatures = [dict(zip(("protected", "signature"), key.signature(kind, encoded))) for key in keys]
    return dump({"payload": encoded, "signatures": signatures})


def compact(kind, payload, key):
    encoded = b64(dump(payload).encode())
    header, signature = key.signature(kind, encoded)
    return f"{header}.{encoded}.{signature}"


def write(name, text):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        file.write(text + "\n")


ROOT, ANNA, BERT, EMIL, DEVICE, CLUSTER = (Key(n) for n in (1, 2, 3, 4, 9, 20))
NOW, NOW_MICRO = "2026-06-01T12:00:00Z", "2026-06-01T12:00:00.000000Z"
PARTNER, CUSTOMER, DEVICE_ID = "a0" * 16, "c0" * 16, "d0" * 16


def trust_list(serial, **more):
    operators = [
        {"key": key.public, "name": name, "roles": [role], "expires": "2027-01-01T00:00:00Z"}
        for key, name, role in ((ANNA, "anna", "plan"), (BERT, "bert", "plan"), (EMIL, "emil", "enroll"))
    ]
    out = {"schema": "obhut.trust/1", "partner": PARTNER, "serial": serial,
           "issued": "2026-01-01T00:00:00Z"}
    if "expires" in more:
        out["expires"] = more["expires"]
    out |= {"root": ROOT.public, "operators": operators, "revoked": more.get("revoked", [])}
    if "successor" in more:
        out["successor"] = more["successor"]
    return general("trust", out, [ROOT])


write("trust.json", trust_list(3, expires="2027-02-01T00:00:00Z", revoked=[Key(5).public],
                               successor=Key(6).public))
terms = {"kind": "server", "created": NOW, "expires": "2026-06-02T12:00:00Z", "uses": 3}
token = compact("token", {
    "schema": "obhut.token/1", "partner": PARTNER, "customer": CUSTOMER,
    "cluster": "https://backup.example", "ca_pin": "ca" * 32, "root": ROOT.public,
    "secret": b64(bytes([7]) * 32), **terms, "trust": trust_list(1)}, EMIL)
write("token.jws", token)
token_hash = hashlib.sha256(token.encode()).hexdigest()
write("registration.jws", compact("registration", {
    "schema": "obhut.registration/1", "partner": PARTNER, "customer": CUSTOMER,
    "token_hash": token_hash, **terms}, EMIL))
instead = {**terms, "uses": 1, "replaces": DEVICE_ID}
token = compact("token", {
    "schema": "obhut.token/1", "partner": PARTNER, "customer": CUSTOMER,
    "cluster": "https://backup.example", "ca_pin": "ca" * 32, "root": ROOT.public,
    "secret": b64(bytes([7]) * 32), **instead, "trust": trust_list(1)}, ROOT)
write("token-replaces.jws", token)
write("registration-replaces.jws", compact("registration", {
    "schema": "obhut.registration/1", "partner": PARTNER, "customer": CUSTOMER,
    "token_hash": hashlib.sha256(token.encode()).hexdigest(), **instead}, ROOT))
write("assertion.jws", compact("assertion", {
    "iss": DEVICE_ID, "sub": DEVICE_ID, "aud": "https://backup.example", "nonce": "n-123",
    "iat": 1780315200, "exp": 1780315320, "jti": "j-1"}, DEVICE))
write("assertion-instance.jws", compact("assertion", {
    "iss": DEVICE_ID, "sub": DEVICE_ID, "aud": "https://backup.example", "nonce": "n-123",
    "iat": 1780315200, "exp": 1780315320, "jti": "j-1", "instance": "1a" * 16}, DEVICE))
write("measurement.jws", compact("measurement", {
    "schema": "obhut.measurement/1", "device": DEVICE_ID, "vault": "ba" * 16, "location": "local",
    "number": 7, "bytes": 123_456_789, "measured_at": NOW_MICRO}, DEVICE))
write("activation.jws", compact("activation", {
    "schema": "obhut.activation/1", "device": DEVICE_ID, "partner": PARTNER, "customer": CUSTOMER,
    "token_hash": "70" * 32, "kind": "server", "installed_at": NOW_MICRO, "hardware": "11" * 32},
    DEVICE))
receipt = {"device": DEVICE_ID, "received_at": NOW_MICRO, "subject": "51" * 32}
write("receipt-activation.jws", compact("receipt", {
    "schema": "obhut.receipt/1", "kind": "activation", **receipt, "workload": "w-1",
    "activated_at": NOW_MICRO, "clock": "endpoint"}, CLUSTER))
write("receipt-commit.jws", compact("receipt", {
    "schema": "obhut.receipt/1", "kind": "commit", **receipt, "vault": "ba" * 16,
    "head": "53" * 32, "sequence": 41}, CLUSTER))
write("receipt-storage.jws", compact("receipt", {
    "schema": "obhut.receipt/1", "kind": "storage", **receipt, "customer": "K-1001",
    "vault": "ba" * 16, "location": "provider", "day": "2026-03-05",
    "bytes": 123_456_789_012}, CLUSTER))
device_id = hashlib.sha256(b"\x0e" + b"obhut.device/1" + bytes.fromhex(DEVICE.public)).hexdigest()[:32]
request = compact("escrow-request", {
    "schema": "obhut.escrow-request/1", "device": device_id, "partner": PARTNER, "vault": "ba" * 16,
    "key": "ec" * 32, "created": NOW,
    "slots": [b64(bytes([0x51]) * 200), b64(bytes([0x52]) * 201)]}, DEVICE)
write("escrow-request.jws", request)
request_hash = hashlib.sha256(request.encode()).digest()
letters = base64.b32encode(request_hash[:10]).decode()
write("escrow-fingerprint.txt", "-".join(letters[at:at + 4] for at in range(0, 16, 4)))
write("escrow-answer.json", dump({
    "schema": "obhut.escrow-answer/1", "request": request_hash.hex(),
    "sealed": b64(bytes([0x5E]) * 48)}))
plan = {
    "name": "Golden", "schedule": {"rrule": "FREQ=DAILY;BYHOUR=2", "time_zone": "Europe/Berlin"},
    "schema": "obhut.plan/1", "sources": [{"paths": ["/srv/data"], "type": "files"}],
    "targets": [{"type": "cluster"}]}
write("envelope.json", general("envelope", {
    "schema": "obhut.envelope/1", "partner": PARTNER, "target": {"device": DEVICE_ID}, "version": 7,
    "issued": NOW, "expires": "2026-07-01T12:00:00Z", "effective": "2026-06-04T12:00:00Z",
    "plan": plan}, [ANNA, BERT]))
write("grant.jws", compact("grant", {
    "schema": "obhut.grant/1", "id": "6a" * 16, "partner": PARTNER, "device": DEVICE_ID,
    "vault": "ba" * 16, "scope": ["/home/anna", "/"], "account": "bert",
    "destination": "/home/bert/back", "not_before": NOW, "expires": "2026-06-02T12:00:00Z",
    "reason": "ticket 4711"}, Key(7)))
