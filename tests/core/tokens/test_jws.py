"""The strict reader of compact serialisation (RFC 7515)."""

import json
from typing import Any

import pytest

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.form_errors import MalformedToken, TokenTooLarge, UnsupportedHeader
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.signature_errors import InvalidSignature, UnknownKey, WrongAlgorithm
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.core.tokens import jws

KEY = Key.from_secret(bytes(range(32)), kid="k1")
OTHER = Key.from_secret(bytes(range(1, 33)), kid="k2")
KEYS = KeySet([KEY, OTHER])


def text(data: bytes) -> str:
    return base64url.encode(data).decode()


def signed(header: bytes, payload: bytes = b"{}", key: Key = KEY) -> str:
    """Return a token with this header and a good signature."""
    message = f"{text(header)}.{text(payload)}"
    return f"{message}.{text(key.sign(message.encode()))}"


def header(**changes: object) -> bytes:
    good: dict[str, object] = {"alg": "HS256", "kid": "k1"}
    return json.dumps({name: value for name, value in (good | changes).items() if value is not ...}).encode()


@pytest.mark.parametrize("payload", [b"", b"{}", b"\x00\xff"])
@pytest.mark.parametrize("typ", [None, "at+jwt"])
def test_what_is_signed_is_read(payload: bytes, typ: str | None) -> None:
    verified = jws.verify(jws.sign(payload, KEY, typ=typ), KEYS)

    assert verified.payload == payload
    assert verified.key is KEY
    assert verified.header == {"alg": "HS256", "kid": "k1"} | ({"typ": typ} if typ else {})


def test_the_text_of_a_token_is_that_of_its_parts() -> None:
    assert jws.sign(b"{}", KEY, typ="at+jwt") == signed(b'{"alg":"HS256","kid":"k1","typ":"at+jwt"}')


def test_the_header_cannot_be_changed() -> None:
    verified = jws.verify(signed(header(x={"a": [1]})), KEYS)

    assert verified.header["x"] == {"a": (1,)}
    with pytest.raises(TypeError):
        verified.header["alg"] = "none"  # type: ignore[index]  # the attempt under test


@pytest.mark.parametrize(
    "data",
    [
        header(x=1, y=[], z={"a": {"a": 1}}),
        header(jwk={"kty": "oct"}, jku="https://evil.example", x5u="https://evil.example", x5c=["AA"]),
        header(b64=True),
        header(cty="JWT", x5t="AA", **{"x5t#S256": "AA"}),
        header(jku="http://evil.example", x5u="http://evil.example", x5c=[]),
        b' {\r\n "alg" : "HS256" ,\t"kid" : "k1" } ',
        b'{"\\u0061lg":"HS256","kid":"\\u006b1"}',
        header(x=1e300),
    ],
)
def test_what_the_header_says_besides_is_left_alone(data: bytes) -> None:
    jws.verify(signed(data), KEYS)


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a.b", "a.b.c.d", "a.b.c.d.e", "a", "é.b.c", "a.b.\u0660"])
def test_a_token_is_three_parts_of_ascii(token: str) -> None:
    with pytest.raises(MalformedToken) as caught:
        jws.verify(token, KEYS)

    assert caught.value.part == ("header" if token == ".." else "token")


@pytest.mark.parametrize("token", [None, b"a.b.c", 1, ["a", "b", "c"]])
def test_a_token_is_text(token: Any) -> None:
    with pytest.raises(MalformedToken) as caught:
        jws.verify(token, KEYS)

    assert caught.value.part == "token"


