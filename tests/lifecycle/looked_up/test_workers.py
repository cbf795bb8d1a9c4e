"""Revocations of API keys are felt in each worker within the interval, though each of them remembers the key."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.memory import MemoryStore

from ..devices import revoke
from ..kit import SignalLog, sign_in, store_of, unavailable
from .conftest import MakeWorker
from .kit import Wait, list_keys, make_key, make_reference, revoke_key, revoke_user, state_of, status

ENDS: dict[str, Callable[[Flask, Any], object]] = {
    "its ID": lambda app, key: revoke_key(app, key.id),
    "the endpoint": lambda app, key: revoke(app, key.text),
    "its user": lambda app, key: revoke_user(app, api_keys=True),
}
each_end = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)


@each_end
def test_a_key_that_ends_on_one_worker_ends_on_all(
    make_worker: MakeWorker, wait: Wait, end: Callable[[Flask, Any], object]
) -> None:
    one, two, three = (make_worker() for _ in range(3))
    key, of_bob = make_key(one), make_key(one, "bob")
    assert [status(worker, key.text) for worker in (one, two, three)] == [200, 200, 200]

    end(one, key)

    assert status(one, key.text) == 401
    wait(1)
    assert [status(worker, key.text) for worker in (one, two, three)] == [401, 401, 401]
    assert [status(worker, of_bob.text) for worker in (one, two, three)] == [200, 200, 200]


@each_end
def test_strict_feels_the_end_at_once(make_worker: MakeWorker, end: Callable[[Flask, Any], object]) -> None:
    one, two = (make_worker(TOKENAUTH_REVOCATION="strict") for _ in range(2))
    key = make_key(one)
    assert [status(worker, key.text) for worker in (one, two)] == [200, 200]

    end(one, key)

    assert [status(worker, key.text) for worker in (one, two)] == [401, 401]


@each_end
@pytest.mark.parametrize("hours", [1, 25, 24 * 400])
def test_a_key_that_ended_long_ago_is_refused_where_it_was_never_seen(
    make_worker: MakeWorker, wait: Wait, store: MemoryStore, end: Callable[[Flask, Any], object], hours: int
) -> None:
    """The feed forgets its entries after a day, and keys live for years."""
    one = make_worker()
    key = make_key(one)
    end(one, key)
    wait(hours * 3600)
    store.purge(force=True)

    assert status(make_worker(), key.text) == 401
    assert status(one, key.text) == 401


@each_end
def test_a_record_that_is_read_while_the_key_ends_is_refused(
    make_worker: MakeWorker, wait: Wait, monkeypatch: pytest.MonkeyPatch, end: Callable[[Flask, Any], object]
) -> None:
    """The worker reads the record before the revocation, and remembers it after that."""
    one, two = make_worker(), make_worker()
    key, store = make_key(one), store_of(two)

    def read_and_sleep(digest: str) -> Any:
        monkeypatch.undo()
        found = store.find_api_key(digest)
        end(one, key)
        return found

    monkeypatch.setattr(store, "find_api_key", read_and_sleep)

    assert status(two, key.text) == 401
    wait(1)
    assert status(two, key.text) == 401


# Users


def test_without_api_keys_a_revocation_of_the_user_leaves_them_alone(
    make_worker: MakeWorker, wait: Wait, signal_log: SignalLog
) -> None:
    one, two = make_worker(), make_worker()
    key, login = make_key(one), sign_in(one)
    signal_log.sessions.clear()

    revoke_user(one, api_keys=False)

    wait(1)
    assert [status(worker, key.text) for worker in (one, two)] == [200, 200]
    assert [status(worker, login["access_token"], "/me") for worker in (one, two)] == [401, 401]
    assert [listed.id for listed in list_keys(one)] == [key.id]
    assert signal_log.sessions == [("tokenauth-user-revoked", {"user_id": "alice", "api_keys": False})]


def test_with_api_keys_one_signal_is_about_all_of_them(app: Flask, signal_log: SignalLog) -> None:
    for _ in range(3):
        make_key(app)
    signal_log.sessions.clear()

    revoke_user(app, api_keys=True)

    assert list_keys(app) == []
    assert signal_log.sessions == [("tokenauth-user-revoked", {"user_id": "alice", "api_keys": True})]


def test_a_key_that_is_made_after_the_revocation_is_good(make_worker: MakeWorker, wait: Wait) -> None:
    one, two = make_worker(), make_worker()
    before = make_key(one)
    status(two, before.text)
    revoke_user(one, api_keys=True)
    after = make_key(two)

    assert [status(worker, after.text) for worker in (one, two)] == [200, 200]
    wait(1)
    assert [status(worker, before.text) for worker in (one, two)] == [401, 401]
    assert [status(worker, after.text) for worker in (one, two)] == [200, 200]


def test_a_revocation_without_keys_does_not_hide_one_with_keys(make_worker: MakeWorker, wait: Wait) -> None:
    one, two = make_worker(), make_worker()
    key = make_key(one)
    status(two, key.text)
    revoke_user(one, api_keys=True)
    later = make_key(one)
    revoke_user(one, api_keys=False)
    wait(1)

    assert [status(two, each.text) for each in (key, later)] == [401, 200]


@pytest.mark.parametrize("api_keys", [None, 0, 1, "yes"])
def test_where_there_are_api_keys_the_caller_must_say_what_happens_to_them(app: Flask, api_keys: Any) -> None:
    key = make_key(app)

    with pytest.raises(TypeError, match="api_keys must be True or False"):
        revoke_user(app, api_keys=api_keys)
    with pytest.raises(TypeError, match="api_keys must be True or False"):
        revoke_user(app)

    assert status(app, key.text) == 200


# Outages


@pytest.mark.parametrize("make", [lambda app: make_key(app).text, make_reference], ids=["api_key", "reference"])
def test_remembered_tokens_go_on_until_the_staleness_limit(
    make_worker: MakeWorker, wait: Wait, make: Callable[[Flask], str]
) -> None:
    app = make_worker()
    known, unknown = make(app), make(app)
    assert status(app, known) == 200

    with unavailable(store_of(app)):
        wait(29.9)
        assert [status(app, known), status(app, unknown)] == [200, 503]
        wait(0.1)
        assert status(app, known) == 503
    wait(60)
    assert [status(app, known), status(app, unknown)] == [200, 200]


@pytest.mark.parametrize("make", [lambda app: make_key(app).text, make_reference], ids=["api_key", "reference"])
def test_a_remembered_token_is_read_again_after_a_minute_though_revocations_are_known(
    make_worker: MakeWorker, wait: Wait, make: Callable[[Flask], str]
) -> None:
    app = make_worker(TOKENAUTH_REVOCATION_MAX_STALENESS=3600)
    text = make(app)
    assert status(app, text) == 200

    with unavailable(store_of(app), "find_api_key", "find_reference_token"):
        wait(59.9)
        assert status(app, text) == 200
        wait(0.1)
        assert status(app, text) == 503


def test_a_revocation_that_failed_can_be_repeated(app: Flask, signal_log: SignalLog) -> None:
    key = make_key(app)
    signal_log.sessions.clear()

    with unavailable(store_of(app), "revoke_api_key"), pytest.raises(StoreUnavailable):
        revoke_key(app, key.id)
    assert signal_log.sessions == []
    assert status(app, key.text) == 200

    assert revoke_key(app, key.id) is True
    assert status(app, key.text) == 401


def test_the_revocation_of_a_key_is_kept_longer_than_any_worker_remembers_the_key(
    app: Flask, store: MemoryStore
) -> None:
    key = make_key(app)
    revoke_key(app, key.id)

    [entry] = store.revocations_since(None).entries
    settings = state_of(app).settings
    assert (entry.kind, entry.subject) == ("token", key.id)
    assert entry.expires_at >= store.clock() + (settings.retention.total_seconds() + 60) * 1000
