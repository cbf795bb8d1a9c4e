"""Empty databases to measure: on the servers that the tests start, or at URLs that the command names."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, MetaData, create_engine, inspect, make_url

from tests.engines.mariadb import MariaDB
from tests.engines.postgresql import PostgreSQL, find_debian, find_embedded
from tests.engines.server import Server, find

ENGINES = SQLITE, POSTGRESQL, MARIADB = "SQLite", "PostgreSQL", "MariaDB"
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}


@dataclass(frozen=True, slots=True)
class Database:
    """An empty database.

    Attributes:
        name: of the engine, with its version.
        url: of the database.
        server: the server that this process has started; None for SQLite, and for a URL of the command.
    """

    name: str
    url: str
    server: Server | None = None


def find_server(engine: str) -> Server | None:
    """Return a server that can be started; None if its programs are missing."""
    if engine == POSTGRESQL:
        programs = find_embedded() or find_debian()
        return PostgreSQL(programs) if programs else None
    found = [program for name in ("mariadbd", "mariadb-install-db") if (program := find(name))]
    return MariaDB(*found) if len(found) == 2 else None  # noqa: PLR2004  # both programs


@contextmanager
def empty_database(engine: str, urls: Mapping[str, str]) -> Iterator[Database | None]:
    """Yield an empty database, and drop all its tables at the end; None if there is no server.

    Args:
        engine: one of ENGINES.
        urls: of databases to use, by engine. For the others, a server is started.
    """
    if engine == SQLITE:
        with TemporaryDirectory() as folder:
            yield _describe(engine, f"sqlite:///{Path(folder) / 'sqlite.db'}", None)
    elif engine in urls:
        database = _describe(engine, urls[engine], None)
        with emptied(urls[engine]):
            yield database
    elif server := find_server(engine):
        with server, server.new_database() as name:
            yield _describe(engine, server.url(name), server)
    else:
        yield None


@contextmanager
def emptied(url: str) -> Iterator[None]:
    """Drop all tables of a database at the end.

    Raises:
        SystemExit: it has tables at the start.
    """
    engine = connect(url)
    names = inspect(engine).get_table_names()
    engine.dispose()
    if names:
        raise SystemExit("the database for the benchmarks must be empty, since all its tables are dropped at the end")
    try:
        yield
    finally:
        tables = MetaData()
        tables.reflect(engine)
        tables.drop_all(engine)
        engine.dispose()


def connect(url: str) -> Engine:
    """Return an engine of SQLAlchemy for the URL of a store."""
    return create_engine(url_with_driver(url), enable_from_linting=False)  # a cartesian product makes many rows


def url_with_driver(url: str) -> str:
    """Return the URL of a store with the driver that SQLAlchemy needs."""
    parsed = make_url(url)
    named = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    return named.render_as_string(hide_password=False)


def _describe(name: str, url: str, server: Server | None) -> Database:
    engine = connect(url)
    with engine.connect():
        version = ".".join(map(str, (engine.dialect.server_version_info or ())[:2]))
    engine.dispose()
    return Database(f"{name} {version}", url, server)
