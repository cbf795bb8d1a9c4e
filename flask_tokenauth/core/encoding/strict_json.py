"""JSON objects with one reading: no name twice, no number that is none (RFC 8259 section 4, RFC 8725 section 2.4)."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import cast

from .immutable_json import freeze


def read_object(data: bytes) -> Mapping[str, object]:
    """Read one JSON object, its values deeply immutable.

    Args:
        data: untrusted; of a bounded size, since this is not the fastest reader.

    Raises:
        ValueError: this is not UTF-8, not a JSON object, has a name twice in any object, holds a number out of range,
            or is nested deeper than 32. It may quote *data*.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")  # of the text, not of an argument
    return cast("Mapping[str, object]", freeze(value))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("no finite number")
    return number
