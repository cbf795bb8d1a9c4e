"""When API keys were used last: noted in this process, and written to the store now and then for all keys at once."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from ..errors import StoreUnavailable
from ..process import ProcessLock
from ..store import Store, translated
from ..time_limit import time_limit

_INTERVAL = 60.0  # seconds between two writes
_MOST = 100_000  # keys, if the store cannot be written to for long

_log = logging.getLogger("flask_tokenauth")


class ApiKeyUses:
    """Notes the last use of each API key, and writes it to a store at most once a minute.

    Args:
        store: the store.
        timeout: the longest time that a write may take, in seconds.
        monotonic: returns seconds that always rise, from any start.
    """

    def __init__(self, store: Store, *, timeout: float, monotonic: Callable[[], float] = time.perf_counter) -> None:
        self._store = store
        self._timeout = timeout
        self._monotonic = monotonic
        self._used: dict[str, float] = {}  # by the ID of the key
        self._write_at = 0.0
        self._writing = ProcessLock()

    def note(self, key_id: str) -> None:
        """Note that a key is used now."""
        if len(self._used) < _MOST or key_id in self._used:
            self._used[key_id] = self._monotonic()

    def is_due(self) -> bool:
        """Return whether there are uses to write, and the last write is a minute ago."""
        return bool(self._used) and self._monotonic() >= self._write_at

    def write(self) -> None:
        """Write the uses. If the store cannot be asked, the log says so, and the next write has these uses too."""
        if not self._writing.acquire(blocking=False):
            return
        try:
            if not self.is_due():
                return
            now = self._monotonic()
            self._write_at = now + _INTERVAL
            used, self._used = self._used, {}
            try:
                with translated(), time_limit(self._timeout):
                    self._store.note_uses_of_api_keys(
                        {key_id: timedelta(seconds=now - used[key_id]) for key_id in sorted(used)}
                    )
            except StoreUnavailable as error:
                self._used = used | self._used
                _log.warning("the last uses of API keys cannot be written now, and are written later: %s", error)
        finally:
            self._writing.release()
