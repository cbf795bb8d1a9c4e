"""Frameworks for APIs answer refusals in the shape of their other errors, with the right status and challenge."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import flask_restful  # type: ignore[import-untyped]  # has no types
import flask_restx  # type: ignore[import-untyped]  # has no types
import pytest
from apiflask import APIFlask
from flask import Flask
from werkzeug.exceptions import HTTPException

from flask_tokenauth import AuthError, login_required

from ..conftest import ISSUER, Mint, bearer
from ..guards.apps import (
    Serve,
    apiflask,
    apiflask_without_json_errors,
    openapi3,
    restx,
    restx_before_tokenauth,
    restx_on_a_blueprint,
    smorest,
    smorest_before_tokenauth,
)
from ..guards.kit import class_of, make_view, open_app
from .challenges import Challenge, parse_challenge

Body = dict[str, Any]

USUAL: Body = {"error": "unauthorized", "error_description": "Authentication is required."}
OF_SMOREST: Body = {"code": 401, "status": "Unauthorized"}
OF_APIFLASK: Body = {"message": "Unauthorized"}


def restful(view: Any, **config: object) -> Flask:
    app = open_app(Flask("tests"), **config)
    flask_restful.Api(app).add_resource(class_of(flask_restful.Resource, view), "/x")
    return app


def restful_before_tokenauth(view: Any, **config: object) -> Flask:
    app = Flask("tests")
    flask_restful.Api(app).add_resource(class_of(flask_restful.Resource, view), "/x")
    return open_app(app, **config)


SHAPES: list[tuple[Serve, Body]] = [
    (restx, USUAL),
    (restx_before_tokenauth, USUAL),
    (restx_on_a_blueprint, USUAL),
    (restful, USUAL),
    (restful_before_tokenauth, USUAL),
    (smorest, OF_SMOREST),
    (smorest_before_tokenauth, OF_SMOREST),
    (apiflask, OF_APIFLASK),
    (apiflask_without_json_errors, USUAL),
    (openapi3, USUAL),
]
shapes = pytest.mark.parametrize(("serve", "body"), SHAPES, ids=[serve.__name__ for serve, _ in SHAPES])


def check_challenge(answer: Any) -> None:
    [challenge] = answer.headers.getlist("WWW-Authenticate")
    assert parse_challenge(challenge.encode("latin-1")) == Challenge("Bearer", {"realm": ISSUER})
    assert answer.headers["Cache-Control"] == "no-store"


@shapes
def test_a_refusal_has_the_shape_of_the_framework(serve: Serve, body: Body) -> None:
    answer = serve(login_required(make_view())).test_client().get("/x")

    check_challenge(answer)
    assert (answer.status_code, answer.mimetype) == (401, "application/json")
    assert body.items() <= (answer.json or {}).items()


@pytest.mark.parametrize("caught", [HTTPException, AuthError, 401], ids=["HTTPException", "AuthError", "401"])
@pytest.mark.parametrize("serve", [apiflask, apiflask_without_json_errors, openapi3, smorest])
def test_a_handler_of_the_application_keeps_status_and_challenge(serve: Serve, caught: Any) -> None:
    app = serve(login_required(make_view()))
    app.register_error_handler(caught, lambda error: {"shape": "own"})

    answer = app.test_client().get("/x")

    check_challenge(answer)
    assert (answer.status_code, answer.json) == (401, {"shape": "own"})


@pytest.mark.parametrize("order", ["RESTX first", "TokenAuth first"])
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_handler_of_flask_restx_keeps_status_and_challenge(order: str, status: int) -> None:
    app = Flask("tests")
    api = flask_restx.Api()
    api.errorhandler(AuthError)(lambda error: ({"shape": "own"}, status))
    api.add_resource(class_of(flask_restx.Resource, login_required(make_view())), "/x")
    for step in (api.init_app, open_app) if order == "RESTX first" else (open_app, api.init_app):
        step(app)

    answer = app.test_client().get("/x")

    check_challenge(answer)
    assert answer.status_code == 401


def test_the_error_processor_of_apiflask_keeps_status_and_challenge() -> None:
    app = APIFlask("tests")
    app.error_processor(lambda error: ({"shape": "own"}, 500, {}))
    app.add_url_rule("/x", "x", login_required(make_view()))

    answer = open_app(app).test_client().get("/x")

    check_challenge(answer)
    assert (answer.status_code, answer.json) == (401, {"shape": "own"})


# Connexion, which traps all HTTP errors for a middleware of its own

# Connexion uses old parts of the libraries below it, even when it is imported.
old = pytest.mark.filterwarnings("ignore")


def connexion_client(view: Callable[[], str]) -> Any:
    """Return a client of an application of Connexion with *view* on /x."""
    app = import_module("connexion").FlaskApp("tests")
    open_app(app.app)
    operation = {"operationId": "view", "responses": {"200": {"description": "Served."}}}
    api = {"openapi": "3.0.0", "info": {"title": "tests", "version": "1"}, "paths": {"/x": {"get": operation}}}
    app.add_api(api, resolver=import_module("connexion.resolver").Resolver(lambda name: view))
    return app.test_client()


@old
def test_connexion_answers_a_refusal() -> None:
    """Connexion's own handler raises an exception of Starlette that has a status and no headers."""
    answer = connexion_client(login_required(lambda: "served")).get("/x")

    assert answer.status_code == 401
    assert parse_challenge(answer.headers["WWW-Authenticate"].encode()) == Challenge("Bearer", {"realm": ISSUER})
    assert answer.headers["Cache-Control"] == "no-store"


@old
def test_connexion_serves_a_caller_with_a_good_token(mint: Mint) -> None:
    answer = connexion_client(login_required(lambda: "served")).get("/x", headers=bearer(mint()))

    assert (answer.status_code, answer.json()) == (200, "served")
