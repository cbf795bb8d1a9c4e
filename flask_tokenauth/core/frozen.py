"""JSON values that cannot be changed any more: what is verified once stays what was verified."""

from types import MappingProxyType

MAX_DEPTH = 32  # arrays and objects within each other


def freeze(value: object, depth: int = MAX_DEPTH) -> object:
    """Return *value* with its arrays as tuples and its objects as read-only mappings, all the way down.

    Raises:
        ValueError: arrays and objects lie more than *depth* deep.
    """
    if isinstance(value, dict):
        _check_depth(depth)
        return MappingProxyType({name: freeze(each, depth - 1) for name, each in value.items()})
    if isinstance(value, (list, tuple)):
        _check_depth(depth)
        return tuple(freeze(each, depth - 1) for each in value)
    return value


def _check_depth(left: int) -> None:
    if left == 0:
        raise ValueError("nested too deeply")
