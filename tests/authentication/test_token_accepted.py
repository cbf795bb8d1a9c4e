"""The signal ``token_accepted``: once for each request whose token is accepted, before any guard decides."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_tokenauth import TokenAuth, get_token, require_scope, token_accepted

from ..conftest import NOW, MakeApp, Mint, bearer
from .asking import ALICE, Asker


@pytest.fixture
def received(app: Flask) -> Iterator[list[dict[str, Any]]]:
    """The arguments of each signal of the application."""
    received: list[dict[str, Any]] = []
    with token_accepted.connected_to(lambda sender, **facts: received.append(facts), app):
        yield received


@pytest.mark.parametrize("path", ["/me", "/open", "/nowhere"])
def test_an_accepted_token_is_announced_once(
    client: FlaskClient, received: list[dict[str, Any]], mint: Mint, path: str
) -> None:
    client.get(path, headers=bearer(mint()))

    assert received == [{"user_id": "alice", "scopes": frozenset({"reports:read"})}]


def test_a_guard_can_still_refuse_an_accepted_token(
    client: FlaskClient, received: list[dict[str, Any]], mint: Mint
) -> None:
    answer = client.get("/admin", headers=bearer(mint()))

    assert (answer.status_code, len(received)) == (403, 1)


@pytest.mark.parametrize("authorization", [None, "Basic YTpi", "Bearer x.y.z"])
@pytest.mark.parametrize("path", ["/me", "/open"])
def test_without_a_good_token_nothing_is_announced(
    client: FlaskClient, received: list[dict[str, Any]], path: str, authorization: str | None
) -> None:
    client.get(path, headers={"Authorization": authorization} if authorization else {})

    assert received == []


def test_an_expired_token_is_not_announced(client: FlaskClient, received: list[dict[str, Any]], mint: Mint) -> None:
    client.get("/me", headers=bearer(mint(exp=NOW - 60)))

    assert received == []


def test_a_token_that_token_check_refuses_is_not_announced(make_app: MakeApp, mint: Mint) -> None:
    asker = Asker()
    asker.auth.token_check(lambda token: False)
    app = make_app(auth=asker.auth)

    with token_accepted.connected_to(asker.ask, app):
        app.test_client().get("/", headers=bearer(mint()))

    assert asker.answers == []


@pytest.mark.parametrize("with_preprocessor", [True, False])
def test_a_receiver_may_ask_for_the_caller(make_app: MakeApp, mint: Mint, with_preprocessor: bool) -> None:  # noqa: FBT001  # a parameter
    asker = Asker()
    app = make_app(auth=asker.auth)
    if with_preprocessor:
        app.url_value_preprocessor(lambda endpoint, values: None)

    with token_accepted.connected_to(asker.ask, app):
        app.test_client().get("/", headers=bearer(mint()))

    assert asker.answers == [ALICE]


def test_the_user_id_has_the_type_of_the_application(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int))
    received: list[object] = []

    with token_accepted.connected_to(lambda sender, user_id, scopes: received.append(user_id), app):
        app.test_client().get("/", headers=bearer(mint(sub="42")))

    assert received == [42]


def test_a_receiver_that_fails_leaves_the_caller_known(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/", view_func=require_scope("reports:read")(lambda: "open"))
    calls: list[object] = []
    app.register_error_handler(500, lambda error: (str(get_token() is not None), 500))

    def fail(sender: Flask, **facts: object) -> None:
        calls.append(sender)
        raise OSError("the metrics cannot be written")

    with token_accepted.connected_to(fail, app):
        answer = app.test_client().get("/", headers=bearer(mint()))

    assert (answer.status_code, answer.text, calls) == (500, "True", [app])
