"""Fixtures for the tests in a browser. One browser serves all tests of a module: they open contexts of their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from .https_kit import Certificate, make_certificate, start_chromium
from .kit import MISSING, PATIENCE


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    """Playwright, of which only one can run in a thread."""
    assert MISSING is None, MISSING
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # playwright may be missing

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that ``chromium`` trusts."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def chromium(playwright: Any, certificate: Certificate) -> Iterator[Any]:
    """Playwright's ``Browser``."""
    with start_chromium(playwright, certificate) as browser:
        yield browser


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    """A browser context, which shares no cookies with others. Ask for it after the server, so it is closed before."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    context.set_default_navigation_timeout(PATIENCE)
    yield context
    context.close()
