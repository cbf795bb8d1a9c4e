"""A server that loses its keys or its scripts while workers run: they notice it, and say again what they know."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.redis.servers import Servers
from flask_tokenauth.testing.store_contract.kit import (
    RETENTION,
    add_key,
    find_key,
    has_reference_token,
    is_live,
    is_revoked,
    list_all,
    outcome,
    start,
    token_of,
)

from ....engines.redis import RedisServer
from ...calls import READS, WRITES
from ..kit import dump, restore
from .conftest import bind
from .worker import Worker

pytestmark = [pytest.mark.once, pytest.mark.slow]

NEWS = "{tokenauth}:news"
OTHER = "https://other.example"
Call = Callable[[Any], object]
CALLS: dict[str, Call] = {**READS, **WRITES, "create": lambda store: store.create()}


@pytest.fixture
def workers(server: RedisServer, store: RedisStore) -> Iterator[list[Worker]]:
    """Two workers that know that a session has ended."""
    for name in "laptop", "phone":
        start(store, name)
    store.end_session("laptop", retention=RETENTION)
    workers = [Worker(server) for _ in range(2)]
    yield workers
    for worker in workers:
        worker.store.close()


def test_nobody_passes_who_was_revoked_before_all_keys_were_deleted(server: RedisServer, workers: list[Worker]) -> None:
    server.flush()

    assert [worker.poll("laptop", "phone") for worker in workers] == [[True, False] * 2] * 2


def test_a_worker_gives_the_store_its_revocations_again_and_the_log_tells_that(
    server: RedisServer, workers: list[Worker], store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    epoch = store.revoke_user("alice", retention=RETENTION, api_keys=True)
    workers[0].poll("laptop")
    server.flush()

    with caplog.at_level(logging.ERROR, logger="flask_tokenauth"):
        workers[0].poll("laptop")

    assert is_revoked(store, "laptop")
    assert store.read_epoch("alice") == epoch
    assert "the store has lost 3 revocations: they are written to it again" in caplog.text
    assert workers[0].feed.describe().lost_by_store == 0


def test_a_worker_that_knew_nothing_gets_what_another_one_has_given_again(
    server: RedisServer, workers: list[Worker]
) -> None:
    server.flush()
    workers[0].poll("laptop")

    new = Worker(server)

    assert new.is_refused("laptop")
    new.store.close()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_each_call_works_after_all_keys_were_deleted(server: RedisServer, store: RedisStore, call: Call) -> None:
    server.flush()

    call(store)

    assert server.ask("HGET", "{tokenauth}:about", "issuer") in (None, b"https://issuer.example")


def test_sessions_go_on_after_all_scripts_were_forgotten(server: RedisServer, workers: list[Worker]) -> None:
    store = workers[0].store
    for generation in range(3):
        server.ask("SCRIPT", "FLUSH")
        assert outcome(store, generation, session_id="phone") is Outcome.SWAPPED
    server.ask("SCRIPT", "FLUSH")

    assert [worker.poll("laptop", "phone") for worker in workers] == [[True, False] * 2] * 2


def test_another_issuer_that_comes_after_a_loss_is_refused(server: RedisServer, store: RedisStore) -> None:
    server.flush()
    assert store.read_epoch("alice") == 0

    with closing(bind(RedisStore(server.url()), OTHER)) as other, pytest.raises(SettingsError) as caught:
        other.read_epoch("alice")

    assert "another issuer" in str(caught.value)
    assert str(caught.value).endswith(". Another TOKENAUTH_STORE_PREFIX makes another store on the same server")


def test_a_worker_whose_keys_another_issuer_has_taken_is_refused(server: RedisServer, workers: list[Worker]) -> None:
    server.flush()
    with closing(bind(RedisStore(server.url()), OTHER)) as other:
        other.create()

        for call in (
            lambda: workers[0].store.revoke_user("alice", retention=RETENTION, api_keys=False),
            lambda: start(workers[0].store, "desk"),
            lambda: workers[1].is_refused("laptop"),
        ):
            with pytest.raises(SettingsError, match="another issuer"):
                call()

        assert other.read_epoch("alice") == 0
        assert other.revocations_since(None).entries == ()


@pytest.mark.parametrize("key", ["about", "live", "values", "epochs", "key_epochs"])
def test_what_was_revoked_comes_back_if_one_key_alone_was_deleted(
    server: RedisServer, workers: list[Worker], store: RedisStore, key: str
) -> None:
    """A server that evicts keys chooses single ones."""
    start(store, "desk")
    add_key(store)
    store.revoke_user("alice", retention=RETENTION, api_keys=True)
    for worker in workers:
        worker.poll("desk")

    server.ask("DEL", f"{{tokenauth}}:{key}")
    for worker in workers:
        worker.poll("desk")

    with closing(bind(RedisStore(server.url()))) as other:
        assert is_revoked(other, "laptop")
        assert other.is_revoked(token_id=None, session_id=None, user_id="alice", epoch=0)
        assert not is_live(other, "desk")
        assert find_key(other) is None


def test_a_new_process_that_comes_first_after_one_key_was_deleted_hides_no_loss(
    server: RedisServer, workers: list[Worker], store: RedisStore
) -> None:
    server.ask("DEL", "{tokenauth}:live")
    with closing(bind(RedisStore(server.url()))) as other:
        other.create()

    assert [worker.poll("laptop", "phone") for worker in workers] == [[True, False] * 2] * 2
    assert is_revoked(store, "laptop")


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_worker_misses_nothing_if_the_stream_is_trimmed_past_its_place(
    server: RedisServer, workers: list[Worker], store: RedisStore, left: int
) -> None:
    for name in "desk", "tablet", "watch":
        start(store, name)
        store.end_session(name, retention=RETENTION)

    server.ask("XTRIM", NEWS, "MAXLEN", left)

    assert [worker.poll("laptop", "desk", "tablet", "watch") for worker in workers] == [[True] * 8] * 2
    assert server.ask("XLEN", NEWS) >= 1


def test_news_come_after_the_stream_was_emptied(server: RedisServer, workers: list[Worker], store: RedisStore) -> None:
    server.ask("XTRIM", NEWS, "MAXLEN", 0)
    workers[0].poll("phone")

    store.end_session("phone", retention=RETENTION)

    assert [worker.poll("phone") for worker in workers] == [[True] * 2] * 2


def test_a_stream_that_was_deleted_and_is_numbered_alike_is_another_one(
    server: RedisServer, workers: list[Worker], store: RedisStore
) -> None:
    [(last, _)] = server.ask("XREVRANGE", NEWS, "+", "-", "COUNT", 1)
    store.end_session("phone", retention=RETENTION)
    server.ask("DEL", NEWS)
    server.ask("XADD", NEWS, last, "mark", "ff")

    assert [worker.poll("phone") for worker in workers] == [[True] * 2] * 2


def test_a_reload_of_the_data_of_the_server_loses_nothing(
    server: RedisServer, workers: list[Worker], store: RedisStore
) -> None:
    add_key(store)
    store.add_reference_token(token_of())
    store.end_session("phone", retention=RETENTION)

    server.ask("DEBUG", "RELOAD")

    assert [worker.poll("laptop", "phone") for worker in workers] == [[True] * 4] * 2
    assert has_reference_token(store)
    assert [key.user_id for key in store.list_api_keys("alice")] == ["alice"]
    assert {worker.feed.describe().failures for worker in workers} == {0}


def test_a_session_that_an_older_copy_brings_back_is_ended_by_the_revocation_that_a_worker_knows(
    server: RedisServer, workers: list[Worker], store: RedisStore
) -> None:
    copies = dump(server.client())
    store.end_session("phone", retention=RETENTION)
    workers[0].poll("phone")

    restore(server, copies)

    assert workers[0].poll("phone") == [True] * 2
    assert outcome(store, session_id="phone") is Outcome.GONE
    assert not is_live(store, "phone")


def test_a_session_whose_list_was_deleted_goes_on(server: RedisServer, store: RedisStore) -> None:
    start(store)
    server.ask("DEL", "tokenauth:sessions:alice")

    assert list_all(store) == []
    assert outcome(store) is Outcome.SWAPPED


def test_facts_that_another_program_deletes_at_once_are_an_outage(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._keys, "prepare", lambda **_: server.flush())

    with pytest.raises(StoreUnavailable, match="lost each time they are written: check who deletes keys"):
        store.read_epoch("alice")


def test_a_purge_passes_over_an_api_key_that_has_gone_since_it_was_named(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {b"tokenauth:api_key:*": [[b"tokenauth:api_key:gone"]]}
    monkeypatch.setattr(Servers, "scan", lambda _, pattern: iter(named.get(pattern, [])))

    assert store.purge() == 0
