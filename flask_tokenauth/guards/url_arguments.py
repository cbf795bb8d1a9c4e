"""The arguments of a view as they stood in the URL, for the placeholders of scopes."""

from typing import Any
from uuid import UUID

from flask import Request

from ..authentication.contexts import current_request

_URL_ARGUMENTS = "_tokenauth_url_arguments"  # attribute of the request: views do not overwrite it by accident


def keep_url_arguments(req: Request) -> None:
    """Keep the arguments that the URL matched, before a preprocessor of a blueprint removes one of them."""
    if req.view_args and _URL_ARGUMENTS not in req.__dict__:
        setattr(req, _URL_ARGUMENTS, (req.url_rule, dict(req.view_args)))


def find_url_argument(name: str) -> str | None:
    """Return an argument of the current view as it is written in a URL, or None if there is none.

    A default of the rule has no converter. Only a string, an int or a UUID is its own spelling. If other code has led
    the request to another rule, the arguments of that rule count.
    """
    req = current_request()
    kept: tuple[Any, dict[str, Any]] | None = getattr(req, _URL_ARGUMENTS, None)
    values = kept[1] if kept is not None and kept[0] is req.url_rule else req.view_args or {}
    value = values.get(name)
    converter = req.url_rule._converters.get(name) if req.url_rule is not None else None
    if converter is not None and name in values:
        return converter.to_url(value)
    return str(value) if isinstance(value, (str, int, UUID)) and not isinstance(value, bool) else None
