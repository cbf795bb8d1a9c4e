"""Keys that people paste: their forms, and those that do not fit or are weak."""

import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from flask_tokenauth.core import Key
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.tokens import jws

from ...core.keys.kit import certificate_of, pem_of
from ..kit import SKIPPED
from .conftest import Inspector, unsigned

pytestmark = SKIPPED

GOOD_SECRET = bytes(range(200, 248))


def public_pem(key: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    pem: bytes = key.public_bytes(Encoding.PEM, form)
    return pem.decode()


def sign_hmac(secret: bytes, alg: str = "HS256") -> str:
    signed = base64url.encode(json.dumps({"alg": alg}).encode()) + b".e30"
    return (signed + b"." + base64url.encode(hmac.digest(secret, signed, f"sha{alg[2:]}"))).decode()


def sign_rsa(key: rsa.RSAPrivateKey) -> str:
    signed = base64url.encode(b'{"alg":"RS256"}') + b".e30"
    return (signed + b"." + base64url.encode(key.sign(signed, padding.PKCS1v15(), SHA256()))).decode()


def oct_jwk(secret: bytes, **members: object) -> dict[str, object]:
    return {"kty": "oct", "k": base64url.encode(secret).decode(), **members}


def without(jwk: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in names}


@pytest.mark.parametrize("alg", ["RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"])
def test_a_public_key_in_pem_verifies(inspector: Inspector, alg: str) -> None:
    key = Key.generate(alg)

    inspector.show(jws.sign(b"{}", key), f"Some words before.\n{public_pem(key._public)}\n")

    assert inspector.signature()[0] == "Verified"


def test_a_key_in_pkcs_1_verifies(inspector: Inspector) -> None:
    key = Key.generate("RS256")

    inspector.show(jws.sign(b"{}", key), public_pem(key._public, PublicFormat.PKCS1))

    assert inspector.signature()[0] == "Verified"


@pytest.mark.parametrize("alg", ["RS256", "ES384", "EdDSA"])
def test_the_key_of_a_certificate_verifies_and_its_dates_do_not_count(inspector: Inspector, alg: str) -> None:
    key = Key.generate(alg)

    inspector.show(jws.sign(b"{}", key), certificate_of(key._public, key._private))

    assert inspector.signature()[0] == "Verified"
    assert "its issuer and its dates were not checked" in inspector.signature()[1]


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_private_key_in_pem_is_refused_with_a_better_way(inspector: Inspector, form: PrivateFormat) -> None:
    key = Key.generate("ES256")

    inspector.show(jws.sign(b"{}", key), pem_of(key._private, form=form).decode())

    assert inspector.signature()[0] == "Not checked"
    assert "The public key is enough: openssl pkey -in key.pem -pubout" in inspector.signature()[1]


def test_a_private_jwk_verifies_with_a_warning(inspector: Inspector) -> None:
    key = Key.generate("EdDSA")

    inspector.show(jws.sign(b"{}", key), key.to_jwk(private=True))

    assert inspector.signature()[0] == "Verified"
    assert "Warning: This is a private key." in inspector.signature()[1]


def test_the_key_of_a_set_is_chosen_by_kid(inspector: Inspector) -> None:
    keys = [Key.generate("ES256", kid=kid) for kid in ("one", "two", "three")]

    inspector.show(jws.sign(b"{}", keys[1]), {"keys": [key.to_jwk() for key in keys]})

    assert inspector.signature()[0] == "Verified"


def test_a_key_of_a_set_that_the_kid_does_not_name_is_not_tried(inspector: Inspector) -> None:
    signer = Key.generate("ES256", kid="one")
    jwk = without(signer.to_jwk(), "kid")

    inspector.show(
        jws.sign(b"{}", signer), {"keys": [jwk | {"kid": "two"}, Key.generate("ES256", kid="three").to_jwk()]}
    )

    assert inspector.signature() == ("Not checked", 'No key of the set has the kid "one". The set has "two", "three".')


def test_of_two_keys_with_the_same_kid_none_is_tried(inspector: Inspector) -> None:
    keys = [Key.generate("ES256", kid="same") for _ in range(2)]

    inspector.show(jws.sign(b"{}", keys[0]), {"keys": [key.to_jwk() for key in keys]})

    assert inspector.signature()[0] == "Not checked"
    assert "Several keys of the set could be meant, and they have the same kid." in inspector.signature()[1]


def test_without_a_kid_the_one_key_of_the_algorithm_is_used(inspector: Inspector) -> None:
    secret = oct_jwk(GOOD_SECRET, alg="HS256", kid="s")
    others = [Key.generate("ES256").to_jwk(), {"kty": "future"}, oct_jwk(GOOD_SECRET, use="enc")]

    inspector.show(sign_hmac(GOOD_SECRET), {"keys": [*others, secret]})

    assert inspector.signature()[0] == "Verified"


def test_without_a_kid_none_of_several_keys_is_tried(inspector: Inspector) -> None:
    secret = oct_jwk(GOOD_SECRET)

    inspector.show(sign_hmac(GOOD_SECRET), {"keys": [secret, secret]})

    assert inspector.signature()[0] == "Not checked"
    assert "Several keys of the set could be meant, and the token has no kid." in inspector.signature()[1]


def test_key_ids_with_certificates_are_a_set(inspector: Inspector) -> None:
    """Google and Firebase publish their keys so."""
    key, other = Key.generate("RS256", kid="one"), Key.generate("RS256", kid="two")
    certificates = {each.kid: certificate_of(each._public, each._private) for each in (key, other)}

    inspector.show(jws.sign(b"{}", key), certificates)

    assert inspector.signature()[0] == "Verified"


def test_another_kid_than_that_of_the_one_key_is_a_warning(inspector: Inspector) -> None:
    key = Key.generate("ES256", kid="one")

    inspector.show(jws.sign(b"{}", key), key.to_jwk() | {"kid": "two"})

    assert inspector.signature()[0] == "Verified"
    assert 'names the kid "one", and the key has the kid "two"' in inspector.signature()[1]


def test_a_public_key_is_never_a_secret(inspector: Inspector) -> None:
    """RFC 8725 section 2.1: a token that was signed with the public key as if it were a secret."""
    pem = public_pem(Key.generate("RS256")._public)
    token = sign_hmac(pem.encode())

    inspector.show(token, pem)

    assert inspector.signature()[0] == "Not checked"
    assert (
        "HS256 needs a secret (kty oct), and this is an RSA key. The token may be an attack" in inspector.signature()[1]
    )


@pytest.mark.parametrize("before", ["", "ssh-rsa AAAA", "a comment\n"])
def test_a_secret_that_is_a_public_key_is_refused(inspector: Inspector, before: str) -> None:
    secret = (before or public_pem(Key.generate("RS256")._public)).encode()
    if before.startswith("a"):
        secret += public_pem(Key.generate("RS256")._public).encode()

    inspector.show(sign_hmac(secret), oct_jwk(secret))

    assert inspector.signature()[0] == "Not checked"
    assert "which others may have" in inspector.signature()[1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"alg": "ES384"}, 'The key is for "ES384", and the token says ES256.'),
        ({"alg": "ES256", "use": "enc"}, 'This key is not for signatures: its use is not "sig".'),
        ({"use": None}, 'This key is not for signatures: its use is not "sig".'),
        ({"key_ops": ["deriveBits"]}, 'This key is not for signatures: its key_ops have no "verify".'),
        ({"kty": "RSA"}, "A key with kty RSA must have n, which is a string."),
        ({"kty": "constructor"}, 'kty of a key must be RSA, EC, OKP or oct, got "constructor".'),
        ({"kty": None}, 'kty of a key must be RSA, EC, OKP or oct, got "nothing".'),
        ({"crv": "P-384"}, 'ES256 needs the curve P-256, and the key is on "P-384".'),
        ({"x": "AA=="}, "x of the key must be base64url without padding, but its character 3 is padding."),
        ({"x": "AAAA"}, "The browser cannot use this key: its numbers are damaged."),
    ],
)
def test_a_jwk_that_does_not_fit_is_refused(inspector: Inspector, changes: dict[str, Any], sentence: str) -> None:
    key = Key.generate("ES256")

    inspector.show(jws.sign(b"{}", key), key.to_jwk() | changes)

    assert inspector.signature() == ("Not checked", sentence)


