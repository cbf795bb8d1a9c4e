"""The check of the first request: one thread makes it, and the others wait."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, get_ident
from typing import Any

import pytest

from flask_tokenauth import SettingsError
from flask_tokenauth.core import process
from flask_tokenauth.guards import before_request, route_checks
from flask_tokenauth.guards.first_check import FirstCheck

from ..conftest import MakeApp
from .routes_kit import make_view, status

SECONDS = 60  # until a test that hangs fails
THREADS = 8


class Held:
    """A check that does not end until it is let go, and threads that make it."""

    def __init__(self) -> None:
        self.entered, self.let_go = Event(), Event()
        self.count = 0
        self.fails: list[Exception] = []  # of each run
        self.first = FirstCheck(self._check)
        self.pool = ThreadPoolExecutor(THREADS)

    def _check(self) -> None:
        self.count += 1
        self.entered.set()
        assert self.let_go.wait(SECONDS)
        if self.fails:
            raise self.fails.pop(0)

    def start(self) -> "list[Future[None]]":
        """Let one thread begin the check, and others come in the meantime."""
        checking = self.pool.submit(self.first.run)
        assert self.entered.wait(SECONDS)
        waiting = Waiting(self.first._checking)
        self.first._checking = waiting  # type: ignore[assignment]
        others = [self.pool.submit(self.first.run) for _ in range(THREADS - 1)]
        assert waiting.all_came.wait(SECONDS)
        return [checking, *others]


class Waiting:
    """A lock that shows when all threads but one wait for it."""

    def __init__(self, lock: process.ProcessLock) -> None:
        self.lock, self.all_came, self.came = lock, Event(), 0

    def acquire(self, *, timeout: float) -> bool:
        self.came += 1
        if self.came == THREADS - 1:
            self.all_came.set()
        return self.lock.acquire(timeout=timeout)

    def release(self) -> None:
        self.lock.release()


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.let_go.set()
    held.pool.shutdown()


def test_one_thread_checks_and_the_others_wait_for_it(held: Held) -> None:
    threads = held.start()
    assert not any(thread.done() for thread in threads)

    held.let_go.set()

    assert [thread.result(SECONDS) for thread in threads] == [None] * THREADS
    assert held.count == 1


def test_a_check_that_has_succeeded_is_not_repeated(held: Held) -> None:
    held.let_go.set()

    for _ in range(3):
        held.first.run()

    assert held.count == 1


def test_threads_that_wait_for_a_check_that_finds_a_mistake_get_the_same_error(held: Held) -> None:
    held.fails = [SettingsError("wrong")]
    threads = held.start()

    held.let_go.set()

    errors = [thread.exception(SECONDS) for thread in threads]
    assert [(type(error), str(error)) for error in errors] == [(SettingsError, "wrong")] * THREADS
    assert len(set(map(id, errors))) == THREADS  # each has a traceback of its own
    assert held.count == 1


def test_after_a_mistake_the_next_thread_checks_again(held: Held) -> None:
    held.fails = [SettingsError("wrong"), SettingsError("still wrong")]
    held.let_go.set()

    for words in "wrong", "still wrong":
        with pytest.raises(SettingsError, match=f"^{words}$"):
            held.first.run()
    held.first.run()

    assert held.count == 3


def test_an_error_that_a_thread_has_from_another_one_is_not_handed_on(held: Held) -> None:
    """A thread that came after the check had failed checks itself: the mistake may be corrected."""
    held.let_go.set()
    held.fails = [SettingsError("wrong")]
    lock, found = held.first._checking, []

    class Overtaken:
        def acquire(self, *, timeout: float) -> bool:
            held.first._checking = lock
            with pytest.raises(SettingsError):
                held.first.run()
            found.append(held.first._mistakes)
            return lock.acquire(timeout=timeout)

    held.first._checking = Overtaken()  # type: ignore[assignment]
    with pytest.raises(SettingsError, match=r"^wrong$"):
        held.first.run()

    assert held.count == 1
    assert held.first._mistakes is found[0]


def test_each_thread_checks_itself_after_another_exception(held: Held) -> None:
    held.fails = [ValueError("a fault in code of the application")]
    threads = held.start()

    held.let_go.set()

    assert sorted(str(thread.exception(SECONDS)) for thread in threads) == [
        *["None"] * (THREADS - 1), "a fault in code of the application",
    ]  # fmt: skip
    assert held.count == 2


def test_a_thread_that_has_waited_for_long_checks_itself(held: Held) -> None:
    checking = held.pool.submit(held.first.run)
    assert held.entered.wait(SECONDS)
    held.first.longest_wait = 0
    held.entered.clear()

    other = held.pool.submit(held.first.run)

    assert held.entered.wait(SECONDS)
    assert held.count == 2
    held.let_go.set()
    assert (checking.result(SECONDS), other.result(SECONDS)) == (None, None)


def test_a_check_may_lead_into_itself() -> None:
    checkers: list[tuple[int, int] | None] = []

    def check() -> None:
        checkers.append(first._checker)
        first.longest_wait = 0  # so that a request inside that waited would give up at once
        if len(checkers) < 3:
            first.run()

    first = FirstCheck(check)
    acquire, waits = first._checking.acquire, list[float]()

    def note_and_acquire(*, timeout: float) -> bool:
        waits.append(timeout)
        return acquire(timeout=timeout)

    first._checking.acquire = note_and_acquire  # type: ignore[method-assign, assignment]
    first.run()

    assert checkers == [(process.process_id(), get_ident())] * 3
    assert len(waits) == 1  # of the first request, and not of those inside


def test_a_child_does_not_wait_for_a_thread_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    held_locks: list[bool] = []
    first = FirstCheck(lambda: held_locks.append(first._checking.locked()))
    first._checking.acquire()  # as if this thread checked
    first._checker = (process.process_id(), get_ident())

    monkeypatch.setattr(process, "getpid", lambda: -1)
    first.run()

    assert held_locks == [True]  # that of the child
    assert not first._checking.locked()


def test_requests_that_come_at_once_check_an_application_once(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=make_view(), endpoint="x")
    entered, let_go, runs = Event(), Event(), []
    check = route_checks.check_application

    def check_slowly(state: Any) -> None:
        runs.append(state)
        entered.set()
        assert let_go.wait(SECONDS)
        check(state)

    monkeypatch.setattr(before_request, "check_application", check_slowly)
    with ThreadPoolExecutor(THREADS) as pool:
        first = pool.submit(status, app, "/")
        assert entered.wait(SECONDS)
        others = [pool.submit(status, app, "/") for _ in range(THREADS - 1)]
        let_go.set()

        assert [request.result(SECONDS) for request in [first, *others]] == [200] * THREADS

    assert len(runs) == 1
