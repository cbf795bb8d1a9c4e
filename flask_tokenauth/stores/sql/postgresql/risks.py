"""The settings of a PostgreSQL server that put a promise of the store at risk."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, text

from ..risks import clock_risks, connection_risks
from .server import NOW_SQL

_OLDEST = 130_000
_NOW = text(f"SELECT {NOW_SQL}")
_SETTINGS = text("""
    SELECT
        current_setting('server_version_num')::int AS version,
        current_setting('synchronous_commit') AS synchronous_commit,
        current_setting('server_encoding') AS encoding,
        current_setting('fsync') AS fsync,
        current_setting('full_page_writes') AS full_page_writes,
        least(
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
            (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
            (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
        ) AS connections
""")


def find_risks(connection: Connection, *, leeway: int, connections: int | None) -> Iterator[str]:
    """Yield sentences, as :meth:`..dialect.Dialect.find_risks` describes.

    Args:
        connection: in a transaction as those that write.
        leeway: in milliseconds.
        connections: how many the processes of the application may open; None if that is not known.
    """
    yield from clock_risks(lambda: int(connection.execute(_NOW).scalar_one()), leeway)
    settings = connection.execute(_SETTINGS).one()
    yield from _setting_risks(settings)
    yield from connection_risks(settings.connections, connections)


def _setting_risks(settings: Row[Any]) -> Iterator[str]:
    if settings.version < _OLDEST:
        yield f"PostgreSQL must be version 13 or newer, got {settings.version // 10_000}: upgrade the server"
    if settings.encoding != "UTF8":
        yield (
            f"the encoding of the database must be UTF8, got {settings.encoding}: requests of users whose IDs have "
            "other characters get 503. Create a database with ENCODING 'UTF8'"
        )
    if settings.synchronous_commit not in ("on", "remote_apply"):
        yield (
            f"synchronous_commit must be on in transactions that write, got {settings.synchronous_commit}, although "
            "the store sets it: a pooler before the server drops the setting. Run ALTER ROLE USER SET "
            "synchronous_commit = on. Until then, a crash can lose revocations that the store has confirmed"
        )
    for name in ("fsync", "full_page_writes"):
        if getattr(settings, name) != "on":
            yield f"{name} of the database server must be on, got off: a crash can damage or lose all data"
