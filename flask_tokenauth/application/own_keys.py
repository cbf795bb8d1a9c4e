"""The keys of one application while it runs: their files are followed, and encrypted tokens are opened."""

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from .settings import Settings
from .stored_state import StoredState

if TYPE_CHECKING:
    from ..core.keys.encryption_keys import EncryptionKeys
    from ..core.tokens.decryption import Decryption
    from .encryption_key_file import FollowedEncryptionKeyFile
    from .key_file import FollowedKeyFile
    from .ring_check import RingCheck
    from .separate_keys import SeparateKeys


class OwnKeys:
    """Follows the files of the keys of one application.

    Code for files and for keys that encrypt is imported only if there are any.

    Args:
        settings: of the application.
        stored: its store, which learns the ring of the keys.

    Attributes:
        key_file: follows the file of the keys that sign; None if they are in no file.
        encryption_key_file: follows the file of the keys that encrypt; None if they are in no file.
        encryption: the keys that encrypt; None without.
        decryption: opens encrypted tokens; None without keys for them.
        look: called at the start of each request, looks at the files if it is time; None if there are none.
        look_for: looks for a key that signs, and is not known, as for ``Verifier``; None if these are in no file.
    """

    def __init__(self, settings: Settings, stored: StoredState) -> None:
        self._settings = settings
        self._interval = settings.keys_interval.total_seconds()
        configured = settings.encryption_keys
        self.encryption: EncryptionKeys | None = None if configured is None else configured.keys
        self._separate = self._separate_keys()
        self.encryption_key_file = self._follow_encryption_keys()
        self.key_file = self._follow_keys(stored)
        self.decryption = self._make_decryption()
        first = self.key_file or self.encryption_key_file
        self.look: Callable[[], None] | None = None if first is None else first.look
        self.look_for = None if self.key_file is None else self.key_file.look_for_unknown

    def _separate_keys(self) -> "SeparateKeys | None":
        configured = self._settings.encryption_keys
        if configured is None:
            return None
        from .separate_keys import SeparateKeys  # noqa: PLC0415  # see above

        return SeparateKeys(self._settings.keys, configured.keys, secret_keys=configured.secret_keys)

    def _follow_encryption_keys(self) -> "FollowedEncryptionKeyFile | None":
        configured = self._settings.encryption_keys
        if configured is None or configured.path is None or self._separate is None:
            return None
        from .encryption_key_file import FollowedEncryptionKeyFile  # noqa: PLC0415  # see above

        return FollowedEncryptionKeyFile(
            configured.path, self._separate, version=configured.version, interval=self._interval
        )

    def _follow_keys(self, stored: StoredState) -> "FollowedKeyFile | None":
        settings = self._settings
        if settings.keys_path is None:
            return None
        from .key_file import FollowedKeyFile  # noqa: PLC0415  # see above

        ring_check = self._make_ring_check(stored)
        return FollowedKeyFile(
            settings.keys_path,
            settings.keys,
            version=settings.keys_version,
            passphrase=settings.keys_passphrase,
            interval=self._interval,
            report_ring=None if ring_check is None else ring_check.report,
            exchange=None if self._separate is None else self._separate.exchange_signing,
            look_along=None if self.encryption_key_file is None else self.encryption_key_file.look_along,
        )

    def _make_ring_check(self, stored: StoredState) -> "RingCheck | None":
        if stored.opened is None:
            return None
        from .ring_check import RingCheck, tolerance_of  # noqa: PLC0415  # see above

        settings = self._settings
        tolerance = tolerance_of(rollout=settings.keys_rollout, interval=settings.keys_interval)
        return RingCheck(stored.store, tolerance=tolerance, timeout=settings.store_timeout.total_seconds())

    def _make_decryption(self) -> "Decryption | None":
        if self.encryption is None:
            return None
        from ..core.tokens.decryption import Decryption  # noqa: PLC0415  # see above

        until, file = self._settings.accept_plain_until, self.encryption_key_file
        return Decryption(
            keys=self.encryption,
            plain_until=-inf if until is None else until.timestamp(),
            look_for_keys=None if file is None else file.look_for_unknown,
        )
