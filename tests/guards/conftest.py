"""Fixtures for the tests of guards."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.core.tokens.token import TokenKind
from flask_tokenauth.signals import token_refused

from ..conftest import MakeApp, Mint
from .kinds_kit import KINDS, PLAIN, KindMint, looked_up


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """Return a list to which each signal ``token_refused`` adds its reason."""
    heard: list[str] = []

    def listen(sender: object, reason: str) -> None:
        heard.append(reason)

    with token_refused.connected_to(listen):
        yield heard


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> TokenKind:
    """A kind of token. With this fixture ``mint`` makes such tokens, and ``make_app`` gives applications a store."""
    chosen: TokenKind = request.param
    return chosen


@pytest.fixture
def plain(kind: TokenKind) -> int:
    """The status of a good token of the kind at a guard without scopes: nothing else opens it for API keys."""
    return PLAIN[kind]


@pytest.fixture
def good(plain: int, guarding: str) -> int:
    """The status of a good token of the kind with the scope at a guarding of ``order_kit``."""
    return plain if guarding == "default guard" else 200


@pytest.fixture
def mint(request: pytest.FixtureRequest, mint: Mint) -> Mint:
    if "kind" not in request.fixturenames:
        return mint
    return KindMint(mint.key, kind=request.getfixturevalue("kind"), store=request.getfixturevalue("store"))


@pytest.fixture
def make_app(request: pytest.FixtureRequest, make_app: MakeApp) -> MakeApp:
    if "kind" not in request.fixturenames:
        return make_app
    store = request.getfixturevalue("store")

    def make(name: str = "tests", **options: Any) -> Flask:
        return make_app(name, **looked_up(store), **options)

    return make
