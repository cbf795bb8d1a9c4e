"""The caller on ``g``: ``g.user_id``, ``g.scopes`` and ``g.token`` for views, which may change them."""

from typing import Any

from flask import Flask

from .contexts import APP_CONTEXT

NO_SCOPES = frozenset[str]()


class _Attributes:
    """Sets attributes of a ``g`` whose class the application chose."""

    def __init__(self, context: object) -> None:
        self._context = context

    def __setitem__(self, name: str, value: object) -> None:
        setattr(self._context, name, value)


def attributes_of_g() -> dict[str, Any] | _Attributes:
    """Return the attributes of the current ``g``. They can be set like items of a dict."""
    context = APP_CONTEXT.get().g
    if type(context) is Flask.app_ctx_globals_class:
        attributes: dict[str, Any] = context.__dict__  # faster than to set attributes: this class has a method for it
        return attributes
    return _Attributes(context)


def show_nobody() -> None:
    """Let the caller on ``g`` be anonymous."""
    shown = attributes_of_g()
    shown["user_id"], shown["scopes"], shown["token"] = None, NO_SCOPES, None
