"""What is revoked, as one process holds it."""

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


def table(*entries: Revocation) -> RevocationIndex:
    made = RevocationIndex(width=WIDTH, grace=GRACE)
    for entry in entries:
        made.add(entry)
    return made


def has(revoked: RevocationIndex, **changes: Any) -> bool:
    usual: dict[str, Any] = {"token_id": "t", "exp": NOW + 900, "session_id": None, "user_id": "alice", "epoch": 0}
    return revoked.has(**(usual | changes))


def test_nothing_is_revoked_to_begin_with() -> None:
    assert not has(table())
    assert not has(table(), token_id=None)
    assert table().count() == (0, 0, 0)


@pytest.mark.parametrize("exp", [NOW, NOW + 1, NOW + 299, NOW + 300, NOW + 299.5, float(NOW), 0.5, YEAR_9999])
def test_a_token_is_found_by_its_id_and_expiry(exp: float) -> None:
    revoked = table(token("t", int(exp) or 1))

    assert has(revoked, exp=exp)
    assert not has(revoked, exp=exp, token_id="other")
    assert not has(revoked, exp=exp, token_id=None)


@pytest.mark.parametrize("exp", [0, YEAR_9999 + 1, YEAR_9999 * 1000])
def test_a_token_of_which_no_expiry_is_known_is_found_whenever_it_expires(exp: int) -> None:
    revoked = table(token("t", exp))

    assert has(revoked, exp=NOW)
    assert has(revoked, exp=NOW + 10**6)
    assert not has(revoked, token_id="other")


def test_a_session_is_found() -> None:
    assert has(table(session("s")), session_id="s")
    assert not has(table(session("s")), session_id="other")
    assert not has(table(session("s")), token_id="s", user_id="s")


@pytest.mark.parametrize(("epoch", "revoked"), [(0, True), (6, True), (7, False), (8, False)])
def test_of_a_user_what_is_below_the_epoch_is_revoked(epoch: int, *, revoked: bool) -> None:
    assert has(table(user("alice", 7)), epoch=epoch) is revoked
    assert not has(table(user("alice", 7)), user_id="Alice", epoch=epoch)


def test_repeats_change_nothing_and_the_highest_epoch_counts() -> None:
    revoked = table(user("alice", 7), user("alice", 5), token("t", NOW), token("t", NOW), session("s"), session("s"))

    assert has(revoked, epoch=6)
    assert revoked.count() == (1, 1, 1)


@pytest.mark.parametrize(
    ("now", "kept"), [(NOW + 369, True), (NOW + 369.9, True), (NOW + 370, False), (NOW + 371, False)]
)
@pytest.mark.parametrize("exp", [NOW, NOW + 299])
def test_a_token_is_remembered_past_the_last_expiry_in_its_bucket(exp: int, now: float, *, kept: bool) -> None:
    revoked = table(token("t", exp))

    revoked.prune(now)

    assert has(revoked, exp=exp) is kept


@pytest.mark.parametrize(("now", "kept"), [(NOW - 1, True), (NOW - 0.001, True), (NOW, False), (NOW + 1, False)])
@pytest.mark.parametrize("said", [0, 1, 59_999])
def test_what_else_is_revoked_is_remembered_for_as_long_as_was_said_and_to_the_end_of_that_minute(
    now: float, said: int, *, kept: bool
) -> None:
    until = NOW * 1000 - said
    revoked = table(token("t", 0, until), session("s", until), user("alice", 7, until), session("other"))

    revoked.prune(now)

    assert has(revoked) is kept
    assert revoked.count() == ((1, 2, 1) if kept else (0, 1, 0))


@pytest.mark.parametrize("order", [(NOW * 1000, NOW * 1000 + 1), (NOW * 1000 + 1, NOW * 1000)])
def test_the_longest_that_was_said_counts(order: tuple[int, int]) -> None:
    revoked = table(
        *(token("t", 0, until) for until in order),
        *(session("s", until) for until in order),
        *(user("u", 7, until) for until in order),
    )

    revoked.prune(NOW)

    assert revoked.count() == (1, 1, 1)


