"""Responses of the endpoints: JSON that no cache stores, and errors in the form of OAuth (RFC 6749 section 5.2)."""

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Response

from ..application.app_state import current_state
from ..application.refusing import refuse, refuse_for_outage, report_refusal
from ..core.endpoint_errors import EndpointError
from ..core.errors import InsecureTransport, StoreUnavailable

_NO_STORE = {"Cache-Control": "no-store"}


def as_view(endpoint: Callable[..., Response]) -> Callable[..., Response]:
    """Return the view of an endpoint, which gets the state of the application as its first argument.

    An :class:`EndpointError` is answered without a challenge: it is not about the access token.
    """

    def view(**arguments: Any) -> Response:
        state = current_state()
        try:
            return endpoint(state, **arguments)
        except EndpointError as error:
            report_refusal(state, error)
            return json_response(error.status, {"error": error.code, "error_description": error.hint})
        except InsecureTransport as error:
            raise refuse(state, error) from None
        except StoreUnavailable as error:
            raise refuse_for_outage(state, error) from None

    view.__name__, view.__qualname__, view.__doc__ = endpoint.__name__, endpoint.__qualname__, endpoint.__doc__
    return view  # without __wrapped__, so that a guard marks only this view of this blueprint


def json_response(status: int, body: dict[str, object]) -> Response:
    """Return a response with *body* as JSON."""
    return Response(msgspec.json.encode(body), status, headers=_NO_STORE, mimetype="application/json")


def empty_response(status: int) -> Response:
    """Return a response without a body, and without a content type."""
    response = Response(status=status, headers=_NO_STORE)
    del response.headers["Content-Type"]
    return response
