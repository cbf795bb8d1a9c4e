"""A sibling sets cookies for the whole domain: none of them counts as a cookie of the application.

Each has a good token of the attacker, so a cookie that counted would log the user in to the account of the attacker.
"""

from typing import Any
from urllib.parse import quote

import pytest

from ..kit import SKIPPED
from .attackers import Attacker
from .places import Place, Window

pytestmark = SKIPPED

ATTRIBUTES = "; Domain=app.localhost; Path=/; Secure"
# How a name is changed, and prefixes in place of __Host-.
REFUSED_BY_CHROMIUM = {
    "exact": "{}",
    "upper case": "__HOST-{:.7}",
    "lower case": "__host-{:.7}",
    "space": " {}",
    "tab": "\t{}",
    "unit separator": "\x1f{}",
    "form feed": "\x0c{}",
    "blank after it": "{} ",
    "nameless": "={}",
    "nameless, with a space": "= {}",
    "nameless, twice": "=={}",
}
KEPT_BY_CHROMIUM = ["", "__Secure-", "\xa0__Host-", "\x85__Host-", "\u2003__Host-", "\ufeff__Host-", '"__Host-']


@pytest.fixture(scope="module")
def tokens(bank: Place, chromium: Any) -> dict[str, str]:
    """The cookies of the attacker, by the names of those of the application."""
    context = chromium.new_context()
    Window(context).sign_in(bank, "mallory")
    cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    context.close()
    return cookies


def toss(browser: Window, origin: str, cookies: list[str], *, by_script: bool) -> None:
    """Let a page of an origin set cookies, in a header or in a script."""
    page = browser.open(origin if by_script else f"{origin}/?" + "&".join(f"cookie={quote(line)}" for line in cookies))
    if by_script:
        page.evaluate("cookies => { for (const cookie of cookies) document.cookie = cookie }", cookies)
    page.close()


def come(bank: Place, browser: Window) -> list[str]:
    """Open the page of the application, and return the users that three requests see: two GETs and a POST."""
    page = browser.open(bank.home)
    shown = page.title().removeprefix("Hello ")
    account = page.evaluate("fetch('/account').then(answer => answer.status)")
    page.evaluate("fetch('/guestbook', {method: 'POST'})")
    [changed] = bank.victim.changes
    return [shown, str(account), changed]


ALICE, NOBODY = ["alice", "200", "alice"], ["None", "401", "nobody"]

by_header_or_script = pytest.mark.parametrize("by_script", [False, True], ids=["header", "script"])


def look_like(tokens: dict[str, str]) -> list[str]:
    """Return cookies that Chromium keeps, with the tokens under similar names: some come before those of the user."""
    return [
        f"{prefix}{name.removeprefix('__Host-')}={token}"
        for name, token in tokens.items()
        for prefix in KEPT_BY_CHROMIUM
    ]


@by_header_or_script
def test_chromium_keeps_no_cookie_of_a_sibling_that_comes_under_our_name(
    sibling: Attacker, bank: Place, alice: Window, tokens: dict[str, str], *, by_script: bool
) -> None:
    before = alice.cookies()
    lines = [
        f"{how.format(name) if ':' not in how else how.partition('{')[0] + name[7:]}={token}{ATTRIBUTES}"
        for name, token in tokens.items()
        for how in REFUSED_BY_CHROMIUM.values()
    ]

    toss(alice, sibling.origin, lines, by_script=by_script)

    assert alice.cookies() == before
    assert come(bank, alice) == ALICE


@by_header_or_script
def test_cookies_under_similar_names_log_no_one_in(
    sibling: Attacker, bank: Place, browser: Window, tokens: dict[str, str], *, by_script: bool
) -> None:
    lines = look_like(tokens)

    toss(browser, sibling.origin, [f"{line}{ATTRIBUTES}" for line in lines], by_script=by_script)
    seen = come(bank, browser)

    raw = bank.victim.wsgi.sent[0].raw.encode("latin-1").decode()
    assert [line for line in lines if line not in raw] == []
    assert seen == NOBODY


@by_header_or_script
def test_beside_them_the_cookie_of_the_user_counts(
    sibling: Attacker, bank: Place, alice: Window, tokens: dict[str, str], *, by_script: bool
) -> None:
    lines = look_like(tokens)

    toss(alice, sibling.origin, [f"{line}{ATTRIBUTES}" for line in lines], by_script=by_script)
    seen = come(bank, alice)

    raw = bank.victim.wsgi.sent[0].raw.encode("latin-1").decode()
    assert [line for line in lines if line not in raw] == []
    assert seen == ALICE


@pytest.mark.parametrize("blank", ["\xa0", "\x85"])
def test_a_byte_that_python_takes_for_a_blank_makes_no_difference(
    blank: str, sibling: Attacker, bank: Place, browser: Window, tokens: dict[str, str]
) -> None:
    """Chromium keeps the byte, and ``str.strip()`` would make the exact name of it."""
    [name] = [name for name in tokens if name.endswith("access")]
    line = f"{blank}{name}={tokens[name]}"

    browser.open(f"{sibling.origin}/?latin_cookie={quote(line + ATTRIBUTES)}")

    assert come(bank, browser) == NOBODY
    assert bank.victim.wsgi.sent[0].raw == line


def test_a_cookie_that_comes_first_does_not_count(
    sibling: Attacker, bank: Place, alice: Window, tokens: dict[str, str]
) -> None:
    """RFC 6265bis section 5.8.3: cookies with longer paths come first."""
    [access] = [name for name in tokens if name.endswith("access")]
    similar = access.replace("__Host-", "\xa0__Host-")
    line = f"{similar}={tokens[access]}; Domain=app.localhost; Path=/account; Secure"

    toss(alice, sibling.origin, [line], by_script=False)
    page = alice.open(f"{bank.home}/account")

    raw = bank.victim.wsgi.sent[0].raw.encode("latin-1").decode()
    assert raw.startswith(similar)
    assert page.title() == "Account of alice"


def test_a_similar_refresh_cookie_refreshes_nothing(
    sibling: Attacker, bank: Place, browser: Window, tokens: dict[str, str]
) -> None:
    lines = [f"\xa0{name}={token}{ATTRIBUTES}" for name, token in tokens.items()]
    toss(browser, sibling.origin, lines, by_script=False)

    with bank.unchanged():
        page = browser.open(bank.home)
        statuses = [
            page.evaluate("path => fetch(path, {method: 'POST'}).then(answer => answer.status)", path)
            for path in ("/auth/refresh", "/auth/logout")
        ]

    assert statuses == [400, 401]
