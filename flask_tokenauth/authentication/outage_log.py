"""Log an outage of the store once every few seconds, although every request meets it."""

import logging
import math
import time
from collections.abc import Callable

from ..core.errors import StoreUnavailable

_PAUSE = 5.0  # seconds

_log = logging.getLogger("flask_tokenauth")


class OutageLog:
    """Logs an outage with the level ERROR once every few seconds, and with DEBUG in between.

    It has no lock, which a fork could copy while it is held. So two requests at the same moment may both log.

    Args:
        monotonic: returns seconds that always rise, from any start. The default goes on when tests stop the clock:
            freezegun, and time-machine before 3.0, stop ``time.monotonic`` too.

    Attributes:
        monotonic: as given. Tests replace it.
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
