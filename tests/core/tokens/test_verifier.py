"""Verification of access tokens: signature, claims, revocation."""

import json
from datetime import UTC, datetime

import pytest

from flask_tokenauth.core.claim_errors import TokenExpired
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.form_errors import MalformedToken, TokenTooLarge
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.signature_errors import InvalidSignature, UnknownKey
from flask_tokenauth.core.token_errors import TokenError, TokenRevoked, WrongType
from flask_tokenauth.core.tokens import jws
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.core.tokens.verifier import Verifier

from ...conftest import AUDIENCE, ISSUER, NOW, SECRET, Mint

POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))


@pytest.fixture
def verifier(mint: Mint) -> Verifier:
    return Verifier(KeySet([mint.key]), POLICY)


def test_a_good_token_says_who_what_and_until_when(mint: Mint, verifier: Verifier) -> None:
    text = mint(sid="s1", auth_time=NOW - 60.5, team="blue", aud=[AUDIENCE, "b"])

    token = verifier.verify(text, now=NOW)

    assert token.subject == "alice"
    assert token.scopes == frozenset({"reports:read"})
    assert token.issuer == ISSUER
    assert token.audience == {AUDIENCE, "b"}
    assert token.expires_at == datetime.fromtimestamp(NOW + 900, UTC)
    assert token.issued_at == datetime.fromtimestamp(NOW, UTC)
    assert token.token_id == "t1"
    assert token.session_id == "s1"
    assert token.client_id == ISSUER
    assert token.auth_time == datetime.fromtimestamp(NOW - 60.5, UTC)
    assert token.claims["team"] == "blue"


def test_what_a_token_does_not_say_is_none(mint: Mint) -> None:
    policy = ClaimsPolicy(issuer=None, audience=None, required=frozenset({"exp", "sub"}))
    text = mint(iss=..., aud=..., iat=..., jti=..., client_id=..., scope=...)

    token = Verifier(KeySet([mint.key]), policy).verify(text, now=NOW)

    assert (token.issuer, token.issued_at, token.token_id, token.client_id) == (None, None, None, None)
    assert (token.session_id, token.auth_time) == (None, None)
    assert (token.scopes, token.audience) == (frozenset(), frozenset())


@pytest.mark.parametrize("value", ["2016-10-20T19:13:34.543Z", "", [], {}, True, -1])
def test_what_a_token_of_another_kind_says_in_its_own_way_is_none(mint: Mint, value: object) -> None:
    """So a guard with ``max_age`` refuses it."""
    policy = ClaimsPolicy(issuer=ISSUER, audience=None, typ=None)

    token = Verifier(KeySet([mint.key]), policy).verify(mint(auth_time=value), now=NOW)

    assert token.auth_time is None


@pytest.mark.parametrize("value", ["", [], {}, True, 1])
def test_a_client_that_is_no_name_is_none(mint: Mint, value: object) -> None:
    policy = ClaimsPolicy(issuer=ISSUER, audience=None, typ=None)

    assert Verifier(KeySet([mint.key]), policy).verify(mint(client_id=value), now=NOW).client_id is None


def test_a_token_cannot_be_changed(mint: Mint, verifier: Verifier) -> None:
    token = verifier.verify(mint(teams=[{"name": "blue"}]), now=NOW)

    with pytest.raises(AttributeError):
        token.subject = "bob"  # type: ignore[misc]  # the attempt under test
    with pytest.raises(TypeError):
        token.claims["sub"] = "bob"  # type: ignore[index]  # the attempt under test
    with pytest.raises(TypeError):
        token.claims["teams"][0]["name"] = "red"  # type: ignore[index]  # the attempt under test


def test_a_token_is_a_value(mint: Mint, verifier: Verifier) -> None:
    text = mint(teams=[{"name": "blue"}])

    one, other = verifier.verify(text, now=NOW), verifier.verify(text, now=NOW)

    assert one == other
    assert len({one, other}) == 1
    assert "blue" not in repr(one)


def test_a_token_must_name_its_key(mint: Mint, verifier: Verifier) -> None:
    key = Key.derive(SECRET.encode(), purpose="access", issuer=ISSUER)
    good = mint()
    message = base64url.encode(b'{"alg":"HS256","typ":"at+jwt"}') + good[good.index(".") : good.rindex(".")].encode()
    text = message + b"." + base64url.encode(key.sign(message))

    assert jws.verify(text.decode(), KeySet([key])).key is key
    with pytest.raises(UnknownKey):
        verifier.verify(text.decode(), now=NOW)


@pytest.mark.parametrize("typ", [None, "JWT"])
def test_an_access_token_says_that_it_is_one(mint: Mint, verifier: Verifier, typ: str | None) -> None:
    with pytest.raises(WrongType):
        verifier.verify(mint(typ=typ), now=NOW)


def test_claims_are_judged_after_the_signature(mint: Mint, verifier: Verifier) -> None:
    forged = mint(exp=NOW - 900)[:-4] + "AAAA"

    with pytest.raises(InvalidSignature):
        verifier.verify(forged, now=NOW)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff"])
def test_a_payload_that_is_no_claims_set_is_refused(mint: Mint, verifier: Verifier, payload: bytes) -> None:
    with pytest.raises(MalformedToken):
        verifier.verify(mint.sign(payload), now=NOW)


def test_a_token_over_the_limit_is_refused(mint: Mint) -> None:
    text = mint()
    keys = KeySet([mint.key])

    Verifier(keys, POLICY, max_bytes=len(text)).verify(text, now=NOW)
    with pytest.raises(TokenTooLarge):
        Verifier(keys, POLICY, max_bytes=len(text) - 1).verify(text, now=NOW)


def test_whether_a_token_was_revoked_is_asked_last_and_of_good_tokens_only(mint: Mint) -> None:
    asked: list[Token] = []

    def revoked(token: Token) -> bool:
        asked.append(token)
        return token.token_id == "t2"

    verifier = Verifier(KeySet([mint.key]), POLICY, revoked=revoked)

    assert verifier.verify(mint(), now=NOW) == asked[0]
    with pytest.raises(TokenRevoked):
        verifier.verify(mint(jti="t2"), now=NOW)
    with pytest.raises(TokenExpired):
        verifier.verify(mint(), now=NOW + 910)
    assert [token.token_id for token in asked] == ["t1", "t2"]


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "." * 8000, "," * 10**6, "\ud800", "\x00", "{}", "e30.e30."])
def test_nothing_but_a_refusal_comes_out(verifier: Verifier, text: str) -> None:
    with pytest.raises(TokenError):
        verifier.verify(text, now=NOW)


def test_claims_can_be_had_as_plain_json(mint: Mint, verifier: Verifier) -> None:
    token = verifier.verify(mint(teams=[{"name": "blue"}]), now=NOW)

    claims = token.to_dict()
    claims["teams"] = [*json.loads(json.dumps(claims["teams"])), "red"]

    assert claims["teams"] == [{"name": "blue"}, "red"]
    assert token.claims["teams"] == ({"name": "blue"},)
