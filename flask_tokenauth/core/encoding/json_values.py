"""JSON values of an application: a reader gets exactly the values that were written, or nothing is written."""

from collections.abc import Mapping

import msgspec

from .immutable_json import MAX_DEPTH, freeze, thaw


def to_json_values(claims: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of *claims* in plain dicts and lists, if JSON does not change them.

    Args:
        claims: the claims of an application, frozen or not.

    Raises:
        TypeError: *claims* is not a mapping.
        ValueError: a value is not a JSON value: a reader would get another one (null for a number that is not finite, a
            string for a date), or it is nested more than 32 deep.
    """
    try:
        given = dict(claims)
    except (TypeError, ValueError):
        raise TypeError(f"claims must be a dict, got {type(claims).__name__}") from None
    if not given:
        return given
    try:
        plain = {name: thaw(value) for name, value in given.items()}
        decoded = msgspec.json.decode(msgspec.json.encode(plain))
        unchanged = plain == decoded
        freeze(decoded)  # a reader does it, and refuses claims that are nested too deeply
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(_NOT_JSON) from error
    if not unchanged:
        raise ValueError(_NOT_JSON)
    return plain


_NOT_JSON = (
    "claims must be JSON values (strings, finite numbers, booleans, None, lists, dicts with strings as names), at most "
    f"{MAX_DEPTH} deep: convert other values, for example str(uuid) or date.isoformat()"
)
