"""Revocations since a cursor, from PostgreSQL: late commits, foreign transactions, and IDs of other servers."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql.postgresql import feed
from flask_tokenauth.testing.store_contract.kit import RETENTION, at_once
from flask_tokenauth.testing.store_contract.revocation_pages import revoke

from ....engines.server import Server
from ...server_kit import Poller, execute, prepared_store, revoking

MANY = 1000
INSERT = "INSERT INTO tokenauth_revocation (id, transaction_id, kind, subject, expires_at) VALUES (%s, %s, 't', %s, %s)"
LATER = 4_000_000_000_000
HUGE = 10**15  # the ID of a transaction that is not to come for a long time


@pytest.fixture(scope="module", params=["postgresql_18", "postgresql_15"])
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
def poller(store: SQLStore) -> Poller:
    """Return a reader that has loaded all."""
    poller = Poller(store)
    poller.poll()
    return poller


def revoke_many(store: SQLStore, prefix: str, poller: Poller) -> list[str]:
    """Revoke many tokens in four threads, poll now and then, and return the tokens."""

    def work(index: int) -> list[str]:
        subjects = [f"{prefix}-{index}-{number}" for number in range(MANY // 4)]
        for number, subject in enumerate(subjects):
            revoke(store, subject)
            if index == 0 and number % 10 == 0:
                poller.poll()
        return subjects

    return [subject for subjects in at_once(4, work) for subject in subjects]


@pytest.mark.parametrize("cursor", ["", "1 2 3", "1 2 x y  z 0 0", "1 2 3:4: 5.6  3:4 0 0", "1 2 3:4: 5.-6   0 0"])
def test_a_string_that_is_no_cursor_wants_a_reload(cursor: str) -> None:
    assert feed._Cursor.parse(cursor) is None


@pytest.mark.once
@pytest.mark.slow
def test_a_revocation_whose_commit_is_held_across_many_others_comes_once(store: SQLStore, poller: Poller) -> None:
    with revoking(store, "held") as transaction:
        others = revoke_many(store, "other", poller)
        poller.poll()
        assert poller.statements == 2
        assert poller.came == dict.fromkeys(others, 1)
        transaction.exec_driver_sql("COMMIT")
    poller.poll()

    assert poller.came == dict.fromkeys([*others, "held"], 1)
    poller.poll()
    assert poller.statements == 1
    assert poller.came.total() == MANY + 1


@pytest.mark.once
@pytest.mark.slow
def test_a_foreign_transaction_loses_and_repeats_nothing(
    server: Server, database: str, store: SQLStore, poller: Poller
) -> None:
    """It holds the oldest transaction of all snapshots, while some revocations are committed after a poll."""
    with server.connect(database) as foreign, ExitStack() as stack:
        foreign.execute("SELECT pg_current_xact_id()")
        first = revoke_many(store, "first", poller)
        late = [stack.enter_context(revoking(store, f"late{number}")) for number in range(2)]
        rolled_back = stack.enter_context(revoking(store, "rolled back"))
        second = revoke_many(store, "second", poller)
        poller.poll()
        assert poller.came == dict.fromkeys([*first, *second], 1)
        late[0].exec_driver_sql("COMMIT")
        rolled_back.exec_driver_sql("ROLLBACK")
        poller.poll()
        assert poller.statements == 3  # two pages
        late[1].exec_driver_sql("COMMIT")
        poller.poll()
        foreign.rollback()
    poller.poll()

    assert poller.came == dict.fromkeys([*first, *second, "late0", "late1"], 1)


@pytest.mark.once
@pytest.mark.slow
def test_a_revocation_in_a_savepoint_comes_after_a_late_commit(store: SQLStore, poller: Poller) -> None:
    with revoking(store, "inner", "SAVEPOINT one", "SAVEPOINT two") as transaction:
        transaction.exec_driver_sql("RELEASE one")
        revoke(store, "other")
        poller.poll()
        transaction.exec_driver_sql("COMMIT")
    poller.poll()

    assert poller.came == {"other": 1, "inner": 1}


@pytest.mark.once
@pytest.mark.slow
def test_a_late_commit_is_seen_by_a_reader_of_small_pages(
    store: SQLStore, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "NEWS", 3)
    with revoking(store, "held") as transaction:
        others = revoke_many(store, "other", poller)
        transaction.exec_driver_sql("COMMIT")
    poller.poll()

    assert set(poller.came) == {*others, "held"}
    assert poller.came["held"] == 1
    poller.poll()
    assert poller.statements == 1


@pytest.mark.once
@pytest.mark.slow
def test_rows_of_transactions_that_are_to_come_are_in_the_first_load_alone(
    server: Server, database: str, store: SQLStore
) -> None:
    """A server whose transactions had higher IDs has written them."""
    revoke(store, "a", "b")
    execute(server, database, "UPDATE tokenauth_revocation SET transaction_id = transaction_id + %s", HUGE)
    poller = Poller(store)

    poller.poll()
    poller.poll()
    assert poller.statements == 1
    revoke(store, "c")
    for _ in range(3):
        poller.poll()

    assert poller.came == {"a": 1, "b": 1, "c": 1}
    assert poller.statements == 1


@pytest.mark.once
@pytest.mark.slow
def test_rows_of_transactions_of_long_ago_are_loaded_and_later_ones_come(
    server: Server, database: str, store: SQLStore
) -> None:
    """A server whose transactions had lower IDs has written them."""
    revoke(store, "a")
    execute(server, database, "UPDATE tokenauth_revocation SET transaction_id = 1")
    poller = Poller(store)

    poller.poll()
    revoke(store, "b")
    poller.poll()

    assert poller.came == {"a": 1, "b": 1}


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("first", ["SELECT 1", "SELECT pg_current_xact_id()"], ids=["", "an older one is open"])
@pytest.mark.parametrize("known", [[], ["known"]])
def test_a_row_of_a_transaction_that_was_over_wants_a_reload(
    server: Server, database: str, store: SQLStore, known: list[str], first: str
) -> None:
    """A machine that was set back uses the IDs of transactions twice, and the server has not been restarted.

    A crash of one process of the server may do the same.
    """
    revoke(store, *known)
    with server.connect(database) as foreign:
        foreign.execute(first)
        [(old,)] = execute(server, database, "SELECT pg_current_xact_id()::text::bigint")
        poller = Poller(store)
        poller.poll()

        execute(server, database, INSERT, 1, old, "a", LATER)
        revoke(store, "b")
        poller.poll()

    assert {"a", "b"} <= set(poller.came)
    assert poller.reloads == 1


@pytest.mark.once
@pytest.mark.slow
def test_a_copy_from_a_server_with_more_transactions_wants_a_reload(
    server: Server, database: str, store: SQLStore, poller: Poller
) -> None:
    """Its rows are those of transactions that are to come here, and the ID of the store may be the same."""
    execute(server, database, INSERT, 1, HUGE, "a", LATER)
    poller.poll()
    assert (poller.came, poller.reloads) == ({"a": 1}, 1)
    execute(server, database, INSERT, 2, HUGE + 1, "b", LATER)
    poller.poll()

    assert (poller.came, poller.reloads) == ({"a": 2, "b": 1}, 2)
    poller.poll()
    assert (poller.statements, poller.reloads) == (1, 2)


@pytest.mark.once
@pytest.mark.slow
def test_another_store_without_revocations_wants_a_reload(
    server: Server, database: str, store: SQLStore, poller: Poller
) -> None:
    execute(server, database, "UPDATE tokenauth_store SET value = 'another' WHERE name = 'store_id'")

    poller.poll()

    assert poller.reloads == 1


@pytest.mark.once
@pytest.mark.slow
def test_copied_rows_that_are_gone_change_nothing(server: Server, database: str, store: SQLStore) -> None:
    execute(server, database, INSERT, 1, HUGE, "a", LATER)
    poller = Poller(store)
    poller.poll()
    execute(server, database, "DELETE FROM tokenauth_revocation")

    revoke(store, "b")
    poller.poll()

    assert (poller.came, poller.reloads) == ({"a": 1, "b": 1}, 0)


@pytest.mark.once
@pytest.mark.slow
def test_a_revocation_that_seems_to_be_expired_is_fetched_by_a_reader_that_has_loaded_all(
    server: Server, database: str, store: SQLStore, poller: Poller
) -> None:
    """The clock of the server may be ahead for a moment."""
    store.revoke(Revocation(kind="token", subject="a", expires_at=1))

    poller.poll()

    assert poller.came == {"a": 1}
    assert store.revocations_since(None).entries == ()


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "kind = 'x'",
        "subject = ''",
        "subject = E'a\\n'",
        "value = -1",
        "value = 9223372036854775807",
        "expires_at = 9223372036854775807",
    ],
)
def test_a_row_that_is_garbage_is_an_outage(server: Server, database: str, store: SQLStore, change: str) -> None:
    cursor = store.revocations_since(None).cursor
    revoke(store, "a", "b")
    execute(server, database, f"UPDATE tokenauth_revocation SET {change} WHERE subject = 'a'")

    for asked in cursor, None:
        with pytest.raises(StoreUnavailable):
            store.revocations_since(asked)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Kiritimati"])
def test_the_time_zone_of_the_server_changes_no_page(server: Server, database: str, store: SQLStore, zone: str) -> None:
    revoke(store, "a")
    cursor = store.revocations_since(None).cursor
    execute(server, database, f"ALTER DATABASE {database} SET TimeZone = '{zone}'")
    again = SQLStore(server.url(database))

    page = again.revocations_since(cursor)
    epoch = again.revoke_user("alice", retention=RETENTION, api_keys=False)
    again.close()

    assert page.cursor is not None
    assert page == RevocationPage(cursor=page.cursor)
    assert abs(epoch - store.revoke_user("bob", retention=RETENTION, api_keys=False)) < 60_000
