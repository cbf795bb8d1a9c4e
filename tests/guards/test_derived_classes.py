"""A class of views keeps the guards of its bases: on methods that it overrides, and in decorators that it replaces."""

from typing import Any

import flask_restful  # type: ignore[import-untyped]  # has no types
import flask_restx  # type: ignore[import-untyped]  # has no types
import flask_smorest  # type: ignore[import-untyped]  # has no types
import pytest
from apiflask import APIFlask
from flask import Flask
from flask.views import MethodView, View

from flask_tokenauth import TokenAuth, login_optional, login_required, public, require_scope

from ..conftest import CONFIG, NOW, MakeApp, Mint, bearer
from .apps import SMOREST
from .kit import report_routes


class Guarded(MethodView):
    """A base whose methods have guards."""

    @login_required
    def get(self) -> str:
        return "of the base"

    @require_scope("notes:write")
    def post(self) -> str:
        raise NotImplementedError  # pragma: no cover  # overridden, never called


class Plain(Guarded):
    """A class that overrides the methods, without guards of its own."""

    def get(self) -> str:
        return "served"

    def post(self) -> str:
        return "served"


class Calling(Guarded):
    """A class whose method calls the method that it overrides."""

    def get(self) -> str:
        return f"served, {super().get()}"


class Grandchild(Plain):
    """A class that overrides a method once more."""

    def get(self) -> str:
        return "served"


class Mixin:
    """A class without a base that has a method to put before another one."""

    def get(self) -> str:
        return "served"


class Mixed(Mixin, Guarded):
    """A class that gets the overriding method from a mixin."""


class Opened(Guarded):
    """A class that opens the method on purpose."""

    @public
    def get(self) -> str:
        return "served"


class Reopened(Opened):
    """A class that overrides a method that was opened, and does not open it itself."""

    def get(self) -> str:
        return "served"


class Reused(Plain):
    """A class with one object for all requests."""

    init_every_request = False


def serve(app: Flask, cls: type[View]) -> Flask:
    app.add_url_rule("/x", view_func=cls.as_view("x"), methods=getattr(cls, "methods", None) or ["GET"])
    return app


def statuses(app: Flask, mint: Mint, method: str = "GET", scope: str = "reports:read") -> tuple[int, int]:
    """Return the status without a token and with a good one."""
    client = app.test_client()
    return (
        client.open("/x", method=method).status_code,
        client.open("/x", method=method, headers=bearer(mint(scope=scope))).status_code,
    )


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("cls", [Plain, Calling, Grandchild, Mixed, Reopened, Reused])
def test_a_method_that_overrides_a_guarded_one_is_guarded(
    cls: type[View], method: str, make_app: MakeApp, mint: Mint
) -> None:
    assert statuses(serve(make_app(), cls), mint, method) == (401, 200)


def test_a_method_that_is_set_later_is_guarded(make_app: MakeApp, mint: Mint) -> None:
    class Late(Guarded):
        pass

    setattr(Late, "get", lambda self: "served")  # noqa: B010  # mypy does not let a method be assigned

    assert statuses(serve(make_app(), Late), mint) == (401, 200)


def test_the_scope_of_an_overridden_method_is_required(make_app: MakeApp, mint: Mint) -> None:
    app = serve(make_app(), Plain)

    assert statuses(app, mint, "POST", scope="notes:read") == (401, 403)
    assert statuses(app, mint, "POST", scope="notes:write") == (401, 200)


def test_guards_of_an_overridden_method_add_up(make_app: MakeApp, mint: Mint) -> None:
    class Other(Guarded):
        @require_scope("notes:read")
        def post(self) -> str:
            return "served"

    app = serve(make_app(), Other)

    assert statuses(app, mint, "POST", scope="notes:read") == (401, 403)
    assert statuses(app, mint, "POST", scope="notes:read notes:write") == (401, 200)


def test_the_report_shows_the_guards_of_overridden_methods(make_app: MakeApp) -> None:
    routes = report_routes(serve(make_app(), Plain))["routes"]

    assert [(route["method"], route["requires"]) for route in routes if route["rule"] == "/x"] == [
        ("GET", ["login"]),
        ("POST", ["notes:write"]),
    ]


@pytest.mark.parametrize("default", [None, "login_required"])
def test_public_on_the_overriding_method_opens_it(default: str | None, make_app: MakeApp, mint: Mint) -> None:
    assert statuses(serve(make_app(TOKENAUTH_DEFAULT_GUARD=default), Opened), mint) == (200, 200)


def test_an_optional_login_on_the_overriding_method_opens_it(make_app: MakeApp, mint: Mint) -> None:
    class Optional(Guarded):
        @login_optional
        def get(self) -> str:
            return "served"

    app = serve(make_app(), Optional)

    assert statuses(app, mint) == (200, 200)
    assert app.test_client().get("/x", headers=bearer("x.y.z")).status_code == 401


