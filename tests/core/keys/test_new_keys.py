"""The sizes of a key before it is made are those of the key that is made."""

import pytest

from flask_tokenauth.core.keys.algorithms import ALGORITHMS
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.new_keys import sizes_of_new_key


@pytest.mark.parametrize("alg", [name for name, algorithm in ALGORITHMS.items() if algorithm.key_type != "RSA"])
def test_a_new_key_has_the_sizes_that_were_foreseen(alg: str) -> None:
    foreseen, made = sizes_of_new_key(alg), Key.generate(alg)

    assert (foreseen.algorithm, len(foreseen.kid)) == (made.algorithm, len(made.kid))
    assert foreseen.signature_bytes == made.signature_bytes == len(made.sign(b"message"))


def test_a_new_rsa_key_has_them_too() -> None:
    foreseen, made = sizes_of_new_key("PS256"), Key.generate("PS256")

    assert len(foreseen.kid) == len(made.kid)
    assert foreseen.signature_bytes == len(made.sign(b"message"))