@pytest.mark.parametrize(
    ("token", "advice"),
    [
        (None, "got NoneType"),
        (b"a.b.c", "got bytes"),
        ("undefined", "send access_token as it came; the client may not have it yet"),
        ("null", "send access_token as it came; the client may not have it yet"),
        ("Bearer undefined", "pass the token without Bearer"),
        ("bearer a.b.c", "pass the token without Bearer"),
        ("a.b", "the token cannot be read"),
        ("a.b.c", "the header cannot be read"),
        ("Bearer.b.c", "the header cannot be read"),
    ],
)
def test_a_string_that_is_no_token_gets_advice(token: Any, advice: str) -> None:
    with pytest.raises(MalformedToken) as caught:
        jws.verify(token, KEYS)

    assert str(caught.value).endswith(f" {advice}")


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("suffix", ["=", "==", "\n", " ", "!", "A", "\x00", "%3D"])
def test_every_part_is_strict_base64url(position: int, suffix: str) -> None:
    parts = jws.sign(b"{ }", KEY).split(".")
    parts[position] += suffix

    with pytest.raises(TokenError):
        jws.verify(".".join(parts), KEYS)


def test_a_header_in_another_spelling_is_refused() -> None:
    with pytest.raises(MalformedToken) as caught:
        jws.verify("e30=" + jws.sign(b"{}", KEY), KEYS)

    assert caught.value.part == "header"


def test_trailing_bits_of_the_signature_are_zero() -> None:
    """A second spelling of the same signature is refused."""
    token = jws.sign(b"{}", KEY)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]

    with pytest.raises(MalformedToken) as caught:
        jws.verify(other, KEYS)

    assert caught.value.part == "signature"


def test_a_payload_in_another_spelling_is_refused_though_signed() -> None:
    message = f"{text(header())}.e30="

    with pytest.raises(MalformedToken) as caught:
        jws.verify(f"{message}.{text(KEY.sign(message.encode()))}", KEYS)

    assert caught.value.part == "payload"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"{}",
        b"{} {}",
        b"\xef\xbb\xbf" + header(),
        header().decode().encode("utf-16"),
        header().decode().encode("utf-16-le"),
        header().decode().encode("utf-32"),
        b'{"alg":"HS256","kid":"k1","x":"\xff"}',
        b'{"alg":"HS256","kid":"k1","alg":"HS256"}',
        b'{"alg":"HS256","kid":"k1","\\u0061lg":"HS256"}',
        b'{"alg":"HS256","kid":"k1","x":{"a":1,"a":1}}',
        b'{"alg":"HS256","kid":"k1","x":NaN}',
        b'{"alg":"HS256","kid":"k1","x":-Infinity}',
        b'{"alg":"HS256","kid":"k1","x":1e999}',
        b'{"alg":"HS256","kid":"k1","x":' + b"1" * 4400 + b"}",
        b"{'alg':'HS256','kid':'k1'}",
        b'{"alg":"HS256","kid":"k1",}',
        b'{"alg":"HS256","kid":"k1"/**/}',
        header(x=[[1]]).replace(b"[1]", b"[" * 31 + b"]" * 31),
        header(x=1).replace(b"1}", b"[" * 2000 + b"]" * 2000 + b"}"),
        header(alg=...),
        header(alg=None),
        header(alg=["HS256"]),
        header(alg=256),
        header(kid=None),
        header(kid=1),
        header(kid=["k1"]),
        header(typ=None),
        header(typ=["at+jwt"]),
        header(typ=1),
        header(cty=None),
        header(jwk="{}"),
        header(jwk=[]),
        header(jku=1),
        header(jku="evil.example"),
        header(x5u="file:///etc/passwd"),
        header(x5c="AA"),
        header(x5c=["AA", 1]),
        header(x5t=[]),
        header(**{"x5t#S256": 1}),
    ],
)
def test_a_header_is_one_json_object_with_unique_names_and_texts_where_texts_belong(data: bytes) -> None:
    with pytest.raises(MalformedToken) as caught:
        jws.verify(signed(data), KEYS)

    assert caught.value.part == "header"


def test_a_header_may_nest_thirty_two_deep() -> None:
    jws.verify(signed(header(x=1).replace(b'"x": 1', b'"x": ' + b"[" * 31 + b"]" * 31)), KEYS)


