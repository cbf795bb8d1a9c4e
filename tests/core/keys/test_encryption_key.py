"""A key that encrypts has one pair of algorithms, and a key that cannot be used safely is refused."""

import copy
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import joserfc.jwk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.encryption_errors import NotDecrypted
from flask_tokenauth.core.errors import InvalidKey, SettingsError
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.key import Key

from .encryption_kit import ASYMMETRIC, JWKS, KEYS, SECRET_32, jwk_of, public_of
from .kit import EC, RSA

CONTENT = b"a.b.c"
OTHER_RSA_MODULUS = base64url.encode(((1 << 2047) + 1).to_bytes(256, "big")).decode()
P25519 = 2**255 - 19


def b64(value: bytes) -> str:
    return base64url.encode(value).decode()


def little(number: int) -> str:
    return b64(number.to_bytes(32, "little"))


@pytest.mark.parametrize(
    ("name", "algorithm", "curve", "size"),
    [
        ("dir", "dir", None, 0),
        ("rsa", "RSA-OAEP-256", None, 256),
        ("p-256", "ECDH-ES+A256KW", "P-256", 40),
        ("x25519", "ECDH-ES+A256KW", "X25519", 40),
    ],
)
def test_a_private_key_or_a_secret_encrypts_and_decrypts(
    name: str, algorithm: str, curve: str | None, size: int
) -> None:
    key = EncryptionKey.from_jwk(JWKS[name])

    assert (key.kid, key.algorithm, key.encryption, key.curve) == (name, algorithm, "A256GCM", curve)
    assert (key.can_encrypt, key.can_decrypt, key.encrypted_key_bytes) == (True, True, size)
    assert key.decrypt(key.encrypt({}, CONTENT)) == CONTENT


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_a_public_key_only_encrypts(name: str) -> None:
    key = EncryptionKey.from_jwk(public_of(name))

    assert (key.can_encrypt, key.can_decrypt) == (True, False)
    assert KEYS[name].decrypt(key.encrypt({}, CONTENT)) == CONTENT
    with pytest.raises(InvalidKey, match="needs a private key or a secret, got a public key"):
        key.to_jwk(private=True)


@pytest.mark.parametrize("name", JWKS)
def test_a_key_is_written_as_the_jwk_that_it_was_read_from(name: str) -> None:
    assert KEYS[name].to_jwk(private=True) == JWKS[name] | {"enc": "A256GCM"}
    assert EncryptionKey.from_jwk(KEYS[name].to_jwk(private=True)).thumbprint() == KEYS[name].thumbprint()


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_a_public_jwk_has_no_private_member(name: str) -> None:
    assert KEYS[name].to_jwk().keys().isdisjoint({"d", "p", "q", "dp", "dq", "qi", "k"})


def test_a_secret_has_no_public_half() -> None:
    with pytest.raises(InvalidKey, match="a key for dir is a secret without one: make keys for ECDH-ES"):
        KEYS["dir"].to_jwk()


@pytest.mark.parametrize("name", JWKS)
def test_a_key_shows_nothing_secret(name: str) -> None:
    shown = repr(KEYS[name])

    assert shown.startswith(f"EncryptionKey(kid='{name}', algorithm=")
    assert not any(str(value) in shown for member, value in JWKS[name].items() if member in {"k", "d", "p", "q", "x"})


@pytest.mark.parametrize(
    ("name", "operations", "expected"),
    [
        ("dir", ["encrypt", "decrypt"], (True, True)),
        ("dir", ["encrypt"], (True, False)),
        ("dir", ["decrypt"], (False, True)),
        ("rsa", ["wrapKey", "unwrapKey"], (True, True)),
        ("rsa", ["wrapKey"], (True, False)),
        ("rsa", ["unwrapKey"], (False, True)),
        ("rsa", ["encrypt", "decrypt"], (True, True)),
        ("p-256", ["deriveKey"], (True, True)),
        ("x25519", ["deriveBits"], (True, True)),
    ],
)
def test_the_operations_of_a_key_are_obeyed_and_written(
    name: str, operations: list[str], expected: tuple[bool, bool]
) -> None:
    key = EncryptionKey.from_jwk(jwk_of(name, key_ops=operations))

    assert (key.can_encrypt, key.can_decrypt) == expected
    assert key.to_jwk(private=True).get("key_ops") == (None if all(expected) else operations)


