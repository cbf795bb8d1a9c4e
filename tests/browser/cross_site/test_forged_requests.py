"""A page of another origin sends requests in every way there is: none changes anything."""

import pytest

from ..kit import SKIPPED
from .attackers import Attacker
from .places import Place, Window
from .victim import Sent

pytestmark = SKIPPED

WITHOUT_LEAVING = [  # the page
    "form_in_new_window",
    "form_in_named_window",
    "form_in_frame",
    "form_in_blank_frame",
    "form_in_blank_window",
    "form_in_written_frame",
    "form_in_blob_frame",
    "fetch_no_cors",
    "fetch_cors",
    "fetch_without_referrer",
    "fetch_keepalive",
    "xml_http_request",
    "worker",
    "beacon",
    "ping",
]
FROM_OPAQUE_ORIGIN = ["form_in_sandbox", "form_in_data_frame", "fetch_in_sandbox", "fetch_in_data_frame"]
PREFLIGHTED = ["put", "with_header", "with_json", "with_token"]
BOTH = frozenset({"access", "refresh"})


def expected(attacker: Attacker) -> tuple[str, frozenset[str], int]:
    """Return what a forged request has: ``Sec-Fetch-Site``, the cookies, and the status of the answer."""
    return (attacker.site, BOTH, 403) if attacker.is_of_same_site else (attacker.site, frozenset(), 401)


def attacks(ways: list[str]) -> dict[str, str]:
    return {way: f"attacks.{way}" for way in ways}


def facts(sent: dict[str, Sent]) -> dict[str, tuple[str | None, frozenset[str], int]]:
    return {way: (one.site, one.cookies, one.status) for way, one in sent.items()}


def test_a_form_of_another_origin_changes_nothing(attacker: Attacker, bank: Place, alice: Window) -> None:
    with bank.unchanged():
        alice.run(attacker.origin, "attacks.form", f"{bank.home}/transfer")
        sent = bank.victim.wsgi.wait_for("POST", "/transfer")

    assert (sent.site, sent.cookies, sent.status) == expected(attacker)
    assert sent.origin == attacker.origin


def test_a_page_of_another_origin_changes_nothing_in_any_way(attacker: Attacker, bank: Place, alice: Window) -> None:
    with bank.unchanged():
        alice.run_all(attacker.origin, attacks(WITHOUT_LEAVING), f"{bank.home}/transfer")
        sent = bank.victim.wsgi.wait_for_all("POST", "/transfer", WITHOUT_LEAVING)

    assert facts(sent) == dict.fromkeys(WITHOUT_LEAVING, expected(attacker))
    assert {one.origin for one in sent.values()} == {attacker.origin}


def test_a_page_of_no_origin_changes_nothing(attacker: Attacker, bank: Place, alice: Window) -> None:
    with bank.unchanged():
        alice.run_all(attacker.origin, attacks(FROM_OPAQUE_ORIGIN), f"{bank.home}/transfer")
        sent = bank.victim.wsgi.wait_for_all("POST", "/transfer", FROM_OPAQUE_ORIGIN)

    assert facts(sent) == dict.fromkeys(FROM_OPAQUE_ORIGIN, ("cross-site", frozenset(), 401))
    assert {one.origin for one in sent.values()} == {"null"}


def test_a_frame_of_no_origin_on_an_own_page_changes_nothing(bank: Place, alice: Window) -> None:
    with bank.unchanged():
        alice.run_all(bank.home, attacks(FROM_OPAQUE_ORIGIN), f"{bank.home}/transfer")
        sent = bank.victim.wsgi.wait_for_all("POST", "/transfer", FROM_OPAQUE_ORIGIN)

    assert facts(sent) == dict.fromkeys(FROM_OPAQUE_ORIGIN, ("cross-site", frozenset(), 401))


def test_a_page_that_hides_its_origin_changes_nothing(stranger: Attacker, bank: Place, alice: Window) -> None:
    silent = f'{stranger.origin}/?headers=[["Referrer-Policy","no-referrer"]]'

    with bank.unchanged():
        alice.run(silent, "attacks.form", f"{bank.home}/transfer")
        sent = bank.victim.wsgi.wait_for("POST", "/transfer")

    assert (sent.site, sent.cookies, sent.status) == expected(stranger)
    assert sent.origin == "null"


