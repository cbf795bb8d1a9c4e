"""The page of ``examples/api_keys.py`` in a real browser: Debian's Chromium, driven by Playwright.

The tests are skipped if one of them is missing. With ``TOKENAUTH_BROWSER`` set, as in CI, that is a failure.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from flask_tokenauth.testing import at

from ..waiting import wait_until
from .kit import MISSING, PATIENCE, SKIPPED, click, launch, serve

pytestmark = SKIPPED

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serve the example, and yield it with its address as ``url``."""
    assert MISSING is None, MISSING
    yield from serve("api_keys", tmp_path / "api_keys.db", monkeypatch)


@pytest.fixture
def browser(playwright: Any, example: Any) -> Iterator[Any]:
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """Collect the errors of scripts and the violations of the policy; there must be none."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def page(browser: Any, example: Any, complaints: list[str]) -> Any:
    """A window in which alice is signed in."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{example.url}/keys", timeout=PATIENCE)
    sign_in(page)
    return page


def sign_in(page: Any) -> None:
    page.fill("[name=password]", "wonderland")
    click(page, "#login button", says="You have ")


def make_key(page: Any, name: str, *, scopes: tuple[str, ...] = (), keys: int = 1) -> str:
    """Make a key on the page, and return it as the page shows it."""
    page.fill("#make [name=name]", name)
    for scope in scopes:
        page.check(f"#make [value='{scope}']")
    click(page, "#make button", says=f"You have {keys} key")
    text: str = page.inner_text("#text")
    return text


def rows(page: Any) -> list[list[str]]:
    """Return the cells of each key in the list: name, hint, scopes, made, last used, expires."""
    return [row.locator("td").all_inner_texts()[:6] for row in page.locator("#keys tr").all()]


def use(url: str, key: str) -> int:
    """Ask for the reports with a key, as a program does."""
    with urlopen(Request(f"{url}/reports", headers={"X-API-Key": key}), timeout=PATIENCE / 1000) as answer:
        status: int = answer.status
        return status


def test_a_new_key_is_shown_once(page: Any, example: Any) -> None:
    key = make_key(page, "backup", scopes=("reports:read", "profile"))

    assert use(example.url, key) == 200
    [[name, hint, scopes, made, used, expires]] = rows(page)
    assert (name, hint, scopes, used) == ("backup", f"ta_…{key[-4:]}", "reports:read profile", "never")
    assert made != expires
    page.reload(timeout=PATIENCE)
    sign_in(page)
    assert [row[0] for row in rows(page)] == ["backup"]
    assert not page.is_visible("#new")
    assert key not in page.content()


def test_a_key_that_was_saved_is_gone_from_the_page(page: Any) -> None:
    key = make_key(page, "backup")

    page.click("#close")

    assert not page.is_visible("#new")
    assert key not in page.content()


def test_the_next_key_takes_the_place_of_the_last_one(page: Any) -> None:
    first = make_key(page, "first")
    second = make_key(page, "second", keys=2)

    assert first not in page.content()
    assert page.inner_text("#text") == second
    assert [row[0] for row in rows(page)] == ["second", "first"]


def test_the_button_copies_the_key(page: Any) -> None:
    key = make_key(page, "backup")

    click(page, "#copy", says="The key is copied.")

    assert page.evaluate("navigator.clipboard.readText()") == key


def test_without_the_right_to_copy_the_key_is_selected(page: Any) -> None:
    key = make_key(page, "backup")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')) }")

    click(page, "#copy", says="Copy the selected key")

    assert page.evaluate("getSelection().toString()") == key


def test_the_last_use_appears_after_a_use(page: Any, example: Any) -> None:
    key = make_key(page, "backup", scopes=("reports:read",))
    assert rows(page)[0][4] == "never"

    assert use(example.url, key) == 200

    def look_again() -> bool:
        """Return whether the page shows a use. It is written after an answer, with a poll of the revocations."""
        click(page, "#look", says="You have 1 key.")
        return bool(rows(page)[0][4] != "never")

    wait_until(look_again)
    assert str(datetime.now(UTC).year) in rows(page)[0][4]


def test_ending_a_key_asks_first(page: Any, example: Any) -> None:
    key, asked, answers = make_key(page, HOSTILE, scopes=("reports:read",)), list[str](), ["cancel", "end"]

    def answer(dialog: Any) -> None:
        asked.append(dialog.message)
        (dialog.accept if answers.pop(0) == "end" else dialog.dismiss)()

    page.on("dialog", answer)
    page.click("#keys button")
    click(page, "#look", says="You have 1 key.")
    assert use(example.url, key) == 200
    click(page, "#keys button", says="You have 0 keys.")

    assert [message.startswith(f'End the key "{HOSTILE}"?') for message in asked] == [True, True]
    assert rows(page) == []
    with pytest.raises(OSError, match="401"):
        use(example.url, key)


def test_the_name_of_a_key_is_shown_and_not_run(page: Any) -> None:
    make_key(page, HOSTILE)

    assert rows(page)[0][0] == HOSTILE
    assert page.locator("img").count() == 0


def test_a_login_that_is_too_old_makes_no_key(page: Any, example: Any) -> None:
    page.fill("#make [name=name]", "backup")

    with at(example.app, timedelta(minutes=11)):
        click(page, "#make button", says="Please sign in again.")

    assert page.is_visible("#login")
    assert not page.is_visible("#home")
    sign_in(page)
    assert rows(page) == []


def test_a_key_can_live_for_ever_or_not(page: Any) -> None:
    make_key(page, "of a month")
    page.select_option("#make select", "")
    make_key(page, "for ever", keys=2)

    [for_ever, of_a_month] = [row[5] for row in rows(page)]

    assert for_ever == "never"
    year = (datetime.now(UTC) + timedelta(days=30)).year
    assert str(year) in of_a_month


def test_signing_out_hides_all(page: Any) -> None:
    key = make_key(page, "backup")

    click(page, "#logout", says="You are signed out.")

    assert not page.is_visible("#home")
    assert key not in page.content()
