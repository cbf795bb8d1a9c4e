"""The last uses of API keys are written at most once a minute, for all keys at once."""

from datetime import timedelta
from threading import Event, Thread

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.opaque.api_key_uses import ApiKeyUses
from flask_tokenauth.core.time_limit import remaining

from .kit import CountingStore, Seconds


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def uses(store: CountingStore, seconds: Seconds) -> ApiKeyUses:
    return ApiKeyUses(store, timeout=0.5, monotonic=seconds)  # type: ignore[arg-type]  # it has all that is used


def ages(**of_keys: float) -> dict[str, timedelta]:
    return {key_id: timedelta(seconds=age) for key_id, age in of_keys.items()}


def test_without_a_use_nothing_is_written(store: CountingStore, uses: ApiKeyUses) -> None:
    assert not uses.is_due()

    uses.write()

    assert store.written == []


def test_the_last_use_of_each_key_is_written_with_its_age(
    store: CountingStore, uses: ApiKeyUses, seconds: Seconds
) -> None:
    uses.note("b")
    uses.note("a")
    seconds.now += 2
    uses.note("a")
    seconds.now += 1

    uses.write()

    assert store.written == [ages(a=1, b=3)]
    assert list(store.written[0]) == ["a", "b"]  # each process in the same order, so that rows are locked in one order


def test_a_use_is_written_once(store: CountingStore, uses: ApiKeyUses, seconds: Seconds) -> None:
    uses.note("a")
    uses.write()
    seconds.now += 3600

    uses.write()

    assert len(store.written) == 1


@pytest.mark.parametrize(("passed", "writes"), [(0, 1), (59.9, 1), (60, 2), (60.1, 2)])
def test_there_are_60_seconds_between_two_writes(
    store: CountingStore, uses: ApiKeyUses, seconds: Seconds, passed: float, writes: int
) -> None:
    uses.note("a")
    uses.write()
    seconds.now += passed
    uses.note("a")

    assert uses.is_due() is (writes == 2)
    uses.write()

    assert len(store.written) == writes


@pytest.mark.parametrize("error", [StoreUnavailable("nobody answers"), RuntimeError("hunter2")])
def test_uses_that_could_not_be_written_are_written_later(
    store: CountingStore, uses: ApiKeyUses, seconds: Seconds, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """An error of a custom store is logged with its type alone: its message may have a password."""

    def fail() -> None:
        raise error

    uses.note("a")
    uses.note("b")
    store.meanwhile = fail
    uses.write()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the last uses of API keys cannot be written now" in caplog.text

    store.meanwhile = lambda: None
    seconds.now += 10
    uses.note("b")
    assert not uses.is_due()
    seconds.now += 50
    uses.write()

    assert store.written[-1] == ages(a=60, b=50)


def test_a_use_during_a_write_that_fails_is_the_later_one(
    store: CountingStore, uses: ApiKeyUses, seconds: Seconds
) -> None:
    def use_and_fail() -> None:
        seconds.now += 5
        uses.note("a")
        raise StoreUnavailable("nobody answers")

    uses.note("a")
    store.meanwhile = use_and_fail
    uses.write()

    store.meanwhile = lambda: None
    seconds.now += 60
    uses.write()

    assert store.written[-1] == ages(a=60)


def test_a_write_has_the_time_limit_of_the_store(store: CountingStore, uses: ApiKeyUses) -> None:
    left: list[float] = []
    store.meanwhile = lambda: left.append(remaining())
    uses.note("a")

    uses.write()

    assert 0 < left[0] <= 0.5


def test_two_threads_do_not_write_at_once(store: CountingStore, uses: ApiKeyUses) -> None:
    writing, go_on = Event(), Event()

    def wait() -> None:
        writing.set()
        assert go_on.wait(30)

    store.meanwhile = wait
    uses.note("a")
    thread = Thread(target=uses.write)
    thread.start()
    assert writing.wait(30)
    store.meanwhile = lambda: None

    uses.note("b")
    uses.write()
    go_on.set()
    thread.join(30)

    assert store.written == [store.written[0]]
    assert list(store.written[0]) == ["a"]


def test_during_a_long_outage_the_number_of_keys_is_limited(
    store: CountingStore, uses: ApiKeyUses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_tokenauth.core.opaque.api_key_uses._MOST", 2)
    for key_id in ("a", "b", "c", "a"):
        uses.note(key_id)

    uses.write()

    assert store.written == [ages(a=0, b=0)]
