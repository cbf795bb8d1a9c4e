"""The claims policy: type, issuer, audience, required claims and times."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.claim_errors import (
    IssuedInFuture,
    LifetimeTooLong,
    MalformedClaim,
    MissingClaim,
    TokenExpired,
    TokenNotYetValid,
    UnprovenBinding,
    WrongAudience,
    WrongIssuer,
)
from flask_tokenauth.core.token_errors import TokenError, WrongType
from flask_tokenauth.core.tokens.claims import ClaimsPolicy

from ...conftest import AUDIENCE, ISSUER, NOW, Mint
from .claims_kit import check, claim_of

LEEWAY = 10.0
DAY = 86400.0


def test_good_claims_are_good(mint: Mint) -> None:
    check(mint)


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_the_type_is_a_media_type(mint: Mint, typ: str) -> None:
    """RFC 9068 section 2.1, RFC 7515 section 4.1.9."""
    check(mint, typ=typ)


@pytest.mark.parametrize(
    "typ",
    [
        None,
        "",
        "JWT",
        "jwt",
        "at+jwt ",
        " at+jwt",
        "at+jwt;a=b",
        "application/application/at+jwt",
        "aT+jwᵗ",
        "x/at+jwt",
    ],
)
def test_another_type_is_another_kind_of_token(mint: Mint, typ: str | None) -> None:
    """RFC 8725 section 3.11."""
    with pytest.raises(WrongType):
        check(mint, typ=typ)


def test_a_type_beyond_ascii_never_folds_into_one_of_ascii(mint: Mint) -> None:
    policy = ClaimsPolicy(issuer=ISSUER, audience=None, typ="k+jwt")

    check(mint, typ="K+jwt", policy=policy)
    with pytest.raises(WrongType):
        check(mint, typ="\u212a+jwt", policy=policy)  # KELVIN SIGN, whose lower case is k


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "jti", "sub"])
def test_a_required_claim_must_be_there(mint: Mint, claim: str) -> None:
    with pytest.raises(MissingClaim) as caught:
        check(mint, **claim_of(claim, ...))

    assert caught.value.claim == claim


@pytest.mark.parametrize("claim", ["client_id", "scope"])
def test_other_claims_may_be_missing(mint: Mint, claim: str) -> None:
    check(mint, **claim_of(claim, ...))


@pytest.mark.parametrize("value", ["", ISSUER + "/", ISSUER.upper(), ISSUER[:-1], " " + ISSUER])
def test_the_issuer_is_equal(mint: Mint, value: str) -> None:
    with pytest.raises(WrongIssuer):
        check(mint, iss=value)


@pytest.mark.parametrize("value", [AUDIENCE, "second", (AUDIENCE,), ("third", AUDIENCE), (AUDIENCE, "second")])
def test_the_audience_names_us(mint: Mint, value: object) -> None:
    check(mint, aud=value)


@pytest.mark.parametrize("value", ["", "third", (), ("third",), AUDIENCE + "/", AUDIENCE.upper()])
def test_a_token_for_others_is_refused(mint: Mint, value: object) -> None:
    with pytest.raises(WrongAudience):
        check(mint, aud=value)


@pytest.mark.parametrize("value", [None, {}, {"jkt": "x"}, "x"])
def test_a_token_bound_to_a_key_is_no_bearer_token(mint: Mint, value: object) -> None:
    """RFC 7800 section 3."""
    with pytest.raises(UnprovenBinding):
        check(mint, cnf=value)


@pytest.mark.parametrize("now", [NOW + LEEWAY - 1, NOW + LEEWAY - 0.001])
def test_a_token_is_good_until_it_expires(mint: Mint, now: float) -> None:
    check(mint, now=now, exp=NOW, iat=NOW - 60)


@pytest.mark.parametrize("now", [NOW + LEEWAY, NOW + LEEWAY + 1])
def test_a_token_is_refused_from_the_second_it_expires(mint: Mint, now: float) -> None:
    """RFC 7519 section 4.1.4: "on or after which the JWT MUST NOT be accepted"."""
    with pytest.raises(TokenExpired) as caught:
        check(mint, now=now, exp=NOW, iat=NOW - 60)

    assert caught.value.expired_at == NOW


def test_a_fraction_of_a_second_prolongs_no_token(mint: Mint) -> None:
    """PyJWT does the same, so no token is accepted by one reader and expired for the other."""
    check(mint, now=NOW + LEEWAY - 0.001, exp=NOW + 0.9, iat=NOW - 60)

    with pytest.raises(TokenExpired):
        check(mint, now=NOW + LEEWAY, exp=NOW + 0.9, iat=NOW - 60)


@pytest.mark.parametrize("ahead", [LEEWAY - 1, LEEWAY])
def test_clocks_may_differ_by_the_leeway(mint: Mint, ahead: float) -> None:
    check(mint, iat=NOW + ahead)
    check(mint, nbf=NOW + ahead)


def test_a_token_issued_later_than_that_is_refused(mint: Mint) -> None:
    with pytest.raises(IssuedInFuture) as caught:
        check(mint, iat=NOW + LEEWAY + 1)

    assert caught.value.issued_at == NOW + LEEWAY + 1


def test_a_token_that_is_not_yet_valid_is_refused(mint: Mint) -> None:
    """RFC 7519 section 4.1.5."""
    with pytest.raises(TokenNotYetValid) as caught:
        check(mint, nbf=NOW + LEEWAY + 1)

    assert caught.value.not_before == NOW + LEEWAY + 1


@pytest.mark.parametrize("lifetime", [DAY - 1, DAY])
def test_a_token_may_live_for_the_greatest_lifetime(mint: Mint, lifetime: float) -> None:
    check(mint, exp=NOW + lifetime)


def test_a_token_that_lives_longer_is_refused(mint: Mint) -> None:
    with pytest.raises(LifetimeTooLong) as caught:
        check(mint, exp=NOW + DAY + 1)

    assert (caught.value.lifetime, caught.value.limit) == (DAY + 1, DAY)


@pytest.mark.parametrize(
    "changes",
    [{"iss": "x"}, {"aud": "x"}, {"nbf": NOW + 2 * DAY}, {"sub": 1}, {"cnf": {}}, {"iat": NOW - DAY}],
    ids=lambda changes: next(iter(changes)),
)
def test_expiry_is_judged_last(mint: Mint, changes: dict[str, Any]) -> None:
    """So ``TokenExpired`` means that the token was good once."""
    with pytest.raises(TokenError) as caught:
        check(mint, now=NOW + DAY, **changes)

    assert not isinstance(caught.value, TokenExpired)


def test_a_policy_leaves_out_what_another_issuer_lacks(mint: Mint) -> None:
    policy = ClaimsPolicy(
        issuer=None,
        audience=None,
        typ=None,
        required=frozenset({"exp", "sub"}),
        leeway=timedelta(0),
        max_lifetime=None,
    )

    check(mint, typ=None, policy=policy, iss=..., aud=..., iat=..., jti=...)
    check(mint, typ="JWT", policy=policy, iss="x", aud="y", exp=NOW + 10 * DAY)
    check(mint, now=NOW - 1, policy=policy, exp=NOW, iat=...)
    with pytest.raises(TokenExpired):
        check(mint, now=NOW, policy=policy, exp=NOW, iat=...)


@pytest.mark.parametrize(("rule", "claim"), [("issuer", "iss"), ("audience", "aud")])
def test_a_rule_that_is_off_does_not_require_its_claim(mint: Mint, rule: str, claim: str) -> None:
    rules: dict[str, Any] = {"issuer": ISSUER, "audience": frozenset({AUDIENCE})} | {rule: None}
    policy = ClaimsPolicy(**rules)

    check(mint, policy=policy, **claim_of(claim, ...))
    with pytest.raises(MissingClaim):
        check(mint, policy=policy, jti=...)


@pytest.mark.parametrize(("rule", "claim"), [("issuer", "iss"), ("audience", "aud")])
def test_a_claim_that_is_named_as_required_stays_so_without_a_rule(mint: Mint, rule: str, claim: str) -> None:
    rules: dict[str, Any] = {"issuer": ISSUER, "audience": frozenset({AUDIENCE})} | {rule: None}
    policy = ClaimsPolicy(**rules, required=frozenset(["iss", "aud", "exp", "iat", "jti", "sub"]))

    with pytest.raises(MissingClaim):
        check(mint, policy=policy, **claim_of(claim, ...))


def test_a_rule_that_is_switched_on_again_refuses_a_token_without_its_claim(mint: Mint) -> None:
    policy = replace(ClaimsPolicy(issuer=ISSUER, audience=None), audience=frozenset({AUDIENCE}))

    with pytest.raises(WrongAudience):
        check(mint, policy=policy, aud=...)


@pytest.mark.parametrize("changes", [{"auth_time": "2016-10-20T19:13:34.543Z"}, {"client_id": ""}], ids=str)
def test_other_kinds_of_token_use_some_claims_in_their_own_way(mint: Mint, changes: dict[str, Any]) -> None:
    rules: dict[str, Any] = {"issuer": ISSUER, "audience": frozenset({AUDIENCE})}

    check(mint, typ="JWT", policy=ClaimsPolicy(**rules, typ="JWT"), **changes)
    check(mint, typ=None, policy=ClaimsPolicy(**rules, typ=None), **changes)
    required = frozenset({"exp", "sub", *changes})
    for strict in (ClaimsPolicy(**rules), ClaimsPolicy(**rules, typ="JWT", required=required)):
        with pytest.raises(MalformedClaim):
            check(mint, typ=strict.typ, policy=strict, **changes)


@pytest.mark.parametrize("claim", ["sub", "jti", "sid", "nbf", "epoch", "scope"])
def test_claims_that_decide_are_checked_in_every_kind_of_token(mint: Mint, claim: str) -> None:
    policy = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}), typ="JWT")

    with pytest.raises(MalformedClaim):
        check(mint, typ="JWT", policy=policy, **claim_of(claim, [1]))


def test_a_policy_may_cap_the_lifetime_of_tokens_that_need_not_tell_it(mint: Mint) -> None:
    policy = ClaimsPolicy(issuer=None, audience=None, required=frozenset({"exp", "sub"}))

    check(mint, policy=policy, iat=..., exp=NOW + DAY)
    with pytest.raises(LifetimeTooLong):
        check(mint, policy=policy, iat=..., exp=NOW + DAY + 1)


@pytest.mark.parametrize("required", [set(), {"exp"}, {"sub"}, {"iss", "aud"}])
def test_no_policy_does_without_expiry_and_subject(required: set[str]) -> None:
    with pytest.raises(ValueError, match=r"^required must have exp and sub, it lacks (exp|sub|exp and sub): "):
        ClaimsPolicy(issuer=None, audience=None, required=frozenset(required))


@pytest.mark.parametrize(
    "audience", [frozenset(), AUDIENCE, frozenset({""}), frozenset({"", AUDIENCE}), [AUDIENCE], {1}]
)
def test_the_audience_of_a_policy_is_a_set_of_texts(audience: frozenset[str]) -> None:
    with pytest.raises(
        ValueError, match=r"^audience must be a frozenset of strings, at least one and none empty, or None$"
    ):
        ClaimsPolicy(issuer=None, audience=audience)


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"typ": ""}, '^typ must be a media type or None, got ""$'),
        ({"leeway": timedelta(seconds=-1)}, "^leeway must not be negative, got -1 day, 23:59:59$"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(changes: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake):
        ClaimsPolicy(issuer=None, audience=None, **changes)


@pytest.mark.parametrize("changes", [{}, {"iat": ...}, {"nbf": NOW}])
def test_a_clock_that_is_no_number_lets_nobody_in(mint: Mint, changes: dict[str, Any]) -> None:
    policy = ClaimsPolicy(issuer=None, audience=None, required=frozenset({"exp", "sub"}))

    with pytest.raises(TokenError):
        check(mint, now=math.nan, policy=policy, **changes)
