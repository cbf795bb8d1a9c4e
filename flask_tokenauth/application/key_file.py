"""Follows the file of the keys: when it changes, the keys of the application are exchanged.

There is no thread. A request that finds that the last look is an interval ago looks at the file, and the others go on
with the keys that are known. If the file is broken or gone, they go on too: the log and the doctor tell.
"""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..core.errors import InvalidKey, SettingsError
from ..core.keys.key_files import FileVersion, find_version
from ..core.keys.key_set import KeySet
from ..core.keys.loading import load_key_file
from ..core.process import ProcessLock
from .configured_keys import check_keys
from .setting_types import PREFIX

_PAUSE_OF_UNKNOWN = 1.0  # seconds between two looks for keys that are not known
_PAUSE_OF_ERRORS = 60.0  # seconds between two lines in the log

_log = logging.getLogger("flask_tokenauth")


class _Broken(NamedTuple):
    """A file that cannot be used: None for its version if it is gone, and words for what is wrong."""

    version: FileVersion | None
    fault: str


class FollowedKeyFile:
    """The file of the keys, and the set that follows it.

    Args:
        path: of the file.
        keys: the set, which was loaded from it.
        version: of the file that was loaded.
        passphrase: opens the private keys in PEM that are encrypted; None for none.
        interval: seconds between two looks.
        report_ring: called after each look in time with the ring of the set, if its keys have a status.
        monotonic: returns seconds that always rise, from any start.
    """

    def __init__(
        self,
        path: Path,
        keys: KeySet,
        *,
        version: FileVersion,
        passphrase: bytes | None,
        interval: float,
        report_ring: Callable[[str], None] | None = None,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._path = path
        self._keys = keys
        self._version = version
        # The file, if it cannot be used. It is read again when it changes, and once a minute: its rights may change.
        self._broken: _Broken | None = None
        self._passphrase = passphrase
        self._interval = interval
        self._report_ring = report_ring
        self._monotonic = monotonic
        self._looking = ProcessLock()
        self._look_at = monotonic() + interval
        self._look_for_unknown_at = self._log_at = -math.inf

    def __repr__(self) -> str:
        return f"<FollowedKeyFile {self._path}>"

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
            if self._report_ring is not None and self._keys.ring is not None:
                self._report_ring(self._keys.ring)

    def look_for_unknown(self, generation: int) -> bool:
        """Look at the file for the key of a token that is not known, and return whether the keys were exchanged.

        Args:
            generation: of the set in which the key was not found.
        """
        with self._looking:
            if self._keys.generation == generation and self._monotonic() >= self._look_for_unknown_at:
                self._look_for_unknown_at = self._monotonic() + _PAUSE_OF_UNKNOWN
                self._follow()
        return self._keys.generation != generation

    def _follow(self) -> None:
        version = find_version(self._path)
        if version == self._version:
            self._broken = None
            return
        try:
            if self._broken is None or version != self._broken.version or self._monotonic() >= self._log_at:
                self._exchange()
        except (InvalidKey, SettingsError) as error:
            self._broken = _Broken(version, str(error))
        if self._broken is not None:
            self._report(self._broken.fault)

    def _exchange(self) -> None:
        found = load_key_file(self._path, passphrase=self._passphrase)
        keys = check_keys(found.keys)
        if self._keys.signing_key is not None and keys.signing_key is None:
            raise SettingsError(f"{PREFIX}KEYS must still have a key that can sign, got public keys only")
        self._keys.exchange(keys, signing_key=keys.signing_key)
        self._version, self._broken, self._log_at = found.version, None, -math.inf
        _log.info("%sKEYS was read again, since its file has changed: it has %d keys now", PREFIX, len(keys))

    def _report(self, fault: str) -> None:
        now = self._monotonic()
        if now >= self._log_at:
            self._log_at = now + _PAUSE_OF_ERRORS
            _log.error(
                "%sKEYS has changed and cannot be used, so the keys that were read before go on: %s", PREFIX, fault
            )
