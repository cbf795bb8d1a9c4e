"""What may be the ID of a session, user or token, and what a number that a store keeps."""

import unicodedata

MAX_IDENTIFIER = 255  # characters of a session's, user's or token's ID, and of a label
YEAR_9999 = 253402300799  # the last second that datetime knows, since 1970-01-01T00:00:00Z
GREATEST = 2**63 - 1  # number that every store can keep


def is_identifier(value: object) -> bool:
    """Say whether *value* is a text of 1 to 255 characters without control characters and surrogates."""
    return isinstance(value, str) and 0 < len(value) <= MAX_IDENTIFIER and is_clean(value)


def check_identifier(name: str, value: object) -> None:
    """Raise ValueError, with the *name* of the *value*, for what is no identifier."""
    if not is_identifier(value):
        raise ValueError(f"{name} is a text of 1 to 255 characters, without control characters")


def is_clean(text: str) -> bool:
    """Say whether *text* is without control characters and surrogates."""
    return text.isprintable() or all(unicodedata.category(each) not in ("Cc", "Cs") for each in text)


def is_whole(value: object, most: int = GREATEST) -> bool:
    """Say whether *value* is a whole number, and no boolean, from 0 to *most*."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
