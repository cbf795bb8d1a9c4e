"""The encryption keys of an application come from a file, a JWK Set or a list, and from no PEM text."""

import json
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.keys.encryption_loading import load_encryption_key_file, load_encryption_keys

from .encryption_kit import JWKS, KEYS, jwk_of
from .kit import RSA

PEM = RSA.to_pem(private=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "encryption.json"
    path.write_text(json.dumps({"keys": [JWKS["dir"], JWKS["x25519"]]}))
    return path


def kids(source: object) -> list[str]:
    return [key.kid for key in load_encryption_keys(source)]


def test_keys_are_loaded_from_each_form(path: Path) -> None:
    loaded = EncryptionKeys(KEYS.values())

    assert load_encryption_keys(loaded) is loaded
    assert kids({"keys": [JWKS["rsa"]]}) == ["rsa"]
    assert kids([JWKS["rsa"], KEYS["dir"]]) == ["rsa", "dir"]
    assert kids((JWKS["p-256"],)) == ["p-256"]
    assert kids(path) == kids(str(path)) == ["dir", "x25519"]


def test_a_list_with_statuses_is_a_ring() -> None:
    keys = load_encryption_keys([jwk_of("dir", status="retired"), jwk_of("rsa", status="active")])

    assert keys.active is keys.find("rsa")
    assert keys.ring is not None


def test_the_version_of_a_file_is_that_of_its_content(path: Path) -> None:
    found = load_encryption_key_file(path)

    assert found.version.size == path.stat().st_size
    assert len(found.keys) == 2


BAD: dict[str, tuple[Any, str]] = {
    "number": (1, "encryption keys must be a path, a JWK Set or a list of keys, got int"),
    "key": (KEYS["dir"], "encryption keys must be a path, a JWK Set or a list of keys, got EncryptionKey"),
    "pem": (PEM, "got another string: PEM text has no kid, JSON must be parsed first, and a URL is not fetched"),
    "json": ('{"keys": []}', "got another string: PEM text has no kid, JSON must be parsed first"),
    "url": ("https://issuer.example/jwks.json", "got another string: PEM text has no kid"),
    "pem-in-list": ([JWKS["dir"], PEM], "item 2 of 2: each item .* got PEM text, which has no kid and no alg: write"),
    "signing-key": ([RSA], "item 1 of 1: each item of a list of encryption keys must be a JWK or an .* got Key"),
    "bad-jwk": ([jwk_of("dir", kid=...)], "item 1 of 1: an encryption key must have a kid"),
    "missing-file": ("/nowhere/encryption.json", "the key file must be readable"),
}


@pytest.mark.parametrize(("source", "message"), BAD.values(), ids=BAD)
def test_another_source_is_refused(source: Any, message: str) -> None:
    with pytest.raises(InvalidKey, match=message) as caught:
        load_encryption_keys(source)

    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PEM, "cannot be used: it must have a JWK Set, got PEM text, which has no kid and no alg: write the key as"),
        ('{"keys": [{}]}', 'cannot be used: key 1 of 1: use of an encryption key must be "enc"'),
        ("{", "cannot be used: it must have a JWK Set or PEM text, got malformed JSON"),
    ],
)
def test_a_file_of_another_form_is_refused_by_its_name(path: Path, content: str, message: str) -> None:
    path.write_text(content)

    with pytest.raises(InvalidKey, match=f"the key file .*encryption.json' {message}"):
        load_encryption_key_file(path)
