"""Follows the file of the keys: when it changes, the keys of the application are exchanged."""

import time
from collections.abc import Callable
from pathlib import Path

from ..core.errors import SettingsError
from ..core.keys.key_files import FileVersion
from ..core.keys.key_set import KeySet
from ..core.keys.loading import load_key_file
from .configured_keys import check_keys
from .followed_file import FollowedFile
from .setting_types import PREFIX


class FollowedKeyFile(FollowedFile):
    """The file of our own keys, and the set that follows it.

    Args:
        path: of the file.
        keys: the set, which was loaded from it.
        version: of the file that was loaded.
        passphrase: opens the private keys in PEM that are encrypted; None for none.
        interval: seconds between two looks.
        report_ring: called after each look in time with the ring of the set, if its keys have a status.
        exchange: exchanges the keys of the set for others; raises ``SettingsError`` to refuse these.
        look_along: called after each look in time, to look at another file: so that one costs requests nothing.
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
        exchange: Callable[[KeySet], None] | None = None,
        look_along: Callable[[], None] | None = None,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(path, keys, name=f"{PREFIX}KEYS", version=version, interval=interval, monotonic=monotonic)
        self._keys = keys
        self._passphrase = passphrase
        self._report_ring = report_ring
        self._exchange_keys = exchange or (lambda found: keys.exchange(found, signing_key=found.signing_key))
        self._look_along = look_along

    def _after_look(self) -> None:
        if self._look_along is not None:
            self._look_along()
        if self._report_ring is not None and self._keys.ring is not None:
            self._report_ring(self._keys.ring)

    def _exchange(self, path: Path) -> FileVersion:
        found = load_key_file(path, passphrase=self._passphrase)
        keys = check_keys(found.keys)
        if self._keys.signing_key is not None and keys.signing_key is None:
            raise SettingsError(f"{PREFIX}KEYS must still have a key that can sign, got public keys only")
        self._exchange_keys(keys)
        return found.version
