"""Fixtures for the tests of tenants: a loader that knows one, and the tenants that it is asked about."""

import pytest

from flask_tokenauth.application.tenants import Tenants

from ...conftest import StandingClock
from .kit import PATTERN, PER_SECOND, Loader, make_rules


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(0)


@pytest.fixture
def tenants(loader: Loader, clock: StandingClock) -> Tenants:
    return Tenants(loader, PATTERN, make_rules=make_rules, check=lambda _: None, per_second=PER_SECOND, monotonic=clock)
