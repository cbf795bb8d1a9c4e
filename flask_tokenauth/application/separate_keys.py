"""The keys that sign and the keys that encrypt: no key does both, also after one of the two was exchanged."""

from binascii import Error, unhexlify
from collections.abc import Mapping
from typing import Any

from ..core.encoding import base64url
from ..core.errors import SettingsError
from ..core.keys.algorithms import ALGORITHMS
from ..core.keys.encryption_algorithms import CONTENT_KEY_BYTES
from ..core.keys.encryption_keys import EncryptionKeys
from ..core.keys.key_material import thumbprint
from ..core.keys.key_set import KeySet
from ..core.process import ProcessLock
from .setting_types import PREFIX


def find_secret_keys(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the thumbprints of the encryption keys that ``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS`` would be.

    Such a secret can be written as its bytes, or in hexadecimal digits or base64url, as people often make it.

    Args:
        config: the configuration of the application. Values of a wrong type have no thumbprint.
    """
    fallbacks = config.get("SECRET_KEY_FALLBACKS")
    older = fallbacks if isinstance(fallbacks, (list, tuple)) else ()
    found = {material for value in (config.get("SECRET_KEY"), *older) for material in _read_secret(value)}
    return frozenset(thumbprint(data, ALGORITHMS["HS256"]) for data in found if len(data) == CONTENT_KEY_BYTES)


def _read_secret(value: object) -> list[bytes]:
    """Return the bytes that a secret is, or that it may be written for."""
    data = value.encode(errors="replace") if isinstance(value, str) else value
    if not isinstance(data, bytes):
        return []
    found = [data]
    for decode in (unhexlify, base64url.decode):
        try:
            found.append(decode(data))
        except (Error, ValueError):
            continue
    return found


def check_separate(signing: KeySet, encryption: EncryptionKeys, *, secret_keys: frozenset[str] = frozenset()) -> None:
    """Check that no encryption key also signs.

    Args:
        signing: the keys that sign.
        encryption: the keys that encrypt.
        secret_keys: as :func:`find_secret_keys` returns them. With such a key, others could derive keys that sign.

    Raises:
        SettingsError: one does. The message has its key ID.
    """
    derives = sorted(key.kid for key in encryption if key.thumbprint() in secret_keys)
    if derives:
        raise SettingsError(
            f"{PREFIX}ENCRYPTION_KEYS must have keys of their own, got SECRET_KEY or one of its fallbacks "
            f"({derives[0]!r}), from which keys that sign are derived: make a key for this purpose alone, with keys "
            "--encryption generate"
        )
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
        secret_keys: as for :func:`check_separate`.
    """

    def __init__(
        self, signing: KeySet, encryption: EncryptionKeys, *, secret_keys: frozenset[str] = frozenset()
    ) -> None:
        self.signing = signing
        self.encryption = encryption
        self._secret_keys = secret_keys
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
            check_separate(self.signing, keys, secret_keys=self._secret_keys)
            self.encryption.exchange(keys)
            self.signing.expire_results()
