"""The blueprint that an application registers for its clients.

Refreshing (RFC 6749 section 6), revoking (RFC 7009), introspection (RFC 7662), and what people know of their bank:
where am I logged in?
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState

from ..application.app_state import AppState, current_state
from ..application.settings import INTROSPECT
from ..core.endpoint_errors import (
    GrantError,
    InvalidRefreshToken,
    MalformedGrant,
    UnsupportedGrantType,
    UnsupportedTokenType,
)
from ..core.errors import InsecureTransport, StoreUnavailable, TokenError
from ..core.records.session import Session
from ..guards.decorators import login_required, public, require_scope
from ..lifecycle.introspect import introspect
from ..lifecycle.refresh import refresh
from ..lifecycle.revoke import end_session, find_current_session, revoke_token
from ..users import require_token
from .parameters import read_parameters

_NO_STORE = {"Cache-Control": "no-store"}


def make_blueprint() -> Blueprint:
    """Return the endpoints, for ``app.register_blueprint``. Their prefix is ``/auth`` unless another is given there."""
    endpoints = Blueprint("tokenauth", __name__, url_prefix="/auth")
    endpoints.record(_check)
    endpoints.add_url_rule("/refresh", "refresh", public(_answering(_refresh)), methods=["POST"])
    endpoints.add_url_rule("/revoke", "revoke", public(_answering(_revoke)), methods=["POST"])
    endpoints.add_url_rule(
        "/introspect", "introspect", require_scope(INTROSPECT)(_answering(_introspect)), methods=["POST"]
    )
    endpoints.add_url_rule("/logout", "logout", login_required(_answering(_log_out)), methods=["POST"])
    endpoints.add_url_rule("/sessions", "sessions", login_required(_answering(_list_sessions)))
    endpoints.add_url_rule(
        "/sessions/<session_id>", "session", login_required(_answering(_end_session)), methods=["DELETE"]
    )
    return endpoints


def _check(registration: BlueprintSetupState) -> None:
    """Refuse to be registered where there is no store; an application that is set up later is told at its first use."""
    state = registration.app.extensions.get("tokenauth")
    if state is not None:
        _ = state.sessions


def _answering(endpoint: Callable[..., Response]) -> Callable[..., Response]:
    """Return a view that answers as OAuth has it: no challenge for what is no matter of the access token."""

    def view(**arguments: Any) -> Response:
        state = current_state()
        try:
            return endpoint(state, **arguments)
        except GrantError as error:
            state.tell(error)
            return _write(error.status, {"error": error.code, "error_description": error.hint})
        except InsecureTransport as error:
            raise state.refuse(error) from None
        except StoreUnavailable as error:
            raise state.outage(error) from None

    view.__name__, view.__qualname__, view.__doc__ = endpoint.__name__, endpoint.__qualname__, endpoint.__doc__
    return view  # with no __wrapped__, so that a guard marks this view, of this blueprint, alone


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


def _write(status: int, body: dict[str, object] | None) -> Response:
    """Return a response that no cache keeps; one without a body says nothing of its type either."""
    if body is not None:
        return Response(msgspec.json.encode(body), status, headers=_NO_STORE, mimetype="application/json")
    response = Response(status=status, headers=_NO_STORE)
    del response.headers["Content-Type"]
    return response
