"""Views that a blueprint adds to the application while it is registered, with ``record``, are views of the blueprint:
``auth.protect`` guards them, also if their endpoint has another name.
"""

import copy
from collections.abc import Callable
from typing import Any

import flask_restx  # type: ignore[import-untyped]  # has no types
import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from werkzeug.routing import Rule

from flask_tokenauth import SettingsError, TokenAuth

from ..conftest import CONFIG, Mint
from .kit import report_routes
from .recorded_kit import GUARDED, OPEN, Registering, State, add_view, bare, recording, set_up, statuses
from .routes_kit import make_view, status


def add_class(state: State) -> None:
    state.app.add_url_rule("/added", view_func=Added.as_view("added"))


class Added(MethodView):
    """A class of views without guards."""

    def get(self) -> str:
        return "open"


def add_rule(state: State) -> None:
    state.app.url_map.add(Rule("/added", endpoint="added"))
    state.app.view_functions["added"] = make_view()


def add_dotted(state: State) -> None:
    state.app.add_url_rule("/added", endpoint="other.added", view_func=make_view())


def add_alias(state: State) -> None:
    """Add a rule for an endpoint that the application has."""
    state.app.add_url_rule("/added", endpoint="open")


def add_blueprint(state: State) -> None:
    other = Blueprint("other", __name__)
    other.add_url_rule("/added", view_func=make_view(), endpoint="added")
    state.app.register_blueprint(other)


def register(
    app: Flask, auth: TokenAuth[Any], blueprint: Blueprint, *, protect: str, protected: Blueprint | None = None
) -> None:
    """Register a blueprint, and protect it, or one inside it, "before" or "after"."""
    if protect == "before":
        auth.protect(protected or blueprint, "admin")
    app.register_blueprint(blueprint)
    if protect == "after":
        auth.protect(protected or blueprint, "admin")


ORDERS = ["init protect register", "protect init register", "init register protect", "protect register init"]


@pytest.mark.parametrize("order", ORDERS)
def test_a_recorded_view_is_guarded_in_any_order(order: str, mint: Mint) -> None:
    app, auth, api = bare(), TokenAuth(), recording()
    steps: dict[str, Callable[[], object]] = {
        "init": lambda: set_up(app, auth),
        "protect": lambda: auth.protect(api, "admin"),
        "register": lambda: app.register_blueprint(api),
    }
    for step in order.split():
        steps[step]()

    assert statuses(app, mint) == statuses(app, mint, "/own") == GUARDED
    assert statuses(app, mint, "/open") == OPEN


@pytest.mark.parametrize("add", [add_view, add_class, add_rule, add_dotted, add_alias, add_blueprint])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_view_is_guarded_however_it_is_added(add: Any, when: str, mint: Mint) -> None:
    app, auth, api = set_up(bare()), TokenAuth(), recording(add)
    register(app, auth, api, protect=when)

    assert statuses(app, mint) == GUARDED


def test_a_view_for_a_rule_of_the_application_is_guarded(mint: Mint) -> None:
    app, api = set_up(bare()), recording(lambda state: state.app.view_functions.update(added=make_view()))
    app.add_url_rule("/added", endpoint="added")
    TokenAuth().protect(api, "admin")
    app.register_blueprint(api)

    assert statuses(app, mint) == GUARDED


def test_a_route_counts_that_is_added_after_its_endpoint_was_asked_for(mint: Mint) -> None:
    """Flask lets blueprints be registered until it has served a request. A test may have preprocessed one before."""
    app, api = set_up(bare()), recording(add_alias)
    TokenAuth().protect(api, "admin")
    with app.test_request_context("/open"):
        app.preprocess_request()
    app.register_blueprint(api)

    assert statuses(app, mint) == GUARDED


def test_a_view_that_is_recorded_once_is_guarded(mint: Mint) -> None:
    app, api = set_up(bare()), Blueprint("api", __name__)
    api.record_once(add_view)
    TokenAuth().protect(api, "admin")
    app.register_blueprint(api)

    assert statuses(app, mint) == GUARDED


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("which", ["outer", "inner"])
def test_recorded_views_of_nested_blueprints_are_guarded(which: str, when: str, mint: Mint) -> None:
    app, auth, inner, outer = set_up(bare()), TokenAuth(), recording(), Blueprint("outer", __name__)
    outer.register_blueprint(inner)
    protected = {"inner": inner, "outer": outer}[which]
    register(app, auth, outer, protect=when, protected=protected)

    assert statuses(app, mint) == GUARDED


def test_a_recorded_view_of_the_outer_blueprint_does_not_need_what_the_inner_one_needs(mint: Mint) -> None:
    app, auth, inner = set_up(bare()), TokenAuth(), Blueprint("inner", __name__)
    outer = recording(name="outer")
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    auth.protect(inner, "admin")

    assert statuses(app, mint) == OPEN


