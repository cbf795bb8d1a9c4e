"""Every refusal says in a sentence why it came, can be copied and pickled, and has a reason of its own."""

import copy
import math
import pickle
from collections.abc import Callable

import pytest

from flask_tokenauth.core.claim_errors import IssuedInFuture, MalformedClaim, TokenExpired, WrongAudience
from flask_tokenauth.core.client_errors import InvalidClient
from flask_tokenauth.core.endpoint_errors import (
    EndpointError,
    InvalidCursor,
    MalformedRequest,
    MissingParameter,
    WrongParameterType,
)
from flask_tokenauth.core.errors import InsufficientClaim, InsufficientScope, LoginTooOld, Refusal
from flask_tokenauth.core.signature_errors import InvalidSignature
from flask_tokenauth.core.token_errors import TokenError, TokenRejected

from .errors_kit import KINDS, make_refusal

BASES = (Refusal, TokenError, InvalidClient, EndpointError)

by_reason = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.reason)


def test_reasons_are_unique() -> None:
    reasons = [kind.reason for kind in KINDS]

    assert len(set(reasons)) == len(reasons)


@by_reason
def test_every_refusal_says_something(kind: type[Refusal]) -> None:
    assert len(str(make_refusal(kind)).split()) >= 5


@pytest.mark.parametrize("base", BASES)
def test_a_refusal_of_an_application_says_something_too(base: type[Refusal]) -> None:
    class Mine(base):  # type: ignore[misc,valid-type]  # of each base class
        reason = "mine"

    assert str(Mine()) == str(base())
    assert len(str(base()).split()) >= 4


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (MissingParameter("token"), "token with a value, got none: send it there, not in the URL, in the format that"),
        (InvalidCursor(), "got another value or several: leave it out to begin again"),
        (MalformedRequest(), "form of at most 32 parameters, encoded with %, or a complete JSON object in UTF-8 with"),
    ],
)
def test_a_mistake_in_a_request_has_advice(error: EndpointError, advice: str) -> None:
    assert advice in str(error)


def test_a_parameter_that_is_needed_is_not_advised_to_be_left_out() -> None:
    assert str(WrongParameterType("token")).endswith("got another type: send a string")


def test_no_two_refusals_say_the_same() -> None:
    sentences = [str(make_refusal(kind)) for kind in (*KINDS, *BASES)]

    assert len(set(sentences)) == len(sentences)


@by_reason
def test_a_sentence_is_one_line_of_ascii_that_a_log_can_have(kind: type[Refusal]) -> None:
    sentence = str(make_refusal(kind))

    assert sentence.isascii()
    assert sentence.isprintable()
    assert sentence == sentence.strip(" .")


def pickled(error: Refusal) -> Refusal:
    copied: Refusal = pickle.loads(pickle.dumps(error))
    return copied


@by_reason
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
def test_a_refusal_survives_a_copy(kind: type[Refusal], duplicate: Callable[[Refusal], Refusal]) -> None:
    error = make_refusal(kind)

    copied = duplicate(error)

    assert type(copied) is kind
    assert str(copied) == str(error)
    assert (copied.hint, vars(copied)) == (error.hint, vars(error))


def test_an_argument_of_the_application_is_the_sentence() -> None:
    assert str(TokenRejected("closed on Sundays")) == "closed on Sundays"


def test_a_time_is_readable() -> None:
    assert "2023-11-14T22:13:20Z" in str(TokenExpired(1_700_000_000))


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -1, 10**400])
def test_a_time_that_is_no_time_is_printed_as_it_is(seconds: float) -> None:
    """A clock that a test replaced may return it."""
    assert f"got {seconds}: " in str(IssuedInFuture(seconds))


def test_a_claim_is_named_with_its_rule() -> None:
    assert str(MalformedClaim("sub", "a string")).startswith("claim sub must be a string, got ")


def test_a_claim_without_a_rule_is_named_too() -> None:
    assert str(MalformedClaim("sub")) == "claim sub is malformed"


@by_reason
def test_a_hint_has_only_characters_that_a_challenge_may_have(kind: type[Refusal]) -> None:
    """RFC 6750 section 3: %x20-21 / %x23-5B / %x5D-7E."""
    hint = make_refusal(kind).hint

    assert hint.isascii()
    assert hint.isprintable()
    assert set(hint).isdisjoint('"\\')


@pytest.mark.parametrize(
    ("error", "must_have"),
    [
        (InsufficientScope(), "a scope that it lacks"),
        (InsufficientScope(("a",)), "the scope a"),
        (InsufficientScope(("a", "b")), "the scopes a b"),
        (InsufficientScope(("a",), all_of=("a",), any_of=("c", "d")), "the scope a, and one of c d"),
        (InsufficientScope(("a", "b"), all_of=("a", "b"), any_of=("c", "d")), "the scopes a b, and one of c d"),
        (InsufficientScope(("c", "d"), all_of=("a", "b"), any_of=("c", "d")), "the scopes a b, and one of c d"),
        (InsufficientScope(("c", "d"), any_of=("c", "d")), "one of the scopes c d"),
        (InsufficientScope(("c",), any_of=("c",)), "the scope c"),
    ],
)
def test_missing_scopes_are_named_as_the_guard_has_them(error: InsufficientScope, must_have: str) -> None:
    assert str(error) == (
        f"the token must have {must_have}: give it the scopes at login (of a trusted issuer: in its scopes), or change "
        "the guard"
    )


def test_a_missing_claim_and_a_wrong_value_have_different_sentences() -> None:
    missing, wrong = InsufficientClaim("role", is_missing=True), InsufficientClaim("role")

    assert str(missing) == (
        "the token must have the claim role, and it is missing: check its name in the guard, or add it at login"
    )
    assert str(wrong) == (
        "claim role must equal or hold a value of the guard, got another value or JSON type: compare the value and its "
        "type with the guard"
    )


def test_a_login_at_an_unknown_time_is_explained() -> None:
    assert str(LoginTooOld(300, is_dated=False)) == (
        "the login must be at most 300 s old, got a token without the claim auth_time: log in again, or pass auth_time "
        "to create_token"
    )
    assert str(LoginTooOld(300)) == "the login must be at most 300 s old: log in again"


def test_the_facts_of_a_refusal_survive_a_copy() -> None:
    errors: list[Refusal] = [
        InsufficientClaim("role", is_missing=True),
        LoginTooOld(300, is_dated=False),
        InsufficientScope(("c",), all_of=("a",), any_of=("c",)),
    ]

    assert [str(pickled(error)) for error in errors] == [str(error) for error in errors]


def test_a_wrong_signature_mentions_no_key_id_that_may_be_missing() -> None:
    assert str(InvalidSignature()) == (
        "the signature must be made with a key of this application, or of its trusted issuer, got another: the token "
        "was changed, or made with another secret or by another program"
    )


def test_a_wrong_audience_names_the_places_where_it_is_set() -> None:
    assert str(WrongAudience()).endswith(
        ": compare aud with TOKENAUTH_AUDIENCE or audience=, and get a token for this application"
    )
