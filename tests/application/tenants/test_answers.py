"""Tenants: about which names the loader is asked, and for how long its answers count."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from flask_tokenauth.application.tenants import Tenants
from flask_tokenauth.core.errors import KeySetUnavailable

from ...conftest import StandingClock
from ...core.trusted_issuers.rules_kit import issuer_with
from .kit import GOOD, OTHER, Loader, names


def test_good_tenants_do_not_count_as_unknown(tenants: Tenants, loader: Loader) -> None:
    """After a start, all tenants may come in the same second."""
    good = list(islice(names(), 50))
    loader.tenants |= {name: issuer_with(issuer=name) for name in good}

    assert None not in [tenants.find(name) for name in good]


def test_a_tenant_is_found_and_remembered(tenants: Tenants, loader: Loader) -> None:
    found = [tenants.find(GOOD) for _ in range(3)]

    assert found[0] is not None
    assert found == [found[0]] * 3
    assert loader.asked == [GOOD]


@pytest.mark.parametrize(
    "name", ["https://good.example/", "http://good.example", "x https://good.example", "https://good.example\n", ""]
)  # fmt: skip
def test_names_that_the_pattern_does_not_match_as_a_whole_are_not_asked_about(
    tenants: Tenants, loader: Loader, name: str
) -> None:
    assert tenants.find(name) is None
    assert loader.asked == []


@pytest.mark.parametrize(("length", "asked"), [(255, 1), (256, 0)])
def test_long_names_are_not_asked_about(tenants: Tenants, loader: Loader, length: int, asked: int) -> None:
    name = "https://" + "a" * (length - len("https://.example")) + ".example"
    assert len(name) == length

    assert tenants.find(name) is None
    assert len(loader.asked) == asked


@pytest.mark.parametrize(("later", "asked"), [(59.999, 1), (60, 2)])
def test_an_unknown_name_is_remembered_for_a_minute(
    tenants: Tenants, loader: Loader, clock: StandingClock, later: float, asked: int
) -> None:
    assert tenants.find(OTHER) is None
    clock.now += later
    loader.tenants[OTHER] = issuer_with(issuer=OTHER)

    assert (tenants.find(OTHER) is None) is (asked == 1)
    assert len(loader.asked) == asked


def test_a_tenant_that_is_taken_away_is_out_within_a_minute(
    tenants: Tenants, loader: Loader, clock: StandingClock
) -> None:
    tenants.find(GOOD)
    del loader.tenants[GOOD]

    clock.now += 49.999
    assert tenants.find(GOOD) is not None
    clock.now += 0.001
    assert tenants.find(GOOD) is None
    assert tenants.find(GOOD) is None
    assert loader.asked == [GOOD, GOOD]


def test_a_tenant_that_stays_keeps_its_rules(tenants: Tenants, loader: Loader, clock: StandingClock) -> None:
    """Its tokens are remembered with them."""
    first = tenants.find(GOOD)
    clock.now += 60

    assert tenants.find(GOOD) is first
    assert loader.asked == [GOOD, GOOD]


def test_while_it_is_asked_again_and_fails_the_answer_counts_to_the_end(
    tenants: Tenants, loader: Loader, clock: StandingClock
) -> None:
    first = tenants.find(GOOD)
    loader.is_down = True

    for later in (50, 50.1, 59.9):
        clock.now = later
        assert tenants.find(GOOD) is first
    clock.now = 61
    with pytest.raises(KeySetUnavailable):
        tenants.find(GOOD)


def test_one_request_asks_again_and_the_others_go_on(tenants: Tenants, loader: Loader, clock: StandingClock) -> None:
    first = tenants.find(GOOD)
    clock.now += 50
    asked, go_on = loader.hold()

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(tenants.find, GOOD)
        assert asked.wait(60)
        assert tenants.find(GOOD) is first
        go_on.set()
        assert asking.result() is first
    assert loader.asked == [GOOD, GOOD]
