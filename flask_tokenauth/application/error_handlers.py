"""The application's own error handlers may answer refusals, and cannot lose their status and their challenge."""

from typing import Any

from flask import Flask, Response

from ..authentication.contexts import NO_REQUEST, REQUEST_CONTEXT
from ..authentication.refusals import AuthError, keep_refusal
from .app_state import state_of
from .flask_methods import find_method
from .handler_search import HandlerSearch
from .refusing import log_for_developer
from .shared_caches import note_refused

_STATUS_KEPT = (
    "an error handler answered a refusal with status %s, and the client gets %s: return the status of the error, such "
    "as error.code"
)


class RefusalHandling:
    """Answers the refusals of one application.

    Flask looks for a handler as for any other HTTP error. Its answer gets the status and the headers of the refusal.
    Without a handler the answer is :attr:`AuthError.response`.

    Args:
        app: the application.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._search = None if "handle_user_exception" in vars(app) else HandlerSearch(app)
        self._flask_handle = find_method(app, "handle_user_exception")

    def install(self) -> None:
        """Wrap ``app.handle_user_exception``, through which every error of a request goes."""
        self._app.handle_user_exception = self.handle_user_exception  # type: ignore[method-assign]

    def handle_user_exception(self, *args: Any, **kwargs: Any) -> Any:
        """Answer an error.

        Args:
            args: the arguments that Flask calls its own method with. The last one is the error.
            kwargs: its keyword arguments.

        Returns:
            The answer, as Flask's own method returns it, or the response of a refusal.

        Raises:
            Exception: the error, if it is no refusal and has no handler, or an error of the handler.
        """
        error = args[-1] if args else None
        if not isinstance(error, AuthError):
            return self._flask_handle(*args, **kwargs)
        note_refused(REQUEST_CONTEXT.get(NO_REQUEST).request.environ)
        if self._search is not None and not self._search.is_needed():
            return _answer_as_is(error)
        try:
            answer = self._flask_handle(*args, **kwargs)
        except Exception as raised:
            if raised is not error:
                _pass_headers(error, raised)
                raise
            answer = error  # TRAP_HTTP_EXCEPTIONS, or a handler that passes the error on
        if answer is error:
            if self._search is not None:
                self._search.note_nothing_found()
            return _answer_as_is(error)
        response = self._app.make_response(answer)
        kept = keep_refusal(error, response)
        if kept.status_code != response.status_code:
            log_for_developer(state_of(self._app), _STATUS_KEPT, response.status_code, kept.status_code)
        return kept


def _answer_as_is(error: AuthError) -> Response:
    error.__traceback__ = None  # its frames hold the token and this request, and the frame of Flask holds the error
    return error.response


def _pass_headers(error: AuthError, raised: Any) -> None:
    """Give the headers of a refusal to the error of an ASGI framework that answers instead of Flask, as in Connexion.

    Args:
        error: the refusal.
        raised: an error that a handler has raised. If it is one of Starlette, it has ``status_code`` and ``headers``.
    """
    if getattr(raised, "status_code", None) == error.code and getattr(raised, "headers", error) is None:
        kept = ("WWW-Authenticate", "Retry-After", "Cache-Control")
        raised.headers = {name: error.response.headers[name] for name in kept if name in error.response.headers}
