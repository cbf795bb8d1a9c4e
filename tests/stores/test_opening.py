"""Opening the store that a configuration names."""

import sys
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from flask_sqlalchemy import SQLAlchemy
from redis.sentinel import Sentinel
from sqlalchemy import create_engine

from flask_tokenauth import stores
from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.opening import open_store
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.sql import SQLStore


def test_memory_is_a_store_of_its_own_each_time() -> None:
    store = open_store("memory://")

    assert isinstance(store, MemoryStore)
    assert open_store("memory://") is not store


def test_a_file_an_engine_and_a_flask_sqlalchemy_object_are_databases(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/tokens.db"

    for value in url, url.replace("sqlite:", "sqlite+pysqlite:"), create_engine(url), SQLAlchemy():
        assert isinstance(open_store(value), SQLStore)
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_taken_as_it_is() -> None:
    store = MemoryStore()

    assert isinstance(store, Store)
    assert open_store(store) is store


@pytest.mark.parametrize(
    "value",
    ["", "memory", "memory:", "memory:///", "memory://x", "Memory://", "sqlite", "sqlite:", "sqlite:x.db", "sqlite://",
     "file.db", "hunter2", "hunter2://x", "ftp://hunter2@host", " sqlite:///x.db", None, 0, True, b"memory://", [], {},
     object(), MemoryStore, SQLStore],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_supported(value: object) -> None:
    with pytest.raises(
        SettingsError, match=r'a store must be "memory://", a URL such as "sqlite:////var.*; got '
    ) as caught:
        open_store(value)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("sqlite://", 'got a URL of SQLite without a path: write "sqlite:///" and the path'),
        ("sqlite:hunter2.db", 'got a URL of SQLite without a path: write "sqlite:///" and the path'),
        ("sqlite:/hunter2.db", 'got a URL of SQLite without a path: write "sqlite:///" and the path'),
        ("/var/lib/hunter2.db", 'got a path: write "sqlite:///" before it'),
        ("hunter2.sqlite3", 'got a path: write "sqlite:///" before it'),
        (Path("/var/lib/hunter2.db"), 'got a path: write "sqlite:///" before it'),
        ("hunter2", "got another string"),
    ],
    ids=str,
)
def test_a_path_without_the_right_slashes_is_refused_with_them(value: object, got: str) -> None:
    with pytest.raises(SettingsError, match=r'^a store must be "memory://"') as caught:
        open_store(value)

    assert str(caught.value).endswith(f"; {got}")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h/n",
        "postgresql+psycopg://u:hunter2@h/n",
        "postgresql:///n",
        "mysql://u:hunter2@h/n",
        "mysql+pymysql://u:hunter2@h/n",
        "mariadb://u:hunter2@h/n",
        "mariadb+pymysql://u:hunter2@h/n",
    ],
)
def test_a_server_is_a_database_and_need_not_run(url: str) -> None:
    assert isinstance(open_store(url), SQLStore)


@pytest.mark.parametrize(
    "url",
    ["redis://h", "rediss://:hunter2@h/0", "unix:///run/redis.sock", "redis+sentinel://h1,h2/NAME/0",
     "redis+cluster://h1,h2", "valkey://h", "valkeys://h", "valkeys+cluster://h"],
)  # fmt: skip
def test_redis_and_valkey_need_not_run(url: str) -> None:
    store = open_store(url, prefix="shop")

    assert isinstance(store, RedisStore)
    assert isinstance(store, Store)
    assert store.prefix == "shop"


class OwnClient(redis.Redis):
    """A client of an application."""


def behind_sentinel(method: str) -> object:
    """Return a client of a primary or of replicas behind Sentinel."""
    sentinels: Any = Sentinel
    return getattr(sentinels([("h", 1)]), method)("NAME")


def valkey_client() -> object:
    """Return an object that looks like a client of valkey-py, which shares no class with redis-py."""
    kind = type("Valkey", (), {"__module__": "valkey.client", "execute_command": redis.Redis.execute_command})
    client: Any = kind()
    client.connection_pool = redis.ConnectionPool()
    return client


@pytest.mark.parametrize(
    "client",
    [redis.Redis(), OwnClient(), behind_sentinel("master_for"), valkey_client()],
    ids=["redis", "subclass", "sentinel", "valkey"],
)
def test_a_client_of_redis_or_valkey_is_a_store_of_connections_of_its_own(client: object) -> None:
    assert isinstance(open_store(client), RedisStore)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (redis.asyncio.Redis(), "got one for asyncio"),
        (redis.ConnectionPool(), "got an object of type ConnectionPool"),
        (behind_sentinel("slave_for"), "must not read from replicas"),
        ("redis://u:hunter2@h/one", "must be a number from 0"),
        ("redis://", "each host in the URL"),
        ("redis+proxy://h", "must be one of redis://"),
        ("unix://hunter2", "must be as unix:///run/redis.sock"),
    ],
    ids=["asyncio", "pool", "replica", "database", "host", "kind", "socket"],
)
def test_another_object_or_url_of_redis_is_refused_with_what_must_be(value: object, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        open_store(value)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgres://u:hunter2@h/n", "postgres+psycopg2://u:hunter2@h/n", "postgres://"])
def test_the_short_name_of_postgresql_is_refused_with_the_long_one(url: str) -> None:
    """Some hosters write it."""
    with pytest.raises(SettingsError, match=r"; got postgres://, .*: write postgresql://$") as caught:
        open_store(url)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["mssql", "oracle+oracledb", "mongodb", "cockroachdb"])
