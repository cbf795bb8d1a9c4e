"""A server that stands still: each call of the store ends within its time limit, and the store works afterwards."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from flask_tokenauth.stores.redis import RedisStore, feed, servers

from ....engines.proxy import STALLS, Proxy
from ....engines.redis import RedisServer
from ...calls import READS, WRITES
from ...conftest import Submit

pytestmark = [pytest.mark.once, pytest.mark.slow]

LIMIT = 0.1  # seconds of each call
TOLERANCE = 4.0  # seconds for a machine with much to do; without the limits, a call would not end
CALLS: dict[str, Callable[[Any], object]] = {**READS, **WRITES, "create": lambda store: store.create()}


@pytest.fixture
def proxy(submit: Submit, server: RedisServer) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


def outcomes(submit: Submit, store: RedisStore, proxy: Proxy, stall: Callable[[Proxy], None]) -> dict[str, set[str]]:
    """Return the exceptions of all calls during a stall, and after it."""
    found: dict[str, set[str]] = {"stalled": set(), "later": set()}
    for name, call in CALLS.items():
        if name == "create":
            store.close()  # else it asks nobody
        with pytest.MonkeyPatch.context() as patch:
            for module, limit in (servers, "LONGEST_WRITE"), (feed, "LONGEST_LOAD"):
                patch.setattr(module, limit, LIMIT)
            stall(proxy)
            error = submit(partial(call, store)).exception(LIMIT + TOLERANCE)
            found["stalled"].add(type(error).__name__)
        proxy.go_on()
        found["later"].add(type(submit(partial(call, store)).exception(TOLERANCE)).__name__)
    return found


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_each_call_ends_in_time_and_the_next_one_succeeds(
    submit: Submit, server: RedisServer, proxy: Proxy, stall: Callable[[Proxy], None]
) -> None:
    with closing(RedisStore(server.url().replace(f":{server.port}", f":{proxy.port}"))) as store:
        store.create()

        found = outcomes(submit, store, proxy, stall)

    assert found == {"stalled": {"StoreUnavailable"}, "later": {"NoneType"}}