def test_an_opened_method_that_calls_the_guarded_one_is_refused(make_app: MakeApp, mint: Mint) -> None:
    class Asking(Guarded):
        @public
        def get(self) -> str:
            return super().get()

    assert statuses(serve(make_app(), Asking), mint) == (401, 200)


def test_an_overridden_dispatch_request_keeps_its_guard(make_app: MakeApp, mint: Mint) -> None:
    class Base(View):
        @login_required
        def dispatch_request(self) -> str:
            raise NotImplementedError  # pragma: no cover  # overridden, never called

    class Derived(Base):
        def dispatch_request(self) -> str:
            return "served"

    assert statuses(serve(make_app(), Derived), mint) == (401, 200)


def test_a_list_of_decorators_that_is_replaced_keeps_its_guards(make_app: MakeApp, mint: Mint) -> None:
    class Base(MethodView):
        decorators = [login_required]  # noqa: RUF012  # as users write it

    class Derived(Base):
        decorators = []  # noqa: RUF012

        def get(self) -> str:
            return "served"

    assert statuses(serve(make_app(), Derived), mint) == (401, 200)


def test_public_in_the_list_of_decorators_replaces_the_guards_of_the_list(make_app: MakeApp, mint: Mint) -> None:
    class Base(MethodView):
        decorators = [login_required]  # noqa: RUF012

    class Derived(Base):
        decorators = [public]  # noqa: RUF012

        def get(self) -> str:
            return "served"

    assert statuses(serve(make_app(), Derived), mint) == (200, 200)


def test_a_bound_method_that_overrides_a_guarded_one_is_guarded(make_app: MakeApp, mint: Mint) -> None:
    class Base:
        @login_required
        def show(self) -> str:
            raise NotImplementedError  # pragma: no cover  # overridden, never called

    class Derived(Base):
        def show(self) -> str:
            return "served"

        @classmethod
        def of_class(cls) -> str:
            return "open"

    app = make_app()
    app.add_url_rule("/x", view_func=Derived().show)
    app.add_url_rule("/open", view_func=Derived.of_class)

    assert statuses(app, mint) == (401, 200)
    assert app.test_client().get("/open").status_code == 200


def set_up(app: Flask) -> Flask:
    app.config |= CONFIG | SMOREST
    TokenAuth(app)
    app.extensions["tokenauth"].clock = lambda: NOW
    return app


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_class_of_flask_smorest_keeps_guards_of_overridden_methods(method: str, mint: Mint) -> None:
    app = set_up(Flask("tests"))
    blueprint = flask_smorest.Blueprint("bp", __name__)
    blueprint.route("/x")(type("Derived", (Plain,), {}))
    flask_smorest.Api(app).register_blueprint(blueprint)

    assert statuses(app, mint, method) == (401, 200)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_class_of_apiflask_keeps_guards_of_overridden_methods(method: str, mint: Mint) -> None:
    app = set_up(APIFlask("tests", enable_openapi=False))
    app.add_url_rule("/x", view_func=Plain.as_view("x"))

    assert statuses(app, mint, method) == (401, 200)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_resource_of_flask_restx_keeps_guards_of_overridden_methods(method: str, mint: Mint) -> None:
    class Base(flask_restx.Resource):  # type: ignore[misc]  # has no types
        @login_required
        def get(self) -> str:
            raise NotImplementedError  # pragma: no cover  # overridden, never called

    class Derived(Base):
        def get(self) -> str:
            return "served"

    app = set_up(Flask("tests"))
    flask_restx.Api(app).add_resource(Derived, "/x")

    assert statuses(app, mint, method) == (401, 200)


class ByMethod(flask_restful.Resource):  # type: ignore[misc]  # has no types
    """A resource that has its guards by method. Flask-RESTful looks for those of ``head`` at a HEAD request."""

    method_decorators: Any = {"get": [login_required]}  # noqa: RUF012  # as users write it

    def get(self) -> str:
        return "served"


def serve_resource(app: Flask, resource: Any) -> Flask:
    flask_restful.Api(app).add_resource(resource, "/x")
    return app


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_decorators_by_method_guard_head_as_get(method: str, make_app: MakeApp, mint: Mint) -> None:
    assert statuses(serve_resource(make_app(), ByMethod), mint, method) == (401, 200)


def test_decorators_for_get_do_not_guard_a_head_of_its_own(make_app: MakeApp, mint: Mint) -> None:
    class Own(ByMethod):
        def head(self) -> str:
            return "served"

    app = serve_resource(make_app(), Own)

    assert statuses(app, mint, "HEAD") == (200, 200)
    assert statuses(app, mint) == (401, 200)
