"""JSON values that cannot be changed any more: what is verified once stays what was verified."""

from collections.abc import Mapping
from types import MappingProxyType

MAX_DEPTH = 32  # arrays and objects within each other
_ATOMS = frozenset({str, int, float, bool, type(None)})  # never to be changed, so kept as they are
_TOO_DEEP = "nested too deeply"


def freeze(value: object, depth: int = MAX_DEPTH) -> object:
    """Return *value* with its arrays as tuples and its objects as read-only mappings, all the way down.

    Raises:
        ValueError: arrays and objects lie more than *depth* deep.
    """
    if isinstance(value, Mapping):
        return MappingProxyType(freeze_values(dict(value), depth))
    if isinstance(value, (list, tuple)):
        if depth == 0:
            raise ValueError(_TOO_DEEP)
        return tuple([each if type(each) in _ATOMS else freeze(each, depth - 1) for each in value])
    return value


def freeze_values(members: dict[str, object], depth: int = MAX_DEPTH) -> dict[str, object]:
    """Freeze the values of *members* in their place, and return it; raises like :func:`freeze`."""
    if depth == 0:
        raise ValueError(_TOO_DEEP)
    for name, value in members.items():
        if type(value) not in _ATOMS:
            members[name] = freeze(value, depth - 1)  # no new name, so this may be done on the way
    return members


def thaw(value: object) -> object:
    """Return a copy of a frozen *value* in plain lists and dicts, as JSON encoders know them."""
    if isinstance(value, Mapping):
        return {name: thaw(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [thaw(each) for each in value]
    return value
