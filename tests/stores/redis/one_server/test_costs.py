"""Round trips of the usual calls, counted by the commands that the server has run."""

from collections.abc import Callable

import pytest

from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import RETENTION, is_live, is_revoked, outcome, start

from ....engines.redis import RedisServer
from .steps_kit import recorded

pytestmark = [pytest.mark.once, pytest.mark.slow]


def is_idle_poll(store: RedisStore) -> bool:
    cursor = store.revocations_since(None).cursor
    return store.revocations_since(cursor).entries == ()


def refreshes(store: RedisStore) -> bool:
    """Do what a refresh does: it finds the session before it redeems the token."""
    return is_live(store) and outcome(store) is Outcome.SWAPPED


def is_live_in_a_cluster(store: RedisStore) -> bool:
    """Find a session as in a cluster, where the session and the numbers of its user are in different slots."""
    store._keys.servers.is_cluster = True
    return is_live(store)


def ends(store: RedisStore) -> bool:
    return store.end_session("session", retention=RETENTION) is not None


@pytest.mark.parametrize(
    ("call", "scripts", "most"),
    [
        (refreshes, 2, 2),
        (is_live, 1, 1),
        (is_live_in_a_cluster, 2, 2),
        (lambda store: outcome(store) is Outcome.SWAPPED, 1, 1),
        (is_idle_poll, 2, 2),  # the first load and the poll, with one round trip each
        (lambda store: not is_revoked(store), 1, 1),
        (lambda store: store.read_epoch("alice") == 0, 1, 1),
        (ends, 2, 2),
    ],
    ids=["refresh", "find", "find in a cluster", "redeem", "load and poll", "look-up of a revocation", "epoch", "end"],
)
def test_a_call_costs_few_round_trips(
    server: RedisServer, store: RedisStore, call: Callable[[RedisStore], bool], scripts: int, most: int
) -> None:
    start(store)
    call(store)  # the server knows the scripts now
    server.flush()
    start(store)
    server.ask("CONFIG", "RESETSTAT")

    with recorded() as names:
        assert call(store)

    found = {name: stats["calls"] for name, stats in server.client().info("commandstats").items()}
    assert len(names) == scripts
    assert found["cmdstat_role"] == most  # once in each round trip
    assert "cmdstat_eval" not in found


def test_a_ring_that_was_reported_lately_is_not_written_again(server: RedisServer, store: RedisStore) -> None:
    reported = store.report_ring("ring")
    server.ask("CONFIG", "RESETSTAT")

    assert store.report_ring("ring") == reported
    assert "cmdstat_hset" not in server.client().info("commandstats")
