"""Revocations since a cursor, from MariaDB: the head, which keeps numbers in the order of the commits."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import column, literal
from sqlalchemy.dialects import mysql

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.records.session import Outcome, Terms
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql.mysql.dialect import MYSQL
from flask_tokenauth.testing.store_contract.kit import RETENTION, TERMS, at_once, start
from flask_tokenauth.testing.store_contract.revocation_pages import revoke

from ....engines.mariadb import MariaDB, zone_that_changes
from ....engines.server import PATIENCE
from ....waiting import wait_until
from ...server_kit import Poller, execute, prepared_store, revoking

MANY = 1000
SHORT = Terms(idle_lifetime=TERMS.idle_lifetime, retry_window=timedelta(minutes=5), retention=RETENTION)
HEAD = "WHERE name = 'last_revocation'"
# Not information_schema.innodb_trx: it shows what was there before, if it is asked again within 0.1 seconds.
WAITING = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO tokenauth_store %'"


@pytest.fixture
def prepared(mariadb: MariaDB) -> Iterator[tuple[str, SQLStore]]:
    with prepared_store(mariadb) as prepared:
        yield prepared


@pytest.fixture
def database(prepared: tuple[str, SQLStore]) -> str:
    return prepared[0]


@pytest.fixture
def store(prepared: tuple[str, SQLStore]) -> SQLStore:
    return prepared[1]


@pytest.fixture
def poller(store: SQLStore) -> Poller:
    """Return a reader that has loaded all."""
    poller = Poller(store)
    poller.poll()
    return poller


def numbers(server: MariaDB, database: str) -> list[int]:
    return [number for (number,) in execute(server, database, "SELECT id FROM tokenauth_revocation ORDER BY id")]


def test_a_number_is_taken_even_if_the_head_was_lost() -> None:
    take_number, _ = MYSQL.insert_revocation({"kind": literal("t")}, column("known"))

    statement = str(take_number.compile(dialect=mysql.dialect()))  # type: ignore[attr-defined]
    assert statement.startswith("INSERT INTO tokenauth_store")
    assert "ON DUPLICATE KEY UPDATE number" in statement


@pytest.mark.once
@pytest.mark.slow
def test_nothing_is_skipped_while_a_writer_holds_the_head(mariadb: MariaDB, store: SQLStore, poller: Poller) -> None:
    def all_wait() -> bool:
        poller.poll()
        return mariadb.execute(WAITING) == [(4,)]

    with ThreadPoolExecutor(4) as pool, revoking(store, "held") as transaction:
        waiting = [pool.submit(revoke, store, f"waiting{number}") for number in range(4)]
        wait_until(all_wait)
        assert poller.came == {}
        transaction.exec_driver_sql("COMMIT")
        for future in waiting:
            future.result(PATIENCE)
    poller.poll()

    assert poller.came == dict.fromkeys(["held", *(f"waiting{number}" for number in range(4))], 1)


@pytest.mark.once
@pytest.mark.slow
def test_a_number_that_was_rolled_back_is_used_by_the_next_revocation(
    mariadb: MariaDB, database: str, store: SQLStore, poller: Poller
) -> None:
    with revoking(store, "rolled back") as transaction:
        poller.poll()
        transaction.exec_driver_sql("ROLLBACK")
    revoke(store, "a")
    poller.poll()

    assert poller.came == {"a": 1}
    assert numbers(mariadb, database) == [1]


@pytest.mark.once
@pytest.mark.slow
def test_each_of_many_revocations_comes_once_while_others_are_rolled_back(store: SQLStore, poller: Poller) -> None:
    def work(index: int) -> None:
        for number in range(MANY // 4):
            revoke(store, f"{index}-{number}")
            if number % 10 == 0 and index == 0:
                poller.poll()
            if number % 10 == 0 and index == 1:
                with revoking(store, f"rolled back {number}") as transaction:
                    transaction.exec_driver_sql("ROLLBACK")

    at_once(4, work)
    poller.poll()

    assert poller.came == {f"{index}-{number}": 1 for index in range(4) for number in range(MANY // 4)}
    poller.poll()
    assert poller.statements == 1


@pytest.mark.once
@pytest.mark.slow
def test_a_head_that_is_behind_is_an_outage_that_names_the_row(
    mariadb: MariaDB, database: str, store: SQLStore
) -> None:
    revoke(store, "a", "b")
    cursor = store.revocations_since(None).cursor
    execute(mariadb, database, f"UPDATE tokenauth_store SET number = 1 {HEAD}")

    for asked in cursor, None:
        with pytest.raises(StoreUnavailable, match="last_revocation in tokenauth_store must not be below"):
            store.revocations_since(asked)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    "statement", [f"DELETE FROM tokenauth_store {HEAD}", f"UPDATE tokenauth_store SET number = NULL {HEAD}"]
)
@pytest.mark.parametrize("before", [[], ["a", "b"]])
def test_a_revocation_is_not_skipped_without_a_head(
    mariadb: MariaDB, database: str, store: SQLStore, statement: str, before: list[str]
) -> None:
    revoke(store, *before)
    poller = Poller(store)
    poller.poll()
    execute(mariadb, database, statement)

    revoke(store, "c", "d")
    poller.poll()

    assert poller.came == dict.fromkeys([*before, "c", "d"], 1)
    assert numbers(mariadb, database) == list(range(1, len(before) + 3))


@pytest.mark.once
@pytest.mark.slow
def test_a_number_that_is_used_again_without_a_head_wants_a_reload(
    mariadb: MariaDB, database: str, store: SQLStore
) -> None:
    """The newest row was purged, so the greatest number in the table is not the last one."""
    revoke(store, "a", "b")
    poller = Poller(store)
    poller.poll()
    execute(mariadb, database, "DELETE FROM tokenauth_revocation WHERE id = 2")
    execute(mariadb, database, f"DELETE FROM tokenauth_store {HEAD}")

    revoke(store, "c")
    poller.poll()

    assert poller.came["c"] == 1
    assert poller.reloads == 1


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "kind = 'x'",
        "kind = 'T'",
        "subject = ''",
        "subject = X'FF'",
        "subject = X'610A'",
        "value = -1",
        "value = 9223372036854775807",
        "expires_at = 9223372036854775807",
    ],
)
def test_a_row_that_is_garbage_is_an_outage(mariadb: MariaDB, database: str, store: SQLStore, change: str) -> None:
    cursor = store.revocations_since(None).cursor
    revoke(store, "a", "b")
    execute(mariadb, database, f"UPDATE tokenauth_revocation SET {change} WHERE subject = 'a'")

    for asked in cursor, None:
        with pytest.raises(StoreUnavailable):
            store.revocations_since(asked)


@pytest.mark.once
@pytest.mark.slow
def test_a_head_that_is_below_zero_is_an_outage(mariadb: MariaDB, database: str, store: SQLStore) -> None:
    cursor = store.revocations_since(None).cursor
    execute(mariadb, database, f"UPDATE tokenauth_store SET number = -1 {HEAD}")

    with pytest.raises(StoreUnavailable):
        store.revocations_since(cursor)


@pytest.mark.once
@pytest.mark.slow
def test_nothing_is_revoked_silently_if_the_head_is_the_greatest_number(
    mariadb: MariaDB, database: str, store: SQLStore
) -> None:
    execute(mariadb, database, f"UPDATE tokenauth_store SET number = {2**63 - 1} {HEAD}")

    with pytest.raises(StoreUnavailable):
        revoke(store, "a")


@pytest.mark.once
@pytest.mark.slow
def test_snapshot_isolation_of_the_server_stops_no_call(mariadb: MariaDB, database: str) -> None:
    mariadb.execute("SET GLOBAL innodb_snapshot_isolation = ON")
    store = SQLStore(mariadb.url(database))
    start(store)
    try:
        outcomes = at_once(16, lambda _: store.redeem("session", generation=0, terms=TERMS).outcome)
        at_once(16, lambda index: revoke(store, str(index)))
        at_once(16, lambda _: store.revoke_user("alice", retention=RETENTION, api_keys=False))
    finally:
        mariadb.execute("SET GLOBAL innodb_snapshot_isolation = DEFAULT")
    store.close()

    assert sorted(outcome.value for outcome in outcomes) == [Outcome.RETRIED.value] * 15 + [Outcome.SWAPPED.value]
    assert len(numbers(mariadb, database)) == 32


@pytest.mark.once
@pytest.mark.slow
def test_a_server_with_a_binary_log_of_mixed_format_loses_nothing(mariadb: MariaDB) -> None:
    mariadb.stop()
    mariadb.start("--log-bin=log", "--binlog-format=MIXED", "--server-id=7")
    try:
        with prepared_store(mariadb) as (_, store):
            poller = Poller(store)
            start(store)
            at_once(8, lambda index: revoke(store, str(index)))
            at_once(8, lambda _: store.end_session("session", retention=RETENTION))
            poller.poll()
    finally:
        mariadb.stop()
        mariadb.start()

    assert poller.came == dict.fromkeys([*map(str, range(8)), "session"], 1)


@pytest.mark.once
@pytest.mark.slow
def test_a_clock_that_goes_back_an_hour_moves_no_time(mariadb: MariaDB) -> None:
    now = mariadb.execute("SELECT UTC_TIMESTAMP()")[0][0].replace(microsecond=0)
    with mariadb.in_time_zone(zone_that_changes(now + timedelta(seconds=4))), prepared_store(mariadb) as (_, store):
        assert mariadb.execute("SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), SYSDATE())") == [(60,)]
        start(store)
        store.redeem("session", generation=0, terms=TERMS)
        before = store.revoke_user("bob", retention=RETENTION, api_keys=False)
        store.revoke(Revocation(kind="token", subject="a", expires_at=before + 1800_000))
        mariadb.execute(
            "BEGIN NOT ATOMIC WHILE TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), SYSDATE()) > 0 DO DO SLEEP(0.01);"
            " END WHILE; END"
        )
        after = store.revoke_user("carol", retention=RETENTION, api_keys=False)
        outcome = store.redeem("session", generation=0, terms=SHORT).outcome
        subjects = {entry.subject for entry in store.revocations_since(None).entries}

    assert before < after < before + 60_000
    assert outcome is Outcome.RETRIED
    assert subjects == {"a", "bob", "carol"}
