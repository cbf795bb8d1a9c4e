"""``TokenAuth``, the extension object."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response

from flask_tokenauth import (
    AuthError,
    NotAuthenticated,
    SettingsError,
    TokenAuth,
    create_token,
    get_token,
    get_user,
    login_required,
)
from flask_tokenauth.core.errors import MissingCredential

from .conftest import ISSUER, SECRET, MakeApp, Mint, bearer, whoami


def make_bare_app(**config: object) -> Flask:
    app = Flask("reporting")
    app.config |= {"SECRET_KEY": SECRET} | config
    return app


def test_one_object_serves_many_applications(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    one, other = make_app(auth=auth), make_app(auth=auth, TOKENAUTH_ISSUER="https://other.example")
    for app in (one, other):
        app.add_url_rule("/me", view_func=login_required(whoami()))

    assert one.test_client().get("/me", headers=bearer(mint())).status_code == 200
    assert other.test_client().get("/me", headers=bearer(mint())).status_code == 401


@pytest.mark.parametrize("name", ["user_loader", "token_check", "before_refresh"])
@pytest.mark.parametrize("value", [None, "load", 5])
def test_a_decorator_of_callbacks_takes_functions_only(name: str, value: object) -> None:
    """None would turn a check off."""
    with pytest.raises(TypeError) as caught:
        getattr(TokenAuth(), name)(value)

    got = type(value).__name__
    assert str(caught.value) == f"{name} must decorate a function, got {got}: write @auth.{name} above a function"


def test_setting_up_an_application_twice_raises() -> None:
    app = make_bare_app()
    auth = TokenAuth(app)

    with pytest.raises(SettingsError, match="already set up"):
        auth.init_app(app)
    with pytest.raises(SettingsError, match="already set up"):
        TokenAuth(app)


@pytest.mark.parametrize("other", ["reporting", 1, Flask])
def test_an_object_that_is_no_application_is_refused(other: Any) -> None:
    with pytest.raises(TypeError, match=r"must get a Flask application, got (str|int|type): TokenAuth\(app\)$"):
        TokenAuth(other)


@pytest.mark.slow
def test_an_application_is_set_up_after_another_package_has_replaced_the_class_of_flask() -> None:
    """``FlaskInstrumentor().instrument()`` of OpenTelemetry puts a subclass into the module ``flask``."""
    program = f"""
import flask
from flask import Flask
flask.Flask = type("Instrumented", (Flask,), {{}})
from flask_tokenauth import TokenAuth
for app in (Flask("reporting"), flask.Flask("reporting")):
    app.config.update(SECRET_KEY={SECRET!r}, TOKENAUTH_ISSUER={ISSUER!r})
    TokenAuth(app).check(app)
"""

    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("call", [lambda: create_token("alice"), lambda: TokenAuth().verify("x")])
def test_the_error_without_an_application_context_names_app_context(call: Callable[[], object]) -> None:
    with pytest.raises(RuntimeError, match=r"needs an application context.* with app\.app_context\(\):$"):
        call()


def test_a_wrong_setting_does_not_change_the_application() -> None:
    app = make_bare_app(TOKENAUTH_LEEWAY="x")

    with pytest.raises(SettingsError):
        TokenAuth(app)

    assert "tokenauth" not in app.extensions
    assert not app.before_request_funcs


def test_one_object_in_a_factory_sets_up_each_application() -> None:
    auth: TokenAuth[str] = TokenAuth()

    def create_app() -> Flask:
        app = make_bare_app()
        auth.init_app(app)
        return app

    assert create_app().extensions["tokenauth"] is not create_app().extensions["tokenauth"]


@pytest.mark.parametrize(
    ("config", "warned"),
    [({}, True), ({"TOKENAUTH_ISSUER": ISSUER}, False), ({"DEBUG": True}, False), ({"TESTING": True}, False)],
)
def test_an_application_without_an_issuer_logs_one_warning(
    caplog: pytest.LogCaptureFixture,
    config: dict[str, object],
    warned: bool,  # noqa: FBT001
) -> None:
    TokenAuth(make_bare_app(**config))

    assert [(record.name, record.levelname) for record in caplog.records] == [("flask_tokenauth", "WARNING")] * warned
    assert SECRET not in caplog.text
    assert ("TOKENAUTH_ISSUER is not set" in caplog.text) is warned


def test_a_handler_for_auth_error_answers_refusals(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/me", view_func=login_required(whoami()))

    @app.errorhandler(AuthError)
    def handle(error: AuthError) -> tuple[str, int]:
        assert isinstance(error.error, MissingCredential)
        return f"no: {error.reason}", 418

    assert app.test_client().get("/me").text == "no: credential_missing"


def test_a_handler_registered_before_init_app_stays() -> None:
    app = make_bare_app(TOKENAUTH_ISSUER=ISSUER)
    app.add_url_rule("/me", view_func=login_required(whoami()))
    app.register_error_handler(AuthError, lambda error: ("mine", 418))

    TokenAuth(app)

    assert app.test_client().get("/me").text == "mine"


def test_a_handler_for_401_answers_refusals(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/me", view_func=login_required(whoami()))
    app.register_error_handler(401, lambda error: (Response("mine"), 401, {"WWW-Authenticate": "Bearer"}))

    answer = app.test_client().get("/me")

    assert (answer.status_code, answer.text) == (401, "mine")


def test_a_catch_all_handler_does_not_swallow_the_challenge(make_app: MakeApp) -> None:
    """Flask-Smorest registers a handler for every ``HTTPException``."""
    app = make_app()
    app.add_url_rule("/me", view_func=login_required(whoami()))
    app.register_error_handler(Exception, lambda error: ("swallowed", 500))

    answer = app.test_client().get("/me")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="{ISSUER}"'


def test_a_login_view_may_raise_not_authenticated(make_app: MakeApp) -> None:
    app = make_app()

    @app.post("/login")
    def login() -> str:
        raise NotAuthenticated("Wrong password.")

    answer = app.test_client().post("/login")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="{ISSUER}"'
    assert answer.json == {"error": "unauthorized", "error_description": "Wrong password."}


def test_a_user_id_type_must_be_callable() -> None:
    with pytest.raises(
        TypeError, match=r"user_id_type must be a type or a function, got 'int': pass int, not its name"
    ):
        TokenAuth(user_id_type="int")  # type: ignore[call-overload]  # the mistake under test


@pytest.mark.parametrize(
    "call",
    [get_user, get_token, lambda: TokenAuth().user_id, lambda: TokenAuth().revoke_token()],
    ids=["get_user", "get_token", "user_id", "revoke_token"],
)
def test_without_a_request_the_message_says_what_to_call(make_app: MakeApp, call: Callable[[], object]) -> None:
    app = make_app(TOKENAUTH_STORE="memory://")
    app.extensions["tokenauth"].callbacks.load_user = lambda user_id: user_id

    with app.app_context(), pytest.raises(RuntimeError, match=r"needs a request, and there is none: .* auth\.verify"):
        call()
