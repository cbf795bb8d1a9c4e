"""The types of settings: how a value is read, and the words for it in an error message."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from ..core.encoding.limits import MAX_IDENTIFIER
from ..core.encoding.prefixes import API_KEY_PREFIX_FORM, STORE_PREFIX_FORM, STORE_PREFIX_WORDS, TAKEN_PREFIXES

PREFIX = "TOKENAUTH_"
RevocationMode = Literal["feed", "strict", "off"]
CookieMode = Literal["off", "refresh", "all"]
SameSite = Literal["Lax", "Strict"]
TokenFormat = Literal["jwt", "reference"]

# Regular expressions are compiled for the first value of their kind: most applications have none of it.
_SHORT_DURATION = r"(?a)(\d+d)?((?:\d+h)?(?:\d+m)?(?:\d+s)?)"  # "15m", "1d12h"
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class SettingType:
    """The values that a setting takes."""

    form: str  # completes the sentence "TOKENAUTH_… must be"
    read: Callable[[Any], Any]  # returns the value to keep; raises TypeError or ValueError


def read_duration(value: object) -> timedelta:
    """Return *value*, a ``timedelta`` or a number of seconds, as ``timedelta``.

    Raises:
        TypeError: *value* has another type.
        ValueError: no ``timedelta`` is that long.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(
            f"a duration must be a number of seconds or a timedelta, got {type(value).__name__}: pass 900 or "
            "timedelta(minutes=15)"
        )
    try:
        return timedelta(seconds=value)
    except OverflowError as error:
        raise ValueError(f"a duration must be shorter than {timedelta.max.days} days, got {value} seconds") from error


def parse_duration(string: str) -> timedelta:
    """Return the duration in *string*: "900" (seconds), "15m", "1d12h", or "PT15M" (ISO 8601).

    Raises:
        ValueError: *string* has another form.
    """
    if short := re.fullmatch(_SHORT_DURATION, string):
        days, rest = short.groups("")
        string = f"P{days}T{rest}".removesuffix("T")
    try:
        return msgspec.convert(string, timedelta, strict=False)
    except msgspec.ValidationError:  # its message and this one must not repeat the value, which may be a secret
        raise ValueError("a duration must be like 900, 15m or PT15M") from None


def duration(least: timedelta, most: timedelta) -> SettingType:
    """Return the type of durations from *least* to *most*, both included."""

    def read(value: object) -> timedelta:
        found = parse_duration(value) if isinstance(value, str) else read_duration(value)
        if not least <= found <= most:
            raise ValueError
        return found

    return SettingType(
        f"{format_duration(least)} to {format_duration(most)}, as a timedelta, in seconds or like 15m or PT15M", read
    )


def format_duration(length: timedelta) -> str:
    """Return *length* in the largest unit that divides it: "15 minutes", "366 days", "0.5 seconds"."""
    seconds = length.total_seconds()
    for size, unit in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds / size:g} {unit}" + ("" if seconds == size else "s")
    return f"{seconds:g} seconds"


def whole_number(least: int, most: int, unit: str) -> SettingType:
    """Return the type of whole numbers of *unit* from *least* to *most*, both included."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError
        return value

    return SettingType(f"a whole number of {unit}, from {least} to {most}", read)


def one_of(*values: str) -> SettingType:
    """Return the type of settings that are one of a few strings."""

    def read(value: object) -> object:
        if value not in values:
            raise ValueError
        return value

    *first, last = (f'"{value}"' for value in values)
    return SettingType(", ".join(first) + (" or " if first else "") + last, read)


def read_string(value: object) -> str:
    """Return *value*, a string that can be an issuer (so also a ``client_id``), an audience or a realm.

    Raises:
        ValueError: it is something else, is empty, longer than 255 characters, has white space at an end or a character
            that cannot be printed.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_IDENTIFIER:
        raise ValueError
    if value != value.strip() or not value.isprintable():
        raise ValueError
    return value


def read_strings(value: object) -> frozenset[str]:
    """Return *value*, one string or several, as a set; raises ValueError for an empty collection or a bad string."""
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, (list, tuple, set, frozenset)) or not entries:
        raise ValueError
    return frozenset(read_string(entry) for entry in entries)


