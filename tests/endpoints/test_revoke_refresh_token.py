"""``POST /auth/revoke`` (RFC 7009) with refresh tokens: a client ends its own session and learns nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth
from flask_tokenauth.core.opaque.refresh_token import RefreshToken

from ..lifecycle.conftest import MakeSessionApp
from ..lifecycle.devices import Login, id_of, log_out, me, revoke
from ..lifecycle.kit import (
    FORM,
    IDLE,
    INVALID_GRANT,
    JSON,
    LIFETIME,
    TOO_LARGE,
    Backend,
    SignalLog,
    is_live,
    missing,
    record_calls,
    refresh,
    sign_in,
    store_of,
    successor,
)


@pytest.fixture
def login(app: Flask) -> Login:
    return sign_in(app)


def send(app: Flask, body: str | bytes, content_type: str | None = FORM, **options: Any) -> TestResponse:
    return app.test_client().post("/auth/revoke", data=body, content_type=content_type, **options)


def check_success(answer: TestResponse) -> None:
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in answer.headers
    assert "WWW-Authenticate" not in answer.headers


def test_a_revoked_refresh_token_ends_its_session_and_no_other(app: Flask, login: Login, signal_log: SignalLog) -> None:
    """RFC 7009 section 2.1: "the authorization server SHOULD also invalidate all access tokens"."""
    other = sign_in(app)
    signal_log.sessions.clear()

    answer = revoke(app, login["refresh_token"])

    check_success(answer)
    assert refresh(app, login["refresh_token"]).get_json() == INVALID_GRANT
    assert [me(app, tokens["access_token"]) for tokens in (login, other)] == [401, 200]
    assert refresh(app, other["refresh_token"]).status_code == 200
    assert signal_log.sessions[0] == (
        "tokenauth-session-ended",
        {"session_id": id_of(login), "user_id": "alice", "reason": "revoked"},
    )


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8"])
def test_the_request_may_be_json(app: Flask, login: Login, content_type: str) -> None:
    check_success(send(app, json.dumps({"token": login["refresh_token"]}), content_type))

    assert not is_live(app, login["refresh_token"])


@pytest.mark.parametrize("hint", ["refresh_token", "access_token", "", "urn:x", "é"])
def test_a_hint_is_not_needed(app: Flask, login: Login, hint: str) -> None:
    """RFC 7009 section 2.1: "An authorization server MAY ignore this parameter"."""
    check_success(revoke(app, login["refresh_token"], token_type_hint=hint))

    assert not is_live(app, login["refresh_token"])


def test_unknown_parameters_are_ignored(app: Flask, login: Login) -> None:
    check_success(revoke(app, login["refresh_token"], client_id="web", client_secret="x", grant_type="refresh_token"))

    assert not is_live(app, login["refresh_token"])


@pytest.mark.parametrize("authorization", ["Bearer x", "Bearer", "Basic YTpi", "bob's"])
def test_the_authorization_header_is_ignored(app: Flask, login: Login, authorization: str) -> None:
    bobs = f"Bearer {sign_in(app, 'bob')['access_token']}"
    headers = {"Authorization": bobs if authorization == "bob's" else authorization}

    check_success(send(app, f"token={login['refresh_token']}", headers=headers))

    assert not is_live(app, login["refresh_token"])


def test_a_spent_refresh_token_ends_its_session_too(app: Flask, login: Login) -> None:
    second = successor(app, login["refresh_token"])
    third = successor(app, second)

    check_success(revoke(app, login["refresh_token"]))

    assert refresh(app, third).get_json() == INVALID_GRANT


def test_revoking_a_spent_refresh_token_is_not_reported_as_reuse(
    app: Flask, login: Login, signal_log: SignalLog
) -> None:
    successor(app, successor(app, login["refresh_token"]))
    signal_log.sessions.clear()

    revoke(app, login["refresh_token"])

    assert [facts.get("reason") for _, facts in signal_log.sessions] == ["revoked"]


def test_revoking_twice_sends_one_signal(app: Flask, login: Login, signal_log: SignalLog) -> None:
    signal_log.sessions.clear()

    for _ in range(3):
        check_success(revoke(app, login["refresh_token"]))

    assert [name for name, _ in signal_log.sessions] == ["tokenauth-session-ended"]


@pytest.mark.parametrize("aged", [IDLE, LIFETIME])
def test_an_expired_session_can_be_revoked_with_its_last_access_token(
    app: Flask, backend: Backend, login: Login, aged: Any
) -> None:
    backend.age(id_of(login), aged)
    assert me(app, login["access_token"]) == 200

    check_success(revoke(app, login["refresh_token"]))

    assert me(app, login["access_token"]) == 401


def test_before_refresh_is_not_called(app: Flask, auth: TokenAuth[Any], login: Login) -> None:
    calls: list[object] = []
    auth.before_refresh(calls.append)

    revoke(app, login["refresh_token"])

    assert calls == []
    assert not is_live(app, login["refresh_token"])


def test_a_refresh_token_of_an_ended_session_is_answered_with_success(app: Flask, login: Login) -> None:
    log_out(app, login["access_token"])

    check_success(revoke(app, login["refresh_token"]))


# Unknown tokens


def forged(app: Flask, login: Login) -> str:
    return str(login["refresh_token"])[:-4] + ("AAAA" if login["refresh_token"][-4:] != "AAAA" else "BBBB")


def unknown_session(app: Flask, login: Login) -> str:
    text: str = app.extensions["tokenauth"].sessions.write(RefreshToken.first())
    return text


def session_id(app: Flask, login: Login) -> str:
    return id_of(login)


def forged_access_token(app: Flask, login: Login) -> str:
    return str(login["access_token"])[:-8] + "AAAAAAAA"


TEXTS = [" ", "x", "rt1_", "rt1_" + "A" * 70, "x.y.z", "é", "\0", "null", "A" * 16_000]
UNKNOWN: dict[str, Callable[[Flask, Login], str]] = {
    make.__name__: make for make in (forged, unknown_session, session_id, forged_access_token)
}
UNKNOWN |= {repr(text)[:12]: lambda app, login, text=text: text for text in TEXTS}  # type: ignore[misc]  # has a default
UNKNOWN |= {
    "another case": lambda app, login: login["refresh_token"].swapcase(),
    "a space": lambda app, login: login["refresh_token"] + " ",
    "two of them": lambda app, login: login["refresh_token"] * 2,
}


@pytest.mark.parametrize("make", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_token_changes_nothing_and_learns_nothing(
    app: Flask, login: Login, signal_log: SignalLog, make: Callable[[Flask, Login], str]
) -> None:
    """RFC 7009 section 2.2: "invalid tokens do not cause an error response"."""
    answer = revoke(app, make(app, login))

    check_success(answer)
    assert (signal_log.sessions, signal_log.reasons) == ([], [])
    assert me(app, login["access_token"]) == 200
    assert is_live(app, login["refresh_token"])


@pytest.mark.parametrize("text", ["x", "rt1_" + "A" * 70, "a.b.c"])
def test_a_string_that_is_no_token_does_not_reach_the_store(app: Flask, text: str) -> None:
    with record_calls(store_of(app)) as called:
        revoke(app, text)

    assert called == []


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_a_token_of_another_application_ends_nothing(
    app: Flask, make_session_app: MakeSessionApp, login: Login, kind: str
) -> None:
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER="https://other.example")
    theirs = sign_in(other)

    check_success(revoke(app, theirs[kind]))

    assert is_live(other, theirs["refresh_token"])
    assert is_live(app, login["refresh_token"])


# Malformed requests

MALFORMED_REQUESTS: dict[str, tuple[bytes, str | None, str]] = {
    "twice": (b"token=x&token=x", FORM, "parameter_repeated"),
    "no UTF-8": (b"token=%FF", FORM, "request_malformed"),
    "no JSON": (b"token=x", JSON, "request_malformed"),
    "a list": (b'["token"]', JSON, "request_malformed"),
    "no string": (b'{"token": 1}', JSON, "parameter_type_wrong"),
    "null": (b'{"token": null}', JSON, "parameter_missing"),
    "a list of strings": (b'{"token": ["x"]}', JSON, "parameter_type_wrong"),
    "twice in JSON": (b'{"token": "x", "token": "x"}', JSON, "request_malformed"),
    "another name twice in JSON": (b'{"token": "x", "a": 1, "a": 1}', JSON, "request_malformed"),
    "no type": (b"token=x", None, "content_type_unsupported"),
    "plain text": (b"token=x", "text/plain", "content_type_unsupported"),
    "parts": (b"--x\r\n", "multipart/form-data; boundary=x", "content_type_unsupported"),
}


@pytest.mark.parametrize(("body", "content_type", "reason"), MALFORMED_REQUESTS.values(), ids=MALFORMED_REQUESTS)
def test_an_ambiguous_or_malformed_body_is_refused(
    app: Flask, signal_log: SignalLog, body: bytes, content_type: str | None, reason: str
) -> None:
    answer = send(app, body, content_type)

    assert answer.status_code == 400
    assert answer.get_json()["error"] == "invalid_request"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers
    assert signal_log.reasons == [reason]


def test_parameters_that_the_endpoint_does_not_use_may_come_twice(app: Flask, login: Login) -> None:
    body = f"token={login['refresh_token']}&token_type_hint=a&token_type_hint=b&resource=a&resource=b"

    check_success(send(app, body.encode()))

    assert not is_live(app, login["refresh_token"])


@pytest.mark.parametrize("body", [b"", b"refresh_token=x"])
def test_a_request_without_a_token_is_refused(app: Flask, signal_log: SignalLog, body: bytes) -> None:
    answer = send(app, body, FORM)

    assert (answer.status_code, answer.get_json()) == (400, missing("token"))
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers
    assert signal_log.reasons == ["parameter_missing"]


def test_parameters_in_the_url_are_ignored(app: Flask, login: Login) -> None:
    answer = app.test_client().post(f"/auth/revoke?token={login['refresh_token']}", content_type=FORM)

    assert answer.get_json()["error"] == "invalid_request"
    assert is_live(app, login["refresh_token"])


@pytest.mark.parametrize(("size", "status"), [(16383, 200), (16384, 200), (16385, 413)])
def test_a_body_over_16_kib_is_refused(app: Flask, login: Login, size: int, status: int) -> None:
    body = f"token={login['refresh_token']}&x="

    answer = send(app, body + "x" * (size - len(body)))

    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json(silent=True) == (None if status == 200 else TOO_LARGE)
    assert is_live(app, login["refresh_token"]) is (status == 413)
