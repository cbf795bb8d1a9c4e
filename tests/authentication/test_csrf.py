"""Cookies count only for requests that come from pages of the application, unless a request changes nothing."""

import logging
from typing import Any

import pytest
from flask import Blueprint, Flask, g, request, request_started
from flask.views import MethodView
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import EnvironBuilder

from flask_tokenauth import NotPermitted, TokenAuth, get_token, login_required, token_refused
from flask_tokenauth.authentication.csrf import OriginCheck, write_origin
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp
from ..cookies_kit import CROSS, HOST, SAME, Browser, deleted, make_cookie_app

OWN = HOST
FRIEND = "https://app.example.com"
UNSAFE = ["POST", "PUT", "PATCH", "DELETE"]


@pytest.fixture
def api(make_app: MakeApp, store: MemoryStore) -> Flask:
    """An application with cookies. Its name is not ``app``, since pytest-flask would push a request of it."""
    return make_cookie_app(make_app, store, TOKENAUTH_TRUSTED_ORIGINS=[FRIEND])


@pytest.fixture
def browser(api: Flask) -> Browser:
    browser = Browser(api)
    browser.sign_in()
    return browser


def headers_of(site: str | None, origin: str | None) -> dict[str, str]:
    given = {"Sec-Fetch-Site": site, "Origin": origin}
    return {name: value for name, value in given.items() if value is not None}


PASSING: list[tuple[str | None, str | None]] = [
    ("same-origin", None),
    ("same-origin", OWN),
    ("same-origin", "null"),
    ("same-origin", "https://evil.example"),  # no browser sends that; Sec-Fetch-Site is asked first
    ("none", None),
    (None, OWN),
    (None, FRIEND),
    ("same-site", FRIEND),
    ("cross-site", FRIEND),
]
FAILING: list[tuple[str | None, str | None]] = [
    (None, None),
    (None, ""),
    (None, "null"),
    (None, "https://evil.example"),
    (None, "https://api.example:444"),
    (None, "https://api.example:443"),  # browsers leave the usual port out
    (None, "http://api.example"),
    (None, "https://API.example"),
    (None, "https://api.example/"),
    (None, "https://api.example.evil.example"),
    (None, "https://evilapi.example"),
    (None, "https://sub.app.example.com"),
    (None, "https://app.example.com:8443"),
    (None, "http://app.example.com"),
    (None, f"{OWN}, {OWN}"),
    ("", OWN),
    ("same-site", None),
    ("same-site", OWN),  # a sibling port: Sec-Fetch-Site came, so our own origin does not help
    ("cross-site", None),
    ("cross-site", OWN),
    ("cross-site", "null"),
    ("Same-Origin", None),
    ("same-origin, cross-site", None),
    (" same-origin", OWN),
]


@pytest.mark.parametrize(("site", "origin"), PASSING)
def test_a_request_of_an_own_or_trusted_page_may_change_something(
    browser: Browser, site: str | None, origin: str | None
) -> None:
    assert browser("POST", "/guarded", headers_of(site, origin)).text == "of alice"


@pytest.mark.parametrize(("site", "origin"), FAILING)
def test_a_request_of_another_page_may_not(browser: Browser, site: str | None, origin: str | None) -> None:
    answer = browser("POST", "/guarded", headers_of(site, origin))

    assert (answer.status_code, answer.json and answer.json["error"]) == (403, "cross_site")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_every_method_that_may_change_something_is_protected(browser: Browser, method: str) -> None:
    assert browser(method, "/guarded", CROSS).status_code == 403
    assert browser(method, "/guarded").status_code == 200


@pytest.mark.parametrize("headers", [CROSS, {}, {"Sec-Fetch-Site": "same-site"}])
def test_a_link_of_another_page_shows_the_logged_in_user(browser: Browser, headers: dict[str, str]) -> None:
    assert browser("GET", "/guarded", headers).text == "of alice"
    assert browser("HEAD", "/guarded", headers).status_code == 200


def test_an_open_view_sees_nobody_behind_a_request_of_another_page(browser: Browser) -> None:
    assert browser("POST", "/open", CROSS).text == "of None"