@pytest.mark.parametrize("value", [[], ["exp"], None, "exp", {}, ["b64"]])
def test_critical_extensions_are_refused_because_we_have_none(value: object) -> None:
    """RFC 7515 section 4.1.11."""
    with pytest.raises(UnsupportedHeader) as caught:
        jws.verify(signed(header(crit=value)), KEYS)

    assert caught.value.parameter == "crit"


@pytest.mark.parametrize("value", [False, None, 0, 1, "true"])
def test_an_unencoded_payload_is_refused(value: object) -> None:
    """RFC 7797."""
    with pytest.raises(UnsupportedHeader) as caught:
        jws.verify(signed(header(b64=value)), KEYS)

    assert caught.value.parameter == "b64"


@pytest.mark.parametrize("kid", ["k3", "", "K1", "k1 ", "k1\x00", "\ud800", "../k1"])
def test_a_token_of_an_unknown_key_is_refused(kid: str) -> None:
    with pytest.raises(UnknownKey):
        jws.verify(signed(header(kid=kid)), KEYS)


def test_a_token_without_key_id_is_judged_by_an_only_key_and_by_no_choice_of_keys() -> None:
    token = signed(header(kid=...))

    assert jws.verify(token, KeySet([KEY])).key is KEY
    with pytest.raises(UnknownKey):
        jws.verify(token, KEYS)


def test_an_only_key_is_not_tried_on_a_token_that_names_another() -> None:
    with pytest.raises(UnknownKey):
        jws.verify(jws.sign(b"{}", KEY), KeySet([Key.from_secret(bytes(range(32)), kid="another")]))


@pytest.mark.parametrize("alg", ["none", "None", "", "HS384", "hs256", "RS256", "HS256 ", "HS256\x00"])
def test_the_key_says_the_algorithm(alg: str) -> None:
    """RFC 8725 section 3.1."""
    with pytest.raises(WrongAlgorithm) as caught:
        jws.verify(signed(header(alg=alg)), KEYS)

    assert caught.value.expected == "HS256"


def test_no_other_key_is_tried() -> None:
    with pytest.raises(InvalidSignature):
        jws.verify(signed(header(kid="k2"), key=KEY), KEYS)


def test_a_key_that_may_not_verify_verifies_nothing() -> None:
    key = Key.from_jwk(KEY.to_jwk(private=True) | {"key_ops": ["sign"]})

    with pytest.raises(InvalidSignature):
        jws.verify(jws.sign(b"{}", key), KeySet([key]))


@pytest.mark.parametrize("position", [0, 1, 2])
def test_any_other_character_spoils_the_signature(position: int) -> None:
    parts = jws.sign(b'{"a":1}', KEY).split(".")
    parts[position] = ("B" if parts[position][0] == "A" else "A") + parts[position][1:]

    with pytest.raises(TokenError):
        jws.verify(".".join(parts), KEYS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["HS512", "RS256", "PS256", "ES256", "EdDSA"])
@pytest.mark.parametrize(
    "signature", [b"", b"\x00", b"\x00" * 64, b"\xff" * 64, b"\x00" * 256, b"\xff" * 256, b"\x00" * 999]
)
def test_made_up_signatures_are_refused_by_every_kind_of_key(name: str, signature: bytes) -> None:
    key = Key.generate(name)
    token = jws.sign(b"{}", key)

    with pytest.raises(InvalidSignature):
        jws.verify(token[: token.rindex(".") + 1] + text(signature), KeySet([key]))


def test_a_token_longer_than_the_limit_is_not_looked_at() -> None:
    token = jws.sign(b"{}", KEY)

    jws.verify(token, KEYS, max_bytes=len(token))
    jws.verify(token, KEYS, max_bytes=len(token) + 1)
    with pytest.raises(TokenTooLarge) as caught:
        jws.verify(token, KEYS, max_bytes=len(token) - 1)

    assert (caught.value.size, caught.value.limit) == (len(token), len(token) - 1)


