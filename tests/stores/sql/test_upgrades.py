"""A file of schema 1, as an older release has written it, is upgraded and loses nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.sql import SQLStore, prepared_tables, schema, upgrades
from flask_tokenauth.testing.store_contract.kit import start, until
from flask_tokenauth.testing.store_contract.lost_writes import wants_a_reload

from ...conftest import MakeApp
from ..sqlite_kit import TERMS, dump, execute, put_schema_1, url_of

DAY, LEEWAY = timedelta(days=1), timedelta(seconds=10)
SECONDS = 60  # until a test that hangs fails
LATER = 4_000_000_000_000
ISSUER = "https://api.example.com"  # of the older release
CURSOR = "3.7331129499643983723 9a25440ab790842b2296dfc4a843d2f5 0"  # that the older release has returned
FIRST_CURSOR = "1.-2467297132712349437 9a25440ab790842b2296dfc4a843d2f5 0"
KEPT = {
    "tokenauth_session": "*",
    "tokenauth_user_epoch": "user_id, epoch",
    "tokenauth_revocation": "id, mark, kind, subject, value, expires_at",
}
SCHEMA = "SELECT value FROM tokenauth_store WHERE name = 'schema'"

pytestmark = pytest.mark.usefixtures("old")


@pytest.fixture
def old(path: Path) -> None:
    put_schema_1(path)


def rows(path: Path, table: str) -> list[Any]:
    """Return the columns that an older release has written, of all rows."""
    return execute(path, f"SELECT {KEPT[table]} FROM {table} ORDER BY 1")


def is_upgraded(path: Path) -> bool:
    return execute(path, SCHEMA) == [("4",)]


@pytest.mark.slow
@pytest.mark.parametrize("table", KEPT)
def test_all_rows_are_there_after_an_upgrade(path: Path, store: SQLStore, table: str) -> None:
    before = rows(path, table)

    store.create()

    assert before
    assert rows(path, table) == before


def test_strings_among_the_facts_are_there_after_an_upgrade(path: Path, store: SQLStore) -> None:
    store.create()

    strings = dict(execute(path, "SELECT name, value FROM tokenauth_store WHERE number IS NULL"))
    assert strings == {"schema": "4", "store_id": "9a25440ab790842b2296dfc4a843d2f5", "issuer": ISSUER}


def test_numbers_among_the_facts_are_there_after_an_upgrade(path: Path, store: SQLStore) -> None:
    store.create()

    numbers = dict(execute(path, "SELECT name, number FROM tokenauth_store WHERE number IS NOT NULL"))
    assert numbers == {"lifetime": 3_600_000, "leeway": 10_000, "last_purge": 1_795_957_033_722}


def test_the_longest_durations_count_after_an_upgrade(store: SQLStore) -> None:
    store.bind(ISSUER, timeout=DAY, lifetime=timedelta(minutes=1), leeway=timedelta(0))

    assert (store.longest_lifetime(), store.longest_leeway()) == (timedelta(hours=1), LEEWAY)


@pytest.mark.slow
@pytest.mark.parametrize("digits", ["long", "", "-1", "9" * 30])
@pytest.mark.parametrize("name", ["lifetime", "leeway"])
def test_a_duration_that_was_no_number_counts_as_zero(path: Path, store: SQLStore, name: str, digits: str) -> None:
    execute(path, "UPDATE tokenauth_store SET value = ? WHERE name = ?", digits, name)

    read = {"lifetime": store.longest_lifetime, "leeway": store.longest_leeway}[name]

    assert read() == timedelta(0)
    assert is_upgraded(path)


def test_a_duration_that_was_no_number_is_written_again(path: Path, store: SQLStore) -> None:
    execute(path, "UPDATE tokenauth_store SET value = 'long' WHERE name = 'leeway'")

    store.bind(ISSUER, timeout=DAY, lifetime=DAY, leeway=LEEWAY)
    store.create()

    assert execute(path, "SELECT number FROM tokenauth_store WHERE name = 'leeway'") == [(10_000,)]


def test_a_live_session_refreshes_after_an_upgrade(store: SQLStore) -> None:
    redemption = store.redeem("phone", generation=1, terms=TERMS)

    assert redemption.outcome is Outcome.SWAPPED
    assert redemption.session is not None
    assert redemption.session.generation == 2


def test_a_refresh_token_that_was_used_before_the_upgrade_ends_its_session(store: SQLStore) -> None:
    store.redeem("phone", generation=1, terms=TERMS)

    assert store.redeem("phone", generation=0, terms=TERMS).outcome is Outcome.REUSED


@pytest.mark.parametrize(
    "asked",
    [
        {"token_id": "stolen", "session_id": None, "user_id": "alice", "epoch": 0},
        {"token_id": None, "session_id": "tablet", "user_id": "alice", "epoch": 0},
        {"token_id": None, "session_id": None, "user_id": "bob", "epoch": 1_795_957_033_719},
    ],
)
def test_a_token_that_was_revoked_before_the_upgrade_stays_revoked(store: SQLStore, asked: dict[str, Any]) -> None:
    assert store.is_revoked(**asked)


def test_a_user_can_be_revoked_again_after_the_upgrade(store: SQLStore) -> None:
    before = store.read_epoch("bob")

    assert store.revoke_user("bob", retention=DAY, api_keys=False) > before == 1_795_957_033_720


def test_a_reader_that_had_read_everything_goes_on_after_the_upgrade(store: SQLStore) -> None:
    page = store.revocations_since(CURSOR)

    assert (page.entries, page.cursor, page.more) == ((), CURSOR, False)


def test_a_reader_goes_on_after_the_upgrade_with_the_entries_that_it_has_not_read(store: SQLStore) -> None:
    store.revoke(Revocation(kind="token", subject="new", expires_at=LATER))

    page = store.revocations_since(FIRST_CURSOR)

    assert [entry.subject for entry in page.entries] == ["stolen", "bob", "new"]


def test_a_process_of_the_older_release_that_still_runs_is_heard(path: Path, store: SQLStore) -> None:
    store.create()
    execute(
        path,
        "INSERT INTO tokenauth_revocation (mark, kind, subject, value, expires_at) VALUES (7, 't', 'new', 0, ?)",
        LATER,
    )
    execute(path, "INSERT INTO tokenauth_user_epoch (user_id, epoch) VALUES ('carol', 5)")

    assert [entry.subject for entry in store.revocations_since(CURSOR).entries] == ["new"]
    assert store.read_epoch("carol") == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.create(),
        lambda store: store.find_session("phone"),
        lambda store: store.list_sessions("alice", cursor=None, limit=1),
        lambda store: store.redeem("phone", generation=1, terms=TERMS),
        lambda store: store.end_session("phone", retention=DAY),
        lambda store: start(store, "other"),
        lambda store: store.read_epoch("bob"),
        lambda store: store.revoke_user("bob", retention=DAY, api_keys=False),
        lambda store: store.is_revoked(token_id="stolen", session_id=None, user_id="alice", epoch=0),
        lambda store: store.revocations_since(CURSOR),
        lambda store: store.purge(force=True),
    ],
)
def test_the_first_use_upgrades(path: Path, store: SQLStore, use: Callable[[SQLStore], object]) -> None:
    use(store)

    assert is_upgraded(path)


def test_the_command_init_db_upgrades(path: Path, make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_STORE=url_of(path), TOKENAUTH_ISSUER=ISSUER)

    result = app.test_cli_runner().invoke(args=["tokenauth", "init-db"])

    assert result.output == "The store is ready.\n"
    assert is_upgraded(path)


def test_a_second_use_changes_nothing(path: Path, store: SQLStore) -> None:
    store.create()
    before = dump(path)
    again = SQLStore(url_of(path))

    again.create()
    again.close()

    assert dump(path) == before


def test_of_two_processes_that_start_at_once_one_upgrades(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together, upgraded = Barrier(2), list[Any]()
    check, upgrade = schema.is_complete, upgrades.upgrade

    def check_together(*asked: Any) -> bool:
        found = check(*asked)
        together.wait(SECONDS)
        return found

    def note(*of_upgrade: Any) -> None:
        upgraded.append(of_upgrade)
        upgrade(*of_upgrade)

    monkeypatch.setattr(prepared_tables, "is_complete", check_together)
    monkeypatch.setattr(schema, "upgrade", note)
    stores = [SQLStore(url_of(path)) for _ in range(2)]  # each has an engine of its own, as two processes have
    with ThreadPoolExecutor(2) as pool:
        for created in [pool.submit(store.create) for store in stores]:
            created.result(SECONDS)
    for store in stores:
        store.close()

    assert len(upgraded) == 1
    assert is_upgraded(path)


@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_an_upgrade_that_was_interrupted_has_changed_nothing(
    path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    interrupt_upgrade(monkeypatch, after=done)
    before = dump(path)

    with pytest.raises(KeyboardInterrupt):
        store.create()

    assert dump(path) == before


@pytest.mark.slow
@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_an_upgrade_that_was_interrupted_is_done_by_the_next_use(
    path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    with monkeypatch.context() as patch:
        interrupt_upgrade(patch, after=done)
        with pytest.raises(KeyboardInterrupt):
            store.create()

    assert store.find_session("phone") is not None
    assert is_upgraded(path)


def interrupt_upgrade(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Interrupt the next upgrade after a number of columns were added."""
    add, add_facts, added = upgrades._add, schema._add_facts, list[Any]()

    def add_some(*of_column: Any) -> None:
        if len(added) == after:
            raise KeyboardInterrupt
        added.append(of_column)
        add(*of_column)

    def stop(*of_facts: Any) -> None:
        add_facts(*of_facts)
        raise KeyboardInterrupt

    monkeypatch.setattr(upgrades, "_add", add_some)
    monkeypatch.setattr(schema, "_add_facts", stop)


