"""An application that trusts one issuer."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from flask_tokenauth import TokenAuth, login_required, require_scope

from ..conftest import MakeApp, whoami
from ..core.trusted_issuers.rules_kit import issuer_with

MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def auth() -> TokenAuth[str]:
    return TokenAuth()


@pytest.fixture
def make_client(make_app: MakeApp, auth: TokenAuth[Any]) -> MakeClient:
    """Return a function that makes an application which trusts one issuer, with changes, and returns its client."""

    def make(*, config: dict[str, Any] | None = None, **changes: Any) -> FlaskClient:
        issuers = [issuer_with(**{"scopes": ["read"]} | changes)]
        app = make_app(auth=auth, TOKENAUTH_TRUSTED_ISSUERS=issuers, **config or {})
        app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
        app.add_url_rule("/open", view_func=whoami(), endpoint="open")
        app.add_url_rule("/read", view_func=require_scope("read")(whoami()), endpoint="read")
        app.add_url_rule("/write", view_func=require_scope("write")(whoami()), endpoint="write")
        return app.test_client()

    return make
