"""Helpers for the tests of tickets that applications make."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth.core.tokens.unverified import parse_unverified

from ...conftest import bearer


def ask_for_ticket(app: Flask, token: str, path: Any = "/x", **options: Any) -> TestResponse:
    """Ask for a ticket, by an access token or another credential."""
    return app.test_client().post("/tickets", json={"path": path, **options}, headers=bearer(token))


def ticket_of(app: Flask, token: str, path: str = "/x", **options: Any) -> str:
    """Return a ticket that the application makes."""
    answer = ask_for_ticket(app, token, path, **options)
    assert answer.status_code == 200
    return answer.text


def read(ticket: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a ticket."""
    found = parse_unverified(ticket)
    assert found.header is not None
    assert found.claims is not None
    return dict(found.header), dict(found.claims)