def test_a_store_of_another_issuer_is_not_upgraded(path: Path, store: SQLStore) -> None:
    before = dump(path)
    store.bind("https://other.example", timeout=DAY, lifetime=DAY, leeway=LEEWAY)

    with pytest.raises(SettingsError, match=ISSUER):
        store.create()

    assert dump(path) == before


@pytest.mark.slow
def test_the_older_release_refuses_a_file_that_was_upgraded(
    path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create()
    monkeypatch.setattr(schema, "SCHEMA", 1)
    older = SQLStore(url_of(path))

    with pytest.raises(StoreUnavailable, match=r"must be of schema 1, got 4: a newer release"):
        older.find_session("phone")
    older.close()


def test_a_store_that_has_lost_its_facts_is_upgraded_and_keeps_the_other_rows(path: Path, store: SQLStore) -> None:
    before = {table: rows(path, table) for table in KEPT}
    execute(path, "DROP TABLE tokenauth_store")

    store.create()

    assert is_upgraded(path)
    assert {table: rows(path, table) for table in KEPT} == before


def test_a_reader_that_has_read_everything_goes_on_after_the_facts_were_lost(path: Path, store: SQLStore) -> None:
    """The revocations are all there: the last one is that of the cursor."""
    execute(path, "DROP TABLE tokenauth_store")

    assert store.revocations_since(CURSOR) == RevocationPage(cursor=CURSOR)


def test_a_store_that_has_lost_its_facts_is_another_store_after_a_revocation(path: Path, store: SQLStore) -> None:
    execute(path, "DROP TABLE tokenauth_store")
    store.revoke(Revocation(kind="token", subject="new", expires_at=LATER))

    assert wants_a_reload(store, CURSOR)


def test_a_store_that_has_lost_its_facts_is_another_store_for_a_reader_that_is_behind(
    path: Path, store: SQLStore
) -> None:
    execute(path, "DROP TABLE tokenauth_store")

    assert wants_a_reload(store, FIRST_CURSOR)


def test_a_store_that_has_lost_its_revocations_writes_those_that_are_known(path: Path, store: SQLStore) -> None:
    """The retention of the older release counts: this one is bound to nothing."""
    execute(path, "UPDATE tokenauth_user_epoch SET epoch = ?", until(-timedelta(minutes=30)))
    execute(path, "DROP TABLE tokenauth_revocation")

    entries = store.revocations_since(None).entries

    assert [(entry.kind, entry.subject) for entry in entries] == [("user", "bob")]
    assert is_upgraded(path)


def test_a_store_that_has_lost_its_sessions_is_upgraded(path: Path, store: SQLStore) -> None:
    execute(path, "DROP TABLE tokenauth_session")

    assert store.find_session("phone") is None
    assert is_upgraded(path)


def test_a_store_that_has_lost_its_epochs_takes_them_from_the_revocations(path: Path, store: SQLStore) -> None:
    execute(path, "DROP TABLE tokenauth_user_epoch")

    assert store.read_epoch("bob") == 1_795_957_033_720
    assert is_upgraded(path)


def test_a_store_that_has_lost_all_but_its_epochs_is_upgraded(path: Path, store: SQLStore) -> None:
    for table in "tokenauth_store", "tokenauth_session", "tokenauth_revocation":
        execute(path, f"DROP TABLE {table}")

    assert store.read_epoch("bob") == 1_795_957_033_720
    assert store.revoke_user("bob", retention=DAY, api_keys=False) > 1_795_957_033_720


def test_a_column_that_a_migration_of_the_application_has_added_is_not_added_again(path: Path, store: SQLStore) -> None:
    execute(path, "ALTER TABLE tokenauth_user_epoch ADD COLUMN key_epoch BIGINT DEFAULT '0' NOT NULL")

    assert store.read_epoch("bob") == 1_795_957_033_720
    assert is_upgraded(path)
