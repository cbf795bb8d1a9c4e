"""The primary fails and Sentinel replaces it: calls fail clearly meanwhile, and the same store goes on afterwards."""

import re
from datetime import timedelta
from functools import partial

import pytest

from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import at_once, is_live, outcome, start

from ....conftest import ISSUER
from ....engines.sentinels import Sentinels
from ...calls import READS, WRITES
from .conftest import MakeWorker
from .kit import (
    HOUR,
    INTERVAL,
    STALENESS,
    delayed_failover,
    error_of,
    id_of_token,
    issue,
    limit_writes,
    pass_time,
    statuses,
    token_revocation,
)

pytestmark = [pytest.mark.once, pytest.mark.slow]

UNREACHABLE = re.compile(r"the connection was (refused|lost, or could not be opened): check the host and the port")
MOMENT = timedelta(milliseconds=1)
BRIEF = timedelta(seconds=3)  # of the calls that have to fail; the sentinels of a busy machine answer within it


@pytest.mark.usefixtures("patient")
def test_a_write_waits_for_the_end_of_a_failover(sentinels: Sentinels, sentinel_store: RedisStore) -> None:
    start(sentinel_store)
    sentinels.replica.await_primary(sentinels.primary)

    sentinels.primary.kill()
    swapped = outcome(sentinel_store)

    assert swapped is Outcome.SWAPPED
    assert is_live(sentinel_store)


def test_each_call_during_a_failover_says_what_is_wrong(
    sentinels: Sentinels, sentinel_store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, calls = zip(*(READS | WRITES).items(), strict=True)
    start(sentinel_store)
    sentinel_store.bind(ISSUER, timeout=BRIEF, lifetime=HOUR, leeway=timedelta(0))
    sentinel_store.create()
    limit_writes(monkeypatch, BRIEF.total_seconds())
    with delayed_failover(sentinels):
        sentinels.primary.kill()
        errors = at_once(len(calls), lambda index: error_of(partial(calls[index], sentinel_store)))

    assert [(name, error) for name, error in zip(names, errors, strict=True) if not UNREACHABLE.match(error)] == []


def test_a_worker_goes_on_until_it_may_be_stale(
    sentinels: Sentinels, sentinel_store: RedisStore, make_worker: MakeWorker
) -> None:
    worker = make_worker(sentinel_store)
    good, revoked = issue(worker), issue(worker)
    sentinel_store.revoke(token_revocation(id_of_token(revoked)))
    pass_time(worker, INTERVAL)
    assert statuses(worker, good, revoked) == [200, 401]
    sentinels.replica.await_primary(sentinels.primary)

    with delayed_failover(sentinels):
        sentinels.primary.kill()
        seen = []
        for duration in INTERVAL, STALENESS - INTERVAL - MOMENT, MOMENT:
            pass_time(worker, duration)
            seen.append(statuses(worker, good, revoked))
    pass_time(worker, STALENESS)

    assert seen == [[200, 401], [200, 401], [503, 503]]
    assert statuses(worker, good, revoked) == [200, 401]
