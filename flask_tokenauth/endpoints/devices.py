"""Endpoints for the sessions of a user: log out, list them, end one."""

from datetime import datetime

from flask import Response

from ..application.app_state import AppState
from ..core.records.session import Session
from ..lifecycle.revoke import end_session, find_current_session
from .responses import _write


def _log_out(state: AppState) -> Response:
    """Answer ``POST /auth/logout``: end the session that the access token belongs to."""
    end_session(state, find_current_session(state).session_id)
    return _write(204, None)


def _list_sessions(state: AppState) -> Response:
    """Answer ``GET /auth/sessions``: those of the user, the newest sign-in first."""
    current = find_current_session(state)
    sessions = state.store.list_sessions(current.user_id)
    return _write(200, {"sessions": [_describe(session, current) for session in sessions]})


def _end_session(state: AppState, session_id: str) -> Response:
    """Answer ``DELETE /auth/sessions/<id>``: end one of the user's own; of others nobody learns whether they exist."""
    current = find_current_session(state)
    session = state.store.find_session(session_id)
    if session is None or session.user_id != current.user_id:
        return _write(404, {"error": "not_found", "error_description": "You have no such session."})
    end_session(state, session_id)
    return _write(204, None)


def _describe(session: Session, current: Session) -> dict[str, object]:
    return {
        "id": session.session_id,
        "current": session.session_id == current.session_id,
        "label": session.label,
        "user_agent": session.user_agent,
        "started_at": _write_instant(session.started_at),
        "refreshed_at": _write_instant(session.refreshed_at),
        "expires_at": _write_instant(min(session.expires_at, session.idle_expires_at)),
    }


def _write_instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="seconds").replace("+00:00", "Z")  # RFC 3339
