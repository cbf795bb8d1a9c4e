"""Limits of the values that a store keeps: IDs of sessions, users and tokens, and numbers."""

import unicodedata

MAX_IDENTIFIER = 255  # characters, of the ID of a session, user or token, and of a label
YEAR_9999 = 253402300799  # its last second, since 1970-01-01T00:00:00Z: the last that datetime can represent
GREATEST = 2**63 - 1  # the greatest number that every store can keep
_NUMBERS = frozenset({int, float})  # booleans, which are ints as well, are no numbers in JSON


def is_identifier(value: object) -> bool:
    """Return whether *value* is a string of 1 to 255 characters without control characters and surrogates."""
    return isinstance(value, str) and 0 < len(value) <= MAX_IDENTIFIER and (value.isprintable() or is_clean(value))


def check_identifier(name: str, value: object) -> None:
    """Check that *value* is a string of 1 to 255 characters without control characters and surrogates.

    Args:
        name: the name of the value, for the message.
        value: the value, which the message does not show.

    Raises:
        ValueError: it is something else.
    """
    if not is_identifier(value):
        got = f"{len(value)} characters" if isinstance(value, str) else type(value).__name__
        raise ValueError(
            f"{name} must be a string of 1 to {MAX_IDENTIFIER} characters without control characters, got {got}"
        )


def is_clean(string: str) -> bool:
    """Return whether *string* has neither control characters nor surrogates."""
    return string.isprintable() or all(unicodedata.category(character) not in ("Cc", "Cs") for character in string)


def is_whole(value: object, most: int = GREATEST) -> bool:
    """Return whether *value* is a whole number from 0 to *most*. Booleans are not numbers."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def is_time(value: object) -> bool:
    """Return whether *value* is a NumericDate (RFC 7519 section 2): a number from 0 to the end of the year 9999."""
    return type(value) in _NUMBERS and 0 <= value <= YEAR_9999  # type: ignore[operator]  # of two numbers
