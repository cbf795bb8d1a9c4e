"""Endpoints for the API keys of a user: make one, list them, end one."""

import re
from http import HTTPStatus

from flask import Response, abort, request

from ..application.app_state import AppState
from ..application.declared_scopes import are_implied
from ..application.no_store import empty_response, json_response
from ..application.refusing import refuse
from ..core.cookie_errors import CookieNotAccepted
from ..core.encoding.limits import MAX_IDENTIFIER, is_identifier
from ..core.endpoint_errors import KeyScopeNotGranted, NoApiKeyLeft, UndeclaredScope, WrongParameterValue
from ..core.records.api_key import ApiKey
from ..core.records.grant import LONGEST_DURATION
from ..core.token_errors import TokenOfDelegate
from ..core.tokens.delegation import ACT
from ..core.tokens.scopes import parse_scope
from ..lifecycle.api_keys import TooManyApiKeys, create_api_key, end_api_key
from ..lifecycle.revoke import find_current_session
from ..users import require_token
from .instants import write_instant
from .parameters import read_securely, require

MOST_SECONDS = int(LONGEST_DURATION.total_seconds())  # the longest lifetime of an API key
_SECONDS = re.compile(rf"[0-9]{{1,{len(str(MOST_SECONDS))}}}")
_A_NAME = f"1 to {MAX_IDENTIFIER} characters without control characters"
_A_LIFETIME = f"a whole number of seconds from 1 to {MOST_SECONDS}"


def create_one_api_key(state: AppState) -> Response:
    """Answer ``POST /auth/api-keys``: make an API key, and show it once.

    The guard has checked that the login is recent. Only a token of a live session makes one, and gives it no scopes
    that it does not have itself.
    """
    _check_configured(state)
    parameters = read_securely(state, "name", "scope", "expires_in", numbers=("expires_in",))
    session, token = find_current_session(state), require_token(state)
    if state.authenticator.authenticate(request).by_cookie:
        raise refuse(state, CookieNotAccepted())
    if ACT in token.claims:  # RFC 8693 section 4.1
        raise refuse(state, TokenOfDelegate())
    name = require(parameters, "name")
    if not is_identifier(name):
        raise WrongParameterValue("name", _A_NAME)
    lifetime = _read_lifetime(parameters.get("expires_in"))
    scopes = _read_scopes(state, parameters.get("scope", ""), held=token.scopes)
    try:
        key = create_api_key(state, session.user_id, scopes, name=name, expires_in=lifetime)
    except TooManyApiKeys:
        raise NoApiKeyLeft from None
    return json_response(201, {"id": key.id, "api_key": key.text, **_describe(key)})


def list_own_api_keys(state: AppState) -> Response:
    """Answer ``GET /auth/api-keys``: the live API keys of the user, the newest first, without the keys themselves."""
    _check_configured(state)
    keys = state.store.list_api_keys(find_current_session(state).user_id)
    return json_response(200, {"api_keys": [_describe(key) for key in keys]})


def end_one_api_key(state: AppState, key_id: str) -> Response:
    """Answer ``DELETE /auth/api-keys/<id>``: end an API key of the user.

    An API key of another user gets the same answer as one that does not exist.
    """
    _check_configured(state)
    if not end_api_key(state, key_id, user_id=find_current_session(state).user_id):
        return json_response(404, {"error": "not_found", "error_description": "You have no such API key."})
    return empty_response(204)


def _check_configured(state: AppState) -> None:
    """Answer as if there was no such endpoint, if the application was set up without API keys after it was registered.

    Raises:
        NotFound: there are no API keys.
    """
    if not state.settings.api_keys:
        abort(HTTPStatus.NOT_FOUND)


def _read_lifetime(text: str | None) -> int | None:
    """Return the lifetime in seconds, or None for an API key that does not expire.

    Raises:
        WrongParameterValue: it is no whole number of seconds, or is out of range.
    """
    if text is None:
        return None
    if not _SECONDS.fullmatch(text) or not 1 <= int(text) <= MOST_SECONDS:
        raise WrongParameterValue("expires_in", _A_LIFETIME)
    return int(text)


def _read_scopes(state: AppState, text: str, *, held: frozenset[str]) -> tuple[str, ...]:
    """Return the scopes in *text*, which the access token grants, each once and in the order of the client.

    Args:
        state: of the current application.
        text: a scope string, untrusted.
        held: the scopes of the access token.

    Raises:
        UndeclaredScope: scopes are declared, and one of these is not.
        KeyScopeNotGranted: *text* breaks the grammar, or the token does not imply a scope.
    """
    try:
        parse_scope(text)
    except ValueError:
        raise KeyScopeNotGranted from None
    asked, declared = tuple(dict.fromkeys(text.split())), state.settings.scopes
    if declared is not None and not all(map(declared.has, asked)):
        raise UndeclaredScope
    if not are_implied(held, asked, declared):
        raise KeyScopeNotGranted
    return asked


def _describe(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scope": " ".join(key.scopes),
        "created_at": write_instant(key.created_at),
        "last_used_at": write_instant(key.last_used_at),
        "expires_at": write_instant(key.expires_at),
    }