def test_a_key_that_may_only_decrypt_does_not_encrypt() -> None:
    key = EncryptionKey.from_jwk(jwk_of("rsa", key_ops=["unwrapKey"]))

    with pytest.raises(InvalidKey, match="must allow it, got a key that can only decrypt"):
        key.encrypt({}, CONTENT)
    with pytest.raises(InvalidKey, match="must be allowed to encrypt, but key_ops of this key does not allow that"):
        key.to_jwk()


def test_a_public_key_with_the_operation_of_encryption_keeps_no_operation_in_its_jwk() -> None:
    assert "key_ops" not in EncryptionKey.from_jwk(public_of("rsa", key_ops=["encrypt"])).to_jwk()


@pytest.mark.parametrize(
    ("alg", "curve", "expected"),
    [
        ("dir", None, None),
        ("RSA-OAEP-256", None, None),
        ("ECDH-ES+A256KW", None, "P-256"),
        ("ECDH-ES+A256KW", "P-256", "P-256"),
        ("ECDH-ES+A256KW", "X25519", "X25519"),
    ],
)
def test_a_new_key_has_its_thumbprint_as_its_id(alg: str, curve: str | None, expected: str | None) -> None:
    key = EncryptionKey.generate(alg, curve=curve)

    assert (key.algorithm, key.curve, key.kid) == (alg, expected, key.thumbprint())
    assert key.decrypt(key.encrypt({}, CONTENT)) == CONTENT


@pytest.mark.parametrize(
    ("alg", "curve"),
    [
        ("RSA-OAEP", None),
        ("HS256", None),
        ("dir", "P-256"),
        ("RSA-OAEP-256", "P-256"),
        ("ECDH-ES+A256KW", "P-384"),
        ("ECDH-ES", None),
        ("ECDH-ES+A256KW", ""),
    ],
)
def test_other_kinds_of_new_keys_are_refused(alg: str, curve: str | None) -> None:
    with pytest.raises(InvalidKey, match=r"an encryption key must be a secret .* got another alg or curve"):
        EncryptionKey.generate(alg, curve=curve)


def test_a_key_that_also_signs_has_the_same_thumbprint() -> None:
    """So one list of thumbprints shows material that is used for both (NIST SP 800-57 part 1, section 5.2)."""
    secret = EncryptionKey.from_jwk(jwk_of("dir", k=b64(SECRET_32)))

    assert KEYS["rsa"].thumbprint() == RSA.thumbprint()
    assert KEYS["p-256"].thumbprint() == EC.thumbprint()
    assert secret.thumbprint() == Key.from_secret(SECRET_32).thumbprint()
    assert secret.thumbprint() != KEYS["dir"].thumbprint()


def test_the_thumbprint_is_that_of_other_libraries() -> None:
    """RFC 7638, RFC 8037 section 2."""
    for name in ASYMMETRIC:
        public: Any = public_of(name)
        assert KEYS[name].thumbprint() == joserfc.jwk.import_key(public).thumbprint()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_a_copy_of_a_key_decrypts(copied: Callable[[EncryptionKey], EncryptionKey]) -> None:
    assert copied(KEYS["dir"]).decrypt(KEYS["dir"].encrypt({}, CONTENT)) == CONTENT


def test_a_key_id_has_1_to_255_characters() -> None:
    assert EncryptionKey.from_jwk(jwk_of("dir", kid="k")).kid == "k"
    assert len(EncryptionKey.from_jwk(jwk_of("dir", kid="k" * 255)).kid) == 255
    for kid in ("", "k" * 256, 1, None, "a\nb"):
        with pytest.raises(InvalidKey, match="kid must be a string of 1 to 255 printable characters, got"):
            EncryptionKey.from_jwk(jwk_of("dir", kid=kid))


