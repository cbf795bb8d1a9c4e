"""Lost writes: a store that was wiped or restored lets its readers load all again, and write to it what it lost."""

from contextlib import suppress

import pytest

from ...core.errors import StoreUnavailable
from ...core.records.revocation import RevocationPage
from ...core.store import Store
from .kit import (
    RETENTION,
    CopyStore,
    WipeStore,
    add_key,
    find_key,
    has_reference_token,
    id_for,
    is_revoked,
    start,
    token_of,
)
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
    "\u0661",  # a digit for str.isdigit
    "\u00b2",
    "1e3",
    "'; --",
    "%s",
    "{}",
    "x" * 100_000,
]


def wants_a_reload(store: Store, cursor: str | None) -> bool:
    """Return whether the store wants a reader with this cursor to load all revocations again."""
    return store.revocations_since(cursor) == RevocationPage()


class LostWritesContract:
    """Tests the promises to readers after a store has lost writes."""

    def test_a_store_that_was_wiped_wants_its_readers_to_reload(self, store: Store, wipe: WipeStore) -> None:
        revoke(store, "a")
        reader = Reader(store)
        reader.fetch()

        wipe()
        assert wants_a_reload(store, reader.cursor)

        revoke(store, "b", "c")
        assert wants_a_reload(store, reader.cursor)
        assert reader.reload() == tokens("b", "c")
        assert reader.fetch() == set()

    def test_an_older_copy_wants_readers_that_know_more_to_reload(self, store: Store, copy: CopyStore) -> None:
        revoke(store, "a")
        early = Reader(store)
        early.fetch()
        put_back = copy()
        revoke(store, "b")
        reader = Reader(store)
        reader.fetch()

        put_back()
        assert wants_a_reload(store, reader.cursor)
        assert reader.reload() == tokens("a")
        revoke(store, "c")

        assert reader.fetch() == tokens("c")
        early.cursor = early.cursor if not wants_a_reload(store, early.cursor) else None
        assert early.fetch() >= tokens("c")

    @pytest.mark.parametrize("written", [1, 2, 3, 4])
    def test_an_older_copy_to_which_as_much_was_written_again_hides_nothing(
        self, store: Store, copy: CopyStore, written: int
    ) -> None:
        revoke(store, "a")
        put_back = copy()
        revoke(store, "b", "c")
        reader = Reader(store)
        reader.fetch()

        put_back()
        new = [f"new{number}" for number in range(written)]
        revoke(store, *new)

        assert wants_a_reload(store, reader.cursor)
        assert reader.reload() == tokens("a", *new)

    def test_lost_revocations_can_be_written_again(self, store: Store, copy: CopyStore) -> None:
        start(store)
        start(store, "other", user_id="bob")
        for key, user_id in ("key", "alice"), ("of bob", "bob"):
            add_key(store, key, user_id)
        store.add_reference_token(token_of("reference"))
        put_back = copy()
        revoke(store, "token", id_for("reference"))
        store.revoke_api_key(id_for("key"), retention=RETENTION)
        store.end_session("session", retention=RETENTION)
        epoch = store.revoke_user("bob", retention=RETENTION, api_keys=True)
        reader, other = Reader(store), Reader(store)
        reader.fetch()
        put_back()
        assert reader.reload() == set()
        other.reload()
        assert [find_key(store, key) is None for key in ("key", "of bob")] == [False, False]
        assert has_reference_token(store, "reference")

        for revocation in reader.known.values():
            store.revoke(revocation)

        of_tokens = tokens("token", id_for("key"), id_for("reference"))
        assert other.fetch() == {*of_tokens, ("session", "session"), ("user", "bob"), ("api_keys", "bob")}
        assert has(store, token_id="token")
        assert is_revoked(store)
        assert store.read_epoch("bob") == epoch
        assert store.find_session("session") is None
        assert store.find_session("other") is None
        assert [find_key(store, key) for key in ("key", "of bob")] == [None, None]
        assert not has_reference_token(store, "reference")

    @pytest.mark.parametrize("cursor", NO_CURSORS, ids=range(len(NO_CURSORS)))
    def test_a_string_that_is_no_cursor_gets_no_revocations(self, store: Store, cursor: str) -> None:
        revoke(store, "a")

        page = RevocationPage()
        with suppress(StoreUnavailable):
            page = store.revocations_since(cursor)

        assert page == RevocationPage()

    def test_a_cursor_of_another_store_gets_no_revocations(self, store: Store, wipe: WipeStore) -> None:
        revoke(store, "a")
        reader = Reader(store)
        reader.fetch()
        wipe()
        revoke(store, "b")
        other = Reader(store)
        other.fetch()

        assert reader.cursor != other.cursor
        assert wants_a_reload(store, reader.cursor)
