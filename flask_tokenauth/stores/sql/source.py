"""Reads the database that an application names: its URL, how connections are made, and its dialect."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from ...core.errors import SettingsError
from ..database_objects import NO_ENGINE, TWO_SLASHES
from .dialect import Dialect
from .sqlite.dialect import SQLITE


def read_source(source: object) -> tuple[URL, Any]:
    """Return the URL of a database, and the function that opens connections to it; None for SQLAlchemy's own.

    Args:
        source: a URL, an ``Engine``, or an object with an ``engine``.

    Raises:
        SettingsError: *source* is none of these. The message does not repeat it: it may contain a password.
    """
    if isinstance(source, str):
        try:
            return make_url(source), None
        except (ArgumentError, ValueError):
            raise SettingsError(  # without the cause, which repeats the URL
                "the URL of the database must be one that SQLAlchemy can read, as sqlite:////var/lib/api/tokens.db; "
                "got another string"
            ) from None
    engine = _find_engine(source)
    return engine.url, engine.pool._creator  # it has connect_args in it, and listeners to do_connect


def _find_engine(source: Any) -> Engine:
    try:
        engine = source.engine  # an Engine is its own
    except NO_ENGINE as error:
        raise SettingsError(
            "the database object has no engine here: call its init_app with the application, set "
            "SQLALCHEMY_DATABASE_URI, and use the store for the first time in a request or another application context"
        ) from error
    if not isinstance(engine, Engine):
        raise SettingsError(
            "the database object has no engine of SQLAlchemy: pass an Engine, a Flask-SQLAlchemy object, or a URL, "
            f"got an engine of type {type(engine).__name__}"
        )
    return engine


def find_dialect(url: URL) -> Dialect:
    """Return the dialect for a database.

    Raises:
        SettingsError: the database is not supported, is in memory, or *url* has two slashes before a path.
    """
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise SettingsError(
            f"the database of a store must be SQLite, got {url.drivername}, which is not supported yet: set "
            "sqlite:////var/lib/api/tokens.db, for example, or an Engine of such a file"
        )
    if url.host or url.username or url.password or url.port:
        raise SettingsError(TWO_SLASHES)
    named = f"{url.database or ':memory:'} {url.query}"
    if ":memory:" in named or "mode=memory" in named or url.query.get("mode") == "memory":
        raise SettingsError(
            "a store in SQLite must be in a file, got a database in memory, of which each connection has its own: set "
            '"memory://" instead'
        )
    return SQLITE


def find_path(url: URL) -> str | None:
    """Return the absolute path of the file of an SQLite database, or None if *url* has it in a URI."""
    return None if url.database is None or url.database.startswith("file:") else str(Path(url.database).absolute())
