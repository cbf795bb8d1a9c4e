"""The store in an SQL database, by SQLAlchemy Core.

The values in the database are not trusted: a row that cannot be a session is an outage, never a session.
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import Connection

from ...core.encoding.limits import GREATEST, check_identifier, is_identifier
from ...core.errors import SettingsError, StoreUnavailable
from ...core.process import count_workers
from ...core.records.grant import write_grant
from ...core.records.revocation import Revocation, RevocationPage
from ...core.records.ring_use import RingUse, check_fingerprint
from ...core.records.session import (
    NewSession,
    Outcome,
    Redemption,
    Session,
    SessionPage,
    StartedSession,
    Terms,
    check_generation,
)
from ...core.time_limit import remaining, time_limit
from ..rows import (
    SESSION_EXISTS,
    SessionRow,
    another_issuer,
    in_milliseconds,
    parse_session_cursor,
    session_page,
)
from . import transactions
from .displacement import find_displaced
from .engine import LONGEST_LOAD, LONGEST_WRITE, Database
from .inspection import StoreInspection
from .purging import purge
from .rings import read_rings, write_ring
from .schema import Binding, create_missing, duration_of, is_complete, read_facts
from .statements import Statements

_REPLACED = (
    "%s or its -wal file was replaced while the store used it, so the store uses the new files now. "
    "Sessions and revocations that only the old files had are lost, except for revocations that a process which runs "
    "still knows. Put a backup in the place of the database only while no process uses it"
)

_log = logging.getLogger("flask_tokenauth")

T = TypeVar("T")


class SQLStore:
    """Keeps everything in the tables of :data:`metadata`. Missing tables are created on first use.

    :class:`~flask_tokenauth.core.store.Store` describes the methods.

    Args:
        source: a URL for SQLAlchemy, an ``Engine``, or a Flask-SQLAlchemy object. The store has an engine of its own.

    Attributes:
        inspection: shows the state of the store to commands.

    Raises:
        SettingsError: the database is not supported. A Flask-SQLAlchemy object is checked on first use, unless there is
            an application context now.
    """

    def __init__(self, source: object) -> None:
        self._database = Database(source, replaced=self._forget_file)
        self.inspection = StoreInspection(self._database)
        self._ready: Statements | None = None  # None until the tables are known to be complete
        self._binding = Binding()
        self._ignores_risks = False
        self._unfinished: str | None = None  # the cursor of the last page of revocations, if more pages follow
        self._replacements = 0  # how often another file has taken the place of the database file

    def bind(self, issuer: str, *, timeout: timedelta, lifetime: timedelta, leeway: timedelta) -> None:
        bound = self._binding
        if bound.issuer not in (None, issuer):
            raise SettingsError(another_issuer(bound.issuer))
        self._binding = Binding(
            issuer=issuer,
            lifetime=max(bound.lifetime, in_milliseconds(lifetime)),
            leeway=max(bound.leeway, in_milliseconds(leeway)),
        )
        self._ready = None  # the facts in the tables must be checked again
        self._database.timeout = timeout.total_seconds()
        if obstacle := self._database.find_obstacle():  # no error: the directory may be mounted later
            _log.warning("the store needs %s. Until then, requests that need the store get 503", obstacle)

    def check_source(self) -> None:
        """Check that the database is supported, without a connection to it.

        Raises:
            SettingsError: it is not supported, or cannot be known here.
        """
        _ = self._database.dialect

    def use_sessions(self, find: Callable[[], Iterable[Any]]) -> None:
        """Ask the application for its own transactions, so that no thread waits for a lock that it holds itself.

        Args:
            find: returns the sessions of SQLAlchemy that the calling thread has open. It must not create one.
        """
        self._database.find_sessions = find

    def create(self) -> None:
        self._create(longest=math.inf)  # a new index of a large table takes minutes

    def _create(self, *, for_feed: bool = False, writes: bool = True, longest: float = LONGEST_LOAD) -> Statements:
        dialect, binding = self._database.dialect, self._binding
        statements = Statements(dialect)
        complete = self._database.prepare(
            lambda connection: is_complete(connection, statements, binding), for_feed=for_feed, writes=writes
        )
        if not complete:
            self._database.define(
                lambda connection: create_missing(connection, dialect, statements, binding), longest=longest
            )
        self._ready = statements
        with time_limit(remaining() / 2):  # the rest is for the answer
            self._warn_of_risks()
        return statements

    def _warn_of_risks(self) -> None:
        """Log once what puts a promise of the store at risk. It is no reason not to use the store."""
        if self._ignores_risks or self._binding.issuer is None:  # the leeway is not known before that
            return
        self.ignore_risks()
        with suppress(StoreUnavailable):
            leeway = timedelta(milliseconds=self._binding.leeway)
            for risk in self.inspection.find_risks(leeway=leeway, processes=count_workers()):
                _log.warning("TOKENAUTH_STORE: %s", risk)

    def ignore_risks(self) -> None:
        """Log no warning about risks: they are known, or this process is a short command."""
        self._ignores_risks = True

    def _forget_file(self) -> None:
        """Check the tables again, after another file has taken the place of the database file or of its log."""
        self._ready = None
        self._replacements += 1
        _log.warning(_REPLACED, self._database.path or "the database file")

    def close(self) -> None:
        self._database.dispose()
        self._ready = None  # the file may be another one at the next use

    def start_session(self, new: NewSession, *, most: int, retention: timedelta) -> StartedSession:
        values = {
            "session_id": new.session_id,
            "user_id": new.user_id,
            "granted": write_grant(new.grant),
            "label": new.label,
            "user_agent": new.user_agent,
            "asked_user": new.user_id,
            "idle_lifetime": in_milliseconds(new.idle_lifetime),
            "lifetime": in_milliseconds(new.lifetime),
        }
        dialect, attempts = self._database.dialect, count()

        def start(connection: Connection, statements: Statements) -> StartedSession:
            again = next(attempts) > 0
            dialect.lock_user(connection, new.user_id)
            if not transactions.insert(connection, dialect, statements.start_session, values):
                if again:
                    raise StoreUnavailable(
                        "the connection to the database was lost while a session was stored: log in again. The session "
                        "may be stored, but no client has its token"
                    )
                raise ValueError(SESSION_EXISTS)
            displaced = find_displaced(connection, statements, new.user_id, new.session_id, most=most)
            for session_id in displaced:
                transactions.end(connection, statements, session_id, retention)
            [row] = transactions.read_sessions(connection, statements.read_session, asked_session=new.session_id)
            return StartedSession(session=row.to_session(), displaced=displaced)

        return self._write(start)

    def find_session(self, session_id: str) -> Session | None:
        if not is_identifier(session_id):
            return None
        values = {"asked_session": session_id}
        rows = self._read(lambda connection, statements: statements.find_session.fetch(connection, values))
        return SessionRow.read(rows[0]).to_session() if rows else None

    def list_sessions(self, user_id: str, *, cursor: str | None, limit: int) -> SessionPage:
        values: dict[str, object] = {"asked_user": user_id, "most": limit + 1}
        if cursor is not None:
            values["started_before"], values["session_before"] = parse_session_cursor(cursor)
        if not is_identifier(user_id):
            return SessionPage()

        def fetch(connection: Connection, statements: Statements) -> list[dict[str, Any]]:
            statement = statements.list_sessions if cursor is None else statements.list_more_sessions
            return statement.fetch(connection, values)

        rows = self._read(fetch)  # others may need the connection while the rows are looked at
        return session_page([SessionRow.read(row) for row in rows], limit)

    def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
        check_generation(generation)
        if not is_identifier(session_id):
            return Redemption(outcome=Outcome.GONE)
        reused: list[SessionRow] = []

        def redeem(connection: Connection, statements: Statements) -> Redemption | None:
            found = transactions.redeem(connection, statements, session_id, generation=generation, terms=terms)
            if isinstance(found, Redemption):
                # If the answer to a COMMIT was lost, this runs again, and finds the session ended.
                return None if reused and found.outcome is Outcome.GONE else found
            reused.append(found)
            return None

        outcome = self._write(redeem)
        if outcome is not None:
            return outcome
        return Redemption(outcome=Outcome.REUSED, session=reused[-1].to_session())  # ended, even if unreadable

    def end_session(self, session_id: str, *, retention: timedelta) -> Session | None:
        if not is_identifier(session_id):
            return None
        ended: list[Mapping[str, Any]] = []  # if the answer to a COMMIT was lost, the next run finds nothing to end

        def end(connection: Connection, statements: Statements) -> None:
            if transactions.end(connection, statements, session_id, retention):
                found = connection.execute(statements.read_session, {"asked_session": session_id})
                ended.append(dict(found.mappings().one()))

        self._write(end)
        return SessionRow.read(ended[-1]).to_session() if ended else None

    def longest_lifetime(self) -> timedelta:
        return self._read_duration("lifetime")

    def longest_leeway(self) -> timedelta:
        return self._read_duration("leeway")

    def _read_duration(self, name: str) -> timedelta:
        found = self._read(read_facts)
        return timedelta(milliseconds=duration_of(found, name))

    def read_epoch(self, user_id: str) -> int:
        if not is_identifier(user_id):
            return 0
        return self._read(
            lambda connection, statements: transactions.read_epoch(connection, statements.read_epoch, user_id)
        )

    def revoke_user(self, user_id: str, *, retention: timedelta) -> int:
        check_identifier("user_id", user_id)

        def revoke(connection: Connection, statements: Statements) -> int:
            connection.execute(statements.raise_epoch, {"of_user": user_id})
            epoch = transactions.read_epoch(connection, statements.read_epoch, user_id)
            values = {**transactions.about("user", user_id, epoch), "retention": in_milliseconds(retention)}
            transactions.insert_revocation(connection, statements.insert_revocation, values)
            return epoch

        return self._write(revoke)

    def revoke(self, revocation: Revocation) -> None:
        kind, subject, value = revocation.kind, revocation.subject, revocation.value

        def revoke(connection: Connection, statements: Statements) -> None:
            # Users, sessions and revocations are changed in this order everywhere, so that no two calls wait for each
            # other.
            if kind == "user":
                connection.execute(statements.raise_epoch_to, {"of_user": subject, "least_epoch": value})
            elif kind == "session":
                connection.execute(statements.end_session, {"asked_session": subject})
            values = {**transactions.about(kind, subject, value), "until": revocation.expires_at}
            transactions.insert_revocation(connection, statements.insert_revocation_until, values)

        self._write(revoke)

    def is_revoked(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        given = {"asked_token": token_id, "asked_session": session_id, "asked_user": user_id}
        values = {name: value if is_identifier(value) else None for name, value in given.items()}
        all_values = {**values, "known_epoch": max(-1, min(epoch, GREATEST))}
        return self._read(lambda connection, statements: bool(statements.is_revoked.fetch(connection, all_values)))

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        is_load = cursor is None or cursor == self._unfinished
        dialect = self._database.dialect

        def fetch(connection: Connection, _: Statements) -> RevocationPage:
            return dialect.read_revocations(connection, cursor, replacements=self._replacements)

        page = self._read(fetch, for_feed=True, longest=LONGEST_LOAD if is_load else None)
        self._unfinished = page.cursor if page.more else None
        return page

    def report_ring(self, fingerprint: str) -> tuple[RingUse, ...]:
        check_fingerprint(fingerprint)
        now, live = self._read(read_rings)
        if any(use.fingerprint == fingerprint and not use.has_to_be_renewed(now) for use in live):
            return live
        return self._write(lambda connection, statements: write_ring(connection, statements, fingerprint))

    def list_rings(self) -> tuple[RingUse, ...]:
        return self._read(read_rings)[1]

    def purge(self, *, force: bool = False) -> int:
        return purge(self._database, self._statements(), force=force)

    def _read(
        self,
        work: Callable[[Connection, Statements], T],
        *,
        for_feed: bool = False,
        longest: float | None = None,
    ) -> T:
        """Read with one statement. The look at the tables before it, on first use, shares its limit."""
        limit = self._database.limit_of_reads(is_ready=self._ready is not None) if longest is None else longest
        with time_limit(limit):
            statements = self._statements(for_feed=for_feed, writes=longest is not None)
            return self._database.read(
                lambda connection: work(connection, statements), for_feed=for_feed, longest=longest
            )

    def _write(self, work: Callable[[Connection, Statements], T]) -> T:
        """Write in one transaction. The first use may take longer, to create tables."""
        with time_limit(LONGEST_WRITE if self._ready else LONGEST_LOAD + LONGEST_WRITE):
            statements = self._statements()
            return self._database.write(lambda connection: work(connection, statements))

    def _statements(self, *, for_feed: bool = False, writes: bool = True) -> Statements:
        self._database.notice_replaced_file()  # the new file may belong to another issuer
        if self._ready is not None:
            return self._ready
        with self._database.first_use(writes=writes):
            return self._ready or self._create(for_feed=for_feed, writes=writes)
