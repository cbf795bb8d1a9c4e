"""``POST /auth/introspect`` by a client that is refused: the answer, the log, plain HTTP, and error handlers."""

import logging
from traceback import walk_tb
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_tokenauth import AuthError, NotAuthenticated

from ...authentication.basic import basic
from ...authentication.challenges import Challenge, parse_challenge
from ...conftest import ISSUER
from ...lifecycle.conftest import MakeSessionApp
from ...lifecycle.kit import MOSTLY_IN_MEMORY, SignalLog
from ...lifecycle.revocation.kit import issue
from .clients_kit import (
    GOOD,
    INVALID_CLIENT,
    REPORTS_SECRET,
    SCOPE,
    SECRET,
    WITH_CLIENTS,
    app,
    ask,
    refused,
)

__all__ = ["app"]  # a fixture

pytestmark = MOSTLY_IN_MEMORY


# Clients that are refused


@refused
def test_every_refused_client_gets_the_same_answer(app: Flask, header: str, reason: str) -> None:
    answer = ask(app, header, issue(app))

    assert (answer.status_code, answer.get_json()) == (401, INVALID_CLIENT)
    assert answer.headers["Cache-Control"] == "no-store"
    [challenge] = answer.headers.getlist("WWW-Authenticate")
    assert parse_challenge(challenge.encode()) == Challenge("Basic", {"realm": ISSUER})


@refused
def test_the_reason_is_in_the_signal(app: Flask, signal_log: SignalLog, header: str, reason: str) -> None:
    ask(app, header, "x")

    assert signal_log.reasons == [reason]


@refused
def test_no_part_of_the_credential_is_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture, header: str, reason: str
) -> None:
    app.debug = True

    with caplog.at_level(logging.DEBUG):
        ask(app, header, "x")

    assert f"refused: {reason}: " in caplog.text
    for part in (header, header.partition(" ")[2], SECRET, REPORTS_SECRET, "hunter2", "stranger"):
        assert part not in caplog.text


@refused
def test_no_frame_of_a_refusal_has_a_secret_in_a_variable(app: Flask, header: str, reason: str) -> None:
    """Tools that collect errors send the variables of all frames away."""
    shown: list[str] = []

    @app.errorhandler(NotAuthenticated)
    def look(error: NotAuthenticated) -> Response:
        for each in (error, error.error):
            shown.extend(f"{frame.f_locals}" for frame, _ in walk_tb(each.__traceback__))
        return error.response

    ask(app, header, "x")

    assert len(shown) > 1
    for part in (header.partition(" ")[2], SECRET, REPORTS_SECRET, "hunter2"):
        assert [frame for frame in shown if part in frame] == []


def test_the_log_names_a_client_of_the_settings_whose_secret_was_wrong(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    app.debug = True

    ask(app, basic("billing", REPORTS_SECRET), "x")

    assert "client billing must send a secret whose hash is in TOKENAUTH_INTROSPECTION_CLIENTS" in caplog.text
    assert "or make both with: python -m flask_tokenauth client-secret" in caplog.text


@pytest.mark.parametrize("header", [{}, {"Authorization": "x"}, {"Authorization": "Token x"}])
def test_the_log_says_how_a_service_sends_a_client_id_and_a_secret(
    app: Flask, caplog: pytest.LogCaptureFixture, header: dict[str, str]
) -> None:
    """Libraries may send both in the body, which is not read."""
    app.debug = True
    body = {"token": "x", "client_id": "billing", "client_secret": SECRET}

    assert app.test_client().post("/auth/introspect", data=body, headers=header).status_code == 401
    assert "as HTTP Basic (client_secret_basic) and not in the body, if TOKENAUTH_INTROSPECTION_CLIENTS" in caplog.text
    assert SECRET not in caplog.text


def test_a_request_without_a_credential_gets_a_challenge_for_a_token(app: Flask) -> None:
    answer = app.test_client().post("/auth/introspect", data={"token": issue(app)})

    assert answer.status_code == 401
    assert answer.headers.getlist("WWW-Authenticate") == [f'Bearer realm="{ISSUER}", scope="{SCOPE}"']


def test_without_the_setting_a_client_is_refused(make_session_app: MakeSessionApp) -> None:
    app = make_session_app()

    assert ask(app, GOOD, issue(app)).status_code == 401


@pytest.mark.parametrize("sent", ["form", "json"])
def test_a_secret_in_the_body_is_not_read(app: Flask, sent: str) -> None:
    body: dict[str, Any] = {"token": issue(app), "client_id": "billing", "client_secret": SECRET}
    options = {"data": body} if sent == "form" else {"json": body}

    answer = app.test_client().post("/auth/introspect", **options)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "unauthorized")


def test_a_secret_in_the_body_beside_basic_changes_nothing(app: Flask) -> None:
    form = {"token": issue(app), "client_id": "reports", "client_secret": "hunter2"}

    answer = app.test_client().post("/auth/introspect", data=form, headers={"Authorization": GOOD})

    assert answer.get_json()["active"]


def test_a_secret_in_the_url_is_not_read(app: Flask) -> None:
    url = f"/auth/introspect?client_id=billing&client_secret={SECRET}"

    assert app.test_client().post(url, data={"token": issue(app)}).status_code == 401


def test_a_secret_sent_as_bearer_is_refused(app: Flask) -> None:
    assert ask(app, f"Bearer {SECRET}", issue(app)).status_code == 401


# HTTPS


def test_a_client_over_plain_http_is_refused_before_its_secret_is_checked(
    make_session_app: MakeSessionApp, signal_log: SignalLog
) -> None:
    app = make_session_app(TOKENAUTH_ENFORCE_HTTPS="refuse", **WITH_CLIENTS)

    answers = [ask(app, header, "x") for header in (GOOD, basic("billing", "hunter2"))]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert signal_log.reasons == ["transport_insecure"] * 2


def test_a_client_over_https_is_answered(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_ENFORCE_HTTPS="refuse", **WITH_CLIENTS)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]

    assert ask(app, GOOD, issue(app), headers={"X-Forwarded-Proto": "https"}).get_json()["active"]


# Error handlers


def test_a_handler_keeps_one_challenge(app: Flask) -> None:
    app.register_error_handler(AuthError, lambda error: error.response)

    assert ask(app, basic("stranger", SECRET), "x").headers.getlist("WWW-Authenticate") == [f'Basic realm="{ISSUER}"']


def test_a_challenge_of_a_handler_for_basic_is_replaced(app: Flask) -> None:
    app.register_error_handler(401, lambda error: ("handled", 401, {"WWW-Authenticate": 'BASIC realm="pages"'}))

    answer = ask(app, basic("stranger", SECRET), "x")

    assert answer.headers.getlist("WWW-Authenticate") == [f'Basic realm="{ISSUER}"']


def test_a_challenge_of_a_handler_for_another_scheme_stays(app: Flask) -> None:
    app.register_error_handler(401, lambda error: ("handled", 401, {"WWW-Authenticate": "Negotiate"}))

    answer = ask(app, basic("stranger", SECRET), "x")

    assert answer.headers.getlist("WWW-Authenticate") == [f'Basic realm="{ISSUER}"', "Negotiate"]
