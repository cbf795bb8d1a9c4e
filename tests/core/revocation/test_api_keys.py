"""API keys in the revocations of one process: what the index finds, and what the feed does."""

from contextlib import suppress
from typing import Any

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.revocation.index import RevocationIndex
from flask_tokenauth.testing.store_contract.kit import add_key, find_key, id_for

from ...test_cost import Calls
from .kit import LATER, OUTAGE, RETENTION, TICK, Worker, token, warm, worker
from .test_feed_lost_by_store import reload
from .test_index import MINUTE, NOW, index_of, missing, prune, user

__all__ = ["warm", "worker"]  # fixtures


def api_keys(subject: str, key_epoch: int, until: int = LATER) -> Revocation:
    return Revocation(kind="api_keys", subject=subject, value=key_epoch, expires_at=until)


def index_has(index: RevocationIndex, key_id: str = "k", **changes: Any) -> bool:
    usual: dict[str, Any] = {"user_id": "alice", "key_epoch": 0}
    return index.has_api_key(key_id, **(usual | changes))


def has(worker: Worker, key_id: str = "k", **changes: Any) -> bool:
    usual: dict[str, Any] = {"user_id": "alice", "key_epoch": 0}
    return worker.feed.is_api_key_revoked(key_id, **(usual | changes))


def test_an_empty_index_has_no_api_key() -> None:
    assert not index_has(index_of())


def test_an_api_key_is_found_by_its_id() -> None:
    assert index_has(index_of(token("k", 0)))
    assert not index_has(index_of(token("k", 0)), "other")
    assert not index_has(index_of(Revocation(kind="session", subject="k", expires_at=LATER)))


@pytest.mark.parametrize(("key_epoch", "revoked"), [(0, True), (6, True), (7, False), (8, False)])
def test_every_api_key_below_the_key_epoch_of_its_user_is_revoked(key_epoch: int, *, revoked: bool) -> None:
    assert index_has(index_of(api_keys("alice", 7)), key_epoch=key_epoch) is revoked
    assert not index_has(index_of(api_keys("alice", 7)), user_id="Alice", key_epoch=key_epoch)


def test_an_epoch_revokes_no_api_key_and_a_key_epoch_no_token() -> None:
    usual: dict[str, Any] = {"token_id": "t", "session_id": None, "user_id": "alice"}

    assert not index_has(index_of(user("alice", 7)))
    assert not index_of(api_keys("alice", 7)).has(**usual, epoch=0)
    assert index_of(user("alice", 7)).has(**usual, epoch=6)


def test_the_highest_key_epoch_counts() -> None:
    revoked = index_of(api_keys("alice", 7), api_keys("alice", 5))

    assert index_has(revoked, key_epoch=6)
    assert revoked.count() == (0, 0, 1)


def test_a_user_with_an_epoch_and_a_key_epoch_is_counted_once() -> None:
    assert index_of(user("alice", 7), api_keys("alice", 7), api_keys("bob", 7)).count() == (0, 0, 2)


@pytest.mark.parametrize(("now", "kept"), [(NOW - 0.001, True), (NOW, False)])
def test_key_epochs_are_kept_to_the_end_of_the_minute_in_which_they_expire(now: float, *, kept: bool) -> None:
    revoked = index_of(api_keys("alice", 7, NOW * 1000))

    prune(revoked, now)

    assert index_has(revoked) is kept
    assert revoked.count() == (0, 0, int(kept))


