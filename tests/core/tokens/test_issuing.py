"""Access tokens that are issued have the claims of RFC 9068 and are accepted afterwards."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.tokens import jws
from flask_tokenauth.core.tokens.claims import RESERVED, ClaimsPolicy
from flask_tokenauth.core.tokens.issuing import TokenIssuer
from flask_tokenauth.core.tokens.verifier import Verifier

from ...conftest import AUDIENCE, ISSUER, NOW, Mint
from ..encoding.test_immutable_json import nested

POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))


@pytest.fixture
def issuer(mint: Mint) -> TokenIssuer:
    return TokenIssuer(KeySet([mint.key]), POLICY, lifetime=timedelta(minutes=15))


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1].encode()))
    return claims


def test_an_access_token_has_the_claims_of_rfc_9068(issuer: TokenIssuer, mint: Mint) -> None:
    token = issuer.issue("alice", ["reports:read", "profile"], now=NOW + 0.9)

    header = jws.verify(token, KeySet([mint.key])).header
    assert header == {"alg": "HS256", "kid": mint.key.kid, "typ": "at+jwt"}
    claims = claims_of(token)
    assert len(claims.pop("jti")) == 22
    assert claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "exp": NOW + 900,
        "iat": NOW,
        "client_id": ISSUER,
        "scope": "reports:read profile",
    }


def test_every_token_has_an_id_of_its_own(issuer: TokenIssuer) -> None:
    assert len({claims_of(issuer.issue("alice", now=NOW))["jti"] for _ in range(100)}) == 100


def test_a_token_that_is_issued_is_accepted(issuer: TokenIssuer, mint: Mint) -> None:
    token = issuer.issue("alice", {"a"}, now=NOW, auth_time=datetime.fromtimestamp(NOW, UTC), claims={"team": "blue"})

    verified = Verifier(KeySet([mint.key]), POLICY).verify(token, now=NOW)

    assert (verified.subject, verified.scopes, verified.claims["team"]) == ("alice", frozenset({"a"}), "blue")


def test_without_scopes_there_is_no_scope(issuer: TokenIssuer) -> None:
    assert "scope" not in claims_of(issuer.issue("alice", now=NOW))


@pytest.mark.parametrize(
    ("asked", "written"),
    [("bcd", "bcd"), (["b"], "b"), (["c", "b"], ["b", "c"]), (frozenset({"b"}), "b"), (None, AUDIENCE)],
)
def test_a_token_is_for_the_audience_asked_for(
    issuer: TokenIssuer, asked: str | list[str] | None, written: object
) -> None:
    assert claims_of(issuer.issue("alice", now=NOW, audience=asked))["aud"] == written


def test_a_token_names_the_client_and_the_sign_in_where_these_are_known(issuer: TokenIssuer) -> None:
    claims = claims_of(
        issuer.issue("alice", now=NOW, client_id="web", auth_time=datetime.fromtimestamp(NOW - 5.5, UTC))
    )

    assert (claims["client_id"], claims["auth_time"]) == ("web", NOW - 6)


@pytest.mark.parametrize(
    ("asked", "lifetime"),
    [(timedelta(seconds=1), 1), (timedelta(seconds=1.9), 1), (timedelta(hours=24), 86400), (None, 900)],
)
def test_a_token_lives_as_long_as_asked_in_whole_seconds(
    issuer: TokenIssuer, asked: timedelta | None, lifetime: int
) -> None:
    assert claims_of(issuer.issue("alice", now=NOW, expires_in=asked))["exp"] == NOW + lifetime


@pytest.mark.parametrize("asked", [timedelta(0), timedelta(seconds=0.9), timedelta(seconds=-1), timedelta(days=-9999)])
def test_a_token_lives_a_second_at_least(issuer: TokenIssuer, asked: timedelta) -> None:
    with pytest.raises(ValueError, match=r"^expires_in must be at least 1 second"):
        issuer.issue("alice", now=NOW, expires_in=asked)


@pytest.mark.parametrize("asked", [timedelta(hours=24, seconds=1), timedelta.max])
def test_a_token_lives_no_longer_than_any_may(issuer: TokenIssuer, asked: timedelta) -> None:
    with pytest.raises(
        ValueError, match=r"would be refused: .*: pass a shorter expires_in, or raise the limit \(TOKENAUTH"
    ):
        issuer.issue("alice", now=NOW, expires_in=asked)


def test_a_policy_without_an_audience_makes_tokens_without_one(mint: Mint) -> None:
    issuer = TokenIssuer(KeySet([mint.key]), ClaimsPolicy(issuer=ISSUER, audience=None), lifetime=timedelta(minutes=15))

    assert "aud" not in claims_of(issuer.issue("alice", now=NOW))
    assert claims_of(issuer.issue("alice", now=NOW, audience="b"))["aud"] == "b"


@pytest.mark.parametrize("audience", [[], (), set(), "", ["a", ""]])
def test_a_token_is_for_at_least_one_audience(issuer: TokenIssuer, audience: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^audience must be at least one string, and none of them empty: leave it out"
    ):
        issuer.issue("alice", now=NOW, audience=audience)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_claims_of_ours_are_reserved(issuer: TokenIssuer, name: str) -> None:
    with pytest.raises(ValueError, match=f"^claims must not have reserved names, got {name}: rename them$"):
        issuer.issue("alice", now=NOW, claims={name: "x", "team": "blue"})


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "é", [], {}, [1, {"a": [None]}], (1, 2), 2**64, {"a": {"b": "c"}}, nested(31)]
)
def test_json_values_become_claims(issuer: TokenIssuer, value: object) -> None:
    assert claims_of(issuer.issue("alice", now=NOW, claims={"x": value}))["x"] == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        {1: 2},
        {1, 2},
        b"bytes",
        date(2026, 1, 1),
        UUID(int=1),
        object(),
        "\ud800",
        10**5000,
        nested(32),
        nested(5000),
        [math.nan],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_would_change_becomes_no_claim(issuer: TokenIssuer, value: object) -> None:
    with pytest.raises(ValueError, match="claims must be JSON values"):
        issuer.issue("alice", now=NOW, claims={"x": value})


@pytest.mark.parametrize("claims", [{1: 2}, {b"a": 2}])
def test_the_names_of_claims_are_texts(issuer: TokenIssuer, claims: Mapping[Any, object]) -> None:
    with pytest.raises(ValueError, match="claims must be JSON values"):
        issuer.issue("alice", now=NOW, claims=claims)


@pytest.mark.parametrize("subject", ["", "a" * 256, "a\n"])
def test_what_would_be_refused_is_not_signed(issuer: TokenIssuer, subject: str) -> None:
    with pytest.raises(ValueError, match="claim_malformed, claim sub must be a string of 1 to 255 characters"):
        issuer.issue(subject, now=NOW)


@pytest.mark.parametrize("audience", [[], "", [""]])
def test_a_token_is_for_somebody(issuer: TokenIssuer, audience: list[str]) -> None:
    with pytest.raises(ValueError, match="audience"):
        issuer.issue("alice", now=NOW, audience=audience)


def test_a_sign_in_without_time_zone_is_no_instant(issuer: TokenIssuer) -> None:
    with pytest.raises(ValueError, match="time zone"):
        issuer.issue("alice", now=NOW, auth_time=datetime(2026, 1, 1))


def test_a_token_over_the_limit_is_not_made(mint: Mint) -> None:
    keys, lifetime = KeySet([mint.key]), timedelta(minutes=15)
    length = len(TokenIssuer(keys, POLICY, lifetime=lifetime).issue("alice", now=NOW))

    TokenIssuer(keys, POLICY, lifetime=lifetime, max_bytes=length).issue("alice", now=NOW)
    with pytest.raises(ValueError, match="bytes long"):
        TokenIssuer(KeySet([mint.key]), POLICY, lifetime=timedelta(minutes=15), max_bytes=length - 1).issue(
            "alice", now=NOW
        )


def test_claims_of_one_token_can_be_issued_again(issuer: TokenIssuer, mint: Mint) -> None:
    first = issuer.issue("alice", now=NOW, claims={"teams": [{"name": "blue"}]})
    claims = Verifier(KeySet([mint.key]), POLICY).verify(first, now=NOW).claims

    again = issuer.issue("alice", now=NOW, claims={"teams": claims["teams"]})

    assert claims_of(again)["teams"] == [{"name": "blue"}]


@pytest.mark.parametrize("options", [{"audience": [1, "a"]}, {"audience": [None]}, {"auth_time": 5}])
def test_what_is_of_another_type_is_refused(issuer: TokenIssuer, options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        issuer.issue("alice", now=NOW, **options)


@pytest.mark.parametrize("subject", ["alice", "José\u00a0X", "a\u200db"])
def test_a_token_may_be_for_several_and_of_anyone(mint: Mint, subject: str) -> None:
    policy = ClaimsPolicy(issuer=ISSUER, audience=frozenset({"a", "b"}))
    text = TokenIssuer(KeySet([mint.key]), policy, lifetime=timedelta(minutes=15)).issue(subject, now=NOW)

    assert Verifier(KeySet([mint.key]), policy).verify(text, now=NOW).audience == {"a", "b"}


def test_a_lifetime_is_a_timedelta(issuer: TokenIssuer) -> None:
    with pytest.raises(TypeError):
        issuer.issue("alice", now=NOW, expires_in=5)  # type: ignore[arg-type]  # the attempt under test


def test_claims_may_be_pairs(issuer: TokenIssuer) -> None:
    assert claims_of(issuer.issue("alice", now=NOW, claims=[("q", 1)]))["q"] == 1  # type: ignore[arg-type]  # as dict() takes them


def test_pairs_cannot_bring_reserved_claims_in(issuer: TokenIssuer) -> None:
    with pytest.raises(ValueError, match=r"^claims must not have reserved names, got sub: rename them$"):
        issuer.issue("alice", now=NOW, claims=[("sub", "bob")])  # type: ignore[arg-type]  # the attempt under test


@pytest.mark.parametrize("claims", [5, "team", ["team"]])
def test_claims_are_a_dict(issuer: TokenIssuer, claims: Any) -> None:
    with pytest.raises(TypeError, match=r"^claims must be a dict, got "):
        issuer.issue("alice", now=NOW, claims=claims)


def test_an_audience_that_utf_8_cannot_write_is_refused(issuer: TokenIssuer) -> None:
    with pytest.raises(ValueError, match=r"^subject, audience and IDs must be of the type str, without lone"):
        issuer.issue("alice", now=NOW, audience="\ud800")


def test_the_next_token_after_an_exchange_is_signed_by_the_new_key(mint: Mint) -> None:
    keys, new = KeySet([mint.key]), Key.generate("EdDSA")
    issuer = TokenIssuer(keys, POLICY, lifetime=timedelta(minutes=15))
    issuer.issue("alice", now=NOW)

    keys.exchange([new])

    assert jws.verify(issuer.issue("alice", now=NOW), keys).key is new


def test_a_set_of_public_keys_issues_nothing() -> None:
    issuer = TokenIssuer(KeySet([Key.generate("EdDSA").public()]), POLICY, lifetime=timedelta(minutes=15))

    with pytest.raises(InvalidKey, match="must have a private key or a secret, got public keys only"):
        issuer.issue("alice", now=NOW)
