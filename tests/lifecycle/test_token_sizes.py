"""The error about a token that is too long names its largest claims, without their values, and says what to do."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token, token_response
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp, bearer
from ..cookies_kit import Browser, make_cookie_app
from .exchange.kit import KEYS, exchange, token_for
from .kit import refresh

CLAIMS = {"photo": "wonder" * 150, "teams": ["land"] * 20, "age": 7}
LARGEST = "(its largest claims, in bytes of JSON: photo 911, teams 150, client_id 37): "
FEWER = ": put fewer claims and scopes into it"
ADVICE = f'{FEWER}, or set TOKENAUTH_TOKEN_FORMAT to "reference"'


def issue_jwt() -> object:
    return create_token("alice", claims=CLAIMS)


def issue_reference() -> object:
    return create_token("alice", claims=CLAIMS, format="reference")


def sign_in() -> object:
    return token_response("alice", claims=CLAIMS)


def fail(app: Flask, issue: Callable[[], object]) -> str:
    """Return the message of the error, which must not have the value of a claim."""
    with app.test_request_context(), pytest.raises(ValueError, match="at most") as caught:
        issue()
    message = str(caught.value)
    assert not any(value in message for value in ("wonder", "land", "alice", "https"))
    return message


@pytest.mark.parametrize("issue", [issue_jwt, sign_in])
@pytest.mark.parametrize("settings", [{}, {"TOKENAUTH_STORE": "memory://"}])
def test_the_error_names_the_largest_claims(
    make_app: MakeApp, settings: dict[str, Any], issue: Callable[[], object]
) -> None:
    message = fail(make_app(TOKENAUTH_MAX_TOKEN_BYTES=1024, **settings), issue)

    assert message.startswith("a token must be at most 1024 bytes long, got 1")
    assert LARGEST in message
    assert message.endswith(ADVICE)


def test_the_error_for_a_reference_token_names_them_too(make_app: MakeApp) -> None:
    message = fail(make_app(TOKENAUTH_MAX_TOKEN_BYTES=1024, TOKENAUTH_STORE="memory://"), issue_reference)

    assert message.startswith("the claims of a reference token must together be at most 1024 bytes long, got 1")
    assert LARGEST in message
    assert message.endswith(FEWER)  # it is a reference token already


def test_the_error_for_a_token_in_a_cookie_names_them_too(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_cookie_app(make_app, store)
    api.add_url_rule("/large", "large", lambda: token_response("alice", claims={"photo": "wonder" * 600}))

    with pytest.raises(ValueError, match="a token in a cookie") as caught:
        Browser(api)("GET", "/large")

    assert "(its largest claims, in bytes of JSON: photo 3611, client_id 37, " in str(caught.value)
    assert str(caught.value).endswith(ADVICE)


def test_the_error_for_a_ticket_does_not_advise_reference_tokens(make_app: MakeApp) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_MAX_TOKEN_BYTES=1024)
    path = f"/reports/{'a' * 600}"

    with app.app_context():
        token = create_token("alice")
    with app.test_request_context(headers=bearer(token)):
        app.preprocess_request()
        with pytest.raises(ValueError, match="ticket_path 626, ") as caught:
            auth.create_ticket(path, expires_in=60)

    assert str(caught.value).endswith(FEWER)


def test_the_error_for_an_exchanged_token_advises_a_smaller_audience(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_MAX_TOKEN_BYTES=1024, TOKENAUTH_KEYS=KEYS)
    token = token_for(app)

    with pytest.raises(ValueError, match="aud 820, ") as caught:
        exchange(app, token, audience=[name * 200 for name in "abcd"])

    assert str(caught.value).endswith(f"{FEWER}, and fewer strings into its audience")


def test_a_refresh_names_the_claims_that_before_refresh_has_added(make_app: MakeApp, store: MemoryStore) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.before_refresh(lambda session: session.grant.replace(claims=CLAIMS))
    app = make_app(auth=auth, TOKENAUTH_STORE=store, TOKENAUTH_MAX_TOKEN_BYTES=1024)
    app.register_blueprint(auth.endpoints)
    with app.test_request_context():
        login = token_response("alice").get_json()

    with pytest.raises(ValueError, match="photo 911, teams 150, client_id 37"):
        refresh(app, login["refresh_token"])


def test_the_log_names_the_claims_that_end_a_session(
    make_app: MakeApp, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    roomy = make_app(TOKENAUTH_STORE=store)
    with roomy.test_request_context():
        login = token_response("alice", claims=CLAIMS).get_json()
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE=store, TOKENAUTH_MAX_TOKEN_BYTES=1024)
    app.register_blueprint(auth.endpoints)

    with caplog.at_level(logging.ERROR):
        assert refresh(app, login["refresh_token"]).status_code == 400

    assert LARGEST in caplog.text
    assert "wonder" not in caplog.text


def test_nothing_is_stored_for_a_token_that_is_too_long(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_app(TOKENAUTH_STORE=store, TOKENAUTH_MAX_TOKEN_BYTES=1024)

    fail(app, sign_in)

    assert state_of(app).store.list_sessions("alice", cursor=None, limit=9).sessions == ()
