"""For any lifetimes and scopes: a token that was exchanged never outlives its parent, and never opens more."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, g
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_tokenauth import NotPermitted, TokenAuth
from flask_tokenauth.core.errors import Refusal
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.guards.required_claim import RequiredClaim
from flask_tokenauth.guards.requirement import RequestFacts, Requirement
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import AUDIENCE, CONFIG, NOW, Mint, StandingClock, bearer
from ..kit import claims_of
from ..looked_up.kit import state_of
from ..revocation.kit import revoke_current
from .kit import AUTH, KEY, KEYS, PUBLIC_KEYS, REPORTS, exchange, token_for, verify

DAY = 86400
INTERVAL = 1  # seconds, in which other workers learn of a revocation
LEEWAY = 10  # seconds
SCOPES = {
    "admin": {"description": "All", "implies": ["write", "other"]},
    "write": {"description": "Write", "implies": ["read"]},
    "read": "Read",
    "other": "Other",
    "projects:{id}:write": {"description": "Write one", "implies": ["projects:{id}:read"]},
    "projects:{id}:read": "Read one",
}
NAMES = ["admin", "write", "read", "other", "projects:7:write", "projects:7:read", "projects:8:read"]


def make(clock: StandingClock, **config: object) -> Flask:
    app = Flask("tests")
    app.config |= CONFIG | config
    TokenAuth(app)
    state = state_of(app)
    state.clock = clock
    if state.stored.feed is not None:
        state.stored.feed.monotonic = clock
    return app


@dataclass
class Workers:
    """The issuer and a worker of the next service. They have one store, and buckets of other widths in their feeds."""

    issuer: Flask
    service: Flask
    clock: StandingClock


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    clock = StandingClock()
    store = MemoryStore(clock=lambda: int(clock() * 1000))
    issuer = make(clock, TOKENAUTH_KEYS=KEYS, TOKENAUTH_STORE=store, TOKENAUTH_MAX_LIFETIME=2 * DAY)
    service = make(
        clock,
        TOKENAUTH_KEYS=PUBLIC_KEYS,
        TOKENAUTH_STORE=store,
        TOKENAUTH_AUDIENCE=REPORTS,
        TOKENAUTH_ACCESS_LIFETIME=DAY,
        TOKENAUTH_MAX_LIFETIME=2 * DAY,
    )
    yield Workers(issuer, service, clock)
    store.close()


@pytest.mark.slow
@pytest.mark.once
@settings(max_examples=100)
@given(data=st.data(), of_parent=st.integers(1, DAY), start=st.integers(0, DAY))
def test_it_ends_with_its_parent_at_every_lifetime(
    workers: Workers, data: st.DataObject, of_parent: int, start: int
) -> None:
    """At any place in the buckets of both feeds, and whenever the parent is revoked while both are good."""
    of_child = data.draw(st.integers(1, of_parent) | st.just(of_parent + 1), label="lifetime of the child")
    age = data.draw(st.integers(0, of_parent - 1), label="age of the parent at the exchange")
    clock = workers.clock
    clock.now += start
    parent = token_for(workers.issuer, expires_in=of_parent)
    clock.now += age
    child = exchange(workers.issuer, parent, expires_in=of_child)
    left = claims_of(child)["exp"] - int(clock.now)
    assert left == min(of_child, of_parent - age)
    clock.now += data.draw(st.integers(0, left + LEEWAY - 1 - INTERVAL), label="age of the child at the revocation")
    assert verify(workers.service, child).subject == "alice"

    revoke_current(workers.issuer, parent)
    clock.now += INTERVAL

    with pytest.raises(TokenError) as caught:
        verify(workers.service, child)
    assert caught.value.reason == "token_revoked"


@pytest.fixture(scope="module")
def scoped() -> Flask:
    return make(StandingClock(), TOKENAUTH_KEYS=KEYS, TOKENAUTH_SCOPES=SCOPES)


def facts_of(app: Flask, text: str, url: dict[str, str]) -> RequestFacts:
    token = verify(app, text, AUDIENCE)
    return RequestFacts(token, url.get, NOW, timedelta(seconds=LEEWAY))


def opens(app: Flask, guard: Requirement, facts: RequestFacts) -> bool:
    declared = state_of(app).settings.scopes
    assert declared is not None
    try:
        guard.check(facts, declared.granted_by)
    except Refusal:
        return False
    return True


guards = st.builds(
    Requirement,
    all_of=st.lists(st.sampled_from(list(SCOPES)), max_size=2, unique=True).map(tuple),
    any_of=st.lists(st.sampled_from(list(SCOPES)), max_size=2, unique=True).map(tuple),
    max_age=st.none() | st.sampled_from([timedelta(seconds=60), timedelta(seconds=600)]),
    claim=st.none() | st.just(RequiredClaim.of("role", ("editor",))),
)
held_scopes = st.lists(st.sampled_from(NAMES), max_size=4, unique=True)
claims = st.fixed_dictionaries({}, optional={"auth_time": st.sampled_from([NOW - 300, NOW]), "role": st.just("editor")})


@pytest.mark.slow
@pytest.mark.once
@settings(max_examples=150)
@given(held=held_scopes, asked=st.none() | held_scopes, of_parent=claims, guard=guards)
def test_it_opens_nothing_that_its_parent_would_not_open(
    scoped: Flask, *, held: list[str], asked: list[str] | None, of_parent: dict[str, Any], guard: Requirement
) -> None:
    parent = Mint(KEY)(scope=" ".join(held), **of_parent)
    try:
        child = exchange(scoped, parent, AUDIENCE, scopes=asked)
    except NotPermitted:
        assert asked is not None
        assert not all(is_allowed(scoped, parent, scope) for scope in asked)
        return

    for project in "7", "8":
        before, after = (opens(scoped, guard, facts_of(scoped, text, {"id": project})) for text in (parent, child))
        assert before or not after
    assert all(is_allowed(scoped, parent, scope) for scope in asked or held)


def is_allowed(app: Flask, token: str, scope: str) -> bool:
    """Return whether a request with a token is allowed what needs a scope."""
    with app.test_request_context(headers=bearer(token)):
        app.preprocess_request()
        assert g.user_id == "alice"
        return AUTH.allows(scope)
