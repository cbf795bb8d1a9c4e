"""The gate that a fork closes. Real forks are in test_processes.py."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from flask_tokenauth.stores.sql.fork_safety import ForkGate

SECONDS = 60


def test_closing_the_gate_waits_until_all_threads_have_left() -> None:
    gate, events, inside, leave = ForkGate(), [], Event(), Event()

    def stay() -> None:
        with gate.entered():
            inside.set()
            leave.wait(SECONDS)
            events.append("left")

    def close() -> None:
        gate.close(longest_wait=SECONDS)
        events.append("closed")

    with ThreadPoolExecutor(2) as pool:
        staying = pool.submit(stay)
        inside.wait(SECONDS)
        closing = pool.submit(close)
        leave.set()
        staying.result(SECONDS)
        closing.result(SECONDS)

    assert events == ["left", "closed"]


def test_a_thread_waits_at_a_closed_gate_until_it_is_opened_as_often_as_it_was_closed() -> None:
    gate, events = ForkGate(), []

    def enter() -> None:
        with gate.entered():
            events.append("entered")

    gate.close(longest_wait=SECONDS)
    gate.close(longest_wait=SECONDS)
    with ThreadPoolExecutor(1) as pool:
        entering = pool.submit(enter)
        gate.open()
        events.append("opened once")
        gate.open()
        entering.result(SECONDS)

    assert events == ["opened once", "entered"]


def test_a_gate_that_is_opened_without_being_closed_stays_open() -> None:
    gate = ForkGate()

    gate.open()
    with gate.entered():
        gate.close(longest_wait=0)
    gate.open()

    with gate.entered(), gate.entered():
        pass
