"""Flask alone: the route, and the view that all other applications guard."""

from typing import Any

from flask import Flask

ISSUER = "https://api.example.com"
PATH = "/me"


def view() -> dict[str, Any]:
    """Answer with a small object."""
    return {"user_id": "alice", "scopes": ["reports:read"]}


def make(*_: object, **config: Any) -> Flask:
    """Return an application without a guard."""
    app = Flask("benchmarks", static_folder=None)
    app.config.update(config)
    app.add_url_rule(PATH, view_func=view, methods=["GET", "POST"])
    return app
