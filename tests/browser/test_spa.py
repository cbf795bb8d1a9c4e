"""People use ``examples/spa`` in Chromium: notes, devices, sign out, and links to pages after the access token expired.

The tests are skipped without Chromium. With ``TOKENAUTH_BROWSER`` set, as in CI, that is a failure.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.testing import at

from .https_kit import Certificate
from .kit import SKIPPED
from .spa_kit import Spa, click, devices, fill_form, find_cookies, notes, serve_spa, wait_for, write

pytestmark = SKIPPED

HOSTILE = "<img src=x onerror=alert(1)> \u202eevil\u202c {{ 7*7 }}"


@pytest.fixture
def spa(tmp_path: Path, certificate: Certificate) -> Iterator[Spa]:
    """The example. At the end of a test the console of the browser must be empty."""
    with serve_spa(tmp_path, certificate) as spa:
        yield spa
    assert spa.complaints == []


@pytest.fixture
def page(spa: Spa, context: Any) -> Any:
    """A tab in which alice is signed in."""
    return spa.sign_in(context)


def test_notes_are_added_and_deleted_and_are_there_after_a_reload(page: Any) -> None:
    write(page, "Follow the rabbit")
    write(page, HOSTILE)
    assert notes(page) == [HOSTILE, "Follow the rabbit"]

    page.reload()
    wait_for(page, "Hello alice. You have 2 notes, and are signed in on 1 device.")
    assert notes(page) == [HOSTILE, "Follow the rabbit"]
    assert page.locator("#notes img").count() == 0

    page.locator("#notes li", has_text="rabbit").get_by_role("button").click()
    wait_for(page, "Deleted. You have 1 note.")
    assert notes(page) == [HOSTILE]


def test_people_see_only_their_own_notes(page: Any, spa: Spa, chromium: Any) -> None:
    write(page, "of alice")

    others = chromium.new_context()
    bob = spa.sign_in(others, "bob")
    assert notes(bob) == []
    assert bob.is_visible("#no-notes")
    others.close()


def test_all_can_be_done_with_the_keyboard(spa: Spa, context: Any) -> None:
    page = spa.open(context)
    keys = page.keyboard
    wait_for(page, "Sign in as alice")
    keys.type("alice")
    keys.press("Tab")
    keys.type("wonderland")
    keys.press("Enter")
    wait_for(page, "Hello alice.")

    keys.type("by keyboard")
    keys.press("Tab")
    keys.press("Enter")
    wait_for(page, "Saved.")
    assert notes(page) == ["by keyboard"]

    keys.press("Tab")  # from the new note to its button
    keys.press("Tab")  # to the button of the old note
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Delete the note “by keyboard”"
    keys.press("Enter")
    wait_for(page, "Deleted.")
    assert page.evaluate("document.activeElement.id") == "content"

    page.focus("#sign-out")
    keys.press("Enter")
    wait_for(page, "You are signed out.")
    assert page.evaluate("document.activeElement.name") == "username"


def test_one_device_ends_the_session_of_another_which_says_so(page: Any, spa: Spa, chromium: Any) -> None:
    others = chromium.new_context()
    phone = spa.sign_in(others, device=HOSTILE)
    click(page, "#look", says="You are signed in on 2 devices.")
    assert devices(page) == ["<img src=x onerror=alert(1)> evil {{ 7*7 }}", "laptop (this one)"]
    assert page.locator("#devices img").count() == 0

    click(page, "#devices button", says="Ended. You are signed in on 1 device.")
    assert spa.complaints == []
    click(phone, "#look", says="You are signed out, because your session has ended: you ended it on another device, ")
    assert not phone.is_visible("#home")
    assert find_cookies(others) == {}
    others.close()
    allow_refusals(spa)
    assert devices(page) == ["laptop (this one)"]


def test_signing_out_everywhere_ends_all_sessions_of_the_user_alone(page: Any, spa: Spa, chromium: Any) -> None:
    windows = [chromium.new_context(), chromium.new_context()]
    phone, bob = spa.sign_in(windows[0], device="phone"), spa.sign_in(windows[1], "bob")

    click(page, "#everywhere", says="You are signed out on all devices.")
    assert find_cookies(page.context) == {}
    click(phone, "#look", says="You are signed out, because your session has ended")
    click(bob, "#look", says="You are signed in on 1 device.")

    fill_form(page)
    assert devices(page) == ["laptop (this one)"]
    for context in windows:
        context.close()
    allow_refusals(spa)


def test_other_tabs_show_at_once_who_is_signed_in(page: Any, spa: Spa, context: Any) -> None:
    write(page, "of alice")
    other = spa.open(context)
    wait_for(other, "Hello alice.")

    page.click("#sign-out")
    wait_for(other, "You are signed out: you signed out in another tab")
    assert notes(other) == []
    fill_form(page, "bob")
    wait_for(other, "Hello bob.")

    assert find_cookies(context).keys() == {"access", "refresh"}


def test_a_wrong_password_says_so_and_leaves_no_cookie(spa: Spa, context: Any) -> None:
    page = spa.open(context)
    page.fill("#sign-in [name=username]", "alice")
    page.fill("#sign-in [name=password]", "builder")
    click(page, "#sign-in button", says="Wrong user name or password.")
    assert context.cookies() == []
    allow_refusals(spa)


def test_a_page_asks_for_a_new_access_token_before_the_old_one_expires(page: Any, spa: Spa) -> None:
    """The browser keeps the cookie for as long as the token lives, so no request is refused."""
    before = find_cookies(page.context)
    page.evaluate(
        "session => localStorage.setItem('session', session)", '{"user": "alice", "until": 1, "inCookie": true}'
    )

    click(page, "#look", says="You are signed in on 1 device.")

    after = find_cookies(page.context)
    assert after["access"] != before["access"]
    assert after["refresh"] != before["refresh"]
    assert spa.gate.statuses == ["200"]


def test_a_link_to_a_page_refreshes_and_comes_back(page: Any, spa: Spa, context: Any) -> None:
    write(page, HOSTILE)

    with at(spa.app, timedelta(minutes=16)):
        printed = spa.open(context, "/print?a=1&b=%2F")
        printed.wait_for_url(f"{spa.url}/print?a=1&b=%2F")
        assert printed.locator("li p").inner_text() == HOSTILE

    assert printed.locator("img").count() == 0
    assert spa.gate.statuses == ["200"]


def test_a_link_to_a_page_without_a_session_leads_to_the_login_and_then_to_the_page(spa: Spa, context: Any) -> None:
    page = spa.open(context, "/print?a=1")
    wait_for(page, "Sign in")
    page.fill("#sign-in [name=username]", "alice")
    page.fill("#sign-in [name=password]", "wonderland")
    page.click("#sign-in button")

    page.wait_for_url(f"{spa.url}/print?a=1")
    assert page.inner_text("h1") == "Notes of alice"
    allow_refusals(spa)


def test_the_parameter_next_leads_to_our_pages_only(page: Any, spa: Spa) -> None:
    hostile = [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\t//evil.example",
        "/\t/evil.example",
        "///evil.example",
        "http:evil.example",
        "https://evil.example/",
        spa.url.replace("https", "http"),
        f"{spa.url}.evil.example/",
        f"{spa.url}@evil.example/",
        f"blob:{spa.url}/4e6b8a56-1d4f-4a9c-9a6e-000000000000",
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,evil",
        "https://",
        "//",
        "",
    ]
    ours = ["/print", "print", "?a=1", "#a", "/a//b", f"{spa.url}/print"]
    read = """async nexts => {
        const {readNext} = await import("/static/places.js")
        return nexts.map(next => readNext(`?${new URLSearchParams({next})}`))
    }"""

    assert page.evaluate(read, hostile) == [None] * len(hostile)
    assert all(place.startswith(f"{spa.url}/") for place in page.evaluate(read, ours))
    assert page.evaluate(read, ["https:evil.example"]) == [
        f"{spa.url}/evil.example"
    ]  # a path on our host, for browsers too


@pytest.mark.parametrize("next_", ["/\\evil.example/", "javascript:alert(1)"])
def test_nobody_is_led_away_by_the_page_that_refreshes_or_by_the_login(
    page: Any, spa: Spa, context: Any, next_: str
) -> None:
    requested = list[str]()
    context.on("request", lambda request: requested.append(request.url))
    query = page.evaluate("next => `?${new URLSearchParams({next})}`", next_)

    page.goto(f"{spa.url}/refresh{query}")
    page.wait_for_url(f"{spa.url}/")
    wait_for(page, "Hello alice.")
    click(page, "#sign-out", says="You are signed out.")
    page.goto(f"{spa.url}/{query}")
    wait_for(page, "Sign in")
    fill_form(page)

    assert [url for url in requested if not url.startswith(f"{spa.url}/")] == []


def allow_refusals(spa: Spa) -> None:
    """Forget that the console named refusals that were to be expected: Chromium names each answer with an error."""
    spa.complaints[:] = [text for text in spa.complaints if not text.startswith("Failed to load resource: the server")]
