"""Helpers for the tests of tickets: tickets with any claims, requests with them, and a view that shows its caller."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Flask, g
from werkzeug.test import TestResponse

from flask_tokenauth import get_token
from flask_tokenauth.core.tokens.token import TokenKind

from ..conftest import NOW, Mint

ACCEPT: tuple[TokenKind, ...] = ("jwt", "reference", "ticket")
LIFETIME = 30  # seconds


def make_ticket(mint: Mint, path: str = "/x", **changes: object) -> str:
    """Return a ticket with the claims of a good token, *changes*, and a path. The value ``...`` leaves a claim out."""
    return mint(**{"typ": "ticket+jwt", "exp": NOW + LIFETIME, "ticket_path": path} | changes)  # type: ignore[arg-type]


def with_ticket(ticket: str, path: str = "/x") -> str:
    """Return the URL of a request with a ticket."""
    return f"{path}?ticket={quote(ticket)}"


def get(app: Flask, ticket: str, path: str = "/x", **options: Any) -> TestResponse:
    """Send a request with a ticket."""
    return app.test_client().get(with_ticket(ticket, path), **options)


def show_caller() -> Callable[..., dict[str, object]]:
    """Return a view that returns the user and the token of the request. It is a new one: guards mark their view."""

    def view(**_: object) -> dict[str, object]:
        token = get_token()
        same = g.token is token or (g.token is not None and g.token == token)
        return {"user_id": g.user_id, "scopes": sorted(g.scopes), "kind": token and token.kind, "same": same}

    return view


ALICE = {"user_id": "alice", "scopes": ["reports:read"], "kind": "ticket", "same": True}
NOBODY: dict[str, object] = {"user_id": None, "scopes": [], "kind": None, "same": True}
