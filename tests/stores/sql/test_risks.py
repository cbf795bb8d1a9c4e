"""Settings of a server that put a promise at risk: the limits, and the warnings of a store in use."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import DBAPIError

from flask_tokenauth.stores import clocks
from flask_tokenauth.stores.sql import SQLStore, source
from flask_tokenauth.stores.sql.connections import MOST
from flask_tokenauth.stores.sql.risks import clock_risks, connection_risks

from ..risks_kit import RiskyServer
from ..sqlite_kit import url_of

NOW = 1_700_000_000.0  # seconds
LEEWAY = 10_000  # milliseconds
SECOND = timedelta(seconds=1)


def find_clock_risks(monkeypatch: pytest.MonkeyPatch, *, server: float, took: float = 0) -> list[str]:
    """Return the sentences for a server whose clock is ahead by *server* ms and whose answer took *took* seconds."""
    times = iter([NOW, NOW + took])
    monkeypatch.setattr(clocks, "time", SimpleNamespace(time=lambda: next(times)))
    return list(clock_risks(lambda: int(NOW * 1000 + server), LEEWAY))


@pytest.mark.parametrize("server", [0, LEEWAY, -LEEWAY, LEEWAY + 1, -LEEWAY - 1])
def test_clocks_that_differ_by_the_leeway_are_no_risk(monkeypatch: pytest.MonkeyPatch, server: int) -> None:
    """The server may have rounded its time up by a millisecond."""
    assert find_clock_risks(monkeypatch, server=server) == []


@pytest.mark.parametrize("server", [LEEWAY + 2, -LEEWAY - 2])
def test_clocks_that_differ_by_more_than_the_leeway_are_a_risk(monkeypatch: pytest.MonkeyPatch, server: int) -> None:
    assert find_clock_risks(monkeypatch, server=server) == [
        "the clocks of this machine and of the database server must not differ by more than TOKENAUTH_LEEWAY (10 s), "
        "got 10.0 s: set both by NTP"
    ]


@pytest.mark.parametrize("server", [0, 30_000, 60_000, 60_000 + LEEWAY, -LEEWAY])
def test_an_answer_that_took_long_is_no_difference_of_clocks(monkeypatch: pytest.MonkeyPatch, server: int) -> None:
    assert find_clock_risks(monkeypatch, server=server, took=60) == []


@pytest.mark.parametrize("server", [60_000 + LEEWAY + 2, -LEEWAY - 2])
def test_a_difference_beyond_the_time_of_the_answer_is_a_risk(monkeypatch: pytest.MonkeyPatch, server: int) -> None:
    assert find_clock_risks(monkeypatch, server=server, took=60) != []


@pytest.mark.parametrize(("most", "needed"), [(10, 9), (10, 10), (0, 0), (10, None)])
def test_enough_connections_are_no_risk(most: int, needed: int | None) -> None:
    assert list(connection_risks(most, needed)) == []


def test_too_few_connections_are_a_risk() -> None:
    assert list(connection_risks(10, 11)) == [
        "the processes of this application may open 11 connections to the database server, which allows 10: raise its "
        "limit, run fewer processes, or use a pooler such as PgBouncer in transaction mode"
    ]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> RiskyServer:
    """The server that each new store finds in place of SQLite."""
    server = RiskyServer()
    monkeypatch.setitem(source._DIALECTS, "sqlite", (lambda: server, "pysqlite", ""))
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    return server


@pytest.fixture
def store(path: Path, server: RiskyServer) -> Iterator[SQLStore]:
    store = SQLStore(url_of(path))
    bind(store)
    yield store
    store.close()


def bind(store: SQLStore, leeway: timedelta = SECOND) -> None:
    store.bind("https://issuer.example", timeout=SECOND, lifetime=SECOND, leeway=leeway)


def test_the_first_use_of_a_store_logs_each_risk(
    store: SQLStore, server: RiskyServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.risks = ["fsync must be on", "100 % is too much"]

    store.read_epoch("alice")

    logged = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert logged == [("flask_tokenauth", "WARNING", f"TOKENAUTH_STORE: {risk}") for risk in server.risks]


def test_risks_are_logged_once(store: SQLStore, server: RiskyServer, caplog: pytest.LogCaptureFixture) -> None:
    server.risks = ["fsync must be on"]
    for _ in range(2):
        store.create()
        store.close()
    bind(store)
    store.revocations_since(None)

    assert len(caplog.records) == len(server.asked) == 1


def test_a_store_that_no_application_has_bound_looks_for_no_risks(path: Path, server: RiskyServer) -> None:
    """The leeway is not known yet."""
    store = SQLStore(url_of(path))
    store.create()
    store.close()

    assert server.asked == []


def test_a_store_is_used_although_its_risks_cannot_be_read(
    store: SQLStore, server: RiskyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """For example if the user of the store may not read a setting."""
    server.error = DBAPIError(None, None, sqlite3.OperationalError("hunter2"))

    assert store.read_epoch("alice") == 0

    assert len(server.asked) == 1
    assert caplog.records == []


@pytest.mark.parametrize(("workers", "connections"), [("3", 3 * MOST), ("", None)])
def test_risks_are_those_for_the_leeway_and_the_processes_of_the_application(
    store: SQLStore, server: RiskyServer, monkeypatch: pytest.MonkeyPatch, workers: str, connections: int | None
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    bind(store, 10 * SECOND)

    store.create()

    assert server.asked == [(10_000, connections)]
