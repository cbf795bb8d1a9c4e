"""Browsers, as far as the server can tell: test clients that keep cookies and send the headers of browsers."""

from collections.abc import Callable
from typing import Any

from flask import Flask, g, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth, login_optional, login_required, token_response
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.authentication.cookies import TokenCookies
from flask_tokenauth.stores.memory import MemoryStore

from .conftest import MakeApp

HOST = "https://api.example"
SAME = {"Sec-Fetch-Site": "same-origin"}
CROSS = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


def make_cookie_app(
    make_app: MakeApp, store: MemoryStore, mode: str = "all", *, auth: TokenAuth[Any] | None = None, **config: object
) -> Flask:
    """Return an application with cookies: a login view, open, optional and guarded views, and the endpoints."""
    auth = auth or TokenAuth()
    app = make_app(auth=auth, **{"TOKENAUTH_STORE": store, "TOKENAUTH_COOKIES": mode, **config})
    app.register_blueprint(auth.endpoints)

    def login() -> Any:
        return token_response(request.args.get("user", "alice"), ["reports:read"])

    app.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    for name, guard in (("open", None), ("optional", login_optional), ("guarded", login_required)):
        view = guard(_who()) if guard else _who()
        app.add_url_rule(f"/{name}", name, view, methods=["GET", "POST", "PUT", "DELETE"])
    return app


def _who() -> Callable[[], str]:
    """Return a view that shows the user. It is a new one each time, since guards mark their view."""
    return lambda: f"of {g.user_id}"


def cookies_of(app: Flask) -> TokenCookies:
    cookies = state_of(app).cookies
    assert cookies is not None
    return cookies


class Browser:
    """A browser with one user. Requests come from pages of the application unless headers say otherwise."""

    def __init__(self, app: Flask, host: str = HOST) -> None:
        self.client: FlaskClient = app.test_client()
        self.cookies = cookies_of(app)
        self.host = host

    def __call__(self, method: str, path: str, headers: dict[str, str] = SAME, **more: Any) -> TestResponse:
        return self.client.open(path, method=method, base_url=self.host, headers=headers, **more)

    def sign_in(self, user: str = "alice", **more: Any) -> TestResponse:
        answer = self("POST", f"/login?user={user}", **more)
        assert answer.status_code == 200, answer.text
        return answer

    def refresh(self, headers: dict[str, str] = SAME, **more: Any) -> TestResponse:
        return self("POST", "/auth/refresh", headers, **more)

    def value(self, name: str | None) -> str | None:
        """Return the value of a cookie, or None if the browser has no such cookie."""
        found = self.client.get_cookie(str(name), domain=self.host.partition("://")[2].partition(":")[0])
        return None if found is None else found.value

    @property
    def access(self) -> str | None:
        return self.value(self.cookies.access)

    @property
    def refresh_token(self) -> str | None:
        return self.value(self.cookies.refresh)


def raw(app: Flask, cookie: str, path: str = "/guarded", method: str = "GET", **headers: str) -> TestResponse:
    """Send a request with this ``Cookie`` header, from a page of the application."""
    client = app.test_client(use_cookies=False)
    return client.open(path, method=method, base_url=HOST, headers={**SAME, "Cookie": cookie, **headers})


def deleted(answer: TestResponse) -> list[str]:
    """Return the names of the cookies that an answer deletes."""
    return [header.partition("=")[0] for header in answer.headers.getlist("Set-Cookie") if "Max-Age=0" in header]


def set_names(answer: TestResponse) -> list[str]:
    """Return the names of the cookies that an answer sets to a value."""
    headers = answer.headers.getlist("Set-Cookie")
    return [header.partition("=")[0] for header in headers if "Max-Age=0" not in header]
