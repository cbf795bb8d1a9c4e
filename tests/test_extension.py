"""``TokenAuth``, the object that people hold."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response

from flask_tokenauth import AuthError, NotAuthenticated, SettingsError, TokenAuth, create_token, login_required
from flask_tokenauth.core.errors import MissingCredential

from .conftest import ISSUER, SECRET, MakeApp, Mint, bearer, whoami


def bare(**config: object) -> Flask:
    app = Flask("reporting")
    app.config |= {"SECRET_KEY": SECRET} | config
    return app


def test_one_object_serves_many_applications(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    one, other = make_app(auth=auth), make_app(auth=auth, TOKENAUTH_ISSUER="https://other.example")
    for each in (one, other):
        each.add_url_rule("/me", view_func=login_required(whoami()))

    assert one.test_client().get("/me", headers=bearer(mint())).status_code == 200
    assert other.test_client().get("/me", headers=bearer(mint())).status_code == 401


def test_an_application_is_set_up_once() -> None:
    app = bare()
    auth = TokenAuth(app)

    with pytest.raises(SettingsError, match="already set up"):
        auth.init_app(app)
    with pytest.raises(SettingsError, match="already set up"):
        TokenAuth(app)


@pytest.mark.parametrize("other", ["reporting", 1, Flask])
def test_something_else_than_an_application_is_refused(other: Any) -> None:
    with pytest.raises(TypeError, match=r"must get a Flask application, got (str|int|type): TokenAuth\(app\)$"):
        TokenAuth(other)


@pytest.mark.parametrize("call", [lambda: create_token("alice"), lambda: TokenAuth().verify("x")])
def test_without_an_application_context_the_message_says_what_to_write(call: Callable[[], object]) -> None:
    with pytest.raises(RuntimeError, match=r"needs an application context.* with app\.app_context\(\):$"):
        call()


def test_a_wrong_setting_leaves_the_application_as_it_was() -> None:
    app = bare(TOKENAUTH_LEEWAY="x")

    with pytest.raises(SettingsError):
        TokenAuth(app)

    assert "tokenauth" not in app.extensions
    assert not app.before_request_funcs


def test_a_factory_makes_as_many_applications_as_it_is_called() -> None:
    auth: TokenAuth[str] = TokenAuth()

    def create_app() -> Flask:
        app = bare()
        auth.init_app(app)
        return app

    assert create_app().extensions["tokenauth"] is not create_app().extensions["tokenauth"]


@pytest.mark.parametrize(
    ("config", "warned"),
    [({}, True), ({"TOKENAUTH_ISSUER": ISSUER}, False), ({"DEBUG": True}, False), ({"TESTING": True}, False)],
)
def test_an_application_that_names_itself_is_warned_once(
    caplog: pytest.LogCaptureFixture,
    config: dict[str, object],
    warned: bool,  # noqa: FBT001
) -> None:
    TokenAuth(bare(**config))

    assert [(record.name, record.levelname) for record in caplog.records] == [("flask_tokenauth", "WARNING")] * warned
    assert SECRET not in caplog.text
    assert ("TOKENAUTH_ISSUER is not set" in caplog.text) is warned


def test_an_application_answers_refusals_its_own_way_by_class(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/me", view_func=login_required(whoami()))

    @app.errorhandler(AuthError)
    def handle(error: AuthError) -> tuple[str, int]:
        assert isinstance(error.error, MissingCredential)
        return f"no: {error.reason}", 418

    assert app.test_client().get("/me").text == "no: credential_missing"


def test_a_handler_for_refusals_that_is_there_already_stays() -> None:
    app = bare(TOKENAUTH_ISSUER=ISSUER)
    app.add_url_rule("/me", view_func=login_required(whoami()))
    app.register_error_handler(AuthError, lambda error: ("mine", 418))

    TokenAuth(app)

    assert app.test_client().get("/me").text == "mine"


def test_an_application_answers_refusals_its_own_way_by_status(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/me", view_func=login_required(whoami()))
    app.register_error_handler(401, lambda error: (Response("mine"), 401, {"WWW-Authenticate": "Bearer"}))

    answer = app.test_client().get("/me")

    assert (answer.status_code, answer.text) == (401, "mine")


def test_a_catch_all_handler_does_not_swallow_the_challenge(make_app: MakeApp) -> None:
    """flask-smorest registers one for every ``HTTPException``."""
    app = make_app()
    app.add_url_rule("/me", view_func=login_required(whoami()))
    app.register_error_handler(Exception, lambda error: ("swallowed", 500))

    answer = app.test_client().get("/me")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="{ISSUER}"'


def test_a_login_view_raises_not_authenticated(make_app: MakeApp) -> None:
    app = make_app()

    @app.post("/login")
    def login() -> str:
        raise NotAuthenticated("Wrong password.")

    answer = app.test_client().post("/login")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="{ISSUER}"'
    assert answer.json == {"error": "unauthorized", "error_description": "Wrong password."}
