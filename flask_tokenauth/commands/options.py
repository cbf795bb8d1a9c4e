"""Values of options that several commands have."""

from datetime import timedelta

from ..application.setting_types import parse_duration

_MOST_SHOWN = 20  # characters of a wrong duration: a token in its place is longer


def read_lifetime(string: str | None) -> timedelta | None:
    """Return the value of ``--expires-in``, or None if the option was not given.

    Raises:
        ValueError: it is no duration.
    """
    if string is None:
        return None
    try:
        return parse_duration(string)
    except ValueError:
        got = repr(string) if len(string) <= _MOST_SHOWN else "another string"
        raise ValueError(f"--expires-in must be a duration like 900, 15m or PT15M, got {got}") from None
