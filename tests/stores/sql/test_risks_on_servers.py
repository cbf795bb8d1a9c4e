"""The settings of real servers that put a promise at risk: the sentences for the log and for the doctor."""

import time
from contextlib import ExitStack
from datetime import timedelta

import pytest

from flask_tokenauth.stores.sql import SQLStore

from ...engines.mariadb import MariaDB
from ...engines.server import LOCAL, USER, Server
from ..calls import DAY

LEEWAY = timedelta(seconds=10)


def find_risks(store: SQLStore, *, processes: int | None = None) -> list[str]:
    return store.inspection.find_risks(leeway=LEEWAY, processes=processes)


def test_sqlite_has_no_limit_of_connections(store: SQLStore) -> None:
    assert find_risks(store, processes=1000) == []


@pytest.mark.once
@pytest.mark.slow
def test_a_server_of_the_tests_has_no_risk(server_store: SQLStore) -> None:
    assert find_risks(server_store, processes=1) == []


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("difference", [-60, 60])
def test_a_difference_of_the_clocks_is_a_risk(
    server_store: SQLStore, monkeypatch: pytest.MonkeyPatch, difference: int
) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + difference)

    [risk] = find_risks(server_store)

    assert risk.startswith("the clocks of this machine and of the database server must not differ by more than TOKENA")


@pytest.mark.once
@pytest.mark.slow
def test_a_risk_is_logged_once_on_the_first_use(
    server: Server, database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 60)
    store = SQLStore(server.url(database))
    store.bind("https://issuer.example", timeout=DAY, lifetime=DAY, leeway=LEEWAY)
    store.find_session("session")
    store.close()
    store.find_session("session")
    store.close()

    [message] = [record.message for record in caplog.records if record.name == "flask_tokenauth"]
    assert message.startswith("TOKENAUTH_STORE: the clocks of this machine")


@pytest.mark.once
@pytest.mark.slow
def test_fewer_connections_than_the_processes_may_open_are_a_risk(server_store: SQLStore) -> None:
    [risk] = find_risks(server_store, processes=30)

    assert risk.startswith("the processes of this application may open 180 connections to the database server, which ")


@pytest.mark.once
@pytest.mark.slow
def test_a_limit_of_the_user_is_a_risk(server: Server, server_store: SQLStore) -> None:
    if isinstance(server, MariaDB):
        limit, lift = (f"ALTER USER {USER}@'{LOCAL}' WITH MAX_USER_CONNECTIONS {most}" for most in (10, 0))
    else:
        limit, lift = (f"ALTER ROLE {USER} CONNECTION LIMIT {most}" for most in (10, -1))
    server.execute(limit)
    try:
        server_store.close()
        [risk] = find_risks(server_store, processes=2)
    finally:
        server.execute(lift)

    assert "may open 12 connections to the database server, which allows 10: raise its limit" in risk


@pytest.mark.once
@pytest.mark.slow
def test_a_log_that_is_not_flushed_at_each_commit_is_a_risk(server: Server, server_store: SQLStore) -> None:
    with ExitStack() as stack:
        if isinstance(server, MariaDB):
            server.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
            stack.callback(server.execute, "SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        else:
            server.stop()
            server.start("-c", "fsync=off")
            stack.callback(server.start)
            stack.callback(server.stop)
        [risk] = find_risks(server_store)

    assert risk in {
        "innodb_flush_log_at_trx_commit of the database server must be 1, got 2: a crash can lose revocations of the "
        "last second that the store has confirmed",
        "fsync of the database server must be on, got off: a crash can damage or lose all data",
    }
