"""``POST /auth/refresh`` and ``POST /auth/logout`` with the refresh token in a cookie."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token, session_ended
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, MakeApp, StandingClock, bearer
from ..cookies_kit import CROSS, HOST, SAME, Browser, cookies_of, deleted, make_cookie_app, raw, set_names

REFRESH = "/auth/refresh"
LOGOUT = "/auth/logout"


@pytest.fixture(params=["refresh", "all"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def api(make_app: MakeApp, store: MemoryStore, mode: str) -> Flask:
    """An application with cookies. Its name is not ``app``, since pytest-flask would push a request of it."""
    return make_cookie_app(make_app, store, mode)


@pytest.fixture
def browser(api: Flask) -> Browser:
    browser = Browser(api)
    browser.sign_in()
    return browser


def sessions(store: MemoryStore) -> int:
    return len(store.list_sessions("alice", cursor=None, limit=9).sessions)


def tokens_in(text: str) -> list[str]:
    """Return the beginnings of tokens in a body."""
    return [beginning for beginning in ("eyJ", "rt1_", "tr_") if beginning in text]


def test_a_refresh_cookie_is_answered_with_cookies(browser: Browser, mode: str) -> None:
    before = browser.refresh_token, browser.access

    answer = browser.refresh()

    assert answer.status_code == 200
    assert tokens_in(answer.text) == (["eyJ"] if mode == "refresh" else [])
    assert sorted(set_names(answer)) == sorted(browser.cookies.names)
    assert (browser.refresh_token, browser.access) != before
    assert answer.headers["Cache-Control"] == "no-store"


ASKING: list[dict[str, Any]] = [
    {},
    {"data": {"grant_type": "refresh_token"}},
    {"json": {"grant_type": "refresh_token"}},
    {"json": {"grant_type": "refresh_token", "scope": "reports:read"}},
    {"json": {"cookies": False}},
    {"data": {"response_mode": "body"}},
    {"query_string": {"cookies": "0"}},
    {"query_string": {"refresh_token": "rt1_x"}},
]


@pytest.mark.parametrize("more", ASKING)
def test_no_parameter_moves_a_refresh_token_into_the_body(browser: Browser, more: dict[str, Any]) -> None:
    answer = browser.refresh(**more)

    assert (answer.status_code, "rt1_" in answer.text) == (200, False)
    assert "refresh_token" not in (answer.json or {})


def test_a_narrowed_scope_is_in_the_cookie(make_app: MakeApp, store: MemoryStore) -> None:
    browser = Browser(make_cookie_app(make_app, store))
    browser.sign_in()

    assert (browser.refresh(data={"scope": "reports:read"}).json or {})["scope"] == "reports:read"
    assert browser.refresh(data={"scope": "admin"}).status_code == 400
    assert browser.refresh().status_code == 200  # a wrong scope deleted nothing, and spent nothing


def test_a_refresh_token_in_the_body_never_sets_cookies(api: Flask) -> None:
    body = Browser(api).sign_in(headers={}).json or {}
    stranger = Browser(api)

    answer = stranger.refresh(data={"grant_type": "refresh_token", "refresh_token": body["refresh_token"]})

    assert tokens_in(answer.text) == ["eyJ", "rt1_"]
    assert answer.headers.getlist("Set-Cookie") == []


@pytest.mark.parametrize("value", ["other", "same"])
def test_a_refresh_token_in_both_places_is_refused(browser: Browser, value: str) -> None:
    token = browser.refresh_token if value == "same" else "rt1_x"

    answer = browser.refresh(data={"grant_type": "refresh_token", "refresh_token": token})

    assert (answer.status_code, answer.json and answer.json["error"]) == (400, "invalid_request")
    assert answer.headers.getlist("Set-Cookie") == []
    assert browser.refresh().status_code == 200


def test_a_wrong_grant_type_is_refused_and_deletes_nothing(browser: Browser) -> None:
    answer = browser.refresh(data={"grant_type": "password"})

    assert (answer.json and answer.json["error"], deleted(answer)) == ("unsupported_grant_type", [])


@pytest.mark.parametrize("header", ["Bearer x", "Bearer", "x"])
def test_a_header_with_a_credential_hides_the_refresh_cookie(browser: Browser, header: str) -> None:
    answer = browser.refresh({**SAME, "Authorization": header})

    assert (answer.status_code, answer.json and answer.json["error"]) == (400, "invalid_request")
    assert "leave it out" in answer.text
    assert browser.refresh({**SAME, "Authorization": "Basic eDp5"}).status_code == 200


@pytest.mark.parametrize("headers", [CROSS, {}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}])
def test_no_other_page_refreshes(browser: Browser, headers: dict[str, str]) -> None:
    before = browser.refresh_token

    answer = browser.refresh(headers)

    assert (answer.status_code, answer.json and answer.json["error"]) == (403, "cross_site")
    assert (answer.headers.getlist("Set-Cookie"), browser.refresh_token) == ([], before)


@pytest.mark.parametrize("value", ["", "x", "rt1_x", "rt1_" + "A" * 70])
def test_a_bad_refresh_cookie_is_refused_and_all_cookies_are_deleted(api: Flask, value: str) -> None:
    answer = raw(api, f"{cookies_of(api).refresh}={value}", REFRESH, "POST")

    assert (answer.status_code, answer.json and answer.json["error"]) == (400, "invalid_grant")
    assert sorted(deleted(answer)) == sorted(cookies_of(api).names)


def test_a_refresh_cookie_that_comes_twice_is_refused_and_spends_nothing(api: Flask, browser: Browser) -> None:
    cookie = f"{browser.cookies.refresh}={browser.refresh_token}"

    answer = raw(api, f"{cookie}; {cookie}", REFRESH, "POST")

    assert (answer.status_code, answer.json and answer.json["error"]) == (400, "invalid_grant")
    assert sorted(deleted(answer)) == sorted(browser.cookies.names)
    assert browser.refresh().status_code == 200


def test_two_tabs_that_refresh_at_once_stay_logged_in(browser: Browser, api: Flask) -> None:
    cookie = f"{browser.cookies.refresh}={browser.refresh_token}"

    first, second = (raw(api, cookie, REFRESH, "POST") for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 200)
    assert [set_names(answer) for answer in (first, second)] == [list(browser.cookies.names)] * 2


@pytest.mark.parametrize(("second", "status"), [(-1, 200), (0, 400), (1, 400)])
def test_a_copy_that_is_used_after_the_window_ends_the_session_for_both(
    browser: Browser, store: MemoryStore, clock: StandingClock, second: int, status: int
) -> None:
    copy = f"{browser.cookies.refresh}={browser.refresh_token}"
    assert browser.refresh().status_code == 200
    clock.now += 10 + second

    thief = raw(browser.client.application, copy, REFRESH, "POST")

    assert (thief.status_code, sessions(store)) == (status, int(status == 200))
    assert browser.refresh().status_code == status
    assert (browser.refresh_token is None) == (status == 400)


def test_an_outage_deletes_no_cookie(browser: Browser, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **named: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(store, "find_session", fail)

    answer = browser.refresh()

    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (503, [])


def test_without_the_cookie_the_parameters_are_asked_for(api: Flask) -> None:
    answer = Browser(api).refresh()

    assert (answer.status_code, answer.json and answer.json["error"]) == (400, "invalid_request")


def test_a_token_that_grew_too_long_for_its_cookie_is_an_error_and_spends_nothing(
    make_app: MakeApp, store: MemoryStore
) -> None:
    auth = TokenAuth[str]()
    api = make_cookie_app(make_app, store, auth=auth)
    browser = Browser(api)
    browser.sign_in()
    size = {"c": "x" * 4000}
    auth.before_refresh(lambda session: session.grant.replace(claims=size))

    with pytest.raises(ValueError, match="a token in a cookie must be at most"):
        browser.refresh()
    size.clear()

    assert browser.refresh().status_code == 200


# Logout


@pytest.mark.parametrize("headers", [SAME, {"Origin": HOST}])
def test_logout_ends_the_session_and_deletes_the_cookies(
    browser: Browser, store: MemoryStore, api: Flask, headers: dict[str, str]
) -> None:
    old = f"{browser.cookies.refresh}={browser.refresh_token}"

    answer = browser("POST", LOGOUT, headers)

    assert (answer.status_code, sorted(deleted(answer))) == (204, sorted(browser.cookies.names))
    assert (sessions(store), browser.refresh_token, browser.access) == (0, None, None)
    assert raw(api, old, REFRESH, "POST").status_code == 400


def test_logout_takes_the_refresh_cookie_alone(api: Flask, browser: Browser, store: MemoryStore) -> None:
    answer = raw(api, f"{browser.cookies.refresh}={browser.refresh_token}", LOGOUT, "POST")

    assert (answer.status_code, sessions(store)) == (204, 0)


@pytest.mark.parametrize("place", ["cookie", "header"])
def test_logout_works_with_a_dead_access_token(api: Flask, browser: Browser, store: MemoryStore, place: str) -> None:
    cookie = f"{browser.cookies.refresh}={browser.refresh_token}"
    headers = {"Authorization": "Bearer a.b.c"} if place == "header" else {}
    if place == "cookie":
        cookie += f"; {cookies_of(api).access}=a.b.c"

    answer = raw(api, cookie, LOGOUT, "POST", **headers)

    assert (answer.status_code, sessions(store)) == (204, 0)
    assert sorted(deleted(answer)) == sorted(browser.cookies.names)


def test_logout_ends_the_sessions_of_both_tokens(api: Flask, browser: Browser, store: MemoryStore) -> None:
    other = Browser(api).sign_in(headers={}).json or {}
    assert sessions(store) == 2

    answer = browser("POST", LOGOUT, {**SAME, **bearer(other["access_token"])})

    assert (answer.status_code, sessions(store)) == (204, 0)


def test_logout_with_a_bad_refresh_cookie_deletes_the_cookies(api: Flask) -> None:
    answer = raw(api, f"{cookies_of(api).refresh}=x", LOGOUT, "POST")

    assert (answer.status_code, sorted(deleted(answer))) == (204, sorted(cookies_of(api).names))


def test_logout_without_any_token_is_refused_and_deletes_what_may_be_left(api: Flask) -> None:
    answer = Browser(api)("POST", LOGOUT)

    assert (answer.status_code, sorted(deleted(answer))) == (401, sorted(cookies_of(api).names))


def test_logout_with_a_repeated_cookie_ends_every_session_that_it_names(
    api: Flask, browser: Browser, store: MemoryStore
) -> None:
    cookie = f"{browser.cookies.refresh}={browser.refresh_token}"

    answer = raw(api, f"{cookie}; {browser.cookies.refresh}=x", LOGOUT, "POST")

    assert (answer.status_code, sessions(store)) == (204, 0)


def test_logout_deletes_the_cookies_in_an_outage_too(
    browser: Browser, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **named: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(store, "end_session", fail)

    answer = browser("POST", LOGOUT)

    assert (answer.status_code, sorted(deleted(answer))) == (503, sorted(browser.cookies.names))


@pytest.mark.parametrize("headers", [CROSS, {}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}])
def test_no_other_page_logs_a_user_out(browser: Browser, store: MemoryStore, headers: dict[str, str]) -> None:
    answer = browser("POST", LOGOUT, headers)

    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (403, [])
    assert (sessions(store), browser.refresh_token is None) == (1, False)


def test_a_program_logs_out_with_its_header_alone(api: Flask, store: MemoryStore) -> None:
    body = Browser(api).sign_in(headers={}).json or {}

    answer = Browser(api)("POST", LOGOUT, bearer(body["access_token"]))

    assert (answer.status_code, answer.headers.getlist("Set-Cookie"), sessions(store)) == (204, [], 0)


def test_a_header_of_another_page_ends_its_own_session_and_not_that_of_the_cookie(
    api: Flask, browser: Browser, store: MemoryStore
) -> None:
    body = Browser(api).sign_in(headers={}).json or {}

    answer = browser("POST", LOGOUT, {**CROSS, **bearer(body["access_token"])})

    assert (answer.status_code, answer.headers.getlist("Set-Cookie"), sessions(store)) == (204, [], 1)
    assert browser.refresh().status_code == 200


def test_a_token_without_a_session_ends_that_of_the_cookie(api: Flask, browser: Browser, store: MemoryStore) -> None:
    with api.app_context():
        headers = bearer(create_token("alice"))

    assert browser("POST", LOGOUT, {**SAME, **headers}).status_code == 204
    assert sessions(store) == 0


def test_logout_sends_one_signal_for_one_session(browser: Browser) -> None:
    ended: list[str] = []

    def note(sender: object, session_id: str, **facts: object) -> None:
        ended.append(session_id)

    with session_ended.connected_to(note):
        browser("POST", LOGOUT)

    assert len(ended) == 1


# Other endpoints


def test_the_list_of_devices_and_the_end_of_one_take_the_cookie(make_app: MakeApp, store: MemoryStore) -> None:
    browser = Browser(make_cookie_app(make_app, store))
    browser.sign_in()
    [device] = (browser("GET", "/auth/sessions").json or {})["sessions"]
    path = f"/auth/sessions/{device['id']}"

    assert browser("DELETE", path, CROSS).status_code == 403
    assert browser("DELETE", path).status_code == 204
    assert sessions(store) == 0


def test_no_script_gets_an_api_key_for_a_cookie(make_app: MakeApp, store: MemoryStore) -> None:
    browser = Browser(make_cookie_app(make_app, store, TOKENAUTH_API_KEYS=True))
    browser.sign_in()
    body = Browser(browser.client.application).sign_in(headers={}).json or {}

    answer = browser("POST", "/auth/api-keys", json={"name": "x"})
    by_header = browser("POST", "/auth/api-keys", bearer(body["access_token"]), json={"name": "x"})

    assert (answer.status_code, "ta_" in answer.text) == (403, False)
    assert "send the access token in the Authorization header" in answer.text
    assert by_header.status_code == 201
    assert browser("GET", "/auth/api-keys").status_code == 200


def test_a_refresh_cookie_is_read_at_no_other_endpoint(api: Flask, browser: Browser, store: MemoryStore) -> None:
    cookie = f"{browser.cookies.refresh}={browser.refresh_token}"

    statuses = [
        raw(api, cookie, path, method).status_code
        for path, method in (
            ("/auth/revoke", "POST"),
            ("/auth/introspect", "POST"),
            ("/auth/sessions", "GET"),
            ("/guarded", "GET"),
        )
    ]

    assert (statuses, sessions(store)) == ([400, 401, 401, 401], 1)
    assert store.list_sessions("alice", cursor=None, limit=9).sessions[0].expires_at.timestamp() > NOW
