"""Endpoints as views: their errors are answered in the form of OAuth (RFC 6749 section 5.2)."""

from collections.abc import Callable
from typing import Any

from flask import Response

from ..application.app_state import current_state
from ..application.no_store import json_response
from ..application.refusing import refuse, refuse_for_outage, report_refusal
from ..core.cookie_errors import CrossSite
from ..core.endpoint_errors import EndpointError
from ..core.errors import InsecureTransport, StoreUnavailable


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
        except (InsecureTransport, CrossSite) as error:
            raise refuse(state, error) from None
        except StoreUnavailable as error:
            raise refuse_for_outage(state, error) from None

    view.__name__, view.__qualname__, view.__doc__ = endpoint.__name__, endpoint.__qualname__, endpoint.__doc__
    return view  # without __wrapped__, so that a guard marks only this view of this blueprint
