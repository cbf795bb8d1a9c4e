"""Fixtures for the tests with HTTPS. One browser serves all tests of a module: they open contexts of their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from .https_kit import Certificate, make_certificate, start_chromium
from .kit import PATIENCE


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that ``chromium`` trusts."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def chromium(certificate: Certificate) -> Iterator[Any]:
    """Playwright's ``Browser``. Only one can run in a thread, so a module has no other."""
    with start_chromium(certificate) as browser:
        yield browser


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    """A browser context, which shares no cookies with others. Ask for it after the server, so it is closed before."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    context.set_default_navigation_timeout(PATIENCE)
    yield context
    context.close()
