"""Connections are opened as the engine of the application opens them, but with a time limit."""

import gc
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, NullPool, create_engine, event, make_url, text

from flask_tokenauth.stores.sql.creators import creator_for, creator_like

from ...engines.mariadb import MariaDB
from ...engines.postgresql import PostgreSQL
from ..conftest import Limited


class Driver:
    """The functions of a driver, which record their calls.

    Attributes:
        opened: the parameters of each connection.
        kept: the connections that keep the limit.
    """

    def __init__(self) -> None:
        self.opened: list[dict[str, Any]] = []
        self.kept: list[Any] = []

    def connect(self, *arguments: Any, **parameters: Any) -> Any:
        self.opened.append(parameters)
        return sqlite3.connect(*arguments)


@pytest.fixture
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    for connection in driver.kept:
        connection.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine of an application."""
    engine = create_engine("sqlite://", connect_args={"timeout": 7})
    yield engine
    engine.dispose()


def creator(engine: Engine, driver: Driver) -> Callable[..., Any]:
    return creator_like(engine, driver.connect, driver.kept.append)


def test_a_url_gives_the_parameters() -> None:
    opened: list[Any] = []

    creator_for(make_url("sqlite:///tokens.db?timeout=7"), lambda *_, **parameters: opened.append(parameters))()

    assert opened[0]["timeout"] == 7


def test_the_parameters_of_a_url_have_those_that_sqlalchemy_adds() -> None:
    """Without FOUND_ROWS, an UPDATE of a row that has the new values already counts no row."""
    client = pytest.importorskip("pymysql.constants.CLIENT")
    opened: list[Any] = []

    creator_for(make_url("mysql+pymysql://db/tokens"), lambda **parameters: opened.append(parameters))()

    assert opened[0]["client_flag"] & client.FOUND_ROWS


def test_the_arguments_of_the_engine_count(engine: Engine, driver: Driver) -> None:
    creator(engine, driver)()

    assert driver.opened[0]["timeout"] == 7


def test_each_connection_keeps_the_limit(engine: Engine, driver: Driver) -> None:
    assert creator(engine, driver)() is driver.kept[0]


@pytest.mark.parametrize("registered", ["before", "after"])
def test_a_listener_may_change_the_parameters(engine: Engine, driver: Driver, registered: str) -> None:
    """So do applications whose password rotates."""

    def change(_: object, __: object, ___: object, parameters: dict[str, Any]) -> None:
        parameters["timeout"] = 8

    if registered == "before":
        event.listen(engine, "do_connect", change)
    create = creator(engine, driver)
    if registered == "after":
        event.listen(engine, "do_connect", change)
    create()

    assert driver.opened[0]["timeout"] == 8


@pytest.mark.parametrize("registered", ["before", "after"])
def test_a_listener_may_open_the_connection_which_then_keeps_the_limit(
    engine: Engine, driver: Driver, registered: str
) -> None:
    own = sqlite3.connect(":memory:")
    if registered == "before":
        event.listen(engine, "do_connect", lambda *_: own)
    create = creator(engine, driver)
    if registered == "after":
        event.listen(engine, "do_connect", lambda *_: own)
    create()

    assert (driver.opened, driver.kept) == ([], [own])


def test_a_creator_of_the_application_opens_a_connection_which_then_keeps_the_limit(driver: Driver) -> None:
    own = sqlite3.connect(":memory:")

    creator(create_engine("sqlite://", creator=lambda: own), driver)()

    assert (driver.opened, driver.kept) == ([], [own])


def test_a_creator_of_the_application_may_want_the_record_of_the_pool(driver: Driver) -> None:
    records: list[Any] = []

    def create_own(record: Any) -> sqlite3.Connection:
        records.append(record)
        return sqlite3.connect(":memory:")

    engine = create_engine("sqlite://", creator=creator(create_engine("sqlite://", creator=create_own), driver))
    with engine.connect():
        pass

    assert records[0].info == {}


def test_the_application_opens_its_own_connections_as_before(engine: Engine, driver: Driver) -> None:
    creator(engine, driver)()
    driver.opened.clear()

    with engine.connect():
        pass

    assert driver.opened == []


def test_a_connection_that_a_listener_uses_meanwhile_is_the_applications(engine: Engine, driver: Driver) -> None:
    """A listener may read a password from the same database."""
    asked: list[Any] = []

    def read_password(*_: object) -> None:
        if not asked:
            asked.append(None)
            with engine.connect() as connection:
                asked[0] = connection.execute(text("SELECT 1")).scalar()

    event.listen(engine, "do_connect", read_password)
    creator(engine, driver)()

    assert (asked, len(driver.opened)) == ([1], 1)


def test_two_creators_of_an_engine_add_one_listener(engine: Engine, driver: Driver) -> None:
    creator(engine, driver)
    creator(engine, driver)

    assert len(list(engine.dialect.dispatch.do_connect)) == 1


@pytest.mark.slow
def test_an_engine_is_not_kept_alive(driver: Driver) -> None:
    engine = create_engine("sqlite://")
    creator(engine, driver)
    alive = weakref.ref(engine)

    del engine
    gc.collect()

    assert alive() is None


def test_an_engine_of_flask_sqlalchemy_is_one(driver: Driver) -> None:
    app = Flask("tests")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 9}}
    db = SQLAlchemy(app)
    with app.app_context():
        creator(db.engine, driver)()

    assert driver.opened[0]["timeout"] == 9


def test_an_engine_without_a_pool_opens_connections(driver: Driver) -> None:
    creator(create_engine("sqlite://", poolclass=NullPool, connect_args={"timeout": 7}), driver)()

    assert driver.opened[0]["timeout"] == 7


def ask(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(text("SELECT 1")).scalar_one()


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"poolclass": NullPool}, {"pool_pre_ping": True}])
@pytest.mark.parametrize("kind", ["like", "for"])
def test_postgresql_is_asked_within_a_limit(
    limited: Limited, postgresql_18: PostgreSQL, options: dict[str, Any], kind: str
) -> None:
    from flask_tokenauth.stores.sql.postgresql.connecting import connect, keep_limit  # noqa: PLC0415

    with postgresql_18.new_database() as database:
        url = make_url(postgresql_18.url(database)).set(drivername="postgresql+psycopg")
        own = create_engine(url)
        create = creator_for(url, connect) if kind == "for" else creator_like(own, connect, keep_limit)
        engine = create_engine(url, creator=create, **options)

        assert [ask(engine), ask(engine), ask(own)] == [1, 1, 1]
        with pytest.raises(Exception, match="within the time limit"):
            limited(lambda: engine.connect().execute(text("SELECT pg_sleep(60)")))
        engine.dispose()
        own.dispose()


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"poolclass": NullPool}, {"pool_pre_ping": True}])
@pytest.mark.parametrize("kind", ["like", "for"])
def test_mariadb_is_asked_within_a_limit(
    limited: Limited, mariadb: MariaDB, options: dict[str, Any], kind: str
) -> None:
    from flask_tokenauth.stores.sql.mysql.connecting import connect, keep_limit  # noqa: PLC0415

    with mariadb.new_database() as database:
        url = make_url(mariadb.url(database)).set(drivername="mysql+pymysql")
        own = create_engine(url)
        create = creator_for(url, connect) if kind == "for" else creator_like(own, connect, keep_limit)
        engine = create_engine(url, creator=create, **options)

        assert [ask(engine), ask(engine), ask(own)] == [1, 1, 1]
        with pytest.raises(Exception, match="within the time limit"):
            limited(lambda: engine.connect().execute(text("SELECT sleep(60)")))
        engine.dispose()
        own.dispose()
