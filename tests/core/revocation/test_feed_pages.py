"""The revocation feed: revocations come in pages, and a store may be replaced or lose writes."""

from datetime import timedelta

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import NOW
from .kit import LATER, NEVER, OUTAGE, RETENTION, TICK, Worker, ms, token, warm, worker

__all__ = ["warm", "worker"]  # fixtures


def page(*subjects: str, cursor: str | None, more: bool = True) -> RevocationPage:
    return RevocationPage(entries=tuple(token(subject) for subject in subjects), cursor=cursor, more=more)


def test_revocations_are_fetched_page_by_page_until_there_are_no_more(worker: Worker) -> None:
    worker.store.pages = [page("a", cursor="1"), page(cursor="2"), page("b", cursor="3", more=False)]

    assert worker.has("a")
    assert worker.has("b")
    assert worker.store.asked == [None, "1", "2"]


def test_the_age_of_pages_is_that_of_the_first(worker: Worker) -> None:
    worker.store.meanwhile = lambda: worker.wait(0.25)
    worker.store.pages = [page("a", cursor="1"), page("b", cursor="2", more=False)]
    worker.feed.warm()

    assert worker.feed.describe().age == 0.5


def test_the_age_is_that_of_the_first_page_also_if_its_reader_stops_after_it_has_merged_it(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that is forked at this moment has the same state as this process after an interruption."""
    worker.store.pages = [page("a", cursor="1"), page("b", cursor="2", more=False)]
    merge = worker.feed._merge

    def merge_and_stop(merged: RevocationPage) -> None:
        merge(merged)
        raise KeyboardInterrupt

    monkeypatch.setattr(worker.feed, "_merge", merge_and_stop)
    with pytest.raises(KeyboardInterrupt):
        worker.feed.warm()
    monkeypatch.setattr(worker.feed, "_merge", merge)
    worker.wait(0.25)

    worker.feed.warm()

    assert worker.store.asked == [None, "1"]
    assert worker.feed.describe().age == 0.25


def test_a_load_that_takes_longer_than_the_interval_is_followed_by_another_fetch(worker: Worker) -> None:
    worker.store.meanwhile = lambda: worker.wait(0.5)
    worker.store.pages = [
        page("a", cursor="1"),
        page("b", cursor="2", more=False),
        page("c", cursor="3", more=False),
    ]
    worker.feed.warm()

    assert worker.store.asked == [None, "1", "2"]
    assert worker.feed.describe().age == 0.5


def test_a_load_that_takes_too_long_goes_on_where_it_was_next_time(worker: Worker) -> None:
    worker.store.meanwhile = lambda: worker.wait(4)
    worker.store.pages = [page(str(number), cursor=str(number)) for number in range(4)]
    assert worker.is_refused()
    assert worker.store.asked == [None, "0", "1"]
    worker.store.pages += [page("last", cursor="4", more=False), page(cursor="5", more=False)]
    worker.wait(1)

    worker.feed.warm()

    assert worker.store.asked == [None, "0", "1", "2", "3", "4"]
    assert [worker.has(subject) for subject in ("0", "1", "2", "3", "last")] == [True] * 5


def test_an_outage_between_two_pages_answers_nothing_and_loses_nothing(worker: Worker) -> None:
    worker.store.pages = [page("a", cursor="1")]
    worker.store.meanwhile = lambda: setattr(worker.store, "fetch_fails", OUTAGE if worker.store.asked[1:] else None)
    assert worker.is_refused()
    worker.store.meanwhile, worker.store.fetch_fails = lambda: None, None
    worker.store.pages = [page("b", cursor="2", more=False)]

    worker.wait(1)

    assert worker.has("b")
    assert worker.has("a")
    assert worker.store.asked[:3] == [None, "1", "1"]


def test_a_first_page_without_a_cursor_is_an_outage(worker: Worker) -> None:
    worker.store.pages = [RevocationPage()]

    assert worker.is_refused()


def test_a_store_that_wants_a_reload_again_and_again_is_an_outage(worker: Worker) -> None:
    worker.store.meanwhile = lambda: worker.wait(1)
    worker.store.pages = [page("a", cursor="1"), RevocationPage()] * 10

    assert worker.is_refused()
    assert len(worker.store.asked) == 10


def test_a_store_that_lost_writes_is_loaded_again_and_gets_them_again(warm: Worker) -> None:
    warm.feed.add(token("own"))
    warm.store.revoke(token("a", 0))
    warm.store.revoke(Revocation(kind="session", subject="s", expires_at=LATER))
    epoch = warm.store.revoke_user("bob", retention=RETENTION, api_keys=False)
    warm.wait(1)
    assert warm.has("a")
    warm.store.forget()
    MemoryStore.revoke(warm.store, token("new"))
    warm.store.written.clear()

    warm.wait(1)

    assert warm.has("new")
    assert [warm.has("own"), warm.has("a"), warm.has("x", session_id="s"), warm.has("x", user_id="bob")] == [True] * 4
    assert {(entry.kind, entry.subject, entry.value) for entry in warm.store.written} == {
        ("token", "own", 0),
        ("token", "a", 0),
        ("session", "s", 0),
        ("user", "bob", epoch),
    }
    assert warm.store.read_epoch("bob") == epoch
    assert warm.feed.describe().lost_by_store == 0
    warm.feed.add(token("later"))
    warm.wait(1)
    warm.asks()
    assert "later" not in {entry.subject for entry in warm.store.written}  # the reload is over
    other = warm.make()
    other.warm()
    assert [warm.has("new"), warm.has("own"), warm.has("a"), warm.has("x", session_id="s")] == [True] * 4


def test_what_has_expired_is_not_written_again(warm: Worker) -> None:
    minute = NOW // 60 * 60 + 60
    warm.store.revoke(Revocation(kind="session", subject="s", expires_at=ms(minute)))
    warm.wait(1)
    warm.asks()
    warm.store.forget()

    warm.wait(minute - warm.wall.now)
    warm.asks()

    assert len(warm.store.written) == 1
    assert warm.feed.describe().lost_by_store == 0


def test_a_request_writes_to_the_store_as_much_as_it_has_time_for(worker: Worker) -> None:
    worker.make(timeout=timedelta(seconds=0.5))
    worker.feed.warm()
    for number in range(5):
        worker.feed.add(token(str(number)))
    worker.store.forget()
    worker.wait(1)
    worker.store.before_revoke = lambda: worker.wait(0.25)

    assert worker.asks() == 2
    assert [len(worker.store.written), worker.feed.describe().lost_by_store] == [2, 3]
    worker.asks()
    worker.wait(1)
    worker.asks()
    assert [len(worker.store.written), worker.feed.describe().lost_by_store] == [5, 0]


def test_a_store_that_cannot_be_written_delays_no_request_and_is_written_later(warm: Worker) -> None:
    warm.feed.add(token())
    warm.store.forget()
    warm.store.revoke_fails = OUTAGE
    tries: list[float] = []
    warm.store.before_revoke = lambda: tries.append(warm.monotonic.now)

    for _ in range(24):
        warm.wait(0.5)
        assert warm.has()
        assert not warm.has("x")

    assert [time - tries[0] for time in tries] == [0, 5, 10]
    warm.store.revoke_fails = None
    warm.wait(5)
    assert warm.has()
    assert [entry.subject for entry in warm.store.written] == ["t"]


def test_one_thread_at_a_time_writes_to_a_store_again(warm: Worker) -> None:
    warm.feed.add(token())
    warm.store.forget()
    warm.wait(1)
    with warm.feed._lost_by_store.writing:
        assert warm.has()
        assert warm.store.written == []

    warm.wait(1)

    assert warm.has()
    assert len(warm.store.written) == 1


def test_if_a_reload_fails_what_was_known_counts_until_it_is_too_old(warm: Worker) -> None:
    warm.feed.add(token())
    warm.wait(1)
    warm.store.pages = [RevocationPage()]
    warm.store.meanwhile = lambda: setattr(warm.store, "fetch_fails", None if warm.store.pages else OUTAGE)

    assert warm.has()
    assert warm.feed.describe().failures == 1
    warm.wait(29)
    assert warm.is_refused()


@pytest.mark.parametrize(("back", "loads"), [(60, 0), (60 + TICK, 1), (10**6, 1)])
def test_a_clock_that_was_set_back_brings_back_what_was_forgotten(warm: Worker, back: float, loads: int) -> None:
    """Tokens that had expired are valid again, and their revocations were forgotten."""
    warm.wait(1)
    warm.wall.now += 10**6
    warm.asks()
    pruned_at = warm.wall.now
    warm.store.asked.clear()

    warm.monotonic.now += 1
    warm.wall.now = pruned_at - back
    warm.asks()
    warm.monotonic.now += 1
    warm.asks()

    assert warm.store.asked.count(None) == loads


@pytest.fixture
def forgetful(warm: Worker) -> Worker:
    """A worker that has forgotten a revoked token, by a clock that ran ahead and was set back."""
    warm.store.revoke(token(until=NEVER))
    warm.wait(1)
    assert warm.has()
    warm.wait(10**6)
    warm.asks()
    assert warm.feed.describe().tokens == 0
    warm.wall.now -= 10**6
    warm.store.asked.clear()
    return warm


def test_a_token_that_was_forgotten_by_a_clock_in_the_future_is_revoked_again_at_once(forgetful: Worker) -> None:
    assert forgetful.has()
    assert forgetful.store.asked == [None]


def test_in_an_outage_tokens_whose_revocations_may_be_forgotten_get_no_answer(forgetful: Worker) -> None:
    forgetful.store.fetch_fails = OUTAGE
    with pytest.raises(StoreUnavailable):
        forgetful.has()
    with pytest.raises(StoreUnavailable):
        forgetful.has()
    assert not forgetful.has(exp=NOW + 2 * 10**6)  # it expires later, so its revocation cannot be forgotten
    assert len(forgetful.store.asked) == 1

    forgetful.store.fetch_fails = None
    forgetful.monotonic.now += 1

    assert forgetful.has()


@pytest.mark.parametrize(("before", "asks"), [(0, 1), (TICK, 1), (-TICK, 0)])
def test_what_expired_longer_ago_than_twice_the_leeway_and_a_minute_may_be_forgotten(
    warm: Worker, before: float, asks: int
) -> None:
    warm.wait(10**6)
    warm.asks()
    exp = warm.wall.now - 80 - before
    warm.wall.now -= 10**6

    warm.store.asked.clear()
    warm.has(exp=exp)

    assert len(warm.store.asked) == asks


def test_a_reload_after_a_clock_was_set_back_goes_on_where_it_was(forgetful: Worker) -> None:
    forgetful.store.pages = [RevocationPage(cursor="page", more=True)]
    forgetful.store.meanwhile = lambda: setattr(
        forgetful.store, "fetch_fails", None if forgetful.store.pages else OUTAGE
    )
    with pytest.raises(StoreUnavailable):
        forgetful.has()
    forgetful.store.meanwhile = lambda: setattr(forgetful.store, "fetch_fails", None)
    forgetful.store.pages = [RevocationPage(entries=(token(),), cursor="end"), RevocationPage(cursor="end")]
    forgetful.monotonic.now += 1

    assert forgetful.has()

    assert forgetful.store.asked == [None, "page", "page", "end"]


def test_a_clock_that_ran_ahead_during_a_fetch_brings_back_what_that_left_out(warm: Worker) -> None:
    """The store leaves out what has expired by its clock, so the feed would never know of it."""
    warm.wait(1)
    warm.wall.now += 250  # less than the time between two rounds of pruning
    warm.store.revoke(token(until=ms(NOW + 200)))
    warm.asks()
    warm.wall.now -= 250
    warm.store.asked.clear()

    assert warm.has("x", exp=NOW + 100) is False  # of another token: all was loaded again first
    assert warm.store.asked == [None]
    assert warm.has()


def test_after_a_fork_no_thread_waits_for_a_fetch_of_the_parent(warm: Worker) -> None:
    warm.feed._fetching_since = warm.monotonic.now
    warm.feed._reset_process()

    assert warm.feed._fetching_since is None


def test_an_exception_of_a_store_that_is_written_again_delays_no_request(warm: Worker) -> None:
    warm.feed.add(token("own"))
    warm.wait(1)
    warm.store.forget()
    warm.store.revoke_fails = ValueError("mistake")

    assert warm.has("own")
    warm.wait(1)
    assert warm.has("own")
    warm.store.revoke_fails = None
    warm.wait(5)
    assert warm.has("own")

    assert [entry.subject for entry in warm.store.written] == ["own"]
