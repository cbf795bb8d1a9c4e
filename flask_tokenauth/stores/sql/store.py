"""The store in an SQL database, by SQLAlchemy Core. Only SQLite is supported now.

The values in the database are not trusted: a row that cannot be a session is an outage, never a session.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.base import Executable

from ...core.encoding.limits import GREATEST, check_identifier, is_identifier
from ...core.errors import SettingsError, StoreUnavailable
from ...core.records.grant import write_grant
from ...core.records.revocation import Revocation, RevocationPage
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
from ..rows import (
    SESSION_EXISTS,
    SessionRow,
    another_issuer,
    check_whole,
    in_milliseconds,
    parse_session_cursor,
    session_page,
)
from .displacement import find_displaced
from .engine import Database
from .lost_tables import explain_loss, is_lost
from .purging import purge
from .schema import Binding, create_missing, duration_of, find_missing_tables, is_complete, read_facts
from .sqlite.feed import read_revocations
from .sqlite.files import find_foreign_owner
from .statements import Statements
from .tables import KIND_CODES, metadata

_REPLACED = (
    "%s or its -wal file was replaced while the store used it, so the store uses the new files now. "
    "Sessions and revocations that only the old files had are lost, except for revocations that a process which runs "
    "still knows. Put a backup in the place of the database only while no process uses it"
)

_log = logging.getLogger("flask_tokenauth")


class SQLStore:
    """Keeps everything in the tables of :data:`metadata`. Missing tables are created on first use.

    :class:`~flask_tokenauth.core.store.Store` describes the methods.

    Args:
        source: a URL for SQLAlchemy, an ``Engine``, or a Flask-SQLAlchemy object. The store has an engine of its own.

    Raises:
        SettingsError: the database is not supported. A Flask-SQLAlchemy object is checked on first use, unless there is
            an application context now.
    """

    def __init__(self, source: object) -> None:
        self._database = Database(source, replaced=self._forget_file)
        self._ready: Statements | None = None  # None until the tables are known to be complete
        self._binding = Binding()
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
        self._create()

    def _create(self, *, for_feed: bool = False) -> Statements:
        statements, binding = Statements(self._database.dialect), self._binding
        self._database.prepare(for_feed=for_feed)
        if not self._database.read(lambda connection: is_complete(connection, statements, binding), for_feed=for_feed):
            self._database.write(lambda connection: create_missing(connection, statements, binding))
        self._ready = statements
        return statements

    def _forget_file(self) -> None:
        """Check the tables again, after another file has taken the place of the database file or of its log."""
        self._ready = None
        self._replacements += 1
        _log.warning(_REPLACED, self._database.path or "the database file")

    def find_lost_tables(self) -> list[str]:
        """Return the tables that were dropped, sorted. A database without any is new, and has lost none.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        missing = self._database.read(find_missing_tables)
        return missing if is_lost(missing) else []

    def is_empty(self) -> bool:
        """Return whether the database has no table of the store: it is new, or all were dropped.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        return len(self._database.read(find_missing_tables)) == len(metadata.tables)

    def explain_loss(self, tables: Sequence[str]) -> str:
        """Return sentences on the consequences if these tables are lost."""
        return explain_loss(tables)

    def find_foreign_owner(self) -> str | None:
        """Return a warning if this process runs as another user than the owner of the database file, or None."""
        return None if self._database.path is None else find_foreign_owner(self._database.path)

    def find_obstacle(self) -> str | None:
        """Return what this process lacks to write to the database file, or None if it lacks nothing that is known."""
        return self._database.find_obstacle()

    def find_path(self) -> Path | None:
        """Return the path of the database file, or None if it is not known."""
        return self._database.path

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
        statements, attempts = self._statements(), count()

        def start(connection: Connection) -> StartedSession:
            again = next(attempts) > 0
            if connection.execute(statements.start_session, values).rowcount == 1:
                displaced = find_displaced(connection, statements, new.user_id, new.session_id, most=most)
                for session_id in displaced:
                    _end(connection, statements, session_id, retention)
                [row] = _read_sessions(connection, statements.read_session, asked_session=new.session_id)
                return StartedSession(session=row.to_session(), displaced=displaced)
            if again:
                # The session may be stored, but no client has its token.
                raise StoreUnavailable("the connection to the database was lost while a session was stored")
            raise ValueError(SESSION_EXISTS)

        return self._database.write(start)

    def find_session(self, session_id: str) -> Session | None:
        if not is_identifier(session_id):
            return None
        statement = self._statements().find_session
        rows = self._database.read(lambda connection: _fetch(connection, statement, {"asked_session": session_id}))
        return SessionRow.read(rows[0]).to_session() if rows else None

    def list_sessions(self, user_id: str, *, cursor: str | None, limit: int) -> SessionPage:
        values: dict[str, object] = {"asked_user": user_id, "most": limit + 1}
        if cursor is not None:
            values["started_before"], values["session_before"] = parse_session_cursor(cursor)
        if not is_identifier(user_id):
            return SessionPage()
        statements = self._statements()
        statement = statements.list_sessions if cursor is None else statements.list_more_sessions
        # Others may need the connection while the rows are read.
        rows = self._database.read(lambda connection: _fetch(connection, statement, values))
        return session_page([SessionRow.read(row) for row in rows], limit)

    def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
        check_generation(generation)
        if not is_identifier(session_id):
            return Redemption(outcome=Outcome.GONE)
        statements = self._statements()
        outcome = self._database.write(
            lambda connection: _redeem(connection, statements, session_id, generation=generation, terms=terms)
        )
        if isinstance(outcome, Redemption):
            return outcome
        return Redemption(outcome=Outcome.REUSED, session=outcome.to_session())  # ended, even if unreadable

    def end_session(self, session_id: str, *, retention: timedelta) -> Session | None:
        if not is_identifier(session_id):
            return None
        statements = self._statements()

        def end(connection: Connection) -> Mapping[str, Any] | None:
            if not _end(connection, statements, session_id, retention):
                return None
            return dict(connection.execute(statements.read_session, {"asked_session": session_id}).mappings().one())

        columns = self._database.write(end)
        return None if columns is None else SessionRow.read(columns).to_session()

    def longest_lifetime(self) -> timedelta:
        return self._read_duration("lifetime")

    def longest_leeway(self) -> timedelta:
        return self._read_duration("leeway")

    def _read_duration(self, name: str) -> timedelta:
        statements = self._statements()
        found = self._database.read(lambda connection: read_facts(connection, statements))
        return timedelta(milliseconds=duration_of(found, name))

    def read_epoch(self, user_id: str) -> int:
        if not is_identifier(user_id):
            return 0
        statement = self._statements().read_epoch
        return self._database.read(lambda connection: _read_epoch(connection, statement, user_id))

    def revoke_user(self, user_id: str, *, retention: timedelta) -> int:
        check_identifier("user_id", user_id)
        statements = self._statements()

        def revoke(connection: Connection) -> int:
            connection.execute(statements.raise_epoch, {"user_id": user_id})
            epoch = _read_epoch(connection, statements.read_epoch, user_id)
            values = {
                "kind": KIND_CODES["user"],
                "subject": user_id,
                "value": epoch,
                "retention": in_milliseconds(retention),
            }
            connection.execute(statements.insert_revocation, values)
            return epoch

        return self._database.write(revoke)

    def revoke(self, revocation: Revocation) -> None:
        statements = self._statements()
        kind, subject, value = revocation.kind, revocation.subject, revocation.value

        def revoke(connection: Connection) -> None:
            values = {"kind": KIND_CODES[kind], "subject": subject, "value": value, "until": revocation.expires_at}
            connection.execute(statements.insert_revocation_until, values)
            if kind == "user":
                connection.execute(statements.raise_epoch_to, {"user_id": subject, "epoch": value})
            elif kind == "session":
                connection.execute(statements.end_session, {"asked_session": subject})

        self._database.write(revoke)

    def is_revoked(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        given = {"asked_token": token_id, "asked_session": session_id, "asked_user": user_id}
        values = {name: value if is_identifier(value) else None for name, value in given.items()}
        statement = self._statements().is_revoked
        known = max(-1, min(epoch, GREATEST))
        return self._database.read(
            lambda connection: connection.execute(statement, {**values, "known_epoch": known}).first() is not None
        )

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        self._statements(for_feed=True)
        return self._database.read(
            lambda connection: read_revocations(connection, cursor, file=self._replacements), for_feed=True
        )

    def purge(self, *, force: bool = False) -> int:
        return purge(self._database, self._statements(), force=force)

    def _statements(self, *, for_feed: bool = False) -> Statements:
        self._database.notice_replaced_file()  # the new file may belong to another issuer
        return self._ready or self._create(for_feed=for_feed)


def _redeem(
    connection: Connection, statements: Statements, session_id: str, *, generation: int, terms: Terms
) -> Redemption | SessionRow:
    """Redeem within a transaction. Return the result, or the row of the session if this was reuse."""
    idle_lifetime = in_milliseconds(terms.idle_lifetime)
    values = {"asked_session": session_id, "redeemed": generation, "idle_lifetime": idle_lifetime}
    rows = _read_sessions(connection, statements.lock_session, asked_session=session_id)
    if not rows:
        return Redemption(outcome=Outcome.GONE)
    row = rows[0]
    if connection.execute(statements.swap, values).rowcount == 1:
        after = _read_sessions(connection, statements.read_session, asked_session=session_id)[0].to_session()
        return Redemption(outcome=Outcome.SWAPPED, session=after, rolled_back=row.generation < generation)
    now, epoch = connection.execute(statements.read_present, {"asked_user": row.user_id}).one()
    check_whole("epoch", epoch)
    outcome = row.classify_repeat(generation, now=now, epoch=epoch, terms=terms)
    if outcome is Outcome.REUSED:
        _end(connection, statements, session_id, terms.retention)
        return row
    return Redemption(outcome=outcome, session=row.to_session() if outcome is Outcome.RETRIED else None)


def _end(connection: Connection, statements: Statements, session_id: str, retention: timedelta) -> bool:
    """End a session and revoke it, unless it had ended. Return whether it was ended now."""
    if connection.execute(statements.end_session, {"asked_session": session_id}).rowcount == 0:
        return False
    values = {"kind": KIND_CODES["session"], "subject": session_id, "value": 0, "retention": in_milliseconds(retention)}
    connection.execute(statements.insert_revocation, values)
    return True


def _read_sessions(connection: Connection, statement: Executable, **values: object) -> list[SessionRow]:
    return [SessionRow.read(row) for row in _fetch(connection, statement, values)]


def _fetch(connection: Connection, statement: Executable, values: Mapping[str, object]) -> list[dict[str, Any]]:
    # All rows are fetched before one is read. An error for a row that cannot be read holds frames in its traceback:
    # as long as it is kept, an unfinished statement would keep the connection in an old state.
    return [dict(columns) for columns in connection.execute(statement, values).mappings()]


def _read_epoch(connection: Connection, statement: Executable, user_id: str) -> int:
    epoch: int = connection.execute(statement, {"asked_user": user_id}).scalar_one()
    check_whole("epoch", epoch)
    return epoch
