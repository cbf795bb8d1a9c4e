"""``GET /auth/api-keys`` and ``DELETE /auth/api-keys/<id>``: a user sees and ends API keys."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import create_token

from ...lifecycle.devices import log_out
from ...lifecycle.kit import UNAVAILABLE, SignalLog, record_calls, sign_in, store_of, unavailable
from ...lifecycle.looked_up.conftest import MakeWorker
from ...lifecycle.looked_up.kit import Wait, list_keys, make_key, revoke_key, status
from .kit import NOT_FOUND, created, end, list_own, listed


def test_the_list_has_the_keys_of_the_user_the_newest_first(api: Flask, login: dict[str, Any], wait: Wait) -> None:
    first = make_key(api, name="first", expires_in=3600)
    wait(60)
    second = make_key(api, name="<b>second</b>", scopes=())
    make_key(api, "bob")

    answer = list_own(api, login["access_token"])

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() == {
        "api_keys": [
            {
                "id": second.id,
                "name": "<b>second</b>",
                "hint": second.hint,
                "scope": "",
                "created_at": "2023-11-14T22:14:20Z",
                "last_used_at": None,
                "expires_at": None,
            },
            {
                "id": first.id,
                "name": "first",
                "hint": first.hint,
                "scope": "reports:read",
                "created_at": "2023-11-14T22:13:20Z",
                "last_used_at": None,
                "expires_at": "2023-11-14T23:13:20Z",
            },
        ]
    }


def test_without_keys_the_list_is_empty(api: Flask, login: dict[str, Any]) -> None:
    assert list_own(api, login["access_token"]).get_json() == {"api_keys": []}


def test_revoked_and_expired_keys_are_not_listed(api: Flask, login: dict[str, Any], wait: Wait) -> None:
    revoke_key(api, make_key(api).id)
    make_key(api, expires_in=60)
    live = make_key(api, expires_in=61)
    wait(60)

    assert [key["id"] for key in listed(api, login["access_token"])] == [live.id]


def test_the_list_shows_the_last_use(api: Flask, login: dict[str, Any], wait: Wait) -> None:
    key = make_key(api)
    status(api, key.text)
    wait(5)
    status(api, key.text)

    [shown] = listed(api, login["access_token"])
    assert shown["last_used_at"] == "2023-11-14T22:13:25Z"


def test_an_old_login_is_enough_to_see_and_end_keys(api: Flask, wait: Wait) -> None:
    login = sign_in(api)
    key = make_key(api)
    wait(601)

    assert len(listed(api, login["access_token"])) == 1
    assert end(api, login["access_token"], key.id).status_code == 204


def test_a_key_that_its_user_ends_is_refused(api: Flask, login: dict[str, Any], signal_log: SignalLog) -> None:
    key, other = make_key(api), make_key(api)
    assert status(api, key.text) == 200
    signal_log.sessions.clear()

    answer = end(api, login["access_token"], key.id)

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert [status(api, each.text) for each in (key, other)] == [401, 200]
    facts = {"key_id": key.id, "user_id": "alice", "name": "laptop"}
    assert signal_log.sessions == [("tokenauth-api-key-revoked", facts)]


def test_a_key_of_another_user_looks_like_an_unknown_one(
    api: Flask, login: dict[str, Any], signal_log: SignalLog
) -> None:
    of_bob = make_key(api, "bob")
    signal_log.sessions.clear()

    answers = [end(api, login["access_token"], key_id) for key_id in (of_bob.id, "x" * 22)]

    assert [(answer.status_code, answer.get_json()) for answer in answers] == [(404, NOT_FOUND)] * 2
    assert answers[0].headers == answers[1].headers
    assert status(api, of_bob.text) == 200
    assert signal_log.sessions == []


@pytest.mark.parametrize("key_id", ["x", "x" * 1000, "%00", "%0A", "%C3%A9", "%20", "..%2f"])
def test_an_id_that_no_key_can_have_is_404(api: Flask, login: dict[str, Any], key_id: str) -> None:
    make_key(api)

    assert end(api, login["access_token"], key_id).status_code == 404

    assert len(list_keys(api)) == 1


def test_ending_a_key_twice_is_404_the_second_time(api: Flask, login: dict[str, Any]) -> None:
    key = make_key(api)

    codes = [end(api, login["access_token"], key.id).status_code for _ in range(2)]

    assert codes == [204, 404]


def test_a_user_can_end_the_key_whose_name_a_program_chose(api: Flask, login: dict[str, Any]) -> None:
    body = created(api, login["access_token"], name="../../x?y#z")

    assert end(api, login["access_token"], body["id"]).status_code == 204


# Who may do that

Endpoint = Callable[[Flask, str], TestResponse]

ENDPOINTS: dict[str, Endpoint] = {
    "list": list_own,
    "end": lambda app, token: end(app, token, list_keys(app)[0].id),
}
each_endpoint = pytest.mark.parametrize("call", ENDPOINTS.values(), ids=ENDPOINTS)


@each_endpoint
def test_an_api_key_can_neither_list_nor_end_keys(api: Flask, signal_log: SignalLog, call: Endpoint) -> None:
    key = make_key(api)

    answer = call(api, key.text)

    assert (answer.status_code, answer.get_json()["error"]) == (403, "insufficient_scope")
    assert signal_log.reasons == ["api_key_not_accepted"]
    assert len(list_keys(api)) == 1


@each_endpoint
def test_a_token_without_a_session_is_not_enough(api: Flask, signal_log: SignalLog, call: Endpoint) -> None:
    make_key(api)
    with api.app_context():
        token = create_token("alice")

    assert call(api, token).status_code == 401

    assert signal_log.reasons == ["session_missing"]
    assert len(list_keys(api)) == 1


@each_endpoint
def test_an_ended_session_is_not_enough(make_worker: MakeWorker, call: Endpoint) -> None:
    one, two = make_worker(), make_worker()
    login = sign_in(one)
    make_key(one)
    status(two, login["access_token"], "/me")
    log_out(one, login["access_token"])

    assert call(two, login["access_token"]).status_code == 401

    assert len(list_keys(one)) == 1


@each_endpoint
def test_a_login_is_needed(api: Flask, call: Endpoint) -> None:
    make_key(api)

    assert call(api, "x.y.z").status_code == 401

    assert len(list_keys(api)) == 1


EXPECTED = {"list": ["find_session", "list_api_keys"], "end": ["find_session", "list_api_keys", "revoke_api_key"]}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_endpoint_makes_few_calls_of_the_store(api: Flask, login: dict[str, Any], name: str) -> None:
    key = make_key(api)
    status(api, login["access_token"], "/me")

    with record_calls(store_of(api)) as called:
        list_own(api, login["access_token"]) if name == "list" else end(api, login["access_token"], key.id)

    assert called == EXPECTED[name]


@pytest.mark.parametrize(("name", "method"), [(name, method) for name, calls in EXPECTED.items() for method in calls])
def test_an_outage_is_503_and_changes_nothing(
    api: Flask, login: dict[str, Any], signal_log: SignalLog, name: str, method: str
) -> None:
    key = make_key(api)
    status(api, login["access_token"], "/me")
    signal_log.sessions.clear()

    with unavailable(store_of(api), method):
        token = login["access_token"]
        answer = list_own(api, token) if name == "list" else end(api, token, key.id)

    assert (answer.status_code, answer.get_json()) == (503, UNAVAILABLE)
    assert signal_log.sessions == []
    assert status(api, key.text) == 200
