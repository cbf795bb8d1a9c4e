"""Tables of schema 2 and 3, as older releases have written them, get the tables that they lack."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.sql import SQLStore, schema
from flask_tokenauth.testing.store_contract.kit import (
    add_key,
    find_key,
    has_reference_token,
    list_keys,
    token_of,
)
from flask_tokenauth.testing.store_contract.revocation_pages import Reader
from flask_tokenauth.testing.store_contract.spending import spend

from .. import server_kit, sqlite_kit
from ..sqlite_kit import TERMS

pytestmark = pytest.mark.usefixtures("patient")

DATA = Path(__file__).parent / "data"
DAY = timedelta(days=1)
EPOCH = 1_796_011_236_349  # of Bob
API_KEYS, REFERENCE_TOKENS, SPENT = "tokenauth_api_key", "tokenauth_reference_token", "tokenauth_spent"
NEW = {"2": [API_KEYS, REFERENCE_TOKENS, SPENT], "3": [SPENT]}
KEPT = ["tokenauth_session", "tokenauth_user_epoch", "tokenauth_revocation"]
FACTS = "SELECT name, value, number FROM tokenauth_store WHERE name <> 'schema' ORDER BY name"
SCHEMA = "SELECT value FROM tokenauth_store WHERE name = 'schema'"


@dataclass
class Old:
    """A database as an older release has left it, and a way to ask it."""

    written: str  # the schema
    url: str
    ask: Callable[[str], list[Any]]

    def rows(self, table: str) -> list[Any]:
        return self.ask(f"SELECT * FROM {table} ORDER BY 1")

    def schema(self) -> str:
        """Return the schema that the tables say they have."""
        [(value,)] = self.ask(SCHEMA)
        return value if isinstance(value, str) else bytes(value).decode()


def read_statements(schema: str, scheme: str = "") -> list[str]:
    """Return the statements that make a database of *schema*: each schema adds to the one before."""
    suffix = f"_{scheme}" if scheme else ""
    files = [f"schema_{number}{suffix}.sql" for number in ("2", "3") if number <= schema]
    return [(DATA / name).read_text(encoding="utf-8") for name in files]


@pytest.fixture(
    params=[
        "sqlite",
        *(
            pytest.param(name, marks=[pytest.mark.slow, pytest.mark.once])
            for name in ("postgresql_18", "postgresql_15", "mariadb")
        ),
    ]
)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=NEW)
def old(request: pytest.FixtureRequest, engine: str, path: Path) -> Iterator[Old]:
    written: str = request.param
    if engine == "sqlite":
        with sqlite_kit.opened(path) as connection:
            for script in read_statements(written):
                connection.executescript(script)
        yield Old(written, sqlite_kit.url_of(path), lambda statement: sqlite_kit.execute(path, statement))
        return
    server = request.getfixturevalue(engine)
    with server.new_database() as database:

        def ask(statement: str) -> list[Any]:
            return server_kit.execute(server, database, statement)

        for script in read_statements(written, server.scheme):
            for statement in script.split(";\n")[:-1]:
                ask(statement)
        yield Old(written, server.url(database), ask)


@pytest.fixture
def store(old: Old) -> Iterator[SQLStore]:
    store = SQLStore(old.url)
    yield store
    store.close()


def test_all_rows_and_facts_are_there_after_an_upgrade(old: Old, store: SQLStore) -> None:
    before = [*map(old.rows, KEPT), old.ask(FACTS)]

    store.create()

    assert all(before)
    assert [*map(old.rows, KEPT), old.ask(FACTS)] == before
    assert old.schema() == "4"


def test_tables_that_are_new_are_not_lost(old: Old, store: SQLStore, caplog: pytest.LogCaptureFixture) -> None:
    assert store.inspection.find_lost_tables() == []
    assert store.inspection.is_outdated()

    with caplog.at_level(logging.WARNING, "flask_tokenauth"):
        store.create()

    assert caplog.text == ""
    assert [old.rows(table) for table in NEW[old.written]] == [[] for _ in NEW[old.written]]
    assert store.inspection.find_lost_tables() == []
    assert not store.inspection.is_outdated()


def test_sessions_and_revocations_count_after_an_upgrade(store: SQLStore) -> None:
    assert store.redeem("phone", generation=1, terms=TERMS).outcome is Outcome.SWAPPED
    assert store.is_revoked(token_id="stolen", session_id=None, user_id="alice", epoch=0)
    assert Reader(store).fetch() == {("session", "tablet"), ("token", "stolen"), ("user", "bob")}
    assert store.read_epoch("bob") == EPOCH


def test_api_keys_and_reference_tokens_of_before_are_good_after_an_upgrade(old: Old, store: SQLStore) -> None:
    had_them = old.written == "3"

    assert (find_key(store, "old key") is not None) is had_them
    assert has_reference_token(store, "old token") is had_them


def test_what_is_used_once_is_kept_after_an_upgrade(store: SQLStore) -> None:
    assert [spend(store), spend(store)] == [True, False]


def test_api_keys_and_reference_tokens_are_kept_after_an_upgrade(store: SQLStore) -> None:
    add_key(store)
    add_key(store, "of bob", "bob")
    store.add_reference_token(token_of())

    epoch = store.revoke_user("bob", retention=DAY, api_keys=True)

    assert epoch > EPOCH
    assert find_key(store) is not None
    assert list_keys(store, "bob") == []
    assert has_reference_token(store)


@pytest.mark.slow
@pytest.mark.parametrize(
    "use",
    [
        find_key,
        add_key,
        lambda store: store.list_api_keys("alice"),
        lambda store: store.revoke_api_key("key", retention=DAY),
        lambda store: store.note_uses_of_api_keys({"key": DAY}),
        lambda store: store.add_reference_token(token_of()),
        has_reference_token,
        spend,
        lambda store: store.find_session("phone"),
        lambda store: store.revocations_since(None),
    ],
)
def test_the_first_use_upgrades(old: Old, store: SQLStore, use: Callable[[SQLStore], object]) -> None:
    use(store)

    assert old.schema() == "4"


def test_tables_that_a_migration_of_the_application_has_added_are_used(old: Old, store: SQLStore) -> None:
    """The migration knows nothing of the facts."""
    store.create()
    old.ask(f"UPDATE tokenauth_store SET value = '{old.written}' WHERE name = 'schema'")
    with closing(SQLStore(old.url)) as again:
        add_key(again)

    assert find_key(store) is not None
    assert old.schema() == "4"


def test_a_table_that_was_dropped_before_the_upgrade_is_lost(
    old: Old, store: SQLStore, caplog: pytest.LogCaptureFixture
) -> None:
    dropped = "tokenauth_session" if old.written == "2" else API_KEYS
    old.ask(f"DROP TABLE {dropped}")

    assert store.inspection.find_lost_tables() == [dropped]
    with caplog.at_level(logging.WARNING, "flask_tokenauth"):
        store.create()

    assert f"all its tables, but {dropped} had been dropped" in caplog.text
    assert old.schema() == "4"


@pytest.mark.slow
@pytest.mark.parametrize("table", [API_KEYS, REFERENCE_TOKENS, SPENT])
def test_a_new_table_that_was_dropped_after_the_upgrade_is_lost(old: Old, store: SQLStore, table: str) -> None:
    store.create()
    store.close()

    old.ask(f"DROP TABLE {table}")

    assert store.inspection.find_lost_tables() == [table]


def test_an_upgrade_that_was_interrupted_is_done_by_the_next_process(
    old: Old, store: SQLStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """MariaDB commits each table that is created."""

    def fail(*_: object) -> None:
        raise StoreUnavailable("the process was stopped")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "raise_schema", fail)
        with pytest.raises(StoreUnavailable, match="was stopped"):
            store.create()
    assert old.schema() == old.written

    with closing(SQLStore(old.url)) as again, caplog.at_level(logging.WARNING, "flask_tokenauth"):
        assert again.inspection.find_lost_tables() == []
        assert again.find_session("phone") is not None

    assert caplog.text == ""
    assert old.schema() == "4"


def test_a_second_use_changes_nothing(old: Old, store: SQLStore) -> None:
    store.create()
    add_key(store)
    before = [*map(old.rows, [*KEPT, API_KEYS, "tokenauth_store"])]

    with closing(SQLStore(old.url)) as again:
        again.create()

    assert [*map(old.rows, [*KEPT, API_KEYS, "tokenauth_store"])] == before
