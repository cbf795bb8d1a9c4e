"""The store in the memory of one process: for development, tests, and servers with a single process.

A restart loses everything, sessions and revocations. Two processes would have two stores, with different sessions and
revocations. If they were forked from one process, the second one that uses the store is refused.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import timedelta
from heapq import nsmallest
from itertools import islice, takewhile
from secrets import token_hex
from typing import NamedTuple

from ..core.encoding.limits import check_identifier
from ..core.errors import SettingsError
from ..core.process import ProcessLock
from ..core.records.grant import write_grant
from ..core.records.revocation import Revocation, RevocationKind, RevocationPage, prolong, retention_of
from ..core.records.ring_use import RingUse, check_fingerprint, report, select_live
from ..core.records.session import (
    MOST_DISPLACED,
    NewSession,
    Outcome,
    Redemption,
    Session,
    SessionPage,
    StartedSession,
    Terms,
    check_generation,
)
from ..core.store import LONGEST_SILENCE
from .one_process import OneProcess
from .rows import (
    MORE_ROWS,
    SESSION_EXISTS,
    SessionRow,
    another_issuer,
    check_clock,
    in_milliseconds,
    parse_number,
    parse_session_cursor,
    session_page,
)
from .sessions_of_users import SessionsOfUsers


class _StoredRevocation(NamedTuple):
    """A revocation, stored under its kind and subject."""

    value: int
    expires_at: int
    number: int  # rises with each revocation that is written

    def to_revocation(self, kind: RevocationKind, subject: str) -> Revocation:
        """Return the revocation that readers get."""
        return Revocation(kind=kind, subject=subject, value=self.value, expires_at=self.expires_at)


class MemoryStore:
    """Keeps everything in dicts, under one lock. :class:`~flask_tokenauth.core.store.Store` describes its methods.

    Args:
        clock: returns milliseconds since 1970-01-01T00:00:00Z. The default is the clock of the machine.

    Attributes:
        clock: returns the time of the store, in milliseconds. Tests of applications replace it.
    """

    def __init__(self, *, clock: Callable[[], int] | None = None) -> None:
        self.clock = clock or _read_clock
        self._process = OneProcess()
        self._lock = ProcessLock()
        self._issuer: str | None = None
        self._lifetime = self._leeway = timedelta(0)
        self._sessions: dict[str, SessionRow] = {}
        self._going_on = SessionsOfUsers()
        self._epochs: dict[str, int] = {}
        self._last_purge: int | None = None
        self._rings: tuple[RingUse, ...] = ()
        self._incarnation = token_hex(16)
        self._written = 0  # revocations so far
        # By kind and subject. The one that changed last is at the end.
        self._revoked: dict[tuple[RevocationKind, str], _StoredRevocation] = {}

    def bind(
        self,
        issuer: str,
        *,
        timeout: timedelta,  # noqa: ARG002  # no call waits here
        lifetime: timedelta,
        leeway: timedelta,
    ) -> None:
        if self._issuer not in (None, issuer):
            raise SettingsError(another_issuer(self._issuer))
        self._issuer = issuer
        if self._revoked and (longer := leeway - self._leeway) > timedelta(0):
            with self._lock:
                for key, old in self._revoked.items():
                    self._revoked[key] = old._replace(expires_at=prolong(old.expires_at, longer))
        self._lifetime = max(self._lifetime, lifetime)
        self._leeway = max(self._leeway, leeway)

    def create(self) -> None:
        """Do nothing: there are no tables."""

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def start_session(self, new: NewSession, *, most: int, retention: timedelta) -> StartedSession:
        granted = write_grant(new.grant)  # as JSON, like other stores, so that the same grants are refused
        with self._entered() as now:
            if new.session_id in self._sessions:
                raise ValueError(SESSION_EXISTS)
            expires_at = now + in_milliseconds(new.lifetime)
            row = SessionRow(
                session_id=new.session_id,
                user_id=new.user_id,
                granted=granted,
                label=new.label,
                user_agent=new.user_agent,
                started_at=now,
                idle_expires_at=min(expires_at, now + in_milliseconds(new.idle_lifetime)),
                expires_at=expires_at,
                epoch=self._epochs.get(new.user_id, 0),
            )
            self._sessions[new.session_id] = row
            self._going_on.add(row)
            displaced = self._find_displaced(row, most, now)
            for other in displaced:
                self._end(other, now, retention)
            return StartedSession(session=row.to_session(), displaced=tuple(other.session_id for other in displaced))

    def find_session(self, session_id: str) -> Session | None:
        with self._entered() as now:
            row = self._sessions.get(session_id)
            return row.to_session() if row and self._is_live(row, now) else None

    def list_sessions(self, user_id: str, *, cursor: str | None, limit: int) -> SessionPage:
        after = None if cursor is None else parse_session_cursor(cursor)
        with self._entered() as now:
            newest_first = (self._sessions[session_id] for session_id in self._going_on.newest_first(user_id, after))
            live = (row for row in newest_first if self._is_live(row, now))
            rows = [copy(row) for row in islice(live, limit + 1)]
        return session_page(rows, limit)

    def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
        check_generation(generation)
        with self._entered() as now:
            row = self._sessions.get(session_id)
            if row is None:
                return Redemption(outcome=Outcome.GONE)
            if row.generation <= generation and self._is_live(row, now):
                return _swap(row, generation, now, terms)
            epoch = self._epochs.get(row.user_id, 0)
            outcome = row.classify_repeat(generation, now=now, epoch=epoch, terms=terms)
            if outcome is Outcome.REUSED:
                self._end(row, now, terms.retention)
            return Redemption(outcome=outcome, session=None if outcome is Outcome.GONE else row.to_session())

    def end_session(self, session_id: str, *, retention: timedelta) -> Session | None:
        with self._entered() as now:
            row = self._sessions.get(session_id)
            if row is None or row.ended_at is not None:
                return None
            self._end(row, now, retention)
            return row.to_session()

    def longest_lifetime(self) -> timedelta:
        with self._entered():
            return self._lifetime

    def longest_leeway(self) -> timedelta:
        with self._entered():
            return self._leeway

    def read_epoch(self, user_id: str) -> int:
        with self._entered():
            return self._epochs.get(user_id, 0)

    def revoke_user(self, user_id: str, *, retention: timedelta) -> int:
        check_identifier("user_id", user_id)
        with self._entered() as now:
            epoch = self._epochs[user_id] = max(self._epochs.get(user_id, 0) + 1, now)
            self._write("user", user_id, epoch, now + self._keep_for(retention))
            return epoch

    def revoke(self, revocation: Revocation) -> None:
        with self._entered() as now:
            subject = revocation.subject
            self._write(revocation.kind, subject, revocation.value, revocation.expires_at)
            if revocation.kind == "user":
                self._epochs[subject] = max(self._epochs.get(subject, 0), revocation.value)
            elif revocation.kind == "session" and subject in self._sessions:
                self._mark_as_ended(self._sessions[subject], now)

    def is_revoked(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        asked: tuple[tuple[RevocationKind, str | None, int], ...] = (
            ("token", token_id, -1),
            ("session", session_id, -1),
            ("user", user_id, epoch),
        )
        with self._entered() as now:
            for kind, subject, least in asked:
                entry = self._revoked.get((kind, subject or ""))
                if entry is not None and entry.value > least and now < entry.expires_at:
                    return True
            return False

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        with self._entered() as now:
            known = 0 if cursor is None else self._read_cursor(cursor)
            if known is None:
                return RevocationPage()
            new = takewhile(lambda item: item[1].number > known, reversed(self._revoked.items()))
            entries = tuple(entry.to_revocation(*key) for key, entry in new if now < entry.expires_at)
            return RevocationPage(entries=entries, cursor=f"{self._incarnation}.{self._written}")

    def purge(self, *, force: bool = False) -> int:
        with self._entered() as now:
            if not force:
                check_clock(now, self._known_times())
            self._last_purge = now
            gone = [row for row in self._sessions.values() if not self._is_live(row, now)]
            for row in gone:
                self._mark_as_ended(row, now)
                del self._sessions[row.session_id]
            needed = now - in_milliseconds(LONGEST_SILENCE)
            forgotten = [key for key, entry in self._revoked.items() if entry.expires_at <= needed]
            for key in forgotten:
                del self._revoked[key]
            return len(gone) + len(forgotten)

    def report_ring(self, fingerprint: str) -> tuple[RingUse, ...]:
        check_fingerprint(fingerprint)
        with self._entered() as now:
            live = select_live(self._rings, now)
            others = [use for use in live if use.fingerprint != fingerprint]
            self._rings = (*others, report(live, fingerprint, now))
            return self._rings

    def list_rings(self) -> tuple[RingUse, ...]:
        with self._entered() as now:
            return select_live(self._rings, now)

    @contextmanager
    def _entered(self) -> Iterator[int]:
        """Hold the lock, and yield the present in milliseconds."""
        self._process.check()
        with self._lock:
            yield self.clock()

    def _known_times(self) -> Iterator[int]:
        yield from (row.started_at for row in self._sessions.values())
        yield from self._epochs.values()
        if self._last_purge is not None:
            yield self._last_purge

    def _is_live(self, row: SessionRow, now: int) -> bool:
        return row.is_live(now, self._epochs.get(row.user_id, 0))

    def _end(self, row: SessionRow, now: int, retention: timedelta) -> None:
        self._mark_as_ended(row, now)
        self._write("session", row.session_id, 0, now + self._keep_for(retention))

    def _keep_for(self, retention: timedelta) -> int:
        return in_milliseconds(max(retention, retention_of(self._lifetime, self._leeway)))

    def _find_displaced(self, new: SessionRow, most: int, now: int) -> list[SessionRow]:
        """Return the sessions that end since their user has more than *most*."""
        rows = (self._sessions[session_id] for session_id in self._going_on.ends(new.user_id, most + MORE_ROWS))
        live = [row for row in rows if self._is_live(row, now)]
        surplus = min(max(0, len(live) - most), MOST_DISPLACED)
        others = (row for row in live if row is not new)
        return nsmallest(surplus, others, key=lambda row: (row.last_used_at, row.session_id)) if surplus else []

    def _mark_as_ended(self, row: SessionRow, now: int) -> None:
        if row.ended_at is None:
            row.ended_at = now
            self._going_on.remove(row)

    def _write(self, kind: RevocationKind, subject: str, value: int, expires_at: int) -> None:
        old = self._revoked.pop((kind, subject), _StoredRevocation(0, 0, 0))  # so that it goes to the end
        self._written += 1
        self._revoked[kind, subject] = _StoredRevocation(
            max(old.value, value), max(old.expires_at, expires_at), self._written
        )

    def _read_cursor(self, cursor: str) -> int | None:
        """Return how many revocations were written when *cursor* was made, or None if this store never made it."""
        incarnation, _, digits = cursor.partition(".")
        number = parse_number(digits)
        if incarnation != self._incarnation or number is None or number > self._written:
            return None
        return number


def _swap(row: SessionRow, generation: int, now: int, terms: Terms) -> Redemption:
    rolled_back = row.generation < generation
    row.generation, row.rotated_at = generation + 1, now
    row.idle_expires_at = min(row.expires_at, now + in_milliseconds(terms.idle_lifetime))
    return Redemption(outcome=Outcome.SWAPPED, session=row.to_session(), rolled_back=rolled_back)


def _read_clock() -> int:
    """Return the time. ``time.time_ns`` is looked up at each call, because freezegun replaces it."""
    return time.time_ns() // 1_000_000
