"""Check and call functions that the application gives to ``TokenAuth``."""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from flask import Flask

from ..core.errors import SettingsError


def check_function(decorator: str, function: object) -> None:
    """Check that a decorator of ``TokenAuth`` decorates a function.

    Args:
        decorator: its name, for the message.
        function: the decorated object.

    Raises:
        TypeError: *function* cannot be called.
    """
    if not callable(function):
        got = type(function).__name__
        raise TypeError(f"{decorator} must decorate a function, got {got}: write @auth.{decorator} above a function")


def call_function(app: Flask, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function or a coroutine function.

    Args:
        app: the application.
        name: of the decorator, for the message.
        function: gets *arguments*.
        arguments: all of its arguments.

    Raises:
        SettingsError: the result is an awaitable, which would count as true: Flask does not see that the function is a
            coroutine function, for example since a decorator or an object is around it.
    """
    result = app.ensure_sync(function)(*arguments)
    if isawaitable(result):
        getattr(result, "close", lambda: None)()  # a coroutine, which would warn that it was never awaited
        raise SettingsError(
            f"the function of {name} must be written with async def itself, or return its result, got an awaitable: "
            "leave nothing between async def and TokenAuth"
        )
    return result
