"""Reads the revocations after a cursor from a stream.

A reader goes on from an entry of the stream, and gets this entry again first. If it is another one, or is gone, the
server has lost writes, or the reader was away for so long that the stream was trimmed: then the reader loads all again.
Entries have a random mark, since a server that lost some could number new ones alike.
"""

import re
from collections.abc import Iterator, Sequence
from secrets import token_hex
from typing import NamedTuple

import msgspec

from ...core.errors import StoreUnavailable
from ...core.records.revocation import LAST, Revocation, RevocationPage
from ...core.time_limit import time_limit
from ..rows import parse_number
from . import shared_scripts
from .hashes import to_hash, to_number, to_text
from .layout import KINDS
from .prepared_keys import PreparedKeys

PAGE = 250  # revocations of one page of the first load: longer ones would block the server for others
NEWS = 250  # of one later page
LONGEST_LOAD = 10.0  # seconds for a page of the first load

_UNREADABLE = "a revocation in the store cannot be read: another program or another release has changed it"
_CURSOR = re.compile(
    r"([0-9]{1,16}-[0-9]{1,16}) ([0-9a-f]{1,32}) ([0-9a-f]{1,64}\.[0-9a-f]{0,64})(?: (-?[0-9]{1,16}) (.+))?", re.DOTALL
)

_Entry = tuple[str, list[str]]  # an entry of the stream: its ID, and names and values by turns
_decode = msgspec.json.Decoder(list[_Entry]).decode


class _Cursor(NamedTuple):
    """The position of a reader.

    Attributes:
        entry: the ID of the newest entry of the stream that the reader knows.
        mark: of this entry.
        incarnation: of the store and of its server: another one after a restart and after a failover.
        score: of the last revocation on the last page of the first load, if more pages follow.
        member: of this revocation.
    """

    entry: str
    mark: str
    incarnation: str
    score: str | None = None
    member: str | None = None

    def __str__(self) -> str:
        return " ".join(part for part in self if part is not None)


def read_revocations(keys: PreparedKeys, string: str | None) -> RevocationPage:
    """Return the page of revocations after a cursor.

    :meth:`flask_tokenauth.core.store.Store.revocations_since` describes the result.

    Args:
        keys: of the store.
        string: the cursor; None for the first page.

    Raises:
        StoreUnavailable: the server cannot be asked, or an entry cannot be read.
    """
    found = None if string is None else _CURSOR.fullmatch(string)
    if string is not None and found is None:
        return RevocationPage()
    cursor = None if found is None else _Cursor(*found.groups())
    if cursor is not None and cursor.member is None:
        with time_limit(keys.servers.limit_of_reads()):
            return _read_news(keys, cursor)
    with time_limit(LONGEST_LOAD):
        return _load(keys, cursor)


def _read_news(keys: PreparedKeys, cursor: _Cursor) -> RevocationPage:
    incarnation, packed = keys.run_shared(shared_scripts.READ_NEWS, (cursor.entry, NEWS + 1), for_feed=True)
    entries = _decode_entries(packed)
    is_same = to_text(incarnation) == cursor.incarnation
    if not is_same or not entries or _position(entries[0]) != (cursor.entry, cursor.mark):
        return RevocationPage()
    entry, mark = _position(entries[-1])
    following = _Cursor(entry, mark, cursor.incarnation)
    news = tuple(_read_entries(entries[1:]))
    return RevocationPage(entries=news, cursor=str(following), more=len(entries) > NEWS)


def _load(keys: PreparedKeys, cursor: _Cursor | None) -> RevocationPage:
    position = () if cursor is None else (str(cursor.score), str(cursor.member))
    incarnation, later, tail, packed, packed_values = keys.run_shared(
        shared_scripts.LOAD, (PAGE, token_hex(8), *position), for_feed=True, longest=LONGEST_LOAD
    )
    if cursor is None:
        entry, fields = tail
        cursor = _Cursor(to_text(entry), to_text(to_hash(fields).get(b"mark", b"")), to_text(incarnation))
    if to_text(incarnation) != cursor.incarnation:
        return RevocationPage()
    items, values = _split(packed), _split(packed_values)
    entries = tuple(_read_load(items, values, to_number(later)))
    is_last = len(values) < PAGE
    score, member = (None, None) if is_last else (f"{float(items[-1]):.0f}", items[-2])
    return RevocationPage(entries=entries, cursor=str(cursor._replace(score=score, member=member)), more=not is_last)


def _split(packed: bytes) -> list[str]:
    return to_text(packed).split("\n") if packed else []


def _decode_entries(packed: bytes) -> list[_Entry]:
    try:
        return _decode(packed)
    except (ValueError, msgspec.MsgspecError):  # the errors of msgspec 0.19 are no ValueError
        raise StoreUnavailable(_UNREADABLE) from None


def _position(entry: _Entry) -> tuple[str, str]:
    """Return the ID and the mark of an entry of the stream."""
    name, fields = entry
    return name, _to_fields(fields).get("mark", "")


def _to_fields(items: Sequence[str]) -> dict[str, str]:
    return dict(zip(items[::2], items[1::2], strict=False))  # the server writes pairs alone


def _read_entries(entries: Sequence[_Entry]) -> Iterator[Revocation]:
    for _, items in entries:
        found = _to_fields(items)
        if "member" in found:  # else it was written for a stream that was empty
            value, expires_at = (parse_number(found.get(name, "")) for name in ("value", "expires_at"))
            if value is None or expires_at is None:
                raise StoreUnavailable(_UNREADABLE)
            yield _revocation(found["member"], value, expires_at)


def _read_load(items: Sequence[str], values: Sequence[str], later: int) -> Iterator[Revocation]:
    """Yield the revocations of a page of the first load.

    Args:
        items: a member and its score by turns.
        values: of the members.
        later: milliseconds from the score to the end.
    """
    try:
        for member, score, value in zip(items[::2], items[1::2], values, strict=True):
            yield _revocation(member, int(value), int(float(score)) + later)
    except (OverflowError, ValueError):  # the score may be infinite
        raise StoreUnavailable(_UNREADABLE) from None


def _revocation(member: str, value: int, expires_at: int) -> Revocation:
    try:
        return Revocation(kind=KINDS[member[:1]], subject=member[1:], value=value, expires_at=min(expires_at, LAST))
    except (KeyError, ValueError):
        raise StoreUnavailable(_UNREADABLE) from None
