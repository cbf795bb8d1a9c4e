"""Further tokens of the providers with a profile, as changes of their usual access tokens."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask_tokenauth.core.claim_errors import MissingClaim, UnprovenBinding, WrongAudience, WrongIssuer
from flask_tokenauth.core.signature_errors import UnknownKey
from flask_tokenauth.core.token_errors import TokenError, WrongType

from ...conftest import NOW
from .sample_tokens import API, TENANT, USER
from .samples import Read

NOT_HERE: Any = ...  # leaves a claim out
OTHER_TENANT = "11112222-bbbb-3333-cccc-4444dddd5555"  # of Entra


class Accepted(NamedTuple):
    """A token that is accepted, with the differences from what the usual one says."""

    provider: str
    words: str
    changes: Mapping[str, Any]
    header: Mapping[str, Any] = {}
    entry: Mapping[str, Any] = {}  # changes of the entry
    says: Mapping[str, Any] = {}


class Refused(NamedTuple):
    """A token that is refused."""

    provider: str
    words: str
    error: type[TokenError]
    changes: Mapping[str, Any]
    header: Mapping[str, Any] = {}
    entry: Mapping[str, Any] = {}


def expected_of(sample: Accepted, usual: Read) -> Read:
    """Return what a sample says, given what the usual one says."""
    return usual._replace(**sample.says)


NO_SCOPES: dict[str, Any] = {"scopes": frozenset()}
WRITE = {"scopes": frozenset({"reports:write"})}
READ_AND_WRITE = {"scopes": frozenset({"reports:read", "reports:write"})}
APPLICATION = {"has_user": False}

_V1_OF_ENTRA = {
    "iss": f"https://sts.windows.net/{TENANT}/",
    "aud": f"api://{API}",
    "azp": NOT_HERE,
    "azpacr": NOT_HERE,
    "preferred_username": NOT_HERE,
    "appid": "5555eeee-ffff-0000-1111-666677778888",
    "appidacr": "0",
    "acr": "1",
    "amr": ["pwd"],
    "upn": "road.runner@acme.example",
    "ver": "1.0",
}
_APP_OF_ENTRA = {"scp": NOT_HERE, "name": NOT_HERE, "azpacr": "1", "roles": ["Reports.Read.All"], "sub": USER}
_M2M_OF_COGNITO = {
    "sub": "1example23456789",
    "username": NOT_HERE,
    "cognito:groups": NOT_HERE,
    "event_id": NOT_HERE,
    "origin_jti": NOT_HERE,
}
_RFC9068_OF_AUTH0 = {"azp": NOT_HERE, "gty": NOT_HERE, "client_id": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja", "jti": "73Wakr"}

ACCEPTED = [
    Accepted("auth0", "RFC 9068 profile", _RFC9068_OF_AUTH0, {"typ": "at+jwt"}),
    Accepted("auth0", "permissions of roles", {"permissions": ["write:reports"]}, says=READ_AND_WRITE),
    Accepted(
        "auth0",
        "permissions that the entry does not read",
        {"permissions": ["write:reports"]},
        entry={"scope_claims": "scope"},
    ),
    Accepted(
        "auth0",
        "application",
        {"sub": "awZfdIir@clients", "gty": "client-credentials"},
        says=APPLICATION | {"subject": "awZfdIir@clients"},
    ),
    Accepted(
        "auth0",
        "application, RFC 9068 profile",
        _RFC9068_OF_AUTH0 | {"sub": "awZfdIir@clients"},
        {"typ": "at+jwt"},
        says=APPLICATION | {"subject": "awZfdIir@clients"},
    ),
    Accepted("auth0", "one audience", {"aud": "https://reports.acme.example"}),
    Accepted("entra", "version 1.0", _V1_OF_ENTRA, {"x5t": "k1"}),
    Accepted("entra", "version 1.0 for the client ID", _V1_OF_ENTRA | {"aud": API}),
    Accepted("entra", "user with an app role", {"roles": ["Reports.Admin"]}, says=READ_AND_WRITE),
    Accepted("entra", "application with a role", _APP_OF_ENTRA, says=APPLICATION),
    Accepted(
        "entra",
        "application with a role, version 1.0",
        _V1_OF_ENTRA | _APP_OF_ENTRA | {"azpacr": NOT_HERE, "appidacr": "2"},
        says=APPLICATION,
    ),
    Accepted(
        "entra",
        "application without a role, by idtyp",
        _APP_OF_ENTRA | {"roles": NOT_HERE, "idtyp": "app"},
        says=APPLICATION | NO_SCOPES,
    ),
    Accepted("entra", "user, by idtyp", {"idtyp": "user"}),
    Accepted("okta", "another audience of the API", {"aud": ["api://other", "api://default"]}),
    Accepted(
        "okta",
        "application",
        {"uid": NOT_HERE, "sub": "nmdP1fcyvdVO11AL7ECm"},
        says=APPLICATION | {"subject": "nmdP1fcyvdVO11AL7ECm"},
    ),
    Accepted(
        "okta",
        "application, by a claim that the entry names",
        {"uid": NOT_HERE, "sub": "reporter"},
        entry={"user_claims": "sub"},
        says=APPLICATION | {"subject": "reporter"},
    ),
    Accepted("cognito", "sign-in by SDK", {"scope": "aws.cognito.signin.user.admin"}, says=NO_SCOPES),
    Accepted("cognito", "user of a group", {"cognito:groups": ["admins", "editors"]}, says=READ_AND_WRITE),
    Accepted("cognito", "application", _M2M_OF_COGNITO, says=APPLICATION | {"subject": "1example23456789"}),
    Accepted(
        "cognito",
        "resource",
        {"aud": "https://reports.acme.example"},
        entry={"audience": ["1example23456789", "https://reports.acme.example"]},
    ),
    Accepted("keycloak", "at+jwt", {}, {"typ": "at+jwt"}),
    Accepted("keycloak", "before 25, with nonce", {"nonce": "n-0S6", "session_state": "5d4c3b2a"}),
    Accepted("keycloak", "realm role", {"realm_access": {"roles": ["reports-editor"]}}, says=READ_AND_WRITE),
    Accepted("keycloak", "no roles", {"realm_access": NOT_HERE, "resource_access": NOT_HERE}),
    Accepted(
        "keycloak",
        "client role",
        {"resource_access": {"reports-api": {"roles": ["reports-editor"]}}},
        entry={"scope_claims": ["scope", "resource_access.reports-api.roles"]},
        says=READ_AND_WRITE,
    ),
    Accepted(
        "keycloak",
        "client in place of the audience",
        {"aud": NOT_HERE},
        entry={"audience": "web", "audience_claim": "azp"},
    ),
    Accepted("zitadel", "azp in place of client_id", {"azp": "69234237810729234", "client_id": NOT_HERE}),
    Accepted("zitadel", "both names of the client", {"azp": "69234237810729234"}),
    Accepted("zitadel", "no role", {"urn:zitadel:iam:org:project:roles": NOT_HERE}, says=NO_SCOPES),
    Accepted("zitadel", "another role", {"urn:zitadel:iam:org:project:roles": {"staff": {"1": "a"}}}, says=NO_SCOPES),
    Accepted(
        "zitadel",
        "roles that an Action wrote",
        {"roles": ["editor"]},
        entry={"scope_claims": "roles", "scopes": {"editor": "reports:write"}},
        says=WRITE,
    ),
    Accepted("google", "old issuer", {"iss": "accounts.google.com"}),
    Accepted("google", "without the hash", {"at_hash": NOT_HERE, "nonce": NOT_HERE}),
    Accepted(
        "firebase",
        "custom claim",
        {"roles": ["editor"]},
        entry={"scope_claims": "roles", "scopes": {"editor": "reports:write"}},
        says=WRITE,
    ),
    Accepted("rfc9068", "media type in full", {}, {"typ": "application/at+JWT"}),
]

_ID_TOKEN_OF_AUTH0 = {
    "aud": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja",
    "azp": NOT_HERE,
    "gty": NOT_HERE,
    "scope": NOT_HERE,
    "nonce": "YTdYcXp1",
    "sid": "d3xJb2Ek",
}
_ID_TOKEN_OF_ENTRA = {
    "azp": NOT_HERE,
    "azpacr": NOT_HERE,
    "scp": NOT_HERE,
    "nonce": "12345",
    "roles": ["Reports.Read.All"],
}
_ID_TOKEN_OF_OKTA = {
    "jti": "ID.Abc",
    "sub": "00ujmkLgagxeRrAg20g3",
    "uid": NOT_HERE,
    "cid": NOT_HERE,
    "scp": NOT_HERE,
    "nonce": "n-0S6",
    "at_hash": "MTIzNDU2",
}
_ID_TOKEN_OF_COGNITO = {
    "token_use": "id",
    "aud": "1example23456789",
    "client_id": NOT_HERE,
    "scope": NOT_HERE,
    "username": NOT_HERE,
    "cognito:username": "road.runner",
    "at_hash": "AbCd",
}
_ID_TOKEN_OF_KEYCLOAK = {"typ": "ID", "aud": "web", "at_hash": "AbCd", "scope": NOT_HERE, "realm_access": NOT_HERE}
_ID_TOKEN_OF_ZITADEL = {
    "jti": NOT_HERE,
    "azp": "69234237810729234",
    "amr": ["pwd"],
    "auth_time": NOW - 60,
    "at_hash": "AbCd",
}

REFUSED = [
    Refused("rfc9068", "ID token", WrongType, {"aud": "s6BhdRkqt3", "nonce": "n-0S6"}, {"typ": "JWT"}),
    Refused("rfc9068", "no type", WrongType, {}, {"typ": NOT_HERE}),
    Refused("rfc9068", "another API", WrongAudience, {"aud": "https://mail.acme.example"}),
    Refused("rfc9068", "another tenant", WrongIssuer, {"iss": "https://accounts.other.example"}),
    Refused("rfc9068", "unknown key", UnknownKey, {}, {"kid": "k2"}),
    Refused("rfc9068", "bound to a key", UnprovenBinding, {"cnf": {"jkt": "0ZcOCORZNYy"}}),
    Refused("auth0", "ID token", WrongType, _ID_TOKEN_OF_AUTH0),
    Refused("auth0", "ID token for this API", WrongType, _ID_TOKEN_OF_AUTH0 | {"aud": "https://reports.acme.example"}),
    Refused(
        "auth0",
        "ID token of the code flow for this API",
        WrongType,
        _ID_TOKEN_OF_AUTH0 | {"aud": "https://reports.acme.example", "nonce": NOT_HERE},
    ),
    Refused(
        "auth0", "another API", WrongAudience, {"aud": ["https://mail.example", "https://acme.eu.auth0.com/userinfo"]}
    ),
    Refused("auth0", "another tenant", WrongIssuer, {"iss": "https://other.eu.auth0.com/"}),
    Refused("auth0", "no slash at the end", WrongIssuer, {"iss": "https://acme.eu.auth0.com"}),
    Refused("auth0", "another type", WrongType, {}, {"typ": "logout+jwt"}),
    Refused("entra", "ID token", WrongType, _ID_TOKEN_OF_ENTRA),
    Refused("entra", "ID token without nonce", WrongType, _ID_TOKEN_OF_ENTRA | {"nonce": NOT_HERE}),
    Refused("entra", "application without a role", WrongType, _APP_OF_ENTRA | {"roles": NOT_HERE}),
    Refused("entra", "scopes of no client", WrongType, {"azpacr": NOT_HERE}),
    Refused("entra", "application that names scopes", WrongType, {"idtyp": "app", "azpacr": NOT_HERE}),
    Refused("entra", "another API", WrongAudience, {"aud": "00000003-0000-0000-c000-000000000000"}),
    Refused("entra", "another tenant", WrongIssuer, {"iss": f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"}),
    Refused("entra", "at+jwt", WrongType, {}, {"typ": "at+jwt"}),
    Refused("okta", "ID token", WrongType, _ID_TOKEN_OF_OKTA),
    Refused("okta", "ID token with the ID of the user", WrongType, _ID_TOKEN_OF_OKTA | {"uid": "00ujmkLgagxeRrAg20g3"}),
    Refused("okta", "another API", WrongAudience, {"aud": "api://mail"}),
    Refused("okta", "another server of the tenant", WrongIssuer, {"iss": "https://acme.okta.com/oauth2/aus1"}),
    Refused("okta", "org server", WrongIssuer, {"iss": "https://acme.okta.com", "aud": "https://acme.okta.com"}),
    Refused("cognito", "ID token", WrongType, _ID_TOKEN_OF_COGNITO),
    Refused("cognito", "another client", WrongAudience, {"client_id": "2example23456789"}),
    Refused("cognito", "another resource", WrongAudience, {"aud": "https://mail.acme.example"}),
    Refused("cognito", "another tenant", WrongIssuer, {"iss": "https://cognito-idp.eu-central-1.amazonaws.com/other"}),
    Refused("keycloak", "ID token", WrongType, _ID_TOKEN_OF_KEYCLOAK),
    Refused("keycloak", "ID token for this API", WrongType, _ID_TOKEN_OF_KEYCLOAK | {"aud": "reports-api"}),
    Refused("keycloak", "refresh token", WrongType, {"typ": "Refresh", "aud": ["reports-api"]}),
    Refused("keycloak", "offline token", WrongType, {"typ": "Offline"}),
    Refused("keycloak", "DPoP-bound token", UnprovenBinding, {"typ": "DPoP", "cnf": {"jkt": "0ZcOCORZNYy"}}),
    Refused("keycloak", "DPoP token without the key", WrongType, {"typ": "DPoP"}),
    Refused("keycloak", "another API", WrongAudience, {"aud": ["mail-api", "account"]}),
    Refused("keycloak", "another realm", WrongIssuer, {"iss": "https://sso.acme.example/realms/master"}),
    Refused("keycloak", "lightweight token without sub", MissingClaim, {"sub": NOT_HERE}),
    Refused(
        "keycloak",
        "another client in place of the audience",
        WrongAudience,
        {"aud": NOT_HERE, "azp": "mail"},
        entry={"audience": "web", "audience_claim": "azp"},
    ),
    Refused(
        "keycloak",
        "an audience beside the client",
        WrongAudience,
        {"aud": "account"},
        entry={"audience": "web", "audience_claim": "azp"},
    ),
    Refused("zitadel", "ID token", WrongType, _ID_TOKEN_OF_ZITADEL),
    Refused("zitadel", "ID token without the hash", WrongType, _ID_TOKEN_OF_ZITADEL | {"at_hash": NOT_HERE}),
    Refused("zitadel", "another API", WrongAudience, {"aud": ["69234237810729234", "69234237810729999"]}),
    Refused("zitadel", "another tenant", WrongIssuer, {"iss": "https://other-ab1cde.zitadel.cloud"}),
    Refused("google", "another client", WrongAudience, {"aud": "9999987819200.apps.googleusercontent.com"}),
    Refused("google", "another issuer", WrongIssuer, {"iss": "https://securetoken.google.com/acme-reports"}),
    Refused("firebase", "another project", WrongIssuer, {"iss": "https://securetoken.google.com/other"}),
    Refused("firebase", "another audience", WrongAudience, {"aud": "other"}),
    Refused("firebase", "session cookie", WrongIssuer, {"iss": "https://session.firebase.google.com/acme-reports"}),
    Refused("flask-jwt-extended", "refresh token", WrongType, {"type": "refresh"}),
    Refused("flask-jwt-extended", "with an issuer", WrongIssuer, {"iss": "https://old.acme.example"}),
    Refused("flask-jwt-extended", "with an audience", WrongAudience, {"aud": "https://old.acme.example"}),
    Refused("flask-jwt-extended", "token of Simple JWT", WrongType, {"type": NOT_HERE, "token_type": "access"}),
    Refused("simplejwt", "refresh token", WrongType, {"token_type": "refresh"}),
    Refused("simplejwt", "sliding token", WrongType, {"token_type": "sliding", "refresh_exp": NOW + 86400}),
    Refused("simplejwt", "with an issuer", WrongIssuer, {"iss": "https://old.acme.example"}),
    Refused("simplejwt", "with an audience", WrongAudience, {"aud": "https://old.acme.example"}),
    Refused("simplejwt", "token of Flask-JWT-Extended", WrongType, {"token_type": NOT_HERE, "type": "access"}),
]
