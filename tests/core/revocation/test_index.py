"""The revocations of one process."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from flask_tokenauth.core.encoding.limits import YEAR_9999
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.revocation.index import RevocationIndex

from ...test_cost import Calls

NOW = 1_700_000_100  # a multiple of the width
WIDTH = 300
GRACE = 70
LATER = NOW * 1000 + 90_000_000
MINUTE = 60_000  # milliseconds


def token(subject: str, exp: int = 0, until: int = LATER) -> Revocation:
    return Revocation(kind="token", subject=subject, value=exp, expires_at=until)


def session(subject: str, until: int = LATER) -> Revocation:
    return Revocation(kind="session", subject=subject, expires_at=until)


def user(subject: str, epoch: int, until: int = LATER) -> Revocation:
    return Revocation(kind="user", subject=subject, value=epoch, expires_at=until)


def index_of(*entries: Revocation) -> RevocationIndex:
    index = RevocationIndex(width=WIDTH, grace=GRACE)
    for entry in entries:
        index.add(entry)
    return index


def has(revoked: RevocationIndex, **changes: Any) -> bool:
    usual: dict[str, Any] = {"token_id": "t", "exp": NOW + 900, "session_id": None, "user_id": "alice", "epoch": 0}
    return revoked.has(**(usual | changes))


def test_an_empty_index_has_no_revocations() -> None:
    assert not has(index_of())
    assert not has(index_of(), token_id=None)
    assert index_of().count() == (0, 0, 0)


@pytest.mark.parametrize("exp", [NOW, NOW + 1, NOW + 299, NOW + 300, NOW + 299.5, float(NOW), 0.5, YEAR_9999])
def test_a_token_is_found_by_its_id_and_expiry(exp: float) -> None:
    revoked = index_of(token("t", int(exp) or 1))

    assert has(revoked, exp=exp)
    assert not has(revoked, exp=exp, token_id="other")
    assert not has(revoked, exp=exp, token_id=None)


@pytest.mark.parametrize("exp", [0, YEAR_9999 + 1, YEAR_9999 * 1000])
def test_a_token_without_a_known_expiry_is_found_whenever_it_expires(exp: int) -> None:
    revoked = index_of(token("t", exp))

    assert has(revoked, exp=NOW)
    assert has(revoked, exp=NOW + 10**6)
    assert not has(revoked, token_id="other")


def test_a_session_is_found() -> None:
    assert has(index_of(session("s")), session_id="s")
    assert not has(index_of(session("s")), session_id="other")
    assert not has(index_of(session("s")), token_id="s", user_id="s")


@pytest.mark.parametrize(("epoch", "revoked"), [(0, True), (6, True), (7, False), (8, False)])
def test_everything_below_the_epoch_of_a_user_is_revoked(epoch: int, *, revoked: bool) -> None:
    assert has(index_of(user("alice", 7)), epoch=epoch) is revoked
    assert not has(index_of(user("alice", 7)), user_id="Alice", epoch=epoch)


def test_repeats_change_nothing_and_the_highest_epoch_counts() -> None:
    revoked = index_of(user("alice", 7), user("alice", 5), token("t", NOW), token("t", NOW), session("s"), session("s"))

    assert has(revoked, epoch=6)
    assert revoked.count() == (1, 1, 1)


@pytest.mark.parametrize(
    ("now", "kept"), [(NOW + 369, True), (NOW + 369.9, True), (NOW + 370, False), (NOW + 371, False)]
)
@pytest.mark.parametrize("exp", [NOW, NOW + 299])
def test_a_token_is_kept_past_the_last_expiry_in_its_bucket(exp: int, now: float, *, kept: bool) -> None:
    revoked = index_of(token("t", exp))

    revoked.prune(now)

    assert has(revoked, exp=exp) is kept


@pytest.mark.parametrize(("now", "kept"), [(NOW - 1, True), (NOW - 0.001, True), (NOW, False), (NOW + 1, False)])
@pytest.mark.parametrize("before", [0, 1, 59_999])
def test_other_revocations_are_kept_to_the_end_of_the_minute_in_which_they_expire(
    now: float, before: int, *, kept: bool
) -> None:
    until = NOW * 1000 - before
    revoked = index_of(token("t", 0, until), session("s", until), user("alice", 7, until), session("other"))

    revoked.prune(now)

    assert has(revoked) is kept
    assert revoked.count() == ((1, 2, 1) if kept else (0, 1, 0))


@pytest.mark.parametrize("order", [(NOW * 1000, NOW * 1000 + 1), (NOW * 1000 + 1, NOW * 1000)])
def test_the_latest_expiry_counts(order: tuple[int, int]) -> None:
    revoked = index_of(
        *(token("t", 0, until) for until in order),
        *(session("s", until) for until in order),
        *(user("u", 7, until) for until in order),
    )

    revoked.prune(NOW)

    assert revoked.count() == (1, 1, 1)


def test_what_another_index_lacks_is_missing_there() -> None:
    entries = [token("a", 0), session("b"), user("c", 7)]

    assert index_of(*entries).missing_in(index_of()) == entries
    assert index_of(*entries).missing_in(index_of(*entries, token("more", NOW))) == []
    assert index_of().missing_in(index_of(*entries)) == []


def test_a_missing_token_expires_with_its_bucket() -> None:
    expected = [token("t", 0, (NOW + 300 + GRACE) * 1000)]

    assert index_of(token("t", NOW + 7)).missing_in(index_of()) == expected
    assert index_of(token("t", NOW + 7)).missing_in(index_of(token("t", NOW + 8))) == []
    assert index_of(token("t", NOW + 7)).missing_in(index_of(token("t", NOW + 300))) == expected
    assert index_of(token("t", NOW + 7)).missing_in(index_of(*expected)) == []
    assert index_of(token("t", YEAR_9999)).missing_in(index_of()) == [token("t", 0, YEAR_9999 * 1000)]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (token("t", 0, LATER), token("t", 0, LATER - 6 * MINUTE)),
        (session("s", LATER), session("s", LATER - 6 * MINUTE)),
        (user("u", 7, LATER), user("u", 7, LATER - 6 * MINUTE)),
        (user("u", 7, LATER), user("u", 6, LATER)),
    ],
)
def test_what_another_index_has_with_an_earlier_expiry_or_a_lower_epoch_is_missing(
    here: Revocation, there: Revocation
) -> None:
    assert index_of(here).missing_in(index_of(there)) == [here]
    assert index_of(here).missing_in(index_of(here)) == []
    assert index_of(there).missing_in(index_of(here)) == []


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (token("t", 0, LATER), token("t", 0, LATER - 5 * MINUTE)),
        (token("t", NOW + 7), token("t", 0, (NOW + 300 + GRACE) * 1000 - 5 * MINUTE)),
        (session("s", LATER), session("s", LATER - 5 * MINUTE)),
        (user("u", 7, LATER), user("u", 7, LATER - 5 * MINUTE)),
    ],
)
def test_what_another_index_has_until_some_minutes_earlier_is_not_missing(here: Revocation, there: Revocation) -> None:
    """Each entry was written by the clock of its process."""
    assert index_of(here).missing_in(index_of(there)) == []


def crowd(number: int) -> RevocationIndex:
    """Return an index of 100 tokens that live 30 days and *number* that live 15 minutes, with IDs of 22 characters."""
    revoked = index_of()
    for index in range(100):
        revoked.add(token(f"{index:022}", NOW + index * 25_920))
    for index in range(number):
        revoked.add(token(f"{index:022x}", NOW + index % 900))
    return revoked


@pytest.mark.slow
def test_a_revoked_token_takes_at_most_150_bytes_beside_tokens_that_live_long() -> None:
    crowd(10)
    tracemalloc.start()
    try:
        revoked = crowd(100_000)
        taken, _ = tracemalloc.get_traced_memory()
        revoked.prune(NOW + 900 + WIDTH + GRACE)
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken <= 100_000 * 150
    assert revoked.count()[0] < 100
    assert left <= 100 * 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda index: token(f"{index:022x}", 0, LATER + index * 864),
        lambda index: session(f"{index:022x}", LATER + index * 864),
        lambda index: user(f"{index:08}", LATER - 90_000_000 + index * 864, LATER + index * 864),
    ],
    ids=["a token without a known expiry", "a session", "a user"],
)
def test_other_revocations_take_at_most_150_bytes_each(make: Callable[[int], Revocation]) -> None:
    """100 000 of them, which expire over a day."""
    tracemalloc.start()
    try:
        revoked = index_of()
        for index in range(100_000):
            revoked.add(make(index))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken <= 100_000 * 150
    assert sum(revoked.count()) == 100_000
    revoked.prune(NOW + 2 * 86400 + 90_000)
    assert revoked.count() == (0, 0, 0)


@pytest.mark.slow
def test_a_look_up_makes_as_many_calls_among_many_as_among_few() -> None:
    counted = []
    for number in 10, 100_000:
        revoked = crowd(number)
        for index in range(number):
            revoked.add(session(f"s{index}"))
            revoked.add(user(f"u{index}", 7))
        with Calls() as calls:
            has(revoked, token_id="x", session_id="x", user_id="u1", epoch=7)
        counted.append(calls)

    assert counted[0] == counted[1]
