"""The blueprint that you register for your clients: ``auth.endpoints``."""

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from ..application.declared_scopes import INTROSPECT
from ..guards.decorators import login_required, public, require_scope
from .devices import _end_session, _list_sessions, _log_out
from .responses import _answering
from .tokens import _introspect, _refresh, _revoke


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
