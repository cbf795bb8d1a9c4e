"""The endpoint for exchanges: a service that cannot sign gets a token for the next service (RFC 8693)."""

from http import HTTPStatus
from typing import NamedTuple

from flask import Response, abort, request

from ..application.app_state import AppState
from ..application.declared_scopes import are_implied
from ..application.refusing import refuse
from ..core.cookie_errors import CookieNotAccepted
from ..core.endpoint_errors import WrongParameterValue
from ..core.exchange_errors import (
    ActorTokenSent,
    CallerNotListed,
    ExchangeExpected,
    ExchangeScopeNotGranted,
    ResourceNotSupported,
    SubjectTokenRefused,
    TargetNotAllowed,
)
from ..core.token_errors import TokenError, TokenOfDelegate, TokenRevoked
from ..core.tokens.delegation import DELEGATED
from ..core.tokens.scopes import parse_scope
from ..core.tokens.token import Token
from ..lifecycle.exchange import ExchangedToken, exchange
from ..lifecycle.token_responses import write_token_response
from ..users import require_token
from .parameters import read_securely, require

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a name
JWT = "urn:ietf:params:oauth:token-type:jwt"
_NAMES = (
    "grant_type",
    "subject_token",
    "subject_token_type",
    "audience",
    "scope",
    "requested_token_type",
    "resource",
    "actor_token",
    "actor_token_type",
)


class _Caller(NamedTuple):
    """The service that asks."""

    name: str  # ``sub`` of its token, or its client ID
    own: frozenset[str]  # it may exchange tokens that are for one of these
    allowed: frozenset[str]  # for one of these


def exchange_token(state: AppState) -> Response:
    """Answer ``POST /auth/exchange``: a new token, whose actor is the caller.

    The caller is a service with a token of its own in the header, or a client with an ID and a secret.
    """
    if not state.settings.exchange:  # it was set up after the endpoint was registered
        abort(HTTPStatus.NOT_FOUND)
    parameters = read_securely(state, *_NAMES)
    caller = _find_caller(state)
    if require(parameters, "grant_type") != GRANT_TYPE:
        raise ExchangeExpected
    if not parameters.keys().isdisjoint(("actor_token", "actor_token_type")):
        raise ActorTokenSent
    _check_type(require(parameters, "subject_token_type"), "subject_token_type")
    kind = parameters.get("requested_token_type", ACCESS_TOKEN)
    _check_type(kind, "requested_token_type")
    if "resource" in parameters:
        raise ResourceNotSupported
    audience = require(parameters, "audience")
    if audience not in caller.allowed:
        raise TargetNotAllowed
    subject = _verify_subject(state, require(parameters, "subject_token"), caller.own)
    scopes = _read_scopes(state, parameters.get("scope"), held=subject.scopes)
    new = _exchange(state, subject, caller.name, audience, scopes)
    return write_token_response(new.text, new.lifetime, " ".join(new.scopes), issued_token_type=kind)


def _find_caller(state: AppState) -> _Caller:
    """Return the service that the guard has let in.

    Raises:
        AuthError: its token came in a cookie, or it acts for a user itself.
        CallerNotListed: it may exchange no tokens.
    """
    authentication = state.authenticator.authenticate(request)
    client = authentication.client
    if client is not None:
        name, own = client.client_id, client.audience
    else:
        token = require_token(state)
        if authentication.by_cookie:
            raise refuse(state, CookieNotAccepted())
        if not DELEGATED.isdisjoint(token.claims):
            raise refuse(state, TokenOfDelegate())
        name, own = token.subject, token.audience - {""}
    for caller in state.settings.exchange:
        if caller.name == name:
            return _Caller(name, own, caller.audience)
    raise CallerNotListed


def _check_type(value: str, name: str) -> None:
    """Check the type of a token (RFC 8693 section 3). Our access tokens are JWTs, so two names are right."""
    if value not in (ACCESS_TOKEN, JWT):
        raise WrongParameterValue(name, f"{ACCESS_TOKEN} or {JWT}")


def _verify_subject(state: AppState, text: str, own: frozenset[str]) -> Token:
    """Return the verified subject token: ours, good by the store now, and for an audience of the caller.

    Args:
        state: of the current application.
        text: untrusted.
        own: the audience of the caller.

    Raises:
        SubjectTokenRefused: it is refused.
        StoreUnavailable: the store cannot be asked.
    """
    try:
        token, _ = state.authenticator.accept(state.authenticator.verify_for(text, own))
        if state.stored.is_revoked_anywhere(token):
            raise TokenRevoked
    except TokenError as error:
        raise SubjectTokenRefused(f"{error.reason}, {error}") from None
    return token


def _read_scopes(state: AppState, text: str | None, *, held: frozenset[str]) -> tuple[str, ...] | None:
    """Return the scopes in *text*, each once and in the order of the caller; None without *text*.

    Args:
        state: of the current application.
        text: a scope string, untrusted.
        held: the scopes of the subject token.

    Raises:
        ExchangeScopeNotGranted: *text* breaks the grammar, or the token does not imply a scope.
    """
    if text is None:
        return None
    try:
        parse_scope(text)
    except ValueError:
        raise ExchangeScopeNotGranted from None
    asked, declared = tuple(dict.fromkeys(text.split())), state.settings.scopes
    if declared is not None and not all(map(declared.has, asked)):
        raise ExchangeScopeNotGranted
    if not are_implied(held, asked, declared):
        raise ExchangeScopeNotGranted
    return asked


def _exchange(
    state: AppState, subject: Token, actor: str, audience: str, scopes: tuple[str, ...] | None
) -> ExchangedToken:
    """Return the new token.

    Raises:
        SubjectTokenRefused: none can be made with the subject token.
    """
    try:
        return exchange(state, subject, actor=actor, audience=frozenset((audience,)), scopes=scopes)
    except TokenError as error:
        raise SubjectTokenRefused(f"{error.reason}, {error}") from None
    except ValueError as error:  # the new token would be longer than tokens may be
        raise SubjectTokenRefused(str(error)) from None
