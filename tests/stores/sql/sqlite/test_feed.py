"""Revocations since a cursor, from SQLite: numbers, pages and garbage. The store contract has the promises."""

from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.stores.sql import SQLStore, numbered_feed
from flask_tokenauth.testing.store_contract.lost_writes import wants_a_reload
from flask_tokenauth.testing.store_contract.revocation_pages import Reader, revoke, tokens

from ...sqlite_kit import TERMS, execute, url_of

LATER = 4_000_000_000_000


def cursor_of(store: SQLStore) -> str:
    """Return the cursor of a reader that has fetched everything."""
    reader = Reader(store)
    reader.fetch()
    assert reader.cursor is not None
    return reader.cursor


def test_new_revocations_come_in_pages_in_the_order_in_which_they_were_written(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbered_feed, "PAGE", 2)
    revoke(store, "a", "b", "c", "d", "e")
    pages, cursor, more = [], None, True

    while more:
        page = store.revocations_since(cursor)
        pages.append([entry.subject for entry in page.entries])
        cursor, more = page.cursor, page.more

    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert cursor == cursor_of(store)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_page_that_is_just_full_is_the_last(store: SQLStore, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(numbered_feed, "PAGE", 2)
    revoke(store, *"abc"[:number])

    assert store.revocations_since(None).more is (number == 3)


def test_an_expired_revocation_is_not_returned(path: Path, store: SQLStore) -> None:
    store.revoke(Revocation(kind="token", subject="a", expires_at=1))
    revoke(store, "b")
    store.revoke(Revocation(kind="token", subject="c", expires_at=1))

    page = store.revocations_since(None)

    assert [entry.subject for entry in page.entries] == ["b"]
    assert store.revocations_since(page.cursor) == RevocationPage(cursor=page.cursor)


def test_a_revocation_that_seems_to_be_expired_is_fetched_by_a_reader_that_has_loaded_all(store: SQLStore) -> None:
    """The clock may be ahead for a moment."""
    reader = Reader(store)
    reader.fetch()

    store.revoke(Revocation(kind="token", subject="a", expires_at=1))

    assert reader.fetch() == tokens("a")
    assert Reader(store).fetch() == set()


def test_expired_rows_are_left_out_on_every_page_of_the_first_load(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbered_feed, "PAGE", 2)
    revoke(store, "a", "b")
    for subject in "cdefg":
        store.revoke(Revocation(kind="token", subject=subject, expires_at=1))
    revoke(store, "h")

    assert Reader(store).fetch() == tokens("a", "b", "h")


def test_numbers_without_a_row_need_no_page(path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of rows that were purged."""
    revoke(store, "a", "b")
    execute(path, "UPDATE tokenauth_revocation SET id = id + 1000000")
    execute(path, "UPDATE sqlite_sequence SET seq = 1000002")
    monkeypatch.setattr(numbered_feed, "PAGE", 2)

    page = store.revocations_since(None)

    assert [entry.subject for entry in page.entries] == ["a", "b"]
    assert not page.more


@pytest.mark.parametrize("size", [1, 2])
def test_new_revocations_come_in_smaller_pages_than_the_first_load(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """A request waits for them."""
    cursor = cursor_of(store)
    monkeypatch.setattr(numbered_feed, "NEWS", size)
    revoke(store, "a", "b", "c")

    page = store.revocations_since(cursor)

    assert [entry.subject for entry in page.entries] == ["a", "b", "c"][:size]
    assert page.more


def test_each_entry_has_a_mark_of_its_own(path: Path, store: SQLStore) -> None:
    revoke(store, "a", "b", "c")
    store.revoke_user("alice", retention=TERMS.retention, api_keys=False)

    marks = {mark for (mark,) in execute(path, "SELECT mark FROM tokenauth_revocation")}

    assert len(marks) == 4
    assert 0 not in marks


def test_rows_of_a_release_that_wrote_no_marks_are_returned(path: Path, store: SQLStore) -> None:
    store.create()
    reader = Reader(store)
    reader.fetch()
    statement = "INSERT INTO tokenauth_revocation (kind, subject, expires_at) VALUES ('t', ?, ?)"
    for subject in "a", "b":
        execute(path, statement, subject, LATER)
        assert reader.fetch() == tokens(subject)
    assert reader.fetch() == set()


def test_a_cursor_at_a_row_that_was_purged_before_it_was_fetched_goes_on(path: Path, store: SQLStore) -> None:
    store.revoke(Revocation(kind="token", subject="a", expires_at=1))
    store.purge()
    cursor = cursor_of(store)

    assert store.revocations_since(cursor) == RevocationPage(cursor=cursor)
    execute(path, "INSERT INTO tokenauth_revocation (id, kind, subject, expires_at) VALUES (1, 't', 'b', ?)", LATER)

    assert wants_a_reload(store, cursor)  # numbers are not used twice, so this is another history


OTHER_ID = "UPDATE tokenauth_store SET value = 'other' WHERE name = 'store_id'"


def test_another_id_is_another_store_as_soon_as_there_is_a_new_revocation(path: Path, store: SQLStore) -> None:
    revoke(store, "a")
    cursor = cursor_of(store)

    execute(path, OTHER_ID)
    revoke(store, "b")

    assert wants_a_reload(store, cursor)


def test_another_id_does_not_matter_while_the_last_revocation_is_that_of_the_cursor(
    path: Path, store: SQLStore
) -> None:
    """Its random mark shows that no revocation is lost."""
    revoke(store, "a")
    cursor = cursor_of(store)

    execute(path, OTHER_ID)

    assert store.revocations_since(cursor) == RevocationPage(cursor=cursor)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE tokenauth_revocation SET mark = mark - 1", "DELETE FROM tokenauth_revocation"],
    ids=["another mark", "no row"],
)
def test_another_id_is_another_store_if_the_last_revocation_is_not_that_of_the_cursor(
    path: Path, store: SQLStore, statement: str
) -> None:
    revoke(store, "a")
    cursor = cursor_of(store)

    execute(path, OTHER_ID)
    execute(path, statement)

    assert wants_a_reload(store, cursor)


@pytest.mark.parametrize("below", [0, 1])
def test_a_count_that_has_fallen_is_another_history(path: Path, store: SQLStore, below: int) -> None:
    revoke(store, "a", "b")
    cursor = cursor_of(store)
    execute(path, "DELETE FROM tokenauth_revocation")

    assert store.revocations_since(cursor) == RevocationPage(
        cursor=cursor.partition(".")[0] + ". " + cursor.partition(" ")[2]
    )
    execute(path, "UPDATE sqlite_sequence SET seq = ? WHERE name = 'tokenauth_revocation'", below)

    assert wants_a_reload(store, cursor)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "x"),
        ("kind", b"t"),
        ("subject", ""),
        ("subject", b"a"),
        ("subject", "a\x00"),
        ("value", "zzz"),
        ("value", -1),
        ("value", 1.5),
        ("expires_at", "zzz"),
        ("expires_at", b"x"),
        ("expires_at", 2**63 - 1),
        ("expires_at", 1e300),
    ],
)
def test_an_entry_that_is_garbage_is_an_outage(path: Path, store: SQLStore, column: str, value: object) -> None:
    cursor = cursor_of(store)
    revoke(store, "a", "b")
    execute(path, f"UPDATE tokenauth_revocation SET {column} = ? WHERE id = 1", value)

    for asked in cursor, None:
        with pytest.raises(StoreUnavailable):
            store.revocations_since(asked)


def test_a_subject_that_is_not_utf_8_is_an_outage(path: Path, store: SQLStore) -> None:
    revoke(store, "a")
    execute(path, "UPDATE tokenauth_revocation SET subject = CAST(x'ff' AS TEXT)")

    with pytest.raises(StoreUnavailable):
        store.revocations_since(None)


@pytest.mark.slow
@pytest.mark.parametrize("value", [None, "zzz", b"1", -1, 1.5])
def test_a_count_that_is_garbage_is_an_outage(path: Path, store: SQLStore, value: Any) -> None:
    revoke(store, "a", "b")
    cursor = cursor_of(store)
    execute(path, "UPDATE sqlite_sequence SET seq = ? WHERE name = 'tokenauth_revocation'", value)

    with pytest.raises(StoreUnavailable):
        store.revocations_since(cursor)


def test_a_mark_that_is_garbage_is_a_mark(path: Path, store: SQLStore) -> None:
    revoke(store, "a")
    execute(path, "UPDATE tokenauth_revocation SET mark = 'z z.z'")
    cursor = cursor_of(store)

    assert store.revocations_since(cursor) == RevocationPage(cursor=cursor)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tokenauth_store WHERE name = 'store_id'",
        "UPDATE tokenauth_store SET value = x'00' WHERE name = 'store_id'",
    ],
)
def test_a_store_that_has_lost_its_id_is_an_outage(path: Path, store: SQLStore, statement: str) -> None:
    cursor = cursor_of(store)
    execute(path, statement)

    for asked in cursor, None:
        with pytest.raises(StoreUnavailable, match="lost its ID"):
            store.revocations_since(asked)


def test_missing_tables_are_an_outage(path: Path, store: SQLStore) -> None:
    cursor = cursor_of(store)
    execute(path, "DROP TABLE tokenauth_revocation")

    with pytest.raises(StoreUnavailable):
        store.revocations_since(cursor)


def test_the_tables_are_created_for_a_reader_that_comes_first(path: Path) -> None:
    store = SQLStore(url_of(path))

    assert store.revocations_since(None).entries == ()

    store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sqlite_sequence",
        "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'tokenauth_revocation'",
        "UPDATE sqlite_sequence SET name = 'another'",
    ],
)
@pytest.mark.parametrize("asks_from", ["the beginning", "where it was"])
def test_a_table_that_does_not_count_is_an_outage(path: Path, store: SQLStore, statement: str, asks_from: str) -> None:
    """A migration that creates the table again easily drops AUTOINCREMENT: readers would never fetch the next rows."""
    revoke(store, "a", "b")
    cursor = None if asks_from == "the beginning" else cursor_of(store)
    execute(path, statement)

    with pytest.raises(StoreUnavailable, match="AUTOINCREMENT"):
        store.revocations_since(cursor)


def test_a_table_from_which_all_was_purged_goes_on(path: Path, store: SQLStore) -> None:
    revoke(store, "a", "b")
    cursor = cursor_of(store)
    execute(path, "DELETE FROM tokenauth_revocation")

    assert store.revocations_since(cursor).entries == ()
    revoke(store, "c")
    assert [entry.subject for entry in store.revocations_since(cursor).entries] == ["c"]
