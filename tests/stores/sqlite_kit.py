"""Helpers for the tests of the SQL store on SQLite: files, clocks that stand still, and direct changes of rows."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.records.session import NewSession, Terms
from flask_tokenauth.stores.sql import SQLStore, metadata
from flask_tokenauth.testing.store_contract import (
    Age,
    AgeApiKeys,
    AgeReferenceTokens,
    AgeRevocations,
    AgeRings,
    CopyStore,
    SetGeneration,
    WipeStore,
)

TERMS = Terms(idle_lifetime=timedelta(days=30), retry_window=timedelta(hours=1), retention=timedelta(days=1))


def new_session(session_id: str = "session", user_id: str = "alice") -> NewSession:
    """Return a session about to be started."""
    lifetime = timedelta(days=90)
    return NewSession(
        session_id=session_id, user_id=user_id, grant=Grant(), idle_lifetime=TERMS.idle_lifetime, lifetime=lifetime
    )


def url_of(path: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite:///{path}"


def engine_where_time_stands_still(path: Path, now: float) -> Engine:
    """Return an engine of an application, on whose connections the time is always *now*, in seconds."""
    julian_day = 2440587.5 + now / 86400

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False)
        connection.create_function("julianday", 1, lambda _: julian_day)
        return connection

    return create_engine(url_of(path), creator=connect)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as another program would, and commit at the end."""
    connection = sqlite3.connect(path, timeout=30)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def execute(path: Path, statement: str, *values: object) -> list[Any]:
    """Run one statement of SQLite, and return all rows."""
    with opened(path) as connection:
        return connection.execute(statement, values).fetchall()


SCHEMA_1 = Path(__file__).parent / "sql" / "data" / "schema_1.sql"  # all that an older release has written to a file


def put_schema_1(path: Path) -> None:
    """Create a file as an older release has left it."""
    with opened(path) as connection:
        connection.executescript(SCHEMA_1.read_text(encoding="utf-8"))


def dump(path: Path) -> list[str]:
    """Return statements that create all tables and rows of a file."""
    with opened(path) as connection:
        return list(connection.iterdump())


def ager(path: Path) -> Age:
    """Return the contract's ``age``."""

    def age(session_id: str, duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        execute(
            path,
            "UPDATE tokenauth_session SET started_at = started_at - ?, rotated_at = rotated_at - ?,"
            " idle_expires_at = idle_expires_at - ?, expires_at = expires_at - ? WHERE session_id = ?",
            *(by, by, by, by),
            session_id,
        )

    return age


def revocation_ager(path: Path) -> AgeRevocations:
    """Return the contract's ``age_revocations``."""

    def age_revocations(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        execute(path, "UPDATE tokenauth_revocation SET expires_at = expires_at - ?", by)

    return age_revocations


def api_key_ager(path: Path) -> AgeApiKeys:
    """Return the contract's ``age_api_keys``."""

    def age_api_keys(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        execute(
            path,
            "UPDATE tokenauth_api_key SET created_at = created_at - ?, last_used_at = last_used_at - ?,"
            " expires_at = expires_at - ?, revoked_at = revoked_at - ?",
            *(by, by, by, by),
        )

    return age_api_keys


def reference_token_ager(path: Path) -> AgeReferenceTokens:
    """Return the contract's ``age_reference_tokens``."""

    def age_reference_tokens(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        statement = "UPDATE tokenauth_reference_token SET expires_at = expires_at - ?, revoked_at = revoked_at - ?"
        execute(path, statement, by, by)

    return age_reference_tokens


def ring_ager(path: Path) -> AgeRings:
    """Return the contract's ``age_rings``."""

    def age_rings(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        execute(
            path,
            "UPDATE tokenauth_store SET number = number - ?, value = CAST(value AS integer) - ?"
            " WHERE name LIKE 'ring %'",
            *(by, by),
        )

    return age_rings


def generation_setter(path: Path) -> SetGeneration:
    """Return the contract's ``set_generation``."""

    def set_generation(session_id: str, generation: int) -> None:
        execute(path, "UPDATE tokenauth_session SET generation = ? WHERE session_id = ?", generation, session_id)

    return set_generation


def copier(path: Path) -> CopyStore:
    """Return the contract's ``copy``: it makes a backup, which is restored while the store is in use."""

    def copy() -> Callable[[], None]:
        backup = path.with_suffix(f".{token_hex(4)}")
        with opened(path) as source, opened(backup) as target:
            source.backup(target)

        def put_back() -> None:
            with opened(backup) as source, opened(path) as target:
                source.backup(target)

        return put_back

    return copy


def wiper(path: Path) -> WipeStore:
    """Return the contract's ``wipe``: it drops the tables and creates them again."""

    def wipe() -> None:
        with opened(path) as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(f"DROP TABLE {table.name}")
        store = SQLStore(url_of(path))
        store.create()
        store.close()

    return wipe


def engine_of(store: SQLStore) -> Engine:
    """Return the engine of a store in use."""
    store.create()
    engine = store._database.connections.engine
    assert engine is not None
    return engine


class Lost(sqlite3.OperationalError):
    """The connection broke, and the result of the last statement is unknown."""


def lose_the_next_commit(store: SQLStore) -> None:
    """Break the connection after the next commit, before the store gets the answer."""
    engine, left = engine_of(store), [1]

    def break_off(connection: Connection, _: object, statement: str, *__: object) -> None:
        if statement == "COMMIT" and left and left.pop():
            raise DBAPIError(statement, None, Lost("lost"), connection_invalidated=True)

    event.listen(engine, "after_cursor_execute", break_off)


def sent(store: SQLStore, call: Callable[[], object]) -> list[tuple[str, Any]]:
    """Return the statements that a call sends, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        found.append((statement, parameters))

    engine = engine_of(store)
    event.listen(engine, "before_cursor_execute", note)
    call()
    event.remove(engine, "before_cursor_execute", note)
    return found
