"""Facts about cookies in Chromium, as far as the code and the documentation count on it."""

from collections.abc import Iterator
from typing import Any

import pytest

from ..https_kit import Certificate, start_chromium
from ..kit import SKIPPED
from .places import Place, Window

pytestmark = SKIPPED

NAME = "__Host-x"


@pytest.fixture(scope="module")
def chromium(playwright: Any, certificate: Certificate) -> Iterator[Any]:
    """A browser that finds bank.example on this machine."""
    with start_chromium(playwright, certificate, "--host-resolver-rules=MAP bank.example 127.0.0.1") as browser:
        yield browser


@pytest.fixture
def plain_elsewhere(browser: Window) -> Any:
    """A browser context for pages at http://bank.example."""
    return browser.context


@pytest.mark.parametrize("host", ["localhost", "a.app.localhost", "127.0.0.1"])
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_the_cookies_are_kept_on_this_machine_with_and_without_tls(
    scheme: str, host: str, bank: Place, browser: Window
) -> None:
    origin = (bank.home if scheme == "https" else bank.plain).replace("a.app.localhost", host)

    browser.sign_in(bank, at=origin)

    kept = {cookie.pop("name"): cookie for cookie in browser.context.cookies()}
    assert kept.keys() == set(bank.victim.names.values())
    for cookie in kept.values():
        assert cookie.pop("expires") > 0
        assert cookie.pop("value")
        assert cookie == {"domain": host, "path": "/", "httpOnly": True, "secure": True, "sameSite": "Lax"}
    page = browser.open(f"{origin}/account")
    assert page.title() == "Account of alice"
    assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize(("size", "is_kept"), [(4095, True), (4096, True), (4097, False)])
def test_a_cookie_has_4096_bytes_of_name_and_value(size: int, bank: Place, browser: Window, *, is_kept: bool) -> None:
    value = "v" * (size - len(NAME))
    line = f"{NAME}={value}; Secure; HttpOnly; Path=/; SameSite=Lax; Max-Age=900"
    bank.victim.extra_cookies.append(line)

    browser.open(bank.home)

    assert browser.cookies() == ({NAME: value} if is_kept else {})


def test_an_answer_with_401_deletes_a_bad_cookie(bank: Place, alice: Window) -> None:
    access, refresh = bank.victim.names["access"], bank.victim.names["refresh"]
    bad = {"value": "x.y.z", "url": f"{bank.home}/", "httpOnly": True, "secure": True, "sameSite": "Lax"}
    alice.context.add_cookies([{"name": access, **bad}])
    before = alice.cookies()

    answer = alice.open(bank.home).evaluate("fetch('/account').then(answer => answer.status)")

    assert (before[access], answer) == ("x.y.z", 401)
    assert alice.cookies().keys() == {refresh}


def test_an_open_view_deletes_a_bad_cookie_too(bank: Place, alice: Window) -> None:
    access, refresh = bank.victim.names["access"], bank.victim.names["refresh"]
    alice.context.add_cookies([{"name": access, "value": "x.y.z", "url": f"{bank.home}/", "secure": True}])

    page = alice.open(bank.home)

    assert page.title() == "Hello None"
    assert alice.cookies().keys() == {refresh}


def test_over_plain_http_at_another_name_no_cookie_is_set(bank: Place, plain_elsewhere: Any) -> None:
    page = plain_elsewhere.new_page()
    page.goto(bank.plain.replace("a.app.localhost", "bank.example"))

    body = "{method: 'POST', body: new URLSearchParams({username: 'alice'})}"
    script = f"fetch('/login', {body}).then(async answer => [answer.status, await answer.json()])"
    with bank.unchanged():
        status, error = page.evaluate(script)

    assert (status, error["error"]) == (400, "invalid_request")
    assert plain_elsewhere.cookies() == []


@pytest.mark.parametrize("line", [f"{NAME}=1; Secure; Path=/", f"{NAME}=1; Path=/", "y=1; Secure"])
def test_over_plain_http_at_another_name_chromium_keeps_no_secure_cookie(
    line: str, bank: Place, plain_elsewhere: Any
) -> None:
    bank.victim.extra_cookies.append(line)

    plain_elsewhere.new_page().goto(bank.plain.replace("a.app.localhost", "bank.example"))

    assert plain_elsewhere.cookies() == []
