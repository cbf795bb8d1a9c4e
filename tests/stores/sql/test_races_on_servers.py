"""Many calls at once on database servers, deadlocks, and connections that are killed."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.core.store import LONGEST_SILENCE
from flask_tokenauth.stores.sql import SQLStore, numbered_feed, transactions
from flask_tokenauth.stores.sql.postgresql import feed as postgresql_feed
from flask_tokenauth.stores.sql.postgresql.dialect import POSTGRESQL
from flask_tokenauth.testing.store_contract.kit import (
    NO_WINDOW,
    RETENTION,
    TERMS,
    add_key,
    at_once,
    find_key,
    id_for,
    is_live,
    is_revoked,
    list_all,
    list_keys,
    redeem,
    start,
    token_of,
)
from flask_tokenauth.testing.store_contract.revocation_pages import revoke
from flask_tokenauth.testing.store_contract.spending import spend

from ...engines.mariadb import MariaDB
from ...engines.postgresql import PostgreSQL
from ...engines.server import PATIENCE, Server
from ...waiting import wait_until
from ..server_kit import Poller, execute, prepared_store, revocation_ager

pytestmark = pytest.mark.usefixtures("patient")

MOST = 3
THREADS = 32
ROUNDS = 5


@pytest.fixture(scope="module", params=["postgresql_18", "postgresql_15", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def prepared(server: Server) -> Iterator[tuple[str, SQLStore]]:
    with prepared_store(server) as prepared:
        yield prepared


@pytest.fixture
def database(prepared: tuple[str, SQLStore]) -> str:
    return prepared[0]


@pytest.fixture
def store(prepared: tuple[str, SQLStore]) -> SQLStore:
    return prepared[1]


@pytest.fixture
def stores(server: Server, database: str) -> Iterator[list[SQLStore]]:
    """Stores with connections of their own, as of four processes."""
    with ExitStack() as stack:
        stores = [SQLStore(server.url(database)) for _ in range(4)]
        for store in stores:
            stack.callback(store.close)
        yield stores


def sign_in_often(stores: list[SQLStore]) -> None:
    def work(index: int) -> None:
        for number in range(ROUNDS):
            start(stores[index % len(stores)], f"{index}-{number}", most=MOST)

    at_once(THREADS, work)


def test_postgresql_reads_what_was_committed_before_a_lock() -> None:
    connection: Any = Recorder()

    POSTGRESQL.begin(connection)

    assert connection.statements[0].startswith("BEGIN ISOLATION LEVEL READ COMMITTED;")


class Recorder:
    """Takes the place of a connection."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.exec_driver_sql = self.statements.append


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_many_sign_ins_of_one_user_leave_as_many_sessions_as_are_allowed(stores: list[SQLStore]) -> None:
    sign_in_often(stores)

    assert len(list_all(stores[0])) == MOST


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_the_usual_isolation_of_the_database_changes_no_sign_in(postgresql_18: PostgreSQL, isolation: str) -> None:
    with prepared_store(postgresql_18) as (database, store):
        execute(postgresql_18, database, f"ALTER DATABASE {database} SET default_transaction_isolation = '{isolation}'")
        store.close()  # its connections have the old default
        store.create()

        sign_in_often([store])

        assert len(list_all(store)) == MOST


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_calls_of_all_kinds_at_once_end_without_an_error_and_with_one_successor(stores: list[SQLStore]) -> None:
    for number in range(MOST):
        start(stores[0], f"first-{number}")
    known = [f"first-{number}" for number in range(MOST)]
    swapped: Counter[tuple[str, int]] = Counter()

    def sign_in(store: SQLStore, name: str) -> None:
        start(store, name, most=MOST)
        known.append(name)

    def refresh(store: SQLStore, session_id: str, generation: int) -> None:
        if redeem(store, generation, session_id=session_id, terms=NO_WINDOW).outcome is Outcome.SWAPPED:
            swapped[session_id, generation] += 1

    def work(index: int) -> None:
        store, choose = stores[index % len(stores)], random.Random(index)
        for number in range(20):
            session_id = choose.choice(known[-2 * MOST :])
            calls: list[Callable[[], object]] = [
                lambda name=f"{index}-{number}": sign_in(store, name),  # type: ignore[misc]
                lambda: store.end_session(session_id, retention=RETENTION),  # noqa: B023
                lambda: store.revoke_user("alice", retention=RETENTION, api_keys=False),
                store.purge,
                *[lambda: refresh(store, session_id, choose.randrange(3))] * 6,  # noqa: B023
            ]
            choose.choice(calls)()

    at_once(16, work)

    assert set(swapped.values()) == {1}


