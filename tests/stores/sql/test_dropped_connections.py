"""Connections that a server, a pooler or an administrator ends: the next call succeeds. No restart is needed."""

import select
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import (
    add_key,
    find_key,
    has_reference_token,
    id_for,
    start,
    token_of,
)
from flask_tokenauth.testing.store_contract.spending import spend

from ...engines.mariadb import MariaDB
from ...engines.pgbouncer import PgBouncer
from ...engines.proxy import Proxy
from ...engines.server import PATIENCE, Program, Server
from ..calls import CALLS, DAY, TERMS, WRITES
from ..sqlite_kit import engine_of

End = Callable[[Server, Proxy, str], None]
ENDS: dict[str, End] = {
    "cut": lambda _, proxy, __: proxy.cut(),
    "reset": lambda _, proxy, __: proxy.cut(reset=True),
    "killed by an administrator": lambda server, _, database: end_sessions(server, database),
}


def end_sessions(server: Server, database: str) -> None:
    """End the connections to a database, as an administrator does."""
    if isinstance(server, MariaDB):
        server._end_sessions(database)
    else:
        server.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'")


def restart(server: Program) -> None:
    server.stop()
    server.start()


def crash(server: Server) -> None:
    server.kill()
    server.start()


def outcome_of(store: SQLStore, name: str) -> str:
    """Return the name of the error of a call, or "done"."""
    try:
        CALLS[name](store)
    except StoreUnavailable as error:
        return str(error)
    return "done"


@pytest.fixture
def proxied(proxy_url: str) -> Iterator[SQLStore]:
    store = SQLStore(proxy_url)
    yield store
    store.close()


def test_each_call_of_these_tests_succeeds_without_trouble(store: SQLStore) -> None:
    assert {name: outcome_of(store, name) for name in CALLS} == dict.fromkeys(CALLS, "done")


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_each_call_succeeds_after_all_connections_have_ended(
    server: Server, database: str, proxy: Proxy, proxied: SQLStore, end: End
) -> None:
    found = {}

    for name in CALLS:
        proxied.find_session("session")
        end(server, proxy, database)
        found[name] = outcome_of(proxied, name)

    assert found == dict.fromkeys(CALLS, "done")


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("end", [restart, crash])
@pytest.mark.parametrize("name", ["is_revoked", "redeem", "revoke_user", "revocations_since"])
def test_a_call_succeeds_after_the_server_was_restarted(
    server: Server, server_store: SQLStore, end: Callable[[Server], None], name: str
) -> None:
    server_store.find_session("session")

    end(server)

    assert outcome_of(server_store, name) == "done"


@pytest.mark.dependencies
@pytest.mark.slow
def test_many_dead_connections_cost_one_retry(server: Server, database: str, server_store: SQLStore) -> None:
    """The pool has two idle connections, and one of the feed. After one error, none of them is used."""
    engine: Any = engine_of(server_store)
    connections = [engine.connect() for _ in range(3)]
    for connection in connections:
        connection.close()

    end_sessions(server, database)

    assert [outcome_of(server_store, "find_session") for _ in range(3)] == ["done"] * 3


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_server_that_stays_away_is_an_outage_until_it_is_back(server: Server, server_store: SQLStore) -> None:
    server_store.find_session("session")
    server.stop()
    try:
        found = {name: outcome_of(server_store, name) for name in CALLS}
    finally:
        server.start()

    assert "done" not in found.values()
    assert {name: outcome_of(server_store, name) for name in CALLS} == dict.fromkeys(CALLS, "done")


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_connection_that_was_idle_for_too_long_is_replaced(server: Server, server_store: SQLStore) -> None:
    """PostgreSQL sends an error before it ends the connection. The next statement gets it."""
    limit = "wait_timeout = 1" if isinstance(server, MariaDB) else "idle_session_timeout = '200ms'"
    engine, opened = engine_of(server_store), list[Any]()

    def shorten(connection: Any, _: object) -> None:
        opened.append(connection)
        with connection.cursor() as cursor:
            cursor.execute(f"SET {limit}")

    server_store.close()
    event.listen(engine, "connect", shorten)
    server_store.create()
    assert select.select([connection_socket(opened[0])], [], [], PATIENCE)[0]

    assert outcome_of(server_store, "redeem") == "done"
    assert len(opened) > 1


def connection_socket(connection: Any) -> int:
    """Return the file descriptor of a connection of psycopg or PyMySQL."""
    number: int = (getattr(connection, "_sock", None) or connection).fileno()
    return number


