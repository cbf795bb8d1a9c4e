"""A refresh token is spent for its successor and a new access token (RFC 6749 section 6)."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
from blinker import Signal
from flask import Response

from ..application.app_state import AppState
from ..core.endpoint_errors import RefreshRefused, RefreshTokenReused, ScopeNotGranted, SessionOver
from ..core.errors import SettingsError, WrongUserID
from ..core.records.grant import Grant
from ..core.records.session import Session
from ..core.rotation import Redeemed, RefreshToken
from ..core.tokens.scopes import parse_scope
from ..signals import refresh_retried, refresh_reused, session_ended, session_refreshed, store_rolled_back
from .access_tokens import answer, bound, issue

_log = logging.getLogger("flask_tokenauth")


def refresh(state: AppState, text: str, scope: str | None = None) -> Response:
    """Redeem a refresh token, and return the answer.

    Everything that may refuse is asked before a token is spent: who gets nothing has lost nothing.

    Args:
        state: of the current application.
        text: the refresh token, untrusted.
        scope: scopes to be content with for this once, untrusted; None for all that the session has.

    Raises:
        GrantError: it gets nothing.
        StoreUnavailable: the store cannot be asked; the token may be redeemed again.
    """
    sessions = state.sessions
    token = sessions.read(text)
    session = sessions.find(token)
    # Of a spent token nothing can be lost, and whoever repeats it too late is found out, whatever else is refused.
    redeemed = _redeem(state, token) if session.generation > token.generation else None
    _check_user(state, session)
    passed = timedelta(0) if redeemed is None else state.settings.refresh_retry_window  # at most, since it was swapped
    left = session.expires_at - datetime.fromtimestamp(state.clock(), UTC)
    left = min(left, state.settings.refresh_idle_lifetime - passed)
    session = _allow(state, session)
    asked = _ask_application(state, session)
    access, grant = _issue(state, session, _narrow(asked, scope), left=left)
    redeemed = redeemed or _redeem(state, token)
    return answer(state, access, redeemed.session, redeemed.successor, grant, passed=passed)


def _check_user(state: AppState, session: Session) -> None:
    """Refuse to go on for what is no user ID any more: nobody would believe the access token."""
    try:
        state.judge.user_id_of(session.user_id)
    except WrongUserID:
        raise SessionOver from None


def _allow(state: AppState, session: Session) -> Session:
    """Return *session* with no longer lifetime of access tokens than is allowed, which may have been lowered since."""
    lifetime, longest = session.grant.lifetime, state.settings.max_lifetime
    if lifetime is None or lifetime <= longest:
        return session
    return msgspec.structs.replace(session, grant=replace(session.grant, lifetime=longest))


def _ask_application(state: AppState, session: Session) -> Grant:
    """Return what the session goes on with, as the application's ``before_refresh`` has it."""
    ask = state.callbacks.before_refresh
    if ask is None:
        return session.grant
    grant = state.app.ensure_sync(ask)(session)
    if grant is None or grant is False:
        raise RefreshRefused
    if not isinstance(grant, Grant):
        raise SettingsError("before_refresh returns a grant, session.grant or one made of it, or None to refuse")
    return grant


def _issue(state: AppState, session: Session, grant: Grant, *, left: timedelta) -> tuple[str, Grant]:
    """Return an access token, and what it grants. A session whose own grant makes none any more is over.

    Raises:
        ValueError: the application's ``before_refresh`` gave what makes none, where the session's own grant would.
        SessionOver: nor would that, since a limit was lowered.
    """
    own = bound(state, session.grant, left=left)
    grant = bound(state, grant, left=left)
    try:
        return issue(state, session.user_id, grant, session_id=session.session_id, epoch=session.epoch), grant
    except ValueError as error:
        if grant != own and _can_issue(state, session, own):
            raise
        _log.error("session %s cannot go on: %s", session.session_id, error)
        raise SessionOver from None


def _can_issue(state: AppState, session: Session, grant: Grant) -> bool:
    try:
        issue(state, session.user_id, grant, session_id=session.session_id, epoch=session.epoch)
    except ValueError:
        return False
    return True


def _narrow(grant: Grant, scope: str | None) -> Grant:
    """Return *grant* with no more than the scopes that are asked for; the session keeps them all."""
    if scope is None:
        return grant
    try:
        wanted = parse_scope(scope)
    except ValueError:
        raise ScopeNotGranted from None
    if not wanted or not wanted <= frozenset(grant.scopes):
        raise ScopeNotGranted
    return replace(grant, scopes=tuple(each for each in grant.scopes if each in wanted))


def _redeem(state: AppState, token: RefreshToken) -> Redeemed:
    """Spend *token*, and tell the listeners what came of it."""
    try:
        redeemed = state.sessions.redeem(token)
    except RefreshTokenReused as reused:
        of = {"session_id": reused.session_id, "user_id": reused.user_id}
        _log.warning("a refresh token was used again, somebody has a copy: ended session %s", reused.session_id)
        _tell(refresh_reused, state, of)
        _tell(session_ended, state, of | {"reason": "reused"})
        raise
    of = {"session_id": redeemed.session.session_id, "user_id": redeemed.session.user_id}
    if redeemed.rolled_back:
        _log.error("the store had forgotten a refresh of session %s: it has lost writes", redeemed.session.session_id)
        _tell(store_rolled_back, state, of)
    _tell(refresh_retried if redeemed.retried else session_refreshed, state, of)
    return redeemed


def _tell(signal: Signal, state: AppState, what: dict[str, str]) -> None:
    signal.send(state.app, **what)  # type: ignore[arg-type]  # what follows the sender has any name but its wrapper's
