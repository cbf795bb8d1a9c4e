"""The scripts of the store, on a server where others may run scripts too."""

from collections.abc import Iterator

import pytest

from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import RETENTION, add_key, find_key, is_live, redeem, start
from flask_tokenauth.testing.store_contract.revocation_pages import revoke

from ...engines.redis import RedisServer

pytestmark = [pytest.mark.once, pytest.mark.slow]

REPLACE = """
getmetatable('').__index = function(_, name)
    return function() redis.call('SET', 'stolen', name) return redis.call('GET', 'stolen') end
end
return 1
"""
PUT_BACK = "getmetatable('').__index = string return 1"


@pytest.fixture
def server(redis_6: RedisServer) -> Iterator[RedisServer]:
    """A Redis 6.2 on which another user has replaced the methods of strings. Later versions refuse that."""
    redis_6.flush()
    redis_6.ask("EVAL", REPLACE, 0)
    yield redis_6
    redis_6.ask("EVAL", PUT_BACK, 0)


def test_no_script_runs_code_that_another_user_has_left_on_the_server(server: RedisServer) -> None:
    store = RedisStore(server.url())
    start(store)
    redeem(store)
    add_key(store)
    find_key(store)
    revoke(store, "a")
    store.revoke_user("bob", retention=RETENTION, api_keys=True)
    store.spend("ticket", expires_at=1)
    store.report_ring("ring")
    store.note_uses_of_api_keys({"key": RETENTION})
    page = store.revocations_since(None)
    store.revocations_since(page.cursor)
    store.end_session("session", retention=RETENTION)
    store.purge(force=True)
    store.close()

    assert not is_live(store)
    assert server.ask("EXISTS", "stolen") == 0
