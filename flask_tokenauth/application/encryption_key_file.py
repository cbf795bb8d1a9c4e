"""Follows the file of the encryption keys: when it changes, the keys of the application are exchanged."""

import time
from collections.abc import Callable
from pathlib import Path

from ..core.errors import SettingsError
from ..core.keys.encryption_loading import load_encryption_key_file
from ..core.keys.key_files import FileVersion
from .encryption_settings import check_encryption_keys
from .followed_file import FollowedFile
from .separate_keys import SeparateKeys
from .setting_types import PREFIX


class FollowedEncryptionKeyFile(FollowedFile):
    """The file of our own encryption keys, and the set that follows it.

    Args:
        path: of the file.
        keys: the keys of both kinds. Those that encrypt were loaded from the file.
        version: of the file that was loaded.
        interval: seconds between two looks.
        monotonic: returns seconds that always rise, from any start.
    """

    def __init__(
        self,
        path: Path,
        keys: SeparateKeys,
        *,
        version: FileVersion,
        interval: float,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        name = f"{PREFIX}ENCRYPTION_KEYS"
        super().__init__(path, keys.encryption, name=name, version=version, interval=interval, monotonic=monotonic)
        self._keys = keys

    def _exchange(self, path: Path) -> FileVersion:
        found, version = load_encryption_key_file(path)
        check_encryption_keys(found)
        if self._keys.encryption.active is not None and found.active is None:
            raise SettingsError(f"{PREFIX}ENCRYPTION_KEYS must still have a key that can encrypt, got none")
        self._keys.exchange_encryption(found)
        return version
