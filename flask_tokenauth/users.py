"""The caller of the current request: the user, loaded by a function of the application, and the token."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, TypeVar

from flask import Request, has_request_context, request
from werkzeug.local import LocalProxy

from .application.app_state import AppState, current_state
from .application.refusing import refuse, refuse_without_token
from .core.errors import Refusal
from .core.token_errors import UnknownUser
from .core.tokens.token import Token

_NO_REQUEST = (
    "this function of Flask-TokenAuth needs a request, and there is none: call it in a view, or use auth.verify for a "
    "token that came in another way"
)

U = TypeVar("U")


class UserLoader(Generic[U]):
    """The function that ``@auth.user_loader`` returns: call it to get the user of the current request."""

    def __init__(self, load: Callable[[Any], Any]) -> None:
        update_wrapper(self, load)

    def __call__(self) -> U:
        """Return the user of the current request.

        Raises:
            NotAuthenticated: the request is anonymous, has a bad token, or the token of a user who no longer exists.
        """
        user: U = get_user()
        return user


def get_user() -> Any:
    """Return the user of the current request. The user is loaded at the first call, once per request.

    Raises:
        NotAuthenticated: the request is anonymous, has a bad token, or the token of a user who no longer exists.
        SettingsError: there is no ``user_loader``.
    """
    state, req = current_state(), _current_request()
    try:
        user = state.authenticator.load_user(req)
    except Refusal as refusal:
        raise refuse(state, refusal) from None
    if user is None:
        raise refuse_without_token(state, state.authenticator.authenticate(req), req)
    return user


def get_user_id() -> Any:
    """Return the ID of the user of the current request.

    Raises:
        NotAuthenticated: the request is anonymous, or has a bad token.
    """
    state = current_state()
    require_token(state)
    return state.authenticator.authenticate(_current_request()).user_id


def require_token(state: AppState) -> Token:
    """Return the token of the current request.

    Raises:
        AuthError: the request has no good token.
    """
    req = _current_request()
    authentication = state.authenticator.authenticate(req)
    if authentication.token is None:
        raise refuse_without_token(state, authentication, req)
    return authentication.token


def get_token() -> Token | None:
    """Return the verified token of the current request, or None if it is anonymous or its token is bad."""
    return current_state().authenticator.authenticate(_current_request()).token


def _current_request() -> Request:
    if not has_request_context():
        raise RuntimeError(_NO_REQUEST)
    return request


def _find_user() -> Any:
    """Return the user of the current request; None without a user, or without a request."""
    if not has_request_context():
        return None
    try:
        return current_state().authenticator.load_user(request)
    except UnknownUser:
        return None


current_user: Any = LocalProxy(_find_user)
"""The user of the current request, for templates: false if there is none. In code use ``get_user()``, which raises."""
