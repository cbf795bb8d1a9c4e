"""Sessions as stores keep them, and the messages that all stores share.

Grants are JSON. Times are milliseconds since 1970-01-01T00:00:00Z, by the clock of the store.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..core.encoding.limits import GREATEST, is_identifier
from ..core.errors import PurgeRefused, StoreUnavailable
from ..core.records.grant import read_grant
from ..core.records.session import Outcome, Session, SessionPage, Terms
from ..core.store import LONGEST_SILENCE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIMES = ("started_at", "rotated_at", "idle_expires_at", "expires_at", "ended_at")
_MAY_BE_NONE = frozenset({"rotated_at", "ended_at"})
_NUMBERS = ("generation", "epoch")

WRONG_CURSOR = "cursor must be the cursor of the last page, or None for the first page: start again without it"
# A search for sessions to end looks at so many more rows than a user may have sessions, from both ends of the list. The
# rows between the ends, which are over and were not purged, must not make a sign-in long.
MORE_ROWS = 1000
SESSION_EXISTS = "session_id must be new, but a session with this ID exists"


def another_issuer(issuer: str | None) -> str:
    """Return the message for a store that belongs to *issuer* and is used by another one."""
    return (
        f"this store belongs to another issuer, {issuer}, whose users may have the same IDs: give each application a "
        "store of its own, or the same TOKENAUTH_ISSUER if it is one application"
    )


@dataclass(slots=True, kw_only=True)
class SessionRow:
    """One session in a store."""

    session_id: str
    user_id: str
    granted: str
    label: str | None
    user_agent: str | None
    started_at: int
    rotated_at: int | None = None  # time of the last refresh; None before the first
    idle_expires_at: int
    expires_at: int
    ended_at: int | None = None
    generation: int = 0
    epoch: int

    @classmethod
    def read(cls, columns: Mapping[str, Any]) -> "SessionRow":
        """Return the session in a row of a database. The types of the columns are not trusted.

        Args:
            columns: the values by the names of the fields.

        Raises:
            StoreUnavailable: a time or a number is no whole number.
        """
        for name in _TIMES:
            if not (columns[name] is None and name in _MAY_BE_NONE):
                check_whole(name, columns[name])
        for name in _NUMBERS:
            check_whole(name, columns[name])
        return cls(**columns)

    @property
    def last_used_at(self) -> int:
        """The time of the last refresh, or of the sign-in."""
        return self.started_at if self.rotated_at is None else self.rotated_at

    def is_live(self, now: int, epoch: int) -> bool:
        """Return whether this session is live at *now*, in milliseconds, for a user with this *epoch*."""
        return self.ended_at is None and now < self.expires_at and now < self.idle_expires_at and self.epoch >= epoch

    def classify_repeat(self, generation: int, *, now: int, epoch: int, terms: Terms) -> Outcome:
        """Return the outcome for a refresh token that could not be swapped.

        Args:
            generation: of the token.
            now: by the clock of the store, in milliseconds.
            epoch: of the user.
            terms: the retry window.

        Returns:
            *Retried*, *reused* or *gone*. The row is not changed.
        """
        if not self.is_live(now, epoch) or self.generation <= generation:
            return Outcome.GONE
        if self.generation > generation + 1 or self.rotated_at is None:
            return Outcome.REUSED
        age = max(0, now - self.rotated_at)  # if the clock was set back, a repeat is no reuse
        return Outcome.RETRIED if age < in_milliseconds(terms.retry_window) else Outcome.REUSED

    def to_session(self) -> Session:
        """Return the record for the core.

        Raises:
            StoreUnavailable: a column has a value that no session can have.
        """
        try:
            return Session(
                session_id=self.session_id,
                user_id=self.user_id,
                grant=read_grant(self.granted),
                label=self.label,
                user_agent=self.user_agent,
                started_at=to_datetime(self.started_at),
                refreshed_at=None if self.rotated_at is None else to_datetime(self.rotated_at),
                idle_expires_at=to_datetime(self.idle_expires_at),
                expires_at=to_datetime(self.expires_at),
                generation=self.generation,
                epoch=self.epoch,
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise StoreUnavailable(
                "a session in the store cannot be read: another program or another release has changed it"
            ) from error


def parse_session_cursor(cursor: str) -> tuple[int, str]:
    """Return the position in a list of sessions that a cursor stands for: a sign-in, and a session ID.

    Raises:
        ValueError: it is no cursor. The message does not repeat it, since it comes from a client.
    """
    digits, _, session_id = cursor.partition(".")
    started_at = parse_number(digits)
    if started_at is None or not is_identifier(session_id):
        raise ValueError(WRONG_CURSOR)
    return started_at, session_id


def session_page(rows: Sequence[SessionRow], limit: int) -> SessionPage:
    """Return the page for *rows*, which are as many as it may have, or more if another page follows.

    Raises:
        StoreUnavailable: a row has a value that no session can have.
    """
    sessions = tuple(row.to_session() for row in rows[:limit])
    if len(rows) <= limit:
        return SessionPage(sessions=sessions)
    last = rows[limit - 1]
    return SessionPage(sessions=sessions, cursor=f"{last.started_at}.{last.session_id}")


def check_clock(now: int, known: Iterable[int]) -> None:
    """Check, before a purge, that the clock of the store is not far ahead.

    Args:
        now: by that clock, in milliseconds.
        known: the times that the store knows, in milliseconds. Those after *now* do not count.

    Raises:
        PurgeRefused: the newest of them is too far behind *now*.
    """
    newest = max((time for time in known if time <= now), default=now)
    if now - newest > in_milliseconds(LONGEST_SILENCE):
        raise PurgeRefused(now=to_datetime(now), newest=to_datetime(newest))


def in_milliseconds(duration: timedelta) -> int:
    """Return a duration in milliseconds, rounded up, so that nothing is forgotten early."""
    return -(-duration // _MILLISECOND)


def parse_number(digits: str) -> int | None:
    """Return the number that *digits* write, from 0 to 2**63 - 1, or None if they write no such number."""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(GREATEST))):
        return None
    return int(digits) if int(digits) <= GREATEST else None


def check_whole(name: str, value: object) -> None:
    """Check that *value*, which a store has under this *name*, is a whole number from 0.

    Raises:
        StoreUnavailable: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        got = "a negative number" if type(value) is int else type(value).__name__
        raise StoreUnavailable(f"{name} in the store must be a whole number from 0, got {got}")


def to_datetime(milliseconds: int) -> datetime:
    """Return a time of the store as an aware ``datetime`` in UTC.

    Args:
        milliseconds: since 1970-01-01T00:00:00Z.

    Raises:
        OverflowError: it is after the year 9999.
    """
    return _EPOCH + milliseconds * _MILLISECOND
