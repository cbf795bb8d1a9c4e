"""How often statements and transactions are repeated, and that nothing is repeated when the time limit is over."""

import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.time_limit import time_limit
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql.dialect import NotPrimary
from flask_tokenauth.stores.sql.retries import MOST_TRIES, retry_conflict, retry_dropped_connection, retry_while_locked
from flask_tokenauth.stores.sql.sqlite.dialect import SQLITE, SQLite

DAY = timedelta(days=1)


class Server(SQLite):
    """A server whose transactions can come between each other."""

    def is_conflict(self, error: DBAPIError, /) -> bool:
        return str(error.orig) == "conflict"


SERVER = Server()


def failure(message: str, *, name: str = "SQLITE_ERROR", dropped: bool = False) -> DBAPIError:
    original = sqlite3.OperationalError(message)
    original.sqlite_errorname = name
    return DBAPIError(None, None, original, connection_invalidated=dropped)


def locked() -> DBAPIError:
    return failure("database is locked", name="SQLITE_BUSY")


class Work:
    """Raises the errors one after the other, and returns "done" after them.

    Attributes:
        calls: how often it was called.
    """

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.calls = 0

    def __call__(self, *_: object) -> str:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses, which take no time."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


@pytest.mark.parametrize("conflicts", [0, 1, MOST_TRIES - 1])
def test_a_transaction_that_comes_between_others_is_tried_again(conflicts: int) -> None:
    work = Work(*(failure("conflict") for _ in range(conflicts)))

    assert retry_conflict(work, SERVER) == "done"
    assert work.calls == conflicts + 1


def test_a_transaction_that_always_comes_between_others_is_given_up() -> None:
    work = Work(*(failure("conflict") for _ in range(MOST_TRIES + 5)))

    with pytest.raises(DBAPIError, match="conflict"):
        retry_conflict(work, SERVER)
    assert work.calls == MOST_TRIES


def test_a_transaction_with_another_error_is_not_tried_again() -> None:
    work = Work(failure("conflict"), failure("no such table"))

    with pytest.raises(DBAPIError, match="no such table"):
        retry_conflict(work, SERVER)
    assert work.calls == 2


def test_sqlite_has_no_conflicts() -> None:
    work = Work(failure("conflict"))

    with pytest.raises(DBAPIError):
        retry_conflict(work, SQLITE)
    assert work.calls == 1


DROPPED: list[Callable[[], Exception]] = [lambda: failure("gone", dropped=True), lambda: NotPrimary("a replica")]


@pytest.mark.parametrize("error", DROPPED)
def test_a_connection_that_was_dropped_is_replaced_once(error: Callable[[], Exception]) -> None:
    work = Work(error())

    assert retry_dropped_connection(work) == "done"
    assert work.calls == 2


@pytest.mark.parametrize("error", DROPPED)
def test_a_connection_that_was_dropped_is_not_replaced_twice(error: Callable[[], Exception]) -> None:
    work = Work(error(), error())

    with pytest.raises((DBAPIError, NotPrimary)):
        retry_dropped_connection(work)
    assert work.calls == 2


def test_an_error_of_a_connection_that_goes_on_is_not_retried() -> None:
    work = Work(failure("no such table"))

    with pytest.raises(DBAPIError, match="no such table"):
        retry_dropped_connection(work)
    assert work.calls == 1


def test_a_lock_is_waited_for(pauses: list[float]) -> None:
    work = Work(*(locked() for _ in range(20)))

    assert retry_while_locked(work, SQLITE) == "done"
    assert work.calls == 21
    assert len(pauses) == 20


def test_before_the_first_wait_for_a_lock_its_owner_is_looked_for_once() -> None:
    looked: list[None] = []

    retry_while_locked(Work(locked(), locked()), SQLITE, before_wait=lambda: looked.append(None))

    assert len(looked) == 1


def test_without_a_lock_its_owner_is_not_looked_for() -> None:
    looked: list[None] = []

    retry_while_locked(Work(), SQLITE, before_wait=lambda: looked.append(None))

    assert looked == []


def test_another_error_than_a_lock_is_not_waited_for() -> None:
    work = Work(failure("no such table"))

    with pytest.raises(DBAPIError, match="no such table"):
        retry_while_locked(work, SQLITE)
    assert work.calls == 1


Retry = Callable[[Callable[[], str]], str]


@pytest.mark.parametrize(
    ("retry", "error"),
    [
        (lambda work: retry_conflict(work, SERVER), lambda: failure("conflict")),
        (retry_dropped_connection, DROPPED[0]),
        (retry_dropped_connection, DROPPED[1]),
        (lambda work: retry_while_locked(work, SQLITE), locked),
    ],
    ids=["conflict", "dropped", "replica", "locked"],
)
def test_nothing_is_retried_when_the_time_limit_is_over(retry: Retry, error: Callable[[], Exception]) -> None:
    work = Work(error())

    with time_limit(0), pytest.raises((DBAPIError, NotPrimary)):
        retry(work)
    assert work.calls == 1


def test_a_write_that_comes_between_others_is_repeated_as_a_whole(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create()
    monkeypatch.setattr(SQLITE, "is_conflict", SERVER.is_conflict)
    between = Work(failure("conflict"), failure("conflict"))

    def write(connection: Connection) -> Any:
        connection.exec_driver_sql("INSERT INTO tokenauth_user_epoch (user_id, epoch) VALUES ('alice', 7)")
        return between()

    assert store._database.write(write) == "done"  # an insert that was not undone would fail
    assert between.calls == 3
    assert store.read_epoch("alice") == 7


def test_a_write_that_always_comes_between_others_is_an_outage(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create()
    monkeypatch.setattr(SQLITE, "is_conflict", SERVER.is_conflict)
    between = Work(*(failure("conflict") for _ in range(MOST_TRIES + 5)))

    with pytest.raises(StoreUnavailable):
        store._database.write(between)
    assert between.calls == MOST_TRIES
