"""Calls are repeated while servers fail, but not for ever."""

from collections.abc import Iterator
from socket import create_server

import pytest

pytest.importorskip("redis")

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.time_limit import time_limit
from flask_tokenauth.stores.redis import retries, shared_scripts
from flask_tokenauth.stores.redis.errors import SLOW, NotFound, is_timeout
from flask_tokenauth.stores.redis.sentinel import BySentinel
from flask_tokenauth.stores.redis.servers import Servers
from flask_tokenauth.stores.redis.source import read_source

from ....engines.server import LOCAL, find_port


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, which take no time here."""
    noted: list[float] = []
    monkeypatch.setattr("flask_tokenauth.stores.redis.retries.time.sleep", noted.append)
    return noted


def test_a_long_call_waits_for_a_failover_no_longer_than_other_reads(pauses: list[float]) -> None:
    servers = Servers(f"redis+sentinel://{LOCAL}:{find_port()}/primary")
    servers.timeout = 0.0

    with pytest.raises(StoreUnavailable, match="no sentinel has named a primary"):
        servers.run(shared_scripts.LOAD, [b"key"], longest=1)

    assert pauses == []


def test_an_error_that_says_more_than_that_the_time_is_over_is_the_one_that_is_told(pauses: list[float]) -> None:
    """The time often ends while a sentinel is asked where the primary is now."""
    failures = iter([ConnectionRefusedError(), NotFound("all have timed out", reason=SLOW)])

    def fail() -> None:
        raise next(failures, TimeoutError())

    with pytest.raises(ConnectionRefusedError), time_limit(0.005):
        retries.retry_while_passing(fail, may_change=True, longest=1)

    assert pauses == [0.0]


def test_a_search_that_no_server_has_answered_in_time_is_a_timeout() -> None:
    with create_server((LOCAL, 0)) as silent:
        source = read_source(f"redis+sentinel://{LOCAL}:{silent.getsockname()[1]}/primary")
        with pytest.raises(NotFound) as caught, time_limit(0.01):
            BySentinel(source).find([b"key"])

    assert is_timeout(caught.value)


def test_pauses_between_tries_grow_and_differ(pauses: list[float]) -> None:
    """Otherwise all threads of all workers would ask the sentinels 20 times a second, at the same moments."""
    for _ in range(2):
        failures = iter([ConnectionRefusedError()] * 8)

        def fail_at_first(failures: Iterator[Exception] = failures) -> None:
            for failure in failures:
                raise failure

        retries.retry_while_passing(fail_at_first, may_change=True, longest=10)

    first, second = pauses[:8], pauses[8:]
    assert first[0] == second[0] == 0
    assert first[1] <= 0.01
    assert 0.1 <= min(first[-3:]) <= max(first) <= 0.2
    assert first[1:] != second[1:]
