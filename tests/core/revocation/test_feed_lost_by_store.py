"""The revocation feed: what the store has lost, and what it may have forgotten."""

from datetime import timedelta

import pytest

from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.core.time_limit import remaining

from ...conftest import NOW
from .kit import EXP, LATER, RETENTION, Worker, ms, token, warm, worker

__all__ = ["warm", "worker"]  # fixtures

GRACE = 80  # seconds for which tokens are kept after their expiry
WIDTH = 300  # seconds, of a bucket


def reload(worker: Worker) -> None:
    """Let the store answer like another one, so that all revocations are loaded again."""
    worker.wait(1)
    worker.store.pages = [RevocationPage()]
    worker.store.written.clear()
    worker.asks()
    assert worker.store.asked[-1] is None


def test_the_number_of_lost_revocations_is_logged(warm: Worker, caplog: pytest.LogCaptureFixture) -> None:
    warm.store.revoke(token())
    warm.store.revoke(Revocation(kind="session", subject="s", expires_at=LATER))
    warm.wait(1)
    warm.asks()
    warm.store.forget()

    warm.wait(1)
    warm.asks()

    assert caplog.messages == ["the store has lost 2 revocations: they are written to it again"]


def test_a_store_that_has_everything_has_lost_nothing(warm: Worker, caplog: pytest.LogCaptureFixture) -> None:
    for entry in token(), token("undated", 0), Revocation(kind="session", subject="s", expires_at=LATER):
        warm.store.revoke(entry)
        warm.feed.add(entry)

    reload(warm)

    assert (caplog.messages, warm.store.written) == ([], [])


def test_what_is_revoked_here_during_a_reload_is_written_again_and_not_called_lost(
    warm: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    """The page that was fetched may be older than it, or of another store."""
    warm.store.pages = [RevocationPage(), RevocationPage(cursor="all")]
    warm.store.meanwhile = lambda: None if warm.store.pages[1:] else warm.feed.add(token())

    warm.wait(1)
    warm.asks()

    assert (caplog.messages, [entry.subject for entry in warm.store.written]) == ([], ["t"])
    assert warm.has()


def test_what_was_revoked_here_during_a_reload_and_is_lost_later_is_called_lost(
    warm: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    warm.store.pages = [RevocationPage()]
    warm.store.meanwhile = lambda: None if warm.store.pages else warm.feed.add(token())
    warm.wait(1)
    warm.asks()
    warm.store.meanwhile = lambda: None
    warm.store.forget()

    reload(warm)

    assert caplog.messages == ["the store has lost 1 revocations: they are written to it again"]


def test_a_lost_revocation_is_kept_for_the_longest_leeway_of_the_store(warm: Worker) -> None:
    """Another application accepts the token for longer than this process does."""
    warm.feed.add(token())
    warm.store.bind("one", timeout=timedelta(seconds=1), lifetime=RETENTION, leeway=timedelta(seconds=300))

    reload(warm)

    [entry] = warm.store.written
    assert ms(EXP + 2 * 300) < entry.expires_at < ms(EXP + 2 * 300 + GRACE + WIDTH)


def test_a_shorter_leeway_of_the_store_does_not_shorten_a_lost_revocation(warm: Worker) -> None:
    warm.feed.add(token())

    reload(warm)

    assert warm.store.longest_leeway() == timedelta(0)
    assert warm.store.written[0].expires_at >= ms(EXP + GRACE)


@pytest.mark.parametrize(("left", "logged"), [(WIDTH, 0), (WIDTH + 60, 1)])
def test_what_may_have_expired_by_the_clock_of_the_store_is_not_called_lost(
    warm: Worker, caplog: pytest.LogCaptureFixture, left: int, logged: int
) -> None:
    minute = NOW // 60 * 60 + 1200
    warm.feed.add(Revocation(kind="session", subject="s", expires_at=ms(minute)))
    warm.wait(minute - left - 1 - warm.wall.now)

    reload(warm)

    assert len(caplog.messages) == logged
    assert [entry.subject for entry in warm.store.written] == ["s"]


def test_a_token_that_the_store_has_forgotten_by_now_is_not_called_lost(
    warm: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    """This process keeps it as long as the last token of its bucket."""
    exp = EXP // WIDTH * WIDTH
    warm.store.revoke(token(exp=exp, until=ms(exp + GRACE)))
    warm.wait(1)
    assert warm.has(exp=exp)
    warm.wait(exp + GRACE - warm.wall.now)

    reload(warm)

    assert warm.feed.describe().tokens == 1
    assert caplog.messages == []


def test_a_request_writes_lost_revocations_for_no_longer_than_its_timeout(
    warm: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write of the store may take longer by itself."""
    left: list[float] = []
    monkeypatch.setattr(warm.store, "revoke", lambda _: left.append(remaining()))
    warm.feed.add(token())

    reload(warm)

    assert len(left) == 1
    assert 0 < left[0] <= warm.feed._timeout
