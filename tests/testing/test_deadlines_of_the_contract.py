"""The tests of the contract end with a failure that helps if a store fails or hangs, also in other threads."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from threading import Event, Thread, current_thread
from types import SimpleNamespace

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.core.records.session import SessionPage
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing.store_contract import kit
from flask_tokenauth.testing.store_contract.kit import Deadline, at_once, list_all
from flask_tokenauth.testing.store_contract.revocation_pages import Reader, RevocationPagesContract

from ..conftest import StandingClock
from ..waiting import wait_until

SECONDS = 2  # enough for all threads to come to where they fail or hang
NOT_IN_TIME = f"must come within {SECONDS} seconds, but did not"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "PATIENCE", timedelta(seconds=SECONDS))


@pytest.fixture
def over() -> Iterator[Event]:
    """What hangs waits for this event, which comes after the test."""
    event = Event()
    yield event
    event.set()


class FailingStore(MemoryStore):
    def revoke(self, revocation: Revocation) -> None:
        if revocation.subject == "3.2":
            raise StoreUnavailable("the disk is full")
        super().revoke(revocation)


class HangingStore(MemoryStore):
    def __init__(self, over: Event) -> None:
        super().__init__()
        self._over = over

    def revoke(self, revocation: Revocation) -> None:
        if revocation.subject == "3.2":
            hang(self._over)
        super().revoke(revocation)


def hang(over: Event) -> None:
    over.wait(60)


def race(store: MemoryStore) -> None:
    RevocationPagesContract().test_a_reader_that_races_writers_misses_nothing(store)


def shown(error: BaseException) -> str:
    """Return what pytest shows of an error: its message and its notes."""
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


def test_the_error_of_a_writer_fails_the_race_of_readers_and_writers() -> None:
    """The readers do not wait for this writer."""
    with pytest.raises(StoreUnavailable) as caught:
        race(FailingStore())

    assert shown(caught.value) == "the disk is full"


@pytest.mark.once
@pytest.mark.slow
def test_a_writer_that_hangs_fails_the_race_of_readers_and_writers(impatient: None, over: Event) -> None:
    with pytest.raises(AssertionError) as caught:
        race(HangingStore(over))

    assert NOT_IN_TIME in shown(caught.value)
    assert ", in hang\n" in shown(caught.value)


@pytest.mark.once
@pytest.mark.slow
def test_an_error_is_shown_before_the_place_where_another_thread_hangs(impatient: None, over: Event) -> None:
    def work(index: int) -> None:
        if index:
            raise ValueError("the disk is full")
        hang(over)

    with pytest.raises(ValueError, match="the disk is full") as caught:
        at_once(2, work)

    [note] = caught.value.__notes__
    assert note.startswith("Other threads still run:\n  File ")
    assert ", in hang\n" in note


@pytest.mark.once
@pytest.mark.slow
def test_threads_that_hang_in_one_place_are_shown_once(impatient: None, over: Event) -> None:
    with pytest.raises(AssertionError) as caught:
        at_once(3, lambda _: hang(over))

    assert str(caught.value).startswith(f"the end of 3 threads {NOT_IN_TIME}. These still run:\n  File ")
    assert str(caught.value).count(", in hang\n") == 1
    assert sys.getswitchinterval() > 0.001  # as usual


def test_a_thread_that_hangs_does_not_keep_python_from_ending() -> None:
    assert at_once(2, lambda _: current_thread().daemon) == [True, True]


def test_the_error_that_came_first_is_raised() -> None:
    first: list[Thread] = []

    def fail(index: int) -> None:
        if index == 1:
            first.append(current_thread())
            raise ValueError("the cause")
        wait_until(lambda: bool(first) and not first[0].is_alive())
        raise KeyError("the effect")

    with pytest.raises(ValueError, match="the cause"):
        at_once(2, fail)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock go on by a second each time it is read."""
    monkeypatch.setattr(kit, "time", SimpleNamespace(monotonic=count().__next__))


def test_revocations_whose_pages_never_end_fail_a_test(hasty: None) -> None:
    class Endless(MemoryStore):
        def revocations_since(self, cursor: str | None) -> RevocationPage:
            return RevocationPage(cursor="x", more=True)

    with pytest.raises(AssertionError, match="the last page of revocations must come within 120 seconds, but did not"):
        Reader(Endless()).fetch()


def test_sessions_whose_pages_never_end_fail_a_test(hasty: None) -> None:
    class Endless(MemoryStore):
        def list_sessions(self, user_id: str, *, cursor: str | None, limit: int) -> SessionPage:
            return SessionPage(cursor="x")

    with pytest.raises(AssertionError, match="the last page of sessions must come within 120 seconds, but did not"):
        list_all(Endless())


def test_a_condition_that_never_holds_fails_a_test(hasty: None) -> None:
    with pytest.raises(AssertionError, match="what the test waits for must come within 120 seconds, but did not"):
        wait_until(lambda: False)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    clock = StandingClock(0)
    monkeypatch.setattr(kit, "time", SimpleNamespace(monotonic=clock))
    return clock


def test_a_wait_may_go_on_before_its_deadline(clock: StandingClock) -> None:
    deadline = Deadline("the end")
    clock.now = 119.75

    deadline.check()

    assert deadline.left == 0.25


@pytest.mark.parametrize("after", [120, 121])
def test_a_wait_ends_at_its_deadline(clock: StandingClock, after: float) -> None:
    deadline = Deadline("the end")
    clock.now = after

    with pytest.raises(AssertionError, match="the end must come within 120 seconds, but did not"):
        deadline.check()

    assert deadline.left == 0
