"""Fixtures for pytest. Import them into your ``conftest.py``. They need a fixture ``app``, like pytest-flask.

Only this module and the store contract import pytest, which the package does not depend on.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import pytest
from flask import Flask
from flask.testing import FlaskClient

from .clock import Time, at
from .login import logged_in, token_headers


class TokenHeadersFor(Protocol):
    """The type of the fixture :func:`token_headers_for`."""

    def __call__(self, user_id: object, scopes: Iterable[str] = (), **claims: Any) -> dict[str, str]: ...


class LoginClient(Protocol):
    """The type of the fixture :func:`login_client`."""

    def __call__(self, user_id: object, scopes: Iterable[str] = (), **claims: Any) -> FlaskClient: ...


class AtTime(Protocol):
    """The type of the fixture :func:`at_time`."""

    def __call__(self, time: Time, /) -> AbstractContextManager[datetime]: ...


@pytest.fixture
def token_headers_for(app: Flask) -> TokenHeadersFor:
    """Return :func:`~flask_tokenauth.testing.token_headers` for the application of the test.

    ``client.get("/me", headers=token_headers_for("alice"))``
    """
    return partial(token_headers, app)


@pytest.fixture
def login_client(app: Flask) -> LoginClient:
    """Return :func:`~flask_tokenauth.testing.logged_in` for the application of the test.

    ``login_client("alice").get("/me")``
    """
    return partial(logged_in, app)


@pytest.fixture
def at_time(app: Flask) -> AtTime:
    """Return :func:`~flask_tokenauth.testing.at` for the application of the test.

    ``with at_time(timedelta(minutes=15)):``
    """
    return partial(at, app)
