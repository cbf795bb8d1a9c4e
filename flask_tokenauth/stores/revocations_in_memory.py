"""The revocations of the store in memory, in the order in which they changed last."""

from datetime import timedelta
from itertools import takewhile
from secrets import token_hex
from typing import NamedTuple

from ..core.records.revocation import Revocation, RevocationKind, RevocationPage, prolong
from .rows import parse_number


class _StoredRevocation(NamedTuple):
    """A revocation, stored under its kind and subject."""

    value: int
    expires_at: int
    number: int  # rises with each revocation that is written

    def to_revocation(self, kind: RevocationKind, subject: str) -> Revocation:
        """Return the revocation that readers get."""
        return Revocation(kind=kind, subject=subject, value=self.value, expires_at=self.expires_at)


class RevocationsInMemory:
    """Holds revocations until they are dropped. Times are milliseconds since 1970-01-01T00:00:00Z."""

    def __init__(self) -> None:
        self.incarnation = token_hex(16)
        self.written = 0  # revocations so far
        # By kind and subject. The one that changed last is at the end.
        self.entries: dict[tuple[RevocationKind, str], _StoredRevocation] = {}

    def write(self, kind: RevocationKind, subject: str, value: int, expires_at: int) -> None:
        """Keep a revocation. If its subject has one of this kind, the higher value and the later expiry count."""
        old = self.entries.pop((kind, subject), _StoredRevocation(0, 0, 0))  # so that it goes to the end
        self.written += 1
        self.entries[kind, subject] = _StoredRevocation(
            max(old.value, value), max(old.expires_at, expires_at), self.written
        )

    def has(self, kind: RevocationKind, subject: str, *, above: int, now: int) -> bool:
        """Return whether a subject has a revocation with a value above *above* that has not expired at *now*."""
        entry = self.entries.get((kind, subject))
        return entry is not None and entry.value > above and now < entry.expires_at

    def prolong(self, longer: timedelta) -> None:
        """Keep all revocations for longer, since the longest leeway has grown by *longer*."""
        for key, old in self.entries.items():
            self.entries[key] = old._replace(expires_at=prolong(old.expires_at, longer))

    def page_since(self, cursor: str | None, now: int) -> RevocationPage:
        """Return the revocations after a cursor that have not expired at *now*."""
        known = 0 if cursor is None else self._read_cursor(cursor)
        if known is None:
            return RevocationPage()
        new = takewhile(lambda item: item[1].number > known, reversed(self.entries.items()))
        entries = tuple(entry.to_revocation(*key) for key, entry in new if now < entry.expires_at)
        return RevocationPage(entries=entries, cursor=f"{self.incarnation}.{self.written}")

    def purge(self, needed: int) -> int:
        """Drop the revocations that had expired at *needed*, and return their number."""
        expired = [key for key, entry in self.entries.items() if entry.expires_at <= needed]
        for key in expired:
            del self.entries[key]
        return len(expired)

    def _read_cursor(self, cursor: str) -> int | None:
        """Return how many revocations were written when *cursor* was made, or None if this store never made it."""
        incarnation, _, digits = cursor.partition(".")
        number = parse_number(digits)
        if incarnation != self.incarnation or number is None or number > self.written:
            return None
        return number
