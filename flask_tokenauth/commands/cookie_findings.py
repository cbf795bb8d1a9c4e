"""The findings of the doctor about cookies with tokens."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask, Response

from ..application.app_state import AppState
from ..application.setting_types import PREFIX
from .findings import Finding, name_some

_STRANGER = "https://stranger.invalid"  # an origin that no application allows by name
_SANDBOX = "null"  # the origin of every sandboxed frame
_ENDPOINTS = "flask_tokenauth.endpoints.blueprint"  # import name of the blueprint: neither room imports the other
_ALLOW_ORIGIN = "Access-Control-Allow-Origin"


def _cross_origin(state: AppState) -> Iterator[Finding]:
    """Report paths that Flask-CORS opens to pages of every origin."""
    if state.cookies is None:
        return
    functions = list(_find_flask_cors(state.app))
    opened = list(
        dict.fromkeys(
            rule.rule
            for rule in state.app.url_map.iter_rules()
            for blueprint, function in functions
            if blueprint is None or f".{rule.endpoint}".startswith(f".{blueprint}.")
            if any(_lets_in(state.app, rule.rule, function, origin) for origin in (_STRANGER, _SANDBOX))
        )
    )
    if opened:
        yield Finding(
            "warning",
            f'Flask-CORS lets pages of every origin read answers ({name_some(opened)}), and {PREFIX}COOKIES is "'
            f'{state.settings.cookies}": give CORS the origins of your own pages, without wildcards.',
        )


def _find_flask_cors(app: Flask) -> Iterator[tuple[str | None, Callable[[Response], object]]]:
    """Yield each function of Flask-CORS, and the blueprint that it is for; None for the whole application."""
    for blueprint, functions in app.after_request_funcs.items():
        for function in functions:
            module = getattr(function, "__module__", None) or ""  # a built-in method has none
            if module.partition(".")[0] == "flask_cors":
                yield blueprint, function


def _lets_in(app: Flask, path: str, function: Callable[[Any], object], origin: str) -> bool:
    """Return whether Flask-CORS lets pages of an origin read the answer of a path. No view is called."""
    response = app.response_class()
    with app.test_request_context(path, headers={"Origin": origin}):
        function(response)
    return response.headers.get(_ALLOW_ORIGIN) in ("*", origin)


def _no_endpoints(state: AppState) -> Iterator[Finding]:
    names = {blueprint.import_name for blueprint in state.app.blueprints.values()}
    if state.cookies is not None and _ENDPOINTS not in names:
        yield Finding(
            "warning",
            f"{PREFIX}COOKIES is set, but no endpoint refreshes them or logs out: register the blueprint "
            "auth.endpoints.",
        )


CHECKS = (_cross_origin, _no_endpoints)
