"""Helpers for the tests of listing and ending sessions: calls of the endpoints, and their answers."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from ..conftest import bearer
from .kit import session_id_of

Login = dict[str, Any]  # the body of the answer to a login
Endpoint = Callable[[Flask, str, str], TestResponse]  # arguments: application, access token, session ID

NOT_FOUND = {"error": "not_found", "error_description": "You have no such session."}
UNSUPPORTED_TYPE = {
    "error": "unsupported_token_type",
    "error_description": "Tokens of this type cannot be revoked here.",
}


def id_of(login: Login) -> str:
    """Return the ID of the session of a login."""
    return session_id_of(login["refresh_token"])


def me(app: Flask, token: str) -> int:
    """Return the status of ``GET /me``, which is guarded, with an access token."""
    return app.test_client().get("/me", headers=bearer(token)).status_code


def run_in_view(app: Flask, work: Callable[[], Any], token: str | None) -> tuple[int, Any]:
    """Run *work* in a view without a guard, and return the status and the body of the answer."""
    app.add_url_rule("/work", view_func=lambda: {"result": work()}, methods=["POST"])
    answer = app.test_client().post("/work", headers=bearer(token) if token else {})
    return answer.status_code, answer.get_json()


def log_out(app: Flask, token: str, _: str = "") -> TestResponse:
    return app.test_client().post("/auth/logout", headers=bearer(token))


def list_devices(app: Flask, token: str, _: str = "") -> TestResponse:
    return app.test_client().get("/auth/sessions", headers=bearer(token))


def end_device(app: Flask, token: str, session_id: str) -> TestResponse:
    return app.test_client().delete(f"/auth/sessions/{session_id}", headers=bearer(token))


def list_session_ids(app: Flask, token: str) -> list[str]:
    """Return the session IDs that the list shows to the bearer of a good token."""
    return [session["id"] for session in list_devices(app, token).get_json()["sessions"]]


def revoke(app: Flask, token: str, **parameters: str) -> TestResponse:
    """Revoke a token at the endpoint, as clients do."""
    return app.test_client().post("/auth/revoke", data={"token": token, **parameters})


def introspect(app: Flask, token: str, token_asked_about: str, **parameters: str) -> TestResponse:
    """Introspect a token at the endpoint, as other services do."""
    form = {"token": token_asked_about, **parameters}
    return app.test_client().post("/auth/introspect", data=form, headers=bearer(token))


ENDPOINTS: dict[str, Endpoint] = {"logout": log_out, "list": list_devices, "end": end_device}