def test_every_registration_of_a_blueprint_is_guarded(mint: Mint) -> None:
    app, auth = set_up(bare()), TokenAuth()
    api = recording(lambda state: state.app.add_url_rule(state.url_prefix, state.name, make_view()))
    for name in "one", "two":
        app.register_blueprint(api, name=name, url_prefix=f"/{name}")
    auth.protect(api, "admin")

    assert statuses(app, mint, "/one") == statuses(app, mint, "/two") == GUARDED


def test_recorded_views_of_other_blueprints_stay_open(mint: Mint) -> None:
    app, auth, api = set_up(bare()), TokenAuth(), Blueprint("api", __name__)
    auth.protect(api, "admin")
    app.register_blueprint(api)
    app.register_blueprint(recording(name="other"))

    assert statuses(app, mint) == OPEN


def test_a_blueprint_that_is_registered_by_its_own_method_is_guarded(mint: Mint) -> None:
    """Some extensions call ``register`` of a blueprint themselves."""
    app, api = set_up(bare()), recording()
    TokenAuth().protect(api, "admin")
    api.register(app, {})

    assert statuses(app, mint) == GUARDED


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_view_that_an_overridden_register_adds_is_guarded(when: str, mint: Mint) -> None:
    app, auth, api = set_up(bare()), TokenAuth(), Registering("api", __name__)
    register(app, auth, api, protect=when)

    assert statuses(app, mint) == GUARDED


class Own(Flask):
    """An application whose class registers blueprints in its own way."""

    def register_blueprint(self, blueprint: Any, **options: Any) -> None:
        super().register_blueprint(blueprint, url_prefix="/v1", **options)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_overridden_register_blueprint_is_called(when: str, mint: Mint) -> None:
    app, auth, api = Own("tests"), TokenAuth(), recording()
    app.config |= CONFIG
    set_up(app)
    register(app, auth, api, protect=when)

    assert statuses(app, mint, "/v1/added") == statuses(app, mint, "/v1/own") == GUARDED


def test_a_copy_of_a_protected_blueprint_is_registered_itself(mint: Mint) -> None:
    app, api = set_up(bare()), recording()
    TokenAuth().protect(api, "admin")
    other = copy.copy(api)
    other.name = "copied"
    app.register_blueprint(other)

    assert app.blueprints == {"copied": other}
    assert statuses(app, mint) == GUARDED


def test_protecting_twice_registers_once(mint: Mint) -> None:
    app, auth, api = set_up(bare()), TokenAuth(), recording()
    auth.protect(api, "admin")
    auth.protect(api, "reports:read")
    app.register_blueprint(api)

    assert statuses(app, mint) == [401, 403, 403]
    assert status(app, "/added", mint(scope="admin reports:read")) == 200


def fail(state: State) -> None:
    raise KeyError


def test_a_registration_that_fails_leaves_no_view_open(mint: Mint) -> None:
    app, api = set_up(bare()), recording()
    api.record(fail)
    TokenAuth().protect(api, "admin")
    with pytest.raises(KeyError):
        app.register_blueprint(api)

    assert statuses(app, mint) == GUARDED


def test_the_report_shows_the_scopes_of_recorded_views() -> None:
    app, api = set_up(bare()), recording()
    TokenAuth().protect(api, "admin")
    app.register_blueprint(api)

    assert [route["requires"] for route in report_routes(app)["routes"] if route["rule"] == "/added"] == [["admin"]]


# Applications without TokenAuth


def test_a_recorded_view_is_not_open_without_the_extension() -> None:
    app, api = bare(TESTING=False), recording()
    TokenAuth().protect(api)
    app.register_blueprint(api)

    assert [status(app, path) for path in ("/added", "/own", "/open", "/nowhere")] == [500, 500, 200, 404]
    app.testing = True
    with pytest.raises(SettingsError, match="init_app"):
        app.test_client().get("/added")


class Resource(flask_restx.Resource):  # type: ignore[misc]  # has no types
    """A resource without guards."""

    def get(self) -> str:
        raise NotImplementedError  # pragma: no cover  # never called


def test_a_view_with_the_original_name_of_its_blueprint_is_not_open_without_the_extension() -> None:
    """Flask-RESTX makes such endpoints. The functions of the blueprint do not run for them."""
    app, api = bare(TESTING=False), Blueprint("api", __name__)
    flask_restx.Api(api, doc=False, add_specs=False).add_resource(Resource, "/x")
    TokenAuth().protect(api)
    app.register_blueprint(api, name="renamed")

    assert status(app, "/x") == 500


@pytest.mark.parametrize("order", ["register init", "init register"])
def test_an_application_that_is_set_up_keeps_no_other_hook(order: str) -> None:
    app, api = bare(), recording()
    TokenAuth().protect(api)
    for step in order.split():
        app.register_blueprint(api) if step == "register" else set_up(app)

    assert app.before_request_funcs[None] == [app.extensions["tokenauth"].hook]
