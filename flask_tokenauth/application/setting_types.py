"""How the value of each setting is read and checked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from ..core.encoding.limits import MAX_IDENTIFIER

PREFIX = "TOKENAUTH_"
Mode = Literal["feed", "strict", "off"]


_YEAR = timedelta(days=366)


def read_duration(value: object) -> timedelta:
    """Return a ``timedelta`` or a number of seconds as ``timedelta``.

    Raises:
        TypeError: it is neither.
        ValueError: no ``timedelta`` is that long.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"seconds or a timedelta, not {type(value).__name__}")
    try:
        return timedelta(seconds=value)
    except OverflowError as error:
        raise ValueError("no such duration") from error


def _duration(least: timedelta, most: timedelta) -> Callable[[object], timedelta]:
    def read(value: object) -> timedelta:
        duration = read_duration(value)
        if not least <= duration <= most:
            raise ValueError
        return duration

    return read


def _size(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError
        return value

    return read


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_IDENTIFIER:  # the issuer is client_id as well
        raise ValueError
    if value != value.strip() or not value.isprintable():
        raise ValueError
    return value


def _texts(value: object) -> frozenset[str]:
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, (list, tuple, set, frozenset)) or not entries:
        raise ValueError
    return frozenset(_text(entry) for entry in entries)


def _realm(value: object) -> str:
    return _text(value).encode("latin-1").decode("latin-1")


def _default_guard(value: object) -> str:
    if value != "login_required":
        raise ValueError
    return "login_required"


def _enforce_https(value: object) -> str:
    if value not in ("off", "warn", "refuse"):
        raise ValueError
    return str(value)


def _revocation(value: object) -> Mode:
    if value not in ("feed", "strict", "off"):
        raise ValueError
    return value


def _endpoints(value: object) -> frozenset[str]:
    endpoints = _texts(value) if value else frozenset()
    if any("*" in (named := each.removesuffix(".*")) or not named for each in endpoints):
        raise ValueError
    return endpoints
