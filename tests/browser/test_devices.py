"""The page of ``examples/sessions.py`` in a real browser: Debian's Chromium, driven by Playwright.

The tests are skipped if one of them is missing. With ``TOKENAUTH_BROWSER`` set, as in CI, that is a failure.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .kit import MISSING, PATIENCE, SKIPPED, click, launch, serve

pytestmark = SKIPPED


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the example, and yield its address."""
    assert MISSING is None, MISSING
    for example in serve("sessions", tmp_path / "sessions.db", monkeypatch):
        yield example.url


@pytest.fixture
def browser(playwright: Any, url: str) -> Iterator[Any]:
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


def sign_in(browser: Any, url: str, device: str, complaints: list[str], username: str = "alice") -> Any:
    """Sign in in a new window that shares nothing with other windows."""
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{url}/devices", timeout=PATIENCE)
    page.fill("[name=username]", username)
    page.fill("[name=password]", {"alice": "wonderland", "bob": "builder"}[username])
    page.fill("[name=device]", device)
    click(page, "#login button", says="Signed in on")
    return page


def devices(page: Any) -> list[str]:
    """Return the names of the devices that the page shows."""
    return [text.splitlines()[0] for text in page.locator("#devices li").all_inner_texts()]


def test_one_device_can_end_the_session_of_another(browser: Any, url: str, complaints: list[str]) -> None:
    phone = sign_in(browser, url, "phone", complaints)
    laptop = sign_in(browser, url, "laptop", complaints)
    assert devices(laptop) == ["laptop (this one)", "phone"]

    click(laptop, "#devices button", says="Signed in on 1 device.")
    click(phone, "#look", says="You are signed out.")

    assert devices(laptop) == ["laptop (this one)"]
    assert phone.is_visible("#login")
    assert complaints == []


def test_signing_out_ends_only_this_device(browser: Any, url: str, complaints: list[str]) -> None:
    phone = sign_in(browser, url, "phone", complaints)
    laptop = sign_in(browser, url, "laptop", complaints)

    click(laptop, "#logout", says="You are signed out.")
    click(phone, "#look", says="Signed in on 1 device.")

    assert devices(phone) == ["phone (this one)"]
    assert complaints == []


def test_signing_out_everywhere_ends_all_sessions_of_this_user_only(
    browser: Any, url: str, complaints: list[str]
) -> None:
    phone = sign_in(browser, url, "phone", complaints)
    laptop = sign_in(browser, url, "laptop", complaints)
    bob = sign_in(browser, url, "bob's", complaints, "bob")

    click(laptop, "#everywhere", says="You are signed out everywhere.")
    click(phone, "#look", says="You are signed out.")
    click(bob, "#look", says="Signed in on 1 device.")

    assert sign_in(browser, url, "again", complaints).inner_text("#said") == "Signed in on 1 device."
    assert complaints == []


def test_the_name_of_a_device_is_shown_and_not_run(browser: Any, url: str, complaints: list[str]) -> None:
    hostile = "<img src=x onerror=alert(1)>"

    page = sign_in(browser, url, hostile, complaints)

    assert devices(page) == [f"{hostile} (this one)"]
    assert page.locator("img").count() == 0
    assert complaints == []
