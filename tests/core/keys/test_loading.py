"""Where keys come from: ``TOKENAUTH_KEYS``."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.keys.loading import load_keys

EC = Key.generate("ES256")
ED = Key.generate("EdDSA")
JWKS = {"keys": [EC.to_jwk(private=True), ED.to_jwk()]}
PEM = EC._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ED_PEM = ED._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
BOTH = [EC.kid, ED.kid]


def kids(source: object) -> list[str]:
    return [key.kid for key in load_keys(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (JWKS, BOTH),
        (JWKS["keys"], BOTH),
        (tuple(JWKS["keys"]), BOTH),
        ([EC, ED.to_jwk()], BOTH),
        ([PEM, ED], BOTH),
        (PEM, BOTH[:1]),
        (PEM.replace("\n", "\\n"), BOTH[:1]),
        (PEM + ED_PEM, BOTH),
        (PARAMETERS + PEM, BOTH[:1]),
        (KeySet([EC]), BOTH[:1]),
    ],
    ids=["set", "list", "tuple", "keys", "PEM in a list", "PEM", "PEM on one line", "two PEM", "parameters", "KeySet"],
)
def test_keys_come_in_many_forms(source: object, expected: list[str]) -> None:
    assert kids(source) == expected


@pytest.mark.parametrize("text", [json.dumps(JWKS), PEM + ED_PEM], ids=["JWK Set", "PEM"])
@pytest.mark.parametrize("as_text", [True, False])
def test_keys_come_from_a_file(tmp_path: Path, text: str, as_text: bool) -> None:  # noqa: FBT001
    path = tmp_path / "keys"
    path.write_text(text)

    assert kids(str(path) if as_text else path) == BOTH


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"null", b"\xff", b'{"keys": []}', b'{"keys": [1]}', b"-----BEGIN \xff", b"[" * 9999],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)

    with pytest.raises(InvalidKey):
        load_keys(path)


def test_a_file_over_one_mebibyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    text = json.dumps(JWKS)
    path.write_text(text + " " * (1024 * 1024 - len(text)))
    assert kids(path) == BOTH

    path.write_text(text + " " * (1024 * 1024 - len(text) + 1))
    with pytest.raises(InvalidKey, match="larger than 1 MiB"):
        load_keys(path)


@pytest.mark.parametrize("source", ["hunter2-strayed-here", "hunter2\x00", "hunter2" * 1000])
def test_a_path_that_cannot_be_read_is_refused_and_not_repeated(source: str) -> None:
    """It may be a secret that somebody put into the wrong setting."""
    with pytest.raises(InvalidKey, match="cannot be read") as caught:
        load_keys(source)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("source", [None, 1, True, b"bytes", [], [None], [1], ["no PEM"], [[]], "-----BEGIN nothing"])
def test_what_is_no_source_of_keys_is_refused(source: object) -> None:
    with pytest.raises(InvalidKey):
        load_keys(source)


@pytest.mark.parametrize(
    "text", [PEM + ED_PEM[:60], PEM + ED_PEM.replace("END PRIVATE", "END PUBLIC"), PEM.replace("END", "end"), PEM * 101]
)
def test_one_bad_block_of_pem_and_there_is_no_set(text: str) -> None:
    with pytest.raises(InvalidKey, match=r"does not end as it began|more than 100 blocks"):
        load_keys(text)


def test_a_path_of_something_else_than_a_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(InvalidKey, match="not that of a file"):
        load_keys(tmp_path)
    with pytest.raises(InvalidKey, match="not that of a file"):
        load_keys(pipe)  # reading it would wait for a writer
