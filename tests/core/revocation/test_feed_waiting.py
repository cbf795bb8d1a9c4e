"""The revocation feed: which threads wait while one fetches, how long, and which go on."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest

from .kit import OUTAGE, SECONDS, TICK, Worker, token, worker

__all__ = ["worker"]  # a fixture


class Held:
    """A store that does not answer until it is let go, and threads that look something up in the meantime."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.entered, self.let_go = Event(), Event()
        self.pool = ThreadPoolExecutor(8)
        worker.store.meanwhile = self._hold

    def _hold(self) -> None:
        self.entered.set()
        self.let_go.wait(SECONDS)

    def first(self) -> "Future[bool]":
        """Let one thread ask the store, and return when it does."""
        asking = self.pool.submit(self.worker.has)
        assert self.entered.wait(SECONDS)
        return asking

    def others(self) -> "list[Future[bool]]":
        return [self.pool.submit(self.worker.has) for _ in range(7)]


@pytest.fixture
def held(worker: Worker) -> Iterator[Held]:
    held = Held(worker)
    held.let_go.set()
    worker.feed.warm()
    worker.store.revoke(token())
    held.let_go.clear()
    held.entered.clear()
    yield held
    held.let_go.set()
    held.pool.shutdown()


@pytest.mark.parametrize("age", [0.5, 1 - TICK])
def test_while_one_thread_fetches_early_the_others_go_on_with_what_is_known(held: Held, age: float) -> None:
    held.worker.wait(age)
    asking = held.first()

    assert [other.result(SECONDS) for other in held.others()] == [False] * 7

    assert not asking.done()
    held.let_go.set()
    assert asking.result(SECONDS)
    assert len(held.worker.store.asked) == 2


@pytest.mark.parametrize("age", [1, 30, 1000])
def test_from_the_interval_on_all_threads_wait_for_the_one_that_fetches(held: Held, age: float) -> None:
    held.worker.monotonic.now += age
    asking, others = held.first(), held.others()

    assert not any(other.done() for other in others)
    held.let_go.set()

    assert [thread.result(SECONDS) for thread in [asking, *others]] == [True] * 8
    assert len(held.worker.store.asked) == 2


def test_no_thread_waits_longer_than_the_timeout(held: Held) -> None:
    held.worker.make(timeout=timedelta(milliseconds=1))
    held.let_go.set()
    held.worker.feed.warm()
    held.let_go.clear()
    held.entered.clear()
    held.worker.store.revoke(token("late"))
    held.worker.wait(1)
    asking = held.first()

    late = held.pool.submit(held.worker.has, "late")

    assert late.result(SECONDS) is False
    assert not asking.done()


def test_no_thread_waits_for_a_fetch_that_has_taken_as_long_as_the_timeout(held: Held) -> None:
    held.worker.wait(1)
    asking = held.first()

    held.worker.wait(SECONDS)

    refused = [held.pool.submit(held.worker.is_refused) for _ in range(3)]
    assert [thread.result(SECONDS / 2) for thread in refused] == [True] * 3
    assert not asking.done()


@pytest.mark.parametrize(("age", "refused"), [(1, False), (1000, True)])
def test_threads_that_waited_for_a_fetch_that_failed_do_not_fetch_themselves(
    held: Held, age: float, *, refused: bool
) -> None:
    held.worker.wait(age)
    held.worker.store.fetch_fails = OUTAGE
    asking, others = held.first(), held.others()

    held.let_go.set()

    assert [bool(thread.exception(SECONDS)) for thread in [asking, *others]] == [refused] * 8
    assert len(held.worker.store.asked) == 2


def test_threads_wait_for_one_that_is_about_to_fetch_however_long_ago_the_last_fetch_was(held: Held) -> None:
    held.let_go.set()
    held.worker.monotonic.now += 1000
    feed = held.worker.feed
    feed._fetching.acquire()  # as if a thread held it and were stopped just then

    waiting = held.pool.submit(held.worker.has)

    with pytest.raises(TimeoutError):
        waiting.result(0.05)
    feed._fetching.release()
    waiting.result(SECONDS)
    assert len(held.worker.store.asked) == 2


class Overtaken:
    """A lock that a thread gets after another one has fetched, which took more than half an interval.

    Args:
        began: when that fetch began, in seconds after the thread came.
    """

    def __init__(self, worker: Worker, began: float) -> None:
        self.worker, self.began = worker, began

    def acquire(self, *, timeout: float) -> bool:
        assert timeout > 0
        self.worker.monotonic.now += self.began
        self.worker.feed._fetch()
        self.worker.monotonic.now += 0.75
        return True

    def release(self) -> None:
        pass


@pytest.mark.parametrize(("began", "asks"), [(-TICK, 2), (0, 1), (TICK, 1)])
def test_a_fetch_that_began_after_a_thread_came_is_new_enough_for_it(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, began: float, asks: int
) -> None:
    monkeypatch.setattr(worker.feed, "_fetching", Overtaken(worker, began))

    assert worker.asks() == asks


def test_threads_wait_for_the_first_load_as_long_as_it_may_take(worker: Worker) -> None:
    held = Held(worker)
    worker.make(timeout=timedelta(milliseconds=1), load_timeout=timedelta(seconds=SECONDS))
    worker.store.revoke(token())
    asking, others = held.first(), held.others()

    worker.wait(1)
    more = held.pool.submit(worker.has)
    held.let_go.set()

    assert [thread.result(SECONDS) for thread in [asking, *others, more]] == [True] * 9
    assert len(worker.store.asked) == 2  # when the load is complete it is a second old
    held.pool.shutdown()
