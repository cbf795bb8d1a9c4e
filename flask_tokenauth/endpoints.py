"""The blueprint that an application registers for its clients: refreshing (RFC 6749 section 6)."""

import msgspec
from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState

from .core.errors import GrantError, MalformedGrant, StoreUnavailable, UnsupportedGrantType
from .guards import public
from .parameters import read_parameters
from .refreshing import refresh
from .state import current_state


def make_blueprint() -> Blueprint:
    """Return the endpoints, for ``app.register_blueprint``. Their prefix is ``/auth`` unless another is given there."""
    endpoints = Blueprint("tokenauth", __name__, url_prefix="/auth")
    endpoints.record(_check)
    endpoints.post("/refresh")(_refresh)
    return endpoints


def _check(registration: BlueprintSetupState) -> None:
    """Refuse to be registered where there is no store; an application that is set up later is told at its first use."""
    state = registration.app.extensions.get("tokenauth")
    if state is not None:
        _ = state.sessions


@public
def _refresh() -> Response:
    """Answer ``POST /auth/refresh``."""
    state = current_state()
    try:
        parameters = read_parameters(request)
        if "grant_type" not in parameters:
            raise MalformedGrant
        if parameters["grant_type"] != "refresh_token":
            raise UnsupportedGrantType
        if "refresh_token" not in parameters:
            raise MalformedGrant
        return refresh(state, parameters["refresh_token"], parameters.get("scope"))
    except GrantError as error:
        state.tell(error)
        return _refuse(error)
    except StoreUnavailable as error:
        raise state.outage(error) from None


def _refuse(error: GrantError) -> Response:
    """Answer as RFC 6749 section 5.2 has it: no challenge, and nothing to be kept."""
    body = {"error": error.code, "error_description": error.hint}
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(body), error.status, headers=headers, mimetype="application/json")
