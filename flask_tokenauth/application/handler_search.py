"""Whether Flask has to look for an error handler that answers a refusal.

Most applications have none. The search takes as long as half of all else that is done for a refusal, so it is left out
while it would find nothing.
"""

from operator import attrgetter
from types import FunctionType
from typing import Any

import flask.sansio.app
from flask import Flask

from ..core.errors import StoreUnavailable
from .refusing import answer_store_unavailable

_OF_CLASS = attrgetter("handle_user_exception", "handle_http_exception", "_find_error_handler")
_OF_OBJECT = ("handle_http_exception", "_find_error_handler")  # the first one above is replaced by this package
_FILES = (flask.app.__file__, flask.sansio.app.__file__)
_OURS = {StoreUnavailable: answer_store_unavailable}  # its answer to a refusal is that which is given without a handler
_MOST_NAMES = 8  # of blueprints: with more of them, to compare takes as long as to search


def find_flasks_own(kind: type[Flask]) -> tuple[Any, ...] | None:
    """Return the methods of *kind* that search for a handler, or None if one of them is not Flask's own."""
    methods: tuple[Any, ...] = _OF_CLASS(kind)
    are_own = all(type(method) is FunctionType and method.__code__.co_filename in _FILES for method in methods)
    return methods if are_own else None


_FLASKS_OWN = find_flasks_own(Flask)  # None if something had replaced one of them before this import


class HandlerSearch:
    """Remembers that an application has no error handlers, and notices when it has some.

    Args:
        app: the application.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._without: dict[Any, Any] | None = None  # ``error_handler_spec`` of the application, without a handler

    def is_needed(self) -> bool:
        """Return whether Flask has to look for a handler: there may be one, or other code takes part in the search."""
        own = self._app.__dict__
        return (
            self._app.error_handler_spec != self._without
            or _OF_CLASS(type(self._app)) != _FLASKS_OWN
            or _OF_OBJECT[0] in own
            or _OF_OBJECT[1] in own
        )

    def note_nothing_found(self) -> None:
        """Note that Flask has found no handler for a refusal. There may be handlers for other errors."""
        handlers = self._app.error_handler_spec
        if len(handlers) > _MOST_NAMES:
            return
        without: dict[Any, Any] = {}
        for name, of_name in list(handlers.items()):  # other threads may search too, which adds empty entries
            without[name] = {code: of_code.copy() for code, of_code in list(of_name.items())}
            if any(of_code and of_code != _OURS for of_code in without[name].values()):
                return
        self._without = without
