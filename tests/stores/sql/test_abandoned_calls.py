"""What a server does when it is not asked any more: its locks are released, and its connections end."""

import select
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.time_limit import time_limit
from flask_tokenauth.stores.sql import SQLStore

from ...engines.mariadb import MariaDB
from ...engines.postgresql import PostgreSQL
from ...engines.server import PATIENCE, Server
from ..sqlite_kit import engine_of

SHORT, DAY = timedelta(seconds=0.2), timedelta(days=1)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.mark.slow
def test_a_call_that_waits_for_a_lock_ends_on_the_server_when_its_client_has_gone(
    server: Server, database: str, server_store: SQLStore
) -> None:
    """Otherwise each try would leave one more connection to the server."""
    if not isinstance(server, PostgreSQL):
        pytest.skip("MariaDB looks for its clients by itself")
    server_store.bind(
        "https://issuer.example", timeout=timedelta(seconds=0.2), lifetime=timedelta(), leeway=timedelta()
    )
    server_store.read_epoch("alice")
    with server.connect(database) as other:
        other.execute("LOCK TABLE tokenauth_user_epoch")
        with pytest.raises(StoreUnavailable):
            server_store.read_epoch("alice")
        assert server.execute(WAITING) == [(1,)]
        while server.execute(WAITING) != [(0,)]:
            pass


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
