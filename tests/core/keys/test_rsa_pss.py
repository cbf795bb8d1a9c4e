"""RSA-PSS keys in PEM are for PS256, PS384 or PS512, by their parameters."""

from base64 import b64encode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.loading import load_keys

from .kit import RSA, certificate_of, pem_of

PKCS1 = RSA._private.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
PUBLIC_PKCS1 = RSA._public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
PSS_OID = bytes.fromhex("06092a864886f70d01010a")
MGF1_OID = bytes.fromhex("06092a864886f70d010108")
SHA = {name: bytes.fromhex(f"060960864801650304020{number}") for name, number in (("256", 1), ("384", 2), ("512", 3))}
NULL = b"\x05\x00"


def der(tag: int, *parts: bytes) -> bytes:
    """Return a value in DER."""
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + length + body


def parameters(sha: str, mgf1: str, salt: int | None) -> bytes:
    """Return the parameters of RFC 4055 section 3.1. Without *salt* it is 20 bytes."""
    one = der(0xA0, der(0x30, SHA[sha], NULL))
    two = der(0xA1, der(0x30, MGF1_OID, der(0x30, SHA[mgf1], NULL)))
    return der(0x30, one, two, b"" if salt is None else der(0xA2, der(0x02, bytes([salt]))))


def private_pem(params: bytes) -> str:
    body = der(0x30, b"\x02\x01\x00", der(0x30, PSS_OID, params), der(0x04, PKCS1))
    return f"-----BEGIN PRIVATE KEY-----\n{b64encode(body).decode()}\n-----END PRIVATE KEY-----\n"


def public_pem(params: bytes) -> str:
    body = der(0x30, der(0x30, PSS_OID, params), der(0x03, b"\x00", PUBLIC_PKCS1))
    return f"-----BEGIN PUBLIC KEY-----\n{b64encode(body).decode()}\n-----END PUBLIC KEY-----\n"


CASES = [
    (b"", "PS256"),
    (parameters("256", "256", 32), "PS256"),
    (parameters("256", "256", None), "PS256"),
    (parameters("384", "384", 48), "PS384"),
    (parameters("512", "512", 64), "PS512"),
]


@pytest.mark.parametrize(("params", "algorithm"), CASES)
def test_the_parameters_of_an_rsa_pss_key_give_its_algorithm(params: bytes, algorithm: str) -> None:
    private, public = Key.from_pem(private_pem(params)), Key.from_pem(public_pem(params))

    assert (private.algorithm, public.algorithm) == (algorithm, algorithm)
    public.verify(b"message", private.sign(b"message"))


@pytest.mark.parametrize("params", [der(0x30), parameters("256", "384", 32), parameters("256", "256", 33)])
def test_parameters_that_no_algorithm_has_are_refused(params: bytes) -> None:
    """Empty parameters stand for SHA-1."""
    for pem in (private_pem(params), public_pem(params)):
        with pytest.raises(InvalidKey, match="an RSA-PSS key must be for SHA-256, SHA-384 or SHA-512"):
            Key.from_pem(pem)


@pytest.mark.parametrize("header", ["C: h", "Comment: hello", "Owner: a\nUse: b"])
@pytest.mark.parametrize("pem", [private_pem(b""), public_pem(b"")], ids=["private", "public"])
def test_a_header_in_the_block_does_not_hide_that_a_key_is_for_rsa_pss(pem: str, header: str) -> None:
    begin, body = pem.split("\n", 1)

    assert Key.from_pem(f"{begin}\n{header}\n\n{body}").algorithm == "PS256"


def test_an_rsa_pss_key_without_parameters_takes_each_hash() -> None:
    assert Key.from_pem(private_pem(b""), alg="PS512").algorithm == "PS512"


@pytest.mark.parametrize(
    ("params", "alg", "allowed"),
    [(b"", "RS256", "PS256 or PS384 or PS512"), (parameters("256", "256", 32), "PS384", "PS256")],
)
def test_another_algorithm_for_an_rsa_pss_key_is_refused(params: bytes, alg: str, allowed: str) -> None:
    with pytest.raises(InvalidKey, match=f"^alg of this RSA-PSS key must be {allowed}, got another: leave alg out$"):
        Key.from_pem(public_pem(params), alg=alg)


def test_an_encrypted_key_hides_that_it_is_for_rsa_pss_and_its_public_half_shows_it() -> None:
    encrypted = pem_of(RSA._private, b"open sesame").decode()

    assert Key.from_pem(encrypted, passphrase="open sesame").algorithm == "RS256"
    [key] = load_keys(encrypted + public_pem(b""), passphrase="open sesame")
    assert (key.algorithm, key.can_sign) == ("PS256", True)


def test_an_rsa_key_in_a_certificate_that_was_signed_with_rsa_pss_is_an_rsa_key() -> None:
    plain = x509.load_pem_x509_certificate(certificate_of(RSA._public, RSA._private).encode())
    builder = x509.CertificateBuilder(
        plain.issuer, plain.subject, RSA._public, 1, plain.not_valid_before_utc, plain.not_valid_after_utc
    )
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signed = builder.sign(RSA._private, hashes.SHA256(), rsa_padding=pss).public_bytes(Encoding.PEM)

    assert Key.from_pem(signed).algorithm == "RS256"


def test_an_rsa_pss_key_in_a_certificate_is_for_its_algorithm() -> None:
    plain = x509.load_pem_x509_certificate(certificate_of(RSA._public, RSA._private).encode())
    spki = RSA._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pss = der(0x30, der(0x30, PSS_OID, parameters("384", "384", 48)), der(0x03, b"\x00", PUBLIC_PKCS1))
    content = plain.tbs_certificate_bytes[4:].replace(spki, pss)
    algorithm = bytes.fromhex("300d06092a864886f70d01010b0500")
    body = der(0x30, der(0x30, content), algorithm, der(0x03, b"\x00", plain.signature))
    pem = f"-----BEGIN CERTIFICATE-----\n{b64encode(body).decode()}\n-----END CERTIFICATE-----\n"

    assert Key.from_pem(pem).algorithm == "PS384"
