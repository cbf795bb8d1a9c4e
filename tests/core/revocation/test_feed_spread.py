"""The revocation feed: as long as no request must wait, each fetches one page alone."""

from datetime import timedelta

import pytest

from flask_tokenauth.core.revocation import pruning

from .kit import NEVER, OUTAGE, TICK, Worker, token, warm, worker
from .test_feed_pages import forgetful, page

__all__ = ["forgetful", "warm", "worker"]  # fixtures


def raise_interrupt(now: float) -> None:
    raise KeyboardInterrupt


def test_a_request_that_comes_early_fetches_one_page_and_the_next_one_goes_on(warm: Worker) -> None:
    warm.wait(0.5)
    warm.store.pages = [page("a", cursor="1"), page("b", cursor="2"), page("c", cursor="3", more=False)]

    assert [warm.asks() for _ in range(4)] == [1, 1, 1, 0]
    assert warm.has("a")
    assert warm.has("c")
    assert warm.feed.describe().age == 0


@pytest.mark.parametrize(("age", "asks"), [(1 - TICK, 1), (1, 2), (1 + TICK, 2)])
def test_from_the_interval_on_a_request_fetches_all_pages_that_are_left(warm: Worker, age: float, asks: int) -> None:
    warm.wait(0.5)
    warm.store.pages = [page("a", cursor="1"), page("b", cursor="2"), page("c", cursor="3", more=False)]
    assert warm.asks() == 1
    warm.wait(age - 0.5)

    assert warm.asks() == asks


def test_the_age_of_pages_that_several_requests_fetch_is_that_of_the_first(warm: Worker) -> None:
    warm.wait(0.5)
    warm.store.pages = [page("a", cursor="1"), page("b", cursor="2", more=False)]
    warm.asks()
    warm.wait(0.25)

    warm.asks()

    assert warm.feed.describe().age == 0.25


def test_pages_that_were_begun_long_ago_are_followed_by_another_fetch(warm: Worker) -> None:
    warm.wait(0.5)
    warm.store.pages = [page("a", cursor="1"), page("b", cursor="2", more=False), page("c", cursor="3", more=False)]
    warm.asks()
    warm.wait(100)

    assert warm.asks() == 2
    assert warm.feed.describe().age == 0


def test_after_an_outage_one_page_alone_does_not_count_as_a_fetch(warm: Worker) -> None:
    warm.store.fetch_fails = OUTAGE
    warm.make(interval=timedelta(seconds=20))
    warm.store.fetch_fails = None
    warm.feed.warm()
    warm.store.fetch_fails = OUTAGE
    warm.wait(10)
    warm.asks()
    warm.store.fetch_fails, warm.store.pages = None, [page("a", cursor="1"), page("b", cursor="2", more=False)]
    warm.wait(5)

    assert [(warm.asks(), warm.feed.describe().failures) for _ in range(2)] == [(1, 1), (1, 0)]


def test_a_token_whose_revocation_may_be_forgotten_waits_for_all_pages(forgetful: Worker) -> None:
    """The last fetch was a moment ago."""
    forgetful.store.pages = [page("a", cursor="1"), page("t", cursor="2", more=False)]

    assert forgetful.has()
    assert forgetful.store.asked == [None, "1"]


def test_a_round_of_pruning_that_a_clock_in_the_future_began_forgets_nothing_after_it_was_set_back(
    warm: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "STEP", 1)  # revocation, so that a fetch leaves something to the next ones
    names = [f"{number}" for number in range(10)]
    for name in names:
        warm.store.revoke(token(name, until=NEVER))
    warm.wait(1)
    assert warm.has("0")
    warm.wait(10**6)
    warm.asks()
    left = warm.feed.describe().tokens
    assert 0 < left < 10

    warm.wall.now -= 10**6
    found = []
    for _ in range(10):
        warm.wait(1)
        found.append([warm.has(name) for name in names])

    assert found == [[True] * 10] * 10


def test_a_fetch_that_stops_while_it_sets_the_clock_back_sets_it_back_next_time(
    warm: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that is forked at this moment has the same state as this process after an interruption."""
    monkeypatch.setattr(pruning, "STEP", 1)
    names = [f"{number}" for number in range(10)]
    for name in names:
        warm.store.revoke(token(name, until=NEVER))
    warm.wait(10**6)
    warm.asks()
    warm.wall.now -= 10**6
    set_back = warm.feed._pruning.set_back
    monkeypatch.setattr(warm.feed._pruning, "set_back", raise_interrupt)
    with pytest.raises(KeyboardInterrupt):
        warm.has()
    monkeypatch.setattr(warm.feed._pruning, "set_back", set_back)

    found = []
    for _ in range(10):
        warm.wait(1)
        found.append([warm.has(name) for name in names])

    assert found == [[True] * 10] * 10


def test_the_revocations_of_a_page_lengthen_the_next_step_of_pruning(warm: Worker) -> None:
    warm.wait(0.5)
    warm.store.pages = [page("a", "b", "c", cursor="1")]
    warm.asks()

    assert warm.feed._pruning.added == 3
