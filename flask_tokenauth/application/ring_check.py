"""Notices that the processes of one issuer have different rings of keys, for example one file for each machine.

Each process tells the store which ring it has, and learns from it which rings the others have.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta

from ..core.errors import SettingsError, StoreUnavailable
from ..core.process import ProcessLock
from ..core.records.ring_use import REPORT_INTERVAL, RingUse, find_longest_overlap
from ..core.store import Store
from ..core.time_limit import time_limit
from .setting_types import PREFIX, format_duration

_PAUSE_OF_ERRORS = 60.0  # seconds between two lines in the log

_log = logging.getLogger("flask_tokenauth")


class RingCheck:
    """Reports the ring of this process to the store, and compares it with those of others.

    Args:
        store: of the issuer.
        timeout: the longest time that a report may take, in seconds.
        tolerance: for how long two rings may be in use: see :func:`tolerance_of`.
        monotonic: returns seconds that always rise, from any start.
    """

    def __init__(
        self,
        store: Store,
        *,
        tolerance: timedelta,
        timeout: float = 0.5,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._store = store
        self._timeout = timeout
        self._tolerance = tolerance
        self._monotonic = monotonic
        self._reporting = ProcessLock()
        self._reported: str | None = None
        self._report_at = self._log_at = -math.inf

    def report(self, ring: str) -> None:
        """Report the ring of this process if it has changed, or if the last report is half a minute ago.

        An outage of the store, or a wrong setting of it, is no error here: the next report comes.

        Args:
            ring: the digest of its key IDs and statuses.
        """
        is_due = ring != self._reported or self._monotonic() >= self._report_at
        if is_due and self._reporting.acquire(blocking=False):
            try:
                self._reported, self._report_at = ring, self._monotonic() + REPORT_INTERVAL.total_seconds()
                with suppress(StoreUnavailable, SettingsError), time_limit(self._timeout):
                    self._judge(self._store.report_ring(ring))
            finally:
                self._reporting.release()

    def _judge(self, uses: Iterable[RingUse]) -> None:
        found, now = find_disagreement(uses, self._tolerance), self._monotonic()
        if found is not None and now >= self._log_at:
            self._log_at = now + _PAUSE_OF_ERRORS
            _log.error("%s", found)


def tolerance_of(*, rollout: timedelta, interval: timedelta) -> timedelta:
    """Return for how long two rings may be in use while a new file reaches all processes.

    Args:
        rollout: how long the file takes to reach all machines.
        interval: how often a process looks at the file.
    """
    return rollout + 2 * interval


def find_disagreement(uses: Iterable[RingUse], tolerance: timedelta) -> str | None:
    """Return words for rings that differ for too long, or None.

    Args:
        uses: the rings that processes use.
        tolerance: for how long two rings may be in use.
    """
    overlap = find_longest_overlap(uses)
    if overlap <= tolerance:
        return None
    return (
        f"the processes of this issuer must have one ring of keys, but for {_whole_seconds(overlap)} they have had "
        f"different ones, so each refuses tokens of the other: let all of them use the same file in {PREFIX}KEYS, or "
        "run keys rotate on one machine only and copy its file to the others. If the copy takes longer, set "
        f"{PREFIX}KEYS_ROLLOUT to the time that it takes"
    )


def find_other_ring(
    uses: Iterable[RingUse], ring: str | None, *, written_at: float, tolerance: timedelta
) -> str | None:
    """Return words for processes that have had another ring than that of a file since it was written, or None.

    Args:
        uses: the rings that processes use.
        ring: that of the file.
        written_at: of the file, in seconds since 1970-01-01T00:00:00Z.
        tolerance: for how long two rings may be in use.
    """
    by_ring = {use.fingerprint: use.until for use in uses}
    newest = (written_at + tolerance.total_seconds()) * 1000  # a later report must be of this file
    if ring in by_ring or all(until <= newest for until in by_ring.values()):
        return None
    return (
        f"the processes of this issuer must use this file of {PREFIX}KEYS, but they have another ring of keys: run "
        "keys rotate where the file is that they use, and copy it from there to all machines"
    )


def _whole_seconds(duration: timedelta) -> str:
    return format_duration(timedelta(seconds=round(duration.total_seconds())))
