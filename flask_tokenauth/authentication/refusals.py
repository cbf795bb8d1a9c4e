"""Refusals as exceptions and responses, with the challenge of RFC 6750 section 3."""

import re
from copy import copy
from functools import lru_cache
from http import HTTPStatus
from typing import Any, ClassVar, NamedTuple

import msgspec
from flask import Response
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, ServiceUnavailable, Unauthorized

from ..core.client_errors import InvalidClient
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
from .contexts import current_flask
from .credentials import has_scheme

NOT_SET_UP = "TokenAuth is not set up on this application: call TokenAuth(app) or auth.init_app(app)"


class AuthError(HTTPException):
    """The request is refused. Guards raise it; views may raise it too.

    ``errorhandler(AuthError)``, or a handler for the status, can answer instead of :attr:`response`.

    Attributes:
        error: the refusal, a :class:`~flask_tokenauth.core.Refusal`. ``str(error)`` is a sentence for developers, and
            its attributes are facts, such as the scopes that are needed.
        reason: the stable name of the refusal, for logs. The client never sees it.
        data: the body of the response, as a dict.
        response: the response for the client: body, status and headers. A handler may return it.
    """

    response: Response  # of the application's response_class
    _refusal: ClassVar[type[Refusal]] = MissingCredential

    def __init__(self, description: str | None = None, *, error: Refusal | None = None) -> None:
        """Refuse the current request.

        Args:
            description: the description for the developer of the client, instead of the usual one.
            error: the refusal. Default: the most general one with this status.

        Raises:
            SettingsError: ``TokenAuth`` is not set up on the current application.
            RuntimeError: there is no current application.
        """
        self.error = error = self._refusal() if error is None else error
        self.reason = error.reason
        try:
            state = current_flask().extensions["tokenauth"]
        except KeyError:
            raise SettingsError(NOT_SET_UP) from None
        scope = " ".join(error.needed) if isinstance(error, (InsufficientScope, MissingCredential)) else ""
        has_more = description is not None or isinstance(error, (InsufficientScope, LoginTooOld))
        if has_more or len(scope) > _LONGEST_KEPT:
            text = error.hint if description is None else str(description).encode(errors="replace").decode()
            written = _write(error, text, scope, state.realm, state.resource_metadata)
        else:
            text = error.hint
            facts = type(error), error.code, error.status, text
            written = write_simple(facts, scope, state.realm, state.resource_metadata)
        self.data: dict[str, Any] = written.data.copy()
        headers = Headers()
        headers[:] = written.headers  # takes half the time of the constructor with the same headers
        response = Response([written.body], error.status, headers)
        if type(self) is NotAuthenticated:  # the constructor of werkzeug's class takes as long as all the rest
            HTTPException.__init__(self, text, response)
        else:
            super().__init__(text, response=response)


class InvalidRequest(AuthError, BadRequest):
    """400: the ``Authorization`` header breaks the grammar, or the token came over plain HTTP."""

    _refusal = MalformedCredential


class NotAuthenticated(AuthError, Unauthorized):
    """401: there is no credential, or it is refused. Raise it in a login view for a wrong password."""

    www_authenticate: Any = ()  # hides that of werkzeug's class: the challenge is in the response


class NotPermitted(AuthError, Forbidden):
    """403: the token is good, but lacks a scope, or a claim that ``@require_claim`` needs."""

    _refusal = InsufficientScope


class TemporarilyUnavailable(AuthError, ServiceUnavailable, StoreUnavailable):
    """503: the store cannot be asked. ``Retry-After`` says when the client should try again.

    Within a request it is raised instead of :class:`StoreUnavailable`, since every framework can answer it.
    """

    _refusal = StoreOutage


_BY_STATUS: dict[int, type[AuthError]] = {
    400: InvalidRequest,
    401: NotAuthenticated,
    403: NotPermitted,
    503: TemporarilyUnavailable,
}
_BARE = (MissingCredential, InvalidClient)  # the challenge has neither a code nor a description
_CHALLENGE = "WWW-Authenticate"
_WITH_METADATA = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)  # RFC 9728 section 5.1
_LONGEST_SCOPE = 1024  # characters: nginx allows 4096 bytes for all headers
_LONGEST_KEPT = 512  # characters of scopes, which may have values from the URL
_KEPT = ("access-control-", "allow", "vary")
NO_STORE = ("Cache-Control", "no-store")
_REDIRECTION = 3  # the hundreds of the status
_RETRY_AFTER = ("Retry-After", "5")  # seconds
_DESCRIPTION = re.compile(r"[ !#-\[\]-~]{1,512}")  # RFC 6750 section 3; the limit is ours
_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"'})


def auth_error_for(error: Refusal) -> AuthError:
    """Return the exception that answers the current request with *error*."""
    return _BY_STATUS[error.status](error=error)


