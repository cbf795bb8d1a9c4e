"""The keys of a trusted issuer that are fetched from its server, and fetched again as they change.

There is no thread: a request that finds that the keys should be fetched again does it, and the others go on with those
that are known. If the server is down, the last keys are used for a time; after that no token of the issuer is accepted.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..errors import KeySetUnavailable
from ..fetching.failures import FetchFailed
from ..process import ProcessLock
from .public_keys import ReadSet
from .trusted_keys import TrustedKeys

SHORTEST_LIFETIME, LONGEST_LIFETIME = 300.0, 3600.0  # seconds: Cache-Control of a key set is obeyed between them
PAUSE_OF_UNKNOWN = 30.0  # seconds between two fetches for keys that are not known
PAUSE_OF_FAILURES, LONGEST_PAUSE = 5.0, 30.0  # seconds from a fetch that failed to the next one; each pause doubles
_PAUSE_OF_LOG = 60.0  # seconds between two lines in the log
_AHEAD = 0.9  # of its lifetime after which a key set is fetched again
_LONGEST_WAIT = 6.0  # seconds for the fetch of another thread, which has a deadline of its own
_MOST_LISTED = 10  # keys that a line in the log lists

_log = logging.getLogger("flask_tokenauth")


class FetchedSet(NamedTuple):
    """A key set as it was fetched."""

    read: ReadSet
    lifetime: float | None  # seconds that the server allows to use it; None if it says nothing


class RemoteKeys:
    """The keys of one issuer, fetched from its server.

    Args:
        fetch: fetches the key set. It has a deadline of its own, and raises ``FetchFailed``.
        name: the issuer, for messages.
        max_staleness: seconds that the last keys are used beyond their lifetime if they cannot be fetched again.
        monotonic: returns seconds that always rise, from any start.

    Attributes:
        skipped: the keys of the last set that are not used, by their numbers from 1, and why.
    """

    def __init__(
        self,
        fetch: Callable[[], FetchedSet],
        *,
        name: str,
        max_staleness: float,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._fetch = fetch
        self._name = name
        self._max_staleness = max_staleness
        self._monotonic = monotonic
        self._fetching = ProcessLock()
        self._keys = TrustedKeys(())
        self._fetch_at = self._unknown_at = self._log_at = self._usable_until = self._fresh_until = -math.inf
        self._check_at = -math.inf  # the earlier one of _fetch_at and _usable_until
        self._fault: str | None = "they were not fetched yet"  # of the last fetch; None if it was good
        self._was_tried = False
        self._failures = 0  # in a row
        self._lines: list[tuple[Any, ...]] = []  # for the log, which is written without the lock: it may ask for keys
        self.skipped: Mapping[int, str] = {}

    def __repr__(self) -> str:
        return f"<RemoteKeys of {self._name}>"

    def current(self) -> TrustedKeys:
        """Return the keys. They are fetched first if there are none, or if it is time.

        Raises:
            KeySetUnavailable: they cannot be fetched, and the last ones are too old.
        """
        if self._monotonic() >= self._check_at:
            self._follow()
        return self._keys

    def look_for_unknown(self, generation: int) -> bool:
        """Fetch the keys for a token whose key is not known, and return whether they have changed.

        They are fetched at most every 30 seconds, for all tokens of the issuer together. Tokens that come meanwhile
        wait for the result.

        Args:
            generation: of the keys in which the key was not found.

        Raises:
            KeySetUnavailable: the keys cannot be fetched, so it is not known whether the key exists.
        """
        with self._turn():
            if self._keys.generation == generation and self._monotonic() >= self._unknown_at:
                self._unknown_at = self._monotonic() + PAUSE_OF_UNKNOWN
                self._fetch_now()
            if self._keys.generation == generation and self._fault is not None:
                raise self._unavailable()
        return self._keys.generation != generation

    def refresh(self) -> TrustedKeys:
        """Fetch the keys now and return them: for people who want to see them.

        Raises:
            KeySetUnavailable: they cannot be fetched.
        """
        with self._turn():
            self._fetch_now()
            if self._fault is not None:
                raise self._unavailable()
        return self._keys

    def _follow(self) -> None:
        """Fetch the keys if it is time, unless another thread does so."""
        if self._fetching.acquire(blocking=False):
            try:
                if self._monotonic() >= self._fetch_at:
                    self._fetch_now()
            finally:
                self._release()
        elif self._must_wait():
            with self._turn():
                pass  # the other thread has the result
        if self._monotonic() >= self._usable_until:
            raise self._unavailable()

    def _must_wait(self) -> bool:
        """Return whether the fetch of another thread decides: the first one, or one for keys whose lifetime is over.

        In an outage nobody waits: many threads could otherwise wait for a server that does not answer.
        """
        return not self._was_tried or (self._fault is None and self._monotonic() >= self._fresh_until)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._fetching.acquire(timeout=_LONGEST_WAIT):
            raise self._unavailable()
        try:
            yield
        finally:
            self._release()

    def _release(self) -> None:
        lines, self._lines = self._lines, []
        self._fetching.release()
        for line in lines:
            _log.log(*line)

    def _fetch_now(self) -> None:
        try:
            fetched = self._fetch()
        except FetchFailed as error:
            self._fault, self._was_tried = str(error), True
            pause = min(PAUSE_OF_FAILURES * 2**self._failures, LONGEST_PAUSE)
            self._failures += 1
            self._fetch_at = max(self._fetch_at, self._monotonic() + pause)  # fresh keys go on as before
            self._check_at = min(self._fetch_at, self._usable_until)
            self._report(self._fault)
            return
        lifetime = min(max(fetched.lifetime or 0.0, SHORTEST_LIFETIME), LONGEST_LIFETIME)
        now = self._monotonic()
        self._keys.exchange(fetched.read.keys)
        self._was_tried, self._failures, self._fresh_until = True, 0, now + lifetime
        self._usable_until = now + lifetime + self._max_staleness
        self._fetch_at = self._check_at = now + lifetime * _AHEAD
        self._fault, self._log_at = None, -math.inf
        self._tell_skipped(fetched.read)

    def _unavailable(self) -> KeySetUnavailable:
        return KeySetUnavailable(f"the keys of the trusted issuer {self._name} cannot be fetched: {self._fault}")

    def _report(self, fault: str) -> None:
        now = self._monotonic()
        if now < self._log_at:
            return
        self._log_at = now + _PAUSE_OF_LOG
        left = self._usable_until - now
        state = "its tokens are refused with 503" if left <= 0 else f"the last ones are used for {left:.0f} s more"
        message = "the keys of the trusted issuer %s cannot be fetched, so %s: %s"
        self._lines.append((logging.ERROR, message, self._name, state, fault))

    def _tell_skipped(self, read: ReadSet) -> None:
        if read.skipped == self.skipped and read.keys:
            return
        self.skipped = read.skipped
        listed = "; ".join(f"key {number}: {why}" for number, why in list(read.skipped.items())[:_MOST_LISTED])
        level = logging.INFO if read.keys else logging.WARNING
        message = "the trusted issuer %s publishes %d keys that are used here, and %d that are not%s"
        rest = f" ({listed})" if listed else ""
        self._lines.append((level, message, self._name, len(read.keys), len(read.skipped), rest))
