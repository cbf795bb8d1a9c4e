"""Helpers for tests of routes: new views and blueprints, and the status of a request."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask

from ..conftest import bearer


def make_view() -> Callable[..., str]:
    """Return a new view, since guards mark the view that they guard."""
    return lambda **values: "open"


def status(app: Flask, path: str, token: str | None = None, method: str = "GET") -> int:
    with app.test_client().open(path, method=method, headers=bearer(token) if token else {}) as answer:
        return answer.status_code


def make_blueprint(name: str = "api", **options: Any) -> Blueprint:
    api = Blueprint(name, __name__, **options)
    api.add_url_rule(f"/{name}", view_func=make_view(), endpoint="view")
    return api
