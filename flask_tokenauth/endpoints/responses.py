"""How endpoints answer."""

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Response

from ..application.app_state import current_state
from ..core.endpoint_errors import (
    GrantError,
)
from ..core.errors import InsecureTransport, StoreUnavailable

_NO_STORE = {"Cache-Control": "no-store"}


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


def _write(status: int, body: dict[str, object] | None) -> Response:
    """Return a response that no cache keeps; one without a body says nothing of its type either."""
    if body is not None:
        return Response(msgspec.json.encode(body), status, headers=_NO_STORE, mimetype="application/json")
    response = Response(status=status, headers=_NO_STORE)
    del response.headers["Content-Type"]
    return response
