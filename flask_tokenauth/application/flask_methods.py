"""Methods of Flask that ``init_app`` wraps."""

from collections.abc import Callable
from typing import Any

from flask import Flask


def find_method(app: Flask, name: str) -> Callable[..., Any]:
    """Return the method of *app* with this name, for a wrapper that takes its place.

    Other code may have replaced the method of this application before. If it replaces the method of the class, now or
    later, as tools that trace applications do, that one is called.

    Args:
        app: the application.
        name: of the method.
    """
    replaced: Callable[..., Any] | None = vars(app).get(name)
    if replaced is not None:
        return replaced

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(type(app), name)(app, *args, **kwargs)

    return call
