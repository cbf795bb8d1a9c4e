"""The recipes of docs/extensions.rst for cookies on the server, sockets, migrations and jobs do their work.

Each is executed as the page prints it, after the program at the top of that page.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_socketio import SocketIO  # type: ignore[import-untyped]  # has no types

from flask_tokenauth import StoreUnavailable
from flask_tokenauth.core.store import Store
from flask_tokenauth.testing import at, logged_in, token_headers

from .conftest import Follow, Names
from .pages.collecting import kept_loggers

SESSION = "from flask_session import"
SOCKETIO = "import flask_socketio"
MIGRATE = "table.to_metadata(db.metadata)"
SKIP_TABLES = "def include_name("
CELERY = "from celery import"

PASSWORD = {"username": "alice", "password": "wonderland"}


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Restore loggers: a migration disables all that there are."""
    with kept_loggers():
        yield


def access_token(app: Flask, user_id: str, **options: Any) -> str:
    """Return an access token of this application."""
    return token_headers(app, user_id, **options)["Authorization"].removeprefix("Bearer ")


# Flask-Session


def test_a_session_on_the_server_does_not_open_the_api(follow: Follow) -> None:
    client = follow(SESSION)["app"].test_client()

    assert client.post("/basket", data={"item": "tea"}).json == {"basket": ["tea"]}
    assert client.post("/basket", data={"item": "jam"}).json == {"basket": ["tea", "jam"]}
    assert client.get("/api").status_code == 401


def test_a_token_creates_no_session_on_the_server(follow: Follow, tmp_path: Path) -> None:
    answer = logged_in(follow(SESSION)["app"], "bob").get("/api")

    assert (answer.json, "Set-Cookie" in answer.headers) == ({"from the token": "bob"}, False)
    files = [path for path in (tmp_path / "flask_sessions").iterdir() if path.stat().st_size > 100]
    assert files == []


def test_a_session_on_the_server_and_a_token_stay_apart_in_one_client(follow: Follow) -> None:
    app = follow(SESSION)["app"]
    client = app.test_client()
    client.post("/basket", data={"item": "tea"})

    assert client.get("/api", headers=token_headers(app, "bob")).json == {"from the token": "bob"}
    assert client.post("/basket", data={"item": "jam"}, headers=token_headers(app, "bob")).json == {
        "basket": ["tea", "jam"]
    }


# Flask-SocketIO


Tasks = list[Callable[[], None]]


@pytest.fixture(autouse=True)
def tasks(monkeypatch: pytest.MonkeyPatch) -> Tasks:
    """Return the background tasks that are started. A test calls them itself."""
    started: Tasks = []
    monkeypatch.setattr(
        SocketIO, "start_background_task", lambda _, task, *arguments: started.append(partial(task, *arguments))
    )
    return started


@pytest.fixture
def sockets(follow: Follow) -> Names:
    return follow(SOCKETIO, TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER="reporting")


def connect(names: Names, sent: object, **options: Any) -> Any:
    """Return a client of Socket.IO that sends this as ``auth``."""
    return names["socketio"].test_client(names["app"], auth=sent, **options)


def test_a_socket_with_a_good_token_publishes_as_its_user(sockets: Names) -> None:
    client = connect(sockets, {"token": access_token(sockets["app"], "alice")})

    client.emit("publish", "hello")

    assert [event["args"] for event in client.get_received()] == [["alice: hello"]]


@pytest.mark.parametrize("sent", [None, "x", [], {}, {"token": None}, {"token": 1}, {"token": "x.y.z"}])
def test_a_socket_without_a_good_token_is_refused(sockets: Names, sent: object) -> None:
    assert not connect(sockets, sent).is_connected()


def test_the_header_of_the_first_request_opens_no_socket(sockets: Names) -> None:
    assert not connect(sockets, None, headers=token_headers(sockets["app"], "alice")).is_connected()


