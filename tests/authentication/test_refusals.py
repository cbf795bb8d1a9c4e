"""A refusal becomes a response with its challenge."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)

from flask_tokenauth import AuthError, InvalidRequest, NotAuthenticated, NotPermitted, TemporarilyUnavailable
from flask_tokenauth.authentication.refusals import auth_error_for, write_challenge, write_simple
from flask_tokenauth.core import claim_errors, client_errors, errors, lookup_errors, signature_errors, token_errors

from ..conftest import ISSUER, MakeApp
from ..core.errors_kit import KINDS, make_refusal
from .challenges import Challenge, parse_challenge

# These say more to the client: it can see each of them by itself.
WITH_A_HINT = (claim_errors.TokenExpired, token_errors.RefreshTokenSent, lookup_errors.NoApiKey)
TOKEN_ERRORS = [
    make_refusal(kind)
    for kind in KINDS
    if issubclass(kind, token_errors.TokenError) and kind not in WITH_A_HINT and kind.code == "invalid_token"
]


@pytest.fixture(autouse=True)
def context(make_app: MakeApp) -> Iterator[Flask]:
    app = make_app()
    with app.app_context():
        yield app


def challenge_of(error: errors.Refusal) -> Challenge:
    return parse_challenge(auth_error_for(error).response.headers["WWW-Authenticate"].encode("latin-1"))


def test_a_missing_credential_is_a_challenge_without_error_code() -> None:
    """RFC 6750 section 3.1."""
    error = auth_error_for(errors.MissingCredential())

    assert isinstance(error, NotAuthenticated)
    assert challenge_of(error.error) == Challenge("Bearer", {"realm": ISSUER})
    assert error.data == {"error": "unauthorized", "error_description": "Authentication is required."}


@pytest.mark.parametrize("kind", [errors.MissingCredential, errors.MissingScheme, errors.UnsupportedScheme])
@pytest.mark.parametrize("scope", ["a", "a b", "a" * 513])
def test_a_challenge_without_error_code_may_name_scopes(kind: type[errors.MissingCredential], scope: str) -> None:
    error = auth_error_for(kind(tuple(scope.split())))

    assert challenge_of(error.error) == Challenge("Bearer", {"realm": ISSUER, "scope": scope})
    assert error.data == {"error": "unauthorized", "error_description": kind.hint}


def test_an_answer_with_scopes_is_not_that_without() -> None:
    auth_error_for(errors.MissingCredential(("a",)))

    assert challenge_of(errors.MissingCredential()) == Challenge("Bearer", {"realm": ISSUER})


@pytest.mark.parametrize(("length", "kept"), [(512, 1), (513, 0)])
def test_only_challenges_with_short_scopes_are_kept_in_memory(length: int, kept: int) -> None:
    """A scope may have a value from the URL, which can be long."""
    before = write_simple.cache_info().misses

    auth_error_for(errors.MissingCredential(("b" * length,)))

    assert write_simple.cache_info().misses - before == kept


def test_a_malformed_credential_is_an_invalid_request() -> None:
    error = auth_error_for(errors.MalformedCredential())

    assert isinstance(error, InvalidRequest)
    assert challenge_of(error.error).parameters["error"] == "invalid_request"


@pytest.mark.parametrize("token_error", TOKEN_ERRORS, ids=lambda error: error.reason)
def test_every_refusal_of_a_token_looks_alike(token_error: token_errors.TokenError) -> None:
    error = auth_error_for(token_error)

    assert isinstance(error, NotAuthenticated)
    assert error.data == {"error": "invalid_token", "error_description": "The access token is not valid."}
    assert challenge_of(token_error).parameters == {"realm": ISSUER} | error.data
    assert error.reason == token_error.reason


def test_only_expiry_has_a_description_of_its_own() -> None:
    assert auth_error_for(claim_errors.TokenExpired(1)).data["error_description"] == "The access token has expired."


def test_every_refusal_of_a_client_is_the_same_challenge_for_basic() -> None:
    """RFC 6749 section 5.2: the challenge must match "the authentication scheme used by the client"."""
    refused = [auth_error_for(make_refusal(kind)) for kind in KINDS if issubclass(kind, client_errors.InvalidClient)]

    assert len(refused) == 3
    for error in refused:
        assert isinstance(error, NotAuthenticated)
        assert challenge_of(error.error) == Challenge("Basic", {"realm": ISSUER})
        assert error.data == {
            "error": "invalid_client",
            "error_description": "The client ID or the client secret is not valid.",
        }


def test_a_description_for_a_refused_client_is_in_the_body_only() -> None:
    """Basic has no parameter for it (RFC 7617)."""
    error = NotAuthenticated("Register first.", error=client_errors.UnknownClient())

    assert error.data["error_description"] == "Register first."
    assert error.response.headers["WWW-Authenticate"] == f'Basic realm="{ISSUER}"'


def test_a_token_over_plain_http_is_an_invalid_request() -> None:
    error = auth_error_for(errors.InsecureTransport())

    assert isinstance(error, InvalidRequest)
    assert challenge_of(error.error).parameters == {"realm": ISSUER} | error.data
    assert error.data["error"] == "invalid_request"


def test_a_missing_scope_is_named() -> None:
    error = auth_error_for(errors.InsufficientScope(("a", "b")))

    assert isinstance(error, NotPermitted)
    assert error.data["scope"] == "a b"
    assert challenge_of(error.error).parameters["scope"] == "a b"


@pytest.mark.parametrize(
    ("kind", "base", "status"),
    [(InvalidRequest, BadRequest, 400), (NotAuthenticated, Unauthorized, 401), (NotPermitted, Forbidden, 403)],
)
def test_refusals_are_the_http_exceptions_of_their_status(
    kind: type[AuthError], base: type[HTTPException], status: int
) -> None:
    error = kind("Because.")

    assert isinstance(error, base)
    assert error.code == status
    assert error.response.status_code == status
    assert error.data["error_description"] == error.description == "Because."
    assert "scope" not in error.data


def test_the_body_is_the_data_as_json() -> None:
    error = NotAuthenticated('Not "you", é.')

    assert error.response.mimetype == "application/json"
    assert error.response.get_data() == '{"error":"unauthorized","error_description":"Not \\"you\\", é."}'.encode()


@pytest.mark.parametrize("realm", ["a", 'the "api"', "back\\slash", "é", '\\"', "a, b=c"])
def test_every_realm_survives_the_header(realm: str) -> None:
    raw = write_challenge(claim_errors.TokenExpired(1), realm=realm).encode("latin-1")

    assert parse_challenge(raw).parameters["realm"] == realm


def test_a_view_may_refuse_with_any_description() -> None:
    """It may be made of the JSON of a request, in which a string may have a single surrogate."""
    error = NotPermitted("no \ud800, é")

    assert error.data["error_description"] == "no ?, é"
    assert "scope" not in parse_challenge(error.response.headers["WWW-Authenticate"].encode("latin-1")).parameters


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("Only for owners.", "Only for owners."),
        ("x" * 512, "x" * 512),
        ("x" * 513, errors.InsufficientScope.hint),
        ("", errors.InsufficientScope.hint),
        ('Not "you".', errors.InsufficientScope.hint),
        ("back\\slash", errors.InsufficientScope.hint),
        ("é", errors.InsufficientScope.hint),
        ("a\nb", errors.InsufficientScope.hint),
    ],
    ids=range(8),
)
def test_the_challenge_has_the_description_if_it_may(given: str, written: str) -> None:
    """RFC 6750 section 3: printable ASCII without quote and backslash."""
    challenge = NotPermitted(given).response.headers["WWW-Authenticate"]

    assert parse_challenge(challenge.encode("latin-1")).parameters["error_description"] == written


class Hinting(token_errors.TokenError):
    """A refusal that a ``token_check`` may raise, with a hint of its own."""

    reason = "hinting"

    @property
    def hint(self) -> str:  # type: ignore[override]  # the other refusals have a string
        return f"of {self.args[0]}"


def test_a_refusal_may_have_a_hint_of_its_own() -> None:
    error = auth_error_for(Hinting("mine"))

    assert error.get_response().get_json() == error.data == {"error": "invalid_token", "error_description": "of mine"}
    assert challenge_of(error.error).parameters["error_description"] == "of mine"


class TooOften(AuthError, TooManyRequests):
    """A refusal that an application defines, with another status."""


def test_an_application_may_have_a_refusal_of_its_own() -> None:
    error = TooOften("Not so fast.")

    assert isinstance(error, TooManyRequests)
    assert error.retry_after is None
    assert error.get_response().get_json()["error_description"] == "Not so fast."


def test_a_change_of_one_answer_does_not_change_the_next() -> None:
    first = auth_error_for(signature_errors.UnknownKey())
    first.data["error"] = "changed"
    first.get_response().headers["WWW-Authenticate"] = "changed"
    first.get_response().data = b"changed"

    second = auth_error_for(signature_errors.UnknownKey())

    assert second.data["error"] == "invalid_token"
    assert second.get_response().headers["WWW-Authenticate"].startswith("Bearer ")
    assert second.get_response().get_json() == second.data


def test_during_an_outage_the_answer_has_no_challenge_but_a_time_to_retry() -> None:
    error = auth_error_for(errors.StoreOutage())

    assert isinstance(error, TemporarilyUnavailable)
    assert isinstance(error, ServiceUnavailable)
    assert "WWW-Authenticate" not in error.get_response().headers
    assert int(error.get_response().headers["Retry-After"]) > 0
    assert error.data["error"] == "temporarily_unavailable"
