"""The caller of the current request: the user, loaded by a function of the application, and the token."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, TypeVar

from flask import Request, has_request_context
from werkzeug.local import LocalProxy

from .application.app_state import AppState, current_state
from .application.refusing import refuse, refuse_without_token
from .authentication.contexts import current_request
from .authentication.reentry import CallerNotYetKnown
from .authentication.user_loading import LoaderCannotRun
from .core.claim_errors import WrongIssuer
from .core.errors import Refusal
from .core.tokens.token import Token
from .core.trusted_issuers.trusted_token import TrustedToken
from .core.user_errors import UnknownUser

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
            NotPermitted: the request has an API key, and the guards of its route do not accept API keys.
        """
        user: U = get_user()
        return user


def get_user() -> Any:
    """Return the user of the current request. The user is loaded at the first call, once per request.

    Raises:
        NotAuthenticated: the request is anonymous, has a bad token, or the token of a user who no longer exists. For
            code that is called while the token is checked or the user is loaded, the request is anonymous.
        NotPermitted: the request has an API key, and the guards of its route do not accept API keys.
        SettingsError: there is no ``user_loader``.
    """
    state, req = current_state(), _require_request()
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
        NotAuthenticated: the request is anonymous, has a bad token, or the token is still being checked.
        NotPermitted: the request has an API key, and the guards of its route do not accept API keys.
    """
    state = current_state()
    require_token(state)
    return state.authenticator.authenticate(_require_request()).user_id


def require_token(state: AppState) -> Token:
    """Return the token of the current request.

    Raises:
        AuthError: the request has no good token.
    """
    req = _require_request()
    authentication = state.authenticator.authenticate(req)
    if authentication.token is None:
        raise refuse_without_token(state, authentication, req)
    return authentication.token


def require_own_token(state: AppState) -> Token:
    """Return the token of the current request, which this application or another one of its issuer has issued.

    Raises:
        AuthError: the request has no good token, or it is one of a trusted issuer.
    """
    token = require_token(state)
    if isinstance(token, TrustedToken):
        raise refuse(state, WrongIssuer())
    return token


def find_text(state: AppState) -> str | None:
    """Return the token of the current request as the client sent it, or None.

    It is None if the request has no good token, an API key or a ticket.
    """
    return state.authenticator.authenticate(_require_request()).text


def get_token() -> Token | None:
    """Return the verified token of the current request.

    It is None if the request is anonymous, if its token is bad, if it has an API key that the guards of its route do
    not accept, and for code that is called while the token is checked.
    """
    return current_state().authenticator.authenticate(_require_request()).token


def _require_request() -> Request:
    if not has_request_context():
        raise RuntimeError(_NO_REQUEST)
    return current_request()


def _find_user() -> Any:
    """Return the user of the current request.

    None without a user or a ``user_loader``, without a request, and while the token is checked or the user is loaded.
    """
    if not has_request_context():
        return None
    authenticator = current_state().authenticator
    if not authenticator.has_user_loader:
        return None
    try:
        return authenticator.load_user(_require_request())
    except (UnknownUser, CallerNotYetKnown, LoaderCannotRun):
        return None


class _CurrentUser(LocalProxy[Any]):
    """A proxy that does not hide errors of the ``user_loader``.

    In the proxy of werkzeug, a ``RuntimeError`` makes the object false, and Python ignores any error of a method that
    compares if the method is looked up by a descriptor, as there.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        return bool(_find_user())

    def __eq__(self, other: object) -> bool:
        return bool(_find_user() == other)

    def __ne__(self, other: object) -> bool:
        return bool(_find_user() != other)

    def __hash__(self) -> int:
        return hash(_find_user())


current_user: Any = _CurrentUser(_find_user)
"""The user of the current request, for templates: false if there is none. In code use ``get_user()``, which raises."""
