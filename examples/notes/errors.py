"""Errors are JSON."""

from flask import Flask, json
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from flask_tokenauth import AuthError


def answer_in_json(app: Flask) -> None:
    """Have all errors of *app* answered in JSON."""
    app.register_error_handler(HTTPException, describe)


def describe(error: HTTPException) -> Response:
    """Return the answer to an error, with its own headers. Refusals are JSON as they are."""
    response = Response.force_type(error.get_response())
    if not isinstance(error, AuthError):
        response.data = json.dumps({"error": error.name, "error_description": error.description})
        response.content_type = "application/json"
    return response
