"""The database that an application names: its URL, how connections are made, and its dialect."""

from typing import Any

from sqlalchemy import Engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from ...core.errors import SettingsError
from .dialect import Dialect
from .sqlite import SQLITE


def read_source(source: object) -> tuple[URL, Any]:
    if isinstance(source, str):
        try:
            return make_url(source), None
        except (ArgumentError, ValueError):
            raise SettingsError("the store's URL is none of a database") from None  # the cause repeats it
    engine = _find_engine(source)
    return engine.url, engine.pool._creator  # with connect_args, and with what listens to do_connect


def _find_engine(source: Any) -> Engine:
    try:
        engine = source.engine  # an Engine is its own
    except (RuntimeError, NotImplementedError) as error:
        raise SettingsError(
            "the store's database object has no engine here: Flask-SQLAlchemy needs its init_app, and an application "
            "context when the store is first used"
        ) from error
    if not isinstance(engine, Engine):
        raise SettingsError("the store's database object has no engine of SQLAlchemy")
    return engine


def find_dialect(url: URL) -> Dialect:
    """Return the dialect for a database.

    Raises:
        SettingsError: it is none that we know, or one in memory.
    """
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise SettingsError(f"a store in {url.drivername} is not supported yet: sqlite is")
    named = f"{url.database or ':memory:'} {url.query}"
    if ":memory:" in named or "mode=memory" in named or url.query.get("mode") == "memory":
        raise SettingsError("a store in in-memory SQLite would be another one for each connection: name memory://")
    return SQLITE