@pytest.mark.parametrize(
    ("pasted", "sentence"),
    [
        ("wonderland", "A key must be a JWK, a JWK Set, or PEM, which begins with -----BEGIN."),
        ("wonderland", "The SECRET_KEY of a Flask application is not the key of its tokens"),
        ("ssh-ed25519 AAAA", "Convert it: ssh-keygen -e -m PKCS8 -f key.pub"),
        ('{"kty"', "The key must be JSON or PEM: "),
        ('{"kty": "EC", "kty": "EC"}', 'The JSON of the key has the name "kty" twice.'),
        ('{"keys": []}', "The key set has no key."),
        ("{}", "kty of a key must be RSA, EC, OKP or oct"),
        ("[" * 10_000, "The key must be JSON or PEM: "),
        ("-----BEGIN PUBLIC KEY-----\nAAAA", "One is missing or damaged."),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "The PUBLIC KEY cannot be read"),
        ("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----", "The PUBLIC KEY cannot be read"),
        ("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----", 'got "X509 CRL".'),
    ],
)
def test_anything_else_is_refused_with_a_sentence(inspector: Inspector, pasted: str, sentence: str) -> None:
    inspector.show(unsigned({}), pasted)

    assert inspector.signature()[0] == "Not checked"
    assert sentence in inspector.signature()[1]


