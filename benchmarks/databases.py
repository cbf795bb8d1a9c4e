"""Empty databases to measure: on the servers that the tests start, or at URLs that the command names.

Valkey is one of them.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis
from sqlalchemy import Engine, MetaData, create_engine, inspect, make_url

from tests.engines.mariadb import MariaDB
from tests.engines.postgresql import PostgreSQL, find_debian, find_embedded
from tests.engines.redis import RedisServer, find_valkey_9
from tests.engines.server import Program, Server, find

SQLITE, POSTGRESQL, MARIADB, VALKEY = "SQLite", "PostgreSQL", "MariaDB", "Valkey"
SQL_ENGINES = SQLITE, POSTGRESQL, MARIADB
ENGINES = (*SQL_ENGINES, VALKEY)
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
    server: Program | None = None


def is_redis(url: str) -> bool:
    """Return whether a URL is of a server of Redis or Valkey."""
    return url.startswith(("redis", "valkey", "unix:"))


def find_server(engine: str) -> Server | None:
    """Return a server of PostgreSQL or MariaDB that can be started; None if its programs are missing."""
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
    elif engine == VALKEY:
        if program := find_valkey_9():
            with RedisServer(program) as valkey:
                yield _describe(engine, valkey.url(), valkey)
        else:
            yield None
    elif server := find_server(engine):
        with server, server.new_database() as name:
            yield _describe(engine, server.url(name), server)
    else:
        yield None


@contextmanager
def emptied(url: str) -> Iterator[None]:
    """Drop all tables, or delete all keys, of a database at the end.

    Raises:
        SystemExit: it has tables or keys at the start.
    """
    if is_redis(url):
        with _emptied_keys(url):
            yield
        return
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


@contextmanager
def _emptied_keys(url: str) -> Iterator[None]:
    with closing(connect_to_redis(url)) as client:
        if client.dbsize():
            raise SystemExit("the database for the benchmarks must be empty, since all its keys are deleted at the end")
        try:
            yield
        finally:
            client.flushdb()


def connect_to_redis(url: str) -> Redis:
    """Return a client of redis-py for the URL of a store."""
    scheme, _, rest = url.partition("://")
    return Redis.from_url(f"{scheme.replace('valkey', 'redis')}://{rest}", protocol=2)


def connect(url: str) -> Engine:
    """Return an engine of SQLAlchemy for the URL of a store."""
    return create_engine(url_with_driver(url), enable_from_linting=False)  # a cartesian product makes many rows


def url_with_driver(url: str) -> str:
    """Return the URL of a store with the driver that SQLAlchemy needs."""
    parsed = make_url(url)
    named = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    return named.render_as_string(hide_password=False)


def _describe(name: str, url: str, server: Program | None) -> Database:
    if is_redis(url):
        with closing(connect_to_redis(url)) as client:
            about = client.info("server")
        version = str(about.get("valkey_version") or about["redis_version"]).rpartition(".")[0]
        return Database(f"{about.get('server_name', 'redis').capitalize()} {version}", url, server)
    engine = connect(url)
    with engine.connect():
        version = ".".join(map(str, (engine.dialect.server_version_info or ())[:2]))
    engine.dispose()
    return Database(f"{name} {version}", url, server)
