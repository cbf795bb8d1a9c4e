"""The revocations of one process."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from flask_tokenauth.core.encoding.limits import YEAR_9999
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.revocation.index import PARTS, RevocationIndex

from ...test_cost import Calls

NOW = 1_700_000_100  # the end of a minute
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
    index = RevocationIndex(grace=GRACE)
    for entry in entries:
        index.add(entry)
    return index


def prune(index: RevocationIndex, now: float) -> list[int]:
    """Prune all parts, and return how many revocations were looked at in each."""
    return [index.prune(number, now) for number in range(PARTS)]


def missing(here: RevocationIndex, there: RevocationIndex) -> list[Revocation]:
    return [entry for number in range(PARTS) for entry in here.missing_in(there, number)]


def has(revoked: RevocationIndex, **changes: Any) -> bool:
    usual: dict[str, Any] = {"token_id": "t", "session_id": None, "user_id": "alice", "epoch": 0}
    return revoked.has(**(usual | changes))


def test_an_empty_index_has_no_revocations() -> None:
    assert not has(index_of())
    assert not has(index_of(), token_id=None)
    assert index_of().count() == (0, 0, 0)


@pytest.mark.parametrize("exp", [0, 1, NOW, YEAR_9999, YEAR_9999 + 1, YEAR_9999 * 1000])
def test_a_token_is_found_by_its_id(exp: int) -> None:
    revoked = index_of(token("t", exp))

    assert has(revoked)
    assert not has(revoked, token_id="other")
    assert not has(revoked, token_id=None)


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


@pytest.mark.parametrize(("now", "kept"), [(NOW - 1, True), (NOW - 0.001, True), (NOW, False), (NOW + 1, False)])
@pytest.mark.parametrize("before", [0, 1, 59])
def test_a_token_is_kept_past_its_expiry_to_the_end_of_a_minute(before: int, now: float, *, kept: bool) -> None:
    revoked = index_of(token("t", NOW - GRACE - before))

    prune(revoked, now)

    assert has(revoked) is kept


@pytest.mark.parametrize(("now", "kept"), [(NOW - 1, True), (NOW - 0.001, True), (NOW, False), (NOW + 1, False)])
@pytest.mark.parametrize("before", [0, 1, 59_999])
def test_other_revocations_are_kept_to_the_end_of_the_minute_in_which_they_expire(
    now: float, before: int, *, kept: bool
) -> None:
    until = NOW * 1000 - before
    revoked = index_of(token("t", 0, until), session("s", until), user("alice", 7, until), session("other"))

    prune(revoked, now)

    assert has(revoked) is kept
    assert revoked.count() == ((1, 2, 1) if kept else (0, 1, 0))


@pytest.mark.parametrize("order", [(NOW * 1000, NOW * 1000 + 1), (NOW * 1000 + 1, NOW * 1000)])
def test_the_latest_expiry_counts(order: tuple[int, int]) -> None:
    revoked = index_of(
        *(token("t", 0, until) for until in order),
        *(session("s", until) for until in order),
        *(user("u", 7, until) for until in order),
    )

    prune(revoked, NOW)

    assert revoked.count() == (1, 1, 1)


def test_what_another_index_lacks_is_missing_there() -> None:
    entries = [token("a", 0), session("b"), user("c", 7)]

    assert sorted(missing(index_of(*entries), index_of()), key=lambda entry: entry.subject) == entries
    assert missing(index_of(*entries), index_of(*entries, token("more", NOW))) == []
    assert missing(index_of(), index_of(*entries)) == []


@pytest.mark.parametrize(("exp", "end"), [(NOW - GRACE, NOW), (NOW - GRACE - 59, NOW), (YEAR_9999, YEAR_9999)])
def test_a_missing_token_has_the_end_to_which_it_is_kept(exp: int, end: int) -> None:
    expected = [token("t", 0, end * 1000)]

    assert missing(index_of(token("t", exp)), index_of()) == expected
    assert missing(index_of(token("t", exp)), index_of(token("t", exp))) == []
    assert missing(index_of(token("t", exp)), index_of(*expected)) == []


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
    assert missing(index_of(here), index_of(there)) == [here]
    assert missing(index_of(here), index_of(here)) == []
    assert missing(index_of(there), index_of(here)) == []


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
    assert missing(index_of(here), index_of(there)) == []


@pytest.mark.parametrize("make", [token, session, lambda name: user(name, 7)])
def test_no_part_has_many_more_revocations_than_another(make: Callable[[str], Revocation]) -> None:
    """A dict with all of them would stop a request when it grows, and when it is searched."""
    looked_at = prune(index_of(*(make(f"{number:022}") for number in range(100 * PARTS))), NOW)

    assert sum(looked_at) == 100 * PARTS
    assert max(looked_at) < 200


def test_a_part_that_has_nothing_to_forget_stays_as_it_is() -> None:
    revoked = index_of(session("s"))
    before = list(revoked._sessions)

    prune(revoked, NOW)

    assert all(now is then for now, then in zip(revoked._sessions, before, strict=True))


def test_minutes_that_have_passed_are_forgotten() -> None:
    revoked = index_of(session("s", NOW * 1000), session("other", NOW * 1000 + 1))

    prune(revoked, NOW)

    assert list(revoked._minutes) == [(NOW + 60) * 1000]


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
        prune(revoked, NOW + 900 + 60 + GRACE)
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
    prune(revoked, NOW + 2 * 86400 + 90_000)
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
