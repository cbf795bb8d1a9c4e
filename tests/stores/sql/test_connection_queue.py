"""The gate that a fork closes, and the turns in which threads are at work."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Event
from typing import Any

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import connection_queue as gate_module
from flask_tokenauth.stores.sql.connection_queue import ConnectionQueue
from flask_tokenauth.stores.sql.fork_safety import ForkGate

SECONDS = 60


def test_who_closes_the_gate_waits_until_nobody_is_inside() -> None:
    gate, told, inside, leave = ForkGate(), [], Event(), Event()

    def stay() -> None:
        with gate.entered():
            inside.set()
            leave.wait(SECONDS)
            told.append("left")

    def close() -> None:
        gate.close(longest_wait=SECONDS)
        told.append("closed")

    with ThreadPoolExecutor(2) as pool:
        staying = pool.submit(stay)
        inside.wait(SECONDS)
        closing = pool.submit(close)
        leave.set()
        staying.result(SECONDS)
        closing.result(SECONDS)

    assert told == ["left", "closed"]


def test_who_would_enter_a_closed_gate_waits_until_all_who_closed_it_have_opened_it() -> None:
    gate, told = ForkGate(), []

    def enter() -> None:
        with gate.entered():
            told.append("entered")

    gate.close(longest_wait=SECONDS)
    gate.close(longest_wait=SECONDS)
    with ThreadPoolExecutor(1) as pool:
        entering = pool.submit(enter)
        gate.open()
        told.append("opened once")
        gate.open()
        entering.result(SECONDS)

    assert told == ["opened once", "entered"]


def test_a_gate_that_nobody_closed_stays_open() -> None:
    gate = ForkGate()

    gate.open()
    with gate.entered():
        gate.close(longest_wait=0)
    gate.open()

    with gate.entered(), gate.entered():
        pass


def make_turns(places: int = 1) -> ConnectionQueue:
    return ConnectionQueue(places, busy="all was busy")


def let_wait(turns: ConnectionQueue, number: int) -> None:
    """Go on when so many wait."""
    while len(turns._waiting) < number:
        pass


def test_those_who_wait_are_let_in_in_the_order_in_which_they_came() -> None:
    turns, came = make_turns(), []

    def work(number: int) -> None:
        with turns.taken(longest_wait=SECONDS):
            came.append(number)

    with ThreadPoolExecutor(8) as pool, turns.taken(longest_wait=0):
        for number in range(8):
            pool.submit(work, number)
            let_wait(turns, number + 1)
        assert came == []

    assert came == list(range(8))


def test_who_is_done_and_comes_again_goes_to_the_end_of_the_queue() -> None:
    turns, came = make_turns(), []

    def work() -> None:
        with turns.taken(longest_wait=SECONDS):
            came.append("who waited")

    with ThreadPoolExecutor(1) as pool:
        with turns.taken(longest_wait=0):
            working = pool.submit(work)
            let_wait(turns, 1)
        with turns.taken(longest_wait=SECONDS):
            came.append("who was there")
        working.result(SECONDS)

    assert came == ["who waited", "who was there"]


@pytest.mark.parametrize("places", [1, 5])
def test_there_are_so_many_places(places: int) -> None:
    turns = make_turns(places)

    for _ in range(2):
        with ExitStack() as inside:
            for _ in range(places):
                inside.enter_context(turns.taken(longest_wait=0))
            with pytest.raises(StoreUnavailable, match=r"^all was busy for 0\.001 s$"):
                inside.enter_context(turns.taken(longest_wait=0.001))


def test_who_gives_up_holds_up_nobody_behind() -> None:
    turns, came = make_turns(), Event()

    def give_up() -> None:
        with pytest.raises(StoreUnavailable):
            ExitStack().enter_context(turns.taken(longest_wait=0.001))

    def work() -> None:
        with turns.taken(longest_wait=SECONDS):
            came.set()

    with ThreadPoolExecutor(2) as pool:
        with turns.taken(longest_wait=0):
            pool.submit(give_up).result(SECONDS)
            working = pool.submit(work)
            let_wait(turns, 1)
            give_up()  # behind the other
        working.result(SECONDS)

    assert came.is_set()


class Mistake(BaseException):
    """Anything that may come up, an interruption too."""


def test_who_fails_hands_its_place_on() -> None:
    turns = make_turns()

    with suppress(Mistake), turns.taken(longest_wait=0):
        raise Mistake

    with turns.taken(longest_wait=0):
        pass


def interrupt() -> bool:
    raise Mistake


@pytest.mark.parametrize(("end", "raised"), [(lambda: False, StoreUnavailable), (interrupt, Mistake)])
@pytest.mark.parametrize("late", [False, True])
def test_a_place_that_comes_when_its_owner_has_just_given_up_is_handed_on(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[], bool], raised: type[BaseException], *, late: bool
) -> None:
    turns, holder = make_turns(), ExitStack()
    holder.enter_context(turns.taken(longest_wait=0))

    class Lock:
        """One that is waited for in vain; meanwhile the place may become free."""

        def acquire(self, timeout: float = -1) -> bool:
            if timeout == -1:
                return True
            if late:
                holder.close()
            return end()

        def release(self) -> None:
            assert late

    with monkeypatch.context() as patch:
        lock: Any = Lock
        patch.setattr(gate_module, "Lock", lock)
        with pytest.raises(raised):
            ExitStack().enter_context(turns.taken(longest_wait=SECONDS))
    holder.close()

    with turns.taken(longest_wait=0):
        assert not turns._waiting