def keep_refusal(error: AuthError, response: Response) -> Response:
    """Return *response* with the status, the challenge and the other headers of a refusal.

    A handler may redirect (3xx), for example to a login page, or hide that there is something (404). Any other status
    becomes that of the refusal.

    Args:
        error: the refusal.
        response: the answer of a handler of the application. It stays as it is: other views may return it too.
    """
    refused, response = error.response, copy(response)
    response.headers = Headers(response.headers)
    response.headers.set(*NO_STORE)
    if response.status_code // 100 == _REDIRECTION or response.status_code == HTTPStatus.NOT_FOUND:
        return response
    response.status_code = refused.status_code
    for name in (_CHALLENGE, "Retry-After"):
        if name in refused.headers:
            _keep_header(name, refused.headers[name], response)
    return response


def _keep_header(name: str, value: str, response: Response) -> None:
    """Set a header. A challenge of another scheme stays beside that of the refusal."""
    scheme = value.partition(" ")[0].lower()
    others = [other for other in response.headers.getlist(name) if name == _CHALLENGE and not has_scheme(other, scheme)]
    response.headers.setlist(name, [value, *others])


def _scheme_of(kind: type[Refusal]) -> str:
    """Return the scheme of the challenge. That of a client that is refused must match its credential (RFC 6749)."""
    return "Basic" if issubclass(kind, InvalidClient) else "Bearer"


class Written(NamedTuple):
    """The parts of an answer, for any number of responses. None of these may change *data*."""

    data: dict[str, Any]  # the members of the body
    body: bytes
    headers: tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)
def write_simple(facts: tuple[type[Refusal], str, int, str], scope: str, realm: str, metadata: str) -> Written:
    """Return the answer of a refusal whose body has no further members.

    Most refusals are like this, so the result is kept. The arguments must be short.

    Args:
        facts: its class, its code, its status and its hint, which a class of the application may make for each refusal.
        scope: the scopes that the challenge names, or "".
        realm: of the application.
        metadata: the URL of the metadata of the protected resource, or "".
    """
    kind, code, status, hint = facts
    parameters = {"realm": realm}
    if not issubclass(kind, _BARE):
        parameters |= {"error": code, "error_description": hint}
    if scope:
        parameters["scope"] = scope
    challenge = _write_parameters(_scheme_of(kind), parameters, metadata if status in _WITH_METADATA else "")
    return _join_parts({"error": code, "error_description": hint}, status, challenge)


def _write(error: Refusal, text: str, scope: str, realm: str, metadata: str) -> Written:
    """Return the answer of any refusal."""
    data = {"error": error.code, "error_description": text}
    if scope and not isinstance(error, _BARE):
        data["scope"] = scope
    metadata = metadata if error.status in _WITH_METADATA else ""
    return _join_parts(data, error.status, write_challenge(error, realm=realm, description=text, metadata=metadata))


def _join_parts(data: dict[str, Any], status: int, challenge: str) -> Written:
    body = msgspec.json.encode(data)
    further = _RETRY_AFTER if status == HTTPStatus.SERVICE_UNAVAILABLE else (_CHALLENGE, challenge)
    headers = ("Content-Type", "application/json"), ("Content-Length", str(len(body))), NO_STORE, further
    return Written(data, body, headers)


def withhold(response: Response) -> Response:
    """Remove everything from a *response* to OPTIONS but the status and the headers that CORS needs.

    For a response that was made before the guard of the view was asked: a cache may have made it, which does not know
    of the guard.
    """
    response.headers = Headers([header for header in response.headers if header[0].lower().startswith(_KEPT)])
    response.call_on_close(getattr(response.response, "close", lambda: None))
    response.set_data(b"")
    return response


def write_challenge(error: Refusal, *, realm: str, description: str | None = None, metadata: str = "") -> str:
    """Return the ``WWW-Authenticate`` value for *error*; every parameter a quoted-string.

    Without a credential the challenge has no error code (RFC 6750 section 3.1). Basic has none at all (RFC 7617).

    Args:
        error: the refusal.
        realm: of the application.
        description: instead of the usual one. If a challenge may not have it (RFC 6750 section 3), the usual one is
            written.
        metadata: the URL of the metadata of the protected resource, or "".
    """
    parameters = {"realm": realm}
    if not isinstance(error, _BARE):
        hint = description if description is not None and _DESCRIPTION.fullmatch(description) else error.hint
        parameters |= {"error": error.code, "error_description": hint}
    if isinstance(error, (InsufficientScope, MissingCredential)) and (scope := _fit(error.needed)):
        parameters["scope"] = scope
    if isinstance(error, LoginTooOld):
        parameters["max_age"] = str(error.max_age)
    return _write_parameters(_scheme_of(type(error)), parameters, metadata)


def _fit(scopes: tuple[str, ...]) -> str:
    """Return the scopes that fit into a challenge. Values from the URL may be long, and proxies limit all headers."""
    left, fitting = _LONGEST_SCOPE, []
    for scope in scopes:
        if len(scope) < left:
            left -= len(scope) + 1
            fitting.append(scope)
    return " ".join(fitting)


def _write_parameters(scheme: str, parameters: dict[str, str], metadata: str) -> str:
    if metadata and scheme == "Bearer":
        parameters["resource_metadata"] = metadata
    return f"{scheme} " + ", ".join(f'{name}="{value.translate(_QUOTED)}"' for name, value in parameters.items())
