"""The least that an encrypted token can cost: a view that decrypts it and does nothing else with it."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from .bare import PATH, view


def make(decrypt: Callable[[], object]) -> Flask:
    """Return an application that calls *decrypt* at each request."""

    def decrypting_view() -> dict[str, Any]:
        decrypt()
        return view()

    app = Flask("benchmarks", static_folder=None)
    app.add_url_rule(PATH, view_func=decrypting_view)
    return app