@pytest.mark.slow
def test_calls_about_api_keys_of_all_kinds_at_once_end_without_an_error(stores: list[SQLStore]) -> None:
    known = [f"first-{number}" for number in range(MOST)]
    for key in known:
        add_key(stores[0], key)
    revoked: Counter[str] = Counter()

    def add(store: SQLStore, key: str) -> None:
        add_key(store, key, most=MOST)
        known.append(key)

    def revoke_key(store: SQLStore, key: str) -> None:
        if store.revoke_api_key(id_for(key), retention=RETENTION):
            revoked[key] += 1

    def work(index: int) -> None:
        store, choose = stores[index % len(stores)], random.Random(index)
        for number in range(20):
            keys = choose.sample(known[-2 * MOST :], MOST)
            calls: list[Callable[[], object]] = [
                *[lambda key=f"{index}-{number}": add(store, key)] * 4,
                lambda: revoke_key(store, keys[0]),  # noqa: B023
                lambda: revoke(store, id_for(keys[1])),  # noqa: B023
                lambda: store.revoke_user("alice", retention=RETENTION, api_keys=True),
                lambda key=f"{index}-{number}": store.add_reference_token(token_of(key)),  # type: ignore[misc]
                lambda: spend(store, keys[2], left=-2 * LONGEST_SILENCE),  # noqa: B023
                store.purge,
                *[lambda: store.note_uses_of_api_keys({id_for(key): RETENTION for key in keys})] * 2,  # noqa: B023
            ]
            choose.choice(calls)()

    at_once(16, work)

    live = list_keys(stores[0])
    assert len(live) <= MOST
    assert set(revoked.values()) <= {1}
    assert not set(live) & {id_for(key) for key in revoked}


def kill_connection(server: Server, connection: Connection) -> None:
    """End a connection from another one, in the middle of its transaction."""
    is_postgresql = isinstance(server, PostgreSQL)
    ask, kill = (
        ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({}, 60000)")
        if is_postgresql
        else ("SELECT connection_id()", "KILL HARD CONNECTION {}")
    )
    server.execute(kill.format(connection.exec_driver_sql(ask).scalar_one()))


