"""Endpoints for tokens: refresh (RFC 6749 section 6), revoke (RFC 7009), introspect (RFC 7662)."""

from flask import Response, request

from ..application.app_state import AppState
from ..application.no_store import empty_response, json_response
from ..core.endpoint_errors import InvalidRefreshToken, UnsupportedGrantType, UnsupportedTokenType
from ..core.token_errors import TokenError
from ..lifecycle.introspect import introspect
from ..lifecycle.refresh import refresh
from ..lifecycle.revoke import end_session, revoke_token
from ..users import require_token
from .parameters import read_securely, require
from .refresh_cookie import refresh_by_cookie


def refresh_tokens(state: AppState) -> Response:
    """Answer ``POST /auth/refresh``: a new access token, and the successor of the refresh token."""
    parameters = read_securely(state, "grant_type", "refresh_token", "scope")
    if state.cookies is not None and (texts := state.cookies.find_refresh_tokens(request)):
        return refresh_by_cookie(state, state.cookies, texts, parameters)
    if require(parameters, "grant_type") != "refresh_token":
        raise UnsupportedGrantType
    return refresh(state, require(parameters, "refresh_token"), parameters.get("scope"))


def revoke(state: AppState) -> Response:
    """Answer ``POST /auth/revoke`` (RFC 7009): everyone who has a token or an API key may revoke it.

    A refresh token ends its session. A token that is unknown, or was revoked before, gets the same answer.
    """
    text = require(read_securely(state, "token"), "token")  # token_type_hint is ignored
    try:
        end_session(state, state.sessions.read(text).session_id)
    except InvalidRefreshToken:
        _revoke_token(state, text)
    return empty_response(200)


def _revoke_token(state: AppState, text: str) -> None:
    try:
        token = state.authenticator.verify_issued(text)
    except TokenError:
        return
    if not state.stored.revokes:
        raise UnsupportedTokenType
    revoke_token(state, token)


def introspect_token(state: AppState) -> Response:
    """Answer ``POST /auth/introspect`` (RFC 7662). ``client_secret`` in the body is not read."""
    text = require(read_securely(state, "token"), "token")
    return json_response(200, introspect(state, text, _find_audience(state)))


def _find_audience(state: AppState) -> frozenset[str]:
    """Return the audience of the service that introspects: that of the client, or of the service's token."""
    client = state.authenticator.authenticate(request).client
    return require_token(state).audience - {""} if client is None else client.audience
