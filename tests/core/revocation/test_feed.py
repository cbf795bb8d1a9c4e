"""The revocation feed: how old the last fetch may be, which request fetches, and what an outage does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from flask_tokenauth.core import process
from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.revocation import feed as revocation
from flask_tokenauth.core.revocation.feed_state import FeedState

from ...conftest import NOW
from ...test_cost import Calls
from .kit import LATER, OUTAGE, RETENTION, TICK, Worker, ms, token, warm, worker

__all__ = ["warm", "worker"]  # fixtures


@pytest.mark.parametrize(
    ("age", "asks"), [(0, 0), (0.5 - TICK, 0), (0.5, 1), (0.5 + TICK, 1), (1, 1), (30 - TICK, 1), (30, 1), (10**6, 1)]
)
def test_revocations_are_fetched_from_half_the_interval_on(warm: Worker, age: float, asks: int) -> None:
    warm.wait(age)

    assert [warm.asks(), warm.asks()] == [asks, 0]


def test_nothing_is_answered_before_the_first_fetch(worker: Worker) -> None:
    worker.store.revoke(token())

    assert worker.has()
    assert worker.store.asked == [None]


def test_what_others_revoke_is_known_after_the_interval(warm: Worker) -> None:
    warm.store.revoke(token())
    warm.store.revoke(Revocation(kind="session", subject="s", expires_at=LATER))
    warm.store.revoke_user("bob", retention=RETENTION, api_keys=False)
    warm.store.revoke(token("undated", 0))

    warm.wait(1)

    assert warm.has()
    assert warm.has("x", session_id="s")
    assert warm.has("x", user_id="bob", epoch=1)
    assert warm.has("undated")
    assert not warm.has("x")


def test_what_this_process_revokes_is_known_at_once(warm: Worker) -> None:
    warm.feed.add(token())

    assert warm.has()
    assert warm.store.asked == [None]


def test_the_age_of_a_fetch_counts_from_before_the_store_is_asked(warm: Worker) -> None:
    warm.wait(1)
    warm.store.meanwhile = lambda: warm.wait(0.25)
    assert warm.asks() == 1

    warm.store.meanwhile = lambda: None
    warm.wait(0.25 - TICK)
    assert warm.asks() == 0
    warm.wait(TICK)
    assert warm.asks() == 1


@pytest.mark.parametrize(("age", "refused"), [(0, False), (1, False), (30 - TICK, False), (30, True), (31, True)])
def test_in_an_outage_what_is_known_is_good_until_it_is_too_old(warm: Worker, age: float, *, refused: bool) -> None:
    warm.store.revoke(token())
    warm.wait(0.5)
    assert warm.has()

    warm.store.fetch_fails = OUTAGE
    warm.wait(age)

    assert warm.is_refused() is refused
    if not refused:
        assert warm.has()


def test_an_outage_before_the_first_fetch_leaves_nothing_to_answer(worker: Worker) -> None:
    worker.store.fetch_fails = OUTAGE

    with pytest.raises(StoreUnavailable) as caught:
        worker.has()

    assert caught.value.__cause__ is OUTAGE
    assert worker.is_refused()
    assert len(worker.store.asked) == 1  # until the pause is over
    worker.store.fetch_fails = None
    worker.wait(1)
    assert not worker.has()


def test_a_worker_that_was_idle_for_too_long_fetches_first(warm: Worker) -> None:
    warm.store.revoke(token(exp=int(NOW) + 7200))

    warm.wait(3600)

    assert warm.has(exp=NOW + 7200)
    assert len(warm.store.asked) == 2


def test_in_an_outage_the_store_is_asked_more_and_more_rarely(warm: Worker) -> None:
    """After one interval, two, four, and then every five seconds, minus a random part, however old the last fetch."""
    warm.store.fetch_fails = OUTAGE
    start, when = warm.monotonic.now, []
    warm.store.meanwhile = lambda: when.append(warm.monotonic.now - start)

    for _ in range(40 * 8):
        warm.wait(1 / 8)
        warm.is_refused()

    assert when == [0.5, 1.5, 3.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5]
    assert warm.feed.describe().failures == 10


@pytest.mark.parametrize(("number", "pause"), [(0, 0.5), (1, 0.75), (2, 1.0)])
def test_workers_do_not_ask_all_at_once(worker: Worker, number: int, pause: float) -> None:
    ranges: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        ranges.append((low, high))
        return low + (high - low) * number / 2

    worker.make(uniform=uniform)
    worker.store.fetch_fails = OUTAGE
    worker.is_refused()

    worker.wait(pause - TICK)
    assert worker.is_refused()
    assert len(worker.store.asked) == 1
    worker.wait(TICK)
    assert worker.is_refused()
    assert len(worker.store.asked) == 2
    assert ranges == [(0.5, 1)] * 2


def test_after_an_outage_all_is_as_before(warm: Worker) -> None:
    warm.store.fetch_fails = OUTAGE
    for _ in range(20):
        warm.wait(5)
        warm.is_refused()
    warm.store.revoke(token())
    warm.store.fetch_fails = None

    warm.wait(5)

    assert warm.has()
    assert warm.feed.describe().failures == 0
    warm.wait(0.5 - TICK)
    assert warm.asks() == 0
    warm.wait(TICK)
    assert warm.asks() == 1
    warm.store.fetch_fails = OUTAGE
    warm.wait(0.5)
    assert warm.asks() == 1
    warm.wait(1)
    assert warm.asks() == 1


def test_an_early_fetch_that_fails_refuses_no_request(warm: Worker) -> None:
    warm.store.fetch_fails = OUTAGE
    warm.wait(0.5)

    assert not warm.is_refused()


def test_a_mistake_in_the_setup_is_raised_and_delays_no_later_request(worker: Worker) -> None:
    worker.store.fetch_fails = SettingsError("two processes")
    for _ in range(2):
        with pytest.raises(SettingsError):
            worker.has()

    worker.store.fetch_fails = None

    assert not worker.has()


def test_expired_revocations_are_forgotten(warm: Worker) -> None:
    warm.store.revoke(token())
    warm.store.revoke(Revocation(kind="session", subject="s", expires_at=ms(NOW + 1000)))
    warm.wait(1)
    warm.asks()
    assert warm.feed.describe() == FeedState(age=0, tokens=1, sessions=1, users=0, failures=0, lost_by_store=0)

    warm.wait(900 + 300 + 70)
    warm.asks()

    assert warm.feed.describe() == FeedState(age=0, tokens=0, sessions=0, users=0, failures=0, lost_by_store=0)


@pytest.mark.parametrize(
    "changes",
    [{name: timedelta(0)} for name in ("interval", "max_staleness", "timeout", "load_timeout")]
    + [{"interval": timedelta(seconds=31)}, {"interval": timedelta(seconds=-1)}],
)
def test_durations_that_make_no_sense_are_refused(worker: Worker, changes: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        worker.make(**changes)


def test_an_interval_may_be_as_long_as_the_longest_staleness(worker: Worker) -> None:
    worker.make(interval=timedelta(seconds=30)).warm()
    worker.wait(15 - TICK)

    assert worker.asks() == 0


def test_its_state_is_described_without_asking_the_store(worker: Worker) -> None:
    worker.feed.add(token())
    worker.feed.add(token("u", 0))
    worker.feed.add(Revocation(kind="user", subject="alice", value=5, expires_at=LATER))

    state = worker.feed.describe()

    assert state == FeedState(age=None, tokens=2, sessions=0, users=1, failures=0, lost_by_store=0)
    assert worker.store.asked == []


def test_warming_asks_once(worker: Worker) -> None:
    worker.feed.warm()
    worker.feed.warm()

    assert worker.asks() == 0
    assert worker.store.asked == [None]


@pytest.fixture
def fork(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which the feed takes this process for a child. The store does not notice it."""
    return lambda: monkeypatch.setattr(revocation, "process_id", lambda: -1)


