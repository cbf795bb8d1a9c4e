"""A server that is killed: nothing acknowledged is lost, and what its file lacks is said again by living workers."""

import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import RETENTION, is_live, is_revoked, outcome, redeem, start

from ....engines.redis import RedisServer
from ....waiting import wait_until
from ...storm_kit import ROUNDS, Reader, await_more, check, open_bound, seen_by, storm
from .worker import Worker

pytestmark = [pytest.mark.once, pytest.mark.slow]

PATIENT = timedelta(seconds=10)  # of a check that must not fail on a busy machine


def aof(server: RedisServer) -> Path:
    """Return the file to which a server appends."""
    return max((server.folder / "appendonlydir").glob("*.incr.aof"))


@pytest.fixture
def everysec(server: RedisServer) -> Iterator[RedisServer]:
    server.ask("CONFIG", "SET", "appendfsync", "everysec")
    yield server
    if server.process is None:  # a test has failed
        server.start()


@pytest.fixture
def worker(everysec: RedisServer, store: RedisStore) -> Iterator[Worker]:
    start(store)
    worker = Worker(everysec)
    yield worker
    worker.store.close()


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_nothing_acknowledged_is_lost_if_the_server_is_killed_and_processes_go_on(
    server: RedisServer, store: RedisStore, appendfsync: str
) -> None:
    """What a process has written is kept when it is killed; ``always`` is for machines that lose their power."""
    url = server.url()
    with Reader(open_bound(url, timeout=PATIENT)) as reader, storm(url) as processes:
        for _ in range(ROUNDS):
            await_more(processes)
            server.ask("CONFIG", "SET", "appendfsync", appendfsync)
            server.kill()
            server.start()
            await_more(processes)
            reader.check(seen_by(processes))
        assert [process.end() for process in processes] == [0] * len(processes)
        seen = seen_by(processes)
        reader.check(seen)
        reader.check_good(seen)

    check(store, seen)


def test_processes_that_are_killed_leave_sessions_and_revocations_that_agree(
    server: RedisServer, store: RedisStore
) -> None:
    with storm(server.url()) as processes:
        await_more(processes)
    seen = seen_by(processes)
    for process in processes:
        assert process.end() != 0

    check(store, seen)


def lose_tail(server: RedisServer, length: int) -> None:
    """Kill a server, cut its file to a length, as after a loss of power, and start it again."""
    server.kill()
    os.truncate(aof(server), length)
    server.start()


def test_a_revocation_that_the_file_lacks_is_said_again_by_a_worker_that_knew_it_and_the_log_tells_that(
    everysec: RedisServer, store: RedisStore, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    length = aof(everysec).stat().st_size
    store.end_session("session", retention=RETENTION)
    assert worker.is_refused("session")
    lose_tail(everysec, length)
    assert is_live(store)

    with caplog.at_level(logging.ERROR, logger="flask_tokenauth"):
        assert worker.poll("session") == [True, True]

    assert "the store has lost 1 revocations: they are written to it again" in caplog.text
    assert is_revoked(store)
    assert outcome(store) is Outcome.GONE


def test_a_refresh_that_the_file_lacks_goes_on_and_its_older_token_ends_the_session(
    everysec: RedisServer, store: RedisStore, worker: Worker
) -> None:
    length = aof(everysec).stat().st_size
    assert [outcome(store, generation) for generation in range(2)] == [Outcome.SWAPPED] * 2
    lose_tail(everysec, length)

    found = redeem(store, 2)

    assert (found.outcome, found.rolled_back) == (Outcome.SWAPPED, True)
    assert outcome(store, 0) is Outcome.REUSED
    assert worker.poll("session") == [True, True]


def test_a_worker_goes_on_during_an_outage_and_refuses_all_after_the_staleness(
    server: RedisServer, store: RedisStore
) -> None:
    start(store)
    store.end_session("session", retention=RETENTION)
    worker = Worker(server)
    server.kill()
    try:
        refused = [worker.is_refused(name) for name in ("session", "other")]
        with pytest.raises(StoreUnavailable, match="revocations were fetched .* ago: the connection was refused"):
            for _ in range(40):
                worker.is_refused("other")
    finally:
        server.start()

    assert refused == [True, False]
    worker.seconds += 10  # the pause after a failure is shorter
    assert worker.poll("session", "other") == [True, False] * 2
    worker.store.close()


def test_a_server_that_cannot_write_to_the_disk_refuses_writes(server: RedisServer, store: RedisStore) -> None:
    start(store)
    server.ask("CONFIG", "SET", "save", "900 1")
    server.folder.chmod(0o500)
    try:
        server.ask("BGSAVE")
        wait_until(lambda: server.ask("INFO", "persistence")["rdb_last_bgsave_status"] == "err")
        with pytest.raises(StoreUnavailable, match="cannot write its data to the disk, and refuses writes: free space"):
            outcome(store)
        assert is_live(store)
    finally:
        server.folder.chmod(0o700)
        server.ask("BGSAVE")
        wait_until(lambda: server.ask("INFO", "persistence")["rdb_last_bgsave_status"] == "ok")

    assert outcome(store) is Outcome.SWAPPED
