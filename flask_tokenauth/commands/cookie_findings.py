"""The findings of the doctor about cookies with tokens."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask, Response

from ..application.app_state import AppState
from ..application.setting_types import PREFIX
from .findings import Finding, name_some

_STRANGER = "https://stranger.invalid"  # an origin that no application allows by name
_ENDPOINTS = "flask_tokenauth.endpoints.blueprint"  # import name of the blueprint: neither room imports the other
_ALLOW_ORIGIN = "Access-Control-Allow-Origin"


def _cross_origin(state: AppState) -> Iterator[Finding]:
    """Report paths that Flask-CORS opens to pages of every origin."""
    if state.cookies is None:
        return
    functions = list(_find_flask_cors(state.app))
    paths = dict.fromkeys(rule.rule for rule in state.app.url_map.iter_rules())
    opened = [path for path in paths if any(_lets_strangers_in(state.app, path, function) for function in functions)]
    if opened:
        yield Finding(
            "warning",
            f'Flask-CORS lets pages of every origin read answers ({name_some(opened)}), and {PREFIX}COOKIES is "'
            f'{state.settings.cookies}": give CORS the origins of your own pages, without wildcards.',
        )


def _find_flask_cors(app: Flask) -> Iterator[Callable[[Response], object]]:
    for functions in app.after_request_funcs.values():
        for function in functions:
            module = getattr(function, "__module__", None) or ""  # a built-in method has none
            if module.partition(".")[0] == "flask_cors":
                yield function


def _lets_strangers_in(app: Flask, path: str, function: Callable[[Any], object]) -> bool:
    """Return whether Flask-CORS adds an origin that it cannot know to the answer of a path. No view is called."""
    response = app.response_class()
    with app.test_request_context(path, headers={"Origin": _STRANGER}):
        function(response)
    return response.headers.get(_ALLOW_ORIGIN) in ("*", _STRANGER)


def _no_endpoints(state: AppState) -> Iterator[Finding]:
    names = {blueprint.import_name for blueprint in state.app.blueprints.values()}
    if state.cookies is not None and _ENDPOINTS not in names:
        yield Finding(
            "warning",
            f"{PREFIX}COOKIES is set, but no endpoint refreshes them or logs out: register the blueprint "
            "auth.endpoints.",
        )


CHECKS = (_cross_origin, _no_endpoints)
