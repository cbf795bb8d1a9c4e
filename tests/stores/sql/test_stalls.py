"""A server that stands still: each call of the store ends within its time limit, and the store works afterwards."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from threading import Event, Semaphore
from typing import Any

import pytest
from sqlalchemy import Connection, event

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.sql import SQLStore, prepared_tables
from flask_tokenauth.stores.sql import engine as sql_engine
from flask_tokenauth.stores.sql import store as sql_store
from flask_tokenauth.stores.sql.inspection import StoreInspection
from flask_tokenauth.stores.sql.sqlite.dialect import SQLite

from ...engines.proxy import STALLS, Proxy
from ...engines.server import PATIENCE
from ..calls import CALLS, DAY, READS, WITHOUT_A_QUESTION, WRITES
from ..conftest import Submit

LIMIT = 0.2  # seconds of each call
TOLERANCE = 4.0  # seconds for a machine with much to do; without the limits below, a call may take longer


@pytest.fixture
def proxied(submit: Submit, proxy_url: str) -> Iterator[SQLStore]:
    """A store whose connections go through the proxy."""
    store = SQLStore(proxy_url)
    yield store
    store.close()


@contextmanager
def short_limits(store: SQLStore) -> Iterator[None]:
    """Shorten all limits of a store within the ``with`` block. Other calls have the usual ones, on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql_engine, "LONGEST_WRITE", LIMIT)
        patch.setattr(sql_engine, "LONGEST_LOAD", LIMIT)
        for module in prepared_tables, sql_store:
            patch.setattr(module, "LONGEST_LOAD", LIMIT)
        patch.setattr(store._database, "timeout", LIMIT)
        yield


def outcome_of(asked: "Future[Any]") -> str:
    """Return the name of the exception of a call, which has to end in time."""
    error = asked.exception(LIMIT + TOLERANCE)
    return type(error).__name__


def methods_of(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_the_calls_of_these_tests_are_all_that_ask_the_database() -> None:
    assert methods_of(Store) | methods_of(SQLStore) | methods_of(StoreInspection) == CALLS.keys() | WITHOUT_A_QUESTION


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS.keys())
def test_each_call_ends_in_time_and_the_next_one_succeeds(
    submit: Submit, proxied: SQLStore, proxy: Proxy, stall: Callable[[Proxy], None]
) -> None:
    proxied.create()
    found, later = {}, {}

    for name, call in CALLS.items():
        with short_limits(proxied):
            stall(proxy)
            found[name] = outcome_of(submit(partial(call, proxied)))
        proxy.go_on()
        later[name] = outcome_of(submit(partial(call, proxied)))

    assert found == dict.fromkeys(CALLS, "StoreUnavailable")
    assert later == dict.fromkeys(CALLS, "NoneType")


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 3, 200], ids=["before the greeting", "in the greeting", "after the login"])
def test_each_first_call_of_a_store_ends_in_time(submit: Submit, proxy_url: str, proxy: Proxy, after: int) -> None:
    found, later = {}, {}

    for name, call in CALLS.items():
        store = SQLStore(proxy_url)
        with short_limits(store):
            proxy.answers.stall(after=after)
            found[name] = outcome_of(submit(partial(call, store)))
        proxy.go_on()
        later[name] = outcome_of(submit(partial(call, store)))
        store.close()

    assert found == dict.fromkeys(CALLS, "StoreUnavailable")
    assert later == dict.fromkeys(CALLS, "NoneType")


@pytest.mark.dependencies
@pytest.mark.slow
def test_each_write_ends_in_time_if_its_commit_is_not_answered(submit: Submit, proxied: SQLStore, proxy: Proxy) -> None:
    proxied.create()
    engine: Any = proxied._database.connections.engine

    def stall_before_commit(_: object, __: object, statement: str, *___: object) -> None:
        if statement == "COMMIT":
            proxy.answers.stall()

    found, later = {}, {}
    for name, call in WRITES.items():
        event.listen(engine, "before_cursor_execute", stall_before_commit)
        with short_limits(proxied):
            found[name] = outcome_of(submit(partial(call, proxied)))
        event.remove(engine, "before_cursor_execute", stall_before_commit)
        proxy.go_on()
        later[name] = outcome_of(submit(partial(call, proxied)))

    assert found == dict.fromkeys(WRITES, "StoreUnavailable")
    assert later == dict.fromkeys(WRITES, "NoneType")


@pytest.mark.dependencies
@pytest.mark.slow
def test_each_call_ends_in_time_while_others_hold_all_connections(
    submit: Submit, proxied: SQLStore, proxy: Proxy
) -> None:
    proxied.create()
    held, go_on = Semaphore(0), Event()

    def hold(connection: Connection) -> int:
        held.release()
        go_on.wait(PATIENCE)
        return int(connection.exec_driver_sql("SELECT 1").scalar_one())

    others = [submit(lambda: proxied._database.write(hold)) for _ in range(5)]
    assert [held.acquire(timeout=PATIENCE) for _ in others] == [True] * 5
    proxy.stall()
    with short_limits(proxied):
        found = {name: outcome_of(submit(partial(call, proxied))) for name, call in CALLS.items()}
    proxy.go_on()
    go_on.set()

    assert found == dict.fromkeys(CALLS, "StoreUnavailable")
    for other in others:
        other.exception(PATIENCE)  # its own time may be over
    assert [outcome_of(submit(partial(call, proxied))) for call in CALLS.values()] == ["NoneType"] * len(CALLS)


@pytest.mark.slow
def test_a_read_does_not_wait_for_a_write_that_opens_the_first_connection(
    submit: Submit, store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLAlchemy sets up the first connection of an engine under a lock, for which it waits without a limit."""
    store.create()
    store.close()
    monkeypatch.setattr(store._database, "timeout", LIMIT)
    monkeypatch.setattr(SQLite, "has_one_writer", False)  # as on a server; a read of a new file may wait for longer
    set_up, begun, go_on = SQLite.set_up, Event(), Event()

    def stand_still_once(dialect: SQLite, connection: Any) -> None:
        monkeypatch.setattr(SQLite, "set_up", set_up)
        begun.set()
        go_on.wait(PATIENCE)
        set_up(dialect, connection)

    monkeypatch.setattr(SQLite, "set_up", stand_still_once)
    write = submit(lambda: store.revoke_user("bob", retention=DAY, api_keys=False))
    assert begun.wait(PATIENCE)
    try:
        read = outcome_of(submit(lambda: store.find_session("session")))
    finally:
        go_on.set()

    assert read == "StoreUnavailable"
    assert write.result(PATIENCE) > 0


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_server_that_refuses_connections_is_an_outage_at_once(proxied: SQLStore, proxy: Proxy) -> None:
    proxied.create()
    proxied.close()
    proxy.refuse()
    proxy.cut()

    for call in READS.values():
        with pytest.raises(StoreUnavailable):
            call(proxied)

    proxy.accept()
    assert proxied.find_session("session") is None
