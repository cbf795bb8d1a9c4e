"""Claims sets: how they are read, and the allowed values of each claim."""

import math

import pytest

from flask_tokenauth.core.claim_errors import MalformedClaim
from flask_tokenauth.core.encoding.limits import YEAR_9999
from flask_tokenauth.core.form_errors import MalformedToken
from flask_tokenauth.core.tokens.claims import RESERVED, read_audience, read_claims

from ...conftest import AUDIENCE, ISSUER, Mint
from .claims_kit import check, claim_of

NO_NUMBERS: list[object] = [
    None,
    True,
    False,
    "1",
    "1700000000",
    "",
    [],
    {},
    -1,
    -0.5,
    YEAR_9999 + 1,
    10**400,
    math.nan,
    math.inf,
]
NO_TEXTS: list[object] = [None, True, 1, [], {}, ["alice"], ""]


@pytest.mark.parametrize("claim", ["sub", "jti", "sid", "client_id"])
@pytest.mark.parametrize("value", [*NO_TEXTS, "a" * 256, "a\n", "\x00", "\x7f", "\x85", "a\ud800"])
def test_an_identifier_is_a_text_of_1_to_255_characters_without_controls(mint: Mint, claim: str, value: object) -> None:
    with pytest.raises(MalformedClaim) as caught:
        check(mint, **claim_of(claim, value))

    assert caught.value.claim == claim


@pytest.mark.parametrize("claim", ["sub", "jti", "sid", "client_id"])
@pytest.mark.parametrize("value", ["a", "a" * 254, "a" * 255, "é", "a b", " ", "\u200b", "\u00a0", "😀", "\u2028"])
def test_an_identifier_may_hold_any_other_character(mint: Mint, claim: str, value: str) -> None:
    check(mint, **claim_of(claim, value))


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf", "auth_time"])
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_a_time_is_a_number_from_0_to_the_year_9999(mint: Mint, claim: str, value: object) -> None:
    with pytest.raises(MalformedClaim) as caught:
        check(mint, **claim_of(claim, value))

    assert caught.value.claim == claim


@pytest.mark.parametrize("value", [0, 0.0, 0.5, YEAR_9999 - 1, YEAR_9999])
def test_times_may_lie_anywhere_in_between(mint: Mint, value: float) -> None:
    check(mint, auth_time=value)


@pytest.mark.parametrize("value", [None, 1, [], {}, ["reports:read"], True])
def test_scope_is_text(mint: Mint, value: object) -> None:
    with pytest.raises(MalformedClaim) as caught:
        check(mint, scope=value)

    assert caught.value.claim == "scope"


@pytest.mark.parametrize("value", [" ", "a  b", 'a"', "é"])
def test_scope_follows_its_grammar(mint: Mint, value: str) -> None:
    with pytest.raises(MalformedClaim) as caught:
        check(mint, scope=value)

    assert caught.value.claim == "scope"


def test_scope_may_be_empty(mint: Mint) -> None:
    check(mint, scope="")


@pytest.mark.parametrize("value", [None, 1, [], {}, [ISSUER], True])
def test_the_issuer_is_text(mint: Mint, value: object) -> None:
    with pytest.raises(MalformedClaim) as caught:
        check(mint, iss=value)

    assert caught.value.claim == "iss"


@pytest.mark.parametrize("value", [None, 1, True, {}, (1,), (AUDIENCE, None), (AUDIENCE, ("x",))])
def test_the_audience_is_a_text_or_an_array_of_texts(mint: Mint, value: object) -> None:
    with pytest.raises(MalformedClaim) as caught:
        check(mint, aud=value)

    assert caught.value.claim == "aud"


def test_a_missing_audience_is_none() -> None:
    assert read_audience({}) == frozenset()


def test_every_claim_that_the_policy_judges_is_reserved(mint: Mint) -> None:
    others = {"nbf", "sid", "auth_time", "cnf", "epoch", "ticket_path", "act", "may_act", "parent"}
    assert {*mint.claims(), *others} == RESERVED


def test_claims_are_read_as_they_stand_and_cannot_be_changed() -> None:
    claims = read_claims(b' {"a": [1, {"b": 2.5}], "c": "\xc3\xa9", "d": null} ')

    assert claims == {"a": (1, {"b": 2.5}), "c": "é", "d": None}


def test_of_a_claim_twice_the_last_counts() -> None:
    """RFC 7519 section 4."""
    assert read_claims(b'{"a": 1, "a": 2, "\\u0061": 3}') == {"a": 3}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{",
        b"{}x",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        "{}".encode("utf-32-le"),
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": 01}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": ' + b"[" * 32 + b"]" * 32 + b"}",
        b'{"a": ' + b"[" * 9999 + b"]" * 9999 + b"}",
    ],
)
def test_a_payload_that_is_no_claims_set_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedToken) as caught:
        read_claims(payload)

    assert caught.value.part == "payload"


def test_claims_may_nest_thirty_two_deep() -> None:
    read_claims(b'{"a": ' + b"[" * 31 + b"]" * 31 + b"}")


@pytest.mark.parametrize("audience", [[AUDIENCE], {AUDIENCE}, frozenset({AUDIENCE})])
def test_what_nobody_has_frozen_is_no_audience(mint: Mint, audience: object) -> None:
    with pytest.raises(MalformedClaim):
        check(mint, aud=audience)


@pytest.mark.parametrize("epoch", [0, 1, 1_700_000_000_000, 2**53, 2**63 - 1, 2**63, 2**70])
def test_an_epoch_is_a_whole_number(mint: Mint, epoch: int) -> None:
    check(mint, epoch=epoch)


@pytest.mark.parametrize("epoch", [None, True, False, "1", "", 1.0, 1.5, -1, -0.5, math.nan, math.inf, [], {}])
def test_nothing_else_is_an_epoch(mint: Mint, epoch: object) -> None:
    with pytest.raises(MalformedClaim) as caught:
        check(mint, epoch=epoch)

    assert str(caught.value) == "claim epoch must be a whole number from 0 on, got another value"
