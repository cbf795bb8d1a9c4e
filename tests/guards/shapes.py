"""The kinds of route in the guard matrix, of Flask and of the extensions that have their own kind of view."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import flask_restx  # type: ignore[import-untyped]  # has no types
import flask_smorest  # type: ignore[import-untyped]  # has no types
from apiflask import APIBlueprint, APIFlask
from flask import Blueprint, Flask
from flask.views import MethodView, View
from flask_openapi3.blueprint import APIBlueprint as OpenAPIBlueprint
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.view import APIView

from .kit import (
    ABOVE,
    ABOVE_HIDE,
    BELOW,
    BELOW_HIDE,
    BELOW_LIMIT,
    INSIDE,
    ON_CLASS,
    Build,
    Decorator,
    Fate,
    Placing,
    Shape,
    class_of,
    leave,
    make_async_view,
    make_partial,
)

SHAPES: list[Shape] = []
XY = ("/x", "/y")


def shape(name: str, **options: Any) -> Callable[[Build], Build]:
    """Return a decorator that adds a function to the matrix. It may be used several times, with several names."""

    def add(build: Build) -> Build:
        SHAPES.append(Shape(name, build, **options))
        return build

    return add


def apiflask() -> Flask:
    return APIFlask("tests", enable_openapi=False)


def openapi3() -> Flask:
    return OpenAPI("tests", doc_ui=False)


# Functions


@shape("plain route")
@shape("async view", make_view=make_async_view)
@shape("APIFlask function", make_app=apiflask)
@shape("APIFlask async view", make_app=apiflask, make_view=make_async_view)
@shape("OpenAPI3 function", make_app=openapi3)  # registers a wrapper, returns the view itself
@shape("OpenAPI3 async view", make_app=openapi3, make_view=make_async_view)
# Flask-Limiter needs a view with a name, and a partial has none. A guard below gives it a name.
@shape("partial", make_view=make_partial, placements=(BELOW, ABOVE, BELOW_LIMIT, BELOW_HIDE, ABOVE_HIDE))
def plain(app: Any, view: Any, placing: Placing) -> None:
    placing.put(view, route=app.get("/x", endpoint="x"))


@shape("view function replaced")
def replaced(app: Any, view: Any, placing: Placing) -> None:
    """Other extensions put their own wrappers into ``view_functions``."""
    replace(placing, between=leave).put(view, route=app.get("/x", endpoint="x"))
    app.view_functions["x"] = placing.between(app.view_functions["x"])


@shape("two endpoints", urls=XY)
@shape("OpenAPI3 two endpoints", urls=XY, make_app=openapi3)
def two_endpoints(app: Any, view: Any, placing: Placing) -> None:
    first, second = app.get("/x", endpoint="x"), app.get("/y", endpoint="y")
    placing.put(view, route=lambda guarded: second(first(guarded)))


# The guard is above one route decorator and below the other. The shape before has it above both.
@shape("between two endpoints", urls=XY, placements=INSIDE)
@shape("OpenAPI3 between two endpoints", urls=XY, placements=INSIDE, make_app=openapi3)
def between_two_endpoints(app: Any, view: Any, placing: Placing) -> None:
    placing.put(app.get("/y", endpoint="y")(view), route=app.get("/x", endpoint="x"))


# The registered view is a partial. Only its attribute ``func`` leads to the function. Flask-Limiter does not work with
# it.
@shape(
    "partial of the view",
    placements=(BELOW, ABOVE, BELOW_HIDE, ABOVE_HIDE),
    fates={ABOVE: Fate.EITHER},
    blind=(BELOW, BELOW_HIDE),
)
def partial_of_the_view(app: Any, view: Any, placing: Placing) -> None:
    def route(target: Any) -> Any:
        app.get("/x", endpoint="x")(partial(target, greeting="hello"))
        return target

    placing.put(view, route=route)


@shape("view function of a MethodView")
def view_function_of_a_class(app: Any, view: Any, placing: Placing) -> None:
    placing.put(class_of(MethodView, view).as_view(view.__name__), route=app.route("/x", endpoint="x"))


# Blueprints


@shape("blueprint")
@shape("APIFlask with a blueprint of Flask", make_app=apiflask)
def blueprint(app: Any, view: Any, placing: Placing) -> None:
    bp = Blueprint("bp", __name__)
    placing.put(view, route=bp.get("/x", endpoint="x"))
    app.register_blueprint(bp)


@shape("nested blueprint", urls=("/outer/x",))
def nested_blueprint(app: Any, view: Any, placing: Placing) -> None:
    outer, inner = Blueprint("outer", __name__, url_prefix="/outer"), Blueprint("inner", __name__)
    placing.put(view, route=inner.get("/x", endpoint="x"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)


@shape("blueprint twice", urls=("/one/x", "/two/x"))
def blueprint_twice(app: Any, view: Any, placing: Placing) -> None:
    bp = Blueprint("bp", __name__)
    placing.put(view, route=bp.get("/x", endpoint="x"))
    app.register_blueprint(bp, name="one", url_prefix="/one")
    app.register_blueprint(bp, name="two", url_prefix="/two")


@shape("APIFlask blueprint", make_app=apiflask)
def apiflask_blueprint(app: Any, view: Any, placing: Placing) -> None:
    bp = APIBlueprint("bp", __name__)
    placing.put(view, route=bp.get("/x", endpoint="x"))
    app.register_blueprint(bp)


@shape("OpenAPI3 blueprint", make_app=openapi3)
def openapi3_blueprint(app: Any, view: Any, placing: Placing) -> None:
    bp = OpenAPIBlueprint("bp", __name__)
    placing.put(view, route=bp.get("/x", endpoint="x"))
    app.register_api(bp)


# Classes


def register_on(app: Any) -> Decorator:
    """Return a decorator for classes, like ``blp.route`` and ``api.route``: it registers a class and returns it."""

    def route(cls: Any) -> Any:
        app.add_url_rule("/x", view_func=cls.as_view("x"))
        return cls

    return route


@shape("MethodView decorators", placements=INSIDE)
def method_view_decorators(app: Any, view: Any, placing: Placing) -> None:
    register_on(app)(class_of(MethodView, view, decorators=placing.stack))


@shape("MethodView class", placements=ON_CLASS)
def method_view_class(app: Any, view: Any, placing: Placing) -> None:
    placing.put(class_of(MethodView, view), route=register_on(app))


@shape("MethodView method", placements=INSIDE)
@shape("async MethodView method", placements=INSIDE, make_view=make_async_view)
def method_view_method(app: Any, view: Any, placing: Placing) -> None:
    register_on(app)(class_of(MethodView, placing.decorate(view)))


@shape("inherited MethodView method", placements=INSIDE)
def inherited_method(app: Any, view: Any, placing: Placing) -> None:
    register_on(app)(type("Derived", (class_of(MethodView, placing.decorate(view)),), {}))


@shape("View class", placements=ON_CLASS)
def view_class(app: Any, view: Any, placing: Placing) -> None:
    placing.put(class_of(View, view, dispatch_request=view), route=register_on(app))


@shape("View dispatch_request", placements=INSIDE, blind=INSIDE)
def view_dispatch_request(app: Any, view: Any, placing: Placing) -> None:
    register_on(app)(class_of(View, view, dispatch_request=placing.decorate(view)))


# Flask-RESTX


def restx(app: Any, **options: object) -> Any:
    return flask_restx.Api(app, doc=False, add_specs=False, **options)


@shape("RESTX class", placements=ON_CLASS)
def restx_class(app: Any, view: Any, placing: Placing) -> None:
    placing.put(class_of(flask_restx.Resource, view), route=restx(app).route("/x", endpoint="x"))


@shape("RESTX method", placements=INSIDE)
def restx_method(app: Any, view: Any, placing: Placing) -> None:
    restx(app).add_resource(class_of(flask_restx.Resource, placing.decorate(view)), "/x")


# These are applied at each request, to bound methods. The guard works, but the registered view shows no mark of it.
@shape("RESTX method_decorators", placements=INSIDE, blind=INSIDE)
def restx_method_decorators(app: Any, view: Any, placing: Placing) -> None:
    restx(app).add_resource(class_of(flask_restx.Resource, view, method_decorators=placing.stack), "/x")


@shape("RESTX decorators", placements=INSIDE)
def restx_decorators(app: Any, view: Any, placing: Placing) -> None:
    restx(app).add_resource(class_of(flask_restx.Resource, view, decorators=placing.stack), "/x")


@shape("RESTX Namespace decorators", placements=INSIDE)
def restx_namespace_decorators(app: Any, view: Any, placing: Placing) -> None:
    namespace = restx(app).namespace("things", path="/", decorators=placing.stack)
    namespace.add_resource(class_of(flask_restx.Resource, view), "/x")


@shape("RESTX Api decorators", placements=INSIDE)
def restx_api_decorators(app: Any, view: Any, placing: Placing) -> None:
    restx(app, decorators=placing.stack).add_resource(class_of(flask_restx.Resource, view), "/x")


@shape("RESTX on a blueprint", placements=INSIDE)
def restx_on_a_blueprint(app: Any, view: Any, placing: Placing) -> None:
    bp = Blueprint("api", __name__)
    restx(bp).add_resource(class_of(flask_restx.Resource, placing.decorate(view)), "/x")
    app.register_blueprint(bp)


@shape("RESTX on a nested blueprint", urls=("/outer/x",), placements=INSIDE)
def restx_on_a_nested_blueprint(app: Any, view: Any, placing: Placing) -> None:
    """The endpoint is named ``api.x`` and its blueprint ``outer.api``."""
    outer, inner = Blueprint("outer", __name__, url_prefix="/outer"), Blueprint("api", __name__)
    restx(inner).add_resource(class_of(flask_restx.Resource, placing.decorate(view)), "/x")
    outer.register_blueprint(inner)
    app.register_blueprint(outer)


# Flask-Smorest


def smorest(app: Any, put: Callable[[Any], None]) -> None:
    app.config |= {"API_TITLE": "tests", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}
    bp = flask_smorest.Blueprint("bp", __name__)
    put(bp)
    flask_smorest.Api(app).register_blueprint(bp)


@shape("Smorest function")
def smorest_function(app: Any, view: Any, placing: Placing) -> None:
    smorest(app, lambda bp: placing.put(view, route=bp.route("/x", endpoint="x")))


@shape("Smorest class", placements=ON_CLASS)
def smorest_class(app: Any, view: Any, placing: Placing) -> None:
    smorest(app, lambda bp: placing.put(class_of(MethodView, view), route=bp.route("/x")))


@shape("Smorest method", placements=INSIDE)
def smorest_method(app: Any, view: Any, placing: Placing) -> None:
    smorest(app, lambda bp: bp.route("/x")(class_of(MethodView, placing.decorate(view))))


@shape("Smorest method with a response", placements=INSIDE)
def smorest_method_with_a_response(app: Any, view: Any, placing: Placing) -> None:
    """The usual order: Flask-Smorest's own decorators stand on both sides of the guard."""
    smorest(
        app,
        lambda bp: bp.route("/x")(class_of(MethodView, bp.response(200)(bp.doc(tags=["x"])(placing.decorate(view))))),
    )


