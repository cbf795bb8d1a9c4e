"""The same in Firefox: its cookies, and what it sends from pages of other origins."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from .attackers import Attacker
from .firefox import SKIPPED, Firefox, Pages, start_firefox
from .places import HOST, Place
from .test_forged_requests import BOTH
from .test_tossed_cookies import ATTRIBUTES

pytestmark = [SKIPPED, pytest.mark.once, pytest.mark.slow]  # Firefox needs half a minute

LOGIN = """username => fetch('/login', {method: 'POST', body: new URLSearchParams({username})})
    .then(answer => answer.status)"""


@pytest.fixture(scope="module")
def firefox(places: dict[str, Place], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with start_firefox(tmp_path_factory.mktemp("profile")) as firefox:
        yield firefox


@pytest.fixture
def pages(bank: Place, firefox: Firefox) -> Iterator[Pages]:
    """A browser in which no one is signed in."""
    pages = Pages(firefox)
    bank.victim.forget()
    yield pages
    pages.close()


@pytest.fixture
def alice(bank: Place, pages: Pages) -> Pages:
    """A browser in which alice is signed in at the bank."""
    assert pages.run(pages.open(bank.home), LOGIN, "alice") == 200
    bank.victim.forget()
    return pages


WAYS = ["form", "fetch_no_cors", "beacon"]


def sends_cookies(attacker: Attacker) -> bool:
    """Return whether Firefox sends cookies to the application: it does not look at the scheme, as Chromium does."""
    return "app.localhost" in attacker.origin


@pytest.mark.parametrize("way", WAYS)
def test_a_page_of_another_origin_changes_nothing(way: str, attacker: Attacker, bank: Place, alice: Pages) -> None:
    with bank.unchanged():
        alice.run(alice.open(attacker.origin), f"url => {{ attacks.{way}(url) }}", f"{bank.home}/transfer")
        sent = bank.victim.wsgi.wait_for("POST", "/transfer")

    facts = ("same-site", BOTH, 403) if sends_cookies(attacker) else ("cross-site", frozenset(), 401)
    assert (sent.site, sent.cookies, sent.status) == facts
    assert sent.origin == attacker.origin


@pytest.mark.parametrize("way", ["form_in_sandbox", "fetch_in_data_frame"])
def test_a_page_of_no_origin_changes_nothing(way: str, sibling: Attacker, bank: Place, alice: Pages) -> None:
    with bank.unchanged():
        alice.run(alice.open(sibling.origin), f"url => {{ attacks.{way}(url) }}", f"{bank.home}/transfer")
        sent = bank.victim.wsgi.wait_for("POST", "/transfer")

    assert (sent.site, sent.origin, sent.cookies, sent.status) == ("cross-site", "null", frozenset(), 401)


def test_a_form_of_another_origin_logs_in_no_one(sibling: Attacker, bank: Place, alice: Pages) -> None:
    with bank.unchanged():
        script = "url => form(url, {username: 'mallory'})"
        alice.run(alice.open(sibling.origin), script, f"{bank.home}/login")
        sent = bank.victim.wsgi.wait_for("POST", "/login")

    assert (sent.site, sent.status) == ("same-site", 403)
    assert alice.run(alice.open(bank.home), "() => document.title") == "Hello alice"


@pytest.mark.parametrize("way", WAYS)
def test_an_own_page_may_do_it(way: str, bank: Place, alice: Pages) -> None:
    alice.run(alice.open(bank.home), f"url => {{ attacks.{way}(url) }}", f"{bank.home}/transfer")
    sent = bank.victim.wsgi.wait_for("POST", "/transfer")

    assert (sent.site, sent.status, bank.victim.changes) == ("same-origin", 200, {"alice": 1})


def test_a_link_shows_the_page_of_the_user(attacker: Attacker, bank: Place, alice: Pages) -> None:
    alice.run(alice.open(attacker.origin), "url => { gets.link(url) }", f"{bank.home}/account")
    sent = bank.victim.wsgi.wait_for("GET", "/account")

    assert (sent.cookies, sent.status) == (BOTH, 200)


def test_another_origin_opens_no_socket(sibling: Attacker, bank: Place, pages: Pages) -> None:
    url, tab = bank.plain.replace("http", "ws") + "/live", pages.open(bank.plain)
    assert pages.run(tab, LOGIN, "alice") == 200
    bank.victim.forget()
    plain = pages.open(sibling.plain)

    with bank.unchanged():
        refused = pages.run(plain, "url => open_socket(url)", url)
    sent = bank.victim.wsgi.wait_for("GET", "/live")
    own = pages.run(tab, "url => open_socket(url)", url)

    assert (refused, own) == ("closed", "done for alice")
    assert (sent.origin, sent.cookies, sent.status) == (sibling.plain, BOTH, 403)


@pytest.mark.parametrize("host", ["localhost", HOST])
def test_the_cookies_are_kept_on_this_machine_without_tls(host: str, bank: Place, pages: Pages) -> None:
    tab = pages.open(bank.plain.replace(HOST, host))

    assert pages.run(tab, LOGIN, "alice") == 200

    assert pages.cookies().keys() == set(bank.victim.names.values())
    assert pages.run(tab, "() => document.cookie + ''") == ""
    assert pages.run(tab, "() => fetch('/account').then(answer => answer.status)") == 200


@pytest.mark.parametrize(("size", "is_kept"), [(4095, True), (4096, True), (4097, False)])
def test_a_cookie_has_4096_bytes_of_name_and_value(size: int, bank: Place, pages: Pages, *, is_kept: bool) -> None:
    value = "v" * (size - len("__Host-x"))
    bank.victim.extra_cookies.append(f"__Host-x={value}; Secure; HttpOnly; Path=/; SameSite=Lax; Max-Age=900")

    pages.open(bank.home)

    assert pages.cookies() == ({"__Host-x": value} if is_kept else {})


def test_tossed_cookies_do_not_count(sibling: Attacker, bank: Place, alice: Pages, firefox: Firefox) -> None:
    mallory = Pages(firefox)
    mallory.run(mallory.open(bank.home), LOGIN, "mallory")
    tokens = mallory.cookies()
    mallory.close()
    before = alice.cookies()
    prefixes = ["__Host-", "=__Host-", "__HOST-", "__Secure-", "", "\xa0__Host-", "\x85__Host-", "\u2003__Host-"]
    lines = [
        f"{prefix}{name.removeprefix('__Host-')}={token}{ATTRIBUTES}"
        for name, token in tokens.items()
        for prefix in prefixes
    ]

    tab = alice.open(sibling.origin)
    for line in lines:
        alice.run(tab, "line => { document.cookie = line }", line)
    alice.open(f"{sibling.origin}/?" + "&".join(f"cookie={quote(line)}" for line in lines))
    alice.open(
        f"{sibling.origin}/?" + "&".join(f"latin_cookie={quote(line)}" for line in lines if "\u2003" not in line)
    )

    bank.victim.forget()
    tab = alice.open(bank.home)
    raw = bank.victim.wsgi.sent[0].raw
    assert "__Secure-" in raw
    assert {name: value for name, value in alice.cookies().items() if name in before} == before
    assert [raw.count(f"; {name}=") + raw.startswith(f"{name}=") for name in before] == [1, 1]
    assert alice.run(tab, "() => document.title") == "Hello alice"
    assert alice.run(tab, "() => fetch('/transfer', {method: 'POST'}).then(answer => answer.status)") == 200
    assert bank.victim.changes == {"alice": 1}
