"""Refresh in ``examples/spa``: two tabs at once, a tab that is closed, and a stolen refresh cookie."""

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from ..waiting import wait_until
from .https_kit import Certificate
from .kit import PATIENCE, SKIPPED
from .spa_kit import Spa, click, devices, fill_form, named_cookies, serve_spa, wait_for

pytestmark = SKIPPED

BY_THE_PAGE = "import('/static/session.js').then(session => session.refresh()).then(() => 200, error => String(error))"
BY_HAND = "fetch('/auth/refresh', {method: 'POST'}).then(answer => answer.status)"
TWO_TABS = 50  # times
WITH_LOCK = 20


@pytest.fixture
def spa(tmp_path: Path, certificate: Certificate) -> Iterator[Spa]:
    with serve_spa(tmp_path, certificate) as spa:
        yield spa


@pytest.fixture
def strict(tmp_path: Path, certificate: Certificate) -> Iterator[Spa]:
    """The example without a retry window: a second use of a refresh token always ends the session."""
    with serve_spa(tmp_path, certificate, refresh_retry_window=0) as spa:
        yield spa


def start(page: Any, script: str) -> None:
    """Start a script, and do not wait for it."""
    page.evaluate(f"() => {{ window.result = {script} }}")


def test_two_tabs_that_refresh_at_the_same_moment_fifty_times_stay_signed_in(spa: Spa, context: Any) -> None:
    """Without locks. The server answers when both requests have come, so both have the same refresh token."""
    tabs = [spa.sign_in(context), spa.open(context)]
    both = Barrier(2)
    spa.gate.before = lambda: both.wait(PATIENCE / 1000)

    for _ in range(TWO_TABS):
        for tab in tabs:
            start(tab, BY_HAND)
        assert [tab.evaluate("window.result") for tab in tabs] == [200, 200]

    assert spa.gate.statuses == ["200"] * 2 * TWO_TABS
    for tab in tabs:
        click(tab, "#look", says="You are signed in on 1 device.")
    assert spa.complaints == []


def test_with_the_lock_the_tabs_of_the_page_never_use_a_refresh_token_twice(strict: Spa, context: Any) -> None:
    tabs = [strict.sign_in(context), strict.open(context)]

    for _ in range(WITH_LOCK):
        for tab in tabs:
            start(tab, BY_THE_PAGE)
        assert [tab.evaluate("window.result") for tab in tabs] == [200, 200]

    assert WITH_LOCK <= len(strict.gate.statuses) <= 2 * WITH_LOCK
    for tab in tabs:
        click(tab, "#look", says="You are signed in on 1 device.")
    assert strict.complaints == []


def test_a_tab_that_waits_for_another_does_not_refresh_again(strict: Spa, context: Any) -> None:
    """Two calls of one page and one of another tab: the first refreshes for all of them."""
    first, second = strict.sign_in(context), strict.open(context)
    wait_for(second, "Hello alice.")

    with strict.gate.held() as done:
        start(first, f"Promise.all([{BY_THE_PAGE}, {BY_THE_PAGE}])")
        assert done.wait(PATIENCE / 1000)
        start(second, BY_THE_PAGE)
        wait_until(lambda: second.evaluate("navigator.locks.query().then(locks => locks.pending.length)") == 2)

    assert first.evaluate("window.result") == [200, 200]
    assert second.evaluate("window.result") == 200
    assert len(strict.gate.statuses) in (1, 2)  # the other process may learn of the change a moment too late
    assert strict.complaints == []


def test_a_tab_that_is_closed_in_mid_refresh_leaves_the_new_cookies(strict: Spa, context: Any) -> None:
    closing = strict.sign_in(context)
    before = named_cookies(context)

    with strict.gate.held() as done:
        start(closing, BY_THE_PAGE)
        assert done.wait(PATIENCE / 1000)
        assert named_cookies(context) == before
        closing.close()

    wait_until(lambda: named_cookies(context) != before)
    page = strict.open(context)
    wait_for(page, "Hello alice.")
    assert page.evaluate(f"() => {BY_THE_PAGE}") == 200
    assert strict.gate.statuses == ["200", "200"]
    assert strict.complaints == []


def test_a_stolen_refresh_cookie_ends_the_session_for_both_and_the_page_says_so(strict: Spa, context: Any) -> None:
    """The thief comes second, after the window."""
    page = strict.sign_in(context)
    stolen = named_cookies(context)
    assert page.evaluate(f"() => {BY_THE_PAGE}") == 200

    assert strict.ask(stolen).json()["error"] == "invalid_grant"

    assert strict.ask(stolen, "GET", "/me").status_code == 401
    assert strict.ask(named_cookies(context), "GET", "/me").status_code == 401
    click(page, "#look", says="You are signed out, because your session has ended:")
    assert "a copy of your sign-in was used" in page.inner_text("#said")
    assert context.cookies() == []
    check_warning(page)


def test_a_thief_who_comes_first_is_out_when_the_user_refreshes(strict: Spa, context: Any) -> None:
    page = strict.sign_in(context)
    stolen = named_cookies(context)
    answer = strict.ask(stolen)
    assert answer.status_code == 200
    thief = {name: str(value) for name, value in answer.cookies.items()}
    assert strict.ask(thief, "GET", "/me").status_code == 200

    assert "copy of your sign-in" in page.evaluate(f"() => {BY_THE_PAGE}")

    assert strict.ask(thief, "GET", "/me").status_code == 401
    assert strict.ask(thief).status_code == 400
    click(page, "#look", says="Please sign in.")
    check_warning(page)


def check_warning(page: Any) -> None:
    """Check that the user reads about the copy after the next login, until the warning is deleted."""
    fill_form(page)
    assert page.is_visible("#warned")
    assert page.inner_text("#warned h2") == "A copy of your sign-in was used"
    assert page.locator("#warnings time").count() == 1
    assert devices(page) == ["laptop (this one)"]

    click(page, "#understood", says="The warning is deleted.")

    assert not page.is_visible("#warned")
    page.reload()
    wait_for(page, "Hello alice.")
    assert not page.is_visible("#warned")
