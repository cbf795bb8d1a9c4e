"""Helpers for tests of guards on functions that run before requests: such functions, and the places for them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, g

from .routes_kit import make_blueprint

PREFLIGHT = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
Hook = Callable[[], Any]


class Recorder:
    """A function before requests that keeps the user of each request for which it runs."""

    def __init__(self) -> None:
        self.users: list[str | None] = []

    def run(self) -> None:
        self.users.append(g.user_id)


def put_on_application(app: Flask, hook: Hook) -> None:
    app.before_request(hook)
    app.register_blueprint(make_blueprint())


def put_on_blueprint(app: Flask, hook: Hook) -> None:
    api = make_blueprint()
    api.before_request(hook)
    app.register_blueprint(api)


def put_on_application_by_a_blueprint(app: Flask, hook: Hook) -> None:
    other = Blueprint("other", __name__)
    other.before_app_request(hook)
    app.register_blueprint(other)
    app.register_blueprint(make_blueprint())


def put_on_outer_blueprint(app: Flask, hook: Hook) -> None:
    outer = Blueprint("outer", __name__)
    outer.before_request(hook)
    outer.register_blueprint(make_blueprint())
    app.register_blueprint(outer)


def put_on_renamed_blueprint(app: Flask, hook: Hook) -> None:
    api = make_blueprint()
    api.before_request(hook)
    app.register_blueprint(api, name="renamed")


def put_into_the_list_of_a_name(app: Flask, hook: Hook) -> None:
    app.register_blueprint(make_blueprint())
    app.before_request_funcs.setdefault("api", []).append(hook)


PLACES = [
    put_on_application,
    put_on_blueprint,
    put_on_application_by_a_blueprint,
    put_on_outer_blueprint,
    put_on_renamed_blueprint,
    put_into_the_list_of_a_name,
]
Put = Callable[[Flask, Hook], None]
in_each_place = pytest.mark.parametrize("put", PLACES)


def make_hook() -> Hook:
    """Return a new function that does nothing before a request."""
    return lambda: None


def open_options(app: Flask, headers: dict[str, str] | None = None) -> Any:
    return app.test_client().options("/api", headers=PREFLIGHT | (headers or {}))
