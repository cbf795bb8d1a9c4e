"""What the URL of the current request matched, as text, for the placeholders of scopes."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Flask, Request, current_app, request

_MATCHED = "_tokenauth_matched"  # on the request object, where no view looks for something to overwrite

# The objects themselves: each look through a proxy costs as much as a remembered token.
current_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]
current_app_itself: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]


def keep_arguments(req: Request) -> None:
    """Keep what the URL matched, before any preprocessor of a blueprint takes something out of it."""
    if req.view_args and _MATCHED not in req.__dict__:
        setattr(req, _MATCHED, dict(req.view_args))


def find_matched(name: str) -> str | None:
    """Return an argument of the current view as the text that stands for it in a URL; None if there is none.

    A default of the rule has no converter; only a text, an int or a UUID stands for itself in a scope.
    """
    req = current_request()
    values: Mapping[str, Any] = getattr(req, _MATCHED, None) or req.view_args or {}
    value = values.get(name)
    converter = req.url_rule._converters.get(name) if req.url_rule is not None else None
    if converter is not None and name in values:
        return converter.to_url(value)
    return str(value) if isinstance(value, (str, int, UUID)) and not isinstance(value, bool) else None
