"""Fixtures for the tests of guards."""

from collections.abc import Iterator

import pytest

from flask_tokenauth.signals import token_refused


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """Return a list to which each signal ``token_refused`` adds its reason."""
    heard: list[str] = []

    def listen(sender: object, reason: str) -> None:
        heard.append(reason)

    with token_refused.connected_to(listen):
        yield heard
