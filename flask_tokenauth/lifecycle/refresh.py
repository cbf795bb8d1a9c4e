"""Refresh: a refresh token is redeemed for a new access token and its own successor (RFC 6749 section 6)."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from blinker import Signal
from flask import Response

from ..application.app_state import AppState
from ..authentication.calling import call_function
from ..authentication.cookies import TokenCookies
from ..core.endpoint_errors import RefreshRefused, RefreshTokenReused, ScopeNotGranted, SessionOver
from ..core.errors import SettingsError
from ..core.opaque.refresh_token import RefreshToken
from ..core.records.grant import Grant
from ..core.records.session import Session
from ..core.rotation import Redeemed
from ..core.tokens.scopes import parse_scope
from ..core.user_errors import WrongUserID
from ..signals import refresh_retried, refresh_reused, session_ended, session_refreshed, store_rolled_back
from .access_tokens import cap_lifetime, issue_for_session
from .token_responses import token_response_for

_log = logging.getLogger("flask_tokenauth")


def refresh(state: AppState, text: str, scope: str | None = None, *, cookies: TokenCookies | None = None) -> Response:
    """Redeem a refresh token, and return the token response.

    Every check runs before the token is redeemed: a client that is refused can use the token again.

    Args:
        state: of the current application.
        text: the refresh token, untrusted.
        scope: the scopes that the client asks for this time, untrusted. None for all scopes of the session.
        cookies: the cookies for the tokens, in which *text* came; None for tokens in the body.

    Raises:
        EndpointError: the client is refused.
        StoreUnavailable: the store cannot be asked; the token can be redeemed again.
    """
    sessions = state.sessions
    token = sessions.read(text)
    session = sessions.find(token)
    # A token that was redeemed before cannot be lost, and its reuse must be detected even if another check refuses.
    redeemed = _redeem(state, token) if session.generation > token.generation else None
    passed = timedelta(0) if redeemed is None else state.settings.refresh_retry_window  # since the swap, at the most
    access, grant = issue_again(
        state,
        session,
        passed=passed,
        choose=lambda session: _narrow(_ask_application(state, session), scope),
        cookies=cookies,
    )
    redeemed = redeemed or _redeem(state, token)
    return token_response_for(
        state, access, redeemed.session, redeemed.successor, grant, passed=passed, cookies=cookies
    )


def issue_again(
    state: AppState,
    session: Session,
    *,
    passed: timedelta,
    choose: Callable[[Session], Grant] = lambda session: session.grant,
    cookies: TokenCookies | None = None,
) -> tuple[str, Grant]:
    """Return a further access token of a live session, and the grant that it has.

    Args:
        state: of the current application.
        session: the session.
        passed: the time since its idle lifetime began, at the most.
        choose: returns the grant of the token, from the session with everything that the settings still allow.
        cookies: the cookies for the tokens; None for tokens in the body.

    Raises:
        SessionOver: the settings allow this application no token of the session any more.
        ValueError: the grant that *choose* returned gives no token, though the session's own grant would.
    """
    _check_user_id(state, session)
    left = session.expires_at - datetime.fromtimestamp(state.clock(), UTC)
    left = min(left, state.settings.refresh_idle_lifetime - passed)
    session = _leave_out_undeclared(state, _limit_lifetime(state, session))
    return _issue(state, session, choose(session), left=left, cookies=cookies)


def _check_user_id(state: AppState, session: Session) -> None:
    """Refuse a session whose user ID this application no longer accepts: its access token would be refused too."""
    try:
        state.authenticator.user_ids.from_subject(session.user_id)
    except WrongUserID:
        raise SessionOver from None


def _limit_lifetime(state: AppState, session: Session) -> Session:
    """Return *session* with a lifetime of access tokens that is still allowed. The limit may be lower than before."""
    lifetime, longest = session.grant.lifetime, state.settings.max_lifetime
    if lifetime is None or lifetime <= longest:
        return session
    return session.replace(grant=cap_lifetime(state, session.grant, most=longest))


def _leave_out_undeclared(state: AppState, session: Session) -> Session:
    """Return *session* without scopes that are no longer declared: an application does not issue what it has removed.

    The session goes on, and keeps its own grant.
    """
    declared = state.settings.scopes
    if declared is None or all(map(declared.has, session.grant.scopes)):
        return session
    kept = tuple(scope for scope in session.grant.scopes if declared.has(scope))
    left_out = ", ".join(scope for scope in session.grant.scopes if scope not in kept)
    _log.info("left out the scopes %s of session %s: they are no longer declared", left_out, session.session_id)
    return session.replace(grant=session.grant.replace(scopes=kept))


def _ask_application(state: AppState, session: Session) -> Grant:
    """Return the grant that ``before_refresh`` wants for *session*."""
    ask = state.callbacks.before_refresh
    if ask is None:
        return session.grant
    grant = call_function(state.app, "before_refresh", ask, session)
    if grant is None or grant is False:
        raise RefreshRefused
    if not isinstance(grant, Grant):
        raise SettingsError(
            "before_refresh must return session.grant, a Grant made from it, or None to refuse, "
            f"got {type(grant).__name__}"
        )
    return grant


def _issue(
    state: AppState, session: Session, grant: Grant, *, left: timedelta, cookies: TokenCookies | None
) -> tuple[str, Grant]:
    """Return an access token and its grant.

    Raises:
        ValueError: the grant of ``before_refresh`` gives no token, though the session's own grant would.
        SessionOver: the session's own grant gives no token either, since a limit was lowered.
    """
    own = cap_lifetime(state, session.grant, most=left)
    grant = cap_lifetime(state, grant, most=left)
    try:
        return _issue_one(state, session, grant, cookies), grant
    except ValueError as error:
        if grant != own and _can_issue(state, session, own, cookies):
            raise
        _log.error("session %s cannot go on: %s", session.session_id, error)
        raise SessionOver from None


def _can_issue(state: AppState, session: Session, grant: Grant, cookies: TokenCookies | None) -> bool:
    try:
        _issue_one(state, session, grant, cookies)
    except ValueError:
        return False
    return True


def _issue_one(state: AppState, session: Session, grant: Grant, cookies: TokenCookies | None) -> str:
    return issue_for_session(
        state, session.user_id, grant, session_id=session.session_id, epoch=session.epoch, cookies=cookies
    )


def _narrow(grant: Grant, scope: str | None) -> Grant:
    """Return *grant* with the scopes that the client asks for. The session keeps all of its scopes."""
    if scope is None:
        return grant
    try:
        wanted = parse_scope(scope)
    except ValueError:
        raise ScopeNotGranted from None
    if not wanted or not wanted <= frozenset(grant.scopes):
        raise ScopeNotGranted
    return grant.replace(scopes=tuple(name for name in grant.scopes if name in wanted))


def _redeem(state: AppState, token: RefreshToken) -> Redeemed:
    """Redeem *token*, write the log, and send the signals."""
    try:
        redeemed = state.sessions.redeem(token)
    except RefreshTokenReused as reused:
        facts = {"session_id": reused.session_id, "user_id": reused.user_id}
        _log.warning("a refresh token was used twice, so there is a copy of it: ended session %s", reused.session_id)
        _send(refresh_reused, state, facts)
        _send(session_ended, state, facts | {"reason": "reused"})
        raise
    facts = {"session_id": redeemed.session.session_id, "user_id": redeemed.session.user_id}
    if redeemed.rolled_back:
        _log.error("the store has lost a refresh of session %s: it has lost writes", redeemed.session.session_id)
        _send(store_rolled_back, state, facts)
    _send(refresh_retried if redeemed.retried else session_refreshed, state, facts)
    return redeemed


def _send(signal: Signal, state: AppState, facts: dict[str, str]) -> None:
    signal.send(state.app, **facts)  # type: ignore[arg-type]  # no key is called _async_wrapper
