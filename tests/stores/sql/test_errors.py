"""An outage has no error of a driver with it: these may have a password, a statement or its values in them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore, engine
from flask_tokenauth.stores.sql.dialect import NotPrimary
from flask_tokenauth.stores.sql.errors import translated
from flask_tokenauth.stores.sql.sqlite.dialect import SQLITE

from ..sqlite_kit import engine_of, execute, opened, url_of

DAY = timedelta(days=1)
SECRET = "hunter2"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def raiser(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


def from_driver(name: str = "") -> DBAPIError:
    """Return an error of the driver, with a name of SQLite if it is one of SQLite itself."""
    original = sqlite3.OperationalError("other words" if name else SECRET)
    if name:
        original.sqlite_errorname = name
    return DBAPIError(f"SELECT '{SECRET}'", {"user": SECRET}, original, hide_parameters=False)


def dropped() -> DBAPIError:
    error = from_driver()
    error.connection_invalidated = True
    return error


def with_creator(path: Path, stack: ExitStack, error: Exception) -> None:
    store = SQLStore(create_engine(url_of(path), creator=raiser(error)))
    stack.callback(store.close)
    store.find_session("session")


def take_every_connection(store: SQLStore, stack: ExitStack) -> None:
    ours: Any = engine_of(store)
    ours.pool._timeout = 0.01
    for _ in range(6):  # by other users of the engine
        stack.enter_context(ours.connect())
    store.find_session("session")


def be_impatient(stack: ExitStack) -> None:
    stack.enter_context(pytest.MonkeyPatch.context()).setattr(engine, "LONGEST_WRITE", 0.01)


def lock(path: Path, store: SQLStore, stack: ExitStack) -> None:
    store.create()
    be_impatient(stack)
    stack.enter_context(opened(path)).execute("BEGIN IMMEDIATE")
    store.revoke_user("alice", retention=DAY, api_keys=False)


def take_the_turn_to_write(store: SQLStore, stack: ExitStack) -> None:
    be_impatient(stack)
    stack.enter_context(store._database.connections.writing.taken(longest_wait=0))
    store._database.write(lambda _: None)


def write_in_a_session_of_this_thread(path: Path, store: SQLStore, stack: ExitStack) -> None:
    store.create()
    execute(path, "CREATE TABLE login (at)")
    theirs = create_engine(url_of(path))
    stack.callback(theirs.dispose)
    session = stack.enter_context(Session(theirs))
    session.connection().exec_driver_sql(f"INSERT INTO login VALUES ('{SECRET}')")
    store.use_sessions(lambda: [session])
    store.revoke_user("alice", retention=DAY, api_keys=False)


def remove_the_file(path: Path, store: SQLStore) -> None:
    store.create()
    path.unlink()
    store.find_session("session")


def remove_the_file_during_a_write(path: Path, store: SQLStore) -> None:
    store.create()
    store._database.write(lambda _: path.unlink())


def break_the_file(path: Path, store: SQLStore) -> None:
    path.write_bytes(b"something else, and long enough to be recognized" * 100)
    store.create()


def drop_a_table(path: Path, store: SQLStore) -> None:
    store.create()
    execute(path, "DROP TABLE tokenauth_session")
    store.find_session(SECRET)


DRIVER = "^the driver of the database raised OperationalError$"
SQLALCHEMY = "^SQLAlchemy raised ArgumentError$"
WAYS: dict[str, tuple[Callable[[Path, SQLStore, ExitStack], None], str]] = {
    "a read": (lambda _, store, __: store._database.read(raiser(from_driver("SQLITE_ERROR"))), "SQLITE_ERROR"),
    "a read by the driver alone": (lambda _, store, __: store._database.read(raiser(from_driver())), DRIVER),
    "a read whose connection drops": (lambda _, store, __: store._database.read(raiser(dropped())), DRIVER),
    "a write": (lambda _, store, __: store._database.write(raiser(from_driver("SQLITE_FULL"))), "SQLITE_FULL"),
    "a write by the driver alone": (lambda _, store, __: store._database.write(raiser(from_driver())), DRIVER),
    "a write whose connection drops": (lambda _, store, __: store._database.write(raiser(dropped())), DRIVER),
    "a read with SQLAlchemy": (lambda _, store, __: store._database.read(raiser(ArgumentError(SECRET))), SQLALCHEMY),
    "a write with SQLAlchemy": (lambda _, store, __: store._database.write(raiser(ArgumentError(SECRET))), SQLALCHEMY),
    "a replica": (lambda _, store, __: store._database.read(raiser(NotPrimary("replica"))), "^replica$"),
    "a pool without a connection": (
        lambda _, store, stack: take_every_connection(store, stack),
        "^SQLAlchemy raised TimeoutError$",
    ),
    "a creator": (
        lambda path, _, stack: with_creator(path, stack, LookupError(SECRET)),
        "it raised LookupError: correct it$",
    ),
    "a creator with the driver": (
        lambda path, _, stack: with_creator(path, stack, sqlite3.OperationalError(SECRET)),
        DRIVER,
    ),
    "a creator with SQLAlchemy": (lambda path, _, stack: with_creator(path, stack, ArgumentError(SECRET)), SQLALCHEMY),
    "a lock of another program": (lock, "SQLITE_BUSY"),
    "a lock of this process": (
        lambda _, store, stack: take_the_turn_to_write(store, stack),
        "busy with writes of this",
    ),
    "an own transaction": (write_in_a_session_of_this_thread, "one writer at a time, and it is this thread"),
    "a file that was removed": (lambda path, store, _: remove_the_file(path, store), "was removed while the store"),
    "a file that was removed during a write": (
        lambda path, store, _: remove_the_file_during_a_write(path, store),
        "was removed or replaced during a write",
    ),
    "a file that is no database": (lambda path, store, _: break_the_file(path, store), "SQLITE_NOTADB"),
    "a table that was dropped": (lambda path, store, _: drop_a_table(path, store), "no such table: tokenauth_session"),
}


@pytest.fixture
def outage(request: pytest.FixtureRequest, path: Path, store: SQLStore, stack: ExitStack) -> StoreUnavailable:
    """Return the error of one way to fail."""
    fail, words = WAYS[request.param]
    with pytest.raises(StoreUnavailable, match=words) as caught:
        fail(path, store, stack)
    return caught.value


every_outage = pytest.mark.parametrize("outage", WAYS, indirect=True)


@every_outage
def test_an_outage_has_no_cause(outage: StoreUnavailable) -> None:
    assert outage.__cause__ is None


@every_outage
def test_an_outage_has_no_context(outage: StoreUnavailable) -> None:
    assert outage.__context__ is None


@every_outage
def test_an_outage_repeats_no_words_of_others(outage: StoreUnavailable) -> None:
    assert SECRET not in f"{outage} {outage!r} {outage.args!r} {vars(outage)!r}"


def test_the_words_of_sqlite_are_repeated() -> None:
    error = sqlite3.OperationalError("no such function: nonsense")
    error.sqlite_errorname = "SQLITE_ERROR"

    assert SQLITE.describe_error(error, None) == "SQLite reports SQLITE_ERROR, no such function: nonsense"


def test_the_words_of_the_driver_are_not_repeated() -> None:
    error = sqlite3.ProgrammingError(SECRET)

    assert SQLITE.describe_error(error, None) == "the driver of the database raised ProgrammingError"


def test_an_error_without_one_of_the_driver_is_described() -> None:
    assert SQLITE.describe_error(None, None) == "the driver of the database raised NoneType"


def test_an_interrupt_is_no_outage(store: SQLStore) -> None:
    with pytest.raises(KeyboardInterrupt):
        store._database.read(raiser(KeyboardInterrupt()))


def test_a_value_that_cannot_be_encoded_is_an_outage_that_does_not_repeat_it() -> None:
    with pytest.raises(StoreUnavailable, match="must be UTF-8") as caught:
        translated("hunter2 \udcff".encode, SQLITE, None)

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
