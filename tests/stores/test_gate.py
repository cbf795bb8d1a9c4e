"""The gate that a fork closes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from flask_tokenauth.stores.gate import Gate

SECONDS = 60


def test_who_closes_the_gate_waits_until_nobody_is_inside() -> None:
    gate, told, inside, leave = Gate(), [], Event(), Event()

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
    gate, told = Gate(), []

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
    gate = Gate()

    gate.open()
    with gate.entered():
        gate.close(longest_wait=0)
    gate.open()

    with gate.entered(), gate.entered():
        pass