def test_an_optional_login_refuses_a_request_of_another_page(browser: Browser) -> None:
    assert browser("POST", "/optional", CROSS).status_code == 403


def test_a_request_of_another_page_deletes_no_cookie(browser: Browser) -> None:
    """Otherwise any page could log users out."""
    browser.client.set_cookie(str(browser.cookies.access), "bad", domain="api.example", path="/")

    for path in ("/guarded", "/optional", "/open"):
        assert browser("POST", path, CROSS).headers.getlist("Set-Cookie") == []
    assert deleted(browser("POST", "/guarded")) == [browser.cookies.access]


def test_a_request_without_our_cookie_is_not_refused_as_cross_site(api: Flask) -> None:
    browser = Browser(api)

    assert browser("POST", "/guarded", CROSS).status_code == 401
    assert browser("POST", "/optional", CROSS).text == "of None"


def test_the_log_and_the_signal_name_the_reason(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flask_tokenauth")
    reasons: list[str] = []

    def note(sender: object, reason: str) -> None:
        reasons.append(reason)

    with token_refused.connected_to(note):
        browser("POST", "/guarded", CROSS)

    assert reasons == ["cross_site"]
    assert "refused: cross_site" in caplog.messages


def test_the_origin_of_the_settings_counts_and_not_the_host(make_app: MakeApp, store: MemoryStore) -> None:
    browser = Browser(make_cookie_app(make_app, store, TOKENAUTH_ORIGIN="https://Public.example:443/"))
    browser.sign_in()

    assert browser("POST", "/guarded", {"Origin": "https://public.example"}).status_code == 200
    assert browser("POST", "/guarded", {"Origin": OWN}).status_code == 403


@pytest.mark.parametrize(
    "forwarded",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example;proto=https"},
    ],
)
def test_headers_of_proxies_do_not_count_by_themselves(browser: Browser, forwarded: dict[str, str]) -> None:
    assert browser("POST", "/guarded", {"Origin": "https://evil.example", **forwarded}).status_code == 403
    assert browser("POST", "/guarded", {"Origin": OWN, **forwarded}).status_code == 200


def test_the_origin_is_what_proxy_fix_has_read(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_cookie_app(make_app, store)
    api.wsgi_app = ProxyFix(api.wsgi_app, x_proto=1, x_host=1)  # type: ignore[method-assign]
    browser = Browser(api, "http://inside:8000")
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "public.example"}
    answer = browser("POST", "/login", {**SAME, **forwarded})
    cookie = "; ".join(header.partition(";")[0] for header in answer.headers.getlist("Set-Cookie"))
    client = api.test_client(use_cookies=False)

    for origin, status in (("https://public.example", 200), ("http://inside:8000", 403)):
        headers = {**forwarded, "Cookie": cookie, "Origin": origin}
        assert client.post("/guarded", base_url="http://inside:8000", headers=headers).status_code == status


@pytest.mark.parametrize("host", ["[::1", "a:b", "a b", "a:99999", "x@a", ""])
def test_a_request_with_a_bad_host_has_no_origin_of_its_own(host: str) -> None:
    req = EnvironBuilder("/", environ_overrides={"HTTP_HOST": host, "HTTP_ORIGIN": f"http://{host}"}).get_request()

    assert OriginCheck(None).find_own(req) is None
    assert not OriginCheck(None).allows(req)


def test_a_host_that_the_application_does_not_trust_is_no_origin_of_its_own() -> None:
    own = {"HTTP_ORIGIN": "https://evil.example"}
    req = EnvironBuilder("/", "https://evil.example", environ_overrides=own).get_request()
    assert OriginCheck(None).allows(req)
    req.trusted_hosts = ["api.example"]
    del req.__dict__["host"]

    assert not OriginCheck(None).allows(req)


