"""Ending what was granted before its time: one session, or all that a user has."""

from flask import request

from .core.errors import MissingCredential, MissingSession
from .core.store import Session
from .signals import session_ended
from .state import AppState


def find_current_session(state: AppState) -> Session:
    """Return the live session that the token of the current request belongs to.

    Raises:
        AuthError: the request has no good token of ours, or its session is none or over.
        StoreUnavailable: the store cannot be asked.
    """
    judged = state.judge.of(request)
    if judged.token is None:
        raise state.refuse(judged.refusal or MissingCredential())
    session_id = judged.token.session_id
    session = None if session_id is None else state.store.find_session(session_id)
    if session is None or session.user_id != judged.token.subject:
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
    """End every session of a user, and refuse every token that was issued to it before.

    Raises:
        TypeError, ValueError: that is no user ID.
        StoreUnavailable: the store cannot be asked.
    """
    state.sessions.end_all(state.judge.subject_of(user_id))
