"""The store of an application is opened from its setting."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine

from flask_tokenauth import SettingsError, TokenAuth
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.application.stored_state import StoredState
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import CONFIG, ISSUER, MakeApp
from .settings_kit import read

POSTGRESQL = "postgresql+pg8000://api:hunter2@localhost/api"
DRIVER = SimpleNamespace(paramstyle="pyformat", __version__="3.2.0")  # instead of pg8000, which is not installed
REFUSED = "the driver for postgresql must be psycopg, got pg8000: "


def open_store_of(store: object) -> StoredState:
    return StoredState(read(TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_STORE=store), clock=time.time)


def test_a_store_may_be_an_object() -> None:
    store = MemoryStore()

    assert open_store_of(store).opened is store
    assert isinstance(open_store_of("memory://").opened, MemoryStore)


@pytest.mark.parametrize(
    "store",
    [
        "",
        "memory:/",
        "memory://x",
        "sqlite",
        "sqlite://",
        "/var/lib/hunter2.db",
        "redis://:hunter2@localhost/one",
        "postgres://api:hunter2@localhost/api",
        "postgresql+pg8000://api:hunter2@localhost/api",
        "mysql://api:hunter2@localhost",
        "hunter2://localhost",
        1,
        True,
        [],
        {},
        MemoryStore,
        frozenset(),
    ],
    ids=str,
)
def test_what_is_no_store_is_refused_and_not_repeated(store: object) -> None:
    with pytest.raises(SettingsError, match=r"^TOKENAUTH_STORE: .*FLASK_TOKENAUTH_STORE\)$") as caught:
        open_store_of(store)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql://api:hunter2@localhost/api", "mysql://api:hunter2@localhost/api", "mariadb://localhost/api"]
)
def test_an_application_with_a_server_starts_and_connects_to_nothing(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    make_app(TOKENAUTH_STORE=url)

    assert caplog.records == []


def test_an_engine_of_a_driver_that_is_not_supported_stops_the_application(make_app: MakeApp) -> None:
    engine = create_engine(POSTGRESQL, module=DRIVER)

    with pytest.raises(SettingsError, match=rf"^TOKENAUTH_STORE: {REFUSED}") as caught:
        make_app(TOKENAUTH_STORE=engine)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("kind", ["url", "engine"])
def test_a_missing_directory_of_the_store_is_a_warning_at_start(
    make_app: MakeApp, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """It may be mounted later, so the application starts."""
    path = tmp_path / "missing" / "api.db"
    url = f"sqlite:///{path}"

    make_app(TOKENAUTH_STORE=create_engine(url) if kind == "engine" else url)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            f"the store needs the directory {path.parent}, which this process cannot find: create it, or allow this "
            "process to enter it. Until then, requests that need the store get 503",
        )
    ]


@pytest.mark.parametrize("name", ["api.db", "new.db"])
def test_a_store_that_this_process_may_not_write_is_a_warning_at_start(
    make_app: MakeApp,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    (tmp_path / "api.db").touch()
    monkeypatch.setattr("os.access", lambda path, mode: path == (tmp_path if name == "api.db" else None))

    make_app(TOKENAUTH_STORE=f"sqlite:///{tmp_path / name}")

    place = tmp_path / "api.db" if name == "api.db" else tmp_path
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            f"the store needs {place}, which this process may not write: run chmod u+rwX {place}. Until then, requests "
            "that need the store get 503",
        )
    ]


@pytest.mark.parametrize("url", ["sqlite:///{}/api.db", "sqlite:///file:{}/missing/api.db?uri=true", "memory://"])
def test_a_store_whose_directory_is_there_or_not_known_is_no_warning(
    make_app: MakeApp, tmp_path: Path, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    make_app(TOKENAUTH_STORE=url.format(tmp_path))

    assert caplog.records == []


def database_app(db: SQLAlchemy, url: str) -> Flask:
    app = Flask("api")
    app.config |= CONFIG | {"TOKENAUTH_STORE": db, "SQLALCHEMY_DATABASE_URI": url}
    if url == POSTGRESQL:
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"module": DRIVER}
    return app


def test_a_flask_sqlalchemy_object_of_a_driver_that_is_not_supported_stops_the_application() -> None:
    db = SQLAlchemy()
    app = database_app(db, POSTGRESQL)
    db.init_app(app)

    with pytest.raises(SettingsError, match=rf"^TOKENAUTH_STORE: {REFUSED}") as caught:
        TokenAuth(app)

    assert "hunter2" not in str(caught.value)


def test_a_flask_sqlalchemy_object_that_gets_its_engine_later_is_checked_on_first_use() -> None:
    db = SQLAlchemy()
    app = database_app(db, POSTGRESQL)
    TokenAuth(app)
    db.init_app(app)

    with app.app_context(), pytest.raises(SettingsError, match=REFUSED):
        app.extensions["tokenauth"].store.read_epoch("alice")


def test_a_flask_sqlalchemy_object_that_gets_its_engine_later_is_checked_at_the_first_request() -> None:
    db = SQLAlchemy()
    app = database_app(db, POSTGRESQL)
    auth = TokenAuth(app)
    db.init_app(app)

    with pytest.raises(SettingsError, match=REFUSED):
        auth.check(app)
    with pytest.raises(SettingsError, match=REFUSED):
        app.test_client().get("/")


def test_opening_a_flask_sqlalchemy_object_leaves_no_context_and_connects_to_nothing(tmp_path: Path) -> None:
    db = SQLAlchemy()
    app = database_app(db, f"sqlite:///{tmp_path}/api.db")
    db.init_app(app)

    TokenAuth(app)

    assert not has_app_context()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyError, NotImplementedError, RuntimeError])
def test_a_database_object_that_gives_no_engine_does_not_stop_with_an_error_of_its_own(error: type[Exception]) -> None:
    """As Flask-SQLAlchemy does, which has engines only in a context, or only with a bind key."""

    class Database:
        @property
        def engine(self) -> object:
            raise error("no engine")

    app = Flask("tests")
    app.config |= CONFIG | {"TOKENAUTH_STORE": Database()}
    TokenAuth(app)

    with app.app_context(), pytest.raises(SettingsError, match="engine"):
        state_of(app).store.read_epoch("alice")
