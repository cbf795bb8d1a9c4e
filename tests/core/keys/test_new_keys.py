"""The sizes of a key before it is made are those of the key that is made. For RSA, ``tests/commands`` tests it."""

import pytest

from flask_tokenauth.core.keys.algorithms import ALGORITHMS
from flask_tokenauth.core.keys.encryption_algorithms import MANAGEMENTS
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.new_keys import sizes_of_new_encryption_key, sizes_of_new_key


@pytest.mark.parametrize("alg", [name for name, algorithm in ALGORITHMS.items() if algorithm.key_type != "RSA"])
def test_a_new_key_has_the_sizes_that_were_foreseen(alg: str) -> None:
    foreseen, made = sizes_of_new_key(alg), Key.generate(alg)

    assert (foreseen.algorithm, len(foreseen.kid)) == (made.algorithm, len(made.kid))
    assert foreseen.signature_bytes == made.signature_bytes == len(made.sign(b"message"))


@pytest.mark.parametrize(("alg", "curve"), [pair for pair in MANAGEMENTS if pair[0] != "RSA-OAEP-256"])
def test_a_new_encryption_key_has_the_sizes_that_were_foreseen(alg: str, curve: str | None) -> None:
    foreseen, made = sizes_of_new_encryption_key(alg, curve), EncryptionKey.generate(alg, curve=curve)

    assert (foreseen.key_type, foreseen.curve) == (made.key_type, made.curve)
    assert foreseen.encrypted_key_bytes == made.encrypted_key_bytes
    assert foreseen.header_members().keys() == made.header_members().keys()
    assert foreseen.header_members() | {"kid": ""} == made.header_members() | {"kid": ""}
    assert len(foreseen.kid) == len(made.kid)
