"""``token_response`` with cookies: when it sets them, their attributes, and the rest of the body."""

import re
from bisect import bisect
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, request

from flask_tokenauth import TokenAuth, token_response
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.authentication.cookies import MOST_BYTES
from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, MakeApp
from ..cookies_kit import CROSS, HOST, SAME, Browser, cookies_of, make_cookie_app, set_names

PLAIN = {"access_token", "token_type", "expires_in", "scope", "refresh_token", "refresh_expires_in"}
IN_BODY = {
    "refresh": {"access_token", "token_type", "expires_in", "scope", "refresh_expires_in"},
    "all": {"expires_in", "scope", "refresh_expires_in"},
}


@pytest.fixture(params=["refresh", "all"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def api(make_app: MakeApp, store: MemoryStore, mode: str) -> Flask:
    """An application with cookies. Its name is not ``app``, since pytest-flask would push a request of it."""
    api = make_cookie_app(make_app, store, mode)
    choices = {"yes": True, "no": False}

    @api.route("/choose/<choice>", methods=["GET", "POST"])
    def choose(choice: str) -> Any:
        return token_response("alice", ["reports:read"], cookies=choices[choice])

    return api


def attributes(api: Flask, headers: dict[str, str] = SAME) -> dict[str, set[str]]:
    """Return the attributes of the cookies of a login, by their names."""
    answer = Browser(api).sign_in(headers=headers)
    found = [header.split("; ") for header in answer.headers.getlist("Set-Cookie")]
    return {first.partition("=")[0]: set(rest) for first, *rest in found}


def test_what_is_in_a_cookie_is_not_in_the_body(api: Flask, mode: str) -> None:
    answer = Browser(api).sign_in()

    assert set(answer.json or {}) == IN_BODY[mode]
    assert answer.json == (answer.json or {}) | {
        "expires_in": 900,
        "scope": "reports:read",
        "refresh_expires_in": 2_592_000,
    }
    assert sorted(set_names(answer)) == sorted(cookies_of(api).names)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_cookie_is_readable_by_no_script_and_no_other_host(api: Flask) -> None:
    common = {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    cookies = cookies_of(api)

    found = attributes(api)

    assert found.pop(cookies.refresh) == common | {"Max-Age=2592000"}
    assert found == ({} if cookies.access is None else {cookies.access: common | {"Max-Age=900"}})


def test_the_attribute_same_site_can_be_strict(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_cookie_app(make_app, store, TOKENAUTH_COOKIE_SAMESITE="Strict")

    assert all("SameSite=Strict" in found for found in attributes(api).values())


@pytest.mark.parametrize("headers", [SAME, {"Sec-Fetch-Site": "none"}, {"Origin": HOST}])
def test_a_browser_gets_cookies(api: Flask, mode: str, headers: dict[str, str]) -> None:
    assert set(Browser(api).sign_in(headers=headers).json or {}) == IN_BODY[mode]


@pytest.mark.parametrize("headers", [{}, {"User-Agent": "Mozilla/5.0"}, {"Referer": HOST}, {"Cookie": "a=b"}])
def test_another_client_gets_its_tokens_in_the_body(api: Flask, headers: dict[str, str]) -> None:
    answer = Browser(api).sign_in(headers=headers)

    assert (set(answer.json or {}), answer.headers.getlist("Set-Cookie")) == (PLAIN, [])


def test_a_view_may_insist_on_cookies(api: Flask, mode: str) -> None:
    """Without a header of a browser only a GET passes: nothing says where another request comes from."""
    answer = Browser(api)("GET", "/choose/yes", {})

    assert set(answer.json or {}) == IN_BODY[mode]
    assert Browser(api)("POST", "/choose/yes", {}).status_code == 403
    assert set(Browser(api)("POST", "/choose/yes").json or {}) == IN_BODY[mode]


def test_a_view_may_refuse_cookies(api: Flask) -> None:
    for headers in (SAME, CROSS, {}):
        assert set(Browser(api)("POST", "/choose/no", headers).json or {}) == PLAIN


def test_without_the_setting_cookies_cannot_be_set(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_app(TOKENAUTH_STORE=store)

    with api.test_request_context(headers=SAME):
        assert set(token_response("alice").json or {}) == PLAIN
        assert set(token_response("alice", cookies=False).json or {}) == PLAIN
        with pytest.raises(SettingsError, match='cookies=True needs TOKENAUTH_COOKIES "refresh" or "all", got "off"'):
            token_response("alice", cookies=True)


def test_without_a_request_there_are_no_cookies(api: Flask) -> None:
    with api.app_context():
        for choice in (None, True, False):
            assert set(token_response("alice", cookies=choice).json or {}) == PLAIN


@pytest.mark.parametrize("wanted", [1, "yes", "all"])
def test_cookies_must_be_a_boolean_or_none(api: Flask, wanted: Any) -> None:
    with api.test_request_context(), pytest.raises(TypeError, match="cookies must be True, False or None, got"):
        token_response("alice", cookies=wanted)


@pytest.mark.parametrize("headers", [CROSS, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}])
def test_no_other_page_logs_a_user_in(api: Flask, store: MemoryStore, headers: dict[str, str]) -> None:
    """Otherwise an attacker could log users in to an account of the attacker (login CSRF)."""
    for method in ("POST", "GET"):
        answer = Browser(api)(method, "/login", headers)

        assert (answer.status_code, answer.json and answer.json["error"]) == (403, "cross_site")
        assert answer.headers.getlist("Set-Cookie") == []
    assert store.list_sessions("alice", cursor=None, limit=9).sessions == ()


def test_a_login_that_ends_with_a_link_of_another_page_can_insist(api: Flask) -> None:
    """For example at the end of a login at a provider, whose ``state`` the view has checked."""
    assert len(set_names(Browser(api)("GET", "/choose/yes", CROSS))) >= 1
    assert Browser(api)("POST", "/choose/yes", CROSS).status_code == 403


def test_a_page_of_a_trusted_origin_logs_in(make_app: MakeApp, store: MemoryStore, mode: str) -> None:
    api = make_cookie_app(make_app, store, mode, TOKENAUTH_TRUSTED_ORIGINS=["https://app.example"])
    headers = {"Sec-Fetch-Site": "same-site", "Origin": "https://app.example"}

    assert set(Browser(api).sign_in(headers=headers).json or {}) == IN_BODY[mode]


@pytest.mark.parametrize("host", ["http://localhost", "http://app.localhost:5000", "http://127.0.0.1"])
def test_plain_http_on_this_machine_sets_the_same_cookies(api: Flask, host: str) -> None:
    assert len(set_names(Browser(api, host).sign_in(headers={"Origin": host}))) == len(cookies_of(api).names)


def test_plain_http_elsewhere_sets_none_and_says_why(
    api: Flask, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    api.debug = True

    answer = Browser(api, "http://api.example")("POST", "/login", {"Origin": "http://api.example"})

    assert (answer.status_code, answer.json) == (
        400,
        {"error": "invalid_request", "error_description": "Cookies are set over HTTPS only."},
    )
    assert answer.headers.getlist("Set-Cookie") == []
    assert "put werkzeug's ProxyFix around app.wsgi_app, or set TOKENAUTH_ORIGIN" in caplog.text
    assert store.list_sessions("alice", cursor=None, limit=9).sessions == ()


def test_behind_a_proxy_the_origin_of_the_settings_is_enough(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_cookie_app(make_app, store, TOKENAUTH_ORIGIN="https://api.example")

    assert len(set_names(Browser(api, "http://inside:8000").sign_in())) == 2


def login_with(make_app: MakeApp, store: MemoryStore, size: int, **config: Any) -> tuple[Browser, Any]:
    """Return a browser and the answer to a login with a claim of this many bytes."""
    api = make_cookie_app(make_app, store, **config)
    api.config["PROPAGATE_EXCEPTIONS"] = True
    api.add_url_rule("/large", "large", lambda: token_response("alice", claims={"c": "x" * size}), methods=["POST"])
    browser = Browser(api)
    return browser, browser("POST", "/large")


def fits(make_app: MakeApp, size: int) -> bool:
    """Return whether a token with a claim of this many bytes is issued. An error must say what to do."""
    store = MemoryStore(clock=lambda: int(NOW * 1000))
    try:
        login_with(make_app, store, size)
    except ValueError as error:
        message = str(error)
    else:
        return True
    assert re.fullmatch(r"a token in a cookie must be at most \d+ bytes long, since browsers .*", message)
    assert 'or set TOKENAUTH_TOKEN_FORMAT to "reference"' in message
    return False


def test_an_access_token_that_browsers_would_drop_is_not_issued(make_app: MakeApp, store: MemoryStore) -> None:
    size = 2000 + bisect(range(2000, 3500), 0, key=lambda size: int(not fits(make_app, size)))  # the first too long one
    browser, _ = login_with(make_app, store, size - 1)

    # A byte more in the claim is one or two characters more in base64url.
    assert MOST_BYTES - 2 < len(f"{browser.cookies.access}{browser.access}") <= MOST_BYTES


def test_after_a_token_that_is_too_long_there_is_no_session(make_app: MakeApp, store: MemoryStore) -> None:
    with pytest.raises(ValueError, match="a token in a cookie must be at most"):
        login_with(make_app, store, 4000)

    assert store.list_sessions("alice", cursor=None, limit=9).sessions == ()


@pytest.mark.parametrize("more", [{"mode": "refresh"}, {"TOKENAUTH_TOKEN_FORMAT": "reference"}])
def test_the_limit_is_for_signed_tokens_in_cookies_only(
    make_app: MakeApp, store: MemoryStore, more: dict[str, Any]
) -> None:
    assert login_with(make_app, store, 4000, **more)[1].status_code == 200


def test_the_cookies_live_as_long_as_their_tokens(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_cookie_app(make_app, store, TOKENAUTH_ACCESS_LIFETIME=60, TOKENAUTH_REFRESH_IDLE_LIFETIME=3600)

    found = attributes(api)

    assert "Max-Age=60" in found[str(cookies_of(api).access)]
    assert "Max-Age=3600" in found[cookies_of(api).refresh]


def test_a_new_login_starts_a_session_of_its_own(api: Flask, store: MemoryStore) -> None:
    browser = Browser(api)
    browser.sign_in()
    first = browser.refresh_token
    browser.sign_in()

    assert browser.refresh_token != first
    assert len(store.list_sessions("alice", cursor=None, limit=9).sessions) == 2


def test_a_redirect_can_carry_the_cookies(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_cookie_app(make_app, store)

    @api.post("/sign-in")
    def sign_in() -> Any:
        answer = token_response(request.form["username"], auth_time=datetime.fromtimestamp(NOW, UTC))
        answer.status_code, answer.location = 303, "/guarded"
        return answer

    browser = Browser(api)

    assert browser("POST", "/sign-in", data={"username": "bob"}, follow_redirects=True).text == "of bob"


def test_one_object_serves_applications_with_and_without_cookies(make_app: MakeApp, store: MemoryStore) -> None:
    auth = TokenAuth[str]()
    with_cookies = make_cookie_app(make_app, store, auth=auth)
    without = make_app(auth=auth, TOKENAUTH_STORE=store)

    assert state_of(without).cookies is None
    assert state_of(with_cookies).cookies is not None
