"""Applications with one guarded view on /x, built with Flask or with an extension that has its own kind of view."""

from collections.abc import Callable
from typing import Any

import flask_restx  # type: ignore[import-untyped]  # has no types
import flask_smorest  # type: ignore[import-untyped]  # has no types
from apiflask import APIFlask
from flask import Blueprint, Flask
from flask.views import MethodView
from flask_openapi3.openapi import OpenAPI

from .kit import class_of, open_app

SMOREST = {"API_TITLE": "tests", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}


def flask(view: Any, **config: object) -> Flask:
    app = open_app(Flask("tests"), **config)
    app.add_url_rule("/x", "x", view)
    return app


def method_view(view: Any, **config: object) -> Flask:
    app = open_app(Flask("tests"), **config)
    app.add_url_rule("/x", view_func=class_of(MethodView, view).as_view("x"))
    return app


def restx(view: Any, **config: object) -> Flask:
    app = open_app(Flask("tests"), **config)
    flask_restx.Api(app).add_resource(class_of(flask_restx.Resource, view), "/x")
    return app


def restx_before_tokenauth(view: Any, **config: object) -> Flask:
    app = Flask("tests")
    flask_restx.Api(app).add_resource(class_of(flask_restx.Resource, view), "/x")
    return open_app(app, **config)


def restx_on_a_blueprint(view: Any, **config: object) -> Flask:
    app, blueprint = open_app(Flask("tests"), **config), Blueprint("api", __name__)
    flask_restx.Api(blueprint, doc="/docs").add_resource(class_of(flask_restx.Resource, view), "/x")
    app.register_blueprint(blueprint)
    return app


def smorest(view: Any, **config: object) -> Flask:
    app = open_app(Flask("tests"), **SMOREST, **config)
    blueprint = flask_smorest.Blueprint("bp", __name__)
    blueprint.route("/x")(class_of(MethodView, view))
    flask_smorest.Api(app).register_blueprint(blueprint)
    return app


def smorest_before_tokenauth(view: Any, **config: object) -> Flask:
    app = Flask("tests")
    app.config |= SMOREST
    blueprint = flask_smorest.Blueprint("bp", __name__)
    blueprint.route("/x", endpoint="x")(view)
    flask_smorest.Api(app).register_blueprint(blueprint)
    return open_app(app, **config)


def apiflask(view: Any, **config: object) -> Flask:
    app = open_app(APIFlask("tests"), **config)
    app.add_url_rule("/x", "x", view)
    return app


def apiflask_without_json_errors(view: Any, **config: object) -> Flask:
    app = open_app(APIFlask("tests", json_errors=False), **config)
    app.add_url_rule("/x", "x", view)
    return app


def openapi3(view: Any, **config: object) -> Flask:
    app = OpenAPI("tests")
    app.get("/x", endpoint="x")(view)
    return open_app(app, **config)


Serve = Callable[..., Flask]

SERVERS = [
    restx,
    restx_before_tokenauth,
    restx_on_a_blueprint,
    smorest,
    smorest_before_tokenauth,
    apiflask,
    apiflask_without_json_errors,
    openapi3,
]
