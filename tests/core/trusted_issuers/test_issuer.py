"""The entry of a trusted issuer: values that are taken, and mistakes that stop the application."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.core.trusted_issuers.issuer import TrustedIssuer
from flask_tokenauth.core.trusted_issuers.provider_profiles import PROFILES

from ...conftest import SECRET
from .rules_kit import THEIRS, issuer_with

UNTIL = "2027-01-31"
MIGRATION: dict[str, Any] = {
    "profile": "flask-jwt-extended", "keys": ..., "secret": SECRET, "until": UNTIL, "revoked": "never",
}  # fmt: skip


def test_lists_become_immutable() -> None:
    issuer = issuer_with(issuer=[THEIRS, "id.example"], audience=["a", "b"])

    assert issuer.issuer == (THEIRS, "id.example")
    assert issuer.audience == frozenset({"a", "b"})
    assert issuer.name == THEIRS


def test_issuers_that_say_the_same_are_equal() -> None:
    """A loader may make a new object for each question."""
    remote: dict[str, Any] = {"keys": ..., "jwks_uri": "https://id.example/keys", "scopes": {"a": "b"}}

    assert issuer_with(**remote) == issuer_with(**remote)
    assert hash(issuer_with(**remote)) == hash(issuer_with(**remote))
    assert issuer_with(**remote) != issuer_with(**remote | {"scopes": {"a": "c"}})


def test_its_repr_has_no_secret_and_no_key() -> None:
    shown = repr(issuer_with(**MIGRATION))

    assert SECRET not in shown
    assert "keys" not in shown


def deep(levels: int) -> object:
    return [deep(levels - 1)] if levels else []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "issuer of none": ({"issuer": None}, "issuer must be a string"),
    "issuer empty": ({"issuer": ""}, "issuer must be a string"),
    "issuers empty": ({"issuer": []}, "issuer must be a string"),
    "issuer a number": ({"issuer": 7}, "issuer must be a string"),
    "issuer with a space": ({"issuer": f"{THEIRS} "}, "issuer must be a string"),
    "issuer with a control character": ({"issuer": "a\x07"}, "issuer must be a string"),
    "issuer too long": ({"issuer": "a" * 256}, "issuer must be a string"),
    "issuer twice": ({"issuer": [THEIRS, THEIRS]}, "issuer must have each name once"),
    "audience of none": ({"audience": None}, "audience must be a string"),
    "audience empty": ({"audience": []}, "audience must be a string"),
    "audience with an empty string": ({"audience": [""]}, "audience must be a string"),
    "users of none": ({"users": None}, 'users must be "shared"'),
    "users another word": ({"users": "ours"}, 'users must be "shared"'),
    "no keys": ({"keys": ...}, "exactly one of jwks_uri, discovery, keys, secret must be given, got none"),
    "two sources": ({"discovery": True}, "got discovery and keys"),
    "jwks_uri a path": ({"keys": ..., "jwks_uri": "/jwks.json"}, "jwks_uri must be an https URL"),
    "jwks_uri a file": ({"keys": ..., "jwks_uri": "file:///etc/passwd"}, "jwks_uri must be an https URL"),
    "jwks_uri a number": ({"keys": ..., "jwks_uri": 7}, "jwks_uri must be an https URL"),
    "discovery of no URL": (
        {"keys": ..., "discovery": True, "issuer": "id"},
        "the issuer, if discovery is true, must be an https URL",
    ),
    "discovery a word": (
        {"keys": ..., "discovery": "yes"},
        "discovery must be true or false, got str: for a URL use jwks_uri",
    ),
    "keys too deep": ({"keys": deep(40)}, "keys: JSON is nested too deeply"),
    "keys a URL": ({"keys": "https://id.example/keys"}, "got a URL: write it as jwks_uri"),
    "any_token a number": ({"any_token": 1}, "any_token must be true or false, got int"),
    "unknown profile": ({"profile": "okto"}, "profile must be one of rfc9068, auth0.*got another: did you mean okta"),
    "another profile": ({"profile": 7}, "got another: rfc9068 is the default"),
    "algorithm of a secret": ({"algorithms": ["HS256"]}, "algorithms must be some of public keys"),
    "no algorithm": ({"algorithms": []}, "algorithms must be some of public keys"),
    "unknown algorithm": ({"algorithms": "none"}, "algorithms must be some of public keys"),
    "algorithm of a key": ({"keys": ..., "secret": SECRET, "algorithms": ["RS256"]}, "must be some of secrets"),
    "algorithms a number": ({"algorithms": 7}, "algorithms must be a list of strings"),
    "max_lifetime a word": ({"max_lifetime": "15m"}, "max_lifetime must be a timedelta or seconds"),
    "max_lifetime of zero": ({"max_lifetime": 0}, "max_lifetime must be a timedelta or seconds"),
    "max_lifetime too long": ({"max_lifetime": 366 * 86400 + 1}, "max_lifetime must be a timedelta or seconds"),
    "max_lifetime huge": ({"max_lifetime": 1e300}, "max_lifetime must be a timedelta or seconds"),
    "max_lifetime a boolean": ({"max_lifetime": True}, "max_lifetime must be a timedelta or seconds"),
    "leeway negative": ({"leeway": -1}, "leeway must be a timedelta or seconds"),
    "leeway too long": ({"leeway": 301}, "leeway must be a timedelta or seconds"),
    "until no date": ({"until": "soon"}, "until must be an aware datetime or a date"),
    "until naive": ({"until": datetime(2027, 1, 31)}, "until must be an aware datetime"),
    "until a number": ({"until": 7}, "until must be an aware datetime"),
    "revoked a word": ({"revoked": "no"}, 'revoked must be "never"'),
    "types a number": ({"types": 7}, "types must be a list of strings"),
    "expected a list": ({"expected": ["use"]}, "expected must be a mapping"),
    "expected of numbers": ({"expected": {"use": 7}}, "the values of expected must be a list of strings"),
    "audience_claim empty": ({"audience_claim": ""}, "audience_claim must be the name of a claim"),
    "user_claims empty": ({"user_claims": []}, "user_claims must be the name of a claim"),
    "scope_claims a mapping": ({"scope_claims": {}}, "scope_claims must be a list"),
    "scope_claims of numbers": ({"scope_claims": [7]}, "scope_claims must be the name of a claim"),
    "scopes a number": ({"scopes": 7}, "scopes must be a list of strings"),
    "scopes with a space": ({"scopes": ["a b"]}, "scopes: a scope must be printable ASCII"),
    "scopes mapped to a space": ({"scopes": {"a": "b c"}}, "scopes: a scope must be printable ASCII"),
    "our own scopes in a list": ({"scopes": ["tokenauth:introspect"]}, "must be mapped by name"),
    "a proving profile with any_token": ({"any_token": True}, "any_token must be left out with the profile rfc9068"),
    "ID tokens": ({"profile": "google"}, "any_token must be True with the profile google"),
    "no proof": ({"types": "*"}, "any_token must be True"),
    "the type of all tokens": ({"types": "JWT"}, "any_token must be True"),
    "refresh tokens": ({**MIGRATION, "expected": {"type": "refresh"}}, 'must not have the value "refresh"'),
    "refresh tokens too": ({**MIGRATION, "expected": {"use": ["access", "refresh"]}}, 'not have the value "refresh"'),
    "those of a provider": ({"profile": "cognito", "expected": {"token_use": "refresh"}}, 'not have the value'),
    "migration without until": ({**MIGRATION, "until": None}, "needs until"),
    "migration without revoked": ({**MIGRATION, "revoked": None}, "needs until"),
    "secret a number": ({"keys": ..., "secret": 7}, "secret must be a string or bytes, got int"),
    "secret with surrogates": ({"keys": ..., "secret": "\ud800" * 40}, "secret must be a string that UTF-8 can encode"),
    "secret too short": ({"keys": ..., "secret": SECRET[:31]}, "secret must be at least 32 bytes long, got 31: give"),
    "secret too short, of a library": (
        {**MIGRATION, "secret": SECRET[:31]},
        "got 31: an attacker who guesses it.*Give the old library a strong secret first, and wait",
    ),
    "secret known": ({**MIGRATION, "secret": "super-secret"}, "got a placeholder that is publicly known"),
    "Entra's common": (
        {"profile": "entra", "issuer": "https://login.microsoftonline.com/common/v2.0"},
        "issuer must be that of one tenant",
    ),
    "Entra's template": (
        {"profile": "entra", "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"},
        "issuer must be that of one tenant",
    ),
    "Keycloak's account": ({"profile": "keycloak", "audience": ["api", "account"]}, 'got "account"'),
    "Okta's org server": (
        {"profile": "okta", "issuer": "https://dev.okta.example/oauth2/x", "audience": "https://dev.okta.example"},
        "got those of the org authorization server",
    ),
    "Okta's org server by its name": (
        {"profile": "okta", "issuer": "https://dev.okta.example"},
        "got those of the org authorization server",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_stops_the_application_and_says_what_must_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        issuer_with(**changes)


@pytest.mark.parametrize("name", ["secret too short", "secret too short, of a library", "secret known"])
def test_no_message_shows_the_secret(name: str) -> None:
    changes = REFUSED[name][0]

    with pytest.raises(SettingsError) as caught:
        issuer_with(**changes)

    assert str(changes["secret"]) not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"max_lifetime": 366 * 86400}, "max_lifetime", timedelta(days=366)),
        ({"max_lifetime": 1}, "max_lifetime", timedelta(seconds=1)),
        ({"max_lifetime": timedelta(hours=1)}, "max_lifetime", timedelta(hours=1)),
        ({"leeway": 0}, "leeway", timedelta(0)),
        ({"leeway": 300}, "leeway", timedelta(minutes=5)),
        ({"until": UNTIL}, "until", datetime(2027, 1, 31, tzinfo=UTC)),
        ({"until": "2027-01-31T12:00:00+02:00"}, "until", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        (
            {"until": datetime(2027, 1, 31, tzinfo=timezone(timedelta(hours=1)))},
            "until",
            datetime(2027, 1, 30, 23, tzinfo=UTC),
        ),
        ({"issuer": "a" * 255}, "name", "a" * 255),
        ({"algorithms": "PS256"}, "algorithms", frozenset({"PS256"})),
        ({"keys": ..., "secret": SECRET}, "algorithms", frozenset({"HS256"})),
        ({"keys": ..., "secret": SECRET.encode(), "algorithms": ["HS384"]}, "algorithms", frozenset({"HS384"})),
    ],
)
def test_values_at_the_limits_are_taken(changes: dict[str, Any], name: str, value: object) -> None:
    assert getattr(issuer_with(**changes), name) == value


def test_scopes_of_a_list_come_through_as_they_are() -> None:
    assert issuer_with(scopes=["a", "b"]).scope_map == {"a": {"a"}, "b": {"b"}}


def test_scopes_of_a_mapping_may_have_several_of_ours_and_those_of_this_library() -> None:
    issuer = issuer_with(scopes={"admin": ["a", "tokenauth:introspect"], "role with spaces": "b"})

    assert issuer.scope_map == {"admin": {"a", "tokenauth:introspect"}, "role with spaces": {"b"}}


def test_what_is_required_or_refused_adds_to_the_profile() -> None:
    issuer = issuer_with(profile="cognito", required=["version"], refused=["nonce"])

    assert issuer.layout.required == PROFILES["cognito"].required | {"version"}
    assert issuer.layout.refused == PROFILES["cognito"].refused | {"nonce"}
    assert issuer.layout.evidence == PROFILES["cognito"].evidence


def test_other_fields_override_the_profile() -> None:
    layout = issuer_with(
        types=["application/at+JWT", "JWT"],
        expected={"use": ["access", "api"]},
        audience_claim="azp",
        user_claims="uid",
        scope_claims=["realm_access.roles", ["https://a.example/roles", "x.y"]],
    ).layout

    assert layout.types == frozenset({"at+jwt", "jwt"})
    assert [evidence.equal for evidence in layout.evidence] == [{"use": {"access", "api"}}]
    assert (layout.audience_claim, layout.user_claims) == ("azp", ("uid",))
    assert layout.scope_claims == (("realm_access", "roles"), ("https://a.example/roles", "x.y"))


def test_one_scope_claim_can_be_a_string() -> None:
    assert issuer_with(scope_claims="roles").layout.scope_claims == (("roles",),)


def test_expected_claims_are_proof_without_a_type() -> None:
    assert issuer_with(types="*", expected={"use": "access"}).layout.types is None


def test_an_empty_expected_changes_nothing() -> None:
    assert issuer_with(profile="cognito", expected={}).layout.evidence == PROFILES["cognito"].evidence


def test_expected_claims_add_to_the_proof_of_a_profile() -> None:
    """Otherwise "only of this client" would let ID tokens of this client pass."""
    found = issuer_with(profile="entra", expected={"azp": "c1"}).layout.evidence

    for evidence, usual in zip(found, PROFILES["entra"].evidence, strict=True):
        assert evidence == replace(usual, equal={**usual.equal, "azp": frozenset({"c1"})})


def test_the_same_claim_has_the_values_of_the_entry() -> None:
    [evidence] = issuer_with(profile="keycloak", expected={"typ": ["Bearer", "DPoP"]}).layout.evidence

    assert evidence.equal == {"typ": frozenset({"Bearer", "DPoP"})}


@pytest.mark.parametrize(
    ("expected", "equal"),
    [
        ({"tenant": "blue"}, {"type": frozenset({"access"}), "tenant": frozenset({"blue"})}),
        ({"kind": "access"}, {"kind": frozenset({"access"})}),
    ],
    ids=["another claim", "another name of the claim for the kind"],
)
def test_a_library_of_yesterday_may_have_another_claim_for_the_kind(
    expected: dict[str, str], equal: dict[str, frozenset[str]]
) -> None:
    [evidence] = issuer_with(**MIGRATION, expected=expected).layout.evidence

    assert evidence.equal == equal


def test_a_library_of_yesterday_may_have_neither_issuer_nor_audience() -> None:
    issuer = TrustedIssuer(**{**MIGRATION, "issuer": None, "audience": None, "users": "shared", "keys": None})

    assert (issuer.issuer, issuer.audience, issuer.name) == ((), frozenset(), "the issuer without iss")


def test_an_entry_can_be_changed_with_replace() -> None:
    issuer = TrustedIssuer(**{**MIGRATION, "issuer": None, "audience": None, "users": "shared", "keys": None})

    assert replace(issuer, leeway=1).issuer == ()


def test_discovery_needs_an_issuer() -> None:
    with pytest.raises(SettingsError, match="discovery needs an issuer, got None"):
        issuer_with(**{**MIGRATION, "secret": ..., "issuer": None, "discovery": True})


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": "entra", "issuer": "https://login.microsoftonline.com/7a1c/v2.0"},
        {"profile": "keycloak", "audience": "api"},
        {"profile": "okta", "issuer": "https://dev.okta.example/oauth2/default", "audience": "api://default"},
        {"profile": "google", "any_token": True},
        {"types": "*", "any_token": True},
    ],
    ids=lambda changes: changes.get("profile", "any"),
)
def test_the_right_way_is_taken(changes: dict[str, Any]) -> None:
    assert issuer_with(**changes).audience


def test_keys_that_the_caller_changes_later_stay_as_they_were() -> None:
    """Otherwise a loader that returns the same dict again would not show that it has changed."""
    keys = {"first": "PEM"}
    issuer = issuer_with(keys=keys)

    keys.clear()

    assert issuer.keys == {"first": "PEM"}


def test_keys_are_not_read_here() -> None:
    """They may be in a file that is followed."""
    assert issuer_with(keys="/does/not/exist.json").keys == "/does/not/exist.json"
