"""Several blocks in one PEM text: halves, certificates and chains, and the number of the block that is bad."""

from base64 import b64encode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.loading import load_keys

from .kit import EC, ED, RSA, certificate_of, pem_of

PRIVATE = pem_of(EC._private).decode()
PUBLIC = EC._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
OWN = certificate_of(EC._public, EC._private)
OTHER = pem_of(ED._private).decode()
ROOT = certificate_of(RSA._public, RSA._private, "root", "root")
MIDDLE = certificate_of(ED._public, RSA._private, "middle", "root")
LEAF = certificate_of(EC._public, ED._private, "leaf", "middle")


@pytest.mark.parametrize("parts", [[PRIVATE, PUBLIC], [PUBLIC, PRIVATE], [PRIVATE, OWN], [OWN, PUBLIC, PRIVATE]])
def test_a_private_key_and_its_public_half_are_one_key(parts: list[str]) -> None:
    [key] = load_keys("".join(parts))

    assert (key.kid, key.can_sign) == (EC.kid, True)


def test_the_first_private_key_signs_wherever_the_halves_are() -> None:
    keys = load_keys(PUBLIC + OTHER + PRIVATE)

    assert [key.kid for key in keys] == [ED.kid, EC.kid]
    assert keys.signing_key is next(iter(keys))


@pytest.mark.parametrize("parts", [[LEAF, MIDDLE, ROOT], [ROOT, MIDDLE, LEAF], [LEAF, MIDDLE], [LEAF, ROOT, MIDDLE]])
def test_the_keys_of_a_chain_are_not_loaded(parts: list[str]) -> None:
    """An authority signs certificates, and no tokens."""
    [public] = load_keys("".join(parts))
    [private] = load_keys(PRIVATE + "".join(parts))

    assert (public.kid, public.can_sign) == (EC.kid, False)
    assert (private.kid, private.can_sign) == (EC.kid, True)


def test_certificates_of_one_name_are_several_keys() -> None:
    """Google signs each of its certificates with the key in it, and all have the same name."""
    text = OWN + certificate_of(ED._public, ED._private) + certificate_of(RSA._public, RSA._private)

    assert [key.kid for key in load_keys(text)] == [EC.kid, ED.kid, RSA.kid]


@pytest.mark.parametrize("parts", [[OTHER, OWN], [OWN, OTHER], [OTHER, LEAF]])
def test_a_certificate_of_another_key_beside_a_private_key_is_refused(parts: list[str]) -> None:
    with pytest.raises(
        InvalidKey, match=r"^block [12] of 2: a certificate .* must be for that key .*, got one for anoth"
    ):
        load_keys("".join(parts))


def test_certificates_that_issued_each_other_leave_no_key() -> None:
    one = certificate_of(EC._public, ED._private, "one", "two")
    two = certificate_of(ED._public, EC._private, "two", "one")

    with pytest.raises(InvalidKey, match="PEM text must hold a key, got none"):
        load_keys(one + two)


@pytest.mark.parametrize("others", [[], [MIDDLE, ROOT]], ids=["alone", "with the chain of another"])
def test_a_certificate_and_its_renewal_for_the_same_key_are_one_key(others: list[str]) -> None:
    """Each of them has the name and the signature that an issuer of the other one would have."""
    renewed = certificate_of(EC._public, EC._private, "a", "a")

    keys = load_keys(OWN + renewed + "".join(others))

    assert EC.kid in [key.kid for key in keys]
    assert RSA.kid not in [key.kid for key in keys]


def test_a_certificate_whose_signature_cannot_be_checked_issues_by_its_name() -> None:
    """No signature of X25519 exists, so the certificate is not asked for its key either."""
    issuer = certificate_of(x25519.X25519PrivateKey.generate().public_key(), RSA._private)

    assert [key.kid for key in load_keys(OWN + issuer)] == [EC.kid]


def test_a_certificate_for_a_key_that_cannot_be_read_is_refused() -> None:
    der = x509.load_pem_x509_certificate(certificate_of(ED._public, ED._private).encode()).public_bytes(Encoding.DER)
    body = b64encode(der.replace(b"\x2b\x65\x70", b"\x2b\x65\x01")).decode()

    with pytest.raises(InvalidKey, match=r"^a certificate must be for an RSA key, .* got one for a key that cannot be"):
        load_keys(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")


@pytest.mark.parametrize("label", ["CERTIFICATE REQUEST", "TRUSTED CERTIFICATE", "X509 CRL", "PKCS7"])
def test_a_block_without_a_key_is_named(label: str) -> None:
    with pytest.raises(InvalidKey, match=rf"^block 2 of 2: PEM text must .*, got a {label}, .*: leave this block out$"):
        load_keys(PRIVATE + OWN.replace("CERTIFICATE", label))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "got no key that can be read"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate must be X.509"),
        (pem_of(ed448.Ed448PrivateKey.generate()).decode(), "got an Ed448 key, which is not supported"),
        (pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024)).decode(), "2048 to 16384 bits"),
        (pem_of(RSA._private, b"open sesame").decode(), "needs its passphrase, got none"),
    ],
)
def test_the_refusal_names_the_block(bad: str, message: str) -> None:
    with pytest.raises(InvalidKey, match=rf"^block 2 of 3: .*{message}"):
        load_keys(PRIVATE + bad + OTHER)


def test_the_block_that_does_not_end_is_named() -> None:
    with pytest.raises(
        InvalidKey, match=r"got one that does not \(block 2 of 3\): check that the PEM text is complete"
    ):
        load_keys(PRIVATE + OTHER[:60] + PRIVATE)


def test_lines_of_openssh_are_several_keys() -> None:
    lines = [key._public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() for key in (EC, ED)]

    assert [key.kid for key in load_keys("\n\n".join(lines))] == [EC.kid, ED.kid]
    with pytest.raises(InvalidKey, match=r"must have 1 to 100 blocks, .* got 101"):
        load_keys("\n".join(lines[:1] * 101))


@pytest.mark.parametrize("pem", ["-----BEGIN PUBLIC KEY-----\udc80-----END PUBLIC KEY-----", "ssh-rsa AAAA\udc80é"])
def test_pem_text_that_utf_8_cannot_encode_is_refused_and_not_kept(pem: str) -> None:
    """``UnicodeEncodeError`` holds the whole string."""
    with pytest.raises(InvalidKey) as caught:
        load_keys(pem)

    assert not isinstance(caught.value.__cause__, UnicodeError)


def test_a_large_file_of_nothing_is_refused_at_once() -> None:
    with pytest.raises(InvalidKey):
        load_keys("-----BEGIN A-----" * 100 + " " * 1024 * 1024)


def test_a_key_keeps_the_algorithm_of_its_curve_beside_others() -> None:
    assert [key.algorithm for key in load_keys(PRIVATE + OTHER)] == [EC.algorithm, ED.algorithm]
    assert isinstance(Key.from_pem(PRIVATE + PUBLIC), Key)
