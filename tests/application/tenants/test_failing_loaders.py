"""Tenants: a loader that fails, or answers wrongly."""

import logging

import pytest

from flask_tokenauth import SettingsError, TrustedIssuer
from flask_tokenauth.application.tenants import Tenants
from flask_tokenauth.core.errors import KeySetUnavailable

from ...conftest import StandingClock
from ...core.trusted_issuers.rules_kit import issuer_with
from .kit import GOOD, OTHER, PATTERN, PER_SECOND, Loader, make_rules


def test_while_it_fails_no_token_of_the_issuer_passes(
    tenants: Tenants, loader: Loader, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    loader.is_down = True

    with pytest.raises(KeySetUnavailable, match="issuer_loader failed"):
        tenants.find(GOOD)

    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    loader.is_down = False
    clock.now += 1
    assert tenants.find(GOOD) is not None


def test_a_tenant_that_was_good_is_not_for_longer_than_a_minute(
    tenants: Tenants, loader: Loader, clock: StandingClock
) -> None:
    tenants.find(GOOD)
    loader.is_down = True

    clock.now += 60
    for _ in range(2):
        with pytest.raises(KeySetUnavailable):
            tenants.find(GOOD)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (True, "must return a TrustedIssuer or None, got bool"),
        (False, "must return a TrustedIssuer or None, got bool"),
        ({"issuer": OTHER}, "must return a TrustedIssuer or None, got dict: write TrustedIssuer(issuer=…)"),
        (issuer_with(issuer=GOOD), "must return the issuer it was asked about, got another"),
    ],
)
def test_a_wrong_answer_is_an_outage_with_its_reason_in_the_log(
    tenants: Tenants, loader: Loader, answer: object, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    loader.tenants[OTHER] = answer

    with pytest.raises(KeySetUnavailable):
        tenants.find(OTHER)

    assert message in caplog.text


def test_after_a_failure_it_is_asked_once_a_second_and_logged_once_a_minute(
    tenants: Tenants, loader: Loader, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    tenants.find(GOOD)
    loader.is_down = True
    clock.now = 60

    for later in (0, 0, 0.5, 0.5, 58, 1):
        clock.now += later
        with pytest.raises(KeySetUnavailable):
            tenants.find(GOOD)

    assert len(loader.asked) == 5
    assert len(caplog.records) == 2


def test_an_issuer_that_must_not_be_a_tenant_is_refused(loader: Loader, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(issuer: TrustedIssuer) -> None:
        raise SettingsError(f"{issuer.name} is ours")

    tenants = Tenants(loader, PATTERN, make_rules=make_rules, check=refuse, per_second=PER_SECOND)

    with pytest.raises(KeySetUnavailable):
        tenants.find(GOOD)
    assert "is ours" in caplog.text
