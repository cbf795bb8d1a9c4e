"""Keys as PEM, of each kind and encrypted or not: what loads, and what is refused."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key

from .kit import EC, ED, RSA, pem_of


def public_pem_of(key: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, form)
    return pem


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ec.generate_private_key(ec.SECP521R1()), "ES512"),
        (ED._private, "EdDSA"),
    ],
)
def test_pem_keys_load_with_the_usual_algorithm_of_their_kind(kind: Any, name: str) -> None:
    private = Key.from_pem(pem_of(kind).decode())
    public = Key.from_pem(public_pem_of(kind))

    assert (private.algorithm, private.can_sign) == (name, True)
    assert (public.algorithm, public.can_sign, public.kid) == (name, False, private.kid)
    public.verify(b"message", private.sign(b"message"))


@pytest.mark.parametrize(
    "pem",
    [
        pem_of(RSA._private, form=PrivateFormat.TraditionalOpenSSL),
        pem_of(EC._private, form=PrivateFormat.TraditionalOpenSSL),
        public_pem_of(RSA._private, PublicFormat.PKCS1),
    ],
)
def test_the_older_forms_of_pem_load_too(pem: bytes) -> None:
    assert Key.from_pem(pem).kid in {RSA.kid, EC.kid}


def test_a_pem_key_takes_the_algorithm_and_key_id_that_it_is_given() -> None:
    key = Key.from_pem(pem_of(RSA._private), alg="PS512", kid="2026")

    assert (key.algorithm, key.kid) == ("PS512", "2026")


@pytest.mark.parametrize("passphrase", ["open sesame", b"open sesame"])
def test_an_encrypted_pem_key_opens_with_its_passphrase(passphrase: str | bytes) -> None:
    key = Key.from_pem(pem_of(EC._private, b"open sesame"), passphrase=passphrase)

    assert key.kid == EC.kid


@pytest.mark.parametrize(
    ("pem", "passphrase"),
    [
        (pem_of(EC._private, b"open sesame"), None),
        (pem_of(EC._private, b"open sesame"), "wrong"),
        (pem_of(EC._private), "needless"),
        (b"", None),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", None),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", None),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None),
    ],
)
def test_pem_that_does_not_open_is_refused(pem: bytes, passphrase: str | None) -> None:
    with pytest.raises(InvalidKey, match="PEM text holds no key"):
        Key.from_pem(pem, passphrase=passphrase)


def test_pem_that_cryptography_chokes_on_is_refused() -> None:
    """An Ed448 OID around a key of 32 bytes raises ``InternalError`` there."""
    body = "MC4CAQAwBQYDK2VxBCIEICwCX1YpopAO9O8z1bJYsKwb7oed0+c4J4wCffn0RBJG"

    with pytest.raises(InvalidKey):
        Key.from_pem(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")


@pytest.mark.parametrize("kind", [ed448.Ed448PrivateKey.generate(), ec.generate_private_key(ec.SECP256K1())])
def test_pem_keys_of_other_kinds_are_refused(kind: Any) -> None:
    with pytest.raises(InvalidKey, match="names no algorithm"):
        Key.from_pem(pem_of(kind))
    with pytest.raises(InvalidKey, match="another kind"):
        Key.from_pem(pem_of(kind), alg="EdDSA")


def test_a_pem_key_has_to_fit_its_algorithm() -> None:
    with pytest.raises(InvalidKey, match="another kind"):
        Key.from_pem(pem_of(EC._private), alg="ES384")


def test_an_rsa_key_of_1024_bits_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)

    with pytest.raises(InvalidKey, match="1024 bits"):
        Key.from_pem(pem_of(key))
