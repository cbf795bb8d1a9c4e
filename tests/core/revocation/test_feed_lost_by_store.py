"""The feed of what is revoked: what a store has lost is told apart from what it never had, or may have forgotten."""

import pytest

from flask_tokenauth.core.records.revocation import Revocation, RevocationPage

from ...conftest import NOW
from .kit import EXP, LATER, Worker, ms, token, warm, worker

__all__ = ["warm", "worker"]  # fixtures

GRACE = 80  # seconds for which tokens are remembered beyond their expiry
WIDTH = 300  # seconds, of a bucket


def hear_anew(worker: Worker) -> None:
    """Let the store say that it is another one, and be heard from the beginning."""
    worker.wait(1)
    worker.store.answers = [RevocationPage()]
    worker.store.told.clear()
    worker.asks()
    assert worker.store.asked[-1] is None


def test_how_much_is_lost_is_told_in_the_log(warm: Worker, caplog: pytest.LogCaptureFixture) -> None:
    warm.store.revoke(token())
    warm.store.revoke(Revocation(kind="session", subject="s", expires_at=LATER))
    warm.wait(1)
    warm.asks()
    warm.store.forget()

    warm.wait(1)
    warm.asks()

    assert caplog.messages == ["the store has lost 2 revocations: it is told again"]


def test_a_store_that_has_everything_has_lost_nothing(warm: Worker, caplog: pytest.LogCaptureFixture) -> None:
    for entry in token(), token("undated", 0), Revocation(kind="session", subject="s", expires_at=LATER):
        warm.store.revoke(entry)
        warm.feed.add(entry)

    hear_anew(warm)

    assert (caplog.messages, warm.store.told) == ([], [])


def test_a_token_of_which_the_store_was_not_told_is_refused_and_not_lost(
    warm: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    warm.feed.add(token(), in_store=False)
    assert warm.has()

    hear_anew(warm)

    assert caplog.messages == []
    assert warm.has()


def test_of_what_a_store_has_lost_it_is_told_again_even_what_it_never_had(warm: Worker) -> None:
    """It may not have the session any more for which that token was refused."""
    warm.feed.add(token(), in_store=False)

    hear_anew(warm)

    assert [each.subject for each in warm.store.told] == ["t"]


def test_which_tokens_were_not_told_is_forgotten_with_them(warm: Worker) -> None:
    warm.feed.add(token("early", until=ms(NOW + 900)), in_store=False)
    warm.feed.add(token("late", until=LATER), in_store=False)

    warm.wait(901)
    warm.asks()

    assert list(warm.feed._not_yet_in_store) == ["late"]


def test_what_is_revoked_here_while_everything_is_heard_is_told_again_and_not_called_lost(
    warm: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    """The store had it before it was noted, and may have told the rest before that; or another store had it."""
    warm.store.answers = [RevocationPage(), RevocationPage(cursor="all")]
    warm.store.meanwhile = lambda: None if warm.store.answers[1:] else warm.feed.add(token())

    warm.wait(1)
    warm.asks()

    assert (caplog.messages, [each.subject for each in warm.store.told]) == ([], ["t"])
    assert warm.has()


@pytest.mark.parametrize(("left", "logged"), [(WIDTH, 0), (WIDTH + 60, 1)])
def test_what_may_have_expired_by_the_clock_of_the_store_is_not_called_lost(
    warm: Worker, caplog: pytest.LogCaptureFixture, left: int, logged: int
) -> None:
    minute = NOW // 60 * 60 + 1200
    warm.feed.add(Revocation(kind="session", subject="s", expires_at=ms(minute)))
    warm.wait(minute - left - 1 - warm.wall.now)

    hear_anew(warm)

    assert len(caplog.messages) == logged
    assert [each.subject for each in warm.store.told] == ["s"]


def test_a_token_that_the_store_has_forgotten_by_now_is_not_called_lost(
    warm: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    """Here it is known for as long as the last one of its bucket."""
    exp = EXP // WIDTH * WIDTH
    warm.store.revoke(token(exp=exp, until=ms(exp + GRACE)))
    warm.wait(1)
    assert warm.has(exp=exp)
    warm.wait(exp + GRACE - warm.wall.now)

    hear_anew(warm)

    assert warm.feed.describe().tokens == 1
    assert caplog.messages == []
