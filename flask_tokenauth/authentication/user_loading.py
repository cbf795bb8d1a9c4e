"""Load the user of a request with the ``user_loader`` of the application."""

import logging
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from flask import Flask

from ..core.user_errors import UnknownUser
from .calling import call_function
from .reentry import CallChain, CallerNotYetKnown
from .refusals import NotAuthenticated

_ASKED_FOR_USER = (
    "the user is not loaded: code that is called on the way asked for this user, and did not catch NotAuthenticated. "
    "Let user_loader use the user ID that it is given"
)
_DID_NOT_RETURN = (
    "user_loader must return the user of the token, and it did not return: see the error before this line in the log"
)
_LOAD_BEFORE = (
    "user_loader is a coroutine function, which cannot be started in the middle of another one: load the user before "
    "the view, with @login_required(load_user=True)"
)

_log = logging.getLogger("flask_tokenauth")


class LoaderCannotRun(RuntimeError):
    """The ``user_loader`` is a coroutine function, and cannot be called within another coroutine."""


class UserLoading:
    """Loads users for one application.

    Args:
        app: the application.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._calls = CallChain("tokenauth_loading")

    def load(self, loader: Callable[[Any], Any], user_id: Any, *, request: object) -> Any:
        """Return the user with this ID, or None.

        Args:
            loader: the ``user_loader``.
            user_id: the ID.
            request: stands for the request whose user is loaded.

        Raises:
            UnknownUser: *loader*, or code that it called, asked for the user that it had to load.
            CallerNotYetKnown: this is such a question.
            LoaderCannotRun: *loader* is a coroutine function, and another coroutine is running.
        """
        if self._calls.has_begun(request):
            raise CallerNotYetKnown
        with self._calls.begin(request):
            try:
                return call_function(self._app, "user_loader", loader, user_id)
            except NotAuthenticated as error:
                if not isinstance(error.error, CallerNotYetKnown):
                    raise
                _log.error(_ASKED_FOR_USER)  # within the context, because a log filter may ask too
                raise UnknownUser(_DID_NOT_RETURN) from None
            except RuntimeError as error:
                if iscoroutinefunction(loader) and _is_in_coroutine():
                    raise LoaderCannotRun(_LOAD_BEFORE) from error
                raise


def _is_in_coroutine() -> bool:
    from asyncio import get_running_loop  # noqa: PLC0415  # it imports much, and few user_loaders are coroutines

    try:
        get_running_loop()
    except RuntimeError:
        return False
    return True
