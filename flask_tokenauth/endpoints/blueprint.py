"""The blueprint that you register for your clients: ``auth.endpoints``."""

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from ..application.declared_scopes import INTROSPECT
from ..guards.decorators import login_required, public, require_scope_or_client
from .devices import end_one_session, list_sessions, log_out
from .responses import as_view
from .tokens import introspect_token, refresh_tokens, revoke


def make_blueprint() -> Blueprint:
    """Return the blueprint. Its URLs begin with ``/auth`` unless you pass ``url_prefix`` to ``register_blueprint``."""
    endpoints = Blueprint("tokenauth", __name__, url_prefix="/auth")
    endpoints.record(_check_store)
    endpoints.add_url_rule("/refresh", "refresh", public(as_view(refresh_tokens)), methods=["POST"])
    endpoints.add_url_rule("/revoke", "revoke", public(as_view(revoke)), methods=["POST"])
    endpoints.add_url_rule(
        "/introspect", "introspect", require_scope_or_client(INTROSPECT)(as_view(introspect_token)), methods=["POST"]
    )
    endpoints.add_url_rule("/logout", "logout", login_required(as_view(log_out)), methods=["POST"])
    endpoints.add_url_rule("/sessions", "sessions", login_required(as_view(list_sessions)))
    endpoints.add_url_rule(
        "/sessions/<session_id>", "session", login_required(as_view(end_one_session)), methods=["DELETE"]
    )
    return endpoints


def _check_store(registration: BlueprintSetupState) -> None:
    """Refuse to be registered without a store. An application that is set up later finds out at the first use."""
    state = registration.app.extensions.get("tokenauth")
    if state is not None:
        _ = state.sessions