OFFERED = "an encryption key must be a secret .* got another kty or crv"
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no-use": (jwk_of("dir", use=...), 'use of an encryption key must be "enc", got none: keys that sign go to'),
    "other-use": (jwk_of("dir", use="sig"), 'use of an encryption key must be "enc", got another'),
    "null-use": (jwk_of("dir", use=None), 'use of an encryption key must be "enc", got another'),
    "no-kid": (jwk_of("dir", kid=...), "an encryption key must have a kid, which tokens name, got none"),
    "no-alg": (jwk_of("dir", alg=...), 'must be one of dir, RSA-OAEP-256, ECDH-ES\\+A256KW, got none: add "alg"'),
    "sha-1": (jwk_of("rsa", alg="RSA-OAEP"), "alg of an encryption key must be one of .*, got another"),
    "rsa1_5": (jwk_of("rsa", alg="RSA1_5"), "alg of an encryption key must be one of .*, got another"),
    "direct-agreement": (jwk_of("p-256", alg="ECDH-ES"), "alg of an encryption key must be one of .*, got another"),
    "password": (jwk_of("dir", alg="PBES2-HS256+A128KW"), "alg of an encryption key must be one of .*, got another"),
    "alg-of-signatures": (jwk_of("rsa", alg="RS256"), "alg of an encryption key must be one of .*, got another"),
    "alg-list": (jwk_of("rsa", alg=["RSA-OAEP-256"]), "alg of an encryption key must be one of .*, got another"),
    "alg-null": (jwk_of("rsa", alg=None), "alg of an encryption key must be one of .*, got another"),
    "other-enc": (jwk_of("dir", enc="A128GCM"), "enc of an encryption key must be A256GCM or be left out, got another"),
    "null-enc": (jwk_of("dir", enc=None), "enc of an encryption key must be A256GCM or be left out, got another"),
    "dir-with-public-rsa": (public_of("rsa", alg="dir"), OFFERED),
    "dir-with-public-ec": (public_of("p-256", alg="dir"), OFFERED),
    "dir-with-public-okp": (public_of("x25519", alg="dir"), OFFERED),
    "rsa-with-ec": (jwk_of("p-256", alg="RSA-OAEP-256"), OFFERED),
    "ec-with-rsa": (jwk_of("rsa", alg="ECDH-ES+A256KW"), OFFERED),
    "rsa-with-secret": (jwk_of("dir", alg="RSA-OAEP-256"), OFFERED),
    "other-curve": (jwk_of("p-256", crv="P-384"), OFFERED),
    "ed25519": (jwk_of("x25519", crv="Ed25519"), OFFERED),
    "curve-of-other-type": (jwk_of("p-256", crv="X25519"), OFFERED),
    "no-curve": (jwk_of("p-256", crv=...), OFFERED),
    "no-type": (jwk_of("dir", kty=...), OFFERED),
    "operations-string": (jwk_of("dir", key_ops="decrypt"), "key_ops must be an array of strings, got something else"),
    "operations-numbers": (jwk_of("dir", key_ops=[1]), "key_ops must be an array of strings, got something else"),
    "no-operation": (jwk_of("dir", key_ops=[]), "key_ops of a key for dir must have one of encrypt, decrypt that the"),
    "operations-of-signatures": (jwk_of("p-256", key_ops=["sign", "verify"]), "must have one of deriveKey, deriveBits"),
    "public-key-to-decrypt": (public_of("rsa", key_ops=["unwrapKey"]), "must have one of wrapKey, encrypt, unwrapKey,"),
    "short-secret": (jwk_of("dir", k=b64(SECRET_32[:31])), "k of a key for dir must be exactly 32 bytes long, got 31"),
    "long-secret": (jwk_of("dir", k=b64(SECRET_32 + b"x")), "k of a key for dir must be exactly 32 bytes long, got 33"),
    "placeholder": (
        jwk_of("dir", k=b64(b"change-me-change-me-change-me-12")),
        "k of a key for dir must be random, got",
    ),
    "few-bytes": (jwk_of("dir", k=b64(b"ababababababababababababababcdef")), "at least 8 different bytes, got 6"),
    "no-secret": (jwk_of("dir", k=...), "a JWK for dir must have k, got no k"),
    "weak-rsa": (public_of("rsa", n=b64(b"\xff" * 128)), "an RSA key must have 2048 to 16384 bits, got 1024"),
    "small-exponent": (public_of("rsa", e="Aw"), "the public exponent of an RSA key must be odd, from 65537"),
    "other-private-rsa": (jwk_of("rsa", n=OTHER_RSA_MODULUS), "a JWK for RSA-OAEP-256 must have n, e and"),
    "other-private-ec": (jwk_of("p-256", d=b64(SECRET_32)), "a JWK for ECDH-ES\\+A256KW must have crv, x, y and"),
    "other-private-okp": (jwk_of("x25519", d=b64(SECRET_32)), "got x not in the shortest form or in contradiction"),
    "off-the-curve": (public_of("p-256", y=b64(SECRET_32)), "a JWK for ECDH-ES\\+A256KW must have crv, x, y and"),
    "short-point": (public_of("x25519", x=b64(SECRET_32[:31])), "a JWK for ECDH-ES\\+A256KW must have crv, x and"),
    "long-point": (public_of("x25519", x=b64(SECRET_32 + b"x")), "a JWK for ECDH-ES\\+A256KW must have crv, x and"),
    "no-point": (public_of("x25519", x=...), "got no x"),
    "short-private": (jwk_of("x25519", d="AA"), "a JWK for ECDH-ES\\+A256KW must have crv, x and"),
    "number-as-point": (public_of("x25519", x=9), "JWK member x must be a base64url string"),
    "padding": (jwk_of("dir", k=f"{b64(SECRET_32)}="), "JWK member k must be base64url without padding"),
}


