"""While the store is unavailable: guards answer 503, open views answer, and no user is taken for another."""

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
from .kit import UNAVAILABLE, SignalLog, record_calls, refresh, sign_in, store_of, unavailable

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
    """An application that asks the store at every request."""
    return make_session_app(TOKENAUTH_REVOCATION="strict")


@every_path
def test_requests_that_need_the_store_get_503_and_retry_after(app: Flask, signal_log: SignalLog, call: Call) -> None:
    login = sign_in(app)

    with unavailable(store_of(app)):
        answer = call(app, login)

    assert answer.status_code == 503
    assert answer.mimetype == "application/json"
    assert answer.get_json() == UNAVAILABLE
    assert answer.headers["Retry-After"] == "5"
    assert "WWW-Authenticate" not in answer.headers
    assert signal_log.reasons == ["store_unavailable"]
    assert call(app, login).status_code == 200


@every_path
def test_the_log_has_the_cause_and_no_secret(app: Flask, caplog: pytest.LogCaptureFixture, call: Call) -> None:
    login = sign_in(app)

    with unavailable(store_of(app)), caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        call(app, login)

    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told == [
        ("ERROR", "the store cannot be asked: nobody answers"),
        ("INFO", "refused: store_unavailable"),
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_an_open_view_answers_as_to_an_anonymous_user(app: Flask, signal_log: SignalLog) -> None:
    headers = bearer(sign_in(app)["access_token"])

    with unavailable(store_of(app)):
        answer = app.test_client().get("/open", headers=headers)

    assert answer.status_code == 200
    assert answer.get_json() == {"user_id": None, "scopes": [], "token": None}
    assert signal_log.reasons == []


@pytest.mark.parametrize("path", ["/open", "/maybe"])
def test_requests_without_a_token_are_not_affected(app: Flask, path: str) -> None:
    with unavailable(store_of(app)):
        assert app.test_client().get(path).status_code == 200
        assert app.test_client().get("/me").status_code == 401


@pytest.mark.parametrize("token", ["x.y.z", "a", "expired", "forged"])
def test_a_bad_token_is_refused_without_the_store(app: Flask, mint: Mint, token: str) -> None:
    texts = {"expired": mint(exp=1, iat=0), "forged": mint()[:-8] + "AAAAAAAA"}

    with unavailable(store_of(app)), record_calls(store_of(app)) as called:
        answer = app.test_client().get("/me", headers=bearer(texts.get(token, token)))

    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    assert called == []


def test_an_invalid_refresh_token_is_refused_without_the_store(app: Flask) -> None:
    with unavailable(store_of(app)):
        assert refresh(app, "rt1_").status_code == 400


def test_a_token_that_was_just_good_is_checked_again(app: Flask) -> None:
    headers = bearer(sign_in(app)["access_token"])
    assert app.test_client().get("/me", headers=headers).status_code == 200

    with unavailable(store_of(app), "is_revoked"):
        assert app.test_client().get("/me", headers=headers).status_code == 503

    assert app.test_client().get("/me", headers=headers).status_code == 200


def test_a_request_in_an_outage_asks_the_store_once(app: Flask) -> None:
    headers = bearer(sign_in(app)["access_token"])

    with unavailable(store_of(app)), record_calls(store_of(app)) as called:
        app.test_client().get("/me", headers=headers)

    assert called == ["is_revoked"]


def test_store_unavailable_in_a_token_check_is_treated_as_an_outage(app: Flask, auth: TokenAuth[Any]) -> None:
    headers = bearer(sign_in(app)["access_token"])

    @auth.token_check
    def check(token: object) -> bool:
        raise StoreUnavailable("of the application")

    assert app.test_client().get("/me", headers=headers).status_code == 503
    assert app.test_client().get("/open", headers=headers).get_json()["user_id"] is None


def test_verify_raises_store_unavailable(app: Flask, auth: TokenAuth[Any]) -> None:
    token = sign_in(app)["access_token"]

    with app.app_context(), unavailable(store_of(app)), pytest.raises(StoreUnavailable):
        auth.verify(token)


def test_issuing_raises_store_unavailable(app: Flask) -> None:
    with app.app_context(), unavailable(store_of(app)):
        with pytest.raises(StoreUnavailable):
            create_token("alice")
        with pytest.raises(StoreUnavailable):
            token_response("alice")


@every_path
@pytest.mark.parametrize("kind", [503, ServiceUnavailable, TemporarilyUnavailable, AuthError])
def test_an_error_handler_may_answer_an_outage(app: Flask, call: Call, kind: Any) -> None:
    seen: list[Any] = []

    @app.errorhandler(kind)
    def answer(error: AuthError) -> tuple[str, int]:
        seen.append(error)
        return "later", 503

    login = sign_in(app)

    with unavailable(store_of(app)):
        assert call(app, login).text == "later"

    [error] = seen
    assert isinstance(error, TemporarilyUnavailable)
    assert isinstance(error.error, StoreOutage)
    assert (error.code, error.reason, error.data) == (503, "store_unavailable", UNAVAILABLE)


def test_a_handler_for_store_unavailable_answers_an_outage_in_a_view(app: Flask) -> None:
    @app.errorhandler(StoreUnavailable)
    def answer(error: StoreUnavailable) -> tuple[str, int]:
        return f"later: {error}", 500

    with unavailable(store_of(app)):
        assert app.test_client().post("/login", data={"username": "alice"}).text == "later: nobody answers"


def test_an_outage_outside_of_requests_raises_store_unavailable(api: Flask) -> None:
    with (
        api.app_context(),
        unavailable(store_of(api)),
        pytest.raises(StoreUnavailable, match="nobody answers") as caught,
    ):
        create_token("alice")

    assert not isinstance(caught.value, AuthError)


def test_an_error_handler_of_a_blueprint_may_answer_an_outage(app: Flask) -> None:
    blueprint = Blueprint("pages", __name__)
    blueprint.errorhandler(AuthError)(lambda error: ("sorry", error.code))
    blueprint.post("/log-in")(lambda: token_response("alice"))
    app.register_blueprint(blueprint)

    with unavailable(store_of(app)):
        assert app.test_client().post("/log-in").text == "sorry"
        assert app.test_client().post("/login", data={"username": "alice"}).get_json() == UNAVAILABLE


def test_a_handler_registered_before_init_app_stays() -> None:
    app = Flask("tests")
    app.errorhandler(StoreUnavailable)(lambda error: ("mine", 500))
    app.config |= {"SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": "i", "TOKENAUTH_STORE": "memory://"}
    TokenAuth(app)
    app.add_url_rule("/", view_func=lambda: token_response("alice"))

    with unavailable(store_of(app)):
        assert app.test_client().get("/").text == "mine"


def test_a_view_may_raise_temporarily_unavailable(app: Flask) -> None:
    @app.get("/later")
    def later() -> str:
        raise TemporarilyUnavailable("The reports are being made.")

    answer = app.test_client().get("/later")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json() == UNAVAILABLE | {"error_description": "The reports are being made."}


def test_a_view_may_catch_store_unavailable(app: Flask) -> None:
    @app.get("/either")
    @login_required
    def either() -> dict[str, object]:
        with unavailable(store_of(app)):
            try:
                return {"token": create_token(g.user_id)}
            except StoreUnavailable:
                return {"token": None}

    answer = app.test_client().get("/either", headers=bearer(sign_in(app)["access_token"]))

    assert answer.get_json() == {"token": None}


def test_an_outage_of_verify_in_a_view_is_answered_with_503(app: Flask, auth: TokenAuth[Any]) -> None:
    token = sign_in(app)["access_token"]
    app.add_url_rule("/verify", "verify", lambda: auth.verify(token).subject)
    assert app.test_client().get("/verify").text == "alice"

    with unavailable(store_of(app)):
        answer = app.test_client().get("/verify")

    assert (answer.status_code, answer.get_json()) == (503, UNAVAILABLE)
    assert answer.headers["Retry-After"]
