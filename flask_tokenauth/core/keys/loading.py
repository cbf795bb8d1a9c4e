"""Where an application's keys come from: a file, a JWK Set, PEM text. The only module of the core that reads files."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..errors import InvalidKey
from .key import Key
from .key_set import KeySet

_LARGEST_FILE = 1024 * 1024  # bytes
_MOST_BLOCKS = 100
_PEM_BLOCK = r"(?s)-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----"  # compiled by who reads PEM text


def load_keys(source: object) -> KeySet:
    """Load the keys of an application.

    Args:
        source: a :class:`KeySet`; a JWK Set as a mapping; a list of JWKs as mappings, of :class:`Key` or of PEM texts;
            PEM text, of one key or several, its line ends also as ``\\n`` in two characters, as environments carry
            it; or the path of a file with a JWK Set or PEM text.

    Raises:
        InvalidKey: it is none of these, cannot be read, or holds a key that cannot be used. What *source* says is never
            repeated: it may be a secret that strayed here.
    """
    if isinstance(source, KeySet):
        return source
    if isinstance(source, Mapping):
        return KeySet.from_jwks(source)
    if isinstance(source, (list, tuple)):
        return KeySet(key for each in source for key in _load_each(each))
    if isinstance(source, str) and "-----BEGIN" in source:
        return KeySet(_read_pem(source))
    if isinstance(source, (str, Path)):
        return _read_file(Path(source))
    raise InvalidKey("no path, PEM text, JWK Set or list of keys")


def _load_each(source: object) -> list[Key]:
    if isinstance(source, Key):
        return [source]
    if isinstance(source, str):
        return _read_pem(source)
    if isinstance(source, Mapping):
        return [Key.from_jwk(source)]
    raise InvalidKey("a list holds JWKs, keys or PEM texts")


def _read_pem(text: str) -> list[Key]:
    begun = text.count("-----BEGIN ")
    if not 0 < begun <= _MOST_BLOCKS:
        raise InvalidKey(f"no PEM text, or of more than {_MOST_BLOCKS} blocks")
    blocks = list(re.finditer(_PEM_BLOCK, text.replace("\\n", "\n")))
    if len(blocks) != begun:
        raise InvalidKey("PEM text with a block that does not end as it began")
    return [Key.from_pem(block[0]) for block in blocks if block[1] != "EC PARAMETERS"]


def _read_file(path: Path) -> KeySet:
    try:
        data = _read_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise InvalidKey(f"the file cannot be read ({reason}; relative paths start at the working directory)") from None
    if data is None:
        raise InvalidKey("the path is not that of a file")
    if len(data) > _LARGEST_FILE:
        raise InvalidKey("the file is larger than 1 MiB")
    if b"-----BEGIN" in data:
        return KeySet(_read_pem(data.decode("ascii", "replace")))
    try:
        jwks = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise InvalidKey("the file holds neither a JWK Set nor PEM text") from None
    return KeySet.from_jwks(jwks)


def _read_bytes(path: Path) -> bytes | None:
    if path.exists() and not path.is_file():  # a pipe would make us wait for a writer
        return None
    with path.open("rb") as file:
        return file.read(_LARGEST_FILE + 1)
