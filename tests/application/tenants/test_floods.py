"""Tenants: names that an attacker makes up."""

from itertools import islice

import pytest

from flask_tokenauth.application.tenants import Tenants
from flask_tokenauth.core.claim_errors import IssuerNotAsked

from ...conftest import StandingClock
from ...core.trusted_issuers.rules_kit import issuer_with
from .kit import GOOD, PATTERN, PER_SECOND, Loader, make_rules, names


def find(tenants: Tenants, name: str) -> object:
    """Return the rules of a tenant, None, or the class of the refusal."""
    try:
        return tenants.find(name)
    except IssuerNotAsked:
        return IssuerNotAsked


def test_ten_a_second_are_asked_about_and_the_rest_is_refused(tenants: Tenants, loader: Loader) -> None:
    found = [find(tenants, name) for name in names()]

    assert found == [None] * PER_SECOND + [IssuerNotAsked] * (10_000 - PER_SECOND)
    assert len(loader.asked) == PER_SECOND


@pytest.mark.parametrize(("later", "asked"), [(0.999, PER_SECOND), (1, 2 * PER_SECOND)])
def test_after_a_second_it_goes_on(
    tenants: Tenants, loader: Loader, clock: StandingClock, later: float, asked: int
) -> None:
    flood = names()
    for _ in range(20):
        find(tenants, next(flood))
    clock.now += later
    for _ in range(20):
        find(tenants, next(flood))

    assert len(loader.asked) == asked


def test_good_tenants_are_not_evicted_and_are_asked_about_all_the_same(
    tenants: Tenants, loader: Loader, clock: StandingClock
) -> None:
    first = tenants.find(GOOD)
    for later in (0, 55, 61):
        clock.now += later
        for name in [*names()][:1000]:
            find(tenants, name)
        assert tenants.find(GOOD) is first

    assert loader.asked.count(GOOD) == 3


def test_the_memory_of_unknown_names_is_bounded(
    loader: Loader, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_tokenauth.application.tenants._MOST_UNKNOWN", 3)
    tenants = Tenants(loader, PATTERN, make_rules=make_rules, check=lambda _: None, per_second=1000, monotonic=clock)
    for name in [*names()][:5]:
        tenants.find(name)

    assert len(tenants._unknown) == 3


def test_the_memory_of_tenants_is_bounded(
    loader: Loader, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_tokenauth.application.tenants._MOST_GOOD", 3)
    tenants = Tenants(loader, PATTERN, make_rules=make_rules, check=lambda _: None, per_second=1, monotonic=clock)
    good = list(islice(names(), 5))
    loader.tenants |= {name: issuer_with(issuer=name) for name in good}
    for name in good:
        tenants.find(name)

    assert [*tenants._good] == good[2:]
