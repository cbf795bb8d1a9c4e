"""Load keys as PEM, of each kind, encrypted or not, and explain why one is refused."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_pairs import describe

from .kit import EC, ED, RSA, certificate_of, pem_of


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


def pem_blocks_of_windows(pem: str) -> str:
    return pem.replace("\n", "\r\n")


def pem_of_one_line(pem: str) -> str:
    return pem.replace("\n", "\\r\\n")


def indented(pem: str) -> str:
    return "\ufeff\t" + pem.replace("\n", "  \n\n   ")


def without_line_ends(pem: str) -> str:
    return pem.replace("\n", " ")


def block(label: str) -> bytes:
    """Return PEM text that holds no key."""
    return f"-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n".encode()


NOT_OPENED = "must be the one that the private key is encrypted with"


@pytest.mark.parametrize("passphrase", ["open sesame\n", b"open sesame\r\n"])
def test_a_line_end_after_the_passphrase_is_named(passphrase: str | bytes) -> None:
    """A passphrase from a file has it."""
    with pytest.raises(InvalidKey, match=r"got one that does not open it: remove the line end after it$"):
        Key.from_pem(pem_of(EC._private, b"open sesame"), passphrase=passphrase)


@pytest.mark.parametrize(
    ("pem", "passphrase", "advice"),
    [
        (pem_of(EC._private, b"open sesame"), None, r"Key\.from_pem\(pem, passphrase=…\)"),
        (pem_of(EC._private, b"open sesame"), "wrong", NOT_OPENED),
        (pem_of(EC._private, b"open sesame", PrivateFormat.TraditionalOpenSSL), None, "needs its passphrase, got none"),
        (pem_of(EC._private, b"open sesame", PrivateFormat.TraditionalOpenSSL), "wrong", NOT_OPENED),
        (pem_of(EC._private), "needless", "got one for a key that is not encrypted or cannot be read: leave it out"),
        (b"", None, "not its path"),
        (b"/run/secrets/key.pem", None, "pass the content of the file"),
        (b"\x30\x82 DER", None, "openssl pkey -inform DER"),
        (block("PRIVATE KEY"), None, "check that it is complete"),
        (block("PUBLIC KEY"), None, "got no key that can be read"),
        (block("CERTIFICATE"), None, "a certificate must be X.509 in PEM, got one that cannot be read"),
        (block("DH PARAMETERS"), None, "PEM text must hold a key, got none"),
        (block("OPENSSH PRIVATE KEY"), None, "ssh-keygen -p -m PEM -f COPY"),
        (block("OPENSSH PRIVATE KEY"), "open sesame", "the format of OpenSSH"),
        (b"ssh-ed25519 AAAA", None, "ssh-keygen -e -m PKCS8 -f FILE"),
        pytest.param(b64encode(pem_of(EC._private)), None, "got the base64 of PEM text: decode it once", id="base64"),
    ],
)
def test_pem_that_cannot_be_read_is_refused_with_the_reason(pem: bytes, passphrase: str | None, advice: str) -> None:
    with pytest.raises(InvalidKey, match=advice) as caught:
        Key.from_pem(pem, passphrase=passphrase)

    assert not any(word in str(caught.value) for word in ("open sesame", "wrong", "needless", "AAAA", "/run/secrets"))


def test_a_path_object_is_refused_with_the_method_that_reads_it(tmp_path: Path) -> None:
    path: Any = tmp_path / "key.pem"

    with pytest.raises(InvalidKey, match=r"got \w+Path: pass the content of the file, path\.read_text\(\)$"):
        Key.from_pem(path)


@pytest.mark.parametrize("key", [RSA, EC, ED])
def test_keys_of_openssh_load(key: Key) -> None:
    private = Key.from_pem(pem_of(key._private, form=PrivateFormat.OpenSSH))
    line = key._public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" alice@laptop\n"

    assert (private.kid, private.can_sign) == (key.kid, True)
    assert (Key.from_pem(line).kid, Key.from_pem(line).can_sign) == (key.kid, False)


@pytest.mark.parametrize("how", [pem_blocks_of_windows, pem_of_one_line, indented, without_line_ends])
def test_white_space_and_line_ends_do_not_matter(how: Callable[[str], str]) -> None:
    assert Key.from_pem(how(pem_of(EC._private).decode())).kid == EC.kid


@pytest.mark.slow
def test_an_encrypted_key_of_openssh_opens_with_its_passphrase() -> None:
    pem = pem_of(ED._private, b"open sesame", PrivateFormat.OpenSSH)

    assert Key.from_pem(pem, passphrase="open sesame").kid == ED.kid
    for passphrase, message in ((None, "needs its passphrase, got none"), ("wrong", NOT_OPENED)):
        with pytest.raises(InvalidKey, match=message):
            Key.from_pem(pem, passphrase=passphrase)


@pytest.mark.parametrize(("trouble", "message"), [("Need bcrypt module", "pip install bcrypt"), ("x", "the format of")])
def test_an_encrypted_key_that_cannot_be_opened_here_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, trouble: str, message: str
) -> None:
    def load(pem: bytes, passphrase: bytes | None) -> None:
        raise TypeError if passphrase is None else UnsupportedAlgorithm(trouble)

    monkeypatch.setattr("flask_tokenauth.core.keys.pem.load_ssh_private_key", load)

    with pytest.raises(InvalidKey, match=message):
        Key.from_pem(block("OPENSSH PRIVATE KEY"), passphrase="open sesame")


def test_a_certificate_gives_the_public_key_at_any_date() -> None:
    key = Key.from_pem(certificate_of(EC._public, EC._private))

    assert (key.kid, key.algorithm, key.can_sign) == (EC.kid, "ES256", False)


def test_a_certificate_with_a_weak_key_is_refused() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)

    with pytest.raises(InvalidKey, match="must have 2048 to 16384 bits, got 1024"):
        Key.from_pem(certificate_of(weak.public_key(), weak))


def test_several_keys_are_refused_where_one_is_wanted() -> None:
    with pytest.raises(InvalidKey, match=r"must hold one key, got 2 different keys: .* TOKENAUTH_KEYS takes several$"):
        Key.from_pem(pem_of(EC._private) + pem_of(ED._private))


def test_pem_that_cryptography_chokes_on_is_refused() -> None:
    """The OID of Ed448 with a key of 32 bytes makes ``cryptography`` raise ``InternalError``."""
    body = "MC4CAQAwBQYDK2VxBCIEICwCX1YpopAO9O8z1bJYsKwb7oed0+c4J4wCffn0RBJG"

    with pytest.raises(InvalidKey):
        Key.from_pem(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (ed448.Ed448PrivateKey.generate(), "an Ed448 key"),
        (x25519.X25519PrivateKey.generate(), "an X25519 key"),
        (ec.generate_private_key(ec.SECP256K1()), "an EC key on secp256k1"),
        (dsa.generate_private_key(2048), "a DSA key"),
    ],
)
def test_pem_keys_of_other_kinds_are_refused_with_their_name_and_the_algorithms(key: Any, name: str) -> None:
    with pytest.raises(
        InvalidKey, match=f"got {name}, which is not supported: make a key for one of RS256, .*, Ed25519$"
    ):
        Key.from_pem(pem_of(key))
    with pytest.raises(InvalidKey, match=f"^EdDSA needs an Ed25519 key, got {name}$"):
        Key.from_pem(pem_of(key), alg="EdDSA")


def test_a_key_of_a_class_without_a_name_is_described_nevertheless() -> None:
    assert describe(object()) == "a key of another kind"


def test_a_pem_key_has_to_fit_its_algorithm() -> None:
    with pytest.raises(InvalidKey, match="ES384 needs an EC key on P-384, got an EC key on P-256"):
        Key.from_pem(pem_of(EC._private), alg="ES384")
    with pytest.raises(InvalidKey, match="EdDSA needs an Ed25519 key, got an RSA key"):
        Key.from_pem(pem_of(RSA._private), alg="EdDSA")
    with pytest.raises(InvalidKey, match="RS256 needs an RSA key, got an Ed25519 key"):
        Key.from_pem(pem_of(ED._private), alg="RS256")


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("pem", [pem_of(EC._private), certificate_of(RSA._public, RSA._private)], ids=["key", "cert"])
def test_a_pem_key_is_no_secret(pem: bytes | str, alg: str) -> None:
    with pytest.raises(InvalidKey, match=rf"^{alg} needs a secret, got an (EC|RSA) key"):
        Key.from_pem(pem, alg=alg)


def test_an_rsa_key_of_1024_bits_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)

    with pytest.raises(InvalidKey, match="must have 2048 to 16384 bits, got 1024"):
        Key.from_pem(pem_of(key))
