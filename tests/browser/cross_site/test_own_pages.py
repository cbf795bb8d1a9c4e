"""Own pages do what they like, and links from elsewhere show pages of the user, unless the cookies are strict."""

import pytest

from ..kit import SKIPPED
from .attackers import Attacker
from .places import Place, Window
from .test_forged_requests import BOTH, WITHOUT_LEAVING, attacks, facts

pytestmark = SKIPPED

IN_NEW_WINDOW = ["link_in_new_window", "window"]
EMBEDDED = ["image", "script", "style", "frame", "fetch", "fetch_no_cors"]


def test_an_own_form_does_it(bank: Place, alice: Window) -> None:
    alice.run(bank.home, "attacks.form", f"{bank.home}/transfer")
    sent = bank.victim.wsgi.wait_for("POST", "/transfer")

    assert (sent.site, sent.cookies, sent.status) == ("same-origin", BOTH, 200)
    assert bank.victim.changes == {"alice": 1}


def test_an_own_page_may_do_it_in_every_way(bank: Place, alice: Window) -> None:
    alice.run_all(bank.home, attacks(WITHOUT_LEAVING), f"{bank.home}/transfer")
    sent = bank.victim.wsgi.wait_for_all("POST", "/transfer", WITHOUT_LEAVING)

    assert facts(sent) == dict.fromkeys(WITHOUT_LEAVING, ("same-origin", BOTH, 200))
    assert bank.victim.changes == {"alice": len(WITHOUT_LEAVING)}


def test_an_own_page_may_send_what_it_likes(bank: Place, alice: Window) -> None:
    ways = {way: f"preflighted.{way}" for way in ("put", "with_header", "with_json")}

    assert alice.run_all(bank.home, ways, f"{bank.home}/transfer") == dict.fromkeys(ways, "answered")

    assert bank.victim.changes == {"alice": 3}


def test_a_token_in_a_header_hides_the_cookie(bank: Place, alice: Window) -> None:
    with bank.unchanged():
        alice.run(bank.home, "preflighted.with_token", f"{bank.home}/transfer")

    sent = bank.victim.wsgi.wait_for("POST", "/transfer")
    assert (sent.site, sent.cookies, sent.status) == ("same-origin", BOTH, 401)


@pytest.mark.parametrize("path", ["/vote", "/guestbook"])
def test_other_views_see_the_user_of_an_own_page(path: str, bank: Place, alice: Window) -> None:
    alice.run(bank.home, "attacks.form", f"{bank.home}{path}")
    bank.victim.wsgi.wait_for("POST", path)

    assert bank.victim.changes == {"alice": 1}


def test_a_reload_of_an_own_form_does_it_again(bank: Place, alice: Window) -> None:
    page = alice.open(bank.home)
    with page.expect_navigation():
        page.evaluate("url => attacks.form(url)", f"{bank.home}/transfer")

    page.reload()

    sent = bank.victim.wsgi.wait_for("POST", "/transfer", count=2)
    assert (sent.site, bank.victim.changes) == ("same-origin", {"alice": 2})


def test_an_own_form_may_be_redirected(bank: Place, alice: Window) -> None:
    alice.run(bank.home, "attacks.form", f"{bank.home}/go?to=/transfer")

    assert bank.victim.wsgi.wait_for("POST", "/transfer").status == 200
    assert bank.victim.changes == {"alice": 1}


@pytest.mark.parametrize("mode", ["all", "refresh", "strict"])
def test_an_own_page_refreshes_and_logs_out(mode: str, places: dict[str, Place], browser: Window) -> None:
    place = places[mode]
    browser.sign_in(place, "carol")
    [session] = place.victim.sessions("carol")
    page, post = browser.open(place.home), "path => fetch(path, {method: 'POST'}).then(answer => answer.status)"
    before = browser.cookies()

    refreshed = page.evaluate(post, "/auth/refresh")
    [after] = place.victim.sessions("carol")
    between = browser.cookies()
    left = page.evaluate(post, "/auth/logout")

    assert (refreshed, left) == (200, 204)
    assert after.generation == session.generation + 1
    assert before.keys() == between.keys() == set(place.victim.names.values())
    assert all(before[name] != between[name] for name in before)
    assert (place.victim.sessions("carol"), browser.cookies()) == ((), {})


@pytest.mark.parametrize("way", ["link", "location"])
def test_a_link_shows_the_page_of_the_user(way: str, attacker: Attacker, bank: Place, alice: Window) -> None:
    alice.run(attacker.origin, f"gets.{way}", f"{bank.home}/account")
    sent = bank.victim.wsgi.wait_for("GET", "/account")

    assert (sent.site, sent.cookies, sent.status) == (attacker.site, BOTH, 200)


def test_a_link_in_a_new_window_shows_the_page_of_the_user(attacker: Attacker, bank: Place, alice: Window) -> None:
    alice.run_all(attacker.origin, {way: f"gets.{way}" for way in IN_NEW_WINDOW}, f"{bank.home}/account")
    sent = bank.victim.wsgi.wait_for_all("GET", "/account", IN_NEW_WINDOW)

    assert facts(sent) == dict.fromkeys(IN_NEW_WINDOW, (attacker.site, BOTH, 200))


def test_a_typed_address_shows_the_page_of_the_user(bank: Place, alice: Window) -> None:
    page = alice.open(f"{bank.home}/account")

    assert (page.title(), bank.victim.wsgi.sent[-1].site) == ("Account of alice", "none")


def test_another_origin_cannot_read_what_it_embeds(attacker: Attacker, bank: Place, alice: Window) -> None:
    with bank.unchanged():
        came = alice.run_all(attacker.origin, {way: f"gets.{way}" for way in EMBEDDED}, f"{bank.home}/account")
        sent = bank.victim.wsgi.wait_for_all("GET", "/account", EMBEDDED)

    shown = (BOTH, 200) if attacker.is_of_same_site else (frozenset(), 401)
    assert facts(sent) == dict.fromkeys(EMBEDDED, (attacker.site, *shown))
    assert came == dict.fromkeys(EMBEDDED) | {"fetch": "refused", "fetch_no_cors": "answered"}
    # Until the page is there, the frame has an empty document, which its embedder may read.
    alice.context.pages[-1].wait_for_function("document.querySelector('iframe').contentDocument === null")


def test_with_strict_a_link_of_another_site_shows_no_user_until_the_next_click(
    stranger: Attacker, places: dict[str, Place], browser: Window
) -> None:
    fort = places["strict"]
    browser.sign_in(fort)
    page = browser.open(stranger.origin)

    with page.expect_navigation():
        page.evaluate("url => gets.location(url)", fort.home)
    seen = page.title()
    with page.expect_navigation():
        page.click("text=account")

    assert seen == ("Hello alice" if stranger.is_of_same_site else "Hello None")
    assert page.title() == "Account of alice"
