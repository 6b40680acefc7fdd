"""JSON as this project reads it: a name stands once in an object, numbers keep their spelling."""
import json
import re
import typing

from .instants import parse_instant
from .trouble import BadInput

INTEGER = re.compile(r"-?[0-9]+")
LONGEST_INTEGER = 40  # digits: beyond every limit, and nothing that arithmetic would have to toil with
MOST = 10 ** LONGEST_INTEGER - 1
DEEPEST = 64  # levels: nothing of ours comes near, and walking over values may recurse
HEX = re.compile(r"[0-9a-f]*")


class Number(typing.NamedTuple):
    """A number as it was written: 1, 1.0 and 1e0 differ, and none of them becomes a float."""
    spelling: str


def _object(pairs):
    # Sorted, so that equal objects look alike whatever the order of their members.
    found = dict(sorted(pairs, key=lambda pair: pair[0]))
    if len(found) != len(pairs):
        seen = set()
        raise BadInput("repeated_name", next(name for name, _ in pairs if name in seen or seen.add(name)))
    return found


def _constant(_):
    raise ValueError


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=Number, parse_float=Number,
                            parse_constant=_constant)


def parse(text):
    """A JSON text as dicts (members sorted by name), lists, strings, Numbers, True, False and None.

    Equal values have equal repr(), and only they.
    Errors: not_json, too_deep, repeated_name; not_utf8 for half a surrogate pair in escapes.
    """
    try:
        value = _DECODER.decode(text)
    except ValueError as error:
        raise BadInput("not_json", position=getattr(error, "pos", 0) + 1) from error
    except RecursionError as error:
        raise BadInput("too_deep", levels=DEEPEST) from error
    if text.count("[") + text.count("{") > DEEPEST and depth(value) > DEEPEST:
        raise BadInput("too_deep", levels=DEEPEST)
    if "\\u" in text:
        _refuse_half_pairs(value)
    return value


def _refuse_half_pairs(value):
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadInput("not_utf8", position=0) from error


def depth(value):
    """How deep objects and lists nest: 0 for a plain value."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        one, level = waiting.pop()
        if type(one) in (dict, list):
            deepest = max(deepest, level)
            waiting += [(inner, level + 1) for inner in (one.values() if type(one) is dict else one)]
    return deepest


def integer(value, field, least=0, most=MOST):
    """A whole number, written without fraction or exponent. Errors: not_integer, out_of_range."""
    if type(value) is not Number or not INTEGER.fullmatch(value.spelling):
        raise BadInput("not_integer", field)
    number = int(value.spelling) if len(value.spelling) <= LONGEST_INTEGER else MOST + 1
    if not least <= number <= most:
        raise BadInput("out_of_range", field, least=least, most=most)
    return number


class Members:
    """An object's members by type. Each method names the field it could not read."""

    def __init__(self, value, only=None):
        """`only`: the names that must stand there, and no others. Errors: not_object, absent, unknown."""
        if type(value) is not dict:
            raise BadInput("not_object")
        self.value = value
        for name in only or ():
            self._get(name)
        for name in value if only else ():
            if name not in only:
                raise BadInput("unknown", name)

    def _get(self, name):
        if name not in self.value:
            raise BadInput("absent", name)
        return self.value[name]

    def text(self, name):
        value = self._get(name)
        if type(value) is not str:
            raise BadInput("not_text", name)
        return value

    def choice(self, name, choices):
        value = self.text(name)
        if value not in choices:
            raise BadInput("not_one_of", name, choices=", ".join(choices))
        return value

    def integer(self, name, least=0, most=MOST):
        return integer(self._get(name), name, least, most)

    def hex(self, name, digits):
        value = self.text(name)
        if len(value) != digits or not HEX.fullmatch(value):
            raise BadInput("not_hex", name, digits=digits)
        return value

    def instant(self, name):
        try:
            return parse_instant(self.text(name))
        except ValueError as error:
            raise BadInput("not_instant", name) from error

    def list(self, name):
        value = self._get(name)
        if type(value) is not list:
            raise BadInput("not_list", name)
        return value