@pytest.mark.parametrize(
    ("there", "is_missing"),
    [
        ([], True),
        ([user("alice", 7)], True),
        ([api_keys("bob", 7)], True),
        ([api_keys("alice", 6)], True),
        ([api_keys("alice", 7, LATER - 6 * MINUTE)], True),
        ([api_keys("alice", 7, LATER - 5 * MINUTE)], False),
        ([api_keys("alice", 7)], False),
        ([api_keys("alice", 8)], False),
    ],
)
def test_a_key_epoch_that_another_index_lacks_is_missing_there(there: list[Revocation], *, is_missing: bool) -> None:
    here = api_keys("alice", 7, LATER // MINUTE * MINUTE)
    there = [entry.replace(expires_at=entry.expires_at // MINUTE * MINUTE) for entry in there]

    assert missing(index_of(here), index_of(*there)) == ([here] if is_missing else [])


def test_what_others_revoke_is_known_after_the_interval(warm: Worker) -> None:
    add_key(warm.store)
    warm.store.revoke_api_key(id_for("key"), retention=RETENTION)
    epoch = warm.store.revoke_user("bob", retention=RETENTION, api_keys=True)
    assert not has(warm, id_for("key"))

    warm.wait(1)

    assert has(warm, id_for("key"))
    assert has(warm, user_id="bob", key_epoch=epoch - 1)
    assert not has(warm, user_id="bob", key_epoch=epoch)
    assert not has(warm)


def test_a_user_who_was_revoked_without_api_keys_keeps_them(warm: Worker) -> None:
    warm.store.revoke_user("alice", retention=RETENTION, api_keys=False)

    warm.wait(1)

    assert not has(warm)


@pytest.mark.parametrize("entry", [token("k", 0), api_keys("alice", 7)])
def test_what_this_process_revokes_is_known_at_once(warm: Worker, entry: Revocation) -> None:
    warm.feed.add(entry)

    assert has(warm)
    assert warm.store.asked == [None]


@pytest.mark.parametrize(("age", "asks"), [(0, 0), (0.5 - TICK, 0), (0.5, 1), (1, 1)])
def test_the_store_is_asked_from_half_the_interval_on(warm: Worker, age: float, asks: int) -> None:
    warm.wait(age)
    before = len(warm.store.asked)

    has(warm)
    has(warm)

    assert len(warm.store.asked) - before == asks


def test_nothing_is_answered_before_the_first_fetch(worker: Worker) -> None:
    worker.store.fetch_fails = OUTAGE

    with pytest.raises(StoreUnavailable, match="were never fetched"):
        has(worker)


@pytest.mark.parametrize(("age", "refused"), [(1, False), (30 - TICK, False), (30, True)])
def test_in_an_outage_what_is_known_is_good_until_it_is_too_old(warm: Worker, age: float, *, refused: bool) -> None:
    warm.feed.add(token("k", 0))
    warm.store.fetch_fails = OUTAGE
    warm.wait(age)

    answers: list[bool] = []
    with suppress(StoreUnavailable):
        answers.append(has(warm))

    assert answers == ([] if refused else [True])


def test_a_store_that_was_restored_gets_the_revocations_back(warm: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """An older copy has keys that were revoked meanwhile."""
    warm.store.revoke(token(id_for("key"), 0))
    epoch = warm.store.revoke_user("bob", retention=RETENTION, api_keys=True)
    warm.wait(1)
    has(warm)
    warm.store.forget()
    for key, user_id in ("key", "alice"), ("of bob", "bob"):
        add_key(warm.store, key, user_id)

    warm.wait(1)
    has(warm)

    assert find_key(warm.store) is None
    assert find_key(warm.store, "of bob") is None
    assert {(entry.kind, entry.value) for entry in warm.store.written[1:]} == {
        ("token", 0),
        ("user", epoch),
        ("api_keys", epoch),
    }
    assert caplog.messages == ["the store has lost 3 revocations: they are written to it again"]


def test_a_store_that_has_the_key_epochs_has_lost_nothing(warm: Worker, caplog: pytest.LogCaptureFixture) -> None:
    warm.store.revoke_user("alice", retention=RETENTION, api_keys=True)
    warm.wait(1)
    assert has(warm)

    reload(warm)

    assert (caplog.messages, warm.store.written) == ([], [])


def test_a_look_up_makes_as_many_calls_among_many_as_among_few() -> None:
    counted = []
    for number in 10, 10_000:
        revoked = index_of(*(api_keys(f"u{index}", 7) for index in range(number)))
        with Calls() as calls:
            index_has(revoked, user_id="u1", key_epoch=7)
        counted.append(calls)

    assert counted[0] == counted[1]
