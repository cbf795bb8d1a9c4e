"""Locks and objects of one process. Real forks are in tests/stores/test_processes.py."""

import sys
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from flask_tokenauth.core import process
from flask_tokenauth.core.process import PerProcess, ProcessLock, count_workers

Fork = Callable[[], None]


@pytest.fixture
def fork(monkeypatch: pytest.MonkeyPatch) -> Fork:
    """Return a function after which this process takes itself for a child."""
    return lambda: monkeypatch.setattr(process, "getpid", lambda: -1)


class OtherLock:
    """A lock as gevent has them: of another type."""

    def __init__(self) -> None:
        self._lock = threading._allocate_lock()  # type: ignore[attr-defined]
        self.acquire, self.release, self.locked = self._lock.acquire, self._lock.release, self._lock.locked


def exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exchange ``threading.Lock``, as gevent does."""
    monkeypatch.setattr(threading, "Lock", OtherLock)


def test_a_lock_that_a_thread_of_the_parent_holds_is_free_in_the_child(fork: Fork) -> None:
    lock = ProcessLock()
    lock.acquire()

    fork()

    assert not lock.locked()
    with lock:
        assert not lock.acquire(blocking=False)


def test_a_lock_is_of_the_type_that_is_in_place_when_it_is_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = ProcessLock()

    exchange(monkeypatch)

    assert isinstance(lock._find(), OtherLock)


def test_a_lock_that_is_free_is_replaced_after_an_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = ProcessLock()
    with lock:
        pass

    exchange(monkeypatch)

    assert isinstance(lock._find(), OtherLock)


def test_a_lock_that_a_thread_holds_is_replaced_when_it_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads must never have it."""
    lock = ProcessLock()

    with lock:
        exchange(monkeypatch)
        assert not lock.acquire(blocking=False)

    assert isinstance(lock._find(), OtherLock)


def test_a_thread_that_waited_for_a_lock_that_was_replaced_takes_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Replaced(OtherLock):
        """Is replaced while a thread waits for it."""

        def __init__(self) -> None:
            super().__init__()
            self.acquire = self.wait

        def wait(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  # as threading.Lock
            if blocking:
                exchange(monkeypatch)
                lock._find()
            return bool(self._lock.acquire(blocking, timeout))

    lock = ProcessLock()
    monkeypatch.setattr(threading, "Lock", Replaced)

    lock.acquire()

    found: object = lock._find()
    assert type(found) is OtherLock
    assert lock.locked()


def holder_of_objects() -> tuple[PerProcess[object], list[Sequence[object]]]:
    """Return a holder, and a list that gets what the holder hands over each time it makes an object."""
    given: list[Sequence[object]] = []

    def make(inherited: Sequence[object]) -> object:
        given.append(inherited)
        return object()

    return PerProcess(make), given


def test_each_process_makes_an_object_of_its_own_and_keeps_that_of_its_parent(fork: Fork) -> None:
    holder, given = holder_of_objects()
    theirs = holder.get()
    assert holder.get() is theirs

    fork()
    mine = holder.get()

    assert mine is not theirs
    assert holder.get() is mine
    assert holder.made_here() == [mine]
    assert given == [[], [theirs]]
    assert theirs in process.left_to_parent


def test_an_object_gets_those_of_all_ancestors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection of the first process is one too many in each process that comes from it."""
    holder, given = holder_of_objects()
    first = holder.get()
    monkeypatch.setattr(process, "getpid", lambda: -1)
    second = holder.get()
    monkeypatch.setattr(process, "getpid", lambda: -2)
    holder.get()

    assert given[2] == [first, second]


def test_an_object_that_is_made_again_gets_those_of_the_parent_again(
    fork: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, given = holder_of_objects()
    theirs = holder.get()
    fork()
    holder.get()
    exchange(monkeypatch)
    holder.get()

    assert given == [[], [theirs], [theirs]]


def test_threads_that_need_an_object_first_get_the_same_one() -> None:
    def make(_: Sequence[object]) -> object:
        made.append(object())
        if len(made) == 1:
            made.append(holder.get())  # another thread is faster
        return made[0]

    made: list[object] = []
    holder = PerProcess(make)

    assert holder.get() is holder.get()
    assert len(holder.made_here()) == 1


def test_an_object_is_made_again_after_an_exchange_of_the_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = PerProcess(lambda _: object())
    before = holder.get()

    exchange(monkeypatch)

    assert holder.get() is not before
    assert holder.made_here() == [before, holder.get()]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets the number of workers: ``WEB_CONCURRENCY``, and ``uwsgi.numproc``."""

    def configure(configured: str | None = None, *, uwsgi: object = None) -> None:
        monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
        if configured is not None:
            monkeypatch.setenv("WEB_CONCURRENCY", configured)
        monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)

    return configure


@pytest.mark.parametrize(("configured", "expected"), [("1", 1), ("8", 8), ("08", 8)])
def test_the_number_of_workers_is_that_of_the_environment(
    workers: Callable[..., None], configured: str, expected: int
) -> None:
    workers(configured)

    assert count_workers() == expected


@pytest.mark.parametrize("configured", [None, "", "auto", "-1", "1.5", " 8", "\u00b2"])
def test_without_a_number_in_the_environment_the_number_of_workers_is_not_known(
    workers: Callable[..., None], configured: str | None
) -> None:
    workers(configured)

    assert count_workers() is None


def test_the_number_of_workers_is_that_of_uwsgi(workers: Callable[..., None]) -> None:
    workers(uwsgi=SimpleNamespace(numproc=4))

    assert count_workers() == 4


def test_the_number_of_workers_of_the_environment_comes_before_that_of_uwsgi(workers: Callable[..., None]) -> None:
    workers("8", uwsgi=SimpleNamespace(numproc=4))

    assert count_workers() == 8


@pytest.mark.parametrize("uwsgi", [SimpleNamespace(), SimpleNamespace(numproc=None), SimpleNamespace(numproc="4")])
def test_a_uwsgi_without_a_number_of_workers_leaves_it_unknown(workers: Callable[..., None], uwsgi: object) -> None:
    workers(uwsgi=uwsgi)

    assert count_workers() is None
