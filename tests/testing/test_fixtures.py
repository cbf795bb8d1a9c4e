"""The fixtures for pytest, used together with ``client`` of pytest-flask and ``app`` of these tests."""

from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient

from flask_tokenauth.testing import at
from flask_tokenauth.testing.fixtures import (
    AtTime,
    LoginClient,
    TokenHeadersFor,
    at_time,
    login_client,
    token_headers_for,
)

from ..conftest import NOW

__all__ = ["at_time", "login_client", "token_headers_for"]  # pytest finds them in this module


def test_headers_are_for_the_client_of_pytest_flask(client: FlaskClient, token_headers_for: TokenHeadersFor) -> None:
    answer = client.get("/reports", headers=token_headers_for("alice", ["reports:read"], team="red"))

    assert answer.get_json()["user_id"] == "alice"
    assert client.get("/reports").status_code == 401


def test_clients_are_logged_in_beside_the_one_that_is_not(client: FlaskClient, login_client: LoginClient) -> None:
    alice, bob = login_client("alice", scopes=["reports:read"]), login_client("bob")

    assert alice.get("/reports").get_json()["user_id"] == "alice"
    assert bob.get("/reports").status_code == 403
    assert client.get("/reports").status_code == 401


def test_the_clock_moves_within_the_block(
    app: Flask, client: FlaskClient, token_headers_for: TokenHeadersFor, at_time: AtTime
) -> None:
    headers = token_headers_for("alice")

    with at_time(timedelta(hours=1)):
        assert client.get("/me", headers=headers).status_code == 401
    assert client.get("/me", headers=headers).status_code == 200


def test_in_the_context_that_pytest_flask_pushes_no_application_need_be_named(app: Flask) -> None:
    with at(60):
        assert app.extensions["tokenauth"].clock() == NOW + 60
