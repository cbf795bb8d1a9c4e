"""The store in an SQL database, by SQLAlchemy Core. SQLite now; what other servers need is in the dialects.

Of what a database answers nothing is believed: a row that could not be ours is an outage, not a session.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import count
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy.sql.base import Executable

from ...core.encoding.limits import GREATEST, check_identifier, is_identifier
from ...core.errors import SettingsError, StoreUnavailable
from ...core.records.grant import write_grant
from ...core.records.revocation import Revocation, RevocationPage
from ...core.records.session import NewSession, Outcome, Redemption, Session, Terms, check_generation
from ..rows import SessionRow, check_whole, in_milliseconds, parse_number
from .engine import Database
from .revocations import read_revocations
from .statements import Statements
from .tables import KIND_CODES, SCHEMA, facts, metadata


class SQLStore:
    """Keeps everything in the tables of :data:`metadata`, which are made on first use where they are missing.

    What its methods promise: :class:`~flask_tokenauth.core.store.Store`.

    Args:
        source: a URL as SQLAlchemy has it, an ``Engine``, or a Flask-SQLAlchemy object; another engine is made from it.

    Raises:
        SettingsError: it is none that we can use. A Flask-SQLAlchemy object is asked on first use.
    """

    def __init__(self, source: object) -> None:
        self._database = Database(source, replaced=self._begin_anew)
        self._made: Statements | None = None  # once the tables are there
        self._issuer: str | None = None
        self._retention = 0  # milliseconds
        self._files = 0  # that were put in the place of the first

    def bind(self, issuer: str, *, timeout: timedelta, retention: timedelta) -> None:
        if self._issuer not in (None, issuer):
            raise SettingsError(_ANOTHER_ISSUER.format(self._issuer))
        self._issuer = issuer
        self._retention = max(self._retention, in_milliseconds(retention))
        self._made = None  # what was found before is looked at once more
        self._database.timeout = timeout.total_seconds()

    def create(self) -> None:
        self._create()

    def _create(self) -> Statements:
        statements, issuer, retention = Statements(self._database.dialect), self._issuer, self._retention
        self._database.prepare()
        if not self._database.read(lambda connection: _is_made(connection, statements, issuer, retention)):
            self._database.write(lambda connection: _make(connection, statements, issuer, retention))
        self._made = statements
        return statements

    def _begin_anew(self) -> None:
        """Take nothing for granted of a file that another was put in the place of: whose it is, what it has."""
        self._made = None
        self._files += 1

    def close(self) -> None:
        self._database.dispose()

    def start_session(self, new: NewSession) -> Session:
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

        def start(connection: Connection) -> Session:
            again = next(attempts) > 0
            if connection.execute(statements.start_session, values).rowcount == 1:
                return _read(connection, statements.read_session, asked_session=new.session_id)[0].to_session()
            if again:
                raise StoreUnavailable("the connection was lost while a session began")  # it may be there, nobody's
            raise ValueError("there is a session with this ID")

        return self._database.write(start)

    def find_session(self, session_id: str) -> Session | None:
        if not is_identifier(session_id):
            return None
        statement = self._statements().find_session
        rows = self._database.read(lambda connection: _read(connection, statement, asked_session=session_id))
        return rows[0].to_session() if rows else None

    def list_sessions(self, user_id: str) -> list[Session]:
        if not is_identifier(user_id):
            return []
        statement = self._statements().list_sessions
        rows = self._database.read(lambda connection: _read(connection, statement, asked_user=user_id))
        return [row.to_session() for row in rows]

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
        return Redemption(outcome=Outcome.REUSED, session=outcome.to_session())  # it has ended, readable or not

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

    def longest_retention(self) -> timedelta:
        statements = self._statements()
        found = self._database.read(lambda connection: _read_facts(connection, statements))
        return timedelta(milliseconds=_retention_of(found) or 0)

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
            told = {
                "kind": KIND_CODES["user"],
                "subject": user_id,
                "value": epoch,
                "retention": in_milliseconds(retention),
            }
            connection.execute(statements.remember, told)
            return epoch

        return self._database.write(revoke)

    def revoke(self, revocation: Revocation) -> None:
        statements = self._statements()
        kind, subject, value = revocation.kind, revocation.subject, revocation.value

        def revoke(connection: Connection) -> None:
            told = {"kind": KIND_CODES[kind], "subject": subject, "value": value, "until": revocation.expires_at}
            connection.execute(statements.remember_until, told)
            if kind == "user":
                connection.execute(statements.raise_epoch_to, {"user_id": subject, "epoch": value})
            elif kind == "session":
                connection.execute(statements.end_session, {"asked_session": subject})

        self._database.write(revoke)

    def is_revoked(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        asked = {"asked_token": token_id, "asked_session": session_id, "asked_user": user_id}
        values = {name: value if is_identifier(value) else None for name, value in asked.items()}
        statement = self._statements().is_revoked
        known = max(-1, min(epoch, GREATEST))
        return self._database.read(
            lambda connection: connection.execute(statement, {**values, "known_epoch": known}).first() is not None
        )

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        self._statements()
        return self._database.read(lambda connection: read_revocations(connection, cursor, file=self._files))

    def purge(self) -> int:
        statements = self._statements()
        ended = self._purge(statements.page_sessions, statements.drop_sessions, after="")
        return ended + self._purge(statements.page_revocations, statements.drop_revocations, after=0)

    def _purge(self, page: Executable, drop: Executable, *, after: object) -> int:
        """Delete page by page: nobody waits for more than one of them."""
        dropped = 0
        while keys := self._database.read(partial(_find_keys, page=page, after=after)):
            dropped += self._database.write(partial(_drop, drop=drop, keys=keys))
            after = keys[-1]
        return dropped

    def _statements(self) -> Statements:
        return self._made or self._create()


def _redeem(
    connection: Connection, statements: Statements, session_id: str, *, generation: int, terms: Terms
) -> Redemption | SessionRow:
    """Return what became of it, or the row of the session that was ended for it."""
    idle_lifetime = in_milliseconds(terms.idle_lifetime)
    values = {"asked_session": session_id, "redeemed": generation, "idle_lifetime": idle_lifetime}
    rows = _read(connection, statements.lock_session, asked_session=session_id)
    if not rows:
        return Redemption(outcome=Outcome.GONE)
    row = rows[0]
    if connection.execute(statements.swap, values).rowcount == 1:
        after = _read(connection, statements.read_session, asked_session=session_id)[0].to_session()
        return Redemption(outcome=Outcome.SWAPPED, session=after, rolled_back=row.generation < generation)
    now, epoch = connection.execute(statements.read_present, {"asked_user": row.user_id}).one()
    check_whole("epoch", epoch)
    outcome = row.judge_repeat(generation, now=now, epoch=epoch, terms=terms)
    if outcome is Outcome.REUSED:
        _end(connection, statements, session_id, terms.retention)
        return row
    return Redemption(outcome=outcome, session=row.to_session() if outcome is Outcome.RETRIED else None)


def _end(connection: Connection, statements: Statements, session_id: str, retention: timedelta) -> bool:
    """End a session and remember that, unless it had ended."""
    if connection.execute(statements.end_session, {"asked_session": session_id}).rowcount == 0:
        return False
    told = {"kind": KIND_CODES["session"], "subject": session_id, "value": 0, "retention": in_milliseconds(retention)}
    connection.execute(statements.remember, told)
    return True


def _read(connection: Connection, statement: Executable, **values: object) -> list[SessionRow]:
    # All are fetched before one is read: who keeps the error of a row that cannot be read would keep the statement with
    # it under way, and the connection at the state in which it began.
    rows = connection.execute(statement, values).mappings().all()
    return [SessionRow.read(dict(columns)) for columns in rows]


def _read_epoch(connection: Connection, statement: Executable, user_id: str) -> int:
    epoch: int = connection.execute(statement, {"asked_user": user_id}).scalar_one()
    check_whole("epoch", epoch)
    return epoch


_ANOTHER_ISSUER = (
    "this store belongs to another issuer, {}, whose users may have the same IDs: give each application a store of its "
    "own, or the same TOKENAUTH_ISSUER where it is one application"
)


def _is_made(connection: Connection, statements: Statements, issuer: str | None, retention: int) -> bool:
    """Say whether the tables are there, in the form that we know, belong to *issuer*, and know of such a *memory*.

    Raises:
        StoreUnavailable: they are there in another form.
        SettingsError: they belong to another issuer.
    """
    if not inspect(connection).has_table(facts.name):
        return False
    found = _read_facts(connection, statements)
    if "schema" in found and found["schema"] != str(SCHEMA):
        raise StoreUnavailable(
            f"the store's tables are not of schema {SCHEMA}, which this release of Flask-TokenAuth knows: another "
            "release, newer most likely, has made them"
        )
    if issuer is not None and found.get("issuer", issuer) != issuer:
        raise SettingsError(_ANOTHER_ISSUER.format(found["issuer"]))
    longest = _retention_of(found)
    return "schema" in found and (issuer is None or "issuer" in found) and longest is not None and longest >= retention


def _read_facts(connection: Connection, statements: Statements) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(statements.read_facts)}


def _retention_of(found: Mapping[str, str]) -> int | None:
    """Return the longest memory, in milliseconds; None where something else was written in its place."""
    return parse_number(found.get("retention", "0"))


def _make(connection: Connection, statements: Statements, issuer: str | None, retention: int) -> None:
    """Make what is missing; the caller holds others off."""
    metadata.create_all(connection)
    connection.execute(statements.add_fact, {"name": "schema", "value": str(SCHEMA)})
    connection.execute(statements.add_fact, {"name": "store_id", "value": token_hex(16)})  # another one: another store
    if issuer is not None:
        connection.execute(statements.add_fact, {"name": "issuer", "value": issuer})
    if retention:
        connection.execute(statements.raise_retention, {"name": "retention", "value": str(retention)})
    _is_made(connection, statements, issuer, retention)


def _find_keys(connection: Connection, *, page: Executable, after: object) -> Sequence[Any]:
    return connection.execute(page, {"after": after}).scalars().all()


def _drop(connection: Connection, *, drop: Executable, keys: Sequence[Any]) -> int:
    return connection.execute(drop, {"keys": keys}).rowcount
