"""The statements that run most often use an index on database servers, whether statistics are there or not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract import kit
from flask_tokenauth.testing.store_contract.revocation_pages import revoke
from flask_tokenauth.testing.store_contract.spending import spend

from ...engines.postgresql import PostgreSQL
from ...engines.server import Server
from ..server_kit import execute, prepared_store
from ..sqlite_kit import engine_of, sent

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
LOOKED_UP = ("tokenauth_api_key", "tokenauth_reference_token", "tokenauth_spent")
LARGE = ("tokenauth_revocation", *LOOKED_UP)
SERIES = {"postgresql": f"generate_series(1, {ROWS}) seq", "mysql": f"seq_1_to_{ROWS}"}
FILL_LOOKED_UP = (
    "INSERT INTO tokenauth_api_key SELECT concat('id', seq), concat('digest', seq), concat('user', seq / 100), 'name',"
    " 'hint', '{{}}', seq, NULL, NULL, NULL, 0 FROM {series}",
    "INSERT INTO tokenauth_reference_token SELECT concat('id', seq), concat('digest', seq), concat('user', seq / 100),"
    " 0, '{{}}', 4000000000000 + seq, NULL FROM {series}",
    "INSERT INTO tokenauth_spent SELECT concat('id', seq), seq, 4000000000000 + seq FROM {series}",
)
CALLS: dict[str, Callable[[SQLStore], object]] = {
    "add_api_key": kit.add_key,
    "find_api_key": kit.find_key,
    "list_api_keys": kit.list_keys,
    "revoke_api_key": lambda store: store.revoke_api_key(kit.id_for("key"), retention=kit.RETENTION),
    "note_uses_of_api_keys": lambda store: store.note_uses_of_api_keys({kit.id_for("key"): kit.RETENTION}),
    "add_reference_token": lambda store: store.add_reference_token(kit.token_of()),
    "find_reference_token": kit.has_reference_token,
    "spend": spend,
    "revoke": lambda store: revoke(store, kit.id_for("token")),
}


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


def find_scans(server: Server, rows: list[Any]) -> list[str]:
    """Return the parts of a plan that read the whole table, or a large part of it."""
    if isinstance(server, PostgreSQL):
        return [line for (line,) in rows if any(f"Seq Scan on {table}" in line for table in LARGE)]
    of_table = [row for row in rows if row.table in LARGE and row.rows is not None]  # an INSERT looks at no rows
    return [f"{row.type} {row.key}" for row in of_table if row.type in ("ALL", "index") or int(row.rows) > MOST]


def assert_uses_indexes(server: Server, store: SQLStore, call: Callable[[], object]) -> None:
    statements = [found for found in sent(store, call) if any(table in found[0] for table in LARGE)]
    assert statements
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


@pytest.fixture(params=[False, True], ids=["not analyzed", "analyzed"])
def filled(request: pytest.FixtureRequest, server: Server) -> Iterator[SQLStore]:
    """A store with many API keys and reference tokens."""
    with prepared_store(server) as (database, store):
        if not request.param and isinstance(server, PostgreSQL):
            for table in LOOKED_UP:
                execute(server, database, f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        for statement in FILL_LOOKED_UP:
            execute(server, database, statement.format(series=SERIES[server.scheme]))
        if request.param:
            for table in LOOKED_UP:
                execute(server, database, ANALYZE[server.scheme].replace("tokenauth_revocation", table))
        yield store


@pytest.mark.once
@pytest.mark.slow
def test_each_call_about_api_keys_and_reference_tokens_uses_an_index(server: Server, filled: SQLStore) -> None:
    for call in CALLS.values():
        assert_uses_indexes(server, filled, lambda: call(filled))  # noqa: B023  # it is called at once
