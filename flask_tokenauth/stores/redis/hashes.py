"""Reads the hashes of Redis as rows. Their contents are not trusted: others may write to the server."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...core.errors import StoreUnavailable
from ..api_key_rows import ApiKeyRow
from ..reference_token_rows import ReferenceTokenRow
from ..rows import SessionRow, parse_number

_UNREADABLE = "an answer of the server cannot be read: another program has changed the keys of the store"
_SESSION = {
    "texts": ("user_id", "granted"),
    "may_lack": ("label", "user_agent"),
    "numbers": (
        "started_at", "rotated_at", "idle_expires_at", "expires_at", "ended_at", "generation", "epoch",
    ),
}  # fmt: skip
_API_KEY = {
    "texts": ("digest", "user_id", "name", "hint", "granted"),
    "numbers": ("created_at", "last_used_at", "expires_at", "revoked_at", "key_epoch"),
}
_REFERENCE = {"texts": ("digest", "user_id", "claims"), "numbers": ("epoch", "expires_at", "revoked_at")}

Hash = Mapping[bytes, bytes]


def to_hash(answer: Iterable[bytes]) -> Hash:
    """Return the hash in an answer of a script: names and values by turns."""
    items = list(answer)
    return dict(zip(items[::2], items[1::2], strict=True))


def to_text(value: object) -> str:
    """Return a string of the server.

    Raises:
        StoreUnavailable: it is none, or is not in UTF-8.
    """
    try:
        return value.decode()  # type: ignore[attr-defined, no-any-return]  # it may be anything
    except (AttributeError, UnicodeDecodeError):
        raise StoreUnavailable(_UNREADABLE) from None


def to_number(value: object) -> int:
    """Return a number from 0 of the server.

    Raises:
        StoreUnavailable: it is none.
    """
    number = value if type(value) is int else parse_number(to_text(value)) if isinstance(value, bytes) else None
    if number is None or number < 0:
        raise StoreUnavailable(_UNREADABLE)
    return number


def session_row(session_id: str, found: Hash) -> SessionRow:
    """Return the session in a hash.

    Raises:
        StoreUnavailable: it is no session.
    """
    return SessionRow.read({"session_id": session_id} | _columns(found, **_SESSION))


def api_key_row(key_id: str, found: Hash) -> ApiKeyRow:
    """Return the API key in a hash.

    Raises:
        StoreUnavailable: it is no API key.
    """
    return ApiKeyRow.read({"key_id": key_id} | _columns(found, **_API_KEY))


def reference_row(token_id: str, found: Hash) -> ReferenceTokenRow:
    """Return the reference token in a hash.

    Raises:
        StoreUnavailable: it is no reference token.
    """
    return ReferenceTokenRow.read({"token_id": token_id} | _columns(found, **_REFERENCE))


def fields_of(values: Mapping[str, str | int | None]) -> list[str]:
    """Return names and values by turns, as a script stores them. None is left out."""
    return [text for name, value in values.items() if value is not None for text in (name, str(value))]


def _columns(
    found: Hash, *, texts: Iterable[str], numbers: Iterable[str], may_lack: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the values by their names. A missing number is None, which the rows refuse where it must not be."""
    columns: dict[str, Any] = {name: to_text(found.get(name.encode())) for name in texts}
    for name in may_lack:
        value = found.get(name.encode())
        columns[name] = None if value is None else to_text(value)
    for name in numbers:
        value = found.get(name.encode())
        columns[name] = None if value is None else to_number(value)
    return columns
