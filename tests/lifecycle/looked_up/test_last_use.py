"""When an API key was used last is written after an answer, for all keys at once, and at most once a minute."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, Response

from flask_tokenauth import require_scope
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import NOW, bearer
from ..kit import record_calls, store_of, unavailable
from .conftest import MakeWorker
from .kit import Wait, list_keys, make_key, revoke_key, state_of, status

NOTE = "note_uses_of_api_keys"


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC)


def uses_of(app: Flask) -> dict[str, datetime | None]:
    return {key.name: key.last_used_at for key in list_keys(app)}


def test_a_use_is_written_with_the_next_fetch_of_revocations(app: Flask, wait: Wait) -> None:
    key = make_key(app)
    status(app, key.text)
    assert uses_of(app) == {"laptop": None}

    wait(1)
    status(app, key.text)

    assert uses_of(app) == {"laptop": at(1)}


def test_another_request_writes_it_too(app: Flask, wait: Wait) -> None:
    """It is the next request with any token that fetches."""
    key, other = make_key(app, name="used"), make_key(app, "bob")
    status(app, key.text)
    wait(5)

    status(app, other.text)

    assert uses_of(app) == {"used": at(0)}


@pytest.mark.parametrize(("passed", "last"), [(58.9, 1), (59, 1), (59.1, 61.1)])
def test_uses_are_written_at_most_once_a_minute(app: Flask, wait: Wait, passed: float, last: float) -> None:
    """The store keeps a use only if it is more than a minute later than the one before."""
    key = make_key(app)
    status(app, key.text)
    wait(1)
    status(app, key.text)  # writes
    wait(passed)
    status(app, key.text)
    wait(1)

    with record_calls(store_of(app)) as called:
        status(app, key.text)

    assert called.count(NOTE) == (1 if passed >= 59 else 0)
    assert uses_of(app) == {"laptop": at(last)}


def test_the_uses_of_all_keys_are_written_in_one_call(app: Flask, wait: Wait) -> None:
    keys = [make_key(app, name=name) for name in ("a", "b", "c")]
    for key in keys[:2]:
        status(app, key.text)
        wait(0.1)
    wait(1)

    with record_calls(store_of(app)) as called:
        status(app, keys[0].text)

    assert called.count(NOTE) == 1
    assert {name: used is not None for name, used in uses_of(app).items()} == {"a": True, "b": True, "c": False}


def test_a_use_is_written_when_the_answer_is_closed_and_not_before(app: Flask, wait: Wait) -> None:
    key = make_key(app)
    status(app, key.text)
    wait(1)

    with record_calls(store_of(app)) as called:
        answer = app.test_client().get("/reports", headers=bearer(key.text))
        assert (answer.status_code, answer.get_json()["user_id"]) == (200, "alice")
        assert NOTE not in called
        answer.close()

    assert called[-1] == NOTE


def test_a_use_is_written_after_a_streamed_body(app: Flask, wait: Wait) -> None:
    order: list[str] = []

    def generate() -> Iterator[str]:
        for _ in range(3):
            order.append("part")
            yield "x"

    def stream() -> Response:
        return Response(generate())

    def note(ages: Mapping[str, timedelta]) -> None:
        order.append("written")

    app.add_url_rule("/stream", view_func=require_scope("reports:read")(stream))
    key = make_key(app)
    status(app, key.text)
    wait(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_of(app), NOTE, note)
        status(app, key.text, "/stream")

    assert order == ["part", "part", "part", "written"]


def test_a_refusal_writes_the_use_too(app: Flask, wait: Wait) -> None:
    """A key that lacks a scope was used all the same."""
    key = make_key(app, scopes=())
    assert status(app, key.text) == 403
    wait(1)

    assert status(app, key.text) == 403

    assert uses_of(app) == {"laptop": at(1)}


def test_refused_keys_are_not_used(app: Flask, wait: Wait) -> None:
    key, other = make_key(app), make_key(app, "bob")
    damaged = key.text[:-1] + ("A" if key.text[-1] != "A" else "B")
    assert status(app, damaged) == 401
    wait(1)
    status(app, other.text)

    assert uses_of(app) == {"laptop": None}


@pytest.mark.parametrize("error", [StoreUnavailable("nobody answers"), RuntimeError("hunter2")])
def test_an_error_is_only_logged(app: Flask, wait: Wait, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    key = make_key(app)
    status(app, key.text)
    wait(1)

    def fail(_: Any) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_of(app), NOTE, fail)
        assert status(app, key.text) == 200

    assert "the last uses of API keys cannot be written now" in caplog.text
    wait(60)
    status(app, key.text)
    assert uses_of(app) == {"laptop": at(61)}


def test_an_outage_is_tried_again_after_a_minute(app: Flask, wait: Wait) -> None:
    key = make_key(app)
    status(app, key.text)
    wait(1)
    with unavailable(store_of(app), NOTE):
        status(app, key.text)
    wait(2)
    with record_calls(store_of(app)) as called:
        status(app, key.text)
    assert NOTE not in called

    wait(58)
    status(app, key.text)

    assert uses_of(app) == {"laptop": at(61)}


def test_in_strict_mode_the_request_that_uses_the_key_writes(make_worker: MakeWorker) -> None:
    app = make_worker(TOKENAUTH_REVOCATION="strict")
    key = make_key(app)

    with record_calls(store_of(app)) as called:
        assert [status(app, key.text) for _ in range(3)] == [200, 200, 200]

    assert called == ["find_api_key", NOTE, "find_api_key", "find_api_key"]
    [used] = uses_of(app).values()
    assert used is not None  # this process has measured how long ago, by its own clock
    assert at(-10) <= used <= at(0)


def test_without_a_request_the_use_is_written_at_once(make_worker: MakeWorker, wait: Wait) -> None:
    """A worker that starts loads the revocations outside of requests."""
    app = make_worker()
    state = state_of(app)
    key = make_key(app)
    state.stored.note_use(key.id)
    wait(1)

    assert state.stored.feed is not None
    state.stored.feed.warm()

    assert uses_of(app) == {"laptop": at(0)}


def test_without_api_keys_nothing_is_noted(make_worker: MakeWorker) -> None:
    app = make_worker(TOKENAUTH_API_KEYS=False)
    state = state_of(app)

    state.stored.note_use("x")

    with record_calls(store_of(app)) as called:
        assert state.stored.feed is not None
        state.stored.feed.warm()
    assert NOTE not in called


def test_a_key_that_was_revoked_meanwhile_is_no_error(app: Flask, wait: Wait, store: MemoryStore) -> None:
    key, other = make_key(app), make_key(app, name="other")
    status(app, key.text)
    revoke_key(app, key.id)
    store.purge(force=True)
    wait(1)

    assert status(app, other.text) == 200

    assert uses_of(app) == {"other": at(1)}


def test_two_workers_keep_the_later_use(make_worker: MakeWorker, wait: Wait) -> None:
    one, two = make_worker(), make_worker()
    key = make_key(one)
    for worker in (one, two):
        status(worker, key.text)
    wait(100)
    status(two, key.text)
    assert uses_of(one) == {"laptop": at(100)}

    status(one, make_key(one, "bob").text)

    assert uses_of(one) == {"laptop": at(100)}
