"""API keys in ``Authorization: Bearer``, and in a header of their own where ``TOKENAUTH_API_KEY_HEADER`` names one."""

from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient

from flask_tokenauth import TokenAuth, require_scope
from flask_tokenauth.authentication.credentials import environ_name_of
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp, bearer
from ...guards.kinds_kit import HEADER, looked_up
from ...leaks import find_leak
from .kit import outcome


def test_an_api_key_may_come_as_a_bearer_token_or_in_its_header(client: FlaskClient, key: str, log: Any) -> None:
    for headers in (bearer(key), {"Authorization": f"bearer   {key}"}, {HEADER: key}, {HEADER.lower(): key}):
        assert outcome(client, headers, log) == (200, None)


def test_without_the_setting_the_header_is_none(make_app: MakeApp, store: MemoryStore, key: str, log: Any) -> None:
    app = make_app(**{**looked_up(store), "TOKENAUTH_API_KEY_HEADER": None})
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))

    assert outcome(app.test_client(), {HEADER: key}, log) == (401, "credential_missing")
    assert outcome(app.test_client(), {HEADER: key} | bearer(key), log) == (200, None)


def test_another_name_of_the_header_may_be_set(make_app: MakeApp, store: MemoryStore, key: str, log: Any) -> None:
    app = make_app(**{**looked_up(store), "TOKENAUTH_API_KEY_HEADER": "Acme-Key"})
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))

    assert outcome(app.test_client(), {"Acme-Key": key}, log) == (200, None)
    assert outcome(app.test_client(), {HEADER: key}, log) == (401, "credential_missing")


@pytest.mark.parametrize(("header", "name"), [("X-API-Key", "HTTP_X_API_KEY"), ("Key1", "HTTP_KEY1")])
def test_the_environment_names_headers_in_capitals(header: str, name: str) -> None:
    """PEP 3333."""
    assert environ_name_of(header) == name


def test_without_a_store_an_api_key_header_cannot_be_set(make_app: MakeApp) -> None:
    with pytest.raises(Exception, match="TOKENAUTH_API_KEYS = True, which is not set"):
        make_app(TOKENAUTH_API_KEY_HEADER=HEADER)


def test_without_look_ups_the_header_has_no_api_key(make_app: MakeApp) -> None:
    app = make_app()

    with pytest.raises(TokenError, match="TOKENAUTH_API_KEY_HEADER must have an API key"):
        app.extensions["tokenauth"].authenticator.find_api_key("ta_x")


def test_auth_makes_api_keys_that_requests_accept(make_app: MakeApp, store: MemoryStore, log: Any) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth, **looked_up(store))
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))
    with app.app_context():
        new = auth.create_api_key("alice", ["reports:read"], name="ci")

    assert outcome(app.test_client(), {HEADER: new.text}, log) == (200, None)
    assert find_leak(f"{new!r} {new}") is None
