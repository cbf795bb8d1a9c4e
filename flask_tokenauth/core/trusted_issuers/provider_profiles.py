"""How the tokens of providers look: one profile for each, from the public documentation of the provider.

A profile says what proves that a token is an access token, which claims must be there, and where its audience, its user
and its scopes are. It has no issuer and no key: these are in a :class:`~.issuer.TrustedIssuer`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

Path = tuple[str, ...]  # the names of a claim and of members in it
NAMES = "*"  # in the end of a path: the names of the members of an object, not their values

ACCESS, REFRESH = "access", "refresh"  # values of the claims that name the kind of a token


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Claims that prove together that a token is an access token."""

    present: frozenset[str] = frozenset()  # claims that the token must have
    absent: frozenset[str] = frozenset()  # claims that it must not have
    equal: Mapping[str, frozenset[str]] = field(default_factory=dict)  # each claim must be one of these strings
    endings: Mapping[str, str] = field(default_factory=dict)  # each claim must be a string that ends like this
    user_claims: tuple[str, ...] = ()  # in place of those of the profile, unless the application names others
    has_user: bool = True  # False: the token is of an application that acts for itself, without a user

    def is_in(self, claims: Mapping[str, object]) -> bool:
        """Return whether *claims* are this evidence."""
        return (
            self.present <= claims.keys()
            and self.absent.isdisjoint(claims)
            and all(_is_one_of(claims.get(name), values) for name, values in self.equal.items())
            and all(_ends_with(claims.get(name), ending) for name, ending in self.endings.items())
        )

    def for_refresh_tokens(self) -> "Evidence | None":
        """Return the claims that prove a refresh token of the same issuer; None if no claim names the kind."""
        refresh = frozenset({REFRESH})
        equal = {name: refresh if ACCESS in values else values for name, values in self.equal.items()}
        return replace(self, equal=MappingProxyType(equal)) if refresh in equal.values() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the tokens of one provider look."""

    types: frozenset[str] | None = None  # "typ" of the header, as a media type without "application/"; None: any
    required: frozenset[str] = frozenset()  # claims that must be there, besides "exp" and those of the user
    refused: frozenset[str] = frozenset()  # claims of ID tokens and other tokens
    evidence: tuple[Evidence, ...] = ()  # one of them must be in the token; none: nothing but its type is proof
    audience_claim: str = "aud"  # or the claim that names the client, if the tokens have no audience
    user_claims: tuple[str, ...] = ("sub",)  # several are joined by a colon
    numbers_as_users: bool = False  # whether whole numbers are user IDs too
    scope_claims: tuple[Path, ...] = (("scope",),)  # a string with spaces, or an array of strings, in each
    is_for_migration: bool = False  # tokens of the library that the application used before

    @property
    def proves_access_tokens(self) -> bool:
        """Whether a token of another kind is refused, such as an ID token."""
        return bool(self.evidence) or (self.types is not None and "jwt" not in self.types)

    def find_evidence(self, claims: Mapping[str, object]) -> Evidence | None:
        """Return the first evidence that is in *claims*, or None."""
        return next((evidence for evidence in self.evidence if evidence.is_in(claims)), None)

    def for_refresh_tokens(self) -> "Profile | None":
        """Return the profile of the refresh tokens of the same issuer; None if none of its claims proves them."""
        evidence = tuple(filter(None, (each.for_refresh_tokens() for each in self.evidence)))
        return replace(self, evidence=evidence) if evidence else None


def _is_one_of(value: object, values: frozenset[str]) -> bool:
    return isinstance(value, str) and value in values


def _ends_with(value: object, ending: str) -> bool:
    return isinstance(value, str) and value.endswith(ending)


def _equal(name: str, *values: str) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({name: frozenset(values)})


_OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})  # OpenID Connect Core 1.0 sections 2 and 3.3.2.11
_JWT = frozenset({"jwt"})
_ISSUED = frozenset({"iat"})
_UID = frozenset({"uid"})
_OF_AUTH0_APPLICATIONS = MappingProxyType({"sub": "@clients"})

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        # RFC 9068 sections 2.1, 2.2 and 4. "client_id" is required too; it decides nothing here.
        "rfc9068": Profile(types=frozenset({"at+jwt"}), required=frozenset({"iat", "jti"})),
        # Auth0 Docs, "Access Token Profiles", "Token profile differences": "typ" is "JWT" with "azp", or "at+jwt" with
        # "client_id"; "sub" of a machine-to-machine application ends with "@clients". "Enable Role-Based Access Control
        # for APIs": "permissions" is an array. "ID Token Structure": "aud" is the client, and there is no "azp".
        "auth0": Profile(
            types=frozenset({"jwt", "at+jwt"}),
            required=_ISSUED,
            refused=_OF_ID_TOKENS,
            evidence=(
                Evidence(present=frozenset({"azp"}), endings=_OF_AUTH0_APPLICATIONS, has_user=False),
                Evidence(present=frozenset({"client_id"}), endings=_OF_AUTH0_APPLICATIONS, has_user=False),
                Evidence(present=frozenset({"azp"})),
                Evidence(present=frozenset({"client_id"})),
            ),
            scope_claims=(("scope",), ("permissions",)),
        ),
        # Microsoft identity platform, "Access token claims reference": "typ" is always "JWT"; "azpacr" is in tokens of
        # version 2.0, "appidacr" in those of 1.0; "scp" is a string, only for users; "roles" is an array. "tid" and
        # "oid" name a user; "sub" is another one for each application. "Optional claims reference": "idtyp". "ID token
        # claims reference": "nonce", "at_hash", "c_hash".
        "entra": Profile(
            types=_JWT,
            required=_ISSUED,
            refused=_OF_ID_TOKENS,
            evidence=(
                Evidence(present=frozenset({"scp", "azpacr"})),
                Evidence(present=frozenset({"scp", "appidacr"})),
                Evidence(equal=_equal("idtyp", "app"), absent=frozenset({"scp"}), has_user=False),
                Evidence(present=frozenset({"roles", "azpacr"}), absent=frozenset({"scp"}), has_user=False),
                Evidence(present=frozenset({"roles", "appidacr"}), absent=frozenset({"scp"}), has_user=False),
            ),
            user_claims=("tid", "oid"),
            scope_claims=(("scp",), ("roles",)),
        ),
        # Okta, "OpenID Connect & OAuth 2.0 API", "Access token": "cid" and "scp", an array, are in access tokens alone;
        # "uid" is the ID of the user, and "sub" the login, which usually is an e-mail address. The header has no "typ".
        "okta": Profile(
            required=_ISSUED,
            refused=_OF_ID_TOKENS,
            evidence=(
                Evidence(present=frozenset({"cid", "scp", "uid"})),
                Evidence(present=frozenset({"cid", "scp"}), absent=_UID, user_claims=("cid",), has_user=False),
            ),
            user_claims=("uid",),
            scope_claims=(("scp",),),
        ),
        # Amazon Cognito Developer Guide, "Understanding the access token": "token_use" is "access" (in ID tokens "id");
        # the header has no "typ"; "scope" is a string, "cognito:groups" an array; "username" is in the tokens of users.
        # "Resource binding": "aud" is there if the client named a resource.
        "cognito": Profile(
            required=_ISSUED,
            evidence=(
                Evidence(equal=_equal("token_use", "access"), present=frozenset({"username"})),
                Evidence(equal=_equal("token_use", "access"), absent=frozenset({"username"}), has_user=False),
            ),
            audience_claim="client_id",
            scope_claims=(("scope",), ("cognito:groups",)),
        ),
        # Keycloak, TokenUtil.java: "typ" is a claim as well: "Bearer", "ID", "Refresh", "Offline" or "DPoP";
        # AccessToken.java: "scope" is a string, "realm_access.roles" an array. Server Administration Guide, "Audience
        # support". Upgrading Guide, 25.0, "Nonce claim is only added to the ID token": access tokens had it before.
        "keycloak": Profile(
            required=_ISSUED,
            evidence=(Evidence(equal=_equal("typ", "Bearer")),),
            scope_claims=(("scope",), ("realm_access", "roles")),
        ),
        # Google Identity, "OpenID Connect", "An ID token's payload": ID tokens. Google's access tokens are no JWTs.
        "google": Profile(required=_ISSUED, scope_claims=()),
        # Firebase, "Verify ID tokens using a third-party JWT library": ID tokens.
        "firebase": Profile(required=frozenset({"iat", "auth_time"}), scope_claims=()),
        # ZITADEL Docs, "Claims": only access tokens have "jti", only ID tokens "auth_time", "amr", "acr" and "nonce";
        # both name the client: "azp" there, "client_id" in zitadel/oidc, pkg/oidc/token.go. No claim has the scopes;
        # the names of the roles are those of the members of an object.
        "zitadel": Profile(
            required=_ISSUED,
            refused=_OF_ID_TOKENS | {"auth_time", "amr", "acr"},
            evidence=(Evidence(present=frozenset({"jti", "client_id"})), Evidence(present=frozenset({"jti", "azp"}))),
            scope_claims=(("urn:zitadel:iam:org:project:roles", NAMES),),
        ),
        # Flask-JWT-Extended 4.7, tokens.py: "type" is "access" or "refresh"; JWT_IDENTITY_CLAIM is "sub". An identity
        # could be a number until PyJWT 2.10 refused it.
        "flask-jwt-extended": Profile(
            evidence=(Evidence(equal=_equal("type", "access")),),
            numbers_as_users=True,
            scope_claims=(),
            is_for_migration=True,
        ),
        # Simple JWT 5.5, tokens.py and settings.py: TOKEN_TYPE_CLAIM is "token_type": "access", "refresh" or "sliding";
        # USER_ID_CLAIM is "user_id", which was a number before 5.5.1 if it is one in the database.
        "simplejwt": Profile(
            evidence=(Evidence(equal=_equal("token_type", "access")),),
            user_claims=("user_id",),
            numbers_as_users=True,
            scope_claims=(),
            is_for_migration=True,
        ),
        # Any other issuer, by the fields of its TrustedIssuer. It is the base for tokens that are not like RFC 9068.
        "other": Profile(required=_ISSUED),
    }
)