@pytest.mark.parametrize("character", [".", ",", "A", "é"])
def test_the_usual_limit_is_eight_thousand_bytes(character: str) -> None:
    with pytest.raises(TokenTooLarge):
        jws.verify(character * 8001, KEYS)
    with pytest.raises(MalformedToken):
        jws.verify(character * 8000, KEYS)


def test_a_header_has_a_greatest_size_however_long_a_token_may_be() -> None:
    """It is read slowly, and before the signature is checked."""
    room = 8000 * 3 // 4 - len(header(x=""))
    jws.verify(signed(header(x="a" * room)), KEYS, max_bytes=10**6)

    with pytest.raises(MalformedToken) as caught:
        jws.verify(signed(header(x="a" * (room + 1))), KEYS, max_bytes=10**6)

    assert caught.value.part == "header"


def test_the_refusal_of_a_header_holds_nothing_of_it() -> None:
    with pytest.raises(MalformedToken) as caught:
        jws.verify(signed(b'{"alg":"hunter2'), KEYS)

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def header_text(token: str) -> bytes:
    return token.partition(".")[0].encode()


def test_a_header_is_remembered_once_its_key_has_signed_it() -> None:
    keys = KeySet([KEY])
    token = jws.sign(b"{}", KEY)
    forged = token[: token.rindex(".") + 1] + text(bytes(32))

    with pytest.raises(InvalidSignature):
        jws.verify(forged, keys)
    assert keys.find_header(header_text(token)) is None

    jws.verify(token, keys)
    assert keys.find_header(header_text(token)) == {"alg": "HS256", "kid": KEY.kid}


def test_a_remembered_header_spares_no_signature_its_check() -> None:
    keys = KeySet([KEY])
    token = jws.sign(b"{}", KEY)
    jws.verify(token, keys)

    with pytest.raises(InvalidSignature):
        jws.verify(token.replace(".e30.", ".e30K."), keys)
    with pytest.raises(InvalidSignature):
        jws.verify(token[: token.rindex(".") + 1] + text(bytes(32)), keys)


def test_headers_are_forgotten_with_the_keys_they_were_signed_by() -> None:
    keys = KeySet([KEY])
    token = jws.sign(b"{}", KEY)
    jws.verify(token, keys)

    keys.exchange([Key.from_secret(bytes(range(1, 33)), kid=KEY.kid)])

    assert keys.find_header(header_text(token)) is None
    with pytest.raises(InvalidSignature):
        jws.verify(token, keys)


@pytest.mark.parametrize(("size", "remembered"), [(1023, True), (1024, True), (1026, False)])
def test_only_short_headers_are_remembered(size: int, remembered: bool) -> None:  # noqa: FBT001  # of parametrize
    keys = KeySet([KEY])
    room = size * 3 // 4 - len(header(x=""))
    token = signed(header(x="a" * room))

    jws.verify(token, keys)

    assert len(header_text(token)) == size
    assert (keys.find_header(header_text(token)) is not None) is remembered


def test_no_more_than_sixty_four_headers_are_remembered() -> None:
    keys = KeySet([KEY])
    tokens = [signed(header(x=number)) for number in range(200)]

    for token in tokens:
        jws.verify(token, keys)

    known = [token for token in tokens if keys.find_header(header_text(token)) is not None]
    assert 0 < len(known) <= 64
    assert tokens[-1] in known


@pytest.mark.slow
@pytest.mark.parametrize("alg", ["HS256", "HS512", "RS256", "ES256", "ES512", "EdDSA"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 100])
def test_the_length_of_a_token_is_known_before_signing(alg: str, size: int) -> None:
    key = Key.generate(alg)
    header, payload = jws.write_header(key, typ="at+jwt"), bytes(size)

    assert jws.length_of(header, payload, key) == len(jws.sign_under(header, payload, key))
