"""The statements that run most often use an index on database servers, whether statistics are there or not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.revocation_pages import revoke

from ...engines.postgresql import PostgreSQL
from ...engines.server import Server
from ..server_kit import execute, prepared_store
from ..sqlite_kit import engine_of

ROWS = 100_000
MOST = 1000  # rows that a statement may look at by an estimate
COLUMNS = "(id, transaction_id, mark, kind, subject, expires_at)"
FILL = {
    "postgresql": f"INSERT INTO tokenauth_revocation {COLUMNS} SELECT n, 1, 0, 't', 'token' || n, 4000000000000 + n"
    f" FROM generate_series(1, {ROWS}) n",
    "mysql": f"INSERT INTO tokenauth_revocation {COLUMNS} SELECT seq, 0, seq, 't', CONCAT('token', seq),"
    f" 4000000000000 + seq FROM seq_1_to_{ROWS}",
}
HEAD = f"UPDATE tokenauth_store SET number = {ROWS} WHERE name = 'last_revocation'"
ANALYZE = {"postgresql": "ANALYZE tokenauth_revocation", "mysql": "ANALYZE TABLE tokenauth_revocation"}


@pytest.fixture(params=["postgresql_18", "postgresql_15", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(params=[False, True], ids=["not analyzed", "analyzed"])
def store(request: pytest.FixtureRequest, server: Server) -> Iterator[SQLStore]:
    with prepared_store(server) as (database, store):
        if not request.param and isinstance(server, PostgreSQL):
            execute(server, database, "ALTER TABLE tokenauth_revocation SET (autovacuum_enabled = false)")
        execute(server, database, FILL[server.scheme])
        execute(server, database, HEAD)
        if request.param:
            execute(server, database, ANALYZE[server.scheme])
        yield store


def sent(store: SQLStore, call: Callable[[], object]) -> list[tuple[str, Any]]:
    """Return the statements that a call sends, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        found.append((statement, parameters))

    engine = engine_of(store)
    event.listen(engine, "before_cursor_execute", note)
    call()
    event.remove(engine, "before_cursor_execute", note)
    return found


def find_scans(server: Server, rows: list[Any]) -> list[str]:
    """Return the parts of a plan that read the whole table, or a large part of it."""
    if isinstance(server, PostgreSQL):
        return [line for (line,) in rows if "Seq Scan on tokenauth_revocation" in line]
    of_table = [row for row in rows if row.table == "tokenauth_revocation"]
    return [f"{row.type} {row.key}" for row in of_table if row.type in ("ALL", "index") or int(row.rows) > MOST]


def assert_uses_indexes(server: Server, store: SQLStore, call: Callable[[], object]) -> None:
    statements = sent(store, call)
    with engine_of(store).connect() as connection:
        for statement, parameters in statements:
            rows = list(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))
            assert find_scans(server, rows) == [], statement


def test_a_plan_that_reads_the_whole_table_is_found() -> None:
    server = object.__new__(PostgreSQL)

    assert find_scans(server, [("Seq Scan on tokenauth_revocation  (cost=1)",), ("Index Scan",)])


@pytest.mark.once
@pytest.mark.slow
def test_a_poll_that_brings_nothing_uses_an_index(server: Server, store: SQLStore) -> None:
    cursor = load(store)

    assert_uses_indexes(server, store, lambda: store.revocations_since(cursor))


@pytest.mark.once
@pytest.mark.slow
def test_a_poll_that_brings_revocations_uses_an_index(server: Server, store: SQLStore) -> None:
    cursor = load(store)
    revoke(store, "a", "b")

    assert_uses_indexes(server, store, lambda: store.revocations_since(cursor))


@pytest.mark.once
@pytest.mark.slow
def test_looking_a_token_up_uses_an_index(server: Server, store: SQLStore) -> None:
    assert_uses_indexes(server, store, lambda: store.is_revoked(token_id="t", session_id="s", user_id="alice", epoch=5))


def load(store: SQLStore) -> str | None:
    """Load all revocations and return the cursor."""
    cursor, more, number = None, True, 0
    while more:
        page = store.revocations_since(cursor)
        cursor, more, number = page.cursor, page.more, number + len(page.entries)
    assert number == ROWS
    return cursor
