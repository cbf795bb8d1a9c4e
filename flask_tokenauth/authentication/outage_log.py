"""What the log is told of a store that cannot be asked, while every request finds that out anew."""

import logging
import math
import time
from collections.abc import Callable

from ..core.errors import StoreUnavailable

_PAUSE = 5.0  # seconds

_log = logging.getLogger("flask_tokenauth")


class OutageLog:
    """Tells the log of an outage, once every few seconds; what comes between is for who debugs.

    There is no lock that a fork could leave held: of two requests at the very same moment both may tell.

    Args:
        monotonic: returns seconds that always rise, from any start. The default goes on where tests
            stop the clock: freezegun, and time-machine before 3.0, stop ``time.monotonic`` too.

    Attributes:
        monotonic: as given; tests put another in its place.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.perf_counter) -> None:
        self.monotonic = monotonic
        self._quiet_until = -math.inf

    def log(self, error: StoreUnavailable) -> None:
        """Log the error that a request met."""
        level, now = logging.DEBUG, self.monotonic()
        if now >= self._quiet_until:
            level, self._quiet_until = logging.ERROR, now + _PAUSE
        _log.log(level, "the store cannot be asked: %s", error)
