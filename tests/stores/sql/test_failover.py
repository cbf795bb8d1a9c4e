"""Replicas, demoted primaries and URLs with several hosts: an answer that may be old never counts."""

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token, login_required
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import start

from ...conftest import MakeApp, StandingClock, bearer
from ...engines.mariadb import MariaDB
from ...engines.postgresql import PostgreSQL
from ...engines.replica import Replica
from ...engines.server import Server
from ..calls import CALLS, DAY, READS, WRITES

REPLICA = "must be a primary, but it is a replica or read-only, so its answers may be old: connect to the primary"
READ_ONLY = re.compile(f"{REPLICA}|the server, or this user, may only read: connect to the primary")
STALENESS = timedelta(seconds=30)


def demote(server: Server) -> None:
    """Let the server accept reading alone."""
    if isinstance(server, MariaDB):
        server.set_read_only(True)
    else:
        assert isinstance(server, PostgreSQL)
        server.demote()


def promote(server: Server) -> None:
    """Let the server accept writes."""
    if isinstance(server, MariaDB):
        server.set_read_only(False)
    else:
        assert isinstance(server, PostgreSQL)
        server.promote()
        server.wait_for("NOT pg_is_in_recovery()")


@pytest.fixture
def demoted(server: Server, server_store: SQLStore) -> Iterator[None]:
    """A server that is demoted while the store is connected to it. At the end it is the primary again."""
    start(server_store)
    server_store.revocations_since(None)
    demote(server)
    yield
    promote(server)


def test_a_url_with_two_hosts_is_one_of_postgresql() -> None:
    pytest.importorskip("psycopg")
    store = SQLStore("postgresql://application@/tokens?host=one:5432&host=two:5432")

    assert store._database.dialect.name == "PostgreSQL"


def error_of(call: Callable[[SQLStore], object], store: SQLStore) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        call(store)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return str(caught.value)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.usefixtures("demoted")
def test_each_read_of_a_demoted_primary_is_refused(server_store: SQLStore) -> None:
    errors = {name: error_of(call, server_store) for name, call in READS.items()}

    assert [name for name, error in errors.items() if REPLICA not in error] == []


@pytest.mark.once
@pytest.mark.slow
def test_a_primary_that_was_made_read_only_is_refused(server: Server, database: str) -> None:
    """Another server may take its place, as after a switchover by logical replication."""
    if isinstance(server, MariaDB):
        pytest.skip("that is how a replica of MariaDB is known")
    server.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    store = SQLStore(server.url(database))

    errors = {name: error_of(call, store) for name, call in READS.items()}
    store.close()

    assert [name for name, error in errors.items() if REPLICA not in error] == []


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.usefixtures("demoted")
def test_each_write_to_a_demoted_primary_is_refused(server_store: SQLStore) -> None:
    errors = {name: error_of(call, server_store) for name, call in WRITES.items()}

    assert [name for name, error in errors.items() if not READ_ONLY.search(error)] == []


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.usefixtures("demoted")
def test_no_connection_to_a_demoted_primary_is_kept(server_store: SQLStore) -> None:
    error_of(READS["is_revoked"], server_store)

    engine: Any = server_store._database.connections.engine
    assert (engine.pool.checkedin(), engine.pool.checkedout()) == (0, 0)


@pytest.mark.once
@pytest.mark.slow
def test_a_store_goes_on_when_its_server_is_the_primary_again(server: Server, server_store: SQLStore) -> None:
    start(server_store)
    demote(server)
    try:
        error_of(READS["is_revoked"], server_store)
    finally:
        promote(server)

    for call in CALLS.values():
        call(server_store)


@pytest.mark.once
@pytest.mark.slow
def test_each_read_of_a_replica_is_refused(postgresql_replica: Replica) -> None:
    primary = postgresql_replica.primary
    with primary.new_database() as database:
        create(primary, database)
        postgresql_replica.catch_up()
        store = SQLStore(postgresql_replica.url(database))
        errors = {name: error_of(call, store) for name, call in READS.items()}
        store.close()

    assert [name for name, error in errors.items() if REPLICA not in error] == []


