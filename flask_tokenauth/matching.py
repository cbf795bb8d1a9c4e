"""What the URL of the current request matched, as text, for the placeholders of scopes."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Flask, Request, current_app, request
from werkzeug.exceptions import HTTPException

_MATCHED = "_tokenauth_matched"  # on the request object, where no view looks for something to overwrite

# The objects themselves: each look through a proxy costs as much as a remembered token.
current_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]
current_app_itself: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]


def find_matched(name: str) -> str | None:
    """Return an argument of the current view as the text that stands for it in a URL; None if there is none.

    A default of the rule has no converter; only a text, an int or a UUID stands for itself in a scope.
    """
    req = current_request()
    values: Mapping[str, Any] | None = getattr(req, _MATCHED, None)
    if values is None:
        values = _match(req)
        setattr(req, _MATCHED, values)
    value = values.get(name)
    converter = req.url_rule._converters.get(name) if req.url_rule is not None else None
    if converter is not None and name in values:
        return converter.to_url(value)
    return str(value) if isinstance(value, (str, int, UUID)) and not isinstance(value, bool) else None


def _match(req: Request) -> Mapping[str, Any]:
    """Return what the URL matches; in ``view_args`` a preprocessor may have taken something out, or put it in."""
    adapter = current_app_itself().create_url_adapter(req)
    try:
        rule, values = adapter.match(return_rule=True) if adapter is not None else (None, {})
    except HTTPException:
        return {}
    return values if rule is req.url_rule else {}
