"""Errors as JSON."""

from flask import Flask, json
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from flask_tokenauth import AuthError


def answer_in_json(app: Flask) -> None:
    """Answer all errors of *app* with JSON."""
    app.register_error_handler(HTTPException, describe)


def describe(error: HTTPException) -> Response:
    """Return the response to an error, with its headers. An AuthError has a JSON body already."""
    response = Response.force_type(error.get_response())
    if not isinstance(error, AuthError):
        response.data = json.dumps({"error": error.name, "error_description": error.description})
        response.content_type = "application/json"
    return response
