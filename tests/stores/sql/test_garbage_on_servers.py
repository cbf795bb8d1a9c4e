"""Rows of a database server that another program has changed are an outage, and never a session."""

from collections.abc import Callable, Iterator

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.stores.rows import SessionRow
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import (
    RETENTION,
    add_key,
    find_key,
    has_reference_token,
    list_all,
    list_keys,
    redeem,
    start,
    token_of,
)

from ...engines.server import Server
from ..server_kit import execute, prepared_store

pytestmark = pytest.mark.usefixtures("patient")

GREATEST = 2**63 - 1
LATER = 4_000_000_000_000


@pytest.fixture(scope="module", params=["postgresql_18", "postgresql_15", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="module")
def prepared(server: Server) -> Iterator[tuple[str, SQLStore]]:
    with prepared_store(server) as prepared:
        yield prepared


@pytest.fixture
def database(server: Server, prepared: tuple[str, SQLStore]) -> str:
    for table in "session", "user_epoch", "revocation", "api_key", "reference_token", "spent":
        execute(server, prepared[0], f"DELETE FROM tokenauth_{table}")
    return prepared[0]


@pytest.fixture
def store(database: str, prepared: tuple[str, SQLStore]) -> SQLStore:
    start(prepared[1])
    return prepared[1]


ASK: list[Callable[[SQLStore], object]] = [
    lambda store: store.find_session("session"),
    list_all,
    lambda store: redeem(store, 3),
    lambda store: redeem(store, 2),
]


def test_a_row_without_a_time_is_an_outage() -> None:
    with pytest.raises(StoreUnavailable):
        SessionRow.read({"session_id": "session", "started_at": None})


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("ask", ASK, ids=["find", "list", "redeem", "repeat"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("granted", ""),
        ("granted", "{}"),
        ("granted", '{"scopes":["admin"]}'),
        ("label", "a\nb"),
        ("started_at", -1),
        ("started_at", GREATEST),
        ("expires_at", GREATEST),
    ],
)
def test_a_row_that_is_garbage_is_an_outage_and_never_a_session(
    *, server: Server, database: str, store: SQLStore, ask: Callable[[SQLStore], object], column: str, value: object
) -> None:
    execute(server, database, "UPDATE tokenauth_session SET generation = 3, rotated_at = started_at")
    execute(server, database, f"UPDATE tokenauth_session SET {column} = %s", value)

    with pytest.raises(StoreUnavailable):
        ask(store)

    assert execute(server, database, "SELECT generation, ended_at FROM tokenauth_session") == [(3, None)]


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("generation", [-1, 2**40, GREATEST])
def test_a_generation_that_is_garbage_is_an_outage(
    server: Server, database: str, store: SQLStore, generation: int
) -> None:
    execute(server, database, "UPDATE tokenauth_session SET generation = %s", generation)

    with pytest.raises(StoreUnavailable):
        store.find_session("session")


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("ask", [find_key, list_keys])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("granted", "{}"),
        ("name", ""),
        ("hint", "a\nb"),
        ("created_at", -1),
        ("created_at", GREATEST),
        ("last_used_at", -1),
        ("expires_at", GREATEST),
    ],
)
def test_a_row_that_is_garbage_is_never_an_api_key(
    *, server: Server, database: str, store: SQLStore, ask: Callable[[SQLStore], object], column: str, value: object
) -> None:
    add_key(store)
    execute(server, database, f"UPDATE tokenauth_api_key SET {column} = %s", value)

    with pytest.raises(StoreUnavailable):
        ask(store)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(("column", "value"), [("user_id", ""), ("expires_at", GREATEST)])
def test_a_row_that_is_garbage_is_never_a_reference_token(
    server: Server, database: str, store: SQLStore, column: str, value: object
) -> None:
    store.add_reference_token(token_of())
    execute(server, database, f"UPDATE tokenauth_reference_token SET {column} = %s", value)

    with pytest.raises(StoreUnavailable):
        has_reference_token(store)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(("column", "ask"), [("session_id", ASK[1]), ("user_id", ASK[0])], ids=["list", "find"])
def test_bytes_that_are_not_utf_8_are_an_outage(
    mariadb: Server, column: str, ask: Callable[[SQLStore], object]
) -> None:
    """PostgreSQL keeps no such bytes."""
    with prepared_store(mariadb) as (database, store):
        start(store)
        execute(mariadb, database, f"UPDATE tokenauth_session SET {column} = X'61FF'")

        with pytest.raises(StoreUnavailable):
            ask(store)


@pytest.mark.once
@pytest.mark.slow
def test_an_epoch_that_is_garbage_is_an_outage(server: Server, database: str, store: SQLStore) -> None:
    set_epoch(server, database, -1)

    for ask in (
        lambda: store.read_epoch("alice"),
        lambda: start(store, "other"),
        lambda: redeem(store, 1) and store.read_epoch("alice"),
    ):
        with pytest.raises(StoreUnavailable):
            ask()

    assert execute(server, database, "SELECT count(*) FROM tokenauth_session") == [(1,)]


@pytest.mark.once
@pytest.mark.slow
def test_no_api_key_is_added_with_a_key_epoch_that_is_garbage(server: Server, database: str, store: SQLStore) -> None:
    set_epoch(server, database, 0)
    execute(server, database, "UPDATE tokenauth_user_epoch SET key_epoch = -1")

    with pytest.raises(StoreUnavailable):
        add_key(store)

    assert execute(server, database, "SELECT count(*) FROM tokenauth_api_key") == [(0,)]


def set_epoch(server: Server, database: str, epoch: int) -> None:
    execute(server, database, "DELETE FROM tokenauth_user_epoch")
    execute(server, database, "INSERT INTO tokenauth_user_epoch (user_id, epoch) VALUES ('alice', %s)", epoch)


@pytest.mark.once
@pytest.mark.slow
def test_an_epoch_that_cannot_be_raised_is_an_outage(server: Server, database: str, store: SQLStore) -> None:
    set_epoch(server, database, GREATEST)

    with pytest.raises(StoreUnavailable):
        store.revoke_user("alice", retention=RETENTION, api_keys=False)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("change", ["value = %s", "expires_at = %s"])
def test_a_revocation_with_a_number_that_is_far_too_large_counts(
    server: Server, database: str, store: SQLStore, change: str
) -> None:
    store.revoke(Revocation(kind="user", subject="alice", value=5, expires_at=LATER))
    execute(server, database, f"UPDATE tokenauth_revocation SET {change}", GREATEST)

    assert store.is_revoked(token_id=None, session_id=None, user_id="alice", epoch=4)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("name", ["lifetime", "leeway"])
@pytest.mark.parametrize("number", [None, -1, 10**15, GREATEST])
def test_a_duration_that_no_setting_allows_makes_no_revocation_that_cannot_be_read(
    server: Server, database: str, store: SQLStore, name: str, number: int | None
) -> None:
    statement = "INSERT INTO tokenauth_store (name, value, number) VALUES (%s, '', %s)"
    execute(server, database, "DELETE FROM tokenauth_store WHERE name = %s", name)
    execute(server, database, statement, name, number)

    store.revoke_user("alice", retention=RETENTION, api_keys=False)

    assert {entry.subject for entry in store.revocations_since(None).entries} == {"alice"}