def test_two_keys_in_pem_are_refused(inspector: Inspector) -> None:
    pem = public_pem(Key.generate("ES256")._public)

    inspector.show(unsigned({}), pem + pem)

    assert "There are several keys or certificates, and PEM has no key IDs to choose by." in inspector.signature()[1]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (ec.generate_private_key(ec.SECP256K1()).public_key(), "The curve of an EC key must be P-256, P-384 or P-521"),
        (ec.generate_private_key(ec.SECP256R1()).public_key(), "The point of this EC key is compressed."),
    ],
    ids=["another curve", "compressed"],
)
def test_an_ec_key_that_webcrypto_does_not_take_is_refused(
    inspector: Inspector, key: ec.EllipticCurvePublicKey, sentence: str
) -> None:
    inspector.show(unsigned({}), compressed_pem(key))

    assert sentence in inspector.signature()[1]


def compressed_pem(key: ec.EllipticCurvePublicKey) -> str:
    """Return an EC key whose point is compressed, which ``cryptography`` does not write (RFC 5480 section 2.2)."""
    whole = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    algorithm = whole[2 : 4 + whole[3]]
    bits = bytes([3, len(point) + 1, 0]) + point
    der = bytes([0x30, len(algorithm) + len(bits)]) + algorithm + bits
    base64 = base64url.encode(der).decode().replace("-", "+").replace("_", "/")
    return f"-----BEGIN PUBLIC KEY-----\n{base64 + '=' * (-len(base64) % 4)}\n-----END PUBLIC KEY-----\n"


WEAK_SECRETS = {
    "31 bytes": (GOOD_SECRET[:31], "HS256"),
    "47 bytes": (GOOD_SECRET[:47], "HS384"),
    "7 different bytes": (bytes(range(7)) * 5, "HS256"),
    "words": (b"correct horse battery staple, and more 1234", "HS256"),
}
STRONG_SECRETS = {
    "32 bytes": (GOOD_SECRET[:32], "HS256"),
    "33 bytes": (GOOD_SECRET[:33], "HS256"),
    "48 bytes": (GOOD_SECRET[:48], "HS384"),
    "8 different bytes": (bytes(range(8)) * 4, "HS256"),
    "hexadecimal": (b"5f1d9a3c7b2e8056d4c1f7a9b3e6082c5d7f1a4b9c3e6d80", "HS256"),
}


