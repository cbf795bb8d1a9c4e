"""Keys and key sets sign, verify, refuse weak or ambiguous keys, and show no secret."""

import copy
import hmac
import pickle
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.algorithms import ALGORITHMS
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.keys.pyjwt import crypto_of
from flask_tokenauth.core.signature_errors import InvalidSignature

from .kit import ASYMMETRIC, EC, ED, RSA, SECRET, jwk_of, oct_jwk, pem_of


def hkdf(secret: bytes, info: str) -> bytes:
    """Compute the first 32 bytes of HKDF with SHA-256 and no salt by hand (RFC 5869 section 2)."""
    extracted = hmac.digest(b"\x00" * 32, secret, "sha256")
    return hmac.digest(extracted, info.encode() + b"\x01", "sha256")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_a_key_of_every_algorithm_signs_and_verifies(name: str) -> None:
    key = Key.generate(name)

    key.verify(b"message", key.sign(b"message"))

    with pytest.raises(InvalidSignature):
        key.verify(b"another", key.sign(b"message"))


@pytest.mark.parametrize("name", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("message", [b"", b"message", bytes(100_000)], ids=["empty", "short", "long"])
def test_a_secret_signs_as_the_standard_library_does(name: str, message: bytes) -> None:
    """RFC 2104; RFC 7518 section 3.2."""
    key = Key.from_secret(SECRET, alg=name)

    signatures = [key.sign(message) for _ in range(2)]

    assert signatures == [hmac.digest(SECRET, message, f"sha{name[2:]}")] * 2


@pytest.mark.parametrize(("name", "length"), [("ES256", 32), ("ES384", 48), ("ES512", 66)])
def test_a_signature_of_ecdsa_has_the_leading_zeros_of_both_numbers(name: str, length: int) -> None:
    """RFC 7518 section 3.4: "MUST NOT be shortened to omit any leading zero octets"."""
    private = SimpleNamespace(sign=lambda message, scheme: encode_dss_signature(1, 2))

    signature = crypto_of(ALGORITHMS[name]).sign(b"message", private)

    assert signature == b"\x01".rjust(length, b"\x00") + b"\x02".rjust(length, b"\x00")


@pytest.mark.parametrize("numbers", [(0, 0), (0, 1), (1, 0), (1, 2**256 - 1), (2**256 - 1, 1)])
def test_numbers_that_no_ecdsa_signature_has_are_refused(numbers: tuple[int, int]) -> None:
    """Both must be from 1 to the order of the group less 1."""
    signature = b"".join(number.to_bytes(32) for number in numbers)

    with pytest.raises(InvalidSignature):
        Key.generate("ES256").verify(b"message", signature)


@pytest.mark.parametrize("place", [0, 31])
def test_no_bit_of_an_hmac_can_be_another(place: int) -> None:
    key = Key.from_secret(SECRET)
    signature = bytearray(key.sign(b"message"))

    signature[place] ^= 1

    with pytest.raises(InvalidSignature):
        key.verify(b"message", bytes(signature))


@pytest.mark.parametrize(
    ("name", "length"),
    {
        "HS256": 32,
        "HS384": 48,
        "HS512": 64,
        "RS256": 256,
        "PS512": 256,
        "ES256": 64,
        "ES384": 96,
        "ES512": 132,
        "EdDSA": 64,
    }.items(),
)
def test_a_signature_has_the_one_length_of_its_key(name: str, length: int) -> None:
    """RFC 7518 section 3, RFC 8017 section 8, RFC 8032 section 5.1.6."""
    key = Key.generate(name)
    signature = key.sign(b"message")

    assert len(signature) == length
    for other in (signature[:-1], signature[1:], signature + b"\x00", b"\x00" + signature, b""):
        with pytest.raises(InvalidSignature):
            key.verify(b"message", other)


@pytest.mark.parametrize(
    "remake",
    [copy.copy, copy.deepcopy, lambda key: pickle.loads(pickle.dumps(key))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_secret_can_be_copied(remake: Callable[[Key], Key]) -> None:
    key = Key.from_secret(SECRET)

    again = remake(key)

    again.verify(b"message", key.sign(b"message"))
    assert again.to_jwk(private=True) == key.to_jwk(private=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ASYMMETRIC)
def test_the_public_half_verifies_and_cannot_sign(name: str) -> None:
    key = Key.generate(name)

    for public in (key.public(), Key.from_jwk(key.to_jwk())):
        public.verify(b"message", key.sign(b"message"))
        assert (public.kid, public.algorithm, public.can_sign) == (key.kid, name, False)
        with pytest.raises(InvalidKey, match="must be a private key or a secret"):
            public.sign(b"message")
        with pytest.raises(InvalidKey, match="got a public key"):
            public.to_jwk(private=True)


def test_a_secret_has_no_public_half() -> None:
    key = Key.from_secret(SECRET)

    with pytest.raises(InvalidKey, match="no public half"):
        key.to_jwk()
    with pytest.raises(InvalidKey, match="no public half"):
        key.public()


@pytest.mark.parametrize("key", [Key.from_secret("A secret text, with all of its 32 bytes"), RSA, EC, ED])
def test_a_key_shows_no_private_part(key: Key) -> None:
    jwk = key.to_jwk(private=True)

    shown = repr(key) + repr(KeySet([key]))

    assert "A secret text" not in shown
    assert not any(str(jwk[name]) in shown for name in ("k", "d", "p", "q", "dp", "dq", "qi") if name in jwk)
    assert key.kid in shown


def test_the_key_id_is_the_thumbprint_of_rfc_7638() -> None:
    """RFC 7638 section 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw"
    )

    key = Key.from_jwk({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256"})

    assert key.kid == key.thumbprint() == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_thumbprint_of_an_ed25519_key_is_that_of_rfc_8037() -> None:
    """RFC 8037 appendix A.3."""
    key = Key.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})

    assert (key.kid, key.algorithm) == ("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "EdDSA")


def test_the_key_id_of_a_secret_is_no_digest_of_it() -> None:
    key = Key.from_secret(SECRET)

    assert key.kid == base64url.encode(hkdf(SECRET, '["flask-tokenauth","v1","kid","HS256"]')[:16]).decode()
    assert key.kid != Key.from_jwk(oct_jwk(alg="HS512")).kid


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_a_new_key_takes_the_id_that_it_is_given(name: str) -> None:
    assert Key.generate(name, kid="2026").kid == "2026"


def test_a_derived_key_is_another_for_each_purpose_and_issuer() -> None:
    expected = hkdf(SECRET, '["flask-tokenauth","v1","access","HS256","https://issuer.example/é"]')

    key = Key.derive(SECRET, purpose="access", issuer="https://issuer.example/é")

    assert key.to_jwk(private=True)["k"] == base64url.encode(expected).decode()
    others = {Key.derive(SECRET, purpose=purpose, issuer=issuer).kid for purpose in ("a", "b") for issuer in ("a", "b")}
    assert len(others) == 4


@pytest.mark.parametrize("secret", [SECRET, "a text secret of 32 bytes or more", bytearray(SECRET)])
def test_a_secret_is_bytes_or_a_string(secret: str | bytes) -> None:
    assert Key.from_secret(secret).algorithm == "HS256"


def test_a_number_is_no_secret() -> None:
    with pytest.raises(InvalidKey, match="must be bytes or a string that UTF-8 can encode, got int"):
        Key.from_secret(64)  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize("load", [Key.from_secret, Key.from_pem])
def test_a_string_that_utf_8_cannot_encode_is_refused_and_not_kept(load: Callable[[str], Key]) -> None:
    """``UnicodeEncodeError`` holds the whole string."""
    with pytest.raises(InvalidKey, match=r"string that UTF-8 can encode, got a string with surrogates$") as caught:
        load("hunter2" * 9 + "\udc80")

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(("name", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_an_hmac_key_has_at_least_the_size_of_the_hash(name: str, size: int) -> None:
    """RFC 7518 section 3.2."""
    Key.from_secret(SECRET[:size], alg=name)

    with pytest.raises(InvalidKey, match=f"must be at least {size} bytes long, got {size - 1}"):
        Key.from_secret(SECRET[: size - 1], alg=name)


@pytest.mark.parametrize("name", ["RS256", "none", "", "HS1"])
def test_a_secret_is_for_hmac_only(name: str) -> None:
    with pytest.raises(InvalidKey):
        Key.from_secret(SECRET, alg=name)


@pytest.mark.parametrize("name", ["none", "NONE", "RS1", "ES256K", "ES521", "dir", ""])
def test_no_other_algorithm_is_offered(name: str) -> None:
    with pytest.raises(InvalidKey, match="alg must be one of"):
        Key.generate(name)
    with pytest.raises(InvalidKey, match="alg must be one of"):
        Key.from_jwk(oct_jwk(alg=name))


def test_a_key_set_finds_keys_by_their_id() -> None:
    keys = KeySet([EC, ED])

    assert keys.find(ED.kid) is ED
    assert keys.find("unknown") is None
    assert list(keys) == [EC, ED]


def test_without_an_id_only_an_only_key_is_found() -> None:
    assert KeySet([EC]).find(None) is EC
    assert KeySet([EC, ED]).find(None) is None


def test_the_first_key_that_can_sign_is_the_signing_key() -> None:
    assert KeySet([RSA.public(), EC, ED]).signing_key is EC
    assert KeySet([RSA.public()]).signing_key is None


def test_another_key_of_the_set_can_be_the_signing_key() -> None:
    assert KeySet([EC, ED], signing_key=ED).signing_key is ED


@pytest.mark.parametrize("key", [RSA, EC.public(), ED], ids=["of no set", "another object", "that only verifies"])
def test_a_signing_key_must_be_one_of_the_set_that_can_sign(key: Key) -> None:
    keys = KeySet([EC])

    for use in (lambda: KeySet([EC, ED.public()], signing_key=key), lambda: keys.exchange([EC], signing_key=key)):
        with pytest.raises(InvalidKey, match="the signing key must be a private key or a secret of the set"):
            use()

    assert (keys.signing_key, keys.generation) == (EC, 0)


def test_an_exchange_brings_its_own_signing_key() -> None:
    keys = KeySet([EC])

    keys.exchange([EC, ED], signing_key=ED)
    assert keys.signing_key is ED
    keys.exchange([EC, ED])
    assert keys.signing_key is EC


@pytest.mark.parametrize(
    "keys",
    [[], [EC, EC], [EC, Key.from_pem(pem_of(ED._private), kid=EC.kid)], [EC, Key.from_secret(SECRET)]],
    ids=["none", "the same twice", "two of one ID", "a secret among public keys"],
)
def test_a_key_set_is_unambiguous_and_of_one_sort(keys: list[Key]) -> None:
    with pytest.raises(InvalidKey):
        KeySet(keys)


def test_the_keys_of_a_set_can_be_exchanged() -> None:
    first, second = Key.generate("HS256", kid="a"), Key.generate("HS256", kid="b")
    keys = KeySet([first])

    keys.exchange([second])

    assert (keys.find("a"), keys.find("b")) == (None, second)
    assert keys.signing_key is second
    assert keys.generation == 1


def test_what_is_no_set_of_keys_is_not_exchanged_for_one() -> None:
    key = Key.generate("HS256", kid="a")
    keys = KeySet([key])

    for wrong in ([], [key, key], [key, Key.generate("ES256")]):
        with pytest.raises(InvalidKey):
            keys.exchange(wrong)

    assert (list(keys), keys.generation) == ([key], 0)


NAMES = ", ".join(ALGORITHMS)
ADD_ALG = 'add "alg" to the JWK, or load it with Key.from_jwk(jwk, alg=…) or KeySet.from_jwks(jwks, alg=…)'
NOT_SKIPPED = "a set with a private key or a secret must have keys for signatures only: remove or correct this key"
SAME_KID = "remove one of them; a private key needs no public half and no certificate beside it"
WRONG_USE = 'use of a JWK must be "sig" or be left out, got another'
NO_OPERATION = 'key_ops must allow "verify" or, for a private key or a secret, "sign", got neither'
CANNOT_SIGN = (
    'a key that signs must be a private key or a secret, with "sign" in key_ops if it has any, got a key that can only '
    "verify"
)


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (lambda: Key.from_jwk(oct_jwk(kid=None)), "kid must be a string, got null: leave it out to use the thumbprint"),
        (
            lambda: Key.from_jwk(oct_jwk(kid="")),
            "kid must be a string of 1 to 255 printable characters, got 0 characters",
        ),
        (
            lambda: Key.from_jwk(oct_jwk(kty="RSA")),
            'kty of a JWK for HS256 must be "oct" without crv, got another kty or crv',
        ),
        (
            lambda: Key.from_jwk(oct_jwk(alg=...)),
            f"alg must be one of {NAMES}, got none, and the crv of the key does not imply one: {ADD_ALG}",
        ),
        (lambda: Key.from_jwk(oct_jwk(alg="none")), f"alg must be one of {NAMES}, got another"),
        (
            lambda: Key.from_jwk(oct_jwk(), alg="HS512"),
            "alg of the JWK must be HS512, as asked for, or be left out, got another",
        ),
        (lambda: Key.from_jwk(oct_jwk(use="enc")), WRONG_USE),
        (
            lambda: Key.from_jwk(oct_jwk(key_ops="verify")),
            'key_ops must be an array of strings, got something else: write ["verify"], or leave it out',
        ),
        (
            lambda: Key.from_jwk(oct_jwk(key_ops=["verify", "verify"])),
            "the operations in key_ops must be unique, got one twice",
        ),
        (lambda: Key.from_jwk(oct_jwk(key_ops=[])), NO_OPERATION),
        (lambda: Key.from_secret(SECRET, alg="RS256"), "alg of a secret must be HS256, HS384 or HS512, got RS256"),
        (lambda: EC.public().sign(b""), CANNOT_SIGN),
        (
            lambda: EC.public().to_jwk(private=True),
            "to_jwk(private=True) needs a private key or a secret, got a public key",
        ),
        (
            lambda: Key.from_secret(SECRET).public(),
            "only a private or public key can be published, got a secret, which has no public half",
        ),
        (
            lambda: Key.from_jwk(jwk_of(EC, key_ops=["sign"])).public(),
            'key_ops of a key to be published must have "verify", got "sign" alone',
        ),
        (
            lambda: KeySet([EC, EC]),
            f"each key of a key set must have a kid of its own, got two with the same kid: {SAME_KID}",
        ),
        (lambda: KeySet([]), "a key set must have at least one key, got none"),
        (
            lambda: KeySet([EC, Key.from_secret(SECRET)]),
            "a key set must have secrets only, or private and public keys only, got both kinds",
        ),
        (lambda: KeySet.from_jwks({}), 'a JWK Set must be an object with an array "keys", got something else'),
        (lambda: KeySet.from_jwks({"keys": [oct_jwk(use="enc")]}), f'key 1 of 1: use is "enc"; {NOT_SKIPPED}'),
    ],
)
def test_the_refusal_of_a_key_says_what_is_wrong(load: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        load()

    assert str(caught.value) == message


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("key", [EC, ED, RSA], ids=lambda key: key.key_type)
def test_a_key_in_pem_is_the_same_key(key: Key, *, private: bool) -> None:
    read = Key.from_pem(key.to_pem(private=private), alg=key.algorithm)

    assert read.can_sign == private
    assert read.thumbprint() == key.thumbprint()
    read.verify(b"message", key.sign(b"message"))


def test_the_public_half_in_pem_is_that_of_the_private_key() -> None:
    assert EC.to_pem() == EC.public().to_pem()
    assert "PRIVATE" not in EC.to_pem()


def test_a_secret_cannot_be_written_in_pem() -> None:
    with pytest.raises(InvalidKey, match="only a private or public key can be written in PEM, got a secret"):
        Key.from_secret(SECRET).to_pem()


def test_a_public_key_has_no_private_pem() -> None:
    with pytest.raises(InvalidKey, match=r"to_pem\(private=True\) needs a private key, got a public key"):
        EC.public().to_pem(private=True)
