"""Read JSON objects that all readers read alike (RFC 8259 section 4, RFC 8725 section 2.4).

Names must be unique and numbers finite: JSON parsers differ in how they read anything else.
"""

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import cast

import msgspec

from .immutable_json import MAX_DEPTH, TOO_DEEP, freeze

_DECODER, _ENCODER = msgspec.json.Decoder(), msgspec.json.Encoder()
_MARKS = r'(?s)\\.|["\[\]{}]'  # escaped characters first, so that their quotation marks end no string


def read_object(data: bytes) -> Mapping[str, object]:
    """Return the JSON object in *data*, with immutable values on every level.

    Args:
        data: JSON in UTF-8, untrusted. The caller limits its size, since this is not the fastest reader.

    Raises:
        ValueError: *data* is not UTF-8 or not a JSON object, an object has a name twice, a number is out of range, or
            arrays and objects are more than 32 levels deep. The message may quote *data*.
    """
    text = data.decode()
    check_depth(text)
    value = _read_usual(data)
    if value is None:
        value = json.loads(text, object_pairs_hook=_make_object, parse_float=_read_number, parse_constant=_read_number)
    if not isinstance(value, dict):
        raise ValueError("JSON must be an object")  # not a TypeError: the data is wrong, not an argument
    return cast("Mapping[str, object]", freeze(value))


def _read_usual(data: bytes) -> object:
    """Return the value of JSON that is written as most programs write it; None for any other, and for what is wrong.

    It is fast, and has no rule of its own: if the value is written back as the same bytes, all readers read it alike,
    since no name is there twice and no number is out of range.
    """
    try:
        value = _DECODER.decode(data)
        return value if _ENCODER.encode(value) == data else None
    except (msgspec.MsgspecError, ValueError):  # the first is a ValueError in newer msgspec only
        return None


def check_depth(text: str) -> None:
    """Check that arrays and objects are not nested too deeply, before a parser goes down into them.

    A parser of Python would end with ``RecursionError``. Other code of the process that runs at that moment, such as
    a finalizer, would fail too.

    Args:
        text: JSON, or anything else.

    Raises:
        ValueError: there are more than 32 levels.
    """
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth, in_string = 0, False
    for found in re.finditer(_MARKS, text):
        if found[0] == '"':
            in_string = not in_string
        elif not in_string and found[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(TOO_DEEP)
        elif not in_string and found[0] in "]}":
            depth -= 1


def _make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("the names in a JSON object must be unique, got a name twice")
    return members


def _read_number(string: str) -> float:
    number = float(string)
    if not isfinite(number):
        raise ValueError("a JSON number must be finite")
    return number
