"""``POST /auth/refresh``: its answer, the new tokens, and its guard."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth

from ..conftest import AUDIENCE, ISSUER, NOW, StandingClock, bearer
from ..lifecycle.conftest import MakeSessionApp
from ..lifecycle.kit import (
    INVALID_GRANT,
    INVALID_SCOPE,
    JSON,
    MALFORMED,
    MAX_BODY,
    TOO_LARGE,
    UNSUPPORTED,
    SignalLog,
    claims_of,
    form_of,
    generation_of,
    json_of,
    missing,
    refresh,
    refreshed,
    repeated,
    send,
    session_id_of,
    sign_in,
)


def test_the_answer_has_the_new_tokens_and_is_not_cached(app: Flask, token: str) -> None:
    """RFC 6749 section 5.1."""
    answer = refresh(app, token)

    body = answer.get_json()
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert body | {"access_token": "", "refresh_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "a b",
        "refresh_token": "",
        "refresh_expires_in": 30 * 86400,
    }
    assert len(body["refresh_token"]) == 74
    assert body["refresh_token"] != token


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "Application/JSON"])
def test_the_request_may_be_json(app: Flask, token: str, content_type: str) -> None:
    answer = send(app, json_of(token, scope="a"), content_type)

    assert answer.status_code == 200
    assert answer.get_json()["scope"] == "a"


def test_the_new_access_token_has_the_claims_of_the_first(
    app: Flask, clock: StandingClock, auth: TokenAuth[Any]
) -> None:
    login = sign_in(app)
    clock.now = NOW + 600

    body = refreshed(app, login["refresh_token"])

    first, second = claims_of(login["access_token"]), claims_of(body["access_token"])
    with app.app_context():
        assert auth.verify(body["access_token"]).session_id == session_id_of(login["refresh_token"])
    assert second == first | {"jti": second["jti"], "iat": NOW + 600, "exp": NOW + 1500}
    assert second["jti"] != first["jti"]
    assert (first["iss"], first["aud"], first["sub"], first["scope"]) == (ISSUER, AUDIENCE, "alice", "a b")
    assert app.test_client().get("/me", headers=bearer(body["access_token"])).status_code == 200


def test_auth_time_is_the_time_of_the_sign_in(app: Flask, clock: StandingClock) -> None:
    token = sign_in(app)["refresh_token"]
    for day in range(1, 4):
        clock.now = NOW + day * 86400

        body = refreshed(app, token)

        token = body["refresh_token"]
        assert claims_of(body["access_token"])["auth_time"] == NOW


def test_the_new_access_token_keeps_the_options_of_the_sign_in(app: Flask) -> None:
    login = sign_in(
        app, audience=["x", "y"], client_id="web", claims={"team": {"names": ["blue", None, 1.5]}}, expires_in=60.5
    )

    body = refreshed(app, login["refresh_token"])

    claims = claims_of(body["access_token"])
    assert claims == claims_of(login["access_token"]) | {"jti": claims["jti"]}
    assert (claims["aud"], claims["client_id"], claims["exp"]) == (["x", "y"], "web", NOW + 60)
    assert claims["team"] == {"names": ["blue", None, 1.5]}
    assert (body["expires_in"], login["expires_in"]) == (60, 60)


def test_the_idle_lifetime_is_not_longer_than_the_session(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_REFRESH_IDLE_LIFETIME=600, TOKENAUTH_SESSION_LIFETIME=500)

    assert sign_in(app)["refresh_expires_in"] == 500


@pytest.mark.parametrize(("scope", "granted"), [("a", "a"), ("b", "b"), ("b a", "a b"), ("a a", "a")])
def test_a_request_can_narrow_the_scopes_once(app: Flask, token: str, scope: str, granted: str) -> None:
    narrow = refreshed(app, token, scope=scope)

    assert narrow["scope"] == claims_of(narrow["access_token"])["scope"] == granted
    assert refreshed(app, narrow["refresh_token"])["scope"] == "a b"


@pytest.mark.slow
@pytest.mark.parametrize("send_it", [refresh, lambda app, token, scope: send(app, json_of(token, scope=scope), JSON)])
@pytest.mark.parametrize(
    "scope", ["c", "a c", "a b c", "A", " ", "a  b", " a", "a ", "a\tb", 'a"', "a\\", "é", "a\n", "a,b", "a\0"]
)
def test_an_invalid_or_new_scope_is_refused_and_spends_no_refresh_token(
    app: Flask, token: str, scope: str, send_it: Callable[..., TestResponse]
) -> None:
    """RFC 6749 section 6: "MUST NOT include any scope not originally granted"."""
    answer = send_it(app, token, scope=scope)

    assert (answer.status_code, answer.get_json()) == (400, INVALID_SCOPE)
    assert generation_of(app, token) == 0
    assert refreshed(app, token)["scope"] == "a b"


def test_a_lone_surrogate_is_not_a_scope(app: Flask, token: str) -> None:
    answer = send(app, json_of(token)[:-1] + r', "scope": "\ud800"}', JSON)

    assert answer.get_json() == INVALID_SCOPE


def test_a_session_without_scopes_gets_no_scopes(app: Flask) -> None:
    token = sign_in(app, scopes=())["refresh_token"]

    assert refresh(app, token, scope="a").get_json() == INVALID_SCOPE
    assert refreshed(app, token)["scope"] == ""


@pytest.mark.parametrize("grant_type", ["password", "Refresh_token", "refresh_token ", "authorization_code", "é"])
@pytest.mark.parametrize("send_it", ["form", "json"])
def test_another_grant_type_is_not_supported(app: Flask, token: str, grant_type: str, send_it: str) -> None:
    fields: Any = {"data" if send_it == "form" else "json": {"grant_type": grant_type, "refresh_token": token}}

    answer = app.test_client().post("/auth/refresh", **fields)

    assert (answer.status_code, answer.get_json()) == (400, UNSUPPORTED)
    assert generation_of(app, token) == 0


@pytest.mark.parametrize("body", ["grant_type=password&username=alice", "grant_type=refresh_token;refresh_token=x"])
def test_the_grant_type_is_checked_before_other_parameters(app: Flask, body: str) -> None:
    assert send(app, body).get_json() == UNSUPPORTED


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_no_other_method_is_allowed(app: Flask, token: str, method: str) -> None:
    answer = app.test_client().open("/auth/refresh?" + form_of(token), method=method)

    assert answer.status_code == 405
    assert generation_of(app, token) == 0


@pytest.mark.parametrize("authorization", ["Bearer x", "Bearer", "Bearer a b", "Basic YTpi", "Bearer é", "Bearer a.b"])
def test_the_authorization_header_is_ignored(app: Flask, token: str, authorization: str) -> None:
    answer = send(app, form_of(token), headers={"Authorization": authorization})

    assert answer.status_code == 200


def test_an_expired_access_token_in_the_header_is_ignored(app: Flask, clock: StandingClock) -> None:
    login = sign_in(app)
    clock.now = NOW + 1000

    answer = send(app, form_of(login["refresh_token"]), headers=bearer(login["access_token"]))

    assert answer.status_code == 200


def test_the_default_guard_does_not_close_the_endpoint(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_DEFAULT_GUARD="login_required")

    assert app.test_client().get("/open").status_code == 401
    assert refresh(app, sign_in(app)["refresh_token"]).status_code == 200


def test_the_endpoint_may_have_another_url_prefix(make_session_app: MakeSessionApp, auth: TokenAuth[Any]) -> None:
    app = make_session_app()
    app.register_blueprint(auth.endpoints, name="other", url_prefix="/v2")
    token = sign_in(app)["refresh_token"]

    answer = app.test_client().post("/v2/refresh", data={"grant_type": "refresh_token", "refresh_token": token})

    assert answer.status_code == 200


def test_a_refusal_has_no_challenge_and_is_not_cached(app: Flask) -> None:
    """RFC 6749 section 5.2."""
    answer = refresh(app, "rt1_")

    assert answer.status_code == 400
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers


REASONS = {
    "refresh_token_invalid": ("grant_type=refresh_token&refresh_token=x", 400, INVALID_GRANT),
    "scope_not_granted": ("grant_type=refresh_token&refresh_token={token}&scope=c", 400, INVALID_SCOPE),
    "request_malformed": ("scope=%ff", 400, MALFORMED),
    "parameter_repeated": ("scope=a&scope=b", 400, repeated("scope")),
    "parameter_missing": ("", 400, missing("grant_type")),
    "request_too_large": ("x" * (MAX_BODY + 1), 413, TOO_LARGE),
    "grant_type_unsupported": ("grant_type=password", 400, UNSUPPORTED),
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_reason_goes_to_the_log_and_to_the_signal(
    app: Flask, token: str, signal_log: SignalLog, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    body, status, expected = REASONS[reason]

    with caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        answer = send(app, body.format(token=token))

    assert (answer.status_code, answer.get_json()) == (status, expected)
    assert signal_log.reasons == [reason]
    assert [record.getMessage() for record in caplog.records] == [f"refused: {reason}"]
