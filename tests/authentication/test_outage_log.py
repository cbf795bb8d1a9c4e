"""An outage of the store is logged, but not for every request."""

import logging

import pytest

from flask_tokenauth.authentication.outage_log import OutageLog
from flask_tokenauth.core.errors import StoreUnavailable

from ..conftest import StandingClock

TICK = 2.0**-10  # seconds; exact as a float


def test_an_outage_is_an_error_once_every_five_seconds_and_otherwise_for_debugging(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="flask_tokenauth")
    outages, clock = OutageLog(), StandingClock(1000.0)
    outages.monotonic = clock

    for passed in 0, 0, 5 - TICK, TICK, 0, 5, 1:
        clock.now += passed
        outages.log(StoreUnavailable("no answer"))

    levels = ["ERROR", "DEBUG", "DEBUG", "ERROR", "DEBUG", "ERROR", "DEBUG"]
    assert [record.levelname for record in caplog.records] == levels
    assert set(caplog.messages) == {"the store cannot be asked: no answer"}