def test_after_a_fork_the_child_has_locks_of_its_own_and_asks_before_it_answers(
    warm: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tests/stores/test_feed.py has real forks."""
    warm.feed._fetching.acquire()  # as if threads of the parent held them
    warm.feed._changing.acquire()
    warm.feed._fetching_since = warm.monotonic.now
    warm.store.revoke(token())

    monkeypatch.setattr(process, "getpid", lambda: -1)
    revocation._after_in_child()

    assert warm.feed.describe().age is None
    assert warm.has()
    assert warm.store.asked[0] is None
    assert warm.store.asked[1] is not None  # it goes on from the cursor of its parent
    assert not warm.feed._changing.locked()


def test_a_child_whose_store_is_away_answers_nothing(warm: Worker, fork: Callable[[], None]) -> None:
    warm.store.fetch_fails = OUTAGE

    fork()
    revocation._after_in_child()

    assert warm.is_refused()


def test_a_child_that_python_does_not_know_of_starts_over_when_a_fetch_is_due(
    warm: Worker, fork: Callable[[], None]
) -> None:
    warm.store.fetch_fails = OUTAGE

    fork()

    assert not warm.is_refused()  # its parent knows no more
    warm.wait(0.5)
    assert warm.is_refused()


def test_a_child_that_python_does_not_know_of_can_be_warmed(warm: Worker, fork: Callable[[], None]) -> None:
    fork()
    warm.feed.warm()

    assert len(warm.store.asked) == 2


def test_a_child_starts_over_once(warm: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter([-1, warm.feed._process])  # another thread is faster
    monkeypatch.setattr(revocation, "process_id", lambda: next(ids))

    assert warm.feed.describe().age == 0


@pytest.mark.slow
def test_a_look_up_makes_a_few_calls_however_many_are_revoked(warm: Worker) -> None:
    counted = []
    for number in 10, 100_000:
        for index in range(number):
            warm.feed.add(token(f"t{index}", int(NOW) + index % 900))
            warm.feed.add(Revocation(kind="session", subject=f"s{index}", expires_at=LATER))
            warm.feed.add(Revocation(kind="user", subject=f"u{index}", value=7, expires_at=LATER))
        with Calls() as calls:
            warm.has("x", session_id="s", user_id="alice")
        counted.append(calls)

    assert counted[0] == counted[1]
    assert {name for name in counted[0] if name != "Calls.__exit__"} <= {
        "Worker.has", "RevocationFeed.is_revoked", "StandingClock.__call__", "RevocationIndex.has", "dict.get",
        "hash", "setprofile",
    }  # fmt: skip
    assert (counted[0]["hash"], counted[0]["dict.get"]) == (3, 1)


def test_threads_that_revoke_look_up_and_forget_do_not_disturb_each_other(warm: Worker) -> None:
    def run(number: int) -> list[bool]:
        found = []
        for index in range(200):
            name = f"{number}.{index}"
            warm.feed.add(token(name))
            warm.feed.add(Revocation(kind="session", subject=name, expires_at=LATER))
            warm.wait(0.5)
            warm.feed.describe()
            found.append(warm.has(name))
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(8))) == [[True] * 200] * 8