@pytest.mark.parametrize(("jwk", "message"), BAD.values(), ids=BAD)
def test_a_key_that_cannot_be_used_is_refused(jwk: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidKey, match=message) as caught:
        EncryptionKey.from_jwk(jwk)

    shown = str(caught.value)
    assert not any(value in shown for member, value in jwk.items() if member in {"k", "d"} and len(str(value)) > 9)


@pytest.mark.parametrize("jwk", [None, [], "JWK", 1])
def test_a_jwk_is_an_object(jwk: Any) -> None:
    with pytest.raises(InvalidKey, match="a JWK must be an object, got"):
        EncryptionKey.from_jwk(jwk)


# RFC 7748 section 6.1: with these, the shared secret is zero. The last two are other encodings of the first two.
SMALL_ORDER = (
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    P25519 - 1,
    P25519,
    P25519 + 1,
)


@pytest.mark.parametrize("u", SMALL_ORDER)
def test_a_point_of_small_order_is_no_key(u: int) -> None:
    with pytest.raises(InvalidKey, match="an X25519 public key must be a point of large order"):
        EncryptionKey.from_jwk(public_of("x25519", x=little(u)))


@pytest.mark.parametrize("u", [P25519 + 9, 2**255 + 9])
def test_a_point_in_another_encoding_is_no_key(u: int) -> None:
    with pytest.raises(InvalidKey, match="in its canonical encoding"):
        EncryptionKey.from_jwk(public_of("x25519", x=little(u)))


@pytest.mark.parametrize("u", [9, P25519 - 3])
def test_a_point_in_its_canonical_encoding_is_a_key(u: int) -> None:
    assert EncryptionKey.from_jwk(public_of("x25519", x=little(u))).to_jwk()["x"] == little(u)


@settings(max_examples=25)
@given(st.sampled_from(["dir", "p-256", "x25519"]), st.data())
def test_a_jwk_with_other_values_is_refused(name: str, data: st.DataObject) -> None:
    values = st.none() | st.booleans() | st.integers() | st.text(max_size=50) | st.lists(st.text(max_size=5))
    members = sorted(JWKS[name].keys() - {"kid"})
    changes = data.draw(st.dictionaries(st.sampled_from(members), values, min_size=1, max_size=2))

    with pytest.raises(InvalidKey):
        EncryptionKey.from_jwk(JWKS[name] | changes)


def test_a_key_does_not_decrypt_what_another_key_has_encrypted() -> None:
    other = EncryptionKey.generate("dir", kid="dir")

    with pytest.raises(NotDecrypted) as caught:
        KEYS["dir"].decrypt(other.encrypt({}, CONTENT))

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_without_joserfc_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    monkeypatch.setattr("flask_tokenauth.core.keys.jwe_cipher.find_spec", names.append)

    with pytest.raises(SettingsError, match=r"need joserfc, which is not installed: pip install .*\[jwe\]'"):
        EncryptionKey.from_jwk(JWKS["dir"])
    assert names == ["joserfc"]


@pytest.mark.slow
def test_the_import_of_the_package_does_not_import_joserfc() -> None:
    program = "import sys, flask_tokenauth.core.tokens.jwe; print('joserfc' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout.strip() == b"False"