def create(server: Server, database: str) -> None:
    store = SQLStore(server.url(database))
    store.create()
    store.close()


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    "hosts",
    ["host=127.0.0.1:{0}&host=127.0.0.1:{1}", "host=127.0.0.1,127.0.0.1&port={0},{1}"],
    ids=["as SQLAlchemy writes them", "as PostgreSQL writes them"],
)
def test_the_primary_is_found_behind_a_replica(postgresql_replica: Replica, hosts: str) -> None:
    primary = postgresql_replica.primary
    with primary.new_database() as database:
        create(primary, database)
        postgresql_replica.catch_up()
        access = primary.url(database).partition("@")[0]
        store = SQLStore(f"{access}@/{database}?{hosts.format(postgresql_replica.port, primary.port)}")
        start(store)
        port = store._database.read(lambda connection: connection.exec_driver_sql("SHOW port").scalar())
        store.close()

    assert port == str(primary.port)


@pytest.mark.once
@pytest.mark.slow
def test_a_store_with_two_hosts_follows_a_failover(postgresql_replica: Replica) -> None:
    primary = postgresql_replica.primary
    with primary.new_database() as database:
        create(primary, database)
        postgresql_replica.catch_up()
        hosts = f"host=127.0.0.1:{primary.port}&host=127.0.0.1:{postgresql_replica.port}"
        store = SQLStore(f"{primary.url(database).partition('@')[0]}@/{database}?{hosts}")
        start(store)
        postgresql_replica.catch_up()
        primary.stop()
        try:
            postgresql_replica.promote()
            found = store.find_session("session")
            revoked = store.revoke_user("alice", retention=DAY, api_keys=False)
            is_revoked = store.is_revoked(token_id=None, session_id=None, user_id="alice", epoch=0)
        finally:
            store.close()
            primary.start()

    assert found is not None
    assert revoked > 0
    assert is_revoked


@pytest.fixture
def worker(make_app: MakeApp, clock: StandingClock, server: Server, database: str) -> Flask:
    """An application with one guarded route, which has loaded the revocations."""
    clock.now = time.time()  # tokens live by this clock, and revocations by that of the server
    auth = TokenAuth[str]()
    app = make_app(auth=auth, TOKENAUTH_STORE=server.url(database), TOKENAUTH_REVOCATION_MAX_STALENESS=STALENESS)
    app.add_url_rule("/", view_func=login_required(lambda: "in"))
    with app.app_context():
        auth.warm()
    return app


def issue(app: Flask) -> str:
    with app.app_context():
        return create_token("alice")


def decode(token: str) -> dict[str, str]:
    """Return the claims of a token that was just issued."""
    claims: dict[str, str] = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def statuses(app: Flask, *tokens: str) -> list[int]:
    """Return the status of a request with each token."""
    return [app.test_client().get("/", headers=bearer(token)).status_code for token in tokens]


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("reads", [0, 1], ids=["unnoticed before", "noticed before"])
def test_a_worker_of_a_demoted_primary_refuses_all_tokens_when_it_may_be_stale(
    server: Server, server_store: SQLStore, worker: Flask, reads: int
) -> None:
    good, revoked = issue(worker), issue(worker)
    feed = worker.extensions["tokenauth"].stored.feed
    server_store.revoke(
        Revocation(kind="token", subject=decode(revoked)["jti"], expires_at=int((time.time() + 3600) * 1000))
    )
    demote(server)
    try:
        feed.monotonic.now += reads * STALENESS.total_seconds() / 2
        statuses(worker, good)
        feed.monotonic.now += STALENESS.total_seconds()
        demoted = statuses(worker, good, revoked)
    finally:
        promote(server)
    feed.monotonic.now += STALENESS.total_seconds()

    assert demoted == [503, 503]
    assert statuses(worker, good, revoked) == [200, 401]
