"""Fixtures with servers that a test may kill. At its end, all of them are well again."""

import time
from collections.abc import Iterator
from typing import Protocol

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, login_required, token_response
from flask_tokenauth.stores.redis import RedisStore

from ....conftest import MakeApp, StandingClock
from ....engines.cluster import Cluster
from ....engines.redis import RedisServer
from ....engines.sentinels import Sentinels
from ....engines.server import PATIENCE
from .kit import INTERVAL, STALENESS, heal, limit_writes, open_store


class MakeWorker(Protocol):
    """Returns an application with a guarded route, which has loaded the revocations."""

    def __call__(self, store: RedisStore) -> Flask: ...


@pytest.fixture
def sentinels(redis_sentinels: Sentinels) -> Iterator[Sentinels]:
    """An empty primary with its replica, under sentinels."""
    redis_sentinels.flush()
    yield redis_sentinels
    _heal(redis_sentinels.servers)
    redis_sentinels.restore()


@pytest.fixture
def cluster(valkey_cluster: Cluster) -> Iterator[Cluster]:
    """An empty cluster."""
    valkey_cluster.flush()
    yield valkey_cluster
    _heal(valkey_cluster.servers)
    valkey_cluster.restore()


def _heal(used: list[RedisServer]) -> None:
    """Let all servers follow their primaries again: they keep their configuration, also what a test has changed."""
    for server in used:
        if server.is_paused:  # pragma: no cover  # a test has failed
            server.resume()
        if server.process is None:
            server.start()
        heal(server)


@pytest.fixture
def sentinel_store(sentinels: Sentinels) -> Iterator[RedisStore]:
    store = open_store(sentinels)
    yield store
    store.close()


@pytest.fixture
def cluster_store(cluster: Cluster) -> Iterator[RedisStore]:
    store = open_store(cluster)
    yield store
    store.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time limit of writes, so that they do not wait for the end of a failover."""
    limit_writes(monkeypatch, 0.5)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let writes wait for the end of a failover, however busy the machine is."""
    limit_writes(monkeypatch, PATIENCE)


@pytest.fixture
def make_worker(make_app: MakeApp, clock: StandingClock) -> MakeWorker:
    clock.now = time.time()  # tokens live by this clock, and revocations by that of the server

    def make(store: RedisStore) -> Flask:
        auth = TokenAuth[str]()
        app = make_app(
            auth=auth,
            TOKENAUTH_STORE=store,
            TOKENAUTH_REVOCATION_INTERVAL=INTERVAL,
            TOKENAUTH_REVOCATION_MAX_STALENESS=STALENESS,
        )
        app.register_blueprint(auth.endpoints)
        app.add_url_rule("/", view_func=login_required(lambda: "in"))
        app.add_url_rule("/login", view_func=lambda: token_response("alice"), methods=["POST"], endpoint="login")
        with app.app_context():
            auth.warm()
        return app

    return make
