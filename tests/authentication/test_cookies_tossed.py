"""Cookies that another server of the same domain has set, in every form in which browsers send them.

Each has a good token of the attacker. If it counted, the user would be in the account of the attacker without knowing.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth, login_optional, login_required, token_response
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.authentication.cookies import TokenCookies, find_values
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp

HOST = "https://api.example"
SAME = {"Sec-Fetch-Site": "same-origin"}
BLANKS = ["\t", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0"]
WIDE_BLANKS = ["\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u202f", "\u3000", "\ufeff", "\u200b"]
LOOKALIKES = (
    {f"blank {ord(blank):#x}": f"{blank}{{}}" for blank in BLANKS}
    | {f"blank {ord(blank):#x} in UTF-8": blank.encode().decode("latin-1") + "{}" for blank in WIDE_BLANKS}
    | {f"blank {ord(blank):#x} after it": f"{{}}{blank}" for blank in [*BLANKS, " "]}
    | {"quote": '"{}', "quotes": '"{}"', "comma": "x=1,{}", "equals sign": "={}", "spaces": " = {}", "value": "x={}"}
)

Cookies = dict[str, str]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    auth: TokenAuth[Any] = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE=MemoryStore(), TOKENAUTH_COOKIES="all")
    app.register_blueprint(auth.endpoints)

    for path, guard in (("open", None), ("optional", login_optional), ("guarded", login_required)):
        view = write_view()
        app.add_url_rule(f"/{path}", path, guard(view) if guard else view, methods=["GET", "POST"])
    return app


def write_view() -> Callable[[], str]:
    """Return a view that returns the user. It is a new one each time, since guards mark their view."""
    return lambda: f"of {g.user_id}"


@pytest.fixture
def names(app: Flask) -> TokenCookies:
    cookies = state_of(app).cookies
    assert cookies is not None
    return cookies


def sign_in(app: Flask, user: str) -> Cookies:
    """Return the cookies of a user who signs in, by their names."""
    with app.test_request_context(base_url=HOST, method="POST", headers=SAME):
        lines = token_response(user).headers.getlist("Set-Cookie")
    return dict(line.partition(";")[0].split("=", 1) for line in lines)


@pytest.fixture
def alice(app: Flask) -> Cookies:
    return sign_in(app, "alice")


@pytest.fixture
def mallory(app: Flask) -> Cookies:
    return sign_in(app, "mallory")


def send(app: Flask, cookie: str, path: str, method: str = "GET") -> TestResponse:
    """Send a ``Cookie`` header from a page of the application."""
    client = app.test_client(use_cookies=False)
    return client.open(path, method=method, base_url=HOST, headers={**SAME, "Cookie": cookie})


def write(cookies: Cookies, how: str = "{}") -> str:
    """Return cookies as a header, with their names changed."""
    return "; ".join(f"{how.format(name)}={value}" for name, value in cookies.items())


def without_prefix(cookies: Cookies, prefix: str) -> Cookies:
    return {prefix + name.removeprefix("__Host-"): value for name, value in cookies.items()}


similar = pytest.mark.parametrize("how", LOOKALIKES.values(), ids=LOOKALIKES)
all_methods = pytest.mark.parametrize("method", ["GET", "POST"])


@pytest.mark.slow
@similar
@all_methods
def test_a_cookie_with_a_similar_name_logs_no_one_in(app: Flask, mallory: Cookies, how: str, method: str) -> None:
    header = write(mallory, how)

    assert send(app, header, "/open", method).text == "of None"
    assert send(app, header, "/optional", method).text == "of None"
    assert send(app, header, "/guarded", method).status_code == 401


@pytest.mark.slow
@similar
@pytest.mark.parametrize("order", ["first", "last"])
def test_beside_it_the_cookie_of_the_user_counts(
    app: Flask, alice: Cookies, mallory: Cookies, how: str, order: str
) -> None:
    pair = [write(mallory, how), write(alice)]
    answer = send(app, "; ".join(pair if order == "first" else pair[::-1]), "/guarded", "POST")

    assert (answer.text, answer.headers.getlist("Set-Cookie")) == ("of alice", [])


@pytest.mark.parametrize("prefix", ["", "__Secure-", "__HOST-", "__host-", "__Host", "__Host--", "__Http-"])
def test_a_name_with_another_prefix_does_not_count(app: Flask, alice: Cookies, mallory: Cookies, prefix: str) -> None:
    tossed = write(without_prefix(mallory, prefix))

    assert send(app, tossed, "/open").text == "of None"
    assert send(app, tossed, "/guarded").status_code == 401
    assert send(app, f"{tossed}; {write(alice)}", "/guarded").text == "of alice"


@pytest.mark.parametrize("how", ["{}2", "{}-", "{:.30}"])
def test_a_longer_or_shorter_name_does_not_count(app: Flask, mallory: Cookies, how: str) -> None:
    assert send(app, write(mallory, how), "/guarded").status_code == 401


@pytest.mark.slow
@similar
@pytest.mark.parametrize(("path", "status"), [("/auth/refresh", 400), ("/auth/logout", 401)])
def test_endpoints_do_not_read_it_either(app: Flask, mallory: Cookies, how: str, path: str, status: int) -> None:
    before = state_of(app).store.list_sessions("mallory", cursor=None, limit=9)

    assert send(app, write(mallory, how), path, "POST").status_code == status
    assert state_of(app).store.list_sessions("mallory", cursor=None, limit=9) == before


@all_methods
@pytest.mark.parametrize("order", ["first", "last"])
def test_a_cookie_under_the_exact_name_beside_that_of_the_user_logs_no_one_in(
    app: Flask, names: TokenCookies, alice: Cookies, mallory: Cookies, *, order: str, method: str
) -> None:
    """No browser takes it from another host. Then neither counts, and the answer deletes the user's own."""
    pair = [write(mallory), write(alice)]
    header = "; ".join(pair if order == "first" else pair[::-1])

    answer = send(app, header, "/guarded", method)

    assert (answer.status_code, send(app, header, "/open", method).text) == (401, "of None")
    assert [line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie")] == [names.access]


def test_many_tossed_cookies_leave_that_of_the_user_in_force(app: Flask, alice: Cookies, mallory: Cookies) -> None:
    tossed = "; ".join(write(without_prefix(mallory, f"__Secure-{number}-")) for number in range(500))

    assert send(app, f"{tossed}; {write(alice)}; {tossed}", "/guarded").text == "of alice"


NAME = "__Host-x-access"
_ANY = st.characters(max_codepoint=255, exclude_characters=";=\r\n")
_SHORT = st.text(_ANY, max_size=2)
_NAMES = st.one_of(_SHORT, st.just(NAME), st.just(f" {NAME}"), st.tuples(_SHORT, st.just(NAME), _SHORT).map("".join))
_VALUES = st.one_of(_SHORT, st.just("="), st.tuples(_SHORT, st.just(f"{NAME}="), _SHORT).map("".join))
_PAIRS = st.lists(st.tuples(st.sampled_from(["; ", ";", ";  "]), _NAMES, _VALUES), max_size=4)


@pytest.mark.slow
@given(_PAIRS)
def test_a_value_is_found_if_and_only_if_the_name_is_exact(pairs: list[tuple[str, str, str]]) -> None:
    """Spaces before a name belong to the header, and no browser keeps them in a name (RFC 6265bis section 5.6)."""
    header = "".join(f"{separator}{name}={value}" for separator, name, value in pairs)

    for written in (header, header[1:].lstrip(" ")):
        found = find_values(written, f"{NAME}=")
        assert found == [value for _, name, value in pairs if name.lstrip(" ") == NAME]
