"""The keys that sign and the keys that encrypt: no key does both, also after one of the two was exchanged."""

from ..core.errors import SettingsError
from ..core.keys.encryption_keys import EncryptionKeys
from ..core.keys.key_set import KeySet
from ..core.process import ProcessLock
from .setting_types import PREFIX


def check_separate(signing: KeySet, encryption: EncryptionKeys) -> None:
    """Check that no encryption key also signs.

    Raises:
        SettingsError: one does. The message has its key ID.
    """
    signs = {key.thumbprint() for key in signing}
    shared = sorted(key.kid for key in encryption if key.thumbprint() in signs)
    if shared:
        raise SettingsError(
            f"{PREFIX}ENCRYPTION_KEYS must have keys of their own, got one that also signs ({shared[0]!r}): make a key "
            "for this purpose alone, with keys --encryption generate"
        )


class SeparateKeys:
    """The two kinds of keys of one application, which are exchanged at run time.

    Args:
        signing: the keys that sign and verify.
        encryption: the keys that encrypt and decrypt.
    """

    def __init__(self, signing: KeySet, encryption: EncryptionKeys) -> None:
        self.signing = signing
        self.encryption = encryption
        self._exchanging = ProcessLock()

    def exchange_signing(self, keys: KeySet) -> None:
        """Exchange the keys that sign.

        Raises:
            SettingsError: one of them also encrypts. Nothing is exchanged then.
        """
        with self._exchanging:
            check_separate(keys, self.encryption)
            self.signing.exchange(keys, signing_key=keys.signing_key)

    def exchange_encryption(self, keys: EncryptionKeys) -> None:
        """Exchange the keys that encrypt. Tokens that verifiers remember are verified once more.

        Raises:
            SettingsError: one of them also signs. Nothing is exchanged then.
        """
        with self._exchanging:
            check_separate(self.signing, keys)
            self.encryption.exchange(keys)
            self.signing.expire_results()
