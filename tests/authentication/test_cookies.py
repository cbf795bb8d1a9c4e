"""Access tokens in cookies: how they are read, when they count, and when the answer deletes them."""

import base64
import logging

import pytest
from flask import Flask
from werkzeug.exceptions import Forbidden, HTTPException, ServiceUnavailable

from flask_tokenauth import NotAuthenticated, TokenAuth, create_token, login_required, token_refused
from flask_tokenauth.authentication.cookies import TokenCookies, find_values
from flask_tokenauth.authentication.csrf import OriginCheck
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import ISSUER, NOW, MakeApp, Mint, StandingClock, bearer
from ..cookies_kit import SAME, Browser, cookies_of, deleted, make_cookie_app, raw, set_names
from ..guards.kinds_kit import HEADER, add_api_key, looked_up

BASIC = f"Basic {base64.b64encode(b'alice:hunter2').decode()}"


@pytest.fixture
def api(make_app: MakeApp, store: MemoryStore) -> Flask:
    """An application with cookies. Its name is not ``app``, since pytest-flask would push a request of it."""
    return make_cookie_app(make_app, store)


@pytest.fixture
def browser(api: Flask) -> Browser:
    browser = Browser(api)
    browser.sign_in()
    return browser


@pytest.fixture
def name(api: Flask) -> str:
    return str(cookies_of(api).access)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_the_token_in_the_cookie_opens_a_guarded_view(browser: Browser, method: str) -> None:
    assert browser(method, "/guarded").text == "of alice"


def test_open_views_see_the_user_of_the_cookie(browser: Browser) -> None:
    assert browser("GET", "/open").text == "of alice"
    assert browser("GET", "/optional").text == "of alice"


