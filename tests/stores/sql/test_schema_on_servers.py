"""The tables on real servers: many processes create them at once, and those of others are refused."""

from pathlib import Path

import pytest

from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql.tables import SCHEMA

from ...engines.server import Server
from .. import sqlite_kit
from ..calls import DAY
from ..process_kit import Spawn, run_at_once
from ..server_kit import execute

PROCESSES = 8
REFUSED = (
    f"must be of schema {SCHEMA}, got .*: a newer release of Flask-TokenAuth has probably upgraded them. Install that"
)


def bind(store: SQLStore, issuer: str) -> SQLStore:
    store.bind(issuer, timeout=DAY, lifetime=DAY, leeway=DAY)
    return store


@pytest.mark.once
@pytest.mark.slow
def test_tables_that_many_processes_use_first_are_created_once(server: Server, spawn: Spawn) -> None:
    with server.new_database() as database:
        lines = run_at_once([spawn("use_first", server.url(database)) for _ in range(PROCESSES)])
        sessions = execute(server, database, "SELECT count(*) FROM tokenauth_session")
        facts = execute(server, database, "SELECT count(*) FROM tokenauth_store WHERE name = 'store_id'")

    assert lines == ["started"] * PROCESSES
    assert [sessions, facts] == [[(PROCESSES,)], [(1,)]]


@pytest.mark.parametrize("schema", [str(SCHEMA + 1), "x"])
def test_a_file_of_another_release_is_refused(path: Path, store: SQLStore, schema: str) -> None:
    store.create()
    sqlite_kit.execute(path, f"UPDATE tokenauth_store SET value = '{schema}' WHERE name = 'schema'")
    store.close()

    with pytest.raises(StoreUnavailable, match=REFUSED):
        store.find_session("session")


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("schema", [str(SCHEMA + 1), "x"])
def test_tables_of_another_release_are_refused(
    server: Server, database: str, server_store: SQLStore, schema: str
) -> None:
    server_store.close()
    execute(server, database, "UPDATE tokenauth_store SET value = %s WHERE name = 'schema'", schema)

    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=REFUSED):
            server_store.find_session("session")


@pytest.mark.once
@pytest.mark.slow
def test_tables_of_another_issuer_are_refused(server: Server, database: str, server_store: SQLStore) -> None:
    bind(server_store, "https://one.example").create()
    other = bind(SQLStore(server.url(database)), "https://two.example")

    with pytest.raises(SettingsError, match=r"https://one\.example"):
        other.find_session("session")
    other.close()


@pytest.mark.once
@pytest.mark.slow
def test_a_process_that_dies_while_it_creates_tables_does_not_keep_others_from_it(server: Server, spawn: Spawn) -> None:
    with server.new_database() as database:
        child = spawn("die_while_creating", server.url(database))
        assert child.wait(90) != 0
        store = SQLStore(server.url(database))
        found = store.find_session("session")
        risks = store.inspection.find_lost_tables()
        store.close()

    assert (found, risks) == (None, [])
