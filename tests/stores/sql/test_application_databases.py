"""A store in the database of the application: an engine of SQLAlchemy, or Flask-SQLAlchemy's ``db``."""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, create_engine, make_url, text

from flask_tokenauth import TokenAuth, token_response
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import start

from ...engines.server import Server
from ..calls import CALLS
from ..sqlite_kit import url_of

DRIVERS = {"postgresql_18": "postgresql+psycopg", "mariadb": "mysql+pymysql"}
ON_A_SERVER = [pytest.mark.slow, pytest.mark.dependencies]


@pytest.fixture(params=["sqlite", *(pytest.param(name, marks=ON_A_SERVER) for name in DRIVERS)])
def url(request: pytest.FixtureRequest, path: Path) -> Iterator[str]:
    """Return the URL of an empty database, with the driver."""
    if request.param == "sqlite":
        yield url_of(path)
        return
    server: Server = request.getfixturevalue(request.param)
    with server.new_database() as database:
        url = make_url(server.url(database)).set(drivername=DRIVERS[request.param])
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Iterator[SQLStore]:
    store = SQLStore(engine)
    yield store
    store.close()


def count(engine: Engine, table: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_the_store_of_an_engine_is_in_its_database(store: SQLStore, engine: Engine) -> None:
    start(store)

    assert count(engine, "tokenauth_session") == 1


def test_the_store_leaves_the_connections_of_an_engine_alone(store: SQLStore, engine: Engine) -> None:
    start(store)

    assert engine.pool.checkedin() == 0  # type: ignore[attr-defined]  # QueuePool has it


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("url", list(DRIVERS), indirect=True)
def test_a_login_is_kept_although_the_transaction_of_the_application_is_rolled_back(url: str) -> None:
    app = Flask("shop")
    app.config.update(
        SECRET_KEY=token_hex(32),
        SQLALCHEMY_DATABASE_URI=url,
        TOKENAUTH_ISSUER="https://shop.example",
    )
    db = SQLAlchemy(app)
    app.config["TOKENAUTH_STORE"] = db
    auth = TokenAuth(app)
    with app.test_request_context():
        db.session.execute(text("CREATE TABLE cart (id INTEGER)"))
        db.session.commit()
        db.session.execute(text("INSERT INTO cart VALUES (1)"))
        token_response("alice")
        db.session.rollback()

        assert len(list(auth.list_sessions("alice"))) == 1
        assert count(db.engine, "cart") == 0
        db.session.remove()
        db.engine.dispose()
        state_of(app).store.close()


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_the_sql_mode_of_the_application_does_not_matter(mariadb: Server) -> None:
    """SQLAlchemy looks at it when it opens the first connection, to quote names as the server needs it."""
    with mariadb.new_database() as database:
        url = make_url(mariadb.url(database)).set(drivername=DRIVERS["mariadb"])
        engine = create_engine(url, connect_args={"init_command": "SET sql_mode = 'ANSI'"})
        store = SQLStore(engine)
        for call in CALLS.values():
            call(store)
        again = SQLStore(engine)
        assert again.read_epoch("alice") > 0
        store.close()
        again.close()
        engine.dispose()
