"""Secrets of clients: their form, and the hashes that the settings have."""

import hashlib
import re

import pytest

from flask_tokenauth.core.opaque.client_secret import (
    SECRET_LENGTH,
    digest_of,
    is_client_secret,
    make_client_secret,
    read_hash,
    write_hash,
)

SECRET = "cs1_" + "aZ09-_" * 7 + "x"
HASH = "sha256:" + hashlib.sha256(SECRET.encode()).hexdigest()


def test_a_secret_is_a_prefix_and_43_characters() -> None:
    secret = make_client_secret()

    assert re.fullmatch(r"cs1_[A-Za-z0-9_-]{43}", secret)
    assert is_client_secret(secret)
    assert len(secret) == SECRET_LENGTH


def test_no_two_secrets_are_alike() -> None:
    assert len({make_client_secret() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        SECRET[:-1],
        SECRET + "x",
        SECRET + "\n",
        SECRET + "\0",
        SECRET.upper(),
        "rt1_" + SECRET[4:],
        SECRET[4:],
        SECRET[:-1] + "+",
        SECRET[:-1] + "=",
        SECRET[:-1] + "é",
        SECRET[:-1] + "٣",  # a digit, not of ASCII
        HASH,
    ],
)
def test_another_string_is_not_a_secret(text: str) -> None:
    assert is_client_secret(SECRET)
    assert not is_client_secret(text)


def test_a_hash_is_the_sha_256_of_the_whole_secret() -> None:
    """So that ``printf %s "$SECRET" | sha256sum`` gives the same."""
    assert write_hash(SECRET) == HASH
    assert read_hash(HASH) == digest_of(SECRET) == hashlib.sha256(SECRET.encode()).digest()


def test_the_digits_of_a_hash_may_be_upper_case() -> None:
    assert read_hash("sha256:" + HASH[7:].upper()) == digest_of(SECRET)


@pytest.mark.parametrize(
    "value",
    [
        "",
        HASH[7:],
        HASH[:-1],
        HASH + "0",
        HASH[:-1] + "g",
        HASH + "\n",
        " " + HASH,
        "SHA256:" + HASH[7:],
        SECRET,
        1,
        None,
    ],
)
def test_another_value_is_not_a_hash(value: object) -> None:
    with pytest.raises(ValueError, match="must be sha256: and 64 hexadecimal digits") as caught:
        read_hash(value)

    assert str(value) not in str(caught.value) or value == ""
