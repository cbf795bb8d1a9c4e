"""The contexts of Flask, for the code that every request runs through.

A look through one of Flask's proxies calls several functions, and costs as much as to find a remembered token. The
variables behind the proxies cost nearly nothing. Elsewhere the proxies are fine.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from flask import Flask, Request, current_app, request
from flask import globals as _globals

APP_CONTEXT: ContextVar[Any] = _globals._cv_app  # its value has "app" and "g"
REQUEST_CONTEXT: ContextVar[Any] = getattr(_globals, "_cv_request", _globals._cv_app)  # its value has "request"

# The objects behind the proxies. Outside of a context, these functions raise the error of Flask, a RuntimeError.
current_flask: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]
current_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]


class _NoRequest:
    """Stands for the context where there is no request: to ask for it raises the error of Flask, a RuntimeError."""

    @property
    def request(self) -> Request:
        return current_request()


NO_REQUEST = _NoRequest()  # the default for ``REQUEST_CONTEXT.get``
