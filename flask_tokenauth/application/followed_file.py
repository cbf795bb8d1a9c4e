"""Follows a file with keys: when it changes, the keys are exchanged.

There is no thread. A request that finds that the last look is an interval ago looks at the file, and the others go on
with the keys that are known. If the file is broken or gone, they go on too: the log tells.
"""

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from ..core.errors import InvalidKey, SettingsError
from ..core.keys.key_files import FileVersion, find_version
from ..core.process import ProcessLock

_PAUSE_OF_UNKNOWN = 1.0  # seconds between two looks for keys that are not known
_PAUSE_OF_ERRORS = 60.0  # seconds between two lines in the log

_log = logging.getLogger("flask_tokenauth")


class _Broken(NamedTuple):
    """A file that cannot be used: None for its version if it is gone, and words for what is wrong."""

    version: FileVersion | None
    fault: str


class ExchangedKeys(Protocol):
    """Keys that can be exchanged."""

    generation: int  # how often they were exchanged

    def __len__(self) -> int:
        """Return how many keys there are."""


class FollowedFile(ABC):
    """A file with keys, and the keys that follow it.

    Args:
        path: of the file.
        keys: the keys, which were loaded from it.
        name: what has the path, for messages.
        version: of the file that was loaded.
        interval: seconds between two looks.
        monotonic: returns seconds that always rise, from any start.
    """

    def __init__(
        self,
        path: Path,
        keys: ExchangedKeys,
        *,
        name: str,
        version: FileVersion,
        interval: float,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._path = path
        self._followers = keys
        self._name = name
        self._version = version
        # The file, if it cannot be used. It is read again when it changes, and once a minute: its rights may change.
        self._broken: _Broken | None = None
        self._interval = interval
        self._monotonic = monotonic
        self._looking = ProcessLock()
        self._look_at = monotonic() + interval
        self._look_for_unknown_at = self._log_at = -math.inf

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path}>"

    @property
    def written_at(self) -> float:
        """When the file was written whose keys are in use, in seconds since 1970-01-01T00:00:00Z."""
        return self._version.written_at / 1e9

    def look(self) -> None:
        """Look at the file, if the last look is an interval ago and no other thread looks."""
        if self._monotonic() >= self._look_at and self._looking.acquire(blocking=False):
            try:
                self._look_at = self._monotonic() + self._interval
                self._follow()
            finally:
                self._looking.release()
            self._after_look()

    def look_along(self) -> None:
        """Look at the file, since it is time to look at another one, if no other thread looks."""
        if self._looking.acquire(blocking=False):
            try:
                self._follow()
            finally:
                self._looking.release()

    def _after_look(self) -> None:  # noqa: B027  # not every file needs it
        """Do what is done after each look in time."""

    def look_for_unknown(self, generation: int) -> bool:
        """Look at the file for the key of a token that is not known, and return whether the keys were exchanged.

        Args:
            generation: of the keys in which it was not found.
        """
        with self._looking:
            if self._followers.generation == generation and self._monotonic() >= self._look_for_unknown_at:
                self._look_for_unknown_at = self._monotonic() + _PAUSE_OF_UNKNOWN
                self._follow()
        return self._followers.generation != generation

    def _follow(self) -> None:
        version = find_version(self._path)
        if version == self._version:
            self._broken = None
            return
        try:
            if self._broken is None or version != self._broken.version or self._monotonic() >= self._log_at:
                self._version = self._exchange(self._path)
                self._broken, self._log_at = None, -math.inf
                _log.info(
                    "%s was read again, since its file has changed: it has %d keys now",
                    self._name,
                    len(self._followers),
                )
        except (InvalidKey, SettingsError) as error:
            self._broken = _Broken(version, str(error))
        if self._broken is not None:
            self._report(self._broken.fault)

    @abstractmethod
    def _exchange(self, path: Path) -> FileVersion:
        """Read the file, exchange the keys, and return the version that was read.

        Raises:
            InvalidKey: the file cannot be used.
            SettingsError: its keys cannot be used.
        """

    def _report(self, fault: str) -> None:
        now = self._monotonic()
        if now >= self._log_at:
            self._log_at = now + _PAUSE_OF_ERRORS
            _log.error(
                "%s has changed and cannot be used, so the keys that were read before go on: %s", self._name, fault
            )
