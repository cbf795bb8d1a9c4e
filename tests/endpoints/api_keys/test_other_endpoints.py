"""The other endpoints and API keys: who finds a key can end it, services may ask about it, sessions ignore it."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth
from flask_tokenauth.core.opaque.checksummed_text import make_text

from ...conftest import AUDIENCE, ISSUER, NOW
from ...lifecycle.devices import end_device, introspect, list_devices, log_out, revoke
from ...lifecycle.kit import (
    INVALID_GRANT,
    UNAVAILABLE,
    SignalLog,
    is_live,
    record_calls,
    refresh,
    session_id_of,
    sign_in,
    store_of,
    unavailable,
)
from ...lifecycle.looked_up.conftest import MakeWorker
from ...lifecycle.looked_up.kit import Wait, list_keys, make_key, make_reference, revoke_key, revoke_user, status

OTHER = "https://other.example"


def check_success(answer: TestResponse) -> None:
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers


# revoke (RFC 7009)


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense"])
def test_a_found_key_can_be_ended_by_anyone(api: Flask, signal_log: SignalLog, hint: str | None) -> None:
    key, other = make_key(api), make_key(api)
    assert status(api, key.text) == 200
    signal_log.sessions.clear()

    check_success(revoke(api, key.text, **({} if hint is None else {"token_type_hint": hint})))

    assert [status(api, each.text) for each in (key, other)] == [401, 200]
    facts = {"key_id": key.id, "user_id": "alice", "name": "laptop"}
    assert signal_log.sessions == [("tokenauth-api-key-revoked", facts)]


UNKNOWN: dict[str, Callable[[str], str]] = {
    "unknown": lambda text: make_text("ta_"),
    "damaged": lambda text: text[:-1],
    "another prefix": lambda text: make_text("acme_"),
    "only the prefix": lambda text: "ta_",
    "unknown reference": lambda text: make_text("tr_"),
    "damaged reference": lambda text: "tr_" + text[3:],
    "not ASCII": lambda text: text[:-1] + "é",
}


@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_key_gets_the_same_answer(api: Flask, signal_log: SignalLog, change: Callable[[str], str]) -> None:
    """RFC 7009 section 2.2: "invalid tokens do not cause an error response"."""
    key = make_key(api)
    signal_log.sessions.clear()

    unknown, known = revoke(api, change(key.text)), revoke(api, key.text)

    check_success(unknown)
    assert unknown.headers == known.headers
    assert len(signal_log.sessions) == 1


def test_an_unknown_key_costs_one_read_and_a_damaged_one_nothing(api: Flask) -> None:
    """Anyone can send one, so it must not write."""
    with record_calls(store_of(api)) as called:
        revoke(api, make_text("ta_"))
        revoke(api, make_text("ta_")[:-1])

    assert called == ["find_api_key"]


def test_a_key_that_was_ended_before_gets_the_same_answer(api: Flask, signal_log: SignalLog) -> None:
    key = make_key(api)
    signal_log.sessions.clear()

    for _ in range(2):
        check_success(revoke(api, key.text))

    assert len(signal_log.sessions) == 1


def test_a_key_of_another_application_of_the_store_can_be_ended(make_worker: MakeWorker, wait: Wait) -> None:
    """The key is for another audience, but it leaked all the same."""
    other, api = make_worker(TOKENAUTH_AUDIENCE=OTHER), make_worker()
    key = make_key(other)
    assert [status(other, key.text), status(api, key.text)] == [200, 401]

    check_success(revoke(api, key.text))

    wait(1)
    assert status(other, key.text) == 401


def test_a_key_that_api_key_check_refuses_can_be_ended(make_worker: MakeWorker) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    auth.api_key_check(lambda user_id, key: None)
    api = make_worker(auth=auth)
    key = make_key(api)

    check_success(revoke(api, key.text))

    assert list_keys(api) == []


@pytest.mark.parametrize("method", ["find_api_key", "revoke_api_key"])
def test_an_outage_while_a_key_is_ended_is_503(api: Flask, signal_log: SignalLog, method: str) -> None:
    key = make_key(api)
    signal_log.sessions.clear()

    with unavailable(store_of(api), method):
        answer = revoke(api, key.text)

    assert (answer.status_code, answer.get_json()) == (503, UNAVAILABLE)
    assert signal_log.sessions == []
    check_success(revoke(api, key.text))
    assert status(api, key.text) == 401


def test_a_reference_token_can_be_ended_by_anyone(api: Flask) -> None:
    text, other = make_reference(api), make_reference(api)

    with record_calls(store_of(api)) as called:
        check_success(revoke(api, text))

    assert called == ["find_reference_token", "is_revoked", "longest_leeway", "revoke"]
    assert [status(api, each) for each in (text, other)] == [401, 200]


def test_a_reference_token_that_is_refused_here_can_be_ended(make_worker: MakeWorker, wait: Wait) -> None:
    other, api = make_worker(TOKENAUTH_AUDIENCE=OTHER), make_worker()
    text = make_reference(other)
    assert [status(other, text), status(api, text)] == [200, 401]

    check_success(revoke(api, text))

    wait(1)
    assert status(other, text) == 401


# introspect (RFC 7662)


@pytest.fixture
def service(api: Flask) -> str:
    """The token of a service that may introspect."""
    return str(sign_in(api, "service", ["tokenauth:introspect"])["access_token"])


def test_a_service_learns_what_a_key_says(api: Flask, service: str) -> None:
    key = make_key(api, scopes=["reports:read", "admin"], expires_in=60.5)

    assert introspect(api, service, key.text).get_json() == {
        "active": True,
        "token_type": "Bearer",
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 60,
        "scope": "reports:read admin",
    }


def test_the_end_of_a_key_is_an_integer(api: Flask, service: str) -> None:
    """RFC 7662 section 2.2: "Integer timestamp"."""
    answers = [introspect(api, service, make_key(api, expires_in=end).text) for end in (60, 60.5)]

    assert all(f'"exp":{int(NOW) + 60},' in answer.text.replace("}", ",") for answer in answers)


def test_a_key_without_an_end_has_no_exp(api: Flask, service: str) -> None:
    assert "exp" not in introspect(api, service, make_key(api).text).get_json()


ENDS: dict[str, Callable[[Flask, Any], object]] = {
    "its ID": lambda app, key: revoke_key(app, key.id),
    "the endpoint": lambda app, key: revoke(app, key.text),
    "its user": lambda app, key: revoke_user(app, api_keys=True),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_key_that_another_worker_has_ended_is_inactive_at_once(
    make_worker: MakeWorker, end: Callable[[Flask, Any], object]
) -> None:
    one, two = make_worker(), make_worker()
    service, key = make_key(one, "service", ["tokenauth:introspect"]).text, make_key(one)
    assert introspect(two, service, key.text).get_json()["active"] is True

    end(one, key)

    assert introspect(two, service, key.text).get_json() == {"active": False}


@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_key_is_inactive(api: Flask, service: str, change: Callable[[str], str]) -> None:
    assert introspect(api, service, change(make_key(api).text)).get_json() == {"active": False}


def test_a_service_learns_only_about_keys_for_itself(make_worker: MakeWorker) -> None:
    api, other = make_worker(), make_worker(TOKENAUTH_AUDIENCE=OTHER)
    service = make_key(other, "service", ["tokenauth:introspect"]).text
    of_api, of_other = make_key(api), make_key(other)

    assert introspect(other, service, of_api.text).get_json() == {"active": False}
    assert introspect(other, service, of_other.text).get_json()["active"] is True


@pytest.mark.parametrize(("passed", "active"), [(59.9, True), (60, False)])
def test_a_key_is_inactive_from_its_second(
    api: Flask, service: str, wait: Wait, passed: float, *, active: bool
) -> None:
    key = make_key(api, expires_in=60)
    wait(passed)

    assert introspect(api, service, key.text).get_json()["active"] is active


def test_an_outage_while_a_service_asks_is_503(api: Flask, service: str) -> None:
    status(api, service, "/me")
    key = make_key(api)

    with unavailable(store_of(api), "find_api_key"):
        assert introspect(api, service, key.text).status_code == 503


def test_a_key_with_the_scope_may_introspect(api: Flask) -> None:
    with_scope, without = make_key(api, scopes=["tokenauth:introspect"]), make_key(api)

    answers = [introspect(api, key.text, without.text) for key in (with_scope, without)]

    assert [answer.status_code for answer in answers] == [200, 403]


# The endpoints of sessions


def test_an_api_key_is_no_refresh_token(api: Flask) -> None:
    key = make_key(api)

    with record_calls(store_of(api)) as called:
        answer = refresh(api, key.text)

    assert (answer.status_code, answer.get_json()) == (400, INVALID_GRANT)
    assert called == []


CALLS: dict[str, Callable[[Flask, str, str], TestResponse]] = {
    "logout": log_out,
    "list": list_devices,
    "end": end_device,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_endpoints_of_sessions_refuse_api_keys(
    api: Flask, signal_log: SignalLog, call: Callable[[Flask, str, str], TestResponse]
) -> None:
    login, key = sign_in(api), make_key(api)

    answer = call(api, key.text, session_id_of(login["refresh_token"]))

    assert (answer.status_code, answer.get_json()["error"]) == (403, "insufficient_scope")
    assert signal_log.reasons == ["api_key_not_accepted"]
    assert is_live(api, login["refresh_token"])


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_scope_on_the_blueprint_gives_a_key_no_session(
    make_worker: MakeWorker, signal_log: SignalLog, call: Callable[[Flask, str, str], TestResponse]
) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    auth.protect(auth.endpoints, "reports:read")
    api = make_worker(auth=auth)
    login = sign_in(api)

    answer = call(api, make_key(api).text, session_id_of(login["refresh_token"]))

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_token")
    assert signal_log.reasons == ["session_missing"]
    assert is_live(api, login["refresh_token"])
