"""The blueprint that you register for your clients: ``auth.endpoints``.

Several applications may register it, with API keys and without, with exchanges and without: these rules are added for
each.
"""

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from ..application.declared_scopes import EXCHANGE, INTROSPECT
from ..guards.decorators import login_required, public, require_scope_or_client
from .api_keys import create_one_api_key, end_one_api_key, list_own_api_keys
from .devices import end_one_session, list_sessions, log_out
from .exchange import exchange_token
from .responses import as_view
from .tokens import introspect_token, refresh_tokens, revoke

_RECENT_LOGIN = 600  # seconds: only a login that is not older makes API keys, which live on when it is over


def make_blueprint() -> Blueprint:
    """Return the blueprint. Its URLs begin with ``/auth`` unless you pass ``url_prefix`` to ``register_blueprint``."""
    endpoints = Blueprint("tokenauth", __name__, url_prefix="/auth")
    endpoints.record(_check_store)
    endpoints.record(_add_api_keys)
    endpoints.record(_add_exchange)
    endpoints.add_url_rule("/refresh", "refresh", public(as_view(refresh_tokens)), methods=["POST"])
    endpoints.add_url_rule("/revoke", "revoke", public(as_view(revoke)), methods=["POST"])
    endpoints.add_url_rule(
        "/introspect", "introspect", require_scope_or_client(INTROSPECT)(as_view(introspect_token)), methods=["POST"]
    )
    endpoints.record(_add_logout)
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


def _add_logout(registration: BlueprintSetupState) -> None:
    """Add the endpoint for logout. With cookies it takes a refresh token alone, so it checks the caller itself."""
    state = registration.app.extensions.get("tokenauth")
    guard = login_required if state is not None and state.cookies is None else public
    registration.add_url_rule("/logout", "logout", guard(as_view(log_out)), methods=["POST"])


def _add_exchange(registration: BlueprintSetupState) -> None:
    """Add the endpoint for exchanges, if there are callers. An application that is set up later may answer 404.

    API keys do not pass: an exchange needs a token that is good for minutes, or the secret of a client.
    """
    state = registration.app.extensions.get("tokenauth")
    if state is not None and not state.settings.exchange:
        return
    guard = require_scope_or_client(EXCHANGE, accept=("jwt", "reference"))
    registration.add_url_rule("/exchange", "exchange", guard(as_view(exchange_token)), methods=["POST"])


def _add_api_keys(registration: BlueprintSetupState) -> None:
    """Add the endpoints for API keys, unless the application has none. One that is set up later answers 404 then.

    The views are made here: a guard on a view that no application has would look like a mistake.
    """
    state = registration.app.extensions.get("tokenauth")
    if state is not None and not state.settings.api_keys:
        return
    for rule, name, view, method in (
        ("/api-keys", "create_api_key", login_required(max_age=_RECENT_LOGIN)(as_view(create_one_api_key)), "POST"),
        ("/api-keys", "api_keys", login_required(as_view(list_own_api_keys)), "GET"),
        ("/api-keys/<key_id>", "api_key", login_required(as_view(end_one_api_key)), "DELETE"),
    ):
        registration.add_url_rule(rule, name, view, methods=[method])
