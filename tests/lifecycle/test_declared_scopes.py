"""Tokens have only scopes that ``TOKENAUTH_SCOPES`` declares, if it declares any."""

import logging
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import Grant, create_token, token_response
from flask_tokenauth.testing import logged_in, token_headers

from ..conftest import MakeApp
from .conftest import Auth, MakeSessionApp
from .kit import (
    INVALID_SCOPE,
    claims_of,
    generation_of,
    record_calls,
    refresh,
    refreshed,
    session_of,
    sessions_of,
    sign_in,
    store_of,
)

DECLARED = {"a": "Do a", "b": "Do b", "projects:{project_id}:write": "Change one project"}
MISTAKE = r"^scope c is not declared in TOKENAUTH_SCOPES: declare it, or correct its name$"


@pytest.fixture
def api(make_app: MakeApp) -> Flask:
    """An application without a store. Its name is not ``app``, since pytest-flask would push a request of it."""
    return make_app(TOKENAUTH_SCOPES=DECLARED)


@pytest.mark.parametrize("issue", [create_token, token_response])
def test_a_scope_that_is_not_declared_is_not_issued(api: Flask, issue: Any) -> None:
    with api.app_context(), pytest.raises(ValueError, match=MISTAKE):
        issue("alice", ["a", "c"])


def test_the_message_has_each_scope_that_is_not_declared(api: Flask) -> None:
    with api.app_context(), pytest.raises(ValueError, match=r"^scope A .*; scope project:7:write .*") as caught:
        create_token("alice", ["A", "b", "project:7:write"])

    assert str(caught.value).endswith("declare it, or did you mean projects:{project_id}:write?")


@pytest.mark.parametrize(
    "scopes", [[], ["a"], ["b", "a"], {"a", "b"}, ["tokenauth:introspect"], ["projects:7:write", "a"]]
)
def test_declared_scopes_are_issued(api: Flask, scopes: Any) -> None:
    with api.app_context():
        token = create_token("alice", scopes)

    assert set(claims_of(token).get("scope", "").split()) == set(scopes)


@pytest.mark.parametrize("value", ["7", "a-b_c.d~e", "A" * 600])
def test_a_placeholder_stands_for_each_value_that_a_url_can_fill_in(api: Flask, value: str) -> None:
    with api.app_context():
        create_token("alice", [f"projects:{value}:write"])


@pytest.mark.parametrize("value", ["", "*", "7:8", "7/8", "é"])
def test_a_placeholder_stands_for_no_other_value(api: Flask, value: str) -> None:
    with api.app_context(), pytest.raises(ValueError, match=r"is not declared|must be printable ASCII"):
        create_token("alice", [f"projects:{value}:write"])


def test_a_token_needs_a_value_in_the_place_of_a_placeholder(api: Flask) -> None:
    with api.app_context(), pytest.raises(ValueError, match="placeholder") as caught:
        create_token("alice", ["projects:{project_id}:write"])

    assert str(caught.value) == (
        "scope projects:{project_id}:write of a token must have a value in the place of each placeholder: replace "
        "{project_id}"
    )


def test_without_a_declaration_every_scope_is_issued(make_app: MakeApp) -> None:
    with make_app().app_context():
        assert claims_of(create_token("alice", ["c"]))["scope"] == "c"


def test_an_empty_declaration_allows_no_scope_of_the_application(make_app: MakeApp) -> None:
    with make_app(TOKENAUTH_SCOPES={}).app_context(), pytest.raises(ValueError, match=MISTAKE):
        create_token("alice", ["c"])


@pytest.mark.parametrize("make", [token_headers, logged_in])
def test_helpers_of_tests_refuse_a_scope_that_is_not_declared(api: Flask, make: Any) -> None:
    with pytest.raises(ValueError, match=MISTAKE):
        make(api, "alice", ["c"])


def test_a_sign_in_with_a_scope_that_is_not_declared_starts_no_session(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_SCOPES=DECLARED)

    with record_calls(store_of(app)) as called, pytest.raises(ValueError, match=MISTAKE):
        sign_in(app, scopes=["a", "c"])

    assert "start_session" not in called
    assert sessions_of(app) == []


def test_a_scope_of_before_refresh_that_is_not_declared_raises_and_spends_no_token(
    make_session_app: MakeSessionApp, auth: Auth
) -> None:
    api = make_session_app(TOKENAUTH_SCOPES=DECLARED)
    auth.before_refresh(lambda session: session.grant.replace(scopes=("a", "c")))
    token = sign_in(api)["refresh_token"]

    with pytest.raises(ValueError, match=MISTAKE):
        refresh(api, token)

    assert generation_of(api, token) == 0


# The declaration has changed since the sign-in


@pytest.fixture
def old_token(make_session_app: MakeSessionApp) -> str:
    """The refresh token of a session that was started with the scopes a, b and c."""
    return str(sign_in(make_session_app("old"), scopes=["c", "b", "a"])["refresh_token"])


def test_a_refresh_leaves_out_a_scope_that_is_no_longer_declared(
    make_session_app: MakeSessionApp, old_token: str, caplog: pytest.LogCaptureFixture
) -> None:
    new = make_session_app(TOKENAUTH_SCOPES=DECLARED)

    with caplog.at_level(logging.INFO, "flask_tokenauth"):
        body = refreshed(new, old_token)

    assert body["scope"] == claims_of(body["access_token"])["scope"] == "b a"
    assert [record.getMessage().partition(" of session ")[0] for record in caplog.records] == ["left out the scopes c"]


def test_a_session_keeps_a_scope_that_is_no_longer_declared(make_session_app: MakeSessionApp, old_token: str) -> None:
    new = make_session_app(TOKENAUTH_SCOPES=DECLARED)
    body = refreshed(new, old_token)

    session = session_of(new, body["refresh_token"])

    assert session is not None
    assert session.grant.scopes == ("c", "b", "a")
    again = make_session_app("again", TOKENAUTH_SCOPES=DECLARED | {"c": "Do c"})
    assert refreshed(again, body["refresh_token"])["scope"] == "c b a"


def test_before_refresh_gets_a_grant_of_declared_scopes(
    make_session_app: MakeSessionApp, auth: Auth, old_token: str
) -> None:
    new, seen = make_session_app(TOKENAUTH_SCOPES=DECLARED), []

    @auth.before_refresh
    def keep(session: Any) -> Grant:
        seen.append(session.grant.scopes)
        return session.grant  # type: ignore[no-any-return]  # a Session has a Grant

    assert refreshed(new, old_token)["scope"] == "b a"
    assert seen == [("b", "a")]


def test_a_client_may_not_ask_for_a_scope_that_is_no_longer_declared(
    make_session_app: MakeSessionApp, old_token: str
) -> None:
    new = make_session_app(TOKENAUTH_SCOPES=DECLARED)

    answer = refresh(new, old_token, scope="c")

    assert (answer.status_code, answer.get_json()) == (400, INVALID_SCOPE)


def test_a_session_whose_scopes_are_no_longer_declared_goes_on_without_any(
    make_session_app: MakeSessionApp, old_token: str
) -> None:
    body = refreshed(make_session_app(TOKENAUTH_SCOPES={}), old_token)

    assert "scope" not in claims_of(body["access_token"])
