"""The profiles of the providers: which tokens are access tokens, whose they are, and what their bearer may do."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from flask_tokenauth import SettingsError, TrustedIssuer
from flask_tokenauth.core.claim_errors import MalformedClaim, MissingClaim, WrongIssuer
from flask_tokenauth.core.token_errors import TokenError, WrongType
from flask_tokenauth.core.trusted_issuers.provider_profiles import PROFILES

from .sample_tables import ACCEPTED, REFUSED, Accepted, Refused, expected_of
from .sample_tokens import USUAL
from .samples import OLD_SECRET, Read, entry_of, issue, judge, usual_read

READS: dict[str, dict[str, Any]] = {  # the claims with scopes of each profile; None: it has its place
    "rfc9068": {"scope": None},
    "auth0": {"scope": None, "permissions": None},
    "entra": {"scp": None, "roles": None},
    "okta": {"scp": None},
    "cognito": {"scope": None, "cognito:groups": None},
    "keycloak": {"scope": None, "realm_access": "roles"},
    "flask-jwt-extended": {"roles": None},
}
BOTH = {  # a scope or role of each provider that means "reports:read", and one that means "reports:write"
    "rfc9068": ("reports:read", "reports:write"),
    "auth0": ("read:reports", "write:reports"),
    "entra": ("Reports.Read", "Reports.Admin"),
    "okta": ("reports.read", "reports.write"),
    "cognito": ("reports/read", "editors"),
    "keycloak": ("reports-read", "reports-editor"),
}
ALWAYS_THERE = {  # the claims without which a token is refused, besides "iss" and those that prove its kind
    "rfc9068": "aud exp iat jti sub",
    "auth0": "aud exp iat sub",
    "entra": "aud exp iat tid oid",
    "okta": "aud exp iat",
    "cognito": "exp iat sub",
    "keycloak": "aud exp iat sub",
    "zitadel": "aud exp iat sub",
    "google": "aud exp iat sub",
    "firebase": "aud exp iat sub auth_time",
    "flask-jwt-extended": "exp sub",
    "simplejwt": "exp user_id",
}
PROOFS = {
    "auth0": "azp",
    "entra": "scp azpacr",
    "okta": "cid scp",
    "cognito": "token_use",
    "keycloak": "typ",
    "zitadel": "jti client_id",
    "flask-jwt-extended": "type",
    "simplejwt": "token_type",
}
REFUSE_CLAIMS_OF_ID_TOKENS = ("auth0", "entra", "okta", "zitadel")
OF_OLD_LIBRARIES = ("flask-jwt-extended", "simplejwt")
OF_PROVIDERS = [name for name in USUAL if name not in OF_OLD_LIBRARIES]


def ids(samples: Iterable[Accepted | Refused]) -> list[str]:
    return [f"{sample.provider}: {sample.words}" for sample in samples]


def pairs(claims: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(provider, claim) for provider, names in claims.items() for claim in names.split()]


def claim_with(name: str, member: str | None, value: object) -> dict[str, object]:
    return {name: value if member is None else {member: value}}


def other_claims_of(provider: str, name: str) -> dict[str, Any]:
    """Return changes that leave out the scopes in the other claims; the proof of the kind of token stays."""
    return {other: "" for other in READS[provider] if other not in (name, "realm_access")} | (
        {"realm_access": ...} if name != "realm_access" else {}
    )


def test_each_profile_has_samples() -> None:
    assert set(USUAL) == set(PROFILES) - {"other"}


@pytest.mark.parametrize("provider", USUAL)
def test_an_access_token_is_accepted_with_its_user_and_its_mapped_scopes(provider: str) -> None:
    assert judge(entry_of(provider), issue(provider, {})) == usual_read(provider)


@pytest.mark.parametrize("sample", ACCEPTED, ids=ids(ACCEPTED))
def test_every_documented_form_of_an_access_token_is_accepted(sample: Accepted) -> None:
    token = issue(sample.provider, sample.changes, sample.header)

    read = judge(entry_of(sample.provider, **sample.entry), token)

    assert read == expected_of(sample, usual_read(sample.provider))


@pytest.mark.parametrize("sample", REFUSED, ids=ids(REFUSED))
def test_a_token_that_is_not_for_this_api_is_refused(sample: Refused) -> None:
    token = issue(sample.provider, sample.changes, sample.header)

    with pytest.raises(TokenError) as refusal:
        judge(entry_of(sample.provider, **sample.entry), token)

    assert type(refusal.value) is sample.error


@pytest.mark.parametrize(("provider", "claim"), pairs(ALWAYS_THERE))
def test_a_claim_that_is_always_there_is_required(provider: str, claim: str) -> None:
    with pytest.raises(MissingClaim) as refusal:
        judge(entry_of(provider), issue(provider, {claim: ...}))

    assert refusal.value.claim == claim


@pytest.mark.parametrize("provider", OF_PROVIDERS)
def test_a_token_that_names_no_issuer_is_refused(provider: str) -> None:
    with pytest.raises(WrongIssuer):
        judge(entry_of(provider), issue(provider, {"iss": ...}))


@pytest.mark.parametrize(("provider", "claim"), pairs(PROOFS))
def test_a_token_without_the_proof_that_it_is_an_access_token_is_refused(provider: str, claim: str) -> None:
    with pytest.raises(WrongType):
        judge(entry_of(provider), issue(provider, {claim: ...}))


@pytest.mark.parametrize("value", [None, True, 1, ["Bearer"], "bearer", ""])
def test_the_claim_that_proves_the_kind_of_a_token_must_have_its_value(value: object) -> None:
    with pytest.raises(WrongType):
        judge(entry_of("keycloak"), issue("keycloak", {"typ": value}))


@pytest.mark.parametrize("value", [None, True, 1, ["x@clients"]])
def test_an_ending_is_that_of_a_string(value: object) -> None:
    """So a subject that is no string is refused for what it is, and proves nothing."""
    with pytest.raises(MalformedClaim):
        judge(entry_of("auth0"), issue("auth0", {"sub": value}))


@pytest.mark.parametrize("claim", ["nonce", "at_hash", "c_hash"])
@pytest.mark.parametrize("provider", REFUSE_CLAIMS_OF_ID_TOKENS)
def test_claims_that_only_id_tokens_have_refuse_a_token(provider: str, claim: str) -> None:
    """OpenID Connect Core 1.0 sections 2 and 3.3.2.11."""
    with pytest.raises(WrongType):
        judge(entry_of(provider), issue(provider, {claim: "AbCd"}))


@pytest.mark.parametrize("claim", ["auth_time", "amr", "acr"])
def test_claims_of_id_tokens_of_zitadel_refuse_a_token(claim: str) -> None:
    with pytest.raises(WrongType):
        judge(entry_of("zitadel"), issue("zitadel", {claim: "AbCd"}))


SCOPE_CLAIMS = [(provider, name, member) for provider, claims in READS.items() for name, member in claims.items()]


@pytest.mark.parametrize(("provider", "name", "member"), [each for each in SCOPE_CLAIMS if each[0] in BOTH])
@pytest.mark.parametrize("shape", [" ".join, list])
def test_scopes_are_a_string_with_spaces_or_an_array(provider: str, name: str, member: str | None, shape: Any) -> None:
    others = other_claims_of(provider, name)

    read = judge(entry_of(provider), issue(provider, others | claim_with(name, member, shape(BOTH[provider]))))

    assert read.scopes == {"reports:read", "reports:write"}


@pytest.mark.parametrize(("provider", "name", "member"), SCOPE_CLAIMS)
@pytest.mark.parametrize("value", [[], "", "other", ["other", ""], None])
def test_a_token_without_a_mapped_scope_has_none(provider: str, name: str, member: str | None, value: object) -> None:
    others = other_claims_of(provider, name)

    read = judge(entry_of(provider), issue(provider, others | claim_with(name, member, value)))

    assert read.scopes == frozenset()


@pytest.mark.parametrize(("provider", "name", "member"), SCOPE_CLAIMS)
@pytest.mark.parametrize("value", [1, True, [1], ["a", None], [["reports:read"]], {"reports:read": True}])
def test_scopes_of_another_type_refuse_a_token(provider: str, name: str, member: str | None, value: object) -> None:
    with pytest.raises(MalformedClaim) as refusal:
        judge(entry_of(provider), issue(provider, claim_with(name, member, value)))

    assert refusal.value.claim == name


@pytest.mark.parametrize("value", [None, True, 1, "roles", ["roles"], {}])
def test_realm_access_without_roles_gives_no_scope(value: object) -> None:
    read = judge(entry_of("keycloak"), issue("keycloak", {"realm_access": value, "scope": "openid"}))

    assert read.scopes == frozenset()


@pytest.mark.parametrize("roles", [1, True, "editor", ["editor"]])
def test_roles_of_zitadel_are_the_names_of_the_members_of_an_object(roles: object) -> None:
    with pytest.raises(MalformedClaim):
        judge(entry_of("zitadel"), issue("zitadel", {"urn:zitadel:iam:org:project:roles": roles}))


@pytest.mark.parametrize("provider", ["zitadel", "google", "firebase"])
def test_a_provider_whose_tokens_name_no_scopes_gives_none(provider: str) -> None:
    entry = entry_of(provider, scopes=["reports:read"])

    assert judge(entry, issue(provider, {"scope": "reports:read"})).scopes == frozenset()


@pytest.mark.parametrize("profile", OF_OLD_LIBRARIES)
def test_an_old_library_gives_no_scope_by_itself(profile: str) -> None:
    entry = TrustedIssuer(
        issuer=None,
        audience=None,
        secret=OLD_SECRET,
        profile=profile,
        users="shared",
        scopes=["reports:read"],
        until="2027-01-31",
        revoked="never",
    )

    assert judge(entry, issue(profile, {"scope": "reports:read"})).scopes == frozenset()


def test_scopes_of_this_library_do_not_come_from_a_provider_unless_they_are_mapped() -> None:
    read = judge(entry_of("auth0"), issue("auth0", {"scope": "tokenauth:introspect read:reports"}))

    assert read.scopes == {"reports:read"}


@pytest.mark.parametrize("provider", OF_OLD_LIBRARIES)
@pytest.mark.parametrize(("user", "subject"), [(0, "0"), (42, "42"), (-1, "-1"), (2**63, str(2**63)), ("42", "42")])
def test_numbers_are_users_of_the_old_libraries(provider: str, user: object, subject: str) -> None:
    claim = "user_id" if provider == "simplejwt" else "sub"

    assert judge(entry_of(provider), issue(provider, {claim: user})).subject == subject


@pytest.mark.parametrize("provider", OF_OLD_LIBRARIES)
@pytest.mark.parametrize("user", [True, 42.0, None, "", ["42"], {"id": 42}])
def test_other_identities_of_the_old_libraries_are_refused(provider: str, user: object) -> None:
    claim = "user_id" if provider == "simplejwt" else "sub"

    with pytest.raises(MalformedClaim) as refusal:
        judge(entry_of(provider), issue(provider, {claim: user}))

    assert refusal.value.claim == claim


@pytest.mark.parametrize("provider", OF_PROVIDERS)
def test_numbers_are_no_users_of_a_provider(provider: str) -> None:
    claim = PROFILES[provider].user_claims[-1]

    with pytest.raises(MalformedClaim) as refusal:
        judge(entry_of(provider), issue(provider, {claim: 42}))

    assert refusal.value.claim == claim


def test_a_part_of_a_user_of_entra_has_no_colon_so_no_two_users_are_the_same() -> None:
    with pytest.raises(MalformedClaim):
        judge(entry_of("entra"), issue("entra", {"oid": "a:b"}))


def test_a_login_or_an_address_is_never_the_user() -> None:
    read: list[Read] = [judge(entry_of(provider), issue(provider, {"email": "a@b.example"})) for provider in USUAL]

    assert [each.subject for each in read if "@" in each.subject] == []


@pytest.mark.parametrize("provider", ["google", "firebase"])
def test_a_provider_of_id_tokens_needs_any_token(provider: str) -> None:
    with pytest.raises(SettingsError, match=r"^any_token must be True with the profile"):
        entry_of(provider, any_token=False)


@pytest.mark.parametrize("provider", [name for name in OF_PROVIDERS if name in PROOFS])
def test_a_provider_of_access_tokens_does_not_take_any_token(provider: str) -> None:
    with pytest.raises(SettingsError, match=r"^any_token must be left out"):
        entry_of(provider, any_token=True)


def test_the_account_client_of_keycloak_is_no_audience() -> None:
    with pytest.raises(SettingsError, match='got "account"'):
        entry_of("keycloak", audience=["reports-api", "account"])


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers", "{tenantid}"])
def test_an_issuer_of_entra_is_one_tenant(tenant: str) -> None:
    with pytest.raises(SettingsError, match=r"^issuer must be that of one tenant"):
        entry_of("entra", issuer=f"https://login.microsoftonline.com/{tenant}/v2.0")


def test_the_org_server_of_okta_is_no_audience() -> None:
    with pytest.raises(SettingsError, match="org authorization server"):
        TrustedIssuer(
            issuer="https://acme.okta.com",
            audience="https://acme.okta.com",
            discovery=True,
            profile="okta",
            users="shared",
        )