def test_what_another_table_lacks_is_told() -> None:
    entries = [token("a", 0), session("b"), user("c", 7)]

    assert table(*entries).beyond(table()) == entries
    assert table(*entries).beyond(table(*entries, token("more", NOW))) == []
    assert table().beyond(table(*entries)) == []


def test_of_a_token_the_bucket_tells_how_long_it_is_told_for() -> None:
    told = [token("t", 0, (NOW + 300 + GRACE) * 1000)]

    assert table(token("t", NOW + 7)).beyond(table()) == told
    assert table(token("t", NOW + 7)).beyond(table(token("t", NOW + 8))) == []
    assert table(token("t", NOW + 7)).beyond(table(token("t", NOW + 300))) == told
    assert table(token("t", NOW + 7)).beyond(table(*told)) == []
    assert table(token("t", YEAR_9999)).beyond(table()) == [token("t", 0, YEAR_9999 * 1000)]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (token("t", 0, LATER), token("t", 0, LATER - 6 * MINUTE)),
        (session("s", LATER), session("s", LATER - 6 * MINUTE)),
        (user("u", 7, LATER), user("u", 7, LATER - 6 * MINUTE)),
        (user("u", 7, LATER), user("u", 6, LATER)),
    ],
)
def test_what_another_table_has_for_a_shorter_time_or_less_of_is_told(here: Revocation, there: Revocation) -> None:
    assert table(here).beyond(table(there)) == [here]
    assert table(here).beyond(table(here)) == []
    assert table(there).beyond(table(here)) == []


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (token("t", 0, LATER), token("t", 0, LATER - 5 * MINUTE)),
        (token("t", NOW + 7), token("t", 0, (NOW + 300 + GRACE) * 1000 - 5 * MINUTE)),
        (session("s", LATER), session("s", LATER - 5 * MINUTE)),
        (user("u", 7, LATER), user("u", 7, LATER - 5 * MINUTE)),
    ],
)
def test_what_another_table_has_until_some_minutes_earlier_is_not_told(here: Revocation, there: Revocation) -> None:
    """Each was written by a clock of its own."""
    assert table(here).beyond(table(there)) == []


def crowd(number: int) -> RevocationIndex:
    """Return a table of a hundred tokens of thirty days and so many of 15 minutes, with IDs as long as ours."""
    revoked = table()
    for each in range(100):
        revoked.add(token(f"{each:022}", NOW + each * 25_920))
    for each in range(number):
        revoked.add(token(f"{each:022x}", NOW + each % 900))
    return revoked


def test_a_revoked_token_takes_150_bytes_at_most_whatever_else_is_remembered() -> None:
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
        lambda each: token(f"{each:022x}", 0, LATER + each * 864),
        lambda each: session(f"{each:022x}", LATER + each * 864),
        lambda each: user(f"{each:08}", LATER - 90_000_000 + each * 864, LATER + each * 864),
    ],
    ids=["a token of which no expiry is known", "a session", "a user"],
)
def test_whatever_else_is_revoked_takes_150_bytes_at_most(make: Callable[[int], Revocation]) -> None:
    """Over a day, a hundred thousand of them."""
    tracemalloc.start()
    try:
        revoked = table()
        for each in range(100_000):
            revoked.add(make(each))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken <= 100_000 * 150
    assert sum(revoked.count()) == 100_000
    revoked.prune(NOW + 2 * 86400 + 90_000)
    assert revoked.count() == (0, 0, 0)


def test_a_look_up_makes_as_many_calls_among_many_as_among_few() -> None:
    counted = []
    for number in 10, 100_000:
        revoked = crowd(number)
        for each in range(number):
            revoked.add(session(f"s{each}"))
            revoked.add(user(f"u{each}", 7))
        with Calls() as calls:
            has(revoked, token_id="x", session_id="x", user_id="u1", epoch=7)
        counted.append(calls)

    assert counted[0] == counted[1]
