"""Requests of a user: the ``Authorization`` header, or a test client that sends it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ..application.app_state import state_of
from ..application.setting_types import read_duration
from ..lifecycle.access_tokens import create_token, keep_scopes

_OPTIONS = frozenset({"expires_in", "audience", "client_id", "auth_time"})  # of create_token; the rest are claims


def token_headers(app: Flask, user_id: object, scopes: Iterable[str] = (), **claims: Any) -> dict[str, str]:
    """Return a dict with the header ``Authorization`` for a request of a user, with a real token of *app*.

    Args:
        app: the application that issues the token.
        user_id: of the user, as for :func:`~flask_tokenauth.create_token`.
        scopes: of the token.
        claims: the claims of your application. Five names are no claims: ``expires_in``, ``audience``, ``client_id``
            and ``auth_time`` are passed to :func:`~flask_tokenauth.create_token`, and ``claims`` is a dict with more
            claims, of any name. By default the user has just signed in; ``auth_time=None`` leaves that claim out.

    Raises:
        TypeError, ValueError: :func:`~flask_tokenauth.create_token` refuses an argument.
        SettingsError: ``TokenAuth`` is not set up on *app*, or has no key that can sign.
    """
    more = claims.pop("claims", None) or {}
    options = {name: claims.pop(name) for name in _OPTIONS.intersection(claims)}
    options.setdefault("auth_time", datetime.fromtimestamp(state_of(app).clock(), UTC))
    with app.app_context():
        return {"Authorization": f"Bearer {create_token(user_id, scopes, claims={**more, **claims}, **options)}"}


def logged_in(app: Flask, user_id: object, scopes: Iterable[str] = (), **claims: Any) -> FlaskClient:
    """Return a test client of *app* that sends a token of a user with each request.

    A request with an ``Authorization`` header of its own keeps that header. Like real clients, this one keeps its token
    until it has expired, by the clock of the application, and then gets the next. The user has signed in when the
    client was created, and does not sign in again, so that guards with ``max_age`` refuse the client after that time.

    Args:
        app: the application. The client is an instance of its ``test_client_class``.
        user_id: of the user, as for :func:`~flask_tokenauth.create_token`.
        scopes: of the tokens.
        claims: as for :func:`token_headers`.

    Raises:
        TypeError, ValueError: :func:`~flask_tokenauth.create_token` refuses an argument.
        SettingsError: ``TokenAuth`` is not set up on *app*, or has no key that can sign.
    """
    login = _Login(app, user_id, scopes, claims)

    class LoggedInClient(app.test_client_class or FlaskClient):  # type: ignore[misc]  # mypy cannot know the class
        def open(self, *args: Any, **kwargs: Any) -> TestResponse:
            self.environ_base["HTTP_AUTHORIZATION"] = login.header()  # headers of the request replace it
            response: TestResponse = super().open(*args, **kwargs)
            return response

    return LoggedInClient(app, app.response_class, use_cookies=True)


class _Login:
    """One sign-in of a user, and its current token."""

    def __init__(self, app: Flask, user_id: object, scopes: Iterable[str], claims: dict[str, Any]) -> None:
        self._app = app
        self._state = state_of(app)
        self._user_id = user_id
        self._scopes = keep_scopes(scopes)
        self._claims = claims
        self._signed_in = self._issued_at = self._state.clock()
        self._header = self._create_header(self._signed_in)
        lifetime = claims.get("expires_in")
        self._lifetime = self._state.settings.access_lifetime if lifetime is None else read_duration(lifetime)

    def header(self) -> str:
        """Return the value of the header, with a new token if the clock is outside the lifetime of the old one."""
        now = self._state.clock()
        if (
            now < self._signed_in
        ):  # the clock was moved to before the sign-in: use a token of that time, and do not keep it
            return self._create_header(now)
        if not self._issued_at <= now < int(self._issued_at) + int(self._lifetime.total_seconds()):
            self._header, self._issued_at = self._create_header(self._signed_in), now
        return self._header

    def _create_header(self, signed_in: float) -> str:
        claims = {"auth_time": datetime.fromtimestamp(signed_in, UTC), **self._claims}
        return token_headers(self._app, self._user_id, self._scopes, **claims)["Authorization"]
