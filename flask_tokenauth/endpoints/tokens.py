"""Endpoints for tokens: refresh (RFC 6749 section 6), revoke (RFC 7009), introspect (RFC 7662)."""

from flask import Response, request

from ..application.app_state import AppState
from ..core.endpoint_errors import InvalidRefreshToken, MalformedGrant, UnsupportedGrantType, UnsupportedTokenType
from ..core.errors import TokenError
from ..lifecycle.introspect import introspect
from ..lifecycle.refresh import refresh
from ..lifecycle.revoke import end_session, revoke_token
from ..users import require_token
from .parameters import read_parameters
from .responses import _write


def _refresh(state: AppState) -> Response:
    """Answer ``POST /auth/refresh``: a new access token, and the successor of the refresh token."""
    state.judge.check_transport(request)
    parameters = read_parameters(request)
    if "grant_type" not in parameters:
        raise MalformedGrant
    if parameters["grant_type"] != "refresh_token":
        raise UnsupportedGrantType
    if "refresh_token" not in parameters:
        raise MalformedGrant
    return refresh(state, parameters["refresh_token"], parameters.get("scope"))


def _revoke(state: AppState) -> Response:
    """Answer ``POST /auth/revoke`` (RFC 7009): whoever holds a token may end it, and with a refresh token its session.

    What is no token of ours, or none any more, is gone as far as anyone is told.
    """
    text = _read_token(state)
    try:
        end_session(state, state.sessions.read(text).session_id)
    except InvalidRefreshToken:
        _revoke_access_token(state, text)
    return _write(200, None)


def _revoke_access_token(state: AppState, text: str) -> None:
    try:
        token = state.judge.verify_signed(text)
    except TokenError:
        return
    if not state.remembered.revokes:
        raise UnsupportedTokenType
    revoke_token(state, token)


def _introspect(state: AppState) -> Response:
    """Answer ``POST /auth/introspect`` (RFC 7662)."""
    return _write(200, introspect(state, _read_token(state), require_token(state)))


def _read_token(state: AppState) -> str:
    """Return the token that a request is about. No type hint changes what it is."""
    state.judge.check_transport(request)
    text = read_parameters(request).get("token")
    if text is None:
        raise MalformedGrant
    return text
