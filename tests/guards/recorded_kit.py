"""Blueprints that add views to the application while they are registered, and applications for them."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask

from flask_tokenauth import TokenAuth

from ..conftest import CONFIG, NOW, Mint
from .routes_kit import make_view, status

State = Any  # a ``BlueprintSetupState``


def add_view(state: State) -> None:
    state.app.add_url_rule(f"{state.url_prefix or ''}/added", endpoint="added", view_func=make_view())


def recording(add: Callable[[State], None] = add_view, name: str = "api") -> Blueprint:
    """Return a blueprint with a view of its own and a function that adds a view to the application."""
    blueprint = Blueprint(name, __name__)
    blueprint.record(add)
    blueprint.add_url_rule("/own", view_func=make_view(), endpoint="own")
    return blueprint


class Registering(Blueprint):
    """A blueprint that adds a view when it is registered, without ``record``."""

    def register(self, app: Any, options: Any) -> None:
        super().register(app, options)
        app.add_url_rule("/added", endpoint="added", view_func=make_view())


def bare(**config: object) -> Flask:
    """Return an application without TokenAuth, with an open view."""
    app = Flask("tests")
    app.config |= CONFIG | config
    app.add_url_rule("/open", endpoint="open", view_func=make_view())
    return app


def set_up(app: Flask, auth: TokenAuth[Any] | None = None) -> Flask:
    (auth or TokenAuth()).init_app(app)
    app.extensions["tokenauth"].clock = lambda: NOW
    return app


def statuses(app: Flask, mint: Mint, path: str = "/added") -> list[int]:
    """Return the status without a token, without the scope, and with it."""
    return [status(app, path, token) for token in (None, mint(scope="other"), mint(scope="admin"))]


GUARDED = [401, 403, 200]
OPEN = [200, 200, 200]