@pytest.fixture
def kill_before_feed(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that lets the next transactions end between the end of a session and its revocation."""
    insert = transactions.insert_revocation

    def kill_some(number: int) -> None:
        left = [None] * number

        def killed(connection: Connection, several: Any, values: Any) -> None:
            if left:
                left.pop()
                kill_connection(server, connection)
            insert(connection, several, values)

        monkeypatch.setattr(transactions, "insert_revocation", killed)

    return kill_some


def end(store: SQLStore) -> bool:
    return store.end_session("session", retention=RETENTION) is not None


def reuse(store: SQLStore) -> bool:
    return redeem(store, 0, terms=NO_WINDOW).outcome is Outcome.REUSED


ENDS = pytest.mark.parametrize("ended", [end, reuse])


@pytest.mark.slow
def test_an_api_key_is_revoked_although_the_connection_was_killed_before_the_revocation_was_written(
    store: SQLStore, kill_before_feed: Callable[[int], None]
) -> None:
    added = add_key(store)
    kill_before_feed(1)

    assert store.revoke_api_key(id_for("key"), retention=RETENTION) == added

    assert find_key(store) is None
    assert store.is_revoked(token_id=id_for("key"), session_id=None, user_id="alice", epoch=0)


@pytest.mark.slow
def test_a_crash_before_the_revocation_of_an_api_key_leaves_nothing_half_and_is_cured_by_a_retry(
    store: SQLStore, kill_before_feed: Callable[[int], None]
) -> None:
    added = add_key(store)
    poller = Poller(store)
    kill_before_feed(2)

    with pytest.raises(StoreUnavailable):
        store.revoke_api_key(id_for("key"), retention=RETENTION)
    assert find_key(store) == added

    assert store.revoke_api_key(id_for("key"), retention=RETENTION) == added
    poller.poll()
    assert (find_key(store), poller.came) == (None, {id_for("key"): 1})


@pytest.mark.slow
def test_a_crash_while_a_user_is_revoked_with_the_api_keys_leaves_nothing_half(
    store: SQLStore, kill_before_feed: Callable[[int], None]
) -> None:
    added = add_key(store)
    kill_before_feed(2)

    with pytest.raises(StoreUnavailable):
        store.revoke_user("alice", retention=RETENTION, api_keys=True)
    assert find_key(store) == added
    assert store.read_epoch("alice") == 0

    epoch = store.revoke_user("alice", retention=RETENTION, api_keys=True)
    assert find_key(store) is None
    entries = store.revocations_since(None).entries
    assert {(entry.kind, entry.value) for entry in entries} == {("user", epoch), ("api_keys", epoch)}


def start_and_swap(store: SQLStore) -> None:
    start(store)
    redeem(store, 0)


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
@ENDS
def test_a_session_is_ended_and_revoked_although_the_connection_was_killed_in_between(
    store: SQLStore, kill_before_feed: Callable[[int], None], ended: Callable[[SQLStore], bool]
) -> None:
    start_and_swap(store)
    kill_before_feed(1)

    assert ended(store)
    assert not is_live(store)
    assert is_revoked(store)


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
@ENDS
def test_a_crash_between_the_end_and_the_revocation_leaves_nothing_half_and_is_cured_by_a_retry(
    store: SQLStore, kill_before_feed: Callable[[int], None], ended: Callable[[SQLStore], bool]
) -> None:
    start_and_swap(store)
    poller = Poller(store)
    kill_before_feed(2)

    with pytest.raises(StoreUnavailable):
        ended(store)
    assert is_live(store)
    assert not is_revoked(store)

    assert ended(store)
    poller.poll()
    assert (is_live(store), poller.came) == (False, {"session": 1})


WAITING = {
    PostgreSQL: "SELECT count(*) FROM pg_locks WHERE NOT granted",
    # Not information_schema.innodb_trx: it shows what was there before, if it is asked again within 0.1 seconds.
    MariaDB: "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'UPDATE tokenauth_session %'",
}


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_a_deadlock_with_another_program_is_retried(server: Server, database: str, store: SQLStore) -> None:
    """The other one is no victim: it has written more, or waits for longer until it looks for a deadlock."""
    start(store, "old")
    execute(server, database, "CREATE TABLE other (number int)")
    first = {
        PostgreSQL: ["SET deadlock_timeout = '60s'", "BEGIN"],
        MariaDB: ["BEGIN", f"INSERT INTO other VALUES {', '.join(['(1)'] * 1000)}"],
    }[type(server)]
    with ThreadPoolExecutor() as pool, server._administer(database) as other, other.cursor() as cursor:  # type: ignore[attr-defined]
        for statement in first:
            cursor.execute(statement)
        cursor.execute("INSERT INTO tokenauth_user_epoch (user_id, epoch) VALUES ('mallory', 5)")
        cursor.execute("SELECT * FROM tokenauth_session WHERE session_id = 'old' FOR UPDATE")
        inserting = pool.submit(transaction_of_two_users, store)
        wait_until(lambda: server.execute(WAITING[type(server)]) == [(1,)])
        cursor.execute("INSERT INTO tokenauth_user_epoch (user_id, epoch) VALUES ('bob', 5)")
        cursor.execute("COMMIT")
        assert inserting.result(PATIENCE) > 1

    assert store.read_epoch("bob") > 5
    assert not is_live(store, "old")


def transaction_of_two_users(store: SQLStore) -> int:
    """Raise an epoch, end a session in the same transaction, and return how often it was run."""
    statements = store._tables.statements()
    runs: list[None] = []

    def work(connection: Connection) -> None:
        runs.append(None)
        connection.execute(statements.raise_epoch, {"of_user": "bob"})
        transactions.end(connection, statements, "old", RETENTION)

    store._database.write(work)
    return len(runs)


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_a_purge_of_the_newest_row_hides_no_later_revocation(server: Server, database: str, store: SQLStore) -> None:
    revoke(store, "a", "b")
    poller = Poller(store)
    poller.poll()
    revocation_ager(server, database)(LONGEST_SILENCE + timedelta(days=1))

    assert store.purge() == 2
    poller.poll()
    revoke(store, "c")
    poller.poll()

    assert poller.came == {"a": 1, "b": 1, "c": 1}


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_a_first_load_in_many_pages_misses_nothing_while_others_write_expire_and_purge(
    server: Server, database: str, stores: list[SQLStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbered_feed, "PAGE", 7)
    monkeypatch.setattr(postgresql_feed, "PAGE", 7)
    monkeypatch.setattr(postgresql_feed, "NEWS", 7)
    for number in range(200):
        revoke(stores[0], f"kept{number}", left=timedelta(minutes=number + 10))
        revoke(stores[0], f"over{number}", left=timedelta(milliseconds=100 * number))
    age, stop = revocation_ager(server, database), Event()
    age(LONGEST_SILENCE)
    execute(
        server, database, "UPDATE tokenauth_revocation SET expires_at = expires_at + %s WHERE subject LIKE %s",
        LONGEST_SILENCE // timedelta(milliseconds=1), "kept%",
    )  # fmt: skip

    def write() -> list[str]:
        written: list[str] = []
        while not stop.is_set():
            written.append(f"new{len(written)}")
            revoke(stores[1], written[-1])
        return written

    def disturb() -> None:
        while not stop.is_set():
            stores[2].purge()
            execute(server, database, "UPDATE tokenauth_revocation SET expires_at = expires_at + 1")

    pollers = [Poller(stores[3]) for _ in range(3)]
    with ThreadPoolExecutor(2) as pool:
        writing, disturbing = pool.submit(write), pool.submit(disturb)
        try:
            for poller in pollers:
                poller.poll()
        finally:
            stop.set()
        written = writing.result(PATIENCE)
        disturbing.result(PATIENCE)
    for poller in pollers:
        poller.poll()
        assert {f"kept{number}" for number in range(200)} | set(written) <= set(poller.came)


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_the_copied_data_of_a_server_that_was_stopped_let_readers_reload(server: Server) -> None:
    with prepared_store(server) as (_, store):
        revoke(store, "a")
        copy = server.backup_files()
        revoke(store, "b")
        poller = Poller(store)
        poller.poll()
        server.restore_files(copy)

        revoke(store, "c", "d", "e")
        poller.poll()

        assert poller.reloads == 1
        assert poller.came == {"a": 2, "b": 1, "c": 1, "d": 1, "e": 1}


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_a_redemption_is_repeated_until_the_end_of_the_window(server: Server, database: str, store: SQLStore) -> None:
    start_and_swap(store)
    window = TERMS.retry_window // timedelta(milliseconds=1)
    rotated = "UPDATE tokenauth_session SET rotated_at = rotated_at - %s"

    execute(server, database, rotated, window - 30_000)
    [(before,)] = execute(server, database, "SELECT rotated_at FROM tokenauth_session")
    assert redeem(store, 0).outcome is Outcome.RETRIED
    assert execute(server, database, "SELECT rotated_at FROM tokenauth_session") == [(before,)]
    execute(server, database, rotated, 30_000)
    assert redeem(store, 0).outcome is Outcome.REUSED
    assert not is_live(store)