@shape("Smorest decorators", placements=INSIDE)
def smorest_decorators(app: Any, view: Any, placing: Placing) -> None:
    smorest(app, lambda bp: bp.route("/x")(class_of(MethodView, view, decorators=placing.stack)))


# APIFlask


@shape("APIFlask function with a doc", make_app=apiflask)
def apiflask_function_with_a_doc(app: Any, view: Any, placing: Placing) -> None:
    """The usual order: APIFlask's own decorators stand between guard and route."""
    placing.put(view, route=lambda guarded: app.get("/x", endpoint="x")(app.doc(summary="x")(guarded)))


@shape("APIFlask class", placements=ON_CLASS, make_app=apiflask)
def apiflask_class(app: Any, view: Any, placing: Placing) -> None:
    placing.put(class_of(MethodView, view), route=app.route("/x", endpoint="x"))


@shape("APIFlask method", placements=INSIDE, make_app=apiflask)
def apiflask_method(app: Any, view: Any, placing: Placing) -> None:
    app.route("/x", endpoint="x")(class_of(MethodView, placing.decorate(view)))


@shape("APIFlask decorators", placements=INSIDE, make_app=apiflask)
def apiflask_decorators(app: Any, view: Any, placing: Placing) -> None:
    app.route("/x", endpoint="x")(class_of(MethodView, view, decorators=placing.stack))


# Flask-OpenAPI3. Flask does not know its classes: their methods are registered as functions, one by one. A guard on
# such a class is refused at import.


@shape("OpenAPI3 method", placements=INSIDE, make_app=openapi3)
def openapi3_method(app: Any, view: Any, placing: Placing) -> None:
    api_view = APIView()
    api_view.route("/x")(class_of(object, api_view.doc()(placing.decorate(view))))
    app.register_api_view(api_view)