def test_a_preflight_is_not_answered(attacker: Attacker, bank: Place, alice: Window) -> None:
    ways = {way: f"preflighted.{way}" for way in PREFLIGHTED}

    with bank.unchanged():
        came = alice.run_all(attacker.origin, ways, f"{bank.home}/transfer")

    assert came == dict.fromkeys(ways, "refused")
    assert {(sent.method, sent.path, sent.cookies) for sent in bank.victim.wsgi.sent} == {
        ("OPTIONS", "/transfer", frozenset())
    }
    assert [sent.way for sent in bank.victim.wsgi.sent] == PREFLIGHTED


def test_a_reload_repeats_where_the_request_came_from(attacker: Attacker, bank: Place, alice: Window) -> None:
    page = alice.open(attacker.origin)

    with bank.unchanged():
        with page.expect_navigation():
            page.evaluate("url => attacks.form(url)", f"{bank.home}/transfer")
        page.reload()
        sent = bank.victim.wsgi.wait_for("POST", "/transfer", count=2)

    assert (sent.site, sent.cookies, sent.status) == expected(attacker)


def test_a_redirect_of_the_attacker_hides_nothing(stranger: Attacker, bank: Place, alice: Window) -> None:
    with bank.unchanged():
        alice.run(stranger.origin, "attacks.form", f"{stranger.origin}/bounce?to={bank.home}/transfer")
        sent = bank.victim.wsgi.wait_for("POST", "/transfer")

    assert (sent.site, sent.cookies, sent.status) == expected(stranger)


def test_a_redirect_of_the_application_hides_nothing(stranger: Attacker, bank: Place, alice: Window) -> None:
    with bank.unchanged():
        alice.run(stranger.origin, "attacks.form", f"{bank.home}/go?to=/transfer")
        sent = bank.victim.wsgi.wait_for("POST", "/transfer")

    assert (sent.site, sent.cookies, sent.status) == expected(stranger)


def test_an_own_form_that_goes_through_the_attacker_changes_nothing(
    stranger: Attacker, bank: Place, alice: Window
) -> None:
    with bank.unchanged():
        alice.run(bank.home, "attacks.form", f"{stranger.origin}/bounce?to={bank.home}/transfer")
        sent = bank.victim.wsgi.wait_for("POST", "/transfer")

    assert (sent.site, sent.cookies, sent.status) == (stranger.site, BOTH, 403)  # Chromium asks where it began


@pytest.mark.parametrize("path", ["/vote", "/guestbook"])
def test_without_a_cookie_that_counts_views_see_an_anonymous_request(
    path: str, stranger: Attacker, bank: Place, alice: Window
) -> None:
    with bank.unchanged():
        alice.run(stranger.origin, "attacks.form", f"{bank.home}{path}")
        sent = bank.victim.wsgi.wait_for("POST", path)

    is_refused = path == "/vote" and stranger.is_of_same_site
    assert sent.cookies == expected(stranger)[1]
    assert (sent.status, bank.victim.changes["nobody"]) == ((403, 0) if is_refused else (200, 1))


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/refresh"])
@pytest.mark.parametrize("mode", ["all", "refresh"])
def test_a_page_of_another_origin_neither_refreshes_nor_logs_out(
    mode: str, path: str, stranger: Attacker, places: dict[str, Place], browser: Window
) -> None:
    place = places[mode]
    browser.sign_in(place)
    before = browser.cookies()

    with place.unchanged():
        browser.run_and_stay(stranger.origin, "form", f"{place.home}{path}")
        sent = place.victim.wsgi.wait_for("POST", path)

    is_refused = stranger.is_of_same_site
    assert ("refresh" in sent.cookies, sent.status == 403) == (is_refused, is_refused)
    assert sent.status in {400, 401, 403}
    assert browser.cookies() == before
