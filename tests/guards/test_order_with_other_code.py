"""The order of a request beside code that replaces methods of Flask, requests and responses."""

import gc
import weakref
from typing import Any

import pytest
from flask import Flask, Request, Response, abort, g, request
from flask.globals import request_ctx

from flask_tokenauth import TokenAuth, login_required, public

from ..conftest import CONFIG, MakeApp, Mint, bearer
from .order_kit import ClosingBody, serve

# Methods of the class that other code replaces, as tools that trace applications do


@pytest.mark.parametrize("requests_before", [None, 1], ids=["before the set-up", "after the first request"])
def test_a_replaced_method_of_the_class_is_called(
    make_app: MakeApp, mint: Mint, monkeypatch: pytest.MonkeyPatch, requests_before: int | None
) -> None:
    flasks_own = Flask.preprocess_request

    def close_gate(app: Flask) -> Any:
        return flasks_own(app) if request.args.get("gate") is None else ("closed", 403)

    if requests_before is None:
        monkeypatch.setattr(Flask, "preprocess_request", close_gate)
    served = serve(make_app)
    if requests_before is not None:
        served.get()
        monkeypatch.setattr(Flask, "preprocess_request", close_gate)

    assert served.get(mint(), "/x?gate=1").status_code == 403
    assert [served.get(token).status_code for token in (None, mint())] == [401, 200]


def test_a_replaced_error_handling_of_the_class_is_called(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve(make_app, lambda: abort(409))
    monkeypatch.setattr(Flask, "handle_user_exception", lambda app, error: ("teapot", 418))

    assert served.get().status_code == 418


def test_a_method_that_was_replaced_before_the_set_up_is_called(make_app: MakeApp, mint: Mint) -> None:
    app = Flask("tests")
    app.preprocess_request = lambda: app.make_response(("closed", 403))  # type: ignore[method-assign]
    app.config |= CONFIG
    TokenAuth(app)
    app.add_url_rule("/", view_func=login_required(lambda: "hello"))

    assert app.test_client().get("/", headers=bearer(mint())).status_code == 403


# Errors of the application while the guard is enforced


def test_an_answer_is_closed_if_the_user_cannot_be_loaded(make_app: MakeApp, mint: Mint) -> None:
    body = ClosingBody([b"answered"])
    served = serve(make_app, lambda: Response(body), guard=login_required(load_user=True), TESTING=False)
    served.auth.user_loader(lambda user_id: {}[user_id])

    assert served.get(mint()).status_code == 500
    assert body.closed == 1


# A function that replaces the request


def test_a_function_that_replaces_the_request_gets_the_guards_of_the_new_one(make_app: MakeApp, mint: Mint) -> None:
    def replace() -> None:
        environ = {**request.environ, "PATH_INFO": "/x"}
        request_ctx.request = Request(environ)
        request_ctx.url_adapter = served.app.create_url_adapter(request_ctx.request)
        request_ctx.match_request()

    served = serve(make_app, replace, guarding="default guard")
    served.app.add_url_rule("/public", "public", public(lambda: "public"))

    assert served.get(path="/public").status_code == 401
    assert served.get(mint(), "/public").text == "served"


# A promise of the hook


def test_a_promise_that_was_not_kept_opens_nothing(make_app: MakeApp) -> None:
    """A preprocessor raises, and an error handler runs Flask's own methods for the same request."""
    served = serve(make_app, guarding="default guard", TESTING=False)
    served.app.url_value_preprocessor(lambda endpoint, values: abort(404))

    def go_on(error: Any) -> Any:
        served.app.url_value_preprocessors.clear()
        return Flask.preprocess_request(served.app) or served.app.dispatch_request()

    served.app.register_error_handler(404, go_on)

    answer = served.get()

    assert answer.status_code == 500
    assert served.events == []


# Handlers


def test_a_response_that_a_view_and_a_handler_share_stays_as_it_is(make_app: MakeApp) -> None:
    page = Response("log in")
    app = make_app()
    app.register_error_handler(401, lambda error: page)
    app.add_url_rule("/login", "login", lambda: page)
    app.add_url_rule("/", "index", login_required(lambda: "hello"))
    client = app.test_client()

    refused, login = client.get("/"), client.get("/login")

    assert (refused.status_code, login.status_code) == (401, 200)
    assert "WWW-Authenticate" not in login.headers


def pass_on(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize("handler", [None, pass_on, lambda error: error, lambda error: ("sorry", 401)])
@pytest.mark.parametrize("config", [{}, {"TRAP_HTTP_EXCEPTIONS": True}], ids=["", "trapped"])
def test_a_refused_request_is_freed_at_once(make_app: MakeApp, handler: Any, config: dict[str, Any]) -> None:
    requests: list[weakref.ref[Any]] = []
    app = make_app(**config)
    app.before_request(lambda: requests.append(weakref.ref(request._get_current_object())))  # type: ignore[attr-defined]
    app.add_url_rule("/", view_func=login_required(lambda: "hello"))
    if handler is not None:
        app.register_error_handler(401, handler)
    app.test_client().get("/")

    gc.disable()
    try:
        answer = Response.from_app(app, {**environ_of(app), "HTTP_AUTHORIZATION": "Bearer x.y.z"})
        assert answer.status_code == 401
        assert requests[-1]() is None
    finally:
        gc.enable()


def environ_of(app: Flask) -> dict[str, Any]:
    with app.test_request_context("/") as context:
        return dict(context.request.environ)


# The first request of an application that is set up wrongly


def test_handlers_see_the_caller_if_the_application_is_set_up_wrongly(mint: Mint) -> None:
    app = Flask("tests")
    app.config |= CONFIG | {"TOKENAUTH_PUBLIC_ENDPOINTS": ["nowhere"]}
    TokenAuth(app)
    app.register_error_handler(Exception, lambda error: (f"{type(error).__name__} for {g.user_id}", 500))

    assert app.test_client().get("/", headers=bearer(mint())).text.startswith("SettingsError for ")
