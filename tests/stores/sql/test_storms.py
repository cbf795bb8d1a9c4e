"""Servers and processes that are killed in a storm of sign-ins, refreshes, logouts and revocations lose nothing.

``TOKENAUTH_THOROUGH=1`` makes the storms longer.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.records.session import Outcome, Redemption, Terms
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import NO_WINDOW, RETENTION, TERMS, redeem, start

from ...engines.server import Server
from ..sqlite_kit import execute, url_of
from ..storm_kit import ROUNDS, Process, Reader, Seen, await_more, check, open_bound, seen_by, storm

# Two sessions of alice and one of bob. One of alice's has ended, and bob was revoked after his sign-in.
LINES = [
    "started laptop alice 0",
    "swapped laptop 0",
    "retried laptop 0",
    "swapped laptop 1",
    "started phone alice 0",
    "ending phone",
    "ended phone",
    "started desk bob 0",
    "raising bob",
    "revoked token 4000000000",
]

PATIENT = timedelta(seconds=20)


def written(*lines: str) -> list[str]:
    return [f"{line}\n" for line in lines]


@pytest.fixture
def seen(store: SQLStore) -> Seen:
    """Return all that the lines say. The store has it."""
    for session_id, user_id in {"laptop": "alice", "phone": "alice", "desk": "bob"}.items():
        start(store, session_id, user_id)
    for generation in range(2):
        redeem(store, generation, session_id="laptop")
    store.end_session("phone", retention=RETENTION)
    store.revoke(Revocation(kind="token", subject="token", value=4_000_000_000, expires_at=4_000_000_060_000))
    epoch = store.revoke_user("bob", retention=RETENTION, api_keys=False)
    return Seen.read(written(*LINES, f"raised bob {epoch}"))


def test_a_store_that_has_all_that_it_has_acknowledged_is_good(path: Path, store: SQLStore, seen: Seen) -> None:
    with Reader(open_bound(url_of(path))) as reader:
        check_with_feeds(url_of(path), reader, seen)

    assert store.find_session("laptop") is None


def test_a_swap_that_was_stored_and_not_acknowledged_is_good(store: SQLStore, seen: Seen) -> None:
    redeem(store, 2, session_id="laptop")

    check(store, seen)


def test_an_end_that_was_not_acknowledged_may_be_stored_or_not(store: SQLStore) -> None:
    start(store, "laptop")
    start(store, "phone")
    store.end_session("phone", retention=RETENTION)

    check(store, Seen.read(written("started laptop alice 0", "ending laptop", "started phone alice 0", "ending phone")))


def test_a_revocation_of_a_user_that_was_not_acknowledged_may_be_stored_or_not(store: SQLStore) -> None:
    start(store, "laptop", "alice")
    start(store, "phone", "bob")
    store.revoke_user("bob", retention=RETENTION, api_keys=False)

    check(store, Seen.read(written("started laptop alice 0", "started phone bob 0", "raising alice", "raising bob")))


def test_a_line_without_an_end_does_not_count() -> None:
    assert Seen.read(["started laptop alice 0"]).sessions == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE tokenauth_session SET ended_at = NULL WHERE session_id = 'phone'", "that had ended go on: .'phone'"),
        ("UPDATE tokenauth_session SET epoch = 9000000000000000", "that had ended go on: .'desk'"),
        ("DELETE FROM tokenauth_revocation WHERE kind = 's'", "revocations are lost: .*phone"),
        ("DELETE FROM tokenauth_revocation WHERE kind = 't'", "revocations are lost: .*'token'"),
        ("DELETE FROM tokenauth_revocation WHERE kind = 'u'", "revocations are lost: .*bob"),
        ("UPDATE tokenauth_user_epoch SET epoch = epoch - 1", "the epochs of users are lost: .'bob'"),
        ("DELETE FROM tokenauth_session WHERE session_id = 'laptop'", "sessions or their generations .*laptop"),
        ("UPDATE tokenauth_session SET generation = 1", "sessions or their generations .*laptop"),
        ("UPDATE tokenauth_session SET generation = 4", "sessions or their generations .*laptop"),
    ],
)
def test_a_loss_is_noticed(path: Path, store: SQLStore, seen: Seen, statement: str, message: str) -> None:
    execute(path, statement)

    with pytest.raises(AssertionError, match=message):
        check(store, seen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong_with", "outcome", "message"),
    [
        (TERMS, Outcome.GONE, "the last tokens do not work: .'laptop'"),
        (NO_WINDOW, Outcome.GONE, "an old token was accepted"),
        (NO_WINDOW, Outcome.REUSED, "sessions whose old token came again go on: .'laptop'"),
    ],
    ids=["of the last token", "of an old token", "without an end"],
)
def test_a_wrong_result_of_a_refresh_is_noticed(
    path: Path, seen: Seen, wrong_with: Terms, outcome: Outcome, message: str
) -> None:
    class Wrong(SQLStore):
        def redeem(self, session_id: str, *, generation: int, terms: Terms) -> Redemption:
            if terms is wrong_with:
                return Redemption(outcome=outcome)
            return super().redeem(session_id, generation=generation, terms=terms)

    with closing(Wrong(url_of(path))) as store, pytest.raises(AssertionError, match=message):
        check(store, seen)


@pytest.mark.parametrize("lines", [["swapped laptop 0"], ["raised alice 7", "raised alice 7"]])
def test_a_number_that_was_given_twice_is_noticed(lines: list[str]) -> None:
    with pytest.raises(AssertionError, match="twice"):
        Seen.read(written(*LINES, *lines)).check_numbers()


def test_a_wrong_answer_is_noticed() -> None:
    with pytest.raises(AssertionError, match="a process has seen a wrong answer: wrong laptop 3"):
        Seen.read(written("wrong laptop 3"))


def test_a_feed_that_believes_a_revoked_token_is_noticed(path: Path, seen: Seen) -> None:
    seen.tokens["other"] = 4_000_000_000

    with Reader(open_bound(url_of(path))) as reader, pytest.raises(AssertionError, match=r"are believed: .*'other'"):
        reader.check(seen)


def test_a_loss_of_revocations_that_a_feed_knows_is_noticed(path: Path, seen: Seen) -> None:
    with Reader(open_bound(url_of(path))) as reader:
        reader.check(seen)
        execute(path, "DELETE FROM tokenauth_revocation")
        execute(path, "UPDATE tokenauth_store SET value = 'other' WHERE name = 'store_id'")

        with pytest.raises(AssertionError, match="revocations that the feed knows are lost"):
            reader.check(seen)


@pytest.mark.slow
def test_a_feed_that_refuses_a_good_token_is_noticed(path: Path, store: SQLStore, seen: Seen) -> None:
    store.end_session("laptop", retention=RETENTION)

    with Reader(open_bound(url_of(path))) as reader:
        reader.check(seen)
        with pytest.raises(AssertionError, match=r"good tokens are refused: .*'laptop'"):
            reader.check_good(seen)


@pytest.fixture(params=["postgresql_18", "postgresql_15", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    with server.new_database() as database:
        yield server.url(database)


def check_with_feeds(url: str, reader: Reader, seen: Seen) -> None:
    """Check the store, a feed that has run all the time, and a new one. Sessions end here."""
    with Reader(open_bound(url, timeout=PATIENT)) as fresh:
        for feed in (reader, fresh):
            feed.check(seen)
            feed.check_good(seen)
    with closing(open_bound(url, timeout=PATIENT)) as store:
        check(store, seen)


def end(processes: list[Process]) -> None:
    assert [process.end() for process in processes] == [0] * len(processes)


@pytest.mark.once
@pytest.mark.slow
def test_nothing_acknowledged_is_lost_if_the_server_is_killed_and_processes_go_on(server: Server, url: str) -> None:
    with Reader(open_bound(url, timeout=PATIENT)) as reader, storm(url) as processes:
        for _ in range(ROUNDS):
            await_more(processes)
            server.kill()
            server.start()
            await_more(processes)
            reader.check(seen_by(processes))
        end(processes)

        check_with_feeds(url, reader, seen_by(processes))


@pytest.mark.once
@pytest.mark.slow
def test_nothing_acknowledged_is_lost_if_processes_are_killed(server: Server, url: str) -> None:
    killed: list[Process] = []
    with Reader(open_bound(url, timeout=PATIENT)) as reader:
        for number in range(ROUNDS):
            with storm(url, f"storm{number}") as processes:
                await_more(processes)
            killed += processes
            reader.check(seen_by(killed))

        check_with_feeds(url, reader, seen_by(killed))