@pytest.fixture
def lose_commit(proxied: SQLStore, proxy: Proxy) -> Iterator[None]:
    """Cut the connections when the server has answered the next COMMIT. The store does not get the answer."""
    engine, left = engine_of(proxied), ["COMMIT"]

    def cut() -> None:
        assert proxy.answers.held.wait(PATIENCE)
        proxy.cut()
        proxy.go_on()

    def stall_once(_: object, __: object, statement: str, *___: object) -> None:
        if statement in left:
            left.remove(statement)
            proxy.answers.stall()
            pool.submit(cut)

    with ThreadPoolExecutor() as pool:
        event.listen(engine, "before_cursor_execute", stall_once)
        yield
        event.remove(engine, "before_cursor_execute", stall_once)
    assert left == []


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.usefixtures("lose_commit")
def test_a_session_whose_commit_was_not_answered_is_not_adopted(proxied: SQLStore) -> None:
    with pytest.raises(StoreUnavailable, match="the connection to the database was lost while a session was stored"):
        start(proxied)

    assert start(proxied, "second").session.session_id == "second"


@pytest.mark.slow
@pytest.mark.usefixtures("lose_commit")
def test_an_api_key_whose_commit_was_not_answered_is_returned(proxied: SQLStore) -> None:
    """Only the caller has the key, and another call cannot have made one with its ID."""
    added = add_key(proxied, most=1)

    assert added is not None
    assert find_key(proxied) == added


@pytest.mark.slow
@pytest.mark.usefixtures("lose_commit")
def test_a_reference_token_whose_commit_was_not_answered_is_there(proxied: SQLStore) -> None:
    proxied.add_reference_token(token_of())

    assert has_reference_token(proxied)


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.usefixtures("lose_commit")
def test_an_id_whose_commit_was_not_answered_is_spent_by_its_call(proxied: SQLStore) -> None:
    assert spend(proxied)
    assert not spend(proxied)


@pytest.fixture
def keyed(proxied: SQLStore) -> None:
    add_key(proxied)


@pytest.mark.slow
@pytest.mark.usefixtures("keyed", "lose_commit")
def test_the_revocation_of_an_api_key_whose_commit_was_not_answered_is_reported(proxied: SQLStore) -> None:
    revoked = proxied.revoke_api_key(id_for("key"), retention=DAY)

    assert revoked is not None
    assert find_key(proxied) is None
    assert len(proxied.revocations_since(None).entries) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("keyed", "lose_commit")
def test_a_use_whose_commit_was_not_answered_is_kept(proxied: SQLStore) -> None:
    proxied.note_uses_of_api_keys({id_for("key"): DAY})

    found = find_key(proxied)
    assert found is not None
    assert found.last_used_at is not None


@pytest.fixture
def started(proxied: SQLStore) -> None:
    start(proxied)


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.usefixtures("started", "lose_commit")
def test_a_refresh_whose_commit_was_not_answered_gives_the_same_successor(proxied: SQLStore) -> None:
    redemption = proxied.redeem("session", generation=0, terms=TERMS)

    assert redemption.outcome is Outcome.RETRIED
    assert redemption.session is not None
    assert redemption.session.generation == 1


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.usefixtures("started", "lose_commit")
@pytest.mark.parametrize("name", ["end_session", "revoke_user"])
def test_a_revocation_whose_commit_was_not_answered_is_there(proxied: SQLStore, name: str) -> None:
    CALLS[name](proxied)

    assert proxied.is_revoked(token_id=None, session_id="session", user_id="alice", epoch=0)
    assert proxied.find_session("session") is None


@pytest.fixture
def refreshed_twice(proxied: SQLStore) -> None:
    start(proxied)
    for generation in range(2):
        proxied.redeem("session", generation=generation, terms=TERMS)


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.usefixtures("refreshed_twice", "lose_commit")
def test_reuse_whose_commit_was_not_answered_is_reported(proxied: SQLStore) -> None:
    redemption = proxied.redeem("session", generation=0, terms=TERMS)

    assert redemption.outcome is Outcome.REUSED
    assert redemption.session is not None


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.usefixtures("started", "lose_commit")
def test_the_end_of_a_session_whose_commit_was_not_answered_is_reported(proxied: SQLStore) -> None:
    session = proxied.end_session("session", retention=DAY)

    assert session is not None
    assert session.user_id == "alice"


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_a_pooler_that_was_restarted_costs_no_error(pgbouncer: PgBouncer) -> None:
    with pgbouncer.server.new_database() as database:
        store = SQLStore(pgbouncer.url(database))
        store.create()

        restart(pgbouncer)
        found = {name: outcome_of(store, name) for name in CALLS}
        store.close()

    assert found == dict.fromkeys(CALLS, "done")


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_commits_are_on_the_disk_although_the_role_says_otherwise(pgbouncer: PgBouncer) -> None:
    """Each transaction that writes sets synchronous_commit, also where a pooler gives it any connection."""
    server = pgbouncer.server
    with server.new_database() as database:
        server.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
        store = SQLStore(pgbouncer.url(database))
        seen: list[str] = []

        def ask(connection: Any, _: object, statement: str, *__: object) -> None:
            if statement == "COMMIT":
                seen.append(connection.connection.cursor().execute("SHOW synchronous_commit").fetchone()[0])

        event.listen(engine_of(store), "before_cursor_execute", ask)
        for call in WRITES.values():
            call(store)
        risks = store.inspection.find_risks(leeway=DAY, processes=None)
        store.close()

    assert set(seen) == {"on"}
    assert risks == []
