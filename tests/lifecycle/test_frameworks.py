"""Outages together with extensions that have their own error handling."""

import flask_restx  # type: ignore[import-untyped]  # has no types
from flask import Flask, Response

from flask_tokenauth import token_response

from .kit import store_of, unavailable


def test_an_outage_in_a_view_of_flask_restx_is_answered_with_503(app: Flask) -> None:
    app.config |= {"TESTING": False, "PROPAGATE_EXCEPTIONS": None}
    api = flask_restx.Api(app, doc=False)

    @api.route("/log-in")
    class SignIn(flask_restx.Resource):  # type: ignore[misc]  # has no types
        def post(self) -> Response:
            return token_response("alice")

    with unavailable(store_of(app)):
        answer = app.test_client().post("/log-in")

    assert (answer.status_code, answer.get_json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["Retry-After"]
    assert app.test_client().post("/log-in").status_code == 200
