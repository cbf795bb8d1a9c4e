"""The store in the memory of one process: for development, tests, and servers with a single process.

A restart loses everything, sessions and revocations. Two processes would have two stores, with different sessions and
revocations. If they were forked from one process, the second one that uses the store is refused.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from datetime import timedelta
from heapq import nsmallest
from itertools import islice

from ..core.encoding.limits import check_identifier
from ..core.errors import SettingsError
from ..core.process import ProcessLock
from ..core.records.api_key import ApiKey, ApiKeyToKeep
from ..core.records.grant import write_grant
from ..core.records.reference_token import ReferenceToken
from ..core.records.revocation import Revocation, RevocationKind, RevocationPage, retention_of
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
from .api_keys_in_memory import ApiKeysInMemory
from .one_process import OneProcess
from .reference_tokens_in_memory import ReferenceTokensInMemory
from .revocations_in_memory import RevocationsInMemory
from .rows import (
    MORE_ROWS,
    SESSION_EXISTS,
    SessionRow,
    another_issuer,
    check_clock,
    in_milliseconds,
    parse_session_cursor,
    session_page,
)
from .sessions_of_users import SessionsOfUsers


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
        self._api_keys = ApiKeysInMemory()
        self._reference_tokens = ReferenceTokensInMemory(self._epochs)
        self._revocations = RevocationsInMemory()
        self._spent: dict[str, int] = {}  # when each ID expires, in milliseconds
        self._last_purge: int | None = None
        self._rings: tuple[RingUse, ...] = ()

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
        if self._revocations.entries and (longer := leeway - self._leeway) > timedelta(0):
            with self._lock:
                self._revocations.prolong(longer)
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

    def revoke_user(self, user_id: str, *, retention: timedelta, api_keys: bool) -> int:
        check_identifier("user_id", user_id)
        with self._entered() as now:
            known = max(self._epochs.get(user_id, 0), self._api_keys.key_epoch_of(user_id))
            epoch = self._epochs[user_id] = max(known + 1, now)
            self._revoke("user", user_id, epoch, now, retention)
            if api_keys:
                self._api_keys.raise_key_epoch(user_id, epoch)
                self._revoke("api_keys", user_id, epoch, now, retention)
            return epoch

    def revoke(self, revocation: Revocation) -> None:
        with self._entered() as now:
            kind, subject, value = revocation.kind, revocation.subject, revocation.value
            self._revocations.write(kind, subject, value, revocation.expires_at)
            if kind == "user":
                self._epochs[subject] = max(self._epochs.get(subject, 0), value)
            elif kind == "api_keys":
                self._api_keys.raise_key_epoch(subject, value)
            elif kind == "token":
                self._api_keys.revoke(subject, now)
                self._reference_tokens.revoke(subject, now)
            elif subject in self._sessions:
                self._mark_as_ended(self._sessions[subject], now)

    def is_revoked(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        asked: tuple[tuple[RevocationKind, str | None, int], ...] = (
            ("token", token_id, -1),
            ("session", session_id, -1),
            ("user", user_id, epoch),
        )
        with self._entered() as now:
            return any(
                self._revocations.has(kind, subject or "", above=above, now=now) for kind, subject, above in asked
            )

    def add_api_key(self, new: ApiKeyToKeep, *, most: int) -> ApiKey | None:
        with self._entered() as now:
            return self._api_keys.add(new, now, most=most)

    def find_api_key(self, digest: str) -> ApiKey | None:
        with self._entered() as now:
            return self._api_keys.find(digest, now)

    def list_api_keys(self, user_id: str) -> tuple[ApiKey, ...]:
        with self._entered() as now:
            return self._api_keys.list_of(user_id, now)

    def revoke_api_key(self, key_id: str, *, retention: timedelta) -> ApiKey | None:
        with self._entered() as now:
            revoked = self._api_keys.revoke(key_id, now)
            if revoked is not None:
                self._revoke("token", key_id, 0, now, retention)
            return revoked

    def note_uses_of_api_keys(self, ages: Mapping[str, timedelta]) -> None:
        with self._entered() as now:
            self._api_keys.note_uses(ages, now)

    def add_reference_token(self, token: ReferenceToken) -> None:
        with self._entered():
            self._reference_tokens.add(token)

    def find_reference_token(self, digest: str) -> ReferenceToken | None:
        with self._entered() as now:
            return self._reference_tokens.find(digest, now)

    def spend(self, spent_id: str, *, expires_at: int) -> bool:
        check_identifier("spent_id", spent_id)
        with self._entered():
            is_new = spent_id not in self._spent
            if is_new:
                self._spent[spent_id] = expires_at
            return is_new

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        with self._entered() as now:
            return self._revocations.page_since(cursor, now)

    def purge(self, *, force: bool = False) -> int:
        with self._entered() as now:
            if not force:
                check_clock(now, self._known_times())
            self._last_purge = now
            gone = [row for row in self._sessions.values() if not self._is_live(row, now)]
            for row in gone:
                self._mark_as_ended(row, now)
                del self._sessions[row.session_id]
            others = self._api_keys.purge(now) + self._reference_tokens.purge(now)
            long_ago = now - in_milliseconds(LONGEST_SILENCE)
            return len(gone) + others + self._forget_spent(long_ago) + self._revocations.purge(long_ago)

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
        yield from self._api_keys.times()
        yield from self._epochs.values()
        if self._last_purge is not None:
            yield self._last_purge

    def _is_live(self, row: SessionRow, now: int) -> bool:
        return row.is_live(now, self._epochs.get(row.user_id, 0))

    def _forget_spent(self, until: int) -> int:
        """Forget the spent IDs that have expired at *until*, in milliseconds, and return their number."""
        over = [spent_id for spent_id, expires_at in self._spent.items() if expires_at <= until]
        for spent_id in over:
            del self._spent[spent_id]
        return len(over)

    def _end(self, row: SessionRow, now: int, retention: timedelta) -> None:
        self._mark_as_ended(row, now)
        self._revoke("session", row.session_id, 0, now, retention)

    def _revoke(self, kind: RevocationKind, subject: str, value: int, now: int, retention: timedelta) -> None:
        longest = max(retention, retention_of(self._lifetime, self._leeway))
        self._revocations.write(kind, subject, value, now + in_milliseconds(longest))

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


def _swap(row: SessionRow, generation: int, now: int, terms: Terms) -> Redemption:
    rolled_back = row.generation < generation
    row.generation, row.rotated_at = generation + 1, now
    row.idle_expires_at = min(row.expires_at, now + in_milliseconds(terms.idle_lifetime))
    return Redemption(outcome=Outcome.SWAPPED, session=row.to_session(), rolled_back=rolled_back)


def _read_clock() -> int:
    """Return the time. ``time.time_ns`` is looked up at each call, because freezegun replaces it."""
    return time.time_ns() // 1_000_000