def test_a_socket_ends_when_its_token_expires(sockets: Names) -> None:
    client = connect(sockets, {"token": access_token(sockets["app"], "alice")})

    with at(sockets["app"], timedelta(minutes=16)):
        client.emit("publish", "too late")

    assert not client.is_connected()


def revoke(names: Names) -> None:
    with names["app"].app_context():
        names["auth"].revoke_user("alice", api_keys=True)


def test_a_socket_ends_when_its_token_is_revoked(sockets: Names) -> None:
    client = connect(sockets, {"token": access_token(sockets["app"], "alice")})
    revoke(sockets)

    client.emit("publish", "too late")

    assert (client.is_connected(), sockets["tokens"]) == (False, {})


def test_a_socket_that_only_listens_ends_within_a_minute_of_a_revocation(sockets: Names, tasks: Tasks) -> None:
    listener, other = (connect(sockets, {"token": access_token(sockets["app"], name)}) for name in ("alice", "bob"))
    minutes: Tasks = [lambda: None, lambda: revoke(sockets)]
    sockets["socketio"].sleep = lambda seconds: minutes.pop(0)()

    tasks[0]()

    assert (listener.is_connected(), other.is_connected(), minutes) == (False, True, [])


def test_the_task_of_a_socket_ends_with_it(sockets: Names, tasks: Tasks) -> None:
    client = connect(sockets, {"token": access_token(sockets["app"], "alice")})
    sockets["socketio"].sleep = lambda seconds: client.disconnect()

    tasks[0]()

    assert sockets["tokens"] == {}


