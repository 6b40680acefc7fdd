"""Signed documents: JSON Web Signatures with Ed25519 in their compact form, in the one profile there is."""
import base64
import re
import typing

from . import files, strict_json
from .trouble import BadInput

LONGEST = 1 << 20  # bytes of a document
DEEPEST = 32
BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
KEY_DIGITS = 64


class Document(typing.NamedTuple):
    payload: dict  # as strict_json gives it
    text: str  # without white space around it
    signer: str  # the public key that the header names, lower-case hex
    signed: bytes
    signature: bytes


def read(data, kind):
    """A document's bytes as Document; whether its signature is good is not looked at here.

    `kind`: what `typ` must say, as `closing`. Errors: jws_form, jws_header, jws_typ and strict_json's.
    """
    if len(data) > LONGEST:
        raise BadInput("too_large", limit=LONGEST)
    text = files.text_of(data).strip(" \t\r\n")
    parts = text.split(".")
    if len(parts) != 3:
        raise BadInput("jws_form")
    header, payload, signature = map(_decoded, parts)
    signer = _signer(header, f"obhut.{kind}+jws")
    return Document(_object(payload), text, signer, f"{parts[0]}.{parts[1]}".encode(), signature)


def _decoded(part):
    if not BASE64URL.fullmatch(part) or len(part) % 4 == 1:
        raise BadInput("jws_form")
    data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    # Bits that no byte uses would let one document have several texts, and so several hashes.
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise BadInput("jws_form")
    return data


def _object(data):
    value = strict_json.parse(files.text_of(data))
    if type(value) is not dict:
        raise BadInput("not_object")
    if strict_json.depth(value) > DEEPEST:
        raise BadInput("too_deep", levels=DEEPEST)
    return value


def _signer(header, typ):
    try:
        members = strict_json.Members(_object(header), only=("alg", "typ", "kid"))
        if members.text("alg") != "EdDSA":
            raise BadInput("jws_header", "alg")
        signer = members.hex("kid", KEY_DIGITS)
    except BadInput as bad:
        raise BadInput("jws_header", bad.field) from bad
    if members.text("typ") != typ:
        raise BadInput("jws_typ", typ=typ)
    return signer


def is_signed_by(document, key):
    """Whether the document names this public key (lower-case hex) and bears its signature.

    Errors: no_cryptography where the library is missing.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise BadInput("no_cryptography") from error
    if document.signer != key:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(document.signature, document.signed)
    except (InvalidSignature, ValueError):
        return False
    return True
