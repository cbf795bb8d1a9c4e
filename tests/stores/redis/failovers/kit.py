"""Helpers for tests in which servers fail: cut replicas, and an application that knows revocations."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import create_token
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.revocation.feed import RevocationFeed
from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.redis import RedisStore, servers

from ....conftest import ISSUER, bearer
from ....engines.cluster import Cluster
from ....engines.polling import poll
from ....engines.redis import ADMINISTRATORS_PASSWORD, RedisServer
from ....engines.sentinels import NAME, QUORUM, Sentinel, Sentinels
from ..kit import PREFIX

SHARED = f"{{{PREFIX}}}:about"  # a key of the revocations and of the numbers of users
INTERVAL, STALENESS = timedelta(seconds=1), timedelta(seconds=30)
HOUR = timedelta(hours=1)
PATIENT = timedelta(seconds=5)  # for a read, where a test is about no time limit


def open_store(servers: Any, *, wait: int = 0) -> RedisStore:
    """Return a store that is bound as the one of the application is.

    Args:
        servers: have the method ``url``.
        wait: the number of replicas that acknowledge a write.
    """
    url = servers.url()
    store = RedisStore(f"{url}{'&' if '?' in url else '?'}wait={wait}" if wait else url)
    store.bind(ISSUER, timeout=PATIENT, lifetime=HOUR, leeway=timedelta(0))
    return store


def limit_writes(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Change the time limit of writes."""
    monkeypatch.setattr(servers, "LONGEST_WRITE", seconds)


def error_of(call: Callable[[], object]) -> str:
    """Return the message of the outage that a call meets."""
    with pytest.raises(StoreUnavailable) as caught:
        call()
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return str(caught.value)


def cut(replica: RedisServer, primary: RedisServer) -> None:
    """Let a replica lose its primary. Later writes do not reach it."""
    replica.ask("CONFIG", "SET", "masterauth", "unknown")
    primary.ask("CLIENT", "KILL", "TYPE", "replica")
    poll(lambda: replica.ask("ROLE")[3] != b"connected", "for a replica that is cut off")


def heal(replica: RedisServer) -> None:
    """Let a replica find its primary again."""
    replica.ask("CONFIG", "SET", "masterauth", ADMINISTRATORS_PASSWORD)


def name_on(cluster: Cluster, key_of: Callable[[str], bytes], server: RedisServer) -> str:
    """Return a name whose key lies on a server of the cluster."""
    names = (f"name{number}" for number in count())
    return next(name for name in names if cluster.primary_of(cluster.slot_of(key_of(name))) is server)


def token_revocation(subject: str) -> Revocation:
    """Return the revocation of a token."""
    return Revocation(kind="token", subject=subject, expires_at=int((time.time() + 3600) * 1000))


def is_token_revoked(store: Store, token_id: str) -> bool:
    """Return whether a token is revoked by itself."""
    return store.is_revoked(token_id=token_id, session_id=None, user_id="stranger", epoch=0)


def feed_of(app: Flask) -> RevocationFeed:
    """Return the revocations that an application knows."""
    feed: RevocationFeed = app.extensions["tokenauth"].stored.feed
    return feed


def pass_time(app: Flask, duration: timedelta) -> None:
    """Move the clock of the revocations forward."""
    monotonic: Any = feed_of(app).monotonic
    monotonic.now += duration.total_seconds()


def issue(app: Flask, user_id: str = "alice") -> str:
    """Return an access token."""
    with app.app_context():
        return create_token(user_id)


def id_of_token(token: str) -> str:
    """Return the ID of a token that was just issued."""
    claims: dict[str, str] = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims["jti"]


def statuses(app: Flask, *tokens: str) -> list[int]:
    """Return the status of a request with each token."""
    return [app.test_client().get("/", headers=bearer(token)).status_code for token in tokens]


@contextmanager
def delayed_failover(sentinels: Sentinels) -> Iterator[None]:
    """Let the sentinels replace the primary, which the block kills, after the block. Return when they have done it."""
    first, *others = sentinels.sentinels
    replica = sentinels.replica
    _set_votes(len(sentinels.sentinels) + 1, *sentinels.sentinels)
    try:
        yield
        _set_votes(QUORUM, first)  # it alone wants to replace the primary: else they may not agree for seconds
        sentinels.await_failover(replica)
    finally:
        _set_votes(QUORUM, first, *others)


def _set_votes(number: int, *sentinels: Sentinel) -> None:
    for sentinel in sentinels:
        sentinel.ask("SENTINEL", "SET", NAME, "quorum", number)
