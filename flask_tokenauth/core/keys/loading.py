"""Load the keys of an application from a file, a JWK Set or PEM text."""

import json
import os
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..encoding import strict_json
from ..errors import InvalidKey
from .key import Key, load_pem_keys, to_bytes
from .key_files import FileVersion, read_key_file
from .key_set import KeySet
from .pem import Passphrase
from .pem_blocks import is_base64_of_pem, is_pem

_NOT_NEEDED = (
    "the passphrase must be for an encrypted private key in PEM, got none that is encrypted: remove the passphrase, "
    "or check that the keys are the right ones"
)
_FORMS = "keys must be a path, PEM text, a JWK Set or a list of keys"
_ITEMS = "each item of a list of keys must be a JWK, a Key or PEM text"
_NO_PATH = "a string in a list is PEM text, not a path: pass the content of the file, Path(…).read_text()"
_URL = r"[A-Za-z][A-Za-z0-9+.-]+://"  # two characters at least before the colon: "C:" is a drive


class KeyFile(NamedTuple):
    """The keys of a file, and the version that was read."""

    keys: KeySet
    version: FileVersion


def load_keys(source: object, *, passphrase: str | bytes | None = None) -> KeySet:
    """Load the keys of an application.

    Args:
        source: one of these: a :class:`KeySet`; a JWK Set as a mapping; a mapping of key IDs to certificates or public
            keys in PEM; a list, in which each item is a JWK as a mapping, a :class:`Key` or PEM text; PEM text of one
            key or several, in which ``\\n`` in two characters is a line end too, as in environment variables; the path
            of a file with PEM text, or with one of the two mappings in JSON.
        passphrase: opens the private keys in PEM that are encrypted. It is an error if there is none.

    Returns:
        The keys, in their order.

    Raises:
        InvalidKey: *source* is none of these, cannot be read, or holds a key that cannot be used, or *passphrase* is
            missing, wrong or not needed. The message never shows key material. It shows a string only if that is the
            path of a file, or is clearly meant as one: it may be a secret in the wrong setting.
    """
    opener = Passphrase(None if passphrase is None else to_bytes(passphrase))
    keys = _load(source, opener)
    if opener.is_left_over:
        raise InvalidKey(_NOT_NEEDED)
    return keys


def find_path(source: object) -> Path | None:
    """Return the path that *source* is, as :func:`load_keys` takes it; None if it is anything else."""
    if isinstance(source, Path):
        return source
    is_path = isinstance(source, str) and not is_pem(source) and _find_mistake(source) is None
    return Path(source) if is_path else None  # type: ignore[arg-type]  # a string


def load_key_file(path: Path, *, passphrase: str | bytes | None = None) -> KeyFile:
    """Load the keys of a file, with the version of it that was read.

    Args:
        path: of the file. Symbolic links are followed.
        passphrase: as for :func:`load_keys`.

    Raises:
        InvalidKey: as :func:`load_keys`.
    """
    opener = Passphrase(None if passphrase is None else to_bytes(passphrase))
    found = _read_file(path, opener)
    if opener.is_left_over:
        raise InvalidKey(_NOT_NEEDED)
    return found


def _load(source: object, passphrase: Passphrase) -> KeySet:
    if isinstance(source, KeySet):
        return source
    if isinstance(source, Mapping):
        return _load_mapping(source)
    if isinstance(source, (list, tuple)):
        if any(isinstance(item, Mapping) and "status" in item for item in source):
            return KeySet.from_jwks({"keys": source})  # a ring, in which the place of a key means nothing
        return KeySet(_load_list(source, passphrase))
    if isinstance(source, str) and is_pem(source):
        return KeySet(load_pem_keys(source, passphrase))
    if isinstance(source, str) and (mistake := _find_mistake(source)):
        raise InvalidKey(f"{_FORMS}, got {mistake}")
    if isinstance(source, (str, Path)):
        return _read_file(Path(source), passphrase).keys
    if isinstance(source, Key):
        raise InvalidKey(f"{_FORMS}, got one Key: put it into a list")
    raise InvalidKey(f"{_FORMS}, got {_describe_type(source)}")


def _load_mapping(source: Mapping[str, object]) -> KeySet:
    is_jwks = isinstance(source.get("keys"), (list, tuple))
    if is_jwks or not any(isinstance(value, str) and is_pem(value) for value in source.values()):
        return KeySet.from_jwks(source)
    return KeySet(
        [
            _load_named(kid, pem, f"entry {position} of {len(source)}")
            for position, (kid, pem) in enumerate(source.items(), 1)
        ]
    )


def _load_named(kid: str, pem: Any, position: str) -> Key:
    """Load one entry of a mapping of key IDs to certificates, as Google and Firebase publish it."""
    try:
        if isinstance(pem, str) and "PRIVATE KEY-----" in pem:
            raise InvalidKey(
                "a mapping of key IDs must have certificates or public keys, got a private key: put it into a list"
            )
        return Key.from_pem(pem, kid=kid)
    except InvalidKey as error:
        raise InvalidKey(f"{position}: {error}") from error


