"""Reads the database that an application names: its URL, its engine, and its dialect."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from ...core.errors import SettingsError
from ..database_objects import NO_ENGINE
from .dialect import Dialect


def _find_sqlite() -> Dialect:
    from .sqlite.dialect import SQLITE  # noqa: PLC0415  # each dialect is imported when it is needed

    return SQLITE


def _find_postgresql() -> Dialect:
    from .postgresql.dialect import POSTGRESQL  # noqa: PLC0415

    return POSTGRESQL


def _find_mysql() -> Dialect:
    from .mysql.dialect import MYSQL  # noqa: PLC0415

    return MYSQL


_DIALECTS: dict[str, tuple[Callable[[], Dialect], str, str]] = {  # with the driver, its package and our extra for it
    "sqlite": (_find_sqlite, "pysqlite", ""),
    "postgresql": (_find_postgresql, "psycopg", "postgresql"),
    "mysql": (_find_mysql, "pymysql", "mysql"),
    "mariadb": (_find_mysql, "pymysql", "mysql"),
}


def read_source(source: object) -> tuple[URL, Engine | None]:
    """Return the URL of a database, and the engine of the application; None if it has given a URL.

    Args:
        source: a URL, an ``Engine``, or an object with an ``engine``.

    Raises:
        SettingsError: *source* is none of these. The message does not repeat it: it may contain a password.
    """
    if isinstance(source, str):
        return _parse(source), None
    engine = _find_engine(source)
    return engine.url.set(drivername=f"{engine.dialect.name}+{engine.dialect.driver}"), engine


def _parse(string: str) -> URL:
    with suppress(ArgumentError, ValueError):
        return make_url(string)
    raise SettingsError(  # without a cause and a context, which repeat the URL
        "the URL of the database must be one that SQLAlchemy can read, as sqlite:////var/lib/api/tokens.db or "
        "postgresql://USER:PASSWORD@HOST/DATABASE; got another string. In a password, write special characters as %XX, "
        "for example %40 for @"
    )


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
    if engine.dialect.is_async and engine.dialect.driver == "psycopg":  # the name of both; other drivers have two
        raise SettingsError(
            "the engine of a store must not be one for asyncio, but is: pass an engine of create_engine, or a URL"
        )
    return engine


def find_dialect(url: URL) -> Dialect:
    """Return the dialect for a database.

    Raises:
        SettingsError: the database or the driver is not supported, or the driver is not installed.
    """
    family, _, driver = url.drivername.partition("+")
    if family not in _DIALECTS:
        raise SettingsError(
            f"the database of a store must be SQLite, PostgreSQL or MariaDB, got {family}: set, for example, "
            "sqlite:////var/lib/api/tokens.db or postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    find, supported, extra = _DIALECTS[family]
    if driver not in ("", supported):
        raise SettingsError(
            f"the driver for {family} must be {supported}, got {driver}: {_install(supported, extra)} and write "
            f"{family}+{supported}://, also in create_engine or SQLALCHEMY_DATABASE_URI if you pass an engine"
        )
    try:
        dialect = find()
    except ImportError as error:
        reason = str(error).partition("\n")[0]
        if "no pq wrapper" in reason:  # words of psycopg
            raise SettingsError(
                f"a store in {family} needs the library libpq, which psycopg does not find: pip install "
                "'psycopg[binary]', or install libpq (Debian: libpq5)"
            ) from error
        raise SettingsError(
            f"a store in {family} needs the driver {supported}, which cannot be imported ({reason}): "
            f"{_install(supported, extra)}"
        ) from error
    dialect.check_url(url)
    return dialect


def _install(driver: str, extra: str) -> str:
    return f"pip install 'flask-tokenauth-jwt[{extra}]'" if extra else f"use the driver {driver}"
