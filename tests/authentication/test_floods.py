"""Floods of made-up key IDs and issuers: few fetches and questions, bounded memory, and good tokens as before."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, TrustedIssuer, login_required
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.key import Key

from ..application.test_key_sources import Issuer
from ..conftest import CONFIG, StandingClock, bearer
from ..core.fetching.kit import Server
from ..core.trusted_issuers.rules_kit import KEY, PUBLIC, issuer_with, sign
from ..test_cost import Drive, drive  # noqa: F401  # a fixture

TENANT = "https://good.example"
MANY = [pytest.param(100), pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.once])]


class Floodable(NamedTuple):
    """An application that trusts an issuer on a server, and a tenant. Its clocks for both stand still."""

    app: Flask
    theirs: Issuer
    server: Server
    asked: list[str]  # the names that the loader was asked about


@pytest.fixture
def floodable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Floodable]:
    asked: list[str] = []
    auth: TokenAuth[Any] = TokenAuth()
    theirs = Issuer(PUBLIC)

    @auth.issuer_loader(r"https://[a-z0-9]+\.example")
    def load(name: str) -> TrustedIssuer | None:
        asked.append(name)
        return issuer_with(issuer=name) if name == TENANT else None

    with theirs.serve() as server:
        app = Flask("tests")
        app.config |= CONFIG | {"TOKENAUTH_TRUSTED_ISSUERS": [theirs.entry()]}
        auth.init_app(app)
        app.add_url_rule("/", view_func=login_required(lambda: "hello"))
        trust = state_of(app).trust
        [rules] = trust.list_rules()
        find_tenant: Any = trust._issuers.find_tenant
        for clocked in (rules.keys, find_tenant.__self__):
            monkeypatch.setattr(clocked, "_monotonic", StandingClock(0))
        yield Floodable(app, theirs, server, asked)


def now() -> dict[str, Any]:
    at = int(time.time())
    return {"iat": at, "exp": at + 600}


def with_a_key_id(theirs: Issuer, number: int) -> str:
    """Return a token that names a key which does not exist."""
    return sign(key=Key.from_jwk({**KEY.to_jwk(private=True), "kid": f"k{number}x"}), iss=theirs.issuer, **now())


def with_an_issuer(_: Issuer, number: int) -> str:
    """Return a token that names an issuer which does not exist."""
    return sign(iss=f"https://x{number}.example", **now())


class Flood(NamedTuple):
    """A flood, and what it may cost over all while the clocks stand still."""

    make: Callable[[Issuer, int], str]
    fetches: int
    questions: int  # with that about the good tenant


FLOODS = {"key IDs": Flood(with_a_key_id, 2, 1), "issuers": Flood(with_an_issuer, 1, 11)}


@pytest.mark.slow
@pytest.mark.parametrize("number", MANY)
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_costs_few_questions_and_good_tokens_cost_the_same(
    floodable: Floodable,
    drive: Drive,  # noqa: F811
    name: str,
    number: int,
) -> None:
    app, theirs, flood = floodable.app, floodable.theirs, FLOODS[name]
    good = [sign(iss=theirs.issuer, **now()), sign(iss=TENANT, **now())]
    for token in good * 2:
        assert drive(app, token)[0] == "200 OK"
    before = [drive(app, token)[1] for token in good]

    with app.test_client() as client:
        statuses = {client.get("/", headers=bearer(flood.make(theirs, each))).status_code for each in range(number)}

    assert statuses == {401}
    assert [drive(app, token)[1] for token in good] == before
    assert (len(floodable.server.requests), len(floodable.asked)) == (flood.fetches, flood.questions)
    assert len(state_of(app).authenticator._verifier._cache or ()) == len(good)
