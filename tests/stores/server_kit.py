"""Helpers for the tests of the SQL store on a database server: direct changes of rows and tables."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event

from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql.statements import Statements
from flask_tokenauth.stores.sql.transactions import about, insert_revocation
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
from flask_tokenauth.testing.store_contract.revocation import LATER

from ..engines.server import Server
from .sqlite_kit import engine_of


def execute(server: Server, database: str, statement: str, *values: object) -> list[Any]:
    """Run one statement as the user of the tests, and return all rows. The places of values are ``%s``."""
    with server.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = list(cursor.fetchall()) if cursor.description else []
        connection.commit()
    return rows


def empty(server: Server, database: str, *tables: str) -> None:
    """Delete all rows of tables."""
    with server.connect(database) as connection, connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")
        connection.commit()


def ager(server: Server, database: str) -> Age:
    """Return the contract's ``age``."""

    def age(session_id: str, duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        execute(
            server,
            database,
            "UPDATE tokenauth_session SET started_at = started_at - %s, rotated_at = rotated_at - %s,"
            " idle_expires_at = idle_expires_at - %s, expires_at = expires_at - %s WHERE session_id = %s",
            *(by, by, by, by),
            session_id,
        )

    return age


def revocation_ager(server: Server, database: str) -> AgeRevocations:
    """Return the contract's ``age_revocations``."""

    def age_revocations(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        execute(server, database, "UPDATE tokenauth_revocation SET expires_at = expires_at - %s", by)

    return age_revocations


def api_key_ager(server: Server, database: str) -> AgeApiKeys:
    """Return the contract's ``age_api_keys``."""

    def age_api_keys(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        execute(
            server,
            database,
            "UPDATE tokenauth_api_key SET created_at = created_at - %s, last_used_at = last_used_at - %s,"
            " expires_at = expires_at - %s, revoked_at = revoked_at - %s",
            *(by, by, by, by),
        )

    return age_api_keys


def reference_token_ager(server: Server, database: str) -> AgeReferenceTokens:
    """Return the contract's ``age_reference_tokens``."""

    def age_reference_tokens(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        statement = "UPDATE tokenauth_reference_token SET expires_at = expires_at - %s, revoked_at = revoked_at - %s"
        execute(server, database, statement, by, by)

    return age_reference_tokens


def ring_ager(server: Server, database: str) -> AgeRings:
    """Return the contract's ``age_rings``."""

    def age_rings(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        for name, value in execute(
            server, database, "SELECT name, value FROM tokenauth_store WHERE name LIKE 'ring %%'"
        ):
            statement = "UPDATE tokenauth_store SET number = number - %s, value = %s WHERE name = %s"
            execute(server, database, statement, by, str(int(value) - by), name)

    return age_rings


def generation_setter(server: Server, database: str) -> SetGeneration:
    """Return the contract's ``set_generation``."""

    def set_generation(session_id: str, generation: int) -> None:
        statement = "UPDATE tokenauth_session SET generation = %s WHERE session_id = %s"
        execute(server, database, statement, generation, session_id)

    return set_generation


def copier(server: Server, database: str) -> CopyStore:
    """Return the contract's ``copy``: it makes a backup of the tables, which is restored while the store is in use."""

    def copy() -> Callable[[], None]:
        backup = server.backup(database)

        def put_back() -> None:
            server.restore(database, backup)

        return put_back

    return copy


def wiper(server: Server, database: str) -> WipeStore:
    """Return the contract's ``wipe``: it drops the tables of the package and creates them again."""

    def wipe() -> None:
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('public', %s)"
        names = [name for (name,) in execute(server, database, query, database) if name.startswith("tokenauth_")]
        execute(server, database, f"DROP TABLE {', '.join(names)}")
        store = SQLStore(server.url(database))
        store.create()
        store.close()

    return wipe


@contextmanager
def prepared_store(server: Server) -> Iterator[tuple[str, SQLStore]]:
    """Create a database with the tables of the package. Yield its name and its store."""
    with server.new_database() as database:
        store = SQLStore(server.url(database))
        store.create()
        yield database, store
        store.close()


@contextmanager
def revoking(store: SQLStore, subject: str, *before: str) -> Iterator[Connection]:
    """Revoke a token as the store does, and yield the connection. Its transaction is open.

    Args:
        store: in the database.
        subject: the ID of the token.
        before: statements that the transaction begins with.
    """
    dialect = store._database.dialect
    with engine_of(store).connect() as connection:
        dialect.begin(connection)
        for statement in before:
            connection.exec_driver_sql(statement)
        values = {**about("token", subject, 0), "until": LATER}
        insert_revocation(connection, Statements(dialect).insert_revocation_until, values)
        yield connection
        connection.invalidate()


class Poller:
    """Fetches revocations, and counts all that comes and is sent.

    Attributes:
        came: how often the entry of each subject came.
        statements: that the store has sent in the last poll.
        reloads: how often the store wanted that all is loaded again.
    """

    def __init__(self, store: SQLStore) -> None:
        self._store = store
        self._cursor: str | None = None
        self.came: Counter[str] = Counter()
        self.statements = self.reloads = 0
        event.listen(engine_of(store), "before_cursor_execute", self._count)

    def _count(self, *_: object) -> None:
        self.statements += 1

    def poll(self) -> None:
        """Fetch all that is new."""
        self.statements, more = 0, True
        while more:
            page = self._store.revocations_since(self._cursor)
            self.came.update(entry.subject for entry in page.entries)
            self._cursor, more = page.cursor, page.more or page.cursor is None
            self.reloads += page.cursor is None
