"""The database that an application names must be a supported one, with the driver that the store needs."""

from typing import NoReturn
from unittest.mock import MagicMock

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.stores.sql import SQLStore, source
from flask_tokenauth.stores.sql.mysql.dialect import MYSQL
from flask_tokenauth.stores.sql.postgresql.dialect import POSTGRESQL
from flask_tokenauth.stores.sql.source import find_dialect, read_source
from flask_tokenauth.stores.sql.sqlite.dialect import SQLITE

HOST = "://api:hunter2@host/name"
ANY_DRIVER = MagicMock(paramstyle="qmark", version="8.0.0", __version__="3.2.0", version_info=(2, 0, 0))
OF_POSTGRESQL = (
    "the driver for postgresql must be psycopg, got {}: pip install 'flask-tokenauth-jwt[postgresql]' and write "
    "postgresql+psycopg://"
)
OF_MYSQL = (
    "the driver for mysql must be pymysql, got {}: pip install 'flask-tokenauth-jwt[mysql]' and write mysql+pymysql://"
)
OF_MARIADB = (
    "the driver for mariadb must be pymysql, got {}: pip install 'flask-tokenauth-jwt[mysql]' and write "
    "mariadb+pymysql://"
)
OTHER_DATABASE = "the database of a store must be SQLite, PostgreSQL or MariaDB, got {}: set, for example, sqlite:////"


def test_an_engine_for_asyncio_is_refused() -> None:
    engine = create_async_engine("postgresql+psycopg" + HOST)

    with pytest.raises(SettingsError, match="must not be one for asyncio"):
        read_source(engine)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////x.db", SQLITE),
        ("sqlite+pysqlite:////x.db", SQLITE),
        ("postgresql" + HOST, POSTGRESQL),
        ("postgresql+psycopg" + HOST, POSTGRESQL),
        ("postgresql://host", POSTGRESQL),
        ("mysql" + HOST, MYSQL),
        ("mysql+pymysql" + HOST, MYSQL),
        ("mariadb" + HOST, MYSQL),
        ("mariadb+pymysql" + HOST, MYSQL),
    ],
)
def test_a_url_has_the_dialect_of_its_server(url: str, expected: object) -> None:
    assert find_dialect(make_url(url)) is expected


@pytest.mark.parametrize(
    ("drivername", "message"),
    [
        ("postgresql+psycopg2", OF_POSTGRESQL.format("psycopg2")),
        ("postgresql+asyncpg", OF_POSTGRESQL.format("asyncpg")),
        ("mysql+mysqldb", OF_MYSQL.format("mysqldb")),
        ("mariadb+mariadbconnector", OF_MARIADB.format("mariadbconnector")),
        ("oracle", OTHER_DATABASE.format("oracle")),
        ("mssql+pyodbc", OTHER_DATABASE.format("mssql")),
    ],
)
def test_a_url_of_another_driver_or_database_is_refused(drivername: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        SQLStore(drivername + HOST)

    assert str(caught.value).startswith(message)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("drivername", "message"),
    [
        ("postgresql+pg8000", OF_POSTGRESQL.format("pg8000")),
        ("postgresql+asyncpg", OF_POSTGRESQL.format("asyncpg")),
        ("mysql", OF_MYSQL.format("mysqldb")),
        ("mysql+mysqldb", OF_MYSQL.format("mysqldb")),
        ("mariadb+mariadbconnector", OF_MARIADB.format("mariadbconnector")),
        ("oracle+oracledb", OTHER_DATABASE.format("oracle")),
        ("mssql+pymssql", OTHER_DATABASE.format("mssql")),
    ],
)
def test_an_engine_of_another_driver_or_database_is_refused(drivername: str, message: str) -> None:
    engine = create_engine(drivername + HOST, module=ANY_DRIVER)

    with pytest.raises(SettingsError) as caught:
        SQLStore(engine)

    assert str(caught.value).startswith(message)
    assert "hunter2" not in str(caught.value)


def test_an_engine_of_another_driver_is_refused_with_the_place_to_change() -> None:
    with pytest.raises(SettingsError, match=r"also in create_engine or SQLALCHEMY_DATABASE_URI if you pass an engine$"):
        SQLStore(create_engine("mysql" + HOST, module=ANY_DRIVER))


def test_a_flask_sqlalchemy_object_of_another_driver_is_refused() -> None:
    app, db = Flask("shop"), SQLAlchemy()
    app.config |= {
        "SQLALCHEMY_DATABASE_URI": "mysql" + HOST,
        "SQLALCHEMY_ENGINE_OPTIONS": {"module": ANY_DRIVER},
    }
    db.init_app(app)

    with app.app_context(), pytest.raises(SettingsError, match="must be pymysql, got mysqldb"):
        SQLStore(db)


@pytest.mark.parametrize("drivername", ["postgresql+psycopg", "mysql+pymysql", "mariadb+pymysql"])
def test_an_engine_of_a_server_gives_its_url_and_itself(drivername: str) -> None:
    engine = create_engine(drivername + HOST)

    assert read_source(engine) == (make_url(drivername + HOST), engine)


def test_an_engine_that_names_no_driver_gives_the_one_that_it_has() -> None:
    engine = create_engine("mysql" + HOST, module=ANY_DRIVER)

    assert read_source(engine)[0].drivername == "mysql+mysqldb"


def test_a_driver_of_sqlite_that_is_not_supported_is_refused_with_the_one_to_use() -> None:
    with pytest.raises(SettingsError, match=r": use the driver pysqlite and write sqlite\+pysqlite://"):
        SQLStore("sqlite+aiosqlite:////x.db")


@pytest.mark.slow
@pytest.mark.parametrize("url", ["mysql://api:hunter2@host", "mariadb://api:hunter2@host/", "mysql://host"])
def test_a_url_of_mariadb_without_a_database_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"must name a database, as mysql://.*; got one without$") as caught:
        SQLStore(url)

    assert "hunter2" not in str(caught.value)


def test_a_psycopg_without_its_library_is_an_error_with_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> NoReturn:
        raise ImportError("no pq wrapper available.\nAttempts made: …")

    monkeypatch.setitem(source._DIALECTS, "postgresql", (fail, "psycopg", "postgresql"))

    with pytest.raises(SettingsError, match=r"needs the library libpq.*'psycopg\[binary\]', or install libpq"):
        SQLStore("postgresql://h/d")
