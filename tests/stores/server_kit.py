"""Helpers for the tests of the SQL store on a database server: direct changes of rows and tables."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract import Age, AgeRevocations, CopyStore, SetGeneration, WipeStore

from ..engines.server import Server


def execute(server: Server, database: str, statement: str, *values: object) -> list[Any]:
    """Run one statement as the user of the tests, and return all rows. The places of values are ``%s``."""
    with server.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = list(cursor.fetchall()) if cursor.description else []
        connection.commit()
    return rows


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
