"""The settings of encrypted tokens: ``TOKENAUTH_ENCRYPTION_KEYS`` and ``TOKENAUTH_ACCEPT_PLAIN_UNTIL``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ..core.errors import SettingsError
from ..core.keys.encryption_keys import EncryptionKeys
from ..core.keys.encryption_loading import load_encryption_key_file, load_encryption_keys
from ..core.keys.key_files import FileVersion
from ..core.keys.loading import find_path
from .separate_keys import check_separate, find_secret_keys
from .setting_types import PREFIX


@dataclass(frozen=True, slots=True)
class ConfiguredEncryptionKeys:
    """The encryption keys of an application.

    Attributes:
        keys: the keys.
        path: of the file that they are in; None if they are in no file.
        version: of the file that was read.
        secret_keys: thumbprints of ``SECRET_KEY`` and its fallbacks, which must not encrypt.
    """

    keys: EncryptionKeys = field(repr=False)
    path: Path | None = None
    version: FileVersion = FileVersion(0, 0, 0)
    secret_keys: frozenset[str] = field(default=frozenset(), repr=False)


def read_encryption_keys(source: object) -> ConfiguredEncryptionKeys:
    """Read the value of ``TOKENAUTH_ENCRYPTION_KEYS``.

    Args:
        source: the path of a file with a JWK Set, a JWK Set as a mapping, or a list of JWKs as mappings.

    Raises:
        TypeError: it is an object with keys, which could be exchanged without the application.
        InvalidKey: the file cannot be read, or has no JWK Set, or a key cannot be used.
        SettingsError: a key cannot decrypt, or joserfc is not installed.
    """
    if isinstance(source, EncryptionKeys):
        raise TypeError
    path = find_path(source)
    if path is None:
        return ConfiguredEncryptionKeys(check_encryption_keys(load_encryption_keys(source)))
    keys, version = load_encryption_key_file(path)
    return ConfiguredEncryptionKeys(check_encryption_keys(keys), path.absolute(), version)


def check_encryption_keys(keys: EncryptionKeys) -> EncryptionKeys:
    """Return *keys*, if an application can use them.

    Raises:
        SettingsError: one cannot decrypt.
    """
    if not all(key.can_decrypt for key in keys):
        raise SettingsError(
            "each encryption key must be a private key or a secret that may decrypt, got a public key, or one whose "
            "key_ops do not allow it: an application must be able to read its own tokens"
        )
    return keys


def read_instant(value: object) -> datetime:
    """Return a point in time: an aware ``datetime``, or the first moment of a ``date`` in UTC; also as a string.

    Raises:
        TypeError: *value* is something else.
        ValueError: a string has another form, or a time has no zone.
    """
    found = value
    if isinstance(value, str):
        is_date = len(value) == len("2027-02-01")
        found = date.fromisoformat(value) if is_date else datetime.fromisoformat(value)
    if isinstance(found, date) and not isinstance(found, datetime):
        return datetime(found.year, found.month, found.day, tzinfo=UTC)
    if not isinstance(found, datetime):
        raise TypeError
    if found.utcoffset() is None:
        raise ValueError
    return found


def check_encryption(given: dict[str, Any], config: Mapping[str, Any], *, has_own_keys: bool) -> None:
    """Check the settings of encrypted tokens, and let later exchanges of the keys be checked by ``SECRET_KEY`` too.

    Args:
        given: the settings by their names, with the keys that sign, and with one or both of those of encrypted tokens.
        config: the configuration of the application.
        has_own_keys: whether the application has keys of its own to sign with.

    Raises:
        SettingsError: they do not fit each other.
    """
    if "encryption_keys" not in given:
        raise SettingsError(
            f"{PREFIX}ACCEPT_PLAIN_UNTIL needs {PREFIX}ENCRYPTION_KEYS, which is not set: set it, or remove "
            f"{PREFIX}ACCEPT_PLAIN_UNTIL. Without it, no token must be encrypted"
        )
    configured = replace(given["encryption_keys"], secret_keys=find_secret_keys(config))
    given["encryption_keys"] = configured
    check_separate(given["keys"], configured.keys, secret_keys=configured.secret_keys)
    if has_own_keys and configured.keys.active is None:
        raise SettingsError(
            f"{PREFIX}ENCRYPTION_KEYS must have a key that encrypts the tokens of this application, got keys that may "
            "only decrypt: add the operation to its key_ops"
        )