def test_a_socket_ends_while_the_store_is_away(sockets: Names, tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(sockets, {"token": access_token(sockets["app"], "alice")})

    def fail(text: str) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(sockets["auth"], "verify", fail)
    tasks[0]()

    assert not client.is_connected()


def test_a_socket_keeps_the_user_of_its_own_token(sockets: Names) -> None:
    clients = [connect(sockets, {"token": access_token(sockets["app"], name)}) for name in ("alice", "bob")]

    for client in clients:
        client.emit("publish", "hello")

    assert [client.get_received()[-1]["args"] for client in clients] == [["alice: hello"], ["bob: hello"]]


def test_no_socket_opens_while_the_store_is_away(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    names = follow(SOCKETIO, TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER="reporting", TOKENAUTH_REVOCATION="strict")
    sent = {"token": access_token(names["app"], "alice")}
    store: Store = names["app"].extensions["tokenauth"].store

    def fail(*args: object, **options: object) -> None:
        raise StoreUnavailable("gone")

    for name in ("is_revoked", "find_session", "news", "revocations_since"):
        if hasattr(store, name):
            monkeypatch.setattr(store, name, fail)
    with pytest.raises(StoreUnavailable):
        connect(names, sent)


# Flask-Migrate


@pytest.fixture
def migrated(follow: Follow, tmp_path: Path) -> Iterator[Names]:
    names = follow(MIGRATE)
    yield names
    with names["app"].app_context():
        names["app"].extensions["tokenauth"].store.close()
        names["db"].engine.dispose()


def run(app: Flask, *words: str) -> str:
    """Run ``flask db …``, and return what it prints."""
    result = app.test_cli_runner().invoke(args=["db", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


old_env = pytest.mark.filterwarnings("ignore:'get_engine' is deprecated:DeprecationWarning")


@old_env
def test_a_migration_makes_the_tables_of_the_store(migrated: Names) -> None:
    app = migrated["app"]
    for words in (["init"], ["migrate", "-m", "tables"], ["upgrade"]):
        run(app, *words)
    app.add_url_rule("/login", view_func=lambda: migrated["token_response"]("alice"))

    with closing(sqlite3.connect(Path(app.instance_path) / "reporting.db")) as connection:
        tables = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    assert {name for name in tables if name.startswith("tokenauth_")} == set(migrated["metadata"].tables)
    assert "AUTOINCREMENT" in tables["tokenauth_revocation"]
    assert app.test_client().get("/login").json["refresh_token"].startswith("rt1_")


@old_env
def test_a_second_migration_finds_nothing_to_do(migrated: Names) -> None:
    app = migrated["app"]
    for words in (["init"], ["migrate", "-m", "tables"], ["upgrade"], ["migrate", "-m", "again"]):
        run(app, *words)

    assert len(list(Path("migrations/versions").glob("*.py"))) == 1


@old_env
def test_without_the_recipe_a_migration_would_drop_the_tables(migrated: Names) -> None:
    app, db = migrated["app"], migrated["db"]
    with app.app_context():
        app.extensions["tokenauth"].store.create()
    for name in migrated["metadata"].tables:
        db.metadata.remove(db.metadata.tables[name])
    run(app, "init")
    run(app, "migrate", "-m", "tables")

    [script] = Path("migrations/versions").glob("*.py")
    assert "op.drop_table('tokenauth_session')" in script.read_text().partition("def downgrade")[0]


@pytest.fixture
def skipped(follow: Follow) -> Iterator[Names]:
    """The application that keeps migrations from the tables of the store, which exist, with a model and a bind."""
    names = follow(SKIP_TABLES, SQLALCHEMY_BINDS='{"other": "sqlite:///other.db"}')
    app, db = names["app"], names["db"]
    db.Table("report", db.Column("id", db.Integer, primary_key=True))
    with app.app_context():
        app.extensions["tokenauth"].store.create()
        yield names
        app.extensions["tokenauth"].store.close()
        for engine in db.engines.values():
            engine.dispose()


@old_env
@pytest.mark.parametrize("template", ["flask", "flask-multidb"])
def test_a_migration_leaves_the_tables_to_the_store(skipped: Names, template: str) -> None:
    run(skipped["app"], "init", "--template", template)
    run(skipped["app"], "migrate", "-m", "models")

    [script] = Path("migrations/versions").glob("*.py")
    assert "op.create_table('report'" in script.read_text()
    assert "tokenauth" not in script.read_text()


def test_every_template_of_flask_migrate_gives_the_function_to_alembic() -> None:
    """Those for async need another package than Flask-SQLAlchemy."""
    found = list(Path(str(files("flask_migrate") / "templates")).glob("*/env.py"))

    assert len(found) >= 4
    assert [path for path in found if "**conf_args" not in path.read_text()] == []


# Celery


@pytest.fixture
def jobs(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> Names:
    monkeypatch.setattr("celery._state._on_app_finalizers", set())  # the tasks of others, which all applications share
    names = follow(CELERY)
    names["celery"].conf.update(broker_url="memory://", result_backend="cache+memory://")
    return names


def order(app: Flask, *scopes: str) -> FlaskClient:
    return logged_in(app, "alice", scopes)


@pytest.mark.once
@pytest.mark.slow
def test_a_worker_writes_the_report_for_the_user_of_the_request(jobs: Names) -> None:
    from celery.contrib.testing.worker import start_worker  # noqa: PLC0415  # it takes a while to import

    results = []
    delay = jobs["write_report"].delay
    jobs["write_report"].delay = lambda *args: results.append(delay(*args))
    with start_worker(jobs["celery"], perform_ping_check=False, pool="solo"):
        answer = order(jobs["app"], "reports:write").post("/reports", data={"title": "May"})
        assert answer.status_code == 202
        assert [result.get(timeout=30) for result in results] == ["May, for alice"]


@pytest.mark.parametrize("scopes", [(), ("reports:read",)])
def test_nothing_is_ordered_without_the_scope(jobs: Names, scopes: tuple[str, ...]) -> None:
    jobs["write_report"].delay = lambda *args: pytest.fail("ordered")

    assert order(jobs["app"], *scopes).post("/reports", data={"title": "May"}).status_code == 403


def test_a_task_has_the_context_of_the_application(jobs: Names) -> None:
    jobs["celery"].conf.task_always_eager = True
    text = access_token(jobs["app"], "alice")

    def whose() -> str:
        subject: str = jobs["auth"].verify(text).subject
        return subject

    assert jobs["celery"].task(whose, name="whose").delay().get() == "alice"
