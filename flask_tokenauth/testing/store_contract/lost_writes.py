"""Lost writes: a store that was wiped or restored tells its readers, who tell it again; other cursors are no good."""

from contextlib import suppress

import pytest

from ...core.errors import StoreUnavailable
from ...core.records.revocation import RevocationPage
from ...core.store import Store
from .kit import RETENTION, CopyStore, WipeStore, is_revoked, start
from .revocation import has
from .revocation_pages import Reader, revoke, tokens

NO_CURSORS = [
    "",
    " ",
    "x",
    "0",
    "1",
    "-1",
    "0.0",
    "999999999999",
    "9" * 19,
    "9" * 400,
    "\x00",
    "\ud800",
    "é",
    "\u0661",  # a digit, to some
    "\u00b2",
    "1e3",
    "'; --",
    "%s",
    "{}",
    "x" * 100_000,
]


def wants_a_new_beginning(store: Store, cursor: str | None) -> bool:
    """Ask from *cursor* on."""
    return store.revocations_since(cursor) == RevocationPage()


class LostWritesContract:
    """What a store promises to readers of what it has no more."""

    def test_a_store_that_was_wiped_wants_its_readers_to_begin_anew(self, store: Store, wipe: WipeStore) -> None:
        revoke(store, "a")
        reader = Reader(store)
        reader.ask()

        wipe()
        assert wants_a_new_beginning(store, reader.cursor)

        revoke(store, "b", "c")
        assert wants_a_new_beginning(store, reader.cursor)
        assert reader.begin_anew() == tokens("b", "c")
        assert reader.ask() == set()

    def test_an_older_copy_wants_the_readers_of_what_it_lacks_to_begin_anew(
        self, store: Store, copy: CopyStore
    ) -> None:
        revoke(store, "a")
        early = Reader(store)
        early.ask()
        put_back = copy()
        revoke(store, "b")
        reader = Reader(store)
        reader.ask()

        put_back()
        assert wants_a_new_beginning(store, reader.cursor)
        assert reader.begin_anew() == tokens("a")
        revoke(store, "c")

        assert reader.ask() == tokens("c")
        early.cursor = early.cursor if not wants_a_new_beginning(store, early.cursor) else None
        assert early.ask() >= tokens("c")

    @pytest.mark.parametrize("written", [1, 2, 3, 4])
    def test_an_older_copy_that_has_got_as_far_again_hides_nothing(
        self, store: Store, copy: CopyStore, written: int
    ) -> None:
        revoke(store, "a")
        put_back = copy()
        revoke(store, "b", "c")
        reader = Reader(store)
        reader.ask()

        put_back()
        new = [f"new{number}" for number in range(written)]
        revoke(store, *new)

        assert wants_a_new_beginning(store, reader.cursor)
        assert reader.begin_anew() == tokens("a", *new)

    def test_a_store_that_forgot_can_be_told_again(self, store: Store, copy: CopyStore) -> None:
        start(store)
        start(store, "other", user_id="bob")
        put_back = copy()
        revoke(store, "token")
        store.end_session("session", retention=RETENTION)
        epoch = store.revoke_user("bob", retention=RETENTION)
        reader, other = Reader(store), Reader(store)
        reader.ask()
        put_back()
        assert reader.begin_anew() == set()
        other.begin_anew()

        for each in reader.heard.values():
            store.revoke(each)

        assert other.ask() == {("token", "token"), ("session", "session"), ("user", "bob")}
        assert has(store, token_id="token")
        assert is_revoked(store)
        assert store.read_epoch("bob") == epoch
        assert store.find_session("session") is None
        assert store.find_session("other") is None

    @pytest.mark.parametrize("cursor", NO_CURSORS, ids=range(len(NO_CURSORS)))
    def test_what_is_no_cursor_gets_no_news(self, store: Store, cursor: str) -> None:
        revoke(store, "a")

        news = RevocationPage()
        with suppress(StoreUnavailable):
            news = store.revocations_since(cursor)

        assert news == RevocationPage()

    def test_a_cursor_of_another_store_gets_no_news(self, store: Store, wipe: WipeStore) -> None:
        revoke(store, "a")
        reader = Reader(store)
        reader.ask()
        wipe()
        revoke(store, "b")
        other = Reader(store)
        other.ask()

        assert reader.cursor != other.cursor
        assert wants_a_new_beginning(store, reader.cursor)
