"""Check that each name in ``TOKENAUTH_PUBLIC_ENDPOINTS`` opens a route."""

import difflib
import json
import re
from collections.abc import Collection

from flask import Flask

from ..application.setting_types import PREFIX
from ..core.errors import SettingsError

_KEY = f"{PREFIX}PUBLIC_ENDPOINTS"
_REMOVE = "correct it, or remove it"


def check_public_endpoints(app: Flask, names: Collection[str]) -> None:
    """Check that each name is the endpoint of a route, or stands for the endpoints of a blueprint.

    Args:
        app: the application, with all of its routes.
        names: the setting.

    Raises:
        SettingsError: no route has an endpoint with that name. The message has every mistake.
    """
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    mistakes = [
        f"{_KEY} names {_explain(app, name, endpoints)}" for name in sorted(names) if not _is_used(name, endpoints)
    ]
    if mistakes:
        raise SettingsError("; ".join(mistakes))


def _is_used(name: str, endpoints: Collection[str]) -> bool:
    if name.endswith(".*"):
        return any(endpoint.startswith(name[:-1]) for endpoint in endpoints)
    return name in endpoints


def _explain(app: Flask, name: str, endpoints: Collection[str]) -> str:
    """Return words for a name that no route has, and advice."""
    if "/" in name:
        return f"{name}, which is a path{_find_endpoints(app, name)}"
    if len(words := re.findall(r"[^,\s]+", name)) > 1:
        return f"{name!r} as one endpoint: write a list (in the environment: FLASK_{_KEY}='{json.dumps(words)}')"
    if name.endswith(".*"):
        blueprints = {endpoint.rpartition(".")[0] + ".*" for endpoint in endpoints if "." in endpoint}
        return f"{name}, but no route belongs to such a blueprint: {_suggest(name, blueprints)}"
    if _is_used(f"{name}.*", endpoints):
        return f"{name}, which is the endpoint of no route: for all endpoints of the blueprint write {name}.*"
    ending = [endpoint for endpoint in sorted(endpoints) if endpoint.rpartition(".")[2] == name.rpartition(".")[2]]
    return f"{name}, which is the endpoint of no route: {_suggest(name, ending or endpoints)}"


def _find_endpoints(app: Flask, path: str) -> str:
    found = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.strip("/") == path.strip("/")}
    if not found:
        return " that no route has: write an endpoint, which flask routes shows"
    return f": write its endpoint, {' or '.join(sorted(found))}"


def _suggest(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else _REMOVE