def _read_latin_1(value: object) -> str:
    return read_string(value).encode("latin-1").decode("latin-1")


_URL = r"[A-Za-z0-9:/?\[\]@!$&'()*+,;=%._~-]+"  # RFC 3986 section 2

_HOST = r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+"  # a name, or an address of IPv6; without wildcards


def _read_url(value: object) -> str:
    """Return *value*, an https URL without a fragment; http only on loopback."""
    string = read_string(value)
    parts = urlsplit(string)
    is_loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
        raise ValueError
    if not parts.hostname or parts.username is not None or "#" in string or parts.port == 0:
        raise ValueError
    if not re.fullmatch(_URL, string):  # it is written into headers
        raise ValueError
    return string


def _read_origin(value: object) -> str:
    origin = _read_url(value).removesuffix("/")
    parts = urlsplit(origin)
    if parts.path or "?" in origin or not re.fullmatch(_HOST, parts.hostname or ""):
        raise ValueError
    return origin


def _read_origins(value: object) -> frozenset[str]:
    return frozenset(map(_read_origin, read_strings(value))) if value else frozenset()


def _read_endpoints(value: object) -> frozenset[str]:
    endpoints = read_strings(value) if value else frozenset()
    for endpoint in endpoints:
        name = endpoint.removesuffix(".*")
        if not name or "*" in name:
            raise ValueError
    return endpoints


def _read_boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _read_api_key_prefixes(value: object) -> tuple[str, ...]:
    """Return *value*, one prefix or several, in their order: new API keys get the first one."""
    prefixes = [value] if isinstance(value, str) else value
    if not isinstance(prefixes, (list, tuple)) or not prefixes:
        raise TypeError
    for prefix in prefixes:
        if not isinstance(prefix, str) or not re.fullmatch(API_KEY_PREFIX_FORM, prefix) or prefix in TAKEN_PREFIXES:
            raise ValueError
    return tuple(dict.fromkeys(prefixes))


_HEADER = r"[A-Za-z0-9-]{1,64}"  # with another character some servers drop a header, or mix two of them
_TAKEN_HEADERS = frozenset({"authorization", "content-length", "content-type", "cookie", "host", "origin"})


def _read_header(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_HEADER, value) or value.lower() in _TAKEN_HEADERS:
        raise ValueError
    return value


def _read_store_prefix(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(STORE_PREFIX_FORM, value):
        raise ValueError
    return value


BOOLEAN = SettingType("True or False", _read_boolean)
API_KEY_PREFIXES = SettingType(
    'a prefix of a lower-case letter, 1 to 15 lower-case letters or digits and "_", such as "acme_", or a list, '
    f"but not {', '.join(sorted(TAKEN_PREFIXES))}",
    _read_api_key_prefixes,
)
STORE_PREFIX = SettingType(STORE_PREFIX_WORDS, _read_store_prefix)
HEADER = SettingType(
    'the name of a header of letters, digits and "-", such as X-API-Key, and not Authorization or another header that '
    "HTTP uses",
    _read_header,
)
STRING = SettingType(f"a string of 1 to {MAX_IDENTIFIER} printable characters, best a URL", read_string)
STRINGS = SettingType(f"a string of 1 to {MAX_IDENTIFIER} printable characters, or a list of them", read_strings)
REALM = SettingType(f"a string of 1 to {MAX_IDENTIFIER} printable Latin-1 characters", _read_latin_1)
ORIGIN = SettingType("https:// and a host, such as https://api.example.com (on loopback also http://)", _read_origin)
ORIGINS = SettingType(
    "a list of origins such as https://app.example.com, each with its port if it is not the usual one, without null "
    "and without wildcards (on loopback also http://)",
    _read_origins,
)
RESOURCE = SettingType(
    "an https URL without a fragment, such as https://api.example.com (on loopback also http)", _read_url
)
ENDPOINTS = SettingType('a list of endpoints ("login") or of all endpoints of a blueprint ("docs.*")', _read_endpoints)
