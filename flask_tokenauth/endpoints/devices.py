"""Endpoints for the sessions of a user: log out, list the sessions, end one."""

from flask import Response, request

from ..application.app_state import AppState
from ..application.no_store import empty_response, json_response
from ..core.endpoint_errors import InvalidCursor
from ..core.records.session import Session
from ..lifecycle.list_sessions import PAGE
from ..lifecycle.revoke import end_session, find_current_session
from .instants import write_instant
from .refresh_cookie import log_out_with_cookies


def log_out(state: AppState) -> Response:
    """Answer ``POST /auth/logout``: end the session of the access token, or of the refresh token in a cookie."""
    if state.cookies is None:
        end_session(state, find_current_session(state).session_id)
    else:
        log_out_with_cookies(state, state.cookies)
    return empty_response(204)


def list_sessions(state: AppState) -> Response:
    """Answer ``GET /auth/sessions``: a page of the sessions of the user, the newest sign-in first."""
    cursor = _read_cursor()
    current = find_current_session(state)
    try:
        page = state.store.list_sessions(current.user_id, cursor=cursor, limit=PAGE)
    except ValueError:  # of the cursor: the other arguments are good
        raise InvalidCursor from None
    body: dict[str, object] = {"sessions": [_describe(session, current) for session in page.sessions]}
    return json_response(200, body if page.cursor is None else body | {"next_cursor": page.cursor})


def _read_cursor() -> str | None:
    """Return the parameter ``cursor`` of the URL; None if it is missing or empty.

    Raises:
        InvalidCursor: it comes twice.
    """
    if len(request.args.getlist("cursor")) > 1:
        raise InvalidCursor
    return request.args.get("cursor") or None


def end_one_session(state: AppState, session_id: str) -> Response:
    """Answer ``DELETE /auth/sessions/<id>``: end a session of the user.

    A session of another user gets the same answer as one that does not exist.
    """
    current = find_current_session(state)
    session = state.store.find_session(session_id)
    if session is None or session.user_id != current.user_id:
        return json_response(404, {"error": "not_found", "error_description": "You have no such session."})
    end_session(state, session_id)
    return empty_response(204)


def _describe(session: Session, current: Session) -> dict[str, object]:
    return {
        "id": session.session_id,
        "current": session.session_id == current.session_id,
        "label": session.label,
        "user_agent": session.user_agent,
        "started_at": write_instant(session.started_at),
        "refreshed_at": write_instant(session.refreshed_at),
        "expires_at": write_instant(min(session.expires_at, session.idle_expires_at)),
    }
