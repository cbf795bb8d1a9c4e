"""Who is calling: the user, loaded by the application's own function, and the token."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, TypeVar

from flask import has_request_context, request
from werkzeug.local import LocalProxy

from .application.app_state import AppState, current_state
from .core.errors import MissingCredential, Refusal, UnknownUser
from .core.tokens.token import Token

U = TypeVar("U")


class UserLoader(Generic[U]):
    """What ``@auth.user_loader`` makes of a function: called, it returns the user of the current request."""

    def __init__(self, load: Callable[[Any], Any]) -> None:
        update_wrapper(self, load)

    def __call__(self) -> U:
        """Return the user of the current request; raises like :func:`get_user`."""
        user: U = get_user()
        return user


def get_user() -> Any:
    """Return the user of the current request, loaded on first use and once a request.

    Raises:
        NotAuthenticated: the request is anonymous, has a bad token, or the token of a user who is gone.
        SettingsError: there is no ``user_loader``.
    """
    state = current_state()
    try:
        user = state.judge.load_user(request)
        if user is None:
            raise state.judge.of(request).refusal or MissingCredential()
    except Refusal as refusal:
        raise state.refuse(refusal) from None
    return user


def get_user_id() -> Any:
    """Return the ID of the user of the current request.

    Raises:
        NotAuthenticated: the request is anonymous, or has a bad token.
    """
    state = current_state()
    require_token(state)
    return state.judge.of(request).user_id


def require_token(state: AppState) -> Token:
    """Return the token of the current request.

    Raises:
        AuthError: it has no good one.
    """
    judged = state.judge.of(request)
    if judged.token is None:
        raise state.refuse(judged.refusal or MissingCredential())
    return judged.token


def get_token() -> Token | None:
    """Return the verified token of the current request; None if it is anonymous or its token is bad."""
    return current_state().judge.of(request).token


def _find_user() -> Any:
    """Return the user of the current request; None for the anonymous, for those who are gone, and without a request."""
    if not has_request_context():
        return None
    try:
        return current_state().judge.load_user(request)
    except UnknownUser:
        return None


current_user: Any = LocalProxy(_find_user)
"""The user of the current request, or a stand-in for None; for templates. In code, ``get_user()`` is typed and loud."""
