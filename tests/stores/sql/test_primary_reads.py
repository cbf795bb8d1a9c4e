"""Answers of a replica do not count. Here each connection to SQLite has a role, as with servers behind one address."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, FromClause, create_engine, func, select

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore, source
from flask_tokenauth.stores.sql.dialect import NotPrimary
from flask_tokenauth.stores.sql.primary_reads import PrimaryRead, check_role
from flask_tokenauth.stores.sql.sqlite.dialect import SQLITE, SQLite
from flask_tokenauth.stores.sql.tables import epochs
from flask_tokenauth.testing.store_contract.kit import (
    add_key,
    find_key,
    has_reference_token,
    id_for,
    list_keys,
    start,
    token_of,
)
from flask_tokenauth.testing.store_contract.spending import spend

from ..sqlite_kit import TERMS, execute, url_of

DAY = timedelta(days=1)
REPLICA = "must be a primary, but it is a replica or read-only, so its answers may be old: connect to the primary"


class Replicated(SQLite):
    """SQLite as if it were a server with replicas. The driver gives each connection a function ``role``."""

    role = func.role()

    def is_primary(self, role: Any, /) -> bool:
        return bool(role == "primary")

    def begin(self, connection: Connection) -> None:
        super().begin(connection)
        check_role(self.is_primary, connection.execute(select(self.role)).scalar_one())


class Servers:
    """Opens connections to servers that have one address.

    Attributes:
        roles: of the next connections. After them, all are to the primary.
        opened: all connections.
    """

    def __init__(self, path: Path) -> None:
        self.roles: list[str] = []
        self.opened: list[sqlite3.Connection] = []
        self._path = path

    def connect(self) -> sqlite3.Connection:
        role = self.roles.pop(0) if self.roles else "primary"
        connection = sqlite3.connect(self._path, check_same_thread=False)
        connection.create_function("role", 0, lambda: role)
        self.opened.append(connection)
        return connection


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1").close()
    except sqlite3.ProgrammingError:
        return False
    return True


@pytest.fixture
def servers(path: Path, monkeypatch: pytest.MonkeyPatch) -> Servers:
    monkeypatch.setitem(source._DIALECTS, "sqlite", (Replicated, "pysqlite", ""))
    return Servers(path)


@pytest.fixture
def store(path: Path, servers: Servers) -> Iterator[SQLStore]:
    """A store with a session and an API key, which has no connection now."""
    store = SQLStore(create_engine(url_of(path), creator=servers.connect))
    start(store)
    add_key(store)
    store._database.dispose()
    servers.opened.clear()
    yield store
    store.close()


ASK: dict[str, Callable[[SQLStore], object]] = {
    "find_session": lambda store: store.find_session("session"),
    "list_sessions": lambda store: store.list_sessions("alice", cursor=None, limit=1),
    "read_epoch": lambda store: store.read_epoch("alice"),
    "is_revoked": lambda store: store.is_revoked(token_id=None, session_id=None, user_id="alice", epoch=0),
    "purge": lambda store: store.purge(),
    "longest_leeway": lambda store: store.longest_leeway(),
    "longest_lifetime": lambda store: store.longest_lifetime(),
    "create": lambda store: store.create(),
    "find_api_key": find_key,
    "list_api_keys": list_keys,
    "find_reference_token": has_reference_token,
}
WRITE: dict[str, Callable[[SQLStore], object]] = {
    "start_session": lambda store: start(store, "other"),
    "redeem": lambda store: store.redeem("session", generation=0, terms=TERMS),
    "end_session": lambda store: store.end_session("session", retention=DAY),
    "add_api_key": lambda store: add_key(store, "other"),
    "revoke_api_key": lambda store: store.revoke_api_key(id_for("key"), retention=DAY),
    "note_uses_of_api_keys": lambda store: store.note_uses_of_api_keys({id_for("key"): DAY}),
    "add_reference_token": lambda store: store.add_reference_token(token_of("other")),
    "revoke_user": lambda store: store.revoke_user("alice", retention=DAY, api_keys=False),
    "spend": spend,
}
ALL = ASK | WRITE


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_answer_of_a_replica_is_an_outage(store: SQLStore, servers: Servers, name: str) -> None:
    servers.roles = ["replica"] * 9

    with pytest.raises(NotPrimary, match=REPLICA):
        ALL[name](store)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_replica_is_asked_twice_at_most(store: SQLStore, servers: Servers, name: str) -> None:
    servers.roles = ["replica"] * 9

    with pytest.raises(NotPrimary):
        ALL[name](store)

    assert len(servers.opened) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_no_connection_to_a_replica_stays_open(store: SQLStore, servers: Servers, name: str) -> None:
    servers.roles = ["replica"] * 9

    with pytest.raises(NotPrimary):
        ALL[name](store)

    assert not any(map(is_open, servers.opened))


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_new_connection_to_the_primary_is_used(store: SQLStore, servers: Servers, name: str) -> None:
    servers.roles = ["replica", "primary"]

    ALL[name](store)

    assert [is_open(connection) for connection in servers.opened] == [False, True]


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITE)
def test_nothing_is_written_to_a_replica(path: Path, store: SQLStore, servers: Servers, name: str) -> None:
    servers.roles = ["replica"] * 9
    query = (
        "SELECT session_id, generation, ended_at FROM tokenauth_session UNION SELECT 1, 2, 3 FROM tokenauth_user_epoch"
        " UNION SELECT key_id, last_used_at, revoked_at FROM tokenauth_api_key"
        " UNION SELECT token_id, 4, 5 FROM tokenauth_reference_token UNION SELECT spent_id, 6, 7 FROM tokenauth_spent"
    )
    before = execute(path, query)

    with pytest.raises(NotPrimary):
        WRITE[name](store)

    assert execute(path, query) == before


def test_idle_connections_to_a_server_that_became_a_replica_are_closed(store: SQLStore, servers: Servers) -> None:
    servers.roles = ["primary", "replica", "primary"]
    connections = store._database.connections
    with connections.for_requests.taken(longest_wait=0):
        idle = store._database._connect(connections)
        other = store._database._connect(connections)  # the replica
        idle.close()
        other.close()
    assert [is_open(connection) for connection in servers.opened] == [True, True]

    for _ in range(2):  # the pool lends the connections in turn
        store._database.read(PrimaryRead(Replicated(), select(epochs.c.epoch)).fetch)

    assert [is_open(connection) for connection in servers.opened] == [False, False, True]


def test_a_replica_is_an_outage_for_callers() -> None:
    assert issubclass(NotPrimary, StoreUnavailable)


@pytest.mark.slow
@pytest.mark.parametrize("name", ASK)
def test_a_replica_is_known_even_if_nothing_is_found(path: Path, store: SQLStore, servers: Servers, name: str) -> None:
    """An empty answer of a replica would accept a token that was revoked."""
    for table in "session", "user_epoch", "revocation", "api_key", "reference_token":
        execute(path, f"DELETE FROM tokenauth_{table}")
    servers.roles = ["replica"] * 9

    with pytest.raises(NotPrimary):
        ASK[name](store)


def test_a_file_is_always_a_primary() -> None:
    check_role(SQLITE.is_primary, 0)


def test_threads_that_read_at_once_do_not_look_for_the_columns_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = PrimaryRead(SQLITE, select(epochs.c.epoch))

    monkeypatch.setattr(FromClause, "_setup_collections", None)

    assert "epoch" in str(read._statement)
