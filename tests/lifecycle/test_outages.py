"""While the store is away: closed doors stay closed for now, open ones open, and nobody is taken for somebody else."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, g
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.test import TestResponse

from flask_tokenauth import (
    AuthError,
    StoreUnavailable,
    TemporarilyUnavailable,
    TokenAuth,
    create_token,
    login_required,
    token_response,
)
from flask_tokenauth.core.errors import StoreOutage

from ..conftest import SECRET, Mint, bearer
from .conftest import MakeSessionApp
from .kit import UNAVAILABLE, Heard, asked, away, refresh, sign_in, store_of

PATHS = {
    "a guard": lambda app, login: app.test_client().get("/me", headers=bearer(login["access_token"])),
    "an optional guard": lambda app, login: app.test_client().get("/maybe", headers=bearer(login["access_token"])),
    "a login": lambda app, login: app.test_client().post("/login", data={"username": "alice"}),
    "a refresh": lambda app, login: refresh(app, login["refresh_token"]),
}
Call = Callable[[Flask, dict[str, Any]], TestResponse]
every_path = pytest.mark.parametrize("call", PATHS.values(), ids=PATHS)


@pytest.fixture
def app(make_session_app: MakeSessionApp) -> Flask:
    """An application that asks the store for every request."""
    return make_session_app(TOKENAUTH_REVOCATION="strict")


@every_path
def test_who_needs_the_store_is_told_to_come_again(app: Flask, heard: Heard, call: Call) -> None:
    login = sign_in(app)

    with away(store_of(app)):
        answer = call(app, login)

    assert answer.status_code == 503
    assert answer.mimetype == "application/json"
    assert answer.get_json() == UNAVAILABLE
    assert answer.headers["Retry-After"] == "5"
    assert "WWW-Authenticate" not in answer.headers
    assert heard.reasons == ["store_unavailable"]
    assert call(app, login).status_code == 200


@every_path
def test_the_log_says_why_and_no_secret(app: Flask, caplog: pytest.LogCaptureFixture, call: Call) -> None:
    login = sign_in(app)

    with away(store_of(app)), caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        call(app, login)

    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told == [
        ("ERROR", "the store cannot be asked: nobody answers"),
        ("INFO", "refused: store_unavailable"),
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_an_open_view_goes_on_and_sees_nobody(app: Flask, heard: Heard) -> None:
    headers = bearer(sign_in(app)["access_token"])

    with away(store_of(app)):
        answer = app.test_client().get("/open", headers=headers)

    assert answer.status_code == 200
    assert answer.get_json() == {"user_id": None, "scopes": [], "token": None}
    assert heard.reasons == []


@pytest.mark.parametrize("path", ["/open", "/maybe"])
def test_who_brings_no_token_notices_nothing(app: Flask, path: str) -> None:
    with away(store_of(app)):
        assert app.test_client().get(path).status_code == 200
        assert app.test_client().get("/me").status_code == 401


@pytest.mark.parametrize("token", ["x.y.z", "a", "expired", "forged"])
def test_a_bad_token_is_refused_without_the_store(app: Flask, mint: Mint, token: str) -> None:
    texts = {"expired": mint(exp=1, iat=0), "forged": mint()[:-8] + "AAAAAAAA"}

    with away(store_of(app)), asked(store_of(app)) as called:
        answer = app.test_client().get("/me", headers=bearer(texts.get(token, token)))

    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    assert called == []


def test_a_refresh_that_cannot_be_read_is_refused_without_the_store(app: Flask) -> None:
    with away(store_of(app)):
        assert refresh(app, "rt1_").status_code == 400


def test_a_token_that_was_good_a_moment_ago_is_asked_for_again(app: Flask) -> None:
    headers = bearer(sign_in(app)["access_token"])
    assert app.test_client().get("/me", headers=headers).status_code == 200

    with away(store_of(app), "is_revoked"):
        assert app.test_client().get("/me", headers=headers).status_code == 503

    assert app.test_client().get("/me", headers=headers).status_code == 200


def test_an_outage_is_asked_about_once_a_request(app: Flask) -> None:
    headers = bearer(sign_in(app)["access_token"])

    with away(store_of(app)), asked(store_of(app)) as called:
        app.test_client().get("/me", headers=headers)

    assert called == ["is_revoked"]


def test_a_token_check_that_cannot_ask_its_own_store_is_an_outage(app: Flask, auth: TokenAuth[Any]) -> None:
    headers = bearer(sign_in(app)["access_token"])

    @auth.token_check
    def check(token: object) -> bool:
        raise StoreUnavailable("of the application")

    assert app.test_client().get("/me", headers=headers).status_code == 503
    assert app.test_client().get("/open", headers=headers).get_json()["user_id"] is None


def test_verifying_by_hand_says_that_the_store_is_away(app: Flask, auth: TokenAuth[Any]) -> None:
    token = sign_in(app)["access_token"]

    with app.app_context(), away(store_of(app)), pytest.raises(StoreUnavailable):
        auth.verify(token)


def test_without_the_store_there_is_no_new_token(app: Flask) -> None:
    with app.app_context(), away(store_of(app)):
        with pytest.raises(StoreUnavailable):
            create_token("alice")
        with pytest.raises(StoreUnavailable):
            token_response("alice")


@every_path
@pytest.mark.parametrize("kind", [503, ServiceUnavailable, TemporarilyUnavailable, AuthError])
def test_an_application_may_answer_otherwise(app: Flask, call: Call, kind: Any) -> None:
    seen: list[Any] = []

    @app.errorhandler(kind)
    def answer(error: AuthError) -> tuple[str, int]:
        seen.append(error)
        return "later", 503

    login = sign_in(app)

    with away(store_of(app)):
        assert call(app, login).text == "later"

    [error] = seen
    assert isinstance(error, TemporarilyUnavailable)
    assert isinstance(error.error, StoreOutage)
    assert (error.code, error.reason, error.data) == (503, "store_unavailable", UNAVAILABLE)


def test_an_outage_in_a_view_is_answered_by_the_handler_that_the_application_has_for_it(app: Flask) -> None:
    @app.errorhandler(StoreUnavailable)
    def answer(error: StoreUnavailable) -> tuple[str, int]:
        return f"later: {error}", 500

    with away(store_of(app)):
        assert app.test_client().post("/login", data={"username": "alice"}).text == "later: nobody answers"


def test_an_outage_outside_of_requests_is_raised_as_it_is(api: Flask) -> None:
    with api.app_context(), away(store_of(api)), pytest.raises(StoreUnavailable, match="nobody answers") as caught:
        create_token("alice")

    assert not isinstance(caught.value, AuthError)


def test_a_blueprint_may_answer_otherwise(app: Flask) -> None:
    blueprint = Blueprint("pages", __name__)
    blueprint.errorhandler(AuthError)(lambda error: ("sorry", error.code))
    blueprint.post("/log-in")(lambda: token_response("alice"))
    app.register_blueprint(blueprint)

    with away(store_of(app)):
        assert app.test_client().post("/log-in").text == "sorry"
        assert app.test_client().post("/login", data={"username": "alice"}).get_json() == UNAVAILABLE


def test_a_handler_that_was_there_before_stays() -> None:
    app = Flask("tests")
    app.errorhandler(StoreUnavailable)(lambda error: ("mine", 500))
    app.config |= {"SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": "i", "TOKENAUTH_STORE": "memory://"}
    TokenAuth(app)
    app.add_url_rule("/", view_func=lambda: token_response("alice"))

    with away(store_of(app)):
        assert app.test_client().get("/").text == "mine"


def test_a_view_may_say_itself_that_it_cannot_go_on_for_now(app: Flask) -> None:
    @app.get("/later")
    def later() -> str:
        raise TemporarilyUnavailable("The reports are being made.")

    answer = app.test_client().get("/later")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json() == UNAVAILABLE | {"error_description": "The reports are being made."}


def test_a_view_that_catches_the_outage_goes_on(app: Flask) -> None:
    @app.get("/either")
    @login_required
    def either() -> dict[str, object]:
        with away(store_of(app)):
            try:
                return {"token": create_token(g.user_id)}
            except StoreUnavailable:
                return {"token": None}

    answer = app.test_client().get("/either", headers=bearer(sign_in(app)["access_token"]))

    assert answer.get_json() == {"token": None}


def test_what_a_view_asks_by_itself_is_answered_as_well(app: Flask, auth: TokenAuth[Any]) -> None:
    token = sign_in(app)["access_token"]
    app.add_url_rule("/verify", "verify", lambda: auth.verify(token).subject)
    assert app.test_client().get("/verify").text == "alice"

    with away(store_of(app)):
        answer = app.test_client().get("/verify")

    assert (answer.status_code, answer.get_json()) == (503, UNAVAILABLE)
    assert answer.headers["Retry-After"]
