"""Encrypted tokens: a JWS goes into a JWE and comes out as it was, and anything else is refused before it is decrypted.

``tests/attacks`` has more refusals.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.encryption_errors import (
    HeaderClaimDiffers,
    MalformedEncryptedToken,
    NotDecrypted,
    NoTokenInside,
    UnknownEncryptionKey,
    WrongEncryption,
)
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.form_errors import TokenTooLarge, UnsupportedHeader
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.core.tokens import jwe

from ...attacks.jwe_kit import DIR, EC, TOKEN, seal
from ...conftest import Mint
from ..keys.encryption_kit import ASYMMETRIC, JWKS, KEYS, jwk_of, public_of

KEY_SET = EncryptionKeys(KEYS.values())
SECRET = EncryptionKeys([EncryptionKey.from_jwk(DIR.jwk)])
POINT = EncryptionKeys([EncryptionKey.from_jwk(EC.jwk)])
SIGNED = Mint(Key.from_secret(bytes(range(32)), kid="s1"))()

each_key = pytest.mark.parametrize("name", KEYS)


@each_key
@pytest.mark.parametrize("typ", ["at+jwt", None])
def test_a_token_comes_out_as_it_went_in(name: str, typ: str | None) -> None:
    encrypted = jwe.encrypt(SIGNED, KEYS[name], typ=typ)

    opened = jwe.open_token(encrypted, KEY_SET)

    assert opened.text == SIGNED
    assert opened.header == jwe.decrypt(encrypted, KEY_SET).header
    assert {member: opened.header.get(member) for member in ("alg", "enc", "kid", "cty", "typ")} == {
        "alg": KEYS[name].algorithm,
        "enc": "A256GCM",
        "kid": name,
        "cty": "JWT",
        "typ": typ,
    }


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_a_public_key_is_enough_to_encrypt(name: str) -> None:
    public = EncryptionKey.from_jwk(public_of(name))

    assert jwe.open_token(jwe.encrypt(SIGNED, public), KEY_SET).text == SIGNED
    with pytest.raises(UnknownEncryptionKey):
        jwe.open_token(jwe.encrypt(SIGNED, public), EncryptionKeys([public]))


def test_a_key_that_may_not_encrypt_does_not() -> None:
    with pytest.raises(InvalidKey, match="got a key that can only decrypt"):
        jwe.encrypt(SIGNED, EncryptionKey.from_jwk(jwk_of("dir", key_ops=["decrypt"])))


@each_key
def test_two_tokens_are_never_encrypted_alike(name: str) -> None:
    one, other = (jwe.encrypt(SIGNED, KEYS[name]).split(".") for _ in range(2))

    assert all(a != b for a, b in zip(one[2:], other[2:], strict=True))


@each_key
@pytest.mark.parametrize("typ", ["at+jwt", "é", None])
@pytest.mark.parametrize("length", [5, 6, 7, 1000])
def test_the_length_of_an_encrypted_token_is_known_before(name: str, typ: str | None, length: int) -> None:
    token = "a.b." + "c" * (length - 4)

    assert len(jwe.encrypt(token, KEYS[name], typ=typ)) == jwe.length_of(len(token), KEYS[name], typ=typ)


@pytest.mark.parametrize("kid", ["é", "k" * 255, '"\\'])
def test_the_length_counts_the_key_id_as_the_header_has_it(kid: str) -> None:
    key = EncryptionKey.from_jwk(jwk_of("p-256", kid=kid))

    encrypted = jwe.encrypt(SIGNED, key)

    assert len(encrypted) == jwe.length_of(len(SIGNED), key)
    assert jwe.open_token(encrypted, EncryptionKeys([key])).text == SIGNED


def test_the_length_of_every_token_for_a_curve_is_the_same() -> None:
    """Coordinates keep their leading zeros (RFC 7518 section 6.2.1.2)."""
    lengths = {len(jwe.encrypt(SIGNED, KEYS["p-256"])) for _ in range(300)}

    assert lengths == {jwe.length_of(len(SIGNED), KEYS["p-256"])}


def test_a_token_is_read_up_to_the_limit() -> None:
    encrypted = jwe.encrypt(SIGNED, KEYS["dir"])

    assert jwe.open_token(encrypted, KEY_SET, max_bytes=len(encrypted)).text == SIGNED
    assert jwe.open_token(encrypted, KEY_SET, max_bytes=len(encrypted) + 1).text == SIGNED
    with pytest.raises(TokenTooLarge) as caught:
        jwe.open_token(encrypted, KEY_SET, max_bytes=len(encrypted) - 1)
    assert (caught.value.size, caught.value.limit) == (len(encrypted), len(encrypted) - 1)


def test_a_large_token_is_read_if_the_limit_allows_it() -> None:
    """joserfc has lower limits of its own."""
    large = f"a.b.{'c' * 900_000}"

    encrypted = jwe.encrypt(large, KEYS["x25519"])

    assert jwe.open_token(encrypted, KEY_SET, max_bytes=len(encrypted)).text == large


def test_the_largest_rsa_key_has_an_encrypted_key_that_is_read() -> None:
    """joserfc reads up to 1024 characters by default, and RSA keys may have 16384 bits."""
    registry = KEYS["rsa"]._cipher._registry

    assert registry.max_encrypted_key_length >= base64url.length_of(16384 // 8)


@pytest.mark.parametrize(("token", "expected"), [
    (seal(DIR), True),
    ("....", True),
    (TOKEN, False),
    ("...", False),
    (".....", False),
    ("", False),
    (b"....", False),
    (None, False),
], ids=["jwe", "dots", "jws", "three-dots", "five-dots", "empty", "bytes", "none"])  # fmt: skip
def test_a_token_in_five_parts_is_encrypted(token: object, expected: bool) -> None:  # noqa: FBT001
    assert jwe.is_encrypted(token) is expected


@pytest.mark.parametrize("token", [None, b"....", 1, ["a"]])
def test_a_token_is_a_string(token: Any) -> None:
    with pytest.raises(MalformedEncryptedToken, match="the form of an encrypted token must be a string"):
        jwe.open_token(token, KEY_SET)


@pytest.mark.parametrize("token", ["", "a.b.c", "a.b.c.d", "a.b.c.d.e.f", "é....", "a b"])
def test_a_token_has_five_parts(token: str) -> None:
    with pytest.raises(MalformedEncryptedToken, match="must be five parts of base64url with dots between them"):
        jwe.open_token(token, KEY_SET)


def test_only_the_key_that_is_named_is_tried() -> None:
    others = EncryptionKeys([EncryptionKey.generate("dir", kid="other"), *SECRET])

    assert jwe.open_token(seal(DIR), others).text == TOKEN
    for kid in (..., "", "none", "other"):
        with pytest.raises((UnknownEncryptionKey, NotDecrypted)):
            jwe.open_token(seal(DIR, header=DIR.header(kid=kid)), others)


def test_the_refusal_names_the_algorithms_of_the_key() -> None:
    with pytest.raises(WrongEncryption, match="must be dir and A256GCM, those of its key, got another alg or enc"):
        jwe.open_token(seal(DIR, header=DIR.header(alg="A256KW")), SECRET)


@pytest.mark.parametrize("parameter", ["crit", "zip"])
def test_the_refusal_names_the_extension(parameter: str) -> None:
    with pytest.raises(UnsupportedHeader) as caught:
        jwe.open_token(seal(DIR, header=DIR.header(**{parameter: "DEF"})), SECRET)

    assert caught.value.parameter == parameter


BAD_PARTS = {
    "header": (0, "the header of an encrypted token must be a JSON object in base64url, with each name once"),
    "encrypted key": (1, "the encrypted key of an encrypted token must be base64url of 40 bytes"),
    "initialization vector": (2, "the initialization vector of an encrypted token must be base64url of 12 bytes"),
    "ciphertext": (3, "the ciphertext of an encrypted token must be base64url, got something else"),
    "tag": (4, "the tag of an encrypted token must be base64url of 16 bytes"),
}


@pytest.mark.parametrize(("part", "expected"), BAD_PARTS.items(), ids=BAD_PARTS)
def test_the_refusal_names_the_part_and_repeats_nothing(part: str, expected: tuple[int, str]) -> None:
    place, message = expected
    parts = seal(EC).split(".")
    parts[place] += "="

    with pytest.raises(MalformedEncryptedToken, match=message) as caught:
        jwe.open_token(".".join(parts), POINT)

    assert caught.value.part == part
    assert not any(text in str(caught.value) for text in parts if len(text) > 9)


@pytest.mark.parametrize(("name", "size"), [("dir", 0), ("rsa", 256), ("p-256", 40)])
def test_an_encrypted_key_has_the_one_size_of_its_algorithm(name: str, size: int) -> None:
    parts = jwe.encrypt(SIGNED, KEYS[name]).split(".")

    for wrong in {max(size - 1, 0), size + 1} - {size}:
        parts[1] = base64url.encode(bytes(wrong)).decode()
        with pytest.raises(MalformedEncryptedToken, match=f"must be base64url of {size} bytes"):
            jwe.open_token(".".join(parts), KEY_SET)


def test_the_content_that_is_no_token_can_be_decrypted_and_is_not_opened() -> None:
    token = seal(DIR, b'{"sub": "alice"}')

    assert jwe.decrypt(token, SECRET).content == b'{"sub": "alice"}'
    with pytest.raises(NoTokenInside):
        jwe.open_token(token, SECRET)


def test_the_type_of_the_content_matters_only_for_tokens() -> None:
    token = seal(DIR, header=DIR.header(cty=...))

    assert jwe.decrypt(token, SECRET).content == TOKEN.encode()
    with pytest.raises(NoTokenInside):
        jwe.open_token(token, SECRET)


@pytest.mark.parametrize("claims", [
    {"iss": "i", "sub": "s", "aud": "a"},
    {"iss": "i", "aud": ["a", "b"], "sub": None},
    {"iss": "i", "aud": ("a", "b"), "other": 1},
    {},
], ids=["strings", "list", "tuple", "none"])  # fmt: skip
def test_claims_that_are_the_same_in_the_header_are_accepted(claims: dict[str, object]) -> None:
    """RFC 7519 section 5.3."""
    header = {name: tuple(value) if isinstance(value, list) else value for name, value in claims.items()}

    jwe.check_repeated_claims(header, claims)
    jwe.check_repeated_claims({}, claims)


@pytest.mark.parametrize("name", ["iss", "sub", "aud"])
@pytest.mark.parametrize("claims", [{}, {"iss": "y", "sub": "y", "aud": "y"}, {"iss": 1, "sub": None, "aud": ["x"]}])
def test_claims_that_differ_in_the_header_are_refused(name: str, claims: dict[str, object]) -> None:
    with pytest.raises(HeaderClaimDiffers, match=f"{name} in the header of an encrypted token") as caught:
        jwe.check_repeated_claims({name: "x"}, claims)

    assert caught.value.claim == name


@each_key
def test_the_header_of_a_token_is_remembered_if_other_tokens_have_it_too(name: str) -> None:
    keys = EncryptionKeys(KEYS.values())
    first, second = (jwe.encrypt(SIGNED, KEYS[name]) for _ in range(2))

    opened = jwe.open_token(first, keys)

    is_same = first.split(".", maxsplit=1)[0] == second.split(".", maxsplit=1)[0]
    assert is_same == (name in {"dir", "rsa"})
    assert (keys.find_header(second.split(".", maxsplit=1)[0].encode()) is opened.header) == is_same
    assert jwe.open_token(second, keys) == opened._replace(header=jwe.open_token(second, KEY_SET).header)


def test_a_remembered_header_is_judged_by_the_keys_of_now() -> None:
    keys = EncryptionKeys([KEYS["dir"]])
    encrypted = jwe.encrypt(SIGNED, KEYS["dir"])
    jwe.open_token(encrypted, keys)
    keys.exchange(EncryptionKeys([EncryptionKey.from_jwk(jwk_of("rsa", kid="dir"))]))

    with pytest.raises(WrongEncryption):
        jwe.open_token(encrypted, keys)


def test_the_header_of_a_token_that_is_refused_is_not_remembered() -> None:
    keys = EncryptionKeys(SECRET)
    for token in (seal(DIR, "no token"), seal(DIR, tag=lambda tag: bytes(len(tag)))):
        with pytest.raises(TokenError):
            jwe.open_token(token, keys)
        assert keys.find_header(token.split(".", maxsplit=1)[0].encode()) is None


def test_a_key_that_was_exchanged_decrypts_nothing_any_more() -> None:
    keys = EncryptionKeys([KEYS["dir"]])
    encrypted = jwe.encrypt(SIGNED, KEYS["dir"])
    keys.exchange(EncryptionKeys([KEYS["rsa"]]))

    with pytest.raises(UnknownEncryptionKey):
        jwe.open_token(encrypted, keys)


def test_all_keys_of_a_ring_decrypt() -> None:
    keys = EncryptionKeys.from_jwks(
        {"keys": [jwk_of("dir", status="retired"), jwk_of("p-256", status="active"), jwk_of("x25519", status="next")]}
    )

    for name in ("dir", "p-256", "x25519"):
        assert jwe.open_token(jwe.encrypt(SIGNED, KEYS[name]), keys).text == SIGNED


GOOD = {name: jwe.encrypt(SIGNED, KEYS[name], typ="at+jwt") for name in JWKS}
letters = st.sampled_from("AZaz09-_=.+/ \né") | st.characters(max_codepoint=0x7F)


@settings(max_examples=100)
@given(st.sampled_from(["dir", "rsa", "p-256", "x25519"]), st.data())
def test_a_token_with_another_character_is_refused(name: str, data: st.DataObject) -> None:
    good = GOOD[name]
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + data.draw(letters.filter(lambda letter: letter != good[at])) + good[at + 1 :]

    with pytest.raises(TokenError):
        jwe.open_token(changed, KEY_SET)


@settings(max_examples=50)
@given(st.sampled_from(["dir", "p-256", "x25519"]), st.data())
def test_a_token_with_a_character_more_or_less_is_refused(name: str, data: st.DataObject) -> None:
    good = GOOD[name]
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + data.draw(st.just("") | letters) + good[at + data.draw(st.integers(0, 1)) :]

    if changed != good:
        with pytest.raises(TokenError):
            jwe.open_token(changed, KEY_SET)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from([*jwe._FORMS, "crit", "zip", "p2c", "p2s", "iv", "tag", "b64", "x"]) | st.text(max_size=5)


@settings(max_examples=50)
@given(st.sampled_from([DIR, EC]), st.dictionaries(names, values, max_size=2))
def test_nothing_but_a_refusal_comes_out_of_a_changed_header(recipient: Any, changes: dict[str, object]) -> None:
    keys = SECRET if recipient is DIR else POINT
    token = seal(recipient, header=recipient.header() | changes, encrypted_key=None if recipient is DIR else bytes(40))

    try:
        opened = jwe.open_token(token, keys)
    except TokenError:
        return

    assert opened.text == TOKEN