@pytest.mark.parametrize("name", WEAK_SECRETS)
def test_a_weak_secret_is_a_warning(inspector: Inspector, name: str) -> None:
    secret, alg = WEAK_SECRETS[name]

    inspector.show(sign_hmac(secret, alg), oct_jwk(secret))

    assert inspector.signature()[0] == "Verified"
    assert "Warning: The secret" in inspector.signature()[1]


@pytest.mark.parametrize("name", STRONG_SECRETS)
def test_a_strong_secret_is_no_warning(inspector: Inspector, name: str) -> None:
    secret, alg = STRONG_SECRETS[name]

    inspector.show(sign_hmac(secret, alg), oct_jwk(secret))

    assert inspector.signature()[0] == "Verified"
    assert "Warning" not in inspector.signature()[1]


@pytest.mark.parametrize(("bits", "exponent"), [(1024, 65537), (2047, 65537), (2048, 3)])
def test_a_weak_rsa_key_is_a_warning(inspector: Inspector, bits: int, exponent: int) -> None:
    key = rsa.generate_private_key(exponent, bits)

    inspector.show(sign_rsa(key), public_pem(key.public_key()))

    assert inspector.signature()[0] == "Verified"
    assert "Warning: The" in inspector.signature()[1]


def test_an_rsa_key_of_2048_bits_is_no_warning(inspector: Inspector) -> None:
    key = rsa.generate_private_key(65537, 2048)

    inspector.show(sign_rsa(key), public_pem(key.public_key()))

    assert inspector.signature()[0] == "Verified"
    assert "Warning" not in inspector.signature()[1]


def test_an_ed25519_key_of_small_order_is_refused(inspector: Inspector) -> None:
    """Under the neutral element, the signature of R = A and S = 0 fits every message."""
    neutral = bytes([1]) + bytes(31)
    header = base64url.encode(b'{"alg":"EdDSA"}').decode()
    token = f"{header}.e30.{base64url.encode(neutral + bytes(32)).decode()}"

    inspector.show(token, {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(neutral).decode()})

    assert inspector.signature()[0] == "Not checked"
    assert "small order" in inspector.signature()[1]


def test_an_rsa_pss_key_is_for_pss_alone(inspector: Inspector) -> None:
    key = Key.generate("RS256")
    rsa_oid, pss_oid = bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d01010a")
    der = key._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).replace(rsa_oid, pss_oid)
    base64 = base64url.encode(der).decode().replace("-", "+").replace("_", "/")
    pem = f"-----BEGIN PUBLIC KEY-----\n{base64 + '=' * (-len(base64) % 4)}\n-----END PUBLIC KEY-----"

    inspector.show(jws.sign(b"{}", key), pem)

    assert inspector.signature() == ("Not checked", "The key is for RSA-PSS alone, and the token says RS256.")


def test_without_webcrypto_the_page_says_where_it_works(fresh: Inspector) -> None:
    """Browsers leave it out for pages over plain HTTP."""
    fresh.page.evaluate("delete Crypto.prototype.subtle")

    fresh.show(unsigned({}), Key.generate("ES256").to_jwk())

    assert "The browser offers WebCrypto only to pages from a file" in fresh.signature()[1]


def test_an_algorithm_that_the_browser_lacks_is_named(fresh: Inspector) -> None:
    fresh.page.evaluate(
        "() => { crypto.subtle.importKey = async () => { throw new DOMException('Unknown', 'NotSupportedError'); }; }"
    )
    key = Key.generate("EdDSA")

    fresh.show(jws.sign(b"{}", key), key.to_jwk())

    assert fresh.signature() == ("Not checked", "WebCrypto of this browser does not have EdDSA: try a newer browser.")
