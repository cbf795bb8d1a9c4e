"""A protected blueprint whose registration could not be seen, and that may have added views, is an error."""

from typing import Any

import flask_restx  # type: ignore[import-untyped]  # has no types
import pytest
from flask import Blueprint, Flask

from flask_tokenauth import SettingsError, TokenAuth

from ..conftest import Mint
from .recorded_kit import GUARDED, OPEN, Registering, bare, recording, set_up, statuses
from .routes_kit import make_view


def late(api: Blueprint) -> tuple[Flask, TokenAuth[Any]]:
    """Return an application on which *api* was registered before TokenAuth, and this TokenAuth."""
    app, auth = bare(), TokenAuth()
    app.register_blueprint(api)
    return set_up(app, auth), auth


@pytest.mark.parametrize("make", [recording, lambda: Registering("api", __name__)])
def test_protecting_a_blueprint_too_late_is_an_error(make: Any) -> None:
    api = make()
    _, auth = late(api)

    with pytest.raises(SettingsError) as caught:
        auth.protect(api)

    assert str(caught.value) == (
        "blueprint api was registered before it was protected and before TokenAuth was set up, or without "
        "app.register_blueprint, so it is not known which views its own code, such as a function of record, "
        "has added: call auth.protect, or set up TokenAuth, before app.register_blueprint"
    )


def test_protecting_a_blueprint_around_a_late_one_is_an_error() -> None:
    outer = Blueprint("outer", __name__)
    outer.register_blueprint(recording())
    _, auth = late(outer)

    with pytest.raises(SettingsError, match=r"blueprint outer\.api was registered before"):
        auth.protect(outer)


def test_setting_up_an_application_too_late_is_an_error() -> None:
    app, auth, api = bare(), TokenAuth(), recording()
    app.register_blueprint(api)
    auth.protect(api)

    with pytest.raises(SettingsError, match="blueprint api was registered before it was protected"):
        set_up(app, auth)


def test_the_first_request_finds_a_registration_that_was_not_seen() -> None:
    """The method of the class is called, and not that of the blueprint."""
    app, auth, api = set_up(bare()), TokenAuth(), recording()
    auth.protect(api)
    Blueprint.register(api, app, {})

    with pytest.raises(SettingsError, match="blueprint api was registered before it was protected"):
        app.test_client().get("/added")


def test_a_blueprint_with_functions_of_flask_may_be_protected_late(mint: Mint) -> None:
    api = Blueprint("api", __name__)
    api.add_url_rule("/own", view_func=make_view(), endpoint="own")
    api.before_app_request(lambda: None)
    api.app_template_filter("shout")(str.upper)
    api.app_errorhandler(404)(lambda error: ("nothing", 404))
    app, auth = late(api)
    auth.protect(api, "admin")

    assert statuses(app, mint, "/own") == GUARDED


class Resource(flask_restx.Resource):  # type: ignore[misc]  # has no types
    """A resource without guards."""

    def get(self) -> str:
        return "open"


def test_a_blueprint_of_flask_restx_may_be_protected_late(mint: Mint) -> None:
    """Its function of ``record`` adds views under the name of the blueprint."""
    api = Blueprint("api", __name__)
    resources = flask_restx.Api(api, doc=False, add_specs=False)
    resources.add_resource(Resource, "/own")
    app, auth = late(api)
    auth.protect(api, "admin")

    assert statuses(app, mint, "/own") == GUARDED


def test_a_late_blueprint_that_is_not_protected_is_no_error(mint: Mint) -> None:
    other = Blueprint("other", __name__)
    api = recording()
    app, auth = late(api)
    auth.protect(other)

    assert statuses(app, mint) == OPEN
