"""Tables that were dropped on a database server while others stayed, and tables that Alembic compares or creates."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, create_engine

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.revocation.feed import RevocationFeed
from flask_tokenauth.stores.sql import SQLStore, lost_tables, metadata, schema
from flask_tokenauth.testing.store_contract.kit import (
    add_key,
    find_key,
    has_reference_token,
    id_for,
    start,
    token_of,
)
from flask_tokenauth.testing.store_contract.revocation_pages import Reader, revoke

from ...engines.server import PATIENCE, Server
from ..server_kit import execute, prepared_store
from ..test_server_kit import DRIVERS

pytestmark = pytest.mark.usefixtures("patient")

DAY = timedelta(days=1)
TABLES = sorted(metadata.tables)
REVOCATIONS, EPOCHS = "tokenauth_revocation", "tokenauth_user_epoch"


@pytest.fixture(params=["postgresql_18", "postgresql_15", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    with prepared_store(server) as (database, _):
        yield database


def opened(server: Server, database: str) -> SQLStore:
    """Return a store that keeps revocations for a day."""
    store = SQLStore(server.url(database))
    store.bind("https://issuer.example", timeout=timedelta(seconds=PATIENCE), lifetime=DAY, leeway=timedelta(0))
    return store


@pytest.fixture
def store(server: Server, database: str) -> Iterator[SQLStore]:
    """A store with two sessions."""
    store = opened(server, database)
    for session_id in ("session", "other"):
        start(store, session_id)
    yield store
    store.close()


@pytest.fixture
def again(server: Server, database: str) -> Iterator[SQLStore]:
    """A store of another process, which starts later."""
    store = opened(server, database)
    yield store
    store.close()


def drop(server: Server, database: str, *tables: str) -> None:
    for table in tables:
        execute(server, database, f"DROP TABLE {table}")


def revoked(store: SQLStore, session_id: str, epoch: int = 0) -> bool:
    """Return whether a token of Alice is revoked."""
    return store.is_revoked(token_id=None, session_id=session_id, user_id="alice", epoch=epoch)


def test_notes_of_losses_name_tables_that_exist() -> None:
    assert lost_tables.find_losses({"lost tokenauth_session", "lost other", "schema"}) == ["tokenauth_session"]


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("use", ["create", "revocations_since"])
def test_each_table_that_was_dropped_is_created_with_a_warning(
    *,
    server: Server,
    database: str,
    store: SQLStore,
    again: SQLStore,
    caplog: pytest.LogCaptureFixture,
    table: str,
    use: str,
) -> None:
    drop(server, database, table)

    with caplog.at_level(logging.WARNING, "flask_tokenauth"):
        again.create() if use == "create" else again.revocations_since(None)

    assert again.inspection.find_lost_tables() == []
    assert f"all its tables, but {table} had been dropped" in caplog.text


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    ("tables", "live", "is_revoked"),
    [
        (["tokenauth_session"], False, False),
        (["tokenauth_store"], True, False),
        ([REVOCATIONS], True, False),
        ([EPOCHS], False, True),
        ([EPOCHS, REVOCATIONS], False, True),
    ],
)
def test_what_becomes_of_a_live_session(
    *,
    server: Server,
    database: str,
    store: SQLStore,
    again: SQLStore,
    tables: list[str],
    live: bool,
    is_revoked: bool,
) -> None:
    drop(server, database, *tables)

    assert (again.find_session("session") is not None) is live
    assert revoked(again, "session") is is_revoked


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    ("tables", "live"),
    [
        (["tokenauth_api_key"], ["token"]),
        (["tokenauth_reference_token"], ["key"]),
        (["tokenauth_store"], ["key", "token"]),
        ([REVOCATIONS], ["key", "token"]),
        ([EPOCHS], ["key", "token"]),
        ([EPOCHS, REVOCATIONS], []),
    ],
)
def test_what_becomes_of_api_keys_and_reference_tokens(
    *, server: Server, database: str, store: SQLStore, again: SQLStore, tables: list[str], live: list[str]
) -> None:
    for key, user_id in ("key", "alice"), ("of bob", "bob"), ("revoked", "alice"):
        add_key(store, key, user_id, lifetime=None)
    store.add_reference_token(token_of())
    store.revoke_api_key(id_for("revoked"), retention=DAY)
    epoch = store.revoke_user("bob", retention=DAY, api_keys=True)

    drop(server, database, *tables)

    found = [key for key in ("key", "of bob", "revoked") if find_key(again, key)]
    assert found + ["token"] * has_reference_token(again) == live
    known = {("user", "bob"), ("api_keys", "bob"), ("token", id_for("revoked"))}
    assert REVOCATIONS in tables[1:] or Reader(again).fetch() >= known
    new = add_key(again, "new", "bob")
    assert new is not None
    assert new.key_epoch == (0 if REVOCATIONS in tables[1:] else epoch)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("tables", [[REVOCATIONS], ["tokenauth_store"], [REVOCATIONS, "tokenauth_store"]])
def test_revoked_sessions_and_users_stay_revoked(
    server: Server, database: str, store: SQLStore, again: SQLStore, tables: list[str]
) -> None:
    store.end_session("session", retention=DAY)
    epoch = store.revoke_user("alice", retention=DAY, api_keys=False)

    drop(server, database, *tables)

    assert revoked(again, "session", epoch)
    assert revoked(again, "other", epoch - 1)
    assert not revoked(again, "other", epoch)
    reader = Reader(again)
    assert reader.fetch() == {("session", "session"), ("user", "alice")}
    revoke(again, "next")
    assert reader.fetch() == {("token", "next")}


@pytest.mark.once
@pytest.mark.slow
def test_a_user_who_was_revoked_can_log_in_without_the_epochs(
    server: Server, database: str, store: SQLStore, again: SQLStore
) -> None:
    store.revoke_user("alice", retention=DAY, api_keys=False)
    epoch = store.revoke_user("alice", retention=DAY, api_keys=False)

    drop(server, database, EPOCHS)

    assert again.read_epoch("alice") == epoch


@pytest.mark.once
@pytest.mark.slow
def test_a_worker_gives_back_the_revocations_of_a_table_that_was_dropped(
    server: Server, database: str, store: SQLStore, again: SQLStore
) -> None:
    feed = RevocationFeed(store, interval=timedelta(microseconds=1), max_staleness=DAY)
    revoke(store, "a", "b")
    feed.warm()
    drop(server, database, REVOCATIONS)
    again.create()

    assert feed.is_revoked(token_id="b", exp=4e9, session_id=None, user_id="bob", epoch=0)
    assert again.is_revoked(token_id="b", session_id=None, user_id="bob", epoch=0)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("by_others", [False, True])
def test_rows_are_replaced_by_the_next_process_if_the_first_has_failed(
    server: Server,
    database: str,
    store: SQLStore,
    monkeypatch: pytest.MonkeyPatch,
    *,
    by_others: bool,
) -> None:
    """MariaDB commits each table that is created, and other processes use it at once."""
    epoch = store.revoke_user("bob", retention=DAY, api_keys=False)
    drop(server, database, EPOCHS)

    def fail(*_: object) -> None:
        raise StoreUnavailable("the server was stopped")

    first = opened(server, database)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "replace_rows", fail)
        with pytest.raises(StoreUnavailable, match="was stopped"):
            first.create()
    if by_others and first.inspection.find_lost_tables() == []:
        start(store, "meanwhile", user_id="bob")
    first.close()
    again = opened(server, database)

    assert again.find_session("session") is None
    assert revoked(again, "session")
    assert again.read_epoch("bob") == epoch
    again.close()


@pytest.fixture
def engine(server: Server) -> Iterator[Engine]:
    """The engine of an application with an empty database."""
    with server.new_database() as database:
        engine = create_engine(server.url(database).replace(server.scheme, DRIVERS[server.scheme], 1))
        yield engine
        engine.dispose()


def compare(engine: Engine) -> list[Any]:
    """Return what Alembic would put into a migration."""
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


@pytest.mark.once
@pytest.mark.slow
def test_alembic_finds_no_difference(engine: Engine) -> None:
    store = SQLStore(engine)
    store.create()
    store.close()

    assert compare(engine) == []


@pytest.mark.once
@pytest.mark.slow
def test_tables_of_a_migration_are_used_without_more_statements_that_define(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        found = produce_migrations(context, metadata).upgrade_ops
        assert found is not None
        for operation in found.ops:
            for part in getattr(operation, "ops", [operation]):  # the indexes of a table, or the table
                Operations(context).invoke(part)
    store, defined = SQLStore(engine), []
    monkeypatch.setattr("sqlalchemy.sql.ddl.CreateTable.__init__", lambda *_: defined.append("table"))
    monkeypatch.setattr("sqlalchemy.sql.ddl.CreateIndex.__init__", lambda *_: defined.append("index"))

    start(store)
    revoke(store, "a")

    assert {entry.subject for entry in store.revocations_since(None).entries} == {"a"}
    assert defined == []
    store.close()
