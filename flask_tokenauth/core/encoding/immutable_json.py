"""Make JSON values immutable, so that a verified value cannot be changed after it was verified."""

from collections.abc import Mapping
from types import MappingProxyType

MAX_DEPTH = 32  # levels of arrays and objects within each other
_ATOMS = frozenset({str, int, float, bool, type(None)})  # immutable already
TOO_DEEP = f"JSON is nested too deeply: arrays and objects must be at most {MAX_DEPTH} levels deep"


def freeze(value: object, depth: int = MAX_DEPTH) -> object:
    """Return *value* with its arrays as tuples and its objects as read-only mappings, on every level.

    Args:
        value: a JSON value.
        depth: the greatest number of levels of arrays and objects.

    Raises:
        ValueError: *value* has more than *depth* levels.
    """
    if isinstance(value, Mapping):
        return MappingProxyType(freeze_values(dict(value), depth))
    if isinstance(value, (list, tuple)):
        if depth == 0:
            raise ValueError(TOO_DEEP)
        return tuple([item if type(item) in _ATOMS else freeze(item, depth - 1) for item in value])
    return value


def freeze_values(members: dict[str, object], depth: int = MAX_DEPTH) -> dict[str, object]:
    """Replace each value of *members* by an immutable one, and return *members* itself.

    Args:
        members: the members of a JSON object.
        depth: the greatest number of levels of arrays and objects, this object included.

    Raises:
        ValueError: *members* has more than *depth* levels.
    """
    if depth == 0:
        raise ValueError(TOO_DEEP)
    for name, value in members.items():
        if type(value) not in _ATOMS:
            members[name] = freeze(value, depth - 1)  # the names stay the same, so the loop may go on
    return members


def thaw(value: object) -> object:
    """Return a copy of *value* made of lists and dicts, which JSON encoders accept.

    Args:
        value: a JSON value, frozen or not.
    """
    if isinstance(value, Mapping):
        return {name: thaw(member) for name, member in value.items()}
    if isinstance(value, (tuple, list)):
        return [thaw(item) for item in value]
    return value
