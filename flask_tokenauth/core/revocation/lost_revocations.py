"""Revocations that the store has lost, as after a restore from a backup, and that this process still knows."""

import math
from collections.abc import Callable, Iterable
from datetime import timedelta

from ..errors import StoreUnavailable
from ..process import ProcessLock
from ..records.revocation import Revocation, prolong
from ..store import Store, translated
from ..time_limit import time_limit

LONGEST_PAUSE = 5.0  # seconds between two tries in an outage


class LostRevocations:
    """Writes revocations to a store that has lost them. Other workers may write the same ones.

    Args:
        store: the store.
        timeout: the longest time for which one call writes, in seconds: a request waits for it.
        leeway: the one for which the entries end. The store may know a longer one, of another application.
    """

    def __init__(self, store: Store, *, timeout: float, leeway: timedelta) -> None:
        self._store = store
        self._timeout = timeout
        self._leeway = leeway
        self._entries: list[Revocation] = []
        self.writing = ProcessLock()
        self.reset_process()

    def reset_process(self) -> None:
        """Let the next call write, at the start and in a child."""
        self._retry_at = -math.inf

    def __len__(self) -> int:
        return len(self._entries)

    def replace(self, entries: Iterable[Revocation]) -> None:
        """Write these revocations from now on, instead of those that were left."""
        self._entries = list(entries)

    def write(self, monotonic: Callable[[], float]) -> None:
        """Write as many as the time allows. If the store cannot be asked, the next call after a pause tries again.

        Args:
            monotonic: returns seconds that always rise, from any start.
        """
        start, entries = monotonic(), self._entries
        if start < self._retry_at or not self.writing.acquire(blocking=False):
            return
        try:
            with translated(), time_limit(self._timeout):
                longer = max(timedelta(0), self._store.longest_leeway() - self._leeway)
                while entries and monotonic() < start + self._timeout:
                    self._store.revoke(entries[-1].replace(expires_at=prolong(entries[-1].expires_at, longer)))
                    entries.pop()
        except StoreUnavailable:
            self._retry_at = monotonic() + LONGEST_PAUSE
        finally:
            self.writing.release()
