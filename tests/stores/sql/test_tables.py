"""The tables of the SQL store: how they are created, their rows, and garbage in them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.sql import SQLStore, metadata
from flask_tokenauth.stores.sql.tables import SCHEMA
from flask_tokenauth.testing.store_contract.kit import list_all, start, until

from ..sqlite_kit import TERMS, ager, execute, url_of

DAY = timedelta(days=1)
LATER = 4_000_000_000_000
TABLES = [
    "tokenauth_api_key", "tokenauth_reference_token", "tokenauth_revocation", "tokenauth_session", "tokenauth_spent",
    "tokenauth_store", "tokenauth_user_epoch",
]  # fmt: skip


def tables(path: Path) -> list[str]:
    found = execute(
        path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
    )
    return [name for (name,) in found]


def test_a_store_that_is_not_used_touches_nothing(path: Path, store: SQLStore) -> None:
    store.close()

    assert not path.exists()


def test_the_tables_are_created_on_first_use(path: Path, store: SQLStore) -> None:
    assert store.read_epoch("alice") == 0

    assert tables(path) == TABLES
    assert execute(path, "SELECT value FROM tokenauth_store WHERE name = 'schema'") == [(str(SCHEMA),)]


def test_creating_them_again_changes_nothing(path: Path, store: SQLStore) -> None:
    store.create()
    before = execute(path, "SELECT * FROM tokenauth_store ORDER BY name")

    store.create()
    again = SQLStore(url_of(path))
    again.create()
    again.close()

    assert execute(path, "SELECT * FROM tokenauth_store ORDER BY name") == before
    assert [name for name, *_ in before] == ["schema", "store_id"]


def test_each_database_is_a_store_of_its_own(path: Path, store: SQLStore, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other_store = SQLStore(url_of(other))
    store.create()
    other_store.create()
    other_store.close()

    [mine], [theirs] = (
        execute(file, "SELECT value FROM tokenauth_store WHERE name = 'store_id'") for file in (path, other)
    )
    assert mine != theirs


def test_migrations_of_the_application_may_own_the_tables(path: Path, store: SQLStore) -> None:
    engine = create_engine(url_of(path))
    metadata.create_all(engine)
    engine.dispose()

    start(store)

    assert store.find_session("session") is not None
    assert tables(path) == TABLES


def test_other_tables_in_the_database_are_left_alone(path: Path, store: SQLStore) -> None:
    execute(path, "CREATE TABLE user (id INTEGER PRIMARY KEY)")
    execute(path, "INSERT INTO user VALUES (7)")

    start(store)

    assert execute(path, "SELECT id FROM user") == [(7,)]


@pytest.mark.slow
@pytest.mark.parametrize("schema", [str(SCHEMA + 1), "10", "0", "", "x", "2.0", "02"])
def test_tables_of_another_release_are_not_used(path: Path, store: SQLStore, schema: str) -> None:
    store.create()
    execute(path, "UPDATE tokenauth_store SET value = ? WHERE name = 'schema'", schema)
    other = SQLStore(url_of(path))

    with pytest.raises(StoreUnavailable, match=rf"schema {SCHEMA},.*newer"):
        other.create()
    with pytest.raises(StoreUnavailable, match=rf"schema {SCHEMA},.*newer"):
        other.find_session("session")
    other.close()


def test_every_connection_waits_for_locks_and_writes_durably(store: SQLStore) -> None:
    def ask(pragma: str) -> object:
        return store._database.read(lambda connection: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar())

    store.create()

    assert [ask("journal_mode"), ask("synchronous"), ask("busy_timeout")] == ["wal", 2, 20]


def test_the_number_of_a_purged_revocation_is_not_used_again(path: Path, store: SQLStore) -> None:
    """A reader that asks for numbers above its last one would miss the next row."""
    store.revoke(Revocation(kind="token", subject="a", expires_at=1))
    store.purge()
    store.revoke(Revocation(kind="token", subject="b", expires_at=LATER))

    assert execute(path, "SELECT id, kind, subject, value, expires_at FROM tokenauth_revocation") == [
        (2, "t", "b", 0, LATER)
    ]


def test_a_repeated_revocation_is_kept_once(path: Path, store: SQLStore) -> None:
    for expires_at in LATER, LATER, LATER - 1, LATER + 1, LATER:
        store.revoke(Revocation(kind="token", subject="a", expires_at=expires_at))
    for value in 5, 5, 4, 6:
        store.revoke(Revocation(kind="user", subject="a", value=value, expires_at=LATER))

    kept = execute(path, "SELECT kind, value, expires_at FROM tokenauth_revocation ORDER BY id")
    assert kept == [("t", 0, LATER), ("t", 0, LATER + 1), ("u", 5, LATER), ("u", 6, LATER)]


def test_revoking_a_user_leaves_the_new_epoch_for_all_to_read(path: Path, store: SQLStore) -> None:
    epoch = store.revoke_user("alice", retention=DAY, api_keys=False)

    assert execute(path, "SELECT kind, subject, value FROM tokenauth_revocation") == [("u", "alice", epoch)]
    assert execute(path, "SELECT user_id, epoch FROM tokenauth_user_epoch") == [("alice", epoch)]


def test_purging_returns_the_number_of_deleted_rows(path: Path, store: SQLStore) -> None:
    age = ager(path)
    for session_id in "ended", "idle", "below", "live":
        start(store, session_id, user_id=session_id)
    store.end_session("ended", retention=DAY)
    store.revoke_user("below", retention=DAY, api_keys=False)
    age("idle", TERMS.idle_lifetime)
    store.revoke(Revocation(kind="token", subject="over", expires_at=1))

    assert (store.purge(), store.purge()) == (4, 0)
    assert execute(path, "SELECT session_id FROM tokenauth_session") == [("live",)]
    assert execute(path, "SELECT kind, subject FROM tokenauth_revocation ORDER BY kind") == [
        ("s", "ended"),
        ("u", "below"),
    ]


ASK: list[Callable[[SQLStore], object]] = [
    lambda store: store.find_session("session"),
    lambda store: list_all(store, "alice"),
    lambda store: store.redeem("session", generation=3, terms=TERMS),
    lambda store: store.redeem("session", generation=2, terms=TERMS),
]
GARBAGE = [
    ("granted", "{}"),
    ("granted", b"\xff"),
    ("granted", '{"scopes":["admin"]}'),
    ("label", "a\x00b"),
    ("label", b"phone"),
    ("user_agent", "x" * 501),
    ("started_at", "yesterday"),
    ("idle_expires_at", "zzz"),
    ("idle_expires_at", b"\x00"),
    ("expires_at", "zzz"),
    ("expires_at", 2**63 - 1),
    ("expires_at", 1e300),
    ("rotated_at", "zzz"),
    ("epoch", "zzz"),
    ("epoch", 1.5),
]


@pytest.mark.slow
@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize(("column", "value"), GARBAGE)
def test_a_row_that_is_garbage_is_an_outage_and_never_a_session(
    path: Path, store: SQLStore, ask: Callable[[SQLStore], object], column: str, value: object
) -> None:
    start(store)
    execute(path, "UPDATE tokenauth_session SET generation = 3, rotated_at = started_at")
    execute(path, f"UPDATE tokenauth_session SET {column} = ?", value)

    with pytest.raises(StoreUnavailable):
        ask(store)

    assert execute(path, "SELECT generation, ended_at FROM tokenauth_session") == [(3, None)]


@pytest.mark.parametrize("column", ["user_id", "granted", "label"])
def test_text_that_is_not_utf_8_is_an_outage(path: Path, store: SQLStore, column: str) -> None:
    start(store)
    execute(path, f"UPDATE tokenauth_session SET {column} = CAST(x'ff' AS TEXT)")

    with pytest.raises(StoreUnavailable):
        store.find_session("session")
    with pytest.raises(StoreUnavailable):
        store.redeem("session", generation=0, terms=TERMS)


@pytest.mark.parametrize("generation", ["zzz", b"3", -1, 2**40, 3.5])
def test_a_generation_that_is_garbage_is_an_outage(path: Path, store: SQLStore, generation: object) -> None:
    start(store)
    execute(path, "UPDATE tokenauth_session SET generation = ?", generation)

    with pytest.raises(StoreUnavailable):
        store.find_session("session")


@pytest.mark.parametrize(("column", "value"), [("granted", "{}"), ("label", b"\x00"), ("started_at", "zzz")])
def test_a_session_that_cannot_be_read_can_be_ended(path: Path, store: SQLStore, column: str, value: object) -> None:
    start(store)
    execute(path, f"UPDATE tokenauth_session SET {column} = ?", value)

    with pytest.raises(StoreUnavailable):
        store.end_session("session", retention=DAY)

    assert store.end_session("session", retention=DAY) is None
    assert store.is_revoked(token_id=None, session_id="session", user_id="alice", epoch=0)


def test_reuse_of_a_session_whose_grant_cannot_be_read_ends_it(path: Path, store: SQLStore) -> None:
    start(store)
    execute(path, "UPDATE tokenauth_session SET generation = 3, granted = 'x'")

    with pytest.raises(StoreUnavailable):
        store.redeem("session", generation=0, terms=TERMS)

    assert store.redeem("session", generation=0, terms=TERMS).outcome is Outcome.GONE
    assert store.is_revoked(token_id=None, session_id="session", user_id="alice", epoch=0)


@pytest.mark.parametrize("epoch", ["zzz", b"1", -1, 1.5])
def test_an_epoch_that_is_garbage_is_an_outage(path: Path, store: SQLStore, epoch: object) -> None:
    start(store, "before")
    execute(path, "INSERT INTO tokenauth_user_epoch (user_id, epoch) VALUES ('alice', ?)", epoch)

    for ask in (
        lambda: store.read_epoch("alice"),
        lambda: start(store),
        lambda: store.redeem("before", generation=1, terms=TERMS) and store.read_epoch("alice"),
    ):
        with pytest.raises(StoreUnavailable):
            ask()

    assert store.find_session("session") is None


@pytest.mark.parametrize(("column", "value"), [("expires_at", "zzz"), ("expires_at", b"x"), ("value", "zzz")])
def test_a_revocation_that_is_garbage_counts(path: Path, store: SQLStore, column: str, value: object) -> None:
    store.revoke(Revocation(kind="user", subject="alice", value=5, expires_at=LATER))
    execute(path, f"UPDATE tokenauth_revocation SET {column} = ?", value)

    assert store.is_revoked(token_id=None, session_id=None, user_id="alice", epoch=4)


@pytest.mark.parametrize("value", ["zzz", b"x"])
def test_a_revocation_with_a_garbage_end_counts_after_the_leeway_has_grown(
    path: Path, store: SQLStore, value: object
) -> None:
    store.revoke(Revocation(kind="user", subject="alice", value=5, expires_at=LATER))
    execute(path, "UPDATE tokenauth_revocation SET expires_at = ?", value)

    store.bind("https://one.example", timeout=DAY, lifetime=DAY, leeway=DAY)

    assert store.is_revoked(token_id=None, session_id=None, user_id="alice", epoch=4)


def test_sessions_with_a_key_that_is_garbage_do_not_stop_a_purge(path: Path, store: SQLStore) -> None:
    start(store)
    execute(path, "UPDATE tokenauth_session SET session_id = x'ff', ended_at = 1")

    assert (store.purge(), store.purge()) == (1, 0)


def test_the_longest_leeway_of_another_process_counts(path: Path, store: SQLStore) -> None:
    other = SQLStore(url_of(path))
    for one, leeway in ((store, 10), (other, 300)):
        one.bind("https://one.example", timeout=DAY, lifetime=DAY, leeway=timedelta(seconds=leeway))
        one.create()
    other.close()

    assert store.longest_leeway() == timedelta(seconds=300)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lifetime", "leeway"])
@pytest.mark.parametrize("value", ["long", "-1", str(10**15), str(2**62), "9" * 30])
def test_a_duration_that_no_setting_allows_makes_no_revocation_that_cannot_be_read(
    path: Path, store: SQLStore, name: str, value: str
) -> None:
    """The feed of each process would fail until the row is removed."""
    store.bind("https://one.example", timeout=DAY, lifetime=DAY, leeway=timedelta(seconds=10))
    store.create()
    execute(path, "UPDATE tokenauth_store SET number = ? WHERE name = ?", value, name)

    store.revoke_user("alice", retention=DAY, api_keys=False)

    [entry] = store.revocations_since(None).entries
    assert until(DAY) - 60_000 <= entry.expires_at <= until(2 * DAY)  # the store has a clock of its own


@pytest.mark.slow
@pytest.mark.parametrize("value", ["long", "-1", str(2**62), "9" * 30])
def test_a_leeway_that_no_setting_allows_is_written_again(path: Path, store: SQLStore, value: str) -> None:
    leeway = timedelta(seconds=10)
    store.bind("https://one.example", timeout=DAY, lifetime=DAY, leeway=leeway)
    store.create()
    execute(path, "UPDATE tokenauth_store SET number = ? WHERE name = 'leeway'", value)
    again = SQLStore(url_of(path))

    again.bind("https://one.example", timeout=DAY, lifetime=DAY, leeway=leeway)

    assert again.longest_leeway() == leeway
    again.revoke_user("alice", retention=DAY, api_keys=False)
    [entry] = again.revocations_since(None).entries
    assert entry.expires_at <= until(3 * DAY)
    again.close()
