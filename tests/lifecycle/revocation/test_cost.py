"""The cost of revocation for a request, in calls and in bytes. It does not grow with the number of revocations."""

import tracemalloc
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.revocation.feed import RevocationFeed

from ...conftest import StandingClock
from ...test_cost import drive
from ..conftest import MakeSessionApp
from ..kit import MOSTLY_IN_MEMORY, record_calls, sign_in, store_of
from .kit import issue

pytestmark = MOSTLY_IN_MEMORY

__all__ = ["drive"]  # a fixture

FEW, MANY = 10, 100_000
DAY = 24 * 3600


def revoke_others(app: Flask, number: int, now: float) -> None:
    """Revoke *number* tokens, sessions and users in an application's feed."""
    feed: RevocationFeed = app.extensions["tokenauth"].stored.feed
    expires_at = int((now + DAY) * 1000)
    for index in range(number):
        feed.add(Revocation(kind="token", subject=f"{index:022}", value=int(now) + index % 900, expires_at=expires_at))
        feed.add(Revocation(kind="session", subject=f"s{index:021}", expires_at=expires_at))
        feed.add(Revocation(kind="user", subject=f"user {index}", value=1, expires_at=expires_at))


@pytest.mark.slow
@pytest.mark.parametrize("of_a_session", [True, False])
def test_a_request_makes_the_same_calls_with_few_and_with_many_revocations(
    make_session_app: MakeSessionApp, clock: StandingClock, drive: Any, *, of_a_session: bool
) -> None:
    app = make_session_app()
    token = sign_in(app)["access_token"] if of_a_session else issue(app)
    counted = []
    for number in FEW, MANY:
        revoke_others(app, number, clock.now)
        drive(app, token, "/me")
        with record_calls(store_of(app)) as called:
            status, calls = drive(app, token, "/me")
        assert (status, called) == ("200 OK", [])
        counted.append(calls)

    assert counted[0] == counted[1]
    assert app.extensions["tokenauth"].stored.feed.describe().tokens == MANY


def test_the_feed_adds_at_most_15_calls_to_a_request(make_session_app: MakeSessionApp, drive: Any) -> None:
    totals = []
    for mode in "off", "feed":
        app = make_session_app(TOKENAUTH_REVOCATION=mode)
        token = issue(app)
        for _ in range(3):
            _, calls = drive(app, token, "/me")
        totals.append(calls.total())

    assert 0 < totals[1] - totals[0] <= 15


@pytest.mark.slow
def test_a_revoked_token_takes_at_most_150_bytes(make_session_app: MakeSessionApp, clock: StandingClock) -> None:
    """The bytes include the token ID of 22 characters."""
    app = make_session_app()
    feed: RevocationFeed = app.extensions["tokenauth"].stored.feed
    expires_at = int((clock.now + DAY) * 1000)

    tracemalloc.start()
    try:
        for number in range(MANY):
            until = int(clock.now) + number % 900
            feed.add(Revocation(kind="token", subject=f"{number:022}", value=until, expires_at=expires_at))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken <= MANY * 150
    assert feed.describe().tokens == MANY
