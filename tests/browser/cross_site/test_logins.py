"""A page of another origin cannot log a user in to the account of the attacker."""

import pytest

from ..kit import SKIPPED
from .attackers import Attacker
from .places import Place, Window

pytestmark = SKIPPED

MALLORY = {"username": "mallory"}


@pytest.mark.parametrize("user", ["alice", "None"])
@pytest.mark.parametrize("mode", ["all", "refresh"])
def test_a_form_of_another_origin_logs_in_no_one(
    mode: str, user: str, stranger: Attacker, places: dict[str, Place], browser: Window
) -> None:
    place = places[mode]
    if user == "alice":
        browser.sign_in(place)
    before = browser.cookies()

    with place.unchanged():
        browser.run_and_stay(stranger.origin, "form", f"{place.home}/login", MALLORY)
        sent = place.victim.wsgi.wait_for("POST", "/login")

    assert (sent.site, sent.status) == (stranger.site, 403)
    assert browser.cookies() == before
    assert mode == "refresh" or browser.user(place) == user


@pytest.mark.parametrize("headers", ["[]", '[["Referrer-Policy","no-referrer"]]'])
def test_nor_does_a_form_in_a_sandbox(headers: str, stranger: Attacker, bank: Place, browser: Window) -> None:
    fields = "<input name=username value=mallory>"
    inner = f"<form method=post action='{bank.home}/login'>{fields}</form><script>document.forms[0].submit()</script>"

    with bank.unchanged():
        attributes = {"sandbox": "allow-forms allow-scripts allow-top-navigation", "srcdoc": inner}
        page = browser.open(f"{stranger.origin}/?headers={headers}")
        page.evaluate("attributes => { frame(attributes) }", attributes)
        sent = bank.victim.wsgi.wait_for("POST", "/login")

    assert (sent.site, sent.origin, sent.status) == ("cross-site", "null", 403)
    assert browser.cookies() == {}


def test_an_own_form_logs_in(bank: Place, browser: Window) -> None:
    browser.run(bank.home, "form", f"{bank.home}/login", {"username": "alice"})

    assert bank.victim.wsgi.wait_for("POST", "/login").status == 200
    assert browser.user(bank) == "alice"