def _find_mistake(string: str) -> str | None:
    """Return words and advice for a string that is clearly neither a path nor PEM text; None if it may be one."""
    source = string.strip(" \t\r\n\"'")
    if re.match(_URL, source):
        return "a URL, which is not fetched: save the JWK Set to a file and pass its path"
    if source.startswith(("{", "[")):
        return "JSON: parse it with json.loads first, or save it to a file and pass its path"
    if is_base64_of_pem(source):
        return "the base64 of PEM text: decode it once, for example with: base64 -d FILE"
    return None


def _load_list(source: Sequence[object], passphrase: Passphrase) -> list[Key]:
    keys = []
    for position, item in enumerate(source, 1):
        try:
            keys += _load_item(item, passphrase)
        except InvalidKey as error:
            raise InvalidKey(f"item {position} of {len(source)}: {error}") from error
    return keys


def _load_item(source: object, passphrase: Passphrase) -> list[Key]:
    if isinstance(source, Key):
        return [source]
    if isinstance(source, str):
        if mistake := _find_mistake(source):
            raise InvalidKey(f"{_ITEMS}, got {mistake}")
        if not is_pem(source):
            raise InvalidKey(f"{_ITEMS}, got another string: {_NO_PATH}")
        return load_pem_keys(source, passphrase)
    if isinstance(source, Mapping):
        return [Key.from_jwk(source)]
    raise InvalidKey(f"{_ITEMS}, got {_describe_type(source)}")


def _describe_type(source: object) -> str:
    advice = ""
    if isinstance(source, os.PathLike):
        advice = ": pass the content of the file, path.read_text()"
    elif isinstance(source, bytes):
        advice = ": pass a string, data.decode()"
    return f"{type(source).__name__}{advice}"


def _read_file(path: Path, passphrase: Passphrase) -> KeyFile:
    data, version = read_key_file(path)
    try:
        return KeyFile(_parse_file(data, passphrase), version)
    except InvalidKey as error:
        raise InvalidKey(f"the key file {str(path)!r} cannot be used: {error}") from error


def read_source(path: Path) -> tuple[Mapping[str, object] | str, FileVersion]:
    """Return the mapping or the PEM text in a file, which :func:`load_keys` takes, and the version that was read.

    Raises:
        InvalidKey: the file cannot be read, or has something else.
    """
    data, version = read_key_file(path)
    try:
        return _decode(data) if _is_pem_text(data) else _parse_mapping(data, "a JWK Set or PEM text"), version
    except InvalidKey as error:
        raise InvalidKey(f"the key file {str(path)!r} cannot be used: {error}") from error


def parse_jwks(data: bytes) -> Mapping[str, object]:
    """Return the mapping in the content of a file.

    Raises:
        InvalidKey: it has something else, such as PEM text. The message shows nothing of it.
    """
    if _is_pem_text(data):
        raise InvalidKey("it must have a JWK Set, got PEM text")
    return _parse_mapping(data, "a JWK Set")


def _parse_file(data: bytes, passphrase: Passphrase) -> KeySet:
    if _is_pem_text(data):
        return KeySet(load_pem_keys(_decode(data), passphrase))
    return _load_mapping(_parse_mapping(data, "a JWK Set or PEM text"))


def _is_pem_text(data: bytes) -> bool:
    text = _decode(data)
    return not text.lstrip().startswith("{") and (is_pem(text) or is_base64_of_pem(text))


def _parse_mapping(data: bytes, form: str) -> Mapping[str, object]:
    try:
        return strict_json.read_object(data.removeprefix(BOM_UTF8))
    except ValueError:
        raise InvalidKey(f"it must have {form}, got {_describe_content(data, _decode(data).rstrip())}") from None


def _decode(data: bytes) -> str:
    return data.removeprefix(BOM_UTF8).decode("utf-8", "replace")


def _describe_content(data: bytes, text: str) -> str:
    """Return words and advice for the content of a file that has no keys. They show nothing of it."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "UTF-16: save it as UTF-8"
    if b"\0" in data:
        return (
            "binary data: convert a key in DER with: openssl pkey -inform DER -in FILE (with -pubin for a public key), "
            "a certificate with: openssl x509 -inform DER -in FILE, or PKCS #12 with: openssl pkcs12 -nodes -in FILE"
        )
    if text.lstrip().startswith("{"):
        return _find_json_fault(text)
    if text.lstrip().startswith("["):
        return 'a JSON array: put the keys into {"keys": […]}'
    return "something else: it must begin with { or with -----BEGIN …-----" if text else "an empty file"


def _find_json_fault(text: str) -> str:
    try:
        strict_json.check_depth(text)
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"malformed JSON, at line {error.lineno}, column {error.colno}: correct it, or copy the file again"
    except ValueError:  # too deep
        pass
    return "JSON with a name twice in an object, more than 32 levels or no UTF-8: write each name once, in UTF-8"
