"""Load the keys of an application from a file, a JWK Set or PEM text. No other module of the core reads files."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..errors import InvalidKey
from .key import Key
from .key_set import KeySet

_MAX_FILE = 1024 * 1024  # bytes
_MAX_BLOCKS = 100
_MAX_PATH_SHOWN = 200  # characters
_KEY_FILES = frozenset({".cer", ".crt", ".der", ".json", ".jwk", ".jwks", ".key", ".p8", ".pem", ".pub", ".txt"})
_FORMS = "keys must be a path, PEM text, a JWK Set or a list of keys"
_ITEMS = "each item of a list of keys must be a JWK, a Key or PEM text"
_URL = r"[A-Za-z][A-Za-z0-9+.-]+://"  # two characters at least before the colon: "C:" is a drive
_PATH = r"(?:[A-Za-z]:)?[\w./\\~ -]+"  # no URL, no JSON and no user with a password
_PEM_BLOCK = r"(?s)-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----"  # compiled when PEM text is read


def load_keys(source: object) -> KeySet:
    """Load the keys of an application.

    Args:
        source: one of these: a :class:`KeySet`; a JWK Set as a mapping; a list, in which each item is a JWK as a
            mapping, a :class:`Key` or PEM text; PEM text of one key or several, in which ``\\n`` in two characters is
            a line end too, as in environment variables; the path of a file with a JWK Set or PEM text.

    Returns:
        The keys, in their order.

    Raises:
        InvalidKey: *source* is none of these, cannot be read, or holds a key that cannot be used. The message never
            shows key material. It shows a string only if that is the path of a file, or is clearly meant as one: it
            may be a secret in the wrong setting.
    """
    if isinstance(source, KeySet):
        return source
    if isinstance(source, Mapping):
        return KeySet.from_jwks(source)
    if isinstance(source, (list, tuple)):
        return KeySet(key for item in source for key in _load_item(item))
    if isinstance(source, str) and "-----BEGIN" in source:
        return KeySet(_read_pem(source))
    if isinstance(source, str) and (mistake := _find_mistake(source)):
        raise InvalidKey(f"{_FORMS}, got {mistake}")
    if isinstance(source, (str, Path)):
        return _read_file(Path(source))
    if isinstance(source, Key):
        raise InvalidKey(f"{_FORMS}, got one Key: put it into a list")
    raise InvalidKey(f"{_FORMS}, got {type(source).__name__}")


def _find_mistake(string: str) -> str | None:
    """Return words and advice for a string that is clearly neither a path nor PEM text; None if it may be one."""
    source = string.strip(" \t\r\n\"'")
    if re.match(_URL, source):
        return "a URL, which is not fetched: save the JWK Set to a file and pass its path"
    if source.startswith(("{", "[")):
        return "JSON: parse it with json.loads first, or save it to a file and pass its path"
    return None


def _load_item(source: object) -> list[Key]:
    if isinstance(source, Key):
        return [source]
    if isinstance(source, str):
        if mistake := _find_mistake(source):
            raise InvalidKey(f"{_ITEMS}, got {mistake}")
        return _read_pem(source)
    if isinstance(source, Mapping):
        return [Key.from_jwk(source)]
    advice = ": pass the content of the file, path.read_text()" if isinstance(source, os.PathLike) else ""
    raise InvalidKey(f"{_ITEMS}, got {type(source).__name__}{advice}")


def _read_pem(pem: str) -> list[Key]:
    begun = pem.count("-----BEGIN ")
    if not 0 < begun <= _MAX_BLOCKS:
        raise InvalidKey(
            f"PEM text must have 1 to {_MAX_BLOCKS} blocks, each from -----BEGIN …----- to -----END …-----, got "
            f"{begun} (a string in a list is PEM text, not a path)"
        )
    blocks = list(re.finditer(_PEM_BLOCK, pem.replace("\\n", "\n")))
    if len(blocks) != begun:
        raise InvalidKey(
            "each block of PEM text must end as it began, from -----BEGIN …----- to -----END …-----, got one "
            "that does not: check that the PEM text is complete"
        )
    return [Key.from_pem(block[0]) for block in blocks if block[1] != "EC PARAMETERS"]


def _read_file(path: Path) -> KeySet:
    try:
        data = _read_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise InvalidKey(
            f"the key file must be readable, got {_describe_path(path)} ({reason}): check the path; a relative path "
            "starts at the working directory"
        ) from None
    if data is None:
        raise InvalidKey(f"the path of the keys must be that of a file, got {str(path)!r}, which is something else")
    if len(data) > _MAX_FILE:
        raise InvalidKey(f"the key file must have at most {_MAX_FILE // 1024**2} MiB, got {str(path)!r} with more")
    try:
        return _parse_file(data)
    except InvalidKey as error:
        raise InvalidKey(f"the key file {str(path)!r} cannot be used: {error}") from error


def _parse_file(data: bytes) -> KeySet:
    if b"-----BEGIN" in data:
        return KeySet(_read_pem(data.decode("ascii", "replace")))
    try:
        jwks = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.DecodeError, ValueError, RecursionError):
        got = "something else" if data else "an empty file"
        raise InvalidKey(f"it must have a JWK Set or PEM text, got {got}") from None
    return KeySet.from_jwks(jwks)


def _read_bytes(path: Path) -> bytes | None:
    if path.exists() and not path.is_file():  # to read a pipe would wait for a writer
        return None
    with path.open("rb") as file:
        return file.read(_MAX_FILE + 1)


def _describe_path(path: Path) -> str:
    """Return words for *path*, which cannot be read. They show it only if it is clearly a path.

    It may be a secret in the wrong setting, and base64 has slashes too. So a path is shown if it begins with a
    directory that exists, or ends like the name of a key file.
    """
    string = str(path)
    first = Path(*path.parts[: 2 if path.anchor else 1])
    is_path = path.suffix.lower() in _KEY_FILES or os.path.isdir(first)  # noqa: PTH112  # Path.is_dir raises at times
    if is_path and re.fullmatch(_PATH, string) and len(string) <= _MAX_PATH_SHOWN:
        return repr(string)
    return "a path that is not shown, since it may be a secret"
