"""The queue in which threads wait for connections."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Event
from types import SimpleNamespace

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores import connection_queue
from flask_tokenauth.stores.connection_queue import ConnectionQueue

from ..waiting import wait_until

SECONDS = 60


def make_queue(places: int = 1) -> ConnectionQueue:
    return ConnectionQueue(places, busy="all was busy", advice="wait")


def let_wait(queue: ConnectionQueue, number: int) -> None:
    """Go on when *number* threads wait."""
    wait_until(lambda: len(queue._waiting) >= number)


def test_threads_get_a_place_in_the_order_in_which_they_came() -> None:
    queue, came = make_queue(), []

    def work(number: int) -> None:
        with queue.taken(longest_wait=SECONDS):
            came.append(number)

    with ThreadPoolExecutor(8) as pool, queue.taken(longest_wait=0):
        for number in range(8):
            pool.submit(work, number)
            let_wait(queue, number + 1)
        assert came == []

    assert came == list(range(8))


def test_a_thread_that_comes_again_goes_to_the_end_of_the_queue() -> None:
    queue, came = make_queue(), []

    def work() -> None:
        with queue.taken(longest_wait=SECONDS):
            came.append("the one that waited")

    with ThreadPoolExecutor(1) as pool:
        with queue.taken(longest_wait=0):
            working = pool.submit(work)
            let_wait(queue, 1)
        with queue.taken(longest_wait=SECONDS):
            came.append("the one that came again")
        working.result(SECONDS)

    assert came == ["the one that waited", "the one that came again"]


@pytest.mark.parametrize("places", [1, 5])
def test_there_are_as_many_places_as_given(places: int) -> None:
    queue = make_queue(places)

    for _ in range(2):
        with ExitStack() as inside:
            for _ in range(places):
                inside.enter_context(queue.taken(longest_wait=0))
            with pytest.raises(StoreUnavailable, match=r"^all was busy for 0\.001 s: wait$"):
                inside.enter_context(queue.taken(longest_wait=0.001))


def test_a_thread_that_gives_up_delays_none_behind_it() -> None:
    queue, came = make_queue(), Event()

    def give_up() -> None:
        with pytest.raises(StoreUnavailable):
            ExitStack().enter_context(queue.taken(longest_wait=0.001))

    def work() -> None:
        with queue.taken(longest_wait=SECONDS):
            came.set()

    with ThreadPoolExecutor(2) as pool:
        with queue.taken(longest_wait=0):
            pool.submit(give_up).result(SECONDS)
            working = pool.submit(work)
            let_wait(queue, 1)
            give_up()  # behind the other
        working.result(SECONDS)

    assert came.is_set()


class Mistake(BaseException):
    """Any exception, also one like an interruption."""


def test_a_thread_that_fails_hands_its_place_on() -> None:
    queue = make_queue()

    with suppress(Mistake), queue.taken(longest_wait=0):
        raise Mistake

    with queue.taken(longest_wait=0):
        pass


def interrupt() -> bool:
    raise Mistake


@pytest.mark.parametrize(("end", "raised"), [(lambda: False, StoreUnavailable), (interrupt, Mistake)])
@pytest.mark.parametrize("late", [False, True])
def test_a_place_that_comes_when_its_owner_has_just_given_up_is_handed_on(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[], bool], raised: type[BaseException], *, late: bool
) -> None:
    queue, holder = make_queue(), ExitStack()
    holder.enter_context(queue.taken(longest_wait=0))

    class Lock:
        """A lock that is not released in time. The place may become free meanwhile."""

        def acquire(self, timeout: float = -1) -> bool:
            if timeout == -1:
                return True
            if late:
                holder.close()
            return end()

        def release(self) -> None:
            assert late

    with monkeypatch.context() as patch:
        patch.setattr(connection_queue, "threading", SimpleNamespace(Lock=Lock, TIMEOUT_MAX=threading.TIMEOUT_MAX))
        with pytest.raises(raised):
            ExitStack().enter_context(queue.taken(longest_wait=SECONDS))
    holder.close()

    with queue.taken(longest_wait=0):
        assert not queue._waiting
