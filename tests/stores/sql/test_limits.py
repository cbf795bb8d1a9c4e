"""The time limit of the first call of a process, and what a server does when a call has ended before its answer."""

import math
import select
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.time_limit import remaining, time_limit
from flask_tokenauth.stores.sql import SQLStore, prepared_tables, transactions
from flask_tokenauth.stores.sql.engine import LONGEST_LOAD, LONGEST_WRITE
from flask_tokenauth.stores.sql.sqlite.dialect import SQLite
from flask_tokenauth.testing.store_contract.kit import start

from ...engines.mariadb import MariaDB
from ...engines.postgresql import PostgreSQL
from ...engines.server import PATIENCE, Server
from ...waiting import wait_until
from ..sqlite_kit import engine_of

DAY = timedelta(days=1)
TIMEOUT, LOCKED = timedelta(seconds=10), timedelta(seconds=2)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were left in the steps of a call, in their order."""
    seen: list[float] = []

    def noting(step: Callable[..., Any]) -> Callable[..., Any]:
        def note(*args: Any, **options: Any) -> Any:
            seen.append(remaining())
            return step(*args, **options)

        return note

    for module, name in (
        (prepared_tables, "is_complete"),
        (prepared_tables, "create_missing"),
        (transactions, "read_epoch"),
        (transactions, "insert"),
    ):
        monkeypatch.setattr(module, name, noting(getattr(module, name)))
    return seen


@pytest.fixture
def bound(store: SQLStore) -> SQLStore:
    store.bind("https://issuer.example", timeout=TIMEOUT, lifetime=DAY, leeway=timedelta(0))
    return store


@pytest.mark.parametrize(
    ("has_one_writer", "limit"), [(False, TIMEOUT.total_seconds()), (True, LONGEST_WRITE)], ids=["a server", "SQLite"]
)
def test_the_first_read_shares_its_limit_with_all_that_comes_before_it(
    bound: SQLStore, seen: list[float], monkeypatch: pytest.MonkeyPatch, has_one_writer: object, limit: float
) -> None:
    monkeypatch.setattr(SQLite, "has_one_writer", has_one_writer)

    bound.read_epoch("alice")

    assert len(seen) == 3
    assert limit >= seen[0] > seen[1] > seen[2] > 0


def test_the_first_write_has_time_to_create_tables(bound: SQLStore, seen: list[float]) -> None:
    start(bound)

    assert len(seen) == 3
    assert max(seen) <= LONGEST_LOAD + LONGEST_WRITE
    assert 0 < seen[2] <= LONGEST_WRITE


def test_tables_are_created_by_command_without_a_limit(bound: SQLStore, seen: list[float]) -> None:
    """A new index of a large table takes minutes."""
    bound.create()

    assert seen[1] == math.inf


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_call_that_waits_for_a_lock_ends_on_the_server_when_its_client_has_gone(
    server: Server, database: str, server_store: SQLStore
) -> None:
    """Otherwise each try would leave one more connection to the server."""
    if not isinstance(server, PostgreSQL):
        pytest.skip("MariaDB looks for its clients by itself")
    server_store.read_epoch("alice")
    server_store._database.timeout = 0.2
    with server.connect(database) as other:
        other.execute("LOCK TABLE tokenauth_user_epoch")
        with pytest.raises(StoreUnavailable):
            server_store.read_epoch("alice")
        assert server.execute(WAITING) == [(1,)]
        wait_until(lambda: server.execute(WAITING) == [(0,)])


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_transaction_whose_client_is_silent_ends_on_the_server(server: Server, server_store: SQLStore) -> None:
    """As if the machine of the client had vanished: its locks are needed by others."""
    dialect, connection = server_store._database.dialect, engine_of(server_store).connect()
    driver: Any = connection.connection.dbapi_connection
    if isinstance(server, MariaDB):
        assert connection.execute(text("SELECT @@idle_transaction_timeout")).scalar_one() == 15
        connection.execute(text("SET idle_transaction_timeout = 1"))
    with time_limit(0.5):
        dialect.begin(connection)
    dialect.lock_user(connection, "alice")

    assert select.select([getattr(driver, "_sock", driver)], [], [], PATIENCE)[0]
    connection.invalidate()
    connection.close()