@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket", "h2c, websocket"])
@pytest.mark.parametrize(("origin", "status"), [(OWN, 200), (FRIEND, 200), ("https://evil.example", 403), (None, 403)])
def test_a_handshake_of_a_websocket_counts_as_unsafe(
    make_app: MakeApp, store: MemoryStore, upgrade: str, origin: str | None, status: int
) -> None:
    api = make_cookie_app(make_app, store, TOKENAUTH_TRUSTED_ORIGINS=[FRIEND])
    is_plain = upgrade.lower() == "websocket"  # Flask has rules for these alone
    api.add_url_rule("/socket", "socket", login_required(lambda: "x"), websocket=is_plain)
    browser = Browser(api)
    browser.sign_in()

    headers = {"Upgrade": upgrade, "Connection": "Upgrade", **headers_of(None, origin)}

    assert browser("GET", "/socket", headers).status_code == status


def socket_request(api: Flask, browser: Browser, headers: dict[str, str]) -> Any:
    """Return the context in which Flask-SocketIO calls handlers: that of the handshake, without Flask's hooks."""
    cookie = f"{browser.cookies.access}={browser.access}"
    return api.test_request_context("/guarded", base_url=HOST, headers={"Cookie": cookie, **headers})


def _show() -> str:
    return str(g.user_id)


@pytest.mark.parametrize("headers", [SAME, {"Origin": OWN}, {"Origin": FRIEND}])
def test_a_handler_of_a_socket_takes_the_cookie_of_an_own_page(
    api: Flask, browser: Browser, headers: dict[str, str]
) -> None:
    handler = login_required(is_view=False)(_show)

    with socket_request(api, browser, headers):
        assert (handler(), get_token() is None) == ("alice", False)


@pytest.mark.parametrize("headers", [CROSS, {}, {"Sec-Fetch-Site": "same-site"}])
def test_a_handler_of_a_socket_counts_as_unsafe(api: Flask, browser: Browser, headers: dict[str, str]) -> None:
    handler = login_required(is_view=False)(_show)

    with socket_request(api, browser, headers):
        assert get_token() is None
        with pytest.raises(NotPermitted) as caught:
            handler()

    assert caught.value.reason == "cross_site"


def test_a_hook_that_runs_before_ours_judges_a_link_as_a_link(make_app: MakeApp, store: MemoryStore) -> None:
    """A preprocessor of the application may ask for the caller, before our own hook has run."""
    auth = TokenAuth[str]()
    api = make_cookie_app(make_app, store, auth=auth)
    auth.token_check(lambda token: True)  # so nothing is authenticated before the preprocessors
    seen = []
    api.url_value_preprocessor(lambda endpoint, values: seen.append(get_token() is not None))
    browser = Browser(api)
    browser.sign_in()

    assert browser("GET", "/guarded", CROSS).text == "of alice"
    assert seen == [False, True]


@pytest.mark.parametrize(("headers", "text"), [(SAME, "of alice"), (CROSS, "of None")])
def test_a_function_that_changes_the_method_does_not_help_another_page(
    make_app: MakeApp, store: MemoryStore, headers: dict[str, str], text: str
) -> None:
    app = make_cookie_app(make_app, store)

    @app.before_request
    def override() -> None:
        request.method = request.args.get("_method", request.method)

    browser = Browser(app)
    browser.sign_in()

    assert browser("GET", "/open?_method=DELETE", headers).text == text
    assert browser("GET", "/guarded?_method=DELETE", headers).status_code == (200 if headers is SAME else 403)
    assert browser("GET", "/guarded", headers).text == "of alice"


@pytest.fixture
def overriding(make_app: MakeApp, store: MemoryStore) -> Browser:
    """A browser and an application that deletes: in a guarded function before requests, and in a method of a class."""
    app = make_cookie_app(make_app, store)
    app.config["DELETED"] = []
    part = Blueprint("part", __name__)

    def override() -> None:
        request.method = request.args.get("_method", request.method)

    @part.before_request
    @login_required
    def delete_before() -> None:
        if request.method == "DELETE":
            app.config["DELETED"].append("before")

    class Item(MethodView):
        def dispatch_request(self, **arguments: Any) -> Any:
            override()
            return super().dispatch_request(**arguments)

        @login_required
        def get(self) -> str:
            return "item"

        @login_required
        def delete(self) -> str:
            app.config["DELETED"].append("item")
            return "deleted"

    app.before_request(lambda: override() if request.path == "/part" else None)
    part.add_url_rule("/part", view_func=lambda: "part", endpoint="part", methods=["GET", "DELETE"])
    app.register_blueprint(part)
    app.add_url_rule("/item", view_func=Item.as_view("item"))
    browser = Browser(app)
    browser.sign_in()
    return browser


