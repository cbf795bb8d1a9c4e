"""The feed of a process over the store on a real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.core.revocation.feed import RevocationFeed
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import (
    RETENTION,
    add_key,
    find_key,
    has_reference_token,
    id_for,
    token_of,
)

from ....engines.redis import RedisServer
from ...storm_kit import PATIENCE
from .conftest import bind
from .worker import Worker

pytestmark = [pytest.mark.once, pytest.mark.slow]


def test_a_key_that_was_read_before_its_revocation_and_remembered_after_it_is_refused(
    server: RedisServer, store: RedisStore
) -> None:
    add_key(store)
    worker = Worker(server)
    remembered = find_key(worker.store)
    store.revoke_api_key(id_for("key"), retention=RETENTION)
    worker.poll("session")

    assert remembered is not None
    assert worker.feed.is_api_key_revoked(remembered.id, user_id=remembered.user_id, key_epoch=remembered.key_epoch)
    worker.store.close()


def test_a_reference_token_that_was_read_before_its_revocation_and_remembered_after_it_is_refused(
    server: RedisServer, store: RedisStore
) -> None:
    token = token_of()
    store.add_reference_token(token)
    worker = Worker(server)
    assert has_reference_token(worker.store)
    exp = token.expires_at // 1000
    store.revoke(Revocation(kind="token", subject=token.id, value=exp, expires_at=token.expires_at))
    worker.seconds += 1

    assert worker.feed.is_revoked(token_id=token.id, exp=exp, session_id=None, user_id="alice", epoch=0)
    worker.store.close()


@pytest.mark.parametrize("load", [True, False], ids=["load", "news"])
def test_the_parts_of_revocations_have_the_plain_types_that_take_little_memory(
    store: RedisStore, *, load: bool
) -> None:
    cursor = store.revocations_since(None).cursor
    store.revoke_user("alice", retention=RETENTION, api_keys=True)

    entries = store.revocations_since(None if load else cursor).entries

    assert {entry.kind for entry in entries} == {"user", "api_keys"}
    assert {(type(entry.subject), type(entry.value), type(entry.expires_at)) for entry in entries} == {(str, int, int)}


def test_one_thread_waits_for_a_slow_server_while_the_others_go_on(server: RedisServer) -> None:
    asked, go_on, seconds = Event(), Event(), [0.0]

    class Slow(RedisStore):
        def revocations_since(self, cursor: str | None) -> RevocationPage:
            if cursor is not None:
                asked.set()
                go_on.wait(PATIENCE)
            return super().revocations_since(cursor)

    with closing(bind(Slow(server.url()))) as store, ThreadPoolExecutor(8) as pool:
        feed = RevocationFeed(
            store,
            interval=timedelta(seconds=1),
            max_staleness=timedelta(seconds=30),
            monotonic=lambda: seconds[0],
        )
        feed.warm()
        seconds[0] = 0.9  # more than half an interval, and less than a whole one
        ask: Callable[[], Any] = lambda: feed.is_revoked(  # noqa: E731
            token_id="t", exp=4e9, session_id=None, user_id="alice", epoch=0
        )
        first = pool.submit(ask)
        assert asked.wait(PATIENCE)
        others = [pool.submit(ask).result(PATIENCE) for _ in range(7)]
        is_waiting = not first.done()
        go_on.set()

        assert first.result(PATIENCE) is False

    assert others == [False] * 7
    assert is_waiting
