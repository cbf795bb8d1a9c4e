"""Token responses (RFC 6749 section 5.1): in the body, or in cookies."""

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Response, has_request_context, request

from ..application.app_state import AppState
from ..application.no_store import json_response
from ..application.refusing import refuse
from ..application.setting_types import PREFIX
from ..application.token_cookies import set_cookie
from ..authentication.cookies import TokenCookies
from ..authentication.csrf import SAFE_METHODS, is_from_browser
from ..core.cookie_errors import CrossSite, InsecureCookies
from ..core.errors import SettingsError
from ..core.records.grant import Grant
from ..core.records.session import Session
from ..core.tokens.scopes import format_scope
from ..signals import token_issued

if TYPE_CHECKING:
    from ..core.opaque.refresh_token import RefreshToken


def choose_cookies(state: AppState, wanted: bool | None) -> TokenCookies | None:  # noqa: FBT001
    """Return the cookies for the tokens of an answer to a login; None for tokens in the body.

    Args:
        state: of the current application.
        wanted: True for cookies, False for none, None for cookies if a browser has sent the request.

    Raises:
        TypeError: *wanted* is something else.
        SettingsError: *wanted* is True, and the application keeps no tokens in cookies.
        AuthError: cookies would be set for a request from another site, or over plain HTTP.
    """
    if wanted is not None and not isinstance(wanted, bool):
        raise TypeError(f"cookies must be True, False or None, got {type(wanted).__name__}")
    if state.cookies is None:
        if wanted:
            raise SettingsError(f'cookies=True needs {PREFIX}COOKIES "refresh" or "all", got "off": set it')
        return None
    if wanted is False or not has_request_context() or (wanted is None and not is_from_browser(request.environ)):
        return None
    origins = state.cookies.origins
    is_trusted = wanted is True and request.method in SAFE_METHODS  # the end of a login at a provider, for example
    if not is_trusted and not origins.allows(request):
        raise refuse(state, CrossSite())
    if not origins.is_secure(request):
        raise refuse(state, InsecureCookies())
    return state.cookies


def token_response_for(
    state: AppState,
    token: str,
    session: Session,
    refresh: "RefreshToken",
    grant: Grant,
    *,
    passed: timedelta = timedelta(0),
    cookies: TokenCookies | None = None,
) -> Response:
    """Return the token response of a session, and send the signal ``token_issued``.

    Args:
        state: of the current application.
        token: the access token.
        session: the session that it belongs to.
        refresh: the next refresh token.
        grant: what the access token says.
        passed: the time since the idle lifetime began, at the most.
        cookies: the cookies for the tokens; None for tokens in the body. A token is in one of both.
    """
    lifetime = grant.lifetime or state.settings.access_lifetime
    user_id, scopes = state.authenticator.user_ids.from_subject(session.user_id), frozenset(grant.scopes)
    audience = None if grant.audience == state.settings.audience else grant.audience
    token_issued.send(state.app, user_id=user_id, scopes=scopes, audience=audience, expires_in=lifetime)
    idle = session.idle_expires_at - (session.refreshed_at or session.started_at) - passed
    text, scope = state.sessions.write(refresh), format_scope(grant.scopes)
    idle_seconds = max(0, int(idle.total_seconds()))
    if cookies is None:
        return write_token_response(token, lifetime, scope, refresh_token=text, refresh_expires_in=idle_seconds)
    if cookies.access is None:
        response = write_token_response(token, lifetime, scope, refresh_expires_in=idle_seconds)
    else:
        body = {"expires_in": int(lifetime.total_seconds()), "scope": scope, "refresh_expires_in": idle_seconds}
        response = json_response(200, body)
        set_cookie(cookies, response, cookies.access, token, lifetime)
    set_cookie(cookies, response, cookies.refresh, text, idle)
    return response


def write_token_response(token: str, lifetime: timedelta, scope: str, **further: object) -> Response:
    """Return a token response (RFC 6749 section 5.1) with *further* members. No cache may store it."""
    body = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": scope,
        **further,
    }
    return json_response(200, body)
