"""Sessions as stores have them: grants are text, times milliseconds since 1970-01-01T00:00:00Z by the store's clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..core.encoding.limits import GREATEST
from ..core.errors import StoreUnavailable
from ..core.records.grant import read_grant
from ..core.records.session import Outcome, Session, Terms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIMES = ("started_at", "rotated_at", "idle_expires_at", "expires_at", "ended_at")
_MAY_BE_NONE = frozenset({"rotated_at", "ended_at"})
_NUMBERS = ("generation", "epoch")


@dataclass(slots=True, kw_only=True)
class SessionRow:
    """One session as it is kept."""

    session_id: str
    user_id: str
    granted: str
    label: str | None
    user_agent: str | None
    started_at: int
    rotated_at: int | None = None  # the last swap, None before the first
    idle_expires_at: int
    expires_at: int
    ended_at: int | None = None
    generation: int = 0
    epoch: int

    @classmethod
    def read(cls, columns: Mapping[str, Any]) -> "SessionRow":
        """Take what a store answered, and believe none of its types.

        Raises:
            StoreUnavailable: it cannot be a session.
        """
        for name in _TIMES:
            if not (columns[name] is None and name in _MAY_BE_NONE):
                check_whole(name, columns[name])
        for name in _NUMBERS:
            check_whole(name, columns[name])
        return cls(**columns)

    def is_live(self, now: int, epoch: int) -> bool:
        """Say whether this session goes on, at *now*, for a user who is at *epoch*."""
        return self.ended_at is None and now < self.expires_at and now < self.idle_expires_at and self.epoch >= epoch

    def judge_repeat(self, generation: int, *, now: int, epoch: int, terms: Terms) -> Outcome:
        """Say what the redemption of a *generation* is that could not be swapped."""
        if not self.is_live(now, epoch) or self.generation <= generation:
            return Outcome.GONE
        if self.generation > generation + 1 or self.rotated_at is None:
            return Outcome.REUSED
        age = max(0, now - self.rotated_at)  # a clock that was set back makes nobody a thief
        return Outcome.RETRIED if age < in_milliseconds(terms.retry_window) else Outcome.REUSED

    def to_session(self) -> Session:
        """Return the session as the core knows it.

        Raises:
            StoreUnavailable: it cannot be one.
        """
        try:
            return Session(
                session_id=self.session_id,
                user_id=self.user_id,
                grant=read_grant(self.granted),
                label=self.label,
                user_agent=self.user_agent,
                started_at=_to_datetime(self.started_at),
                refreshed_at=None if self.rotated_at is None else _to_datetime(self.rotated_at),
                idle_expires_at=_to_datetime(self.idle_expires_at),
                expires_at=_to_datetime(self.expires_at),
                generation=self.generation,
                epoch=self.epoch,
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise StoreUnavailable("a session in the store cannot be read") from error


def in_milliseconds(duration: timedelta) -> int:
    """Return a duration in milliseconds, a begun one as a whole: nothing is forgotten early."""
    return -(-duration // _MILLISECOND)


def parse_number(text: str) -> int | None:
    """Return the whole number, not below 0 and one that a store can keep, that *text* is in digits; else None."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(GREATEST))):
        return None
    return int(text) if int(text) <= GREATEST else None


def check_whole(name: str, value: object) -> None:
    """Refuse what a store should have as a whole number that is not below 0.

    Raises:
        StoreUnavailable: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise StoreUnavailable(f"{name} in the store is no whole number")


def _to_datetime(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND
