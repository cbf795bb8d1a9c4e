"""Issuers without a profile: the entries of docs/providers.rst, whose fields are given one by one."""

import json
from typing import Any

import pytest

from flask_tokenauth import SettingsError
from flask_tokenauth.application.settings import Settings
from flask_tokenauth.core.claim_errors import MissingClaim, UnprovenBinding, WrongAudience, WrongIssuer
from flask_tokenauth.core.signature_errors import InvalidSignature
from flask_tokenauth.core.token_errors import TokenError, WrongType
from flask_tokenauth.core.trusted_issuers.provider_profiles import PROFILES

from ...conftest import CONFIG, NOW
from ...documentation.reading import blocks
from .sample_tables import NO_SCOPES, NOT_HERE, READ_AND_WRITE, Accepted, Refused, expected_of
from .sample_tokens import USUAL
from .sample_tokens_by_fields import USUAL_BY_FIELDS
from .samples import entry_of, issue, judge, read_entries, usual_read

ACCEPTED = [
    Accepted("supabase", "two audiences", {"aud": ["authenticated", "other"]}),
    Accepted("supabase", "no roles", {"app_metadata": {"provider": "email"}}, says=NO_SCOPES),
    Accepted("clerk", "no organization is active", {"o": NOT_HERE}, says=NO_SCOPES),
    Accepted("clerk", "another role", {"o": {"id": "org_123", "rol": "member"}}, says=NO_SCOPES),
    Accepted("clerk", "token ID", {"jti": "1234567890"}),
    Accepted("github-actions", "no environment", {"environment": NOT_HERE}, says=NO_SCOPES),
    Accepted("kubernetes", "one audience, before 1.32", {"aud": "reports", "jti": NOT_HERE}),
    Accepted(
        "kubernetes",
        "another account",
        {"sub": "system:serviceaccount:billing:importer"},
        says={"subject": "system:serviceaccount:billing:importer"},
    ),
    Accepted("duende", "scopes as a string", {"scope": "openid reports.read"}),
    Accepted("duende", "two roles", {"role": ["editor", "staff"]}, says=READ_AND_WRITE),
    Accepted("duende", "one role", {"role": "editor"}, says=READ_AND_WRITE),
    Accepted("hydra", "scopes as a string", {"scp": NOT_HERE, "scope": "openid reports:read"}),
    Accepted("hydra", "scopes in both forms", {"scope": "openid reports:read"}),
    Accepted("hydra", "application", {"sub": "mobile", "client_id": "mobile"}, says={"subject": "mobile"}),
    Accepted("adfs", "public client", {"apptype": "Public"}),
    Accepted("adfs", "kid as well", {}, {"kid": "k1"}),
    Accepted("adfs", "roles", {"roles": ["editor", "staff"]}, says=READ_AND_WRITE),
    Accepted("adfs", "one role", {"roles": "editor"}, says=READ_AND_WRITE),
]

_API_KEY_OF_SUPABASE = {"iss": "supabase", "ref": "abcdefghijklmnop", "role": "anon", "sub": NOT_HERE, "aud": NOT_HERE}
_ID_TOKEN_OF_DUENDE = {"aud": "mobile_app", "client_id": NOT_HERE, "at_hash": "AbCd", "nonce": "n-0S6"}
_ID_TOKEN_OF_HYDRA = {
    "aud": ["web"],
    "client_id": NOT_HERE,
    "at_hash": "AbCd",
    "rat": NOW,
    "sid": "5d4c",
    "scp": NOT_HERE,
}
_ID_TOKEN_OF_ADFS = {
    "iss": "https://adfs.acme.example/adfs",
    "aud": "50ce8764-aaaa-4bbb-96c0-39cc601ea154",
    "nonce": "n-0S6",
    "unique_name": "ACME\\runner",
}

REFUSED = [
    Refused("supabase", "API key", WrongIssuer, _API_KEY_OF_SUPABASE),
    Refused("supabase", "service role", WrongType, {"role": "service_role"}),
    Refused("supabase", "no session", MissingClaim, {"session_id": NOT_HERE}),
    Refused("supabase", "another audience", WrongAudience, {"aud": "anon"}),
    Refused("supabase", "another project", WrongIssuer, {"iss": "https://other.supabase.co/auth/v1"}),
    Refused("supabase-legacy", "API key", WrongIssuer, _API_KEY_OF_SUPABASE),
    Refused("supabase-legacy", "service role", WrongType, {"role": "service_role"}),
    Refused("clerk", "another origin", WrongAudience, {"azp": "https://evil.example"}),
    Refused("clerk", "no origin", WrongAudience, {"azp": NOT_HERE}),
    Refused("clerk", "pending session", WrongType, {"sts": "pending"}),
    Refused("clerk", "JWT template", WrongType, {"sid": NOT_HERE, "sts": NOT_HERE, "v": NOT_HERE}),
    Refused("clerk", "token for another API", WrongAudience, {"aud": "hasura"}),
    Refused("clerk", "another instance", WrongIssuer, {"iss": "https://clerk.other.example"}),
    Refused("clerk", "ID token", WrongType, {"at_hash": "AbCd"}),
    Refused("github-actions", "another repository", WrongType, {"repository_id": "75", "repository": "evil/reports"}),
    Refused("github-actions", "another branch", WrongType, {"ref": "refs/pull/7/merge"}),
    Refused("github-actions", "no repository", WrongType, {"repository_id": NOT_HERE}),
    Refused("github-actions", "default audience", WrongAudience, {"aud": "https://github.com/acme"}),
    Refused("github-actions", "enterprise server", WrongIssuer, {"iss": "https://ghe.acme.example/_services/token"}),
    Refused("kubernetes", "account that is not listed", WrongType, {"sub": "system:serviceaccount:default:default"}),
    Refused("kubernetes", "for the API server", WrongAudience, {"aud": ["https://kubernetes.default.svc"]}),
    Refused(
        "kubernetes", "legacy token of a secret", WrongIssuer, {"iss": "kubernetes/serviceaccount", "aud": NOT_HERE}
    ),
    Refused("kubernetes", "another cluster", WrongIssuer, {"iss": "https://oidc.eks.eu-central-1.amazonaws.com/id/AB"}),
    Refused("kubernetes", "no binding", MissingClaim, {"kubernetes.io": NOT_HERE}),
    Refused("duende", "ID token", WrongType, _ID_TOKEN_OF_DUENDE, {"typ": "JWT"}),
    Refused("duende", "ID token for this API", WrongType, {}, {"typ": "JWT"}),
    Refused("duende", "another API", WrongAudience, {"aud": "mail"}),
    Refused("duende", "static audience", WrongAudience, {"aud": "https://identity.acme.example/resources"}),
    Refused("duende", "application", MissingClaim, {"sub": NOT_HERE}),
    Refused("duende", "DPoP", UnprovenBinding, {"cnf": {"jkt": "0ZcOCORZNYy"}}),
    Refused("hydra", "ID token", WrongType, _ID_TOKEN_OF_HYDRA),
    Refused("hydra", "ID token for this API", WrongType, _ID_TOKEN_OF_HYDRA | {"aud": "https://reports.acme.example"}),
    Refused("hydra", "no client", WrongType, {"client_id": NOT_HERE}),
    Refused("hydra", "another client", WrongType, {"client_id": "mail"}),
    Refused("hydra", "another API", WrongAudience, {"aud": ["https://mail.acme.example"]}),
    Refused("hydra", "no audience", WrongAudience, {"aud": []}),
    Refused("adfs", "ID token", WrongIssuer, _ID_TOKEN_OF_ADFS),
    Refused("adfs", "ID token as if of this issuer", WrongType, {"nonce": "n-0S6"}),
    Refused("adfs", "another API", WrongAudience, {"aud": "microsoft:identityserver:other"}),
    Refused("adfs", "no user", MissingClaim, {"sub": NOT_HERE}),
]


def ids(samples: list[Any]) -> list[str]:
    return [f"{sample.provider}: {sample.words}" for sample in samples]


def test_the_page_has_an_entry_for_each_sample_and_a_sample_for_each_entry() -> None:
    assert read_entries().keys() == USUAL.keys() | USUAL_BY_FIELDS.keys()


@pytest.mark.parametrize("provider", USUAL_BY_FIELDS)
def test_an_access_token_is_accepted_by_the_entry_of_the_page(provider: str) -> None:
    assert judge(entry_of(provider), issue(provider, {})) == usual_read(provider)


@pytest.mark.parametrize("sample", ACCEPTED, ids=ids(ACCEPTED))
def test_every_documented_form_of_an_access_token_is_accepted(sample: Accepted) -> None:
    read = judge(entry_of(sample.provider), issue(sample.provider, sample.changes, sample.header))

    assert read == expected_of(sample, usual_read(sample.provider))


@pytest.mark.parametrize("sample", REFUSED, ids=ids(REFUSED))
def test_a_token_that_is_not_for_this_api_is_refused(sample: Refused) -> None:
    token = issue(sample.provider, sample.changes, sample.header)

    with pytest.raises(TokenError) as refusal:
        judge(entry_of(sample.provider), token)

    assert type(refusal.value) is sample.error


def test_scopes_that_users_can_write_themselves_do_not_count() -> None:
    read = judge(entry_of("supabase"), issue("supabase", {"app_metadata": {}, "user_metadata": {"roles": ["editor"]}}))

    assert read.scopes == frozenset()


def test_the_entry_in_json_is_the_entry_in_python() -> None:
    [entry] = blocks("providers", "json")

    settings = Settings.from_config(CONFIG | {"TOKENAUTH_TRUSTED_ISSUERS": json.loads(entry)}, app_name="reporting")

    assert settings.trusted_issuers == (entry_of("duende"),)


def test_the_profile_for_other_issuers_proves_nothing_by_itself() -> None:
    assert not PROFILES["other"].proves_access_tokens
    with pytest.raises(SettingsError, match=r"^any_token must be True with the profile other"):
        entry_of("hydra", expected=None)


def test_a_token_of_another_issuer_with_the_same_claims_is_refused() -> None:
    token = issue("hydra", {})

    with pytest.raises(InvalidSignature):
        judge(entry_of("hydra"), token[:-8] + "AAAAAAAA")