def test_in_mode_refresh_a_cookie_with_an_access_token_is_not_read(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_cookie_app(make_app, store, "refresh")
    other = make_cookie_app(make_app, store, "all")
    browser = Browser(other)
    browser.sign_in()

    assert raw(api, f"{browser.cookies.access}={browser.access}").status_code == 401


def test_without_the_setting_no_cookie_is_read(make_app: MakeApp, store: MemoryStore, browser: Browser) -> None:
    api = make_app(TOKENAUTH_STORE=store)
    api.add_url_rule("/guarded", "guarded", login_required(lambda: "x"))

    answer = raw(api, f"{browser.cookies.access}={browser.access}")

    assert (answer.status_code, deleted(answer)) == (401, [])


def test_the_refresh_token_opens_nothing(api: Flask, browser: Browser, name: str) -> None:
    assert raw(api, f"{browser.cookies.refresh}={browser.refresh_token}").status_code == 401
    assert raw(api, f"{name}={browser.refresh_token}").status_code == 401


@pytest.mark.parametrize("value", ["", "x", "a.b.c", '"', "é".encode().decode("latin-1"), "x" * 9000])
def test_a_bad_cookie_is_refused_and_deleted(api: Flask, name: str, value: str) -> None:
    answer = raw(api, f"{name}={value}")

    assert (answer.status_code, answer.json and answer.json["error"]) == (401, "invalid_token")
    assert deleted(answer) == [name]


@pytest.mark.parametrize("path", ["/open", "/optional"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_bad_cookie_counts_as_none_where_no_login_is_needed(api: Flask, name: str, path: str, method: str) -> None:
    answer = raw(api, f"{name}=a.b.c", path, method)

    assert (answer.text, deleted(answer)) == ("of None", [name])


def test_a_cookie_is_deleted_with_the_attributes_that_browsers_want(api: Flask, name: str) -> None:
    [header] = raw(api, f"{name}=x").headers.getlist("Set-Cookie")

    assert header.split("; ")[0] == f"{name}="
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=0"} <= set(header.split("; "))
    assert "Domain" not in header


@pytest.mark.parametrize(("second", "status"), [(-1, 200), (0, 401), (1, 401)])
def test_an_expired_cookie_is_deleted(
    browser: Browser, clock: StandingClock, name: str, second: int, status: int
) -> None:
    clock.now = NOW + 900 + 10 + second  # with the leeway

    answer = raw(browser.client.application, f"{name}={browser.access}")

    assert (answer.status_code, deleted(answer)) == (status, [] if status == 200 else [name])


def test_a_revoked_cookie_is_deleted(api: Flask, browser: Browser, name: str) -> None:
    auth = TokenAuth[str]()
    with api.app_context():
        auth.revoke_user("alice")

    answer = raw(api, f"{name}={browser.access}")

    assert (answer.status_code, deleted(answer)) == (401, [name])


def test_a_cookie_that_token_check_refuses_is_deleted(make_app: MakeApp, store: MemoryStore) -> None:
    auth = TokenAuth[str]()
    api = make_cookie_app(make_app, store, auth=auth)
    browser = Browser(api)
    browser.sign_in()
    auth.token_check(lambda token: False)

    assert deleted(browser("GET", "/guarded")) == [browser.cookies.access]


@pytest.mark.parametrize(("error", "status"), [(NotAuthenticated, 401), (Forbidden, 403)])
def test_a_token_check_that_raises_locks_no_browser_out(
    make_app: MakeApp, store: MemoryStore, error: type[HTTPException], status: int
) -> None:
    """Scripts cannot remove the cookie. If it stayed, the user could not log in, refresh or log out."""
    auth = TokenAuth[str]()
    app = make_cookie_app(make_app, store, auth=auth)
    browser = Browser(app)
    browser.sign_in()

    @auth.token_check
    def check(token: Token) -> bool:
        raise error("banned")

    answer = browser("GET", "/open")

    assert (answer.status_code, deleted(answer)) == (status, [browser.cookies.access])
    assert browser("GET", "/open").text == "of None"


@pytest.mark.parametrize("error", [StoreUnavailable, ServiceUnavailable])
def test_a_token_check_that_cannot_answer_deletes_no_cookie(
    make_app: MakeApp, store: MemoryStore, error: type[Exception]
) -> None:
    auth = TokenAuth[str]()
    app = make_cookie_app(make_app, store, auth=auth)
    browser = Browser(app)
    browser.sign_in()

    @auth.token_check
    def check(token: Token) -> bool:
        raise error

    answer = browser("GET", "/guarded")

    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (503, [])


def test_the_cookie_of_a_user_who_no_longer_exists_is_deleted(make_app: MakeApp, store: MemoryStore) -> None:
    auth = TokenAuth[str]()
    api = make_cookie_app(make_app, store, auth=auth)
    auth.user_loader(lambda user_id: None)
    api.add_url_rule("/loaded", "loaded", login_required(load_user=True)(lambda: "x"))
    browser = Browser(api)
    browser.sign_in()

    answer = browser("GET", "/loaded")

    assert (answer.status_code, deleted(answer)) == (401, [browser.cookies.access])


def test_a_good_cookie_stays_if_the_guard_wants_more(api: Flask, clock: StandingClock) -> None:
    api.add_url_rule("/recent", "recent", login_required(max_age=1)(lambda: "x"))
    browser = Browser(api)
    browser.sign_in()
    clock.now += 60

    answer = browser("GET", "/recent")

    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (401, [])


def test_an_outage_deletes_no_cookie(make_app: MakeApp, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    api = make_cookie_app(make_app, store, TOKENAUTH_REVOCATION="strict")
    browser = Browser(api)
    browser.sign_in()

    def fail(*args: object, **named: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(store, "is_revoked", fail)

    for path in ("/guarded", "/optional"):
        answer = browser("GET", path)
        assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (503, [])


def test_a_cookie_that_comes_twice_is_refused_deleted_and_logged(
    api: Flask, browser: Browser, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    twice = f"{name}={browser.access}; {name}={browser.access}"

    answer, open_ = raw(api, twice), raw(api, twice, "/open")

    assert (answer.status_code, deleted(answer)) == (401, [name])
    assert (open_.text, deleted(open_)) == ("of None", [name])
    assert [record.levelno for record in caplog.records if "must come once" in record.message] == [logging.WARNING] * 2


def test_a_cookie_with_an_api_key_is_refused(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_cookie_app(make_app, store, **looked_up(store))
    api.add_url_rule("/keys", "keys", login_required(api_keys=True)(lambda: "x"))
    name, key = cookies_of(api).access, add_api_key(store)

    answer = raw(api, f"{name}={key}", "/keys")

    assert (answer.status_code, deleted(answer)) == (401, [name])
    assert api.test_client().get("/keys", headers=bearer(key)).text == "x"


def test_a_reference_token_fits_into_a_cookie(make_app: MakeApp, store: MemoryStore) -> None:
    browser = Browser(make_cookie_app(make_app, store, TOKENAUTH_TOKEN_FORMAT="reference"))
    browser.sign_in()

    assert str(browser.access).startswith("tr_")
    assert browser("POST", "/guarded").text == "of alice"


@pytest.mark.parametrize("header", ["Bearer x", "Bearer", "bearer a.b.c", "Bearer a b", "eyJhbGciOiJIUzI1NiJ9.e30.x"])
def test_a_header_with_a_credential_hides_the_cookie(browser: Browser, header: str) -> None:
    answer = browser("GET", "/guarded", {**SAME, "Authorization": header})

    assert answer.status_code in (400, 401)
    assert browser("GET", "/open", {**SAME, "Authorization": header}).text == "of None"
    assert (answer.headers.getlist("Set-Cookie"), browser("GET", "/guarded").text) == ([], "of alice")


def test_a_good_header_counts_and_not_the_cookie(api: Flask, browser: Browser) -> None:
    with api.app_context():
        headers = bearer(create_token("bob"))

    assert browser("GET", "/guarded", {**SAME, **headers}).text == "of bob"


@pytest.mark.parametrize("key", ["x", "ta_bad"])
def test_the_header_for_api_keys_hides_the_cookie(make_app: MakeApp, store: MemoryStore, key: str) -> None:
    browser = Browser(make_cookie_app(make_app, store, **looked_up(store)))
    browser.sign_in()

    assert browser("GET", "/guarded", {**SAME, HEADER: key}).status_code == 401
    assert browser("GET", "/guarded", {**SAME, HEADER: ""}).text == "of alice"


@pytest.mark.parametrize("header", [BASIC, "Negotiate abc", "Digest a=b"])
def test_a_header_of_another_scheme_does_not_hide_the_cookie(browser: Browser, header: str) -> None:
    assert browser("GET", "/guarded", {**SAME, "Authorization": header}).text == "of alice"


def test_a_login_with_a_bad_cookie_sets_the_new_cookie(api: Flask, name: str) -> None:
    answer = raw(api, f"{name}=x", "/login", "POST")

    assert (deleted(answer), name in set_names(answer)) == ([], True)


def test_a_token_that_was_issued_for_a_header_is_good_in_a_cookie(api: Flask, mint: Mint, name: str) -> None:
    """The cookie is another way for the same token."""
    assert raw(api, f"{name}={mint(epoch=...)}").text == "of alice"


def test_the_signal_says_why_a_cookie_was_refused(api: Flask, name: str) -> None:
    reasons: list[str] = []

    def note(sender: object, reason: str) -> None:
        reasons.append(reason)

    with token_refused.connected_to(note):
        raw(api, f"{name}=1; {name}=2")
        raw(api, f"{name}=x")

    assert reasons == ["cookie_repeated", "token_malformed"]


def test_plain_http_is_refused_for_cookies_too(make_app: MakeApp, store: MemoryStore) -> None:
    browser = Browser(make_cookie_app(make_app, store, TOKENAUTH_ENFORCE_HTTPS="refuse"), "http://localhost")
    browser.sign_in()

    answer = browser("GET", "/guarded")

    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (400, [])
    assert browser.refresh().status_code == 400
    assert browser("POST", "/auth/logout").status_code == 400


def test_two_issuers_have_cookies_of_different_names() -> None:
    issuers = ["https://a.example", "https://a.example/b", "https://a-example", "notes", "Notes", "ü", "::", "x" * 200]
    names = [
        name
        for issuer in issuers
        for name in TokenCookies(issuer, has_access=True, same_site="Lax", origins=OriginCheck(None)).names
    ]

    assert len(set(names)) == 2 * len(issuers)
    assert all(name.startswith("__Host-") and name.isascii() and len(name) < 80 for name in names)
    assert not any(set(name) & set(' ;,="()<>@:\\/[]?{}') for name in names)


def test_the_name_of_a_cookie_is_made_of_the_issuer(api: Flask) -> None:
    cookies = cookies_of(api)

    assert ISSUER == "https://issuer.example"
    assert cookies.names == (cookies.access, cookies.refresh)
    assert cookies.refresh == "__Host-issuer.example-ffb55acf-refresh"


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("n=1", ["1"]),
        ("a=b; n=1; c=d", ["1"]),
        ("a=b;n=1", ["1"]),
        ("a=b;  n=1", ["1"]),
        ("n=1; n=2", ["1", "2"]),
        ("n=", [""]),
        ("n=1=2", ["1=2"]),
        ("n", []),
        ("N=1", []),
        ("xn=1", []),
        ("nx=1", []),
        ("n =1", []),
        ("\tn=1", []),
        ("\xa0n=1", []),
        ("\x1fn=1", []),
        ("\x85n=1", []),
        ("a=n=1", []),
        ("=n=1", []),
        ("a=b, n=1", []),
        ('"n"=1', []),
        ("%6e=1", []),
        ("", []),
    ],
)
def test_a_cookie_is_found_by_its_exact_name(header: str, values: list[str]) -> None:
    assert find_values(header, "n=") == values