def test_a_database_that_is_not_supported_is_named(scheme: str) -> None:
    with pytest.raises(SettingsError, match=rf"; got {scheme.partition('+')[0]}://, which is not supported$"):
        open_store(f"{scheme}://u:hunter2@h/d")


@pytest.mark.parametrize("url", ["postgresql", "postgresql://", "postgresql:/hunter2", "mysql:", "mariadb://"])
def test_a_server_without_a_place_is_another_string(url: str) -> None:
    with pytest.raises(SettingsError, match=r"; got another string$"):
        open_store(url)


@pytest.mark.parametrize("url", ["sqlite://var/x.db", "sqlite+pysqlite://x.db", "sqlite://u:hunter2@h/x.db"])
def test_two_slashes_after_sqlite_are_refused_with_the_right_number(url: str) -> None:
    with pytest.raises(SettingsError, match=r"three slashes before a relative path.*four before an absolute") as caught:
        open_store(url)

    assert "hunter2" not in str(caught.value)


def test_sqlite_in_memory_is_refused_with_a_hint() -> None:
    with pytest.raises(SettingsError, match='set "memory://" instead'):
        open_store("sqlite:///:memory:")


@pytest.fixture
def forget_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in "sql", "redis":
        for name in [name for name in sys.modules if name.startswith(f"flask_tokenauth.stores.{room}")]:
            monkeypatch.delitem(sys.modules, name)
        # An import also sets the attribute of the package, by which other tests find the modules.
        monkeypatch.setattr(stores, room, getattr(stores, room, None), raising=False)


@pytest.mark.usefixtures("forget_stores")
def test_without_sqlalchemy_a_database_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)

    with pytest.raises(SettingsError, match=r"pip install 'flask-tokenauth-jwt\[sql\]'"):
        open_store("sqlite:///tokens.db")
    assert isinstance(open_store("memory://"), MemoryStore)


@pytest.mark.usefixtures("forget_stores")
@pytest.mark.parametrize("value", ["redis://u:hunter2@h/0", "valkey+cluster://h", redis.Redis()], ids=type)
def test_without_redis_py_a_store_on_redis_says_what_to_install(monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    uninstall("redis", monkeypatch)

    with pytest.raises(SettingsError, match=r"the package redis, .*: pip install 'flask-tokenauth-jwt\[redis\]'$"):
        open_store(value)
    assert type(open_store("sqlite:///tokens.db")).__name__ == "SQLStore"


@pytest.mark.usefixtures("forget_stores")
def test_another_module_that_redis_py_lacks_is_reported_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.crc", None)

    with pytest.raises(ModuleNotFoundError, match=r"redis\.crc"):
        open_store("redis://h")


@pytest.mark.usefixtures("forget_stores")
def test_redis_py_is_imported_only_for_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall("redis", monkeypatch)

    for value in "memory://", "sqlite:///tokens.db", MemoryStore():
        open_store(value)
    assert "flask_tokenauth.stores.redis" not in sys.modules


@pytest.mark.usefixtures("forget_stores")
def test_without_sqlalchemy_the_slashes_are_looked_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)

    with pytest.raises(SettingsError, match=r"three slashes before a relative path.*four before an absolute"):
        open_store("sqlite://tokens.db")


def uninstall(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each import of a driver fail."""
    for name in [driver, *(name for name in sys.modules if name.startswith(f"{driver}."))]:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.slow
@pytest.mark.usefixtures("forget_stores")
@pytest.mark.parametrize(
    ("url", "driver", "extra"),
    [
        ("postgresql://u:hunter2@h/n", "psycopg", "postgresql"),
        ("postgresql+psycopg://u:hunter2@h/n", "psycopg", "postgresql"),
        ("mysql://u:hunter2@h/n", "pymysql", "mysql"),
        ("mariadb://u:hunter2@h/n", "pymysql", "mysql"),
    ],
)
def test_without_the_driver_of_a_server_its_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, url: str, driver: str, extra: str
) -> None:
    uninstall(driver, monkeypatch)

    with pytest.raises(SettingsError) as caught:
        open_store(url)

    message = str(caught.value)
    assert message.startswith(f"a store in {url.partition(':')[0].partition('+')[0]} needs the driver {driver}, which")
    assert message.endswith(f": pip install 'flask-tokenauth-jwt[{extra}]'")
    assert "hunter2" not in message


@pytest.mark.usefixtures("forget_stores")
@pytest.mark.parametrize("driver", ["psycopg", "pymysql"])
def test_sqlite_needs_no_driver_of_a_server(monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    uninstall(driver, monkeypatch)

    assert type(open_store("sqlite:///tokens.db")).__name__ == "SQLStore"


@pytest.mark.usefixtures("forget_stores")
def test_another_missing_module_is_reported_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy.dialects", None)

    with pytest.raises(ModuleNotFoundError, match=r"sqlalchemy\.dialects"):
        open_store("sqlite:///tokens.db")
