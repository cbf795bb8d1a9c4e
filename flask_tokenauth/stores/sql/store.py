"""The store in an SQL database, by SQLAlchemy Core.

The values in the database are not trusted: a row that cannot be a session is an outage, never a session.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from itertools import count
from secrets import randbits
from typing import Any

from sqlalchemy import Connection

from ...core.encoding.digests import id_of
from ...core.encoding.limits import GREATEST, check_identifier, is_identifier
from ...core.errors import StoreUnavailable
from ...core.records.api_key import ApiKey, ApiKeyToKeep
from ...core.records.grant import write_grant
from ...core.records.reference_token import ReferenceToken
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
from ..api_key_rows import ApiKeyRow
from ..reference_token_rows import REFERENCE_EXISTS, ReferenceTokenRow
from ..rows import (
    SESSION_EXISTS,
    SessionRow,
    in_milliseconds,
    parse_session_cursor,
    session_page,
)
from . import api_keys, transactions
from .displacement import find_displaced
from .engine import LONGEST_LOAD
from .prepared_tables import PreparedTables
from .primary_reads import PrimaryRead
from .purging import purge
from .rings import read_rings, write_ring
from .schema import duration_of, read_facts
from .statements import Statements

_BITS_OF_CALLS = 62  # of the random number of a call; a column holds 63


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
        self._tables = PreparedTables(source)
        self._database = self._tables.database
        self._read, self._write = self._tables.read, self._tables.write
        self.inspection = self._tables.inspection
        self._unfinished: str | None = None  # the cursor of the last page of revocations, if more pages follow

    def bind(self, issuer: str, *, timeout: timedelta, lifetime: timedelta, leeway: timedelta) -> None:
        self._tables.bind(issuer, timeout=timeout, lifetime=lifetime, leeway=leeway)

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

    def ignore_risks(self) -> None:
        """Log no warning about risks: they are known, or this process is a short command."""
        self._tables.ignore_risks()

    def create(self) -> None:
        self._tables.create()

    def close(self) -> None:
        self._tables.close()

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

    def revoke_user(self, user_id: str, *, retention: timedelta, api_keys: bool) -> int:
        check_identifier("user_id", user_id)
        return self._write(
            lambda connection, statements: transactions.revoke_user(
                connection, statements, user_id, retention, api_keys=api_keys
            )
        )

    def revoke(self, revocation: Revocation) -> None:
        self._write(lambda connection, statements: transactions.revoke(connection, statements, revocation))

    def is_revoked(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        given = {"asked_token": token_id, "asked_session": session_id, "asked_user": user_id}
        values = {name: value if is_identifier(value) else None for name, value in given.items()}
        all_values = {**values, "known_epoch": max(-1, min(epoch, GREATEST))}
        return self._read(lambda connection, statements: bool(statements.is_revoked.fetch(connection, all_values)))

    def add_api_key(self, new: ApiKeyToKeep, *, most: int) -> ApiKey | None:
        values = api_keys.columns_of(new)
        dialect, attempts = self._database.dialect, count()

        def add(connection: Connection, statements: Statements) -> ApiKeyRow | None:
            return api_keys.add(connection, statements, dialect, values, most=most, again=next(attempts) > 0)

        row = self._write(add)
        return None if row is None else row.to_api_key()

    def find_api_key(self, digest: str) -> ApiKey | None:
        rows = self._find(digest, lambda statements: statements.api_keys.find, "asked_key")
        return ApiKeyRow.read(rows[0]).to_api_key() if rows else None

    def list_api_keys(self, user_id: str) -> tuple[ApiKey, ...]:
        if not is_identifier(user_id):
            return ()
        values = {"asked_user": user_id}
        rows = self._read(lambda connection, statements: statements.api_keys.list.fetch(connection, values))
        return tuple(ApiKeyRow.read(row).to_api_key() for row in rows)

    def revoke_api_key(self, key_id: str, *, retention: timedelta) -> ApiKey | None:
        if not is_identifier(key_id):
            return None
        revoked: list[Mapping[str, Any]] = []  # if the answer to a COMMIT was lost, the next run finds none to revoke

        def revoke(connection: Connection, statements: Statements) -> None:
            revoked.extend(api_keys.revoke(connection, statements, key_id, retention))

        self._write(revoke)
        return ApiKeyRow.read(revoked[-1]).to_api_key() if revoked else None

    def note_uses_of_api_keys(self, ages: Mapping[str, timedelta]) -> None:
        names = sorted(filter(is_identifier, ages))
        for start in range(0, len(names), api_keys.USES_AT_ONCE):
            page = {key_id: ages[key_id] for key_id in names[start : start + api_keys.USES_AT_ONCE]}
            self._write(partial(api_keys.note_uses, ages=page))

    def add_reference_token(self, token: ReferenceToken) -> None:
        dialect, attempts = self._database.dialect, count()
        values = asdict(ReferenceTokenRow.of(token))

        def add(connection: Connection, statements: Statements) -> bool:
            is_new = transactions.insert(connection, dialect, statements.reference_tokens.add, values)
            # If the answer to a COMMIT was lost, the token is there. No other token has its ID.
            return next(attempts) > 0 or is_new

        if not self._write(add):
            raise ValueError(REFERENCE_EXISTS)

    def find_reference_token(self, digest: str) -> ReferenceToken | None:
        rows = self._find(digest, lambda statements: statements.reference_tokens.find, "asked_token")
        return ReferenceTokenRow.read(rows[0]).to_reference_token() if rows else None

    def _find(self, digest: str, choose: Callable[[Statements], PrimaryRead], asked: str) -> list[dict[str, Any]]:
        """Return the row with a digest, if there is one that is good, by one statement.

        Args:
            digest: which may be any string.
            choose: returns the statement.
            asked: the name of its parameter for the ID.
        """
        if not is_identifier(digest):
            return []
        values = {asked: id_of(digest), "asked_digest": digest}
        return self._read(lambda connection, statements: choose(statements).fetch(connection, values))

    def spend(self, spent_id: str, *, expires_at: int) -> bool:
        check_identifier("spent_id", spent_id)
        call = randbits(_BITS_OF_CALLS)
        return self._write(
            lambda connection, statements: transactions.spend(connection, statements, spent_id, expires_at, call=call)
        )

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        is_load = cursor is None or cursor == self._unfinished
        dialect = self._database.dialect

        def fetch(connection: Connection, _: Statements) -> RevocationPage:
            return dialect.read_revocations(connection, cursor, replacements=self._tables.replacements)

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
        return purge(self._database, self._tables.statements(), force=force)
