"""The application's own error handlers may answer refusals, and cannot lose their status and their challenge."""

from collections.abc import Callable
from typing import Any

from flask import Flask, request

from ..authentication.refusals import AuthError, keep_refusal
from .shared_caches import SHAREABLE


class RefusalHandling:
    """Answers the refusals of one application.

    Flask looks for a handler as for any other HTTP error. Its answer gets the status and the headers of the refusal.
    Without a handler the answer is :attr:`AuthError.response`.

    Args:
        app: the application.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._flask_handle: Callable[..., Any] = app.handle_user_exception

    def install(self) -> None:
        """Wrap ``app.handle_user_exception``, through which every error of a request goes."""
        self._app.handle_user_exception = self.handle_user_exception  # type: ignore[method-assign]

    def handle_user_exception(self, *args: Any, **kwargs: Any) -> Any:
        """Answer an error.

        Args:
            args: whatever Flask passes to its own method, which is called with the same; last the error.
            kwargs: the same.

        Returns:
            The answer, as Flask's own method returns it, or the response of a refusal.

        Raises:
            Exception: the error, if it is no refusal and has no handler, or an error of the handler.
        """
        error = args[-1] if args else None
        if not isinstance(error, AuthError):
            return self._flask_handle(*args, **kwargs)
        try:
            answer = self._flask_handle(*args, **kwargs)
        except AuthError as raised:
            if raised is not error:
                raise
            answer = error  # TRAP_HTTP_EXCEPTIONS, or a handler that passes the error on
        request.environ.pop(SHAREABLE, None)
        return error.response if answer is error else keep_refusal(error, self._app.make_response(answer))
