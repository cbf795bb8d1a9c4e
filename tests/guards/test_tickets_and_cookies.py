"""A good cookie hides the ticket: the user is logged in. A bad one does not, since browsers send it by themselves."""

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, login_optional, login_required
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp, Mint, StandingClock
from ..cookies_kit import CROSS, HOST, SAME, Browser, cookies_of, deleted, make_cookie_app, raw
from .ticket_kit import ACCEPT, ALICE, make_ticket, show_caller, with_ticket

AFTER_THE_TOKEN = 1000  # seconds


@pytest.fixture
def api(make_app: MakeApp, store: MemoryStore) -> Flask:
    app = make_cookie_app(make_app, store)
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))
    app.add_url_rule("/maybe", "maybe", login_optional(accept=ACCEPT)(show_caller()))
    return app


def test_a_good_cookie_hides_the_ticket(api: Flask, mint: Mint) -> None:
    browser, other, ticket = Browser(api), Browser(api), make_ticket(mint)
    browser.sign_in("bob")

    with_cookie = browser("GET", with_ticket(ticket))

    assert with_cookie.json == {**ALICE, "user_id": "bob", "kind": "jwt"}
    assert with_cookie.headers["Referrer-Policy"] == "no-referrer"  # the ticket in the URL stays good
    assert other("GET", with_ticket(ticket)).json == ALICE


@pytest.mark.parametrize("path", ["/x", "/maybe"])
def test_a_cookie_that_has_expired_counts_as_none(api: Flask, mint: Mint, clock: StandingClock, path: str) -> None:
    browser = Browser(api)
    browser.sign_in("bob")
    name = str(browser.cookies.access)
    value = browser.access
    clock.now += AFTER_THE_TOKEN
    ticket = make_ticket(mint, path, exp=clock.now + 30, iat=clock.now)

    answer = raw(api, f"{name}={value}", with_ticket(ticket, path))

    assert answer.json == ALICE
    assert deleted(answer) == [name]
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/x", "/maybe"])
def test_a_bad_ticket_is_refused_beside_a_bad_cookie(api: Flask, mint: Mint, reasons: list[str], path: str) -> None:
    cookie = f"{cookies_of(api).access}=bad"

    answer = raw(api, cookie, with_ticket(make_ticket(mint, "/other"), path))

    assert answer.status_code == 401
    assert reasons == ["ticket_wrong_path"]


def test_a_bad_cookie_without_a_ticket_is_refused_as_before(api: Flask, reasons: list[str]) -> None:
    cookie = f"{cookies_of(api).access}=bad"

    assert raw(api, cookie, "/x").status_code == 401
    assert raw(api, cookie, "/maybe").status_code == 200
    assert reasons == ["token_malformed"]


def test_a_ticket_opens_a_page_from_another_site(api: Flask, mint: Mint) -> None:
    answer = api.test_client().get(with_ticket(make_ticket(mint)), headers=CROSS, base_url=HOST)

    assert answer.json == ALICE


def test_a_user_with_a_cookie_makes_a_ticket(make_app: MakeApp, store: MemoryStore) -> None:
    auth: TokenAuth[str] = TokenAuth()
    api = make_cookie_app(make_app, store, auth=auth)
    api.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))
    api.add_url_rule("/tickets", "tickets", login_required(lambda: auth.create_ticket("/x")), methods=["POST"])
    browser = Browser(api)
    browser.sign_in()

    ticket = browser("POST", "/tickets", SAME).text

    assert api.test_client().get(with_ticket(ticket), base_url=HOST).status_code == 200
