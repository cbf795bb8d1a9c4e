"""Limits of a session beside its own lifetimes: the transport, and settings that were lowered later."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, token_response

from .conftest import MakeSessionApp
from .kit import refresh, refreshed, sign_in


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/revoke"])
def test_enforce_https_counts_for_tokens_in_a_body(make_session_app: MakeSessionApp, path: str) -> None:
    app = make_session_app(TOKENAUTH_ENFORCE_HTTPS="refuse")
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}

    plain = app.test_client().post(path, data=form)
    secure = app.test_client().post(f"https://localhost{path}", data=form)

    assert (plain.status_code, plain.get_json()["error_description"]) == (
        400,
        "Access tokens are taken over HTTPS only.",
    )
    assert secure.get_json(silent=True) != plain.get_json()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 900),
        ({"TOKENAUTH_SESSION_LIFETIME": 899}, 899),
        ({"TOKENAUTH_SESSION_LIFETIME": 900}, 900),
        ({"TOKENAUTH_SESSION_LIFETIME": 901}, 900),
        ({"TOKENAUTH_REFRESH_IDLE_LIFETIME": 899}, 899),
        ({"TOKENAUTH_REFRESH_IDLE_LIFETIME": 901}, 900),
        ({"TOKENAUTH_REFRESH_IDLE_LIFETIME": 1}, 1),
    ],
)
def test_an_access_token_expires_with_the_session_at_the_latest(
    make_session_app: MakeSessionApp, settings: dict[str, Any], expected: int
) -> None:
    """Otherwise the token would still be good after its session is over and forgotten."""
    assert sign_in(make_session_app(**settings))["expires_in"] == expected


def test_a_refreshed_access_token_expires_with_the_session_at_the_latest(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_SESSION_LIFETIME=1000)
    login = sign_in(app)
    ends_at = (
        app.extensions["tokenauth"]
        .sessions.find(app.extensions["tokenauth"].sessions.read(login["refresh_token"]))
        .expires_at.timestamp()
    )

    app.extensions["tokenauth"].clock = lambda: ends_at - 400

    assert refreshed(app, login["refresh_token"])["expires_in"] in (399, 400)


def restart(make_session_app: MakeSessionApp, app: Flask, **settings: object) -> Flask:
    """Return an application with other settings and the same store, as after a restart."""
    return make_session_app("lowered", auth=TokenAuth(), TOKENAUTH_STORE=app.extensions["tokenauth"].store, **settings)


def test_a_lower_max_lifetime_shortens_the_next_access_token(make_session_app: MakeSessionApp) -> None:
    app = make_session_app()
    with app.test_request_context():
        token = token_response("alice", expires_in=7200).get_json()["refresh_token"]

    again = restart(make_session_app, app, TOKENAUTH_MAX_LIFETIME=3600)

    assert refreshed(again, token)["expires_in"] == 3600


def test_a_lower_max_token_bytes_ends_a_session_with_longer_tokens(make_session_app: MakeSessionApp) -> None:
    app = make_session_app()
    with app.test_request_context():
        token = token_response("alice", claims={"x": "a" * 2000}).get_json()["refresh_token"]

    again = restart(make_session_app, app, TOKENAUTH_MAX_TOKEN_BYTES=1024)

    assert refresh(again, token).get_json()["error"] == "invalid_grant"
    assert refresh(app, token).status_code == 200


def test_before_refresh_gets_the_shortened_lifetime(make_session_app: MakeSessionApp, auth: TokenAuth[Any]) -> None:
    app = make_session_app()
    with app.test_request_context():
        token = token_response("alice", ["a"], expires_in=7200).get_json()["refresh_token"]

    again = restart(make_session_app, app, TOKENAUTH_MAX_LIFETIME=3600)
    again.extensions["tokenauth"].callbacks.before_refresh = lambda session: session.grant.replace(scopes=("b",))
    body = refreshed(again, token)

    assert (body["expires_in"], body["scope"]) == (3600, "b")


def test_before_refresh_cannot_save_a_session_whose_grant_is_too_long(
    make_session_app: MakeSessionApp,
) -> None:
    app = make_session_app()
    with app.test_request_context():
        token = token_response("alice", claims={"x": "a" * 2000}).get_json()["refresh_token"]

    again = restart(make_session_app, app, TOKENAUTH_MAX_TOKEN_BYTES=1024)
    again.extensions["tokenauth"].callbacks.before_refresh = lambda session: session.grant.replace(scopes=("b",))

    assert refresh(again, token).get_json()["error"] == "invalid_grant"


@pytest.mark.parametrize(("window", "expected"), [(10, 290), (0, None), (299, 1), (300, 1)])
def test_an_access_token_for_a_repeat_expires_with_the_session_at_the_latest(
    make_session_app: MakeSessionApp, window: int, expected: int | None
) -> None:
    app = make_session_app(TOKENAUTH_REFRESH_IDLE_LIFETIME=300, TOKENAUTH_REFRESH_RETRY_WINDOW=window)
    token = sign_in(app)["refresh_token"]
    first = refreshed(app, token)

    again = refresh(app, token)

    assert (first["expires_in"], first["refresh_expires_in"]) == (300, 300)
    if expected is None:
        assert again.status_code == 400
    else:
        body = again.get_json()
        assert (body["expires_in"], body["refresh_expires_in"]) == (expected, 300 - window)
