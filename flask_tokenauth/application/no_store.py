"""Responses that no cache stores (RFC 6749 section 5.1)."""

import msgspec
from flask import Response

_NO_STORE = {"Cache-Control": "no-store"}


def json_response(status: int, body: dict[str, object]) -> Response:
    """Return a response with *body* as JSON, which no cache stores."""
    return Response(msgspec.json.encode(body), status, headers=_NO_STORE, mimetype="application/json")


def empty_response(status: int) -> Response:
    """Return a response without a body and without a content type, which no cache stores."""
    response = Response(status=status, headers=_NO_STORE)
    del response.headers["Content-Type"]
    return response
