"""Requests of a user: the header alone, or a client that sends it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ..application.app_state import state_of
from ..application.setting_types import read_duration
from ..lifecycle.access_tokens import create_token

_OPTIONS = frozenset({"expires_in", "audience", "client_id", "auth_time"})  # of create_token; the rest are claims


def token_headers(app: Flask, user_id: object, scopes: Iterable[str] = (), **claims: Any) -> dict[str, str]:
    """Return the ``Authorization`` header of a request of this user, with a real token of *app*.

    Args:
        app: who issues the token.
        user_id: who the user is, as for :func:`create_token`.
        scopes: what the token may do.
        claims: of the application. ``expires_in``, ``audience``, ``client_id`` and ``auth_time`` mean what they mean to
            :func:`create_token`, and ``claims`` is a dict of more claims, under any names. The user signed in just now
            unless ``auth_time`` says otherwise; ``auth_time=None`` leaves it out.

    Raises:
        TypeError, ValueError: :func:`create_token` refuses it.
        SettingsError: ``TokenAuth`` is not set up on *app*, or has no key that signs.
    """
    more = claims.pop("claims", None) or {}
    options = {name: claims.pop(name) for name in _OPTIONS.intersection(claims)}
    options.setdefault("auth_time", datetime.fromtimestamp(state_of(app).clock(), UTC))
    with app.app_context():
        return {"Authorization": f"Bearer {create_token(user_id, scopes, claims={**more, **claims}, **options)}"}


def logged_in(app: Flask, user_id: object, scopes: Iterable[str] = (), **claims: Any) -> FlaskClient:
    """Return a client whose every request carries a token of this user, unless it has an ``Authorization`` of its own.

    It keeps one token, as real clients do, and gets the next when that has expired by the application's clock. The
    user signed in when the client was made, and does not again: guards with ``max_age`` will refuse it in time.

    Args:
        app: whose client; it is made of its ``test_client_class``.
        user_id, scopes, claims: as for :func:`token_headers`, which says what is raised, too.
    """
    login = _Login(app, user_id, scopes, claims)

    class LoggedInClient(app.test_client_class or FlaskClient):  # type: ignore[misc]  # known when it runs
        def open(self, *args: Any, **kwargs: Any) -> TestResponse:
            self.environ_base["HTTP_AUTHORIZATION"] = login.header()  # the request's own headers go over it
            answer: TestResponse = super().open(*args, **kwargs)
            return answer

    return LoggedInClient(app, app.response_class, use_cookies=True)


class _Login:
    """One sign-in of a user, and its present token."""

    def __init__(self, app: Flask, user_id: object, scopes: Iterable[str], claims: dict[str, Any]) -> None:
        self._app = app
        self._state = state_of(app)
        self._user_id = user_id
        self._scopes = scopes if isinstance(scopes, str) else tuple(scopes)
        self._claims = claims
        self._signed_in = self._issued_at = self._state.clock()
        self._header = self._make(self._signed_in)
        lifetime = claims.get("expires_in")
        self._lifetime = self._state.settings.access_lifetime if lifetime is None else read_duration(lifetime)

    def header(self) -> str:
        """Return the ``Authorization`` header, with a new token where the clock has left the life of the old one."""
        now = self._state.clock()
        if now < self._signed_in:  # moved back to before the sign-in, which is then; nothing of it stays
            return self._make(now)
        if not self._issued_at <= now < int(self._issued_at) + int(self._lifetime.total_seconds()):
            self._header, self._issued_at = self._make(self._signed_in), now
        return self._header

    def _make(self, signed_in: float) -> str:
        claims = {"auth_time": datetime.fromtimestamp(signed_in, UTC), **self._claims}
        return token_headers(self._app, self._user_id, self._scopes, **claims)["Authorization"]
