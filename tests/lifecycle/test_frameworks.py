"""Outages under an extension that has its own idea of what went wrong."""

import flask_restx  # type: ignore[import-untyped]  # it ships no types
from flask import Flask, Response

from flask_tokenauth import token_response

from .kit import away, store_of


def test_flask_restx_answers_an_outage_in_a_view_as_it_answers_that_of_a_guard(app: Flask) -> None:
    app.config |= {"TESTING": False, "PROPAGATE_EXCEPTIONS": None}
    api = flask_restx.Api(app, doc=False)

    @api.route("/log-in")
    class SignIn(flask_restx.Resource):  # type: ignore[misc]  # which has no types
        def post(self) -> Response:
            return token_response("alice")

    with away(store_of(app)):
        answer = app.test_client().post("/log-in")

    assert (answer.status_code, answer.get_json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["Retry-After"]
    assert app.test_client().post("/log-in").status_code == 200
