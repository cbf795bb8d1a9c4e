"""A refresh token in the place of an access token: the client and the log are told so, by its beginning alone."""

import logging

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, login_required
from flask_tokenauth.core.form_errors import MalformedToken, TokenTooLarge
from flask_tokenauth.core.token_errors import RefreshTokenSent

from ..conftest import ISSUER, MakeApp, whoami
from ..lifecycle.kit import record_calls, sign_in, store_of
from ..wsgi_kit import call
from .challenges import Challenge

HINT = "A refresh token was sent: send the access token."
SENT = ["rt1_", "rt1_x", "rt1_" + "A" * 70, "rt1_a/b+c=="]


@pytest.mark.parametrize("text", SENT)
def test_the_client_is_told_to_send_the_access_token(app: Flask, text: str) -> None:
    answer = call(app, "/me", f"Bearer {text}")

    assert answer.status == 401
    assert answer.body == {"error": "invalid_token", "error_description": HINT}
    assert answer.challenge == Challenge(
        "Bearer", {"realm": ISSUER, "error": "invalid_token", "error_description": HINT}
    )


def test_a_good_refresh_token_gets_the_answer_of_any_other_and_the_store_is_not_asked(make_app: MakeApp) -> None:
    """The answer is no oracle."""
    app = make_app(TOKENAUTH_STORE="memory://")
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    good = sign_in(app)["refresh_token"]

    with record_calls(store_of(app)) as called:
        answers = [call(app, "/me", f"Bearer {text}") for text in (good, "rt1_x")]

    assert (answers[0].status, answers[0].body, answers[0].challenge) == (401, answers[1].body, answers[1].challenge)
    assert called == []


def test_the_log_has_a_reason_of_its_own_and_not_the_token(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    app.debug = True

    with caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        call(app, "/me", "Bearer " + SENT[2])

    assert caplog.messages == [
        "refused: refresh_token_sent: the token must be an access token, got a refresh token (rt1_...): send the "
        "access token, and the refresh token only in the body of the endpoints for it, which are POST /auth/refresh "
        "and POST /auth/revoke by default (route /me)"
    ]


@pytest.mark.parametrize("text", SENT)
def test_verify_raises_the_same(app: Flask, text: str) -> None:
    with app.app_context(), pytest.raises(RefreshTokenSent):
        TokenAuth().verify(text)


@pytest.mark.parametrize("text", ["rt1", "rt2_x", "RT1_x", " rt1_x", "xrt1_", "rt1_x.y.z", "x.rt1_x.y"])
def test_another_beginning_is_a_malformed_token(app: Flask, text: str) -> None:
    with app.app_context(), pytest.raises(MalformedToken):
        TokenAuth().verify(text)


def test_a_header_that_breaks_the_grammar_is_malformed(app: Flask) -> None:
    assert call(app, "/me", "Bearer rt1_x y").status == 400
    assert call(app, "/me", 'Bearer "rt1_x"').status == 400


def test_a_token_that_is_too_large_is_not_looked_at(app: Flask) -> None:
    with app.app_context(), pytest.raises(TokenTooLarge):
        TokenAuth().verify("rt1_" + "x" * 8000)
