"""What the tests of routes share: new views and blueprints, and what a request for a path is answered."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask

from ..conftest import bearer


def fresh() -> Callable[..., str]:
    """Return a new view, since guards mark what they guard."""
    return lambda **values: "open"


def status(app: Flask, path: str, token: str | None = None, method: str = "GET") -> int:
    with app.test_client().open(path, method=method, headers=bearer(token) if token else {}) as answer:
        return answer.status_code


def blueprint(name: str = "api", **options: Any) -> Blueprint:
    made = Blueprint(name, __name__, **options)
    made.add_url_rule(f"/{name}", view_func=fresh(), endpoint="view")
    return made
