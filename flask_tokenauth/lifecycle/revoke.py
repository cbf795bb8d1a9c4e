"""Ending what was granted before its time: one token, one session, or all that a user has."""

from ..application.app_state import AppState
from ..core.encoding.limits import check_identifier
from ..core.errors import MissingSession
from ..core.records.session import Session
from ..core.tokens.token import Token
from ..signals import session_ended, token_revoked, user_revoked
from ..users import require_token


def find_current_session(state: AppState) -> Session:
    """Return the live session that the token of the current request belongs to.

    Raises:
        AuthError: the request has no good token of ours, or its session is none or over.
        StoreUnavailable: the store cannot be asked.
    """
    token = require_token(state)
    session = None if token.session_id is None else state.store.find_session(token.session_id)
    if session is None or session.user_id != token.subject:
        raise state.refuse(MissingSession())
    return session


def end_session(state: AppState, session_id: str) -> bool:
    """End a session with its access tokens, and tell the listeners.

    Returns:
        Whether there was one to end.

    Raises:
        StoreUnavailable: the store cannot be asked.
    """
    session = state.sessions.end(session_id)
    if session is not None:
        session_ended.send(state.app, session_id=session_id, user_id=session.user_id, reason="revoked")
    return session is not None


def end_user(state: AppState, user_id: object) -> None:
    """End every session of a user, refuse every token that was issued to it before, and tell the listeners.

    Raises:
        TypeError, ValueError: that is no user ID.
        StoreUnavailable: the store cannot be asked.
    """
    subject = state.judge.subject_of(user_id)
    state.sessions.end_all(subject)
    user_revoked.send(state.app, user_id=subject)


def revoke_token(state: AppState, token: Token) -> None:
    """Refuse a verified token from now on, and tell the listeners unless it was refused before.

    Raises:
        StoreUnavailable: the store cannot be asked.
    """
    if state.remembered.revoke(token):
        token_revoked.send(state.app, token_id=token.token_id, user_id=token.subject)


def revoke_token_id(state: AppState, token_id: str, *, until: float | None) -> None:
    """Refuse the token of this ID from now on, and tell the listeners.

    Args:
        state: of the current application.
        token_id: ``jti``.
        until: by when it has expired, in seconds since 1970-01-01T00:00:00Z; None if nobody knows.

    Raises:
        ValueError: *token_id* is no identifier.
        StoreUnavailable: the store cannot be asked.
    """
    check_identifier("token_id", token_id)
    state.remembered.revoke_id(token_id, until=until)
    token_revoked.send(state.app, token_id=token_id, user_id=None)
