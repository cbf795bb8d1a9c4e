"""Load the encryption keys of an application from a file, a JWK Set or a list."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import InvalidKey
from .encryption_key import EncryptionKey
from .encryption_keys import EncryptionKeys
from .key_files import FileVersion
from .loading import find_path, read_source

_FORMS = "encryption keys must be a path, a JWK Set or a list of keys"
_NO_PEM = 'PEM text, which has no kid and no alg: write the key as a JWK with kid, alg and "use": "enc"'


class EncryptionKeyFile(NamedTuple):
    """The encryption keys of a file, and the version that was read."""

    keys: EncryptionKeys
    version: FileVersion


def load_encryption_keys(source: object) -> EncryptionKeys:
    """Load the encryption keys of an application.

    Args:
        source: one of these: an :class:`EncryptionKeys`; a JWK Set as a mapping; a list, in which each item is a JWK as
            a mapping or an :class:`EncryptionKey`; the path of a file with a JWK Set.

    Returns:
        The keys, in their order.

    Raises:
        InvalidKey: *source* is none of these, cannot be read, or holds a key that cannot be used. The message never
            shows key material. It shows a string only if that is clearly the path of a file.
        SettingsError: joserfc is not installed.
    """
    if isinstance(source, EncryptionKeys):
        return source
    if isinstance(source, Mapping):
        return EncryptionKeys.from_jwks(source)
    if isinstance(source, (list, tuple)):
        return _load_list(source)
    if (path := find_path(source)) is not None:
        return load_encryption_key_file(path).keys
    # A string that is no path is PEM text, JSON or a URL.
    got = "another string: PEM text has no kid, JSON must be parsed first, and a URL is not fetched"
    raise InvalidKey(f"{_FORMS}, got {got if isinstance(source, str) else type(source).__name__}")


def load_encryption_key_file(path: Path) -> EncryptionKeyFile:
    """Load the encryption keys of a file, with the version of it that was read.

    Args:
        path: of the file, which has a JWK Set. Symbolic links are followed.

    Raises:
        InvalidKey: the file cannot be read, or holds something else, or a key that cannot be used.
        SettingsError: joserfc is not installed.
    """
    found, version = read_source(path)
    try:
        if isinstance(found, str):
            raise InvalidKey(f"it must have a JWK Set, got {_NO_PEM}")
        return EncryptionKeyFile(EncryptionKeys.from_jwks(found), version)
    except InvalidKey as error:
        raise InvalidKey(f"the key file {str(path)!r} cannot be used: {error}") from error


def _load_list(source: Sequence[object]) -> EncryptionKeys:
    if any(isinstance(item, Mapping) and "status" in item for item in source):
        return EncryptionKeys.from_jwks({"keys": source})
    return EncryptionKeys(_load_item(item, f"item {number} of {len(source)}") for number, item in enumerate(source, 1))


def _load_item(item: object, position: str) -> EncryptionKey:
    if isinstance(item, EncryptionKey):
        return item
    try:
        if not isinstance(item, Mapping):
            got = _NO_PEM if isinstance(item, str) else type(item).__name__
            raise InvalidKey(f"each item of a list of encryption keys must be a JWK or an EncryptionKey, got {got}")
        return EncryptionKey.from_jwk(item)
    except InvalidKey as error:
        raise InvalidKey(f"{position}: {error}") from error
