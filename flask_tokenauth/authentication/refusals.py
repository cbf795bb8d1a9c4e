"""A refusal of the core becomes the response to the client, with its challenge (RFC 6750 section 3)."""

from functools import lru_cache
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
from flask import Flask, Response, current_app
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, ServiceUnavailable, Unauthorized

from ..core.errors import (
    InsufficientScope,
    LoginTooOld,
    MalformedCredential,
    MissingCredential,
    Refusal,
    SettingsError,
    StoreOutage,
    StoreUnavailable,
)

NOT_SET_UP = "TokenAuth is not set up on this application: call TokenAuth(app) or auth.init_app(app)"


class AuthError(HTTPException):
    """The request is refused. Raised by guards; ``errorhandler(AuthError)`` or one for the status can answer instead.

    Attributes:
        error: the :class:`~flask_tokenauth.core.errors.Refusal` behind it.
        reason: its stable name, for logs; never shown to the client.
        data: the body, as a mapping.
        response: what the client gets unless a handler answers.
    """

    _refusal: ClassVar[type[Refusal]] = MissingCredential

    def __init__(self, description: str | None = None, *, error: Refusal | None = None) -> None:
        """Refuse the current request.

        Args:
            description: what to tell the client's developer, instead of what the kind of refusal says.
            error: the refusal of the core; else the plainest of this status.
        """
        self.error = error = self._refusal() if error is None else error
        self.reason = error.reason
        told = error.hint if description is None else str(description).encode(errors="replace").decode()
        self.data: dict[str, Any] = {"error": error.code, "error_description": told}
        if isinstance(error, InsufficientScope) and error.needed:
            self.data["scope"] = " ".join(error.needed)
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # for three looks at it
        if "tokenauth" not in app.extensions:
            raise SettingsError(NOT_SET_UP)
        realm: str = app.extensions["tokenauth"].realm
        if description is None and not isinstance(error, (InsufficientScope, LoginTooOld)):
            bare = isinstance(error, MissingCredential)
            body, challenge = _write_plain(error.code, error.hint, realm, bare=bare)
        else:
            body, challenge = msgspec.json.encode(self.data), write_challenge(error, realm=realm)
        further = (_CHALLENGE, challenge) if error.status != HTTPStatus.SERVICE_UNAVAILABLE else _RETRY_AFTER
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), further]
        response = Response([body], error.status, headers)
        if type(self) is NotAuthenticated:  # werkzeug's way of making one takes as long as all the rest
            HTTPException.__init__(self, told, response)
        else:
            super().__init__(told, response=response)


class InvalidRequest(AuthError, BadRequest):
    """400: the credential breaks the grammar."""

    _refusal = MalformedCredential


class NotAuthenticated(AuthError, Unauthorized):
    """401: no credential, or one that is refused. A login view raises it for a wrong password."""

    www_authenticate: Any = ()  # of werkzeug's class; ours is in the response


class NotPermitted(AuthError, Forbidden):
    """403: the token is good and does not reach this far."""

    _refusal = InsufficientScope


class TemporarilyUnavailable(AuthError, ServiceUnavailable, StoreUnavailable):
    """503: the store cannot be asked, and ``Retry-After`` says when to come back.

    What raises :class:`StoreUnavailable` raises this within a request, so that every framework answers with it.
    """

    _refusal = StoreOutage


_BY_STATUS: dict[int, type[AuthError]] = {
    400: InvalidRequest,
    401: NotAuthenticated,
    403: NotPermitted,
    503: TemporarilyUnavailable,
}
_CHALLENGE = "WWW-Authenticate"
_SEEN = ("access-control-", "allow", "vary")
_RETRY_AFTER = ("Retry-After", "5")  # seconds
_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"'})


def auth_error_for(error: Refusal) -> AuthError:
    """Return the exception that answers the current request with *error*."""
    return _BY_STATUS[error.status](error=error)


def answer_auth_error(error: AuthError) -> Response:
    """Answer a refused request. ``init_app`` registers this handler unless the application has one of its own."""
    return error.response  # type: ignore[return-value]  # set, and of the application's response_class


@lru_cache(maxsize=256)
def _write_plain(code: str, hint: str, realm: str, *, bare: bool) -> tuple[bytes, str]:
    """Return body and challenge of a refusal that has no more to say than that; of most, so written once."""
    parameters = {"realm": realm} if bare else {"realm": realm, "error": code, "error_description": hint}
    return msgspec.json.encode({"error": code, "error_description": hint}), _write_parameters(parameters)


def withhold(response: Response) -> Response:
    """Remove everything from a *response* to OPTIONS but the status and the headers that CORS needs.

    For a response that was made before the guard of the view was asked: a cache may have made it, which does not know
    of the guard.
    """
    response.headers = Headers([header for header in response.headers if header[0].lower().startswith(_SEEN)])
    response.call_on_close(getattr(response.response, "close", lambda: None))
    response.set_data(b"")
    return response


def write_challenge(error: Refusal, *, realm: str) -> str:
    """Return the ``WWW-Authenticate`` value for *error*; every parameter a quoted-string.

    Without a credential the challenge has no error code (RFC 6750 section 3.1).
    """
    parameters = {"realm": realm}
    if not isinstance(error, MissingCredential):
        parameters |= {"error": error.code, "error_description": error.hint}
    if isinstance(error, InsufficientScope) and error.needed:
        parameters["scope"] = " ".join(error.needed)
    if isinstance(error, LoginTooOld):
        parameters["max_age"] = str(error.max_age)
    return _write_parameters(parameters)


def _write_parameters(parameters: dict[str, str]) -> str:
    return "Bearer " + ", ".join(f'{name}="{value.translate(_QUOTED)}"' for name, value in parameters.items())
