"""Each encrypted token that is opened here is opened by joserfc and jwcrypto too, and they find the same token inside.

They may open more tokens.
"""

import json
from typing import Any

import joserfc.jwe
import joserfc.jwk
import jwcrypto.jwe
import jwcrypto.jwk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.encoding.immutable_json import freeze
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.core.tokens import jwe

from ...attacks.jwe_kit import KEY_SET, RECIPIENTS, TOKEN, Recipient, seal

KEYS = EncryptionKeys.from_jwks(KEY_SET)
MEMBERS = ("kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi", "k")

JOSERFC: dict[str, Any] = {}
JWCRYPTO: dict[str, Any] = {}
for found in RECIPIENTS:
    members: Any = {name: value for name, value in found.private.items() if name in MEMBERS}
    JOSERFC[found.name] = joserfc.jwk.import_key(members)
    JWCRYPTO[found.name] = jwcrypto.jwk.JWK(**members)

each_recipient = pytest.mark.parametrize("recipient", RECIPIENTS, ids=lambda one: one.name)


def by_joserfc(recipient: Recipient, token: str) -> bytes | None:
    registry = joserfc.jwe.JWERegistry(algorithms=[recipient.alg, "A256GCM"], strict_check_header=False)
    registry.max_protected_header_length = 8000
    return joserfc.jwe.decrypt_compact(token, JOSERFC[recipient.name], registry=registry).plaintext


def by_jwcrypto(recipient: Recipient, token: str) -> bytes:
    opened = jwcrypto.jwe.JWE(algs=[recipient.alg, "A256GCM"])
    opened.deserialize(token, key=JWCRYPTO[recipient.name])
    payload: bytes = opened.payload
    return payload


def open_here(token: str) -> jwe.Opened | None:
    try:
        return jwe.open_token(token, KEYS)
    except TokenError:
        return None


def check_peers_agree(recipient: Recipient, token: str, opened: jwe.Opened) -> None:
    assert by_joserfc(recipient, token) == by_jwcrypto(recipient, token) == opened.text.encode()
    header = json.loads(base64url.decode(token.split(".", maxsplit=1)[0].encode()))
    assert freeze(header) == opened.header


texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
names = ["alg", "enc", "kid", "typ", "cty", "iss", "sub", "aud", "epk", "jwk", "jku", "x5c", "crit", "zip", "x"]
parameters = st.sampled_from(names)  # not apu and apv: they change the agreement
good_changes: list[dict[str, object]] = [
    {},
    {"iss": "i", "sub": "s", "aud": ["a"]},
    {"typ": ...},
    {"cty": "application/AT+JWT"},
    {"x5c": ["AA=="], "jwk": {"kty": "oct"}, "jku": "https://a.example"},
]
changes = st.sampled_from(good_changes) | st.dictionaries(parameters, values, max_size=1)
parties = st.binary(max_size=5).map(lambda value: base64url.encode(value).decode())
contents = (
    st.just(TOKEN)
    | st.from_regex("[A-Za-z0-9_-]{1,9}[.][A-Za-z0-9_-]{1,9}[.][A-Za-z0-9_-]{0,9}", fullmatch=True)
    | texts
)


@st.composite
def tokens(draw: st.DrawFn) -> tuple[Recipient, str]:
    """Return a token and the key it is for, with any content, a changed header, parties, or other characters."""
    recipient = draw(st.sampled_from(RECIPIENTS))
    header = recipient.header(**draw(changes))
    if recipient.alg.startswith("ECDH") and draw(st.booleans()):
        header |= {"apu": draw(parties), "apv": draw(parties)}
    token = seal(recipient, draw(contents), header=header)
    if not draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(token)))
        token = token[:at] + draw(st.text("AZaz09-_=. \n+/é", max_size=2)) + token[at + draw(st.integers(0, 2)) :]
    return recipient, token


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 3)  # each is decrypted three times
@given(tokens())
def test_tokens_that_are_opened_here_are_opened_by_others_who_find_the_same_inside(
    case: tuple[Recipient, str],
) -> None:
    recipient, token = case
    opened = open_here(token)

    if opened is not None:
        check_peers_agree(recipient, token, opened)


@each_recipient
def test_a_token_that_is_encrypted_here_is_opened_by_all(recipient: Recipient) -> None:
    """Otherwise the test above could pass without comparing anything."""
    key = KEYS.find(recipient.name)
    assert key is not None
    token = jwe.encrypt(TOKEN, key, typ="at+jwt")

    opened = open_here(token)

    assert opened is not None
    check_peers_agree(recipient, token, opened)


@each_recipient
def test_a_token_that_others_encrypt_is_opened_here(recipient: Recipient) -> None:
    header = {"alg": recipient.alg, "enc": "A256GCM", "kid": recipient.name, "cty": "JWT", "iss": "i"}
    registry = joserfc.jwe.JWERegistry(algorithms=[recipient.alg, "A256GCM"], strict_check_header=False)

    by_one = joserfc.jwe.encrypt_compact(dict(header), TOKEN, JOSERFC[recipient.name], registry=registry)
    other = jwcrypto.jwe.JWE(TOKEN, json.dumps(header), algs=[recipient.alg, "A256GCM"])
    other.add_recipient(JWCRYPTO[recipient.name])

    for token in (by_one, other.serialize(compact=True)):
        opened = open_here(token)
        assert opened is not None
        assert opened.text == TOKEN
        assert opened.header["iss"] == "i"
