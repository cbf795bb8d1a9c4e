"""The pages of revocations, of the first load and of later polls, written directly to a server."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.redis.feed import NEWS, PAGE

from ...engines.redis import RedisServer
from . import kit

pytestmark = [pytest.mark.slow, pytest.mark.once]

LIVE, VALUES, NEWS_KEY = (f"{{{kit.PREFIX}}}:{name}" for name in ("live", "values", "news"))
NEXT_CENTURY = 4_102_444_800_000  # which servers may write as 4.1024448e+12


@pytest.fixture
def store(valkey_9: RedisServer) -> Iterator[RedisStore]:
    kit.wiper(valkey_9)()
    store = RedisStore(valkey_9.url())
    store.bind("https://example.com", timeout=timedelta(seconds=60), lifetime=timedelta(0), leeway=timedelta(0))
    store.create()
    yield store
    store.close()


def read(store: RedisStore, cursor: str | None) -> tuple[list[Revocation], str | None]:
    """Return all revocations after a cursor, and the cursor behind them."""
    entries: list[Revocation] = []
    more = True
    while more:
        page = store.revocations_since(cursor)
        entries += page.entries
        cursor, more = page.cursor, page.more
    return entries, cursor


def load(store: RedisStore) -> list[Revocation]:
    return read(store, None)[0]


@pytest.mark.parametrize("size", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 1])
def test_revocations_with_one_end_are_loaded_once_each(store: RedisStore, valkey_9: RedisServer, size: int) -> None:
    members = [f"ttoken-{number}" for number in range(size)]
    valkey_9.ask("ZADD", LIVE, *[item for member in members for item in (NEXT_CENTURY, member)])

    entries = load(store)

    assert sorted("t" + entry.subject for entry in entries) == sorted(members)


def test_a_server_that_may_have_lost_writes_between_two_pages_lets_a_reader_load_all_again(
    store: RedisStore, valkey_9: RedisServer
) -> None:
    valkey_9.ask("ZADD", LIVE, *[item for number in range(PAGE) for item in (NEXT_CENTURY, f"ttoken-{number}")])
    first = store.revocations_since(None)

    valkey_9.ask("DEBUG", "CHANGE-REPL-ID")

    assert first.more
    assert store.revocations_since(first.cursor) == RevocationPage()


@pytest.mark.parametrize("end", [NEXT_CENTURY, 4_000_000_000_000, 1 + NEXT_CENTURY, 253_402_300_799_000])
def test_the_end_is_exact_however_the_server_writes_it(store: RedisStore, valkey_9: RedisServer, end: int) -> None:
    valkey_9.ask("ZADD", LIVE, end, "salpha")

    assert load(store) == [Revocation(kind="session", subject="alpha", expires_at=end)]


def test_a_revocation_has_its_own_value(store: RedisStore, valkey_9: RedisServer) -> None:
    valkey_9.ask("ZADD", LIVE, NEXT_CENTURY, "ta", NEXT_CENTURY, "tb", NEXT_CENTURY, "tc")
    valkey_9.ask("HSET", VALUES, "tb", 7)

    assert [entry.value for entry in load(store)] == [0, 7, 0]


@pytest.mark.parametrize(
    ("score", "member", "value"),
    [
        ("inf", "ta", "0"),
        (NEXT_CENTURY, "ta", "one"),
        (NEXT_CENTURY, "ta", ""),
        (NEXT_CENTURY, "ta", "1\n2"),
        (NEXT_CENTURY, "ta\n4102444800000\ntb", "1"),
        (NEXT_CENTURY, b"t\xff", "0"),
        (NEXT_CENTURY, "za", "0"),
        (NEXT_CENTURY, "t", "0"),
        (NEXT_CENTURY, "\t", "0"),
    ],
)
def test_an_unreadable_revocation_is_an_outage(
    store: RedisStore, valkey_9: RedisServer, score: str | int, member: str | bytes, value: str
) -> None:
    valkey_9.ask("ZADD", LIVE, score, member)
    valkey_9.ask("HSET", VALUES, member, value)

    with pytest.raises(StoreUnavailable, match="cannot be read"):
        load(store)


@pytest.mark.parametrize("size", [0, 1, NEWS - 1, NEWS, NEWS + 1, 2 * NEWS + 1])
def test_new_revocations_are_read_once_each(store: RedisStore, valkey_9: RedisServer, size: int) -> None:
    _, cursor = read(store, None)
    for number in range(size):
        facts = ("member", f"t{number}/\u00e9", "value", number, "expires_at", NEXT_CENTURY, "mark", "ab")
        valkey_9.ask("XADD", NEWS_KEY, "*", *facts)

    entries, _ = read(store, cursor)

    assert [entry.value for entry in entries] == list(range(size))
    assert {entry.subject for entry in entries} == {f"{number}/\u00e9" for number in range(size)}


@pytest.mark.parametrize(
    ("member", "value", "expires_at"),
    [
        ("ta", "one", "1"),
        ("ta", "-1", "1"),
        ("ta", "0", "inf"),
        ("ta", "0", ""),
        (b"t\xff", "0", "1"),
        ("za", "0", "1"),
        ("t", "0", "1"),
    ],
)
def test_an_unreadable_new_revocation_is_an_outage(
    store: RedisStore, valkey_9: RedisServer, member: str | bytes, value: str, expires_at: str
) -> None:
    _, cursor = read(store, None)
    valkey_9.ask("XADD", NEWS_KEY, "*", "member", member, "value", value, "expires_at", expires_at, "mark", "ab")

    with pytest.raises(StoreUnavailable, match="cannot be read"):
        read(store, cursor)


def test_a_new_revocation_without_an_end_is_an_outage(store: RedisStore, valkey_9: RedisServer) -> None:
    _, cursor = read(store, None)
    valkey_9.ask("XADD", NEWS_KEY, "*", "member", "ta", "value", "0", "mark", "ab")

    with pytest.raises(StoreUnavailable, match="cannot be read"):
        read(store, cursor)


def test_an_entry_without_a_revocation_is_passed_over(store: RedisStore, valkey_9: RedisServer) -> None:
    _, cursor = read(store, None)
    valkey_9.ask("XADD", NEWS_KEY, "*", "mark", "ab")

    entries, following = read(store, cursor)

    assert (entries, following == cursor) == ([], False)
    assert read(store, following) == ([], following)
