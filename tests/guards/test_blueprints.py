"""Protected blueprints, of Flask and of the extensions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask_restx  # type: ignore[import-untyped]  # has no types
import flask_smorest  # type: ignore[import-untyped]  # has no types
import pytest
from apiflask import APIBlueprint, APIFlask
from flask import Blueprint, Flask
from flask.views import MethodView
from flask_openapi3.blueprint import APIBlueprint as OpenAPIBlueprint
from flask_openapi3.openapi import OpenAPI

from flask_tokenauth import TokenAuth

from ..conftest import CONFIG, NOW, Mint, bearer
from .apps import SMOREST
from .kit import CREDENTIALS, Built, Headers, class_of, make_view, write_style

# Each function returns a blueprint with the view /x, and a function that registers the blueprint.

Protected = tuple[Any, Callable[[], object]]


def plain_blueprint(app: Any) -> Protected:
    blueprint = Blueprint("bp", __name__)
    blueprint.add_url_rule("/x", "x", make_view())
    return blueprint, lambda: app.register_blueprint(blueprint)


def blueprint_with_a_class(app: Any) -> Protected:
    blueprint = Blueprint("bp", __name__)
    blueprint.add_url_rule("/x", view_func=class_of(MethodView, make_view()).as_view("x"))
    return blueprint, lambda: app.register_blueprint(blueprint)


def renamed_blueprint(app: Any) -> Protected:
    blueprint, _ = plain_blueprint(app)
    return blueprint, lambda: app.register_blueprint(blueprint, name="another")


def second_of_two_registrations(app: Any) -> Protected:
    blueprint, _ = plain_blueprint(app)
    first: dict[str, Any] = {"name": "first", "url_prefix": "/first"}
    return blueprint, lambda: (app.register_blueprint(blueprint, **first), app.register_blueprint(blueprint))


def inner_blueprint(app: Any) -> Protected:
    outer = Blueprint("outer", __name__)
    inner, register = plain_blueprint(outer)
    return inner, lambda: (register(), app.register_blueprint(outer))


def outer_blueprint(app: Any) -> Protected:
    outer = Blueprint("outer", __name__)
    _, register = plain_blueprint(outer)
    return outer, lambda: (register(), app.register_blueprint(outer))


def inner_of_two_outer_blueprints(app: Any) -> Protected:
    first, second = Blueprint("first", __name__, url_prefix="/first"), Blueprint("second", __name__)
    inner, register = plain_blueprint(second)
    first.register_blueprint(inner)
    return inner, lambda: (register(), app.register_blueprint(first), app.register_blueprint(second))


def smorest_blueprint(app: Any) -> Protected:
    app.config |= SMOREST
    blueprint = flask_smorest.Blueprint("bp", __name__)
    blueprint.route("/x")(class_of(MethodView, make_view()))
    return blueprint, lambda: flask_smorest.Api(app).register_blueprint(blueprint)


def apiflask_blueprint(app: Any) -> Protected:
    blueprint = APIBlueprint("bp", __name__)
    blueprint.add_url_rule("/x", "x", make_view())
    return blueprint, lambda: app.register_blueprint(blueprint)


def openapi3_blueprint(app: Any) -> Protected:
    blueprint: Any = OpenAPIBlueprint("bp", __name__)
    blueprint.get("/x", endpoint="x")(make_view())
    return blueprint, lambda: app.register_api(blueprint)


def restx_blueprint(app: Any) -> Protected:
    blueprint = Blueprint("api", __name__)
    api = flask_restx.Api(blueprint, doc=False, add_specs=False)
    api.add_resource(class_of(flask_restx.Resource, make_view()), "/x")
    return blueprint, lambda: app.register_blueprint(blueprint)


def restx_renamed_blueprint(app: Any) -> Protected:
    """The endpoint is named ``api.x``, but no blueprint is registered as ``api``."""
    blueprint, _ = restx_blueprint(app)
    return blueprint, lambda: app.register_blueprint(blueprint, name="another")


def restx_inner_blueprint(app: Any) -> Protected:
    """The endpoint is named ``api.x``, but the blueprint is registered as ``outer.api``."""
    outer = Blueprint("outer", __name__)
    inner, register = restx_blueprint(outer)
    return inner, lambda: (register(), app.register_blueprint(outer))


def restx_outer_blueprint(app: Any) -> Protected:
    """The endpoint is named ``api.x``, which does not show the outer blueprint."""
    outer = Blueprint("outer", __name__)
    _, register = restx_blueprint(outer)
    return outer, lambda: (register(), app.register_blueprint(outer))


Protect = Callable[[Any, Callable[[Any], Protected], tuple[str, ...]], None]


def protect_first(app: Any, make: Callable[[Any], Protected], scopes: tuple[str, ...]) -> None:
    auth = TokenAuth()
    blueprint, register = make(app)
    auth.protect(blueprint, *scopes)
    auth.init_app(app)
    register()


def protect_last(app: Any, make: Callable[[Any], Protected], scopes: tuple[str, ...]) -> None:
    auth = TokenAuth(app)
    blueprint, register = make(app)
    register()
    auth.protect(blueprint, *scopes)


APP_CLASSES: dict[Any, Any] = {apiflask_blueprint: APIFlask, openapi3_blueprint: OpenAPI}
SOUND = [
    plain_blueprint,
    blueprint_with_a_class,
    renamed_blueprint,
    second_of_two_registrations,
    inner_blueprint,
    outer_blueprint,
    inner_of_two_outer_blueprints,
    smorest_blueprint,
    apiflask_blueprint,
    openapi3_blueprint,
    restx_blueprint,
]
MISNAMED = [restx_renamed_blueprint, restx_inner_blueprint, restx_outer_blueprint]


def protected(make: Any, protect: Protect, *scopes: str, **config: object) -> Built:
    app = APP_CLASSES.get(make, Flask)("tests")
    app.config |= CONFIG | config
    protect(app, make, scopes)
    app.extensions["tokenauth"].clock = lambda: NOW
    return Built(app, "/x", "")


@pytest.mark.slow
@pytest.mark.parametrize(("credential", "status"), CREDENTIALS)
@pytest.mark.parametrize("protect", [protect_first, protect_last])
@pytest.mark.parametrize("make", SOUND)
def test_a_protected_blueprint_is_guarded(
    make: Any, protect: Protect, credential: Headers, status: int, mint: Mint
) -> None:
    built = protected(make, protect, "reports:read")

    assert built.get(credential(mint)) == status


@pytest.mark.slow
@pytest.mark.parametrize("protect", [protect_first, protect_last])
@pytest.mark.parametrize("make", SOUND)
def test_the_report_shows_the_scopes_of_a_protected_blueprint(make: Any, protect: Protect) -> None:
    route = protected(make, protect, "reports:read").route("GET")

    assert (route["requires"], route["open"]) == (["reports:read"], False)


@pytest.mark.parametrize(("credential", "status"), CREDENTIALS)
@pytest.mark.parametrize("protect", [protect_first, protect_last])
@pytest.mark.parametrize("make", MISNAMED)
def test_a_protected_blueprint_with_endpoints_under_another_name_is_guarded_or_reported(
    make: Any, protect: Protect, credential: Headers, status: int, mint: Mint
) -> None:
    built = protected(make, protect, "reports:read")

    assert built.get(credential(mint)) == status or built.is_named()


@pytest.mark.slow
@pytest.mark.parametrize("make", SOUND)
def test_a_blueprint_protected_without_scopes_needs_a_login(make: Any, mint: Mint) -> None:
    built = protected(make, protect_first)

    assert (built.get({}), built.get(bearer(mint(scope="")))) == (401, 200)
    assert built.route("GET")["requires"] == ["login"]


@pytest.mark.parametrize("protect", [protect_first, protect_last])
def test_static_files_of_a_protected_blueprint_are_protected(tmp_path: Path, protect: Protect, mint: Mint) -> None:
    """The default guard leaves them open, ``protect`` does not."""

    def with_files(app: Any) -> Protected:
        blueprint = Blueprint("bp", __name__, static_folder=write_style(tmp_path), static_url_path="/files")
        return blueprint, lambda: app.register_blueprint(blueprint)

    client = protected(with_files, protect).app.test_client()

    assert client.get("/files/style.css").status_code == 401
    assert client.get("/files/style.css", headers=bearer(mint()), buffered=True).text == "served"


def test_other_blueprints_of_the_same_name_are_not_protected() -> None:
    built = protected(plain_blueprint, protect_first)
    namesake = Blueprint("bp", __name__)
    namesake.add_url_rule("/y", "y", make_view())
    built.app.register_blueprint(namesake, name="namesake")

    assert Built(built.app, "/y", "").get({}) == 200
    assert Built(built.app, "/y", "").is_called_open()