@pytest.mark.parametrize(("path", "name"), [("/part", "before"), ("/item", "item")])
def test_guards_judge_a_cookie_again_where_other_code_overrides_the_method(
    overriding: Browser, path: str, name: str
) -> None:
    done = overriding.client.application.config["DELETED"]

    assert overriding("GET", f"{path}?_method=DELETE", CROSS).status_code == 403
    assert done == []
    assert overriding("GET", f"{path}?_method=DELETE").status_code == 200
    assert done == [name]
    assert overriding("GET", path, CROSS).status_code == 200


def test_code_that_asks_for_the_caller_very_early_changes_no_link(make_app: MakeApp, store: MemoryStore) -> None:
    """Before Flask dispatches a request, it could be the handshake of a socket."""
    app = make_cookie_app(make_app, store)
    browser = Browser(app)
    browser.sign_in()
    seen: list[object] = []

    def ask(sender: Flask, **further: object) -> None:
        seen.append(get_token())

    with request_started.connected_to(ask, app):
        assert browser("GET", "/guarded", CROSS).text == "of alice"
        assert browser("GET", "/open", {}).text == "of alice"
        assert browser("POST", "/guarded", CROSS).status_code == 403
        assert browser("GET", "/guarded").text == "of alice"
    assert [token is None for token in seen] == [True, True, True, False]


def test_code_that_changes_the_method_after_the_guards_does_not_help_another_page(
    make_app: MakeApp, store: MemoryStore
) -> None:
    app = make_cookie_app(make_app, store)
    ours = app.preprocess_request

    def preprocess() -> Any:
        answer = ours()
        request.method = request.args.get("_method", request.method)
        return answer

    app.preprocess_request = preprocess  # type: ignore[method-assign]
    browser = Browser(app)
    browser.sign_in()

    assert browser("GET", "/open?_method=DELETE", CROSS).text == "of None"
    assert browser("GET", "/guarded?_method=DELETE", CROSS).status_code == 403
    assert browser("GET", "/guarded?_method=DELETE").text == "of alice"


def test_a_link_counts_as_a_link_whatever_other_code_took_away(make_app: MakeApp, store: MemoryStore) -> None:
    api = make_cookie_app(make_app, store)
    del api.preprocess_request
    browser = Browser(api)
    browser.sign_in()

    assert browser("GET", "/guarded", CROSS).text == "of alice"
    api.before_request_funcs.clear()
    assert browser("GET", "/open", CROSS).text == "of alice"
    assert browser("POST", "/guarded", CROSS).status_code == 403


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example", "https://a.example"),
        ("HTTPS://A.Example:443", "https://a.example"),
        ("https://a.example:8443", "https://a.example:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://a.example:80", "https://a.example:80"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert write_origin(url) == origin


@pytest.mark.parametrize(
    ("base_url", "own", "is_secure"),
    [
        ("https://api.example", None, True),
        ("http://api.example", None, False),
        ("http://api.example", "https://api.example", True),
        ("http://localhost:5000", None, True),
        ("http://app.localhost", None, True),
        ("http://127.0.0.1:5000", None, True),
        ("http://[::1]:5000", None, True),
        ("http://localhost.example", None, False),
        ("http://evillocalhost", None, False),
        ("http://10.0.0.1", None, False),
        ("http://api.example", "http://localhost:5000", True),
    ],
)
def test_browsers_keep_secure_cookies_over_https_and_on_this_machine(
    base_url: str, own: str | None, *, is_secure: bool
) -> None:
    assert OriginCheck(own).is_secure(EnvironBuilder("/", base_url).get_request()) == is_secure
