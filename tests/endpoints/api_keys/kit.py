"""Calls of the endpoints for API keys."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from ...conftest import bearer

PATH = "/auth/api-keys"
NOT_FOUND = {"error": "not_found", "error_description": "You have no such API key."}


def create(app: Flask, token: str, **parameters: object) -> TestResponse:
    """Ask for an API key with a JSON object. Its name is "laptop" unless another is given; ``...`` leaves it out."""
    body = {name: value for name, value in ({"name": "laptop"} | parameters).items() if value is not ...}
    return app.test_client().post(PATH, json=body, headers=bearer(token))


def send_form(app: Flask, token: str, **parameters: str) -> TestResponse:
    return app.test_client().post(PATH, data=parameters, headers=bearer(token))


def created(app: Flask, token: str, **parameters: object) -> dict[str, Any]:
    """Make an API key, and return the body of the answer."""
    answer = create(app, token, **parameters)
    assert answer.status_code == 201
    body: dict[str, Any] = answer.get_json()
    return body


def list_own(app: Flask, token: str) -> TestResponse:
    return app.test_client().get(PATH, headers=bearer(token))


def listed(app: Flask, token: str) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = list_own(app, token).get_json()["api_keys"]
    return keys


def end(app: Flask, token: str, key_id: str) -> TestResponse:
    return app.test_client().delete(f"{PATH}/{key_id}", headers=bearer(token))
