"""How the tokens of providers look: one profile for each, from the public documentation of the provider.

A profile says what proves that a token is an access token, which claims must be there, and where its audience, its user
and its scopes are. It has no issuer and no key: these are in a :class:`~.issuer.TrustedIssuer`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Path = tuple[str, ...]  # the names of a claim and of members in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Claims that prove together that a token is an access token."""

    present: frozenset[str] = frozenset()  # claims that the token must have
    absent: frozenset[str] = frozenset()  # claims that it must not have
    equal: Mapping[str, frozenset[str]] = field(default_factory=dict)  # each claim must be one of these strings
    has_user: bool = True  # False: the token is of an application that acts for itself, without a user

    def is_in(self, claims: Mapping[str, object]) -> bool:
        """Return whether *claims* are this evidence."""
        return (
            self.present <= claims.keys()
            and self.absent.isdisjoint(claims)
            and all(_is_one_of(claims.get(name), values) for name, values in self.equal.items())
        )


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


def _is_one_of(value: object, values: frozenset[str]) -> bool:
    return isinstance(value, str) and value in values


def _equal(name: str, *values: str) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({name: frozenset(values)})


_OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})  # OpenID Connect Core 1.0 sections 2 and 3.3.2.11
_JWT = frozenset({"jwt"})
_ISSUED = frozenset({"iat"})

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        # RFC 9068 section 2.2.
        "rfc9068": Profile(types=frozenset({"at+jwt"}), required=frozenset({"iat", "jti"})),
        # Auth0 Docs, "Access token profiles".
        "auth0": Profile(
            types=frozenset({"jwt", "at+jwt"}),
            required=_ISSUED,
            refused=_OF_ID_TOKENS,
            evidence=(Evidence(present=frozenset({"azp"})), Evidence(present=frozenset({"client_id"}))),
            scope_claims=(("scope",), ("permissions",)),
        ),
        # Microsoft identity platform, "Access token claims reference". "tid" and "oid" name a user; "sub" is another
        # one for each application.
        "entra": Profile(
            types=_JWT,
            required=_ISSUED,
            refused=frozenset({"nonce"}),
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
        # Okta, "OpenID Connect & OAuth 2.0 API", "Access token payload".
        "okta": Profile(
            required=_ISSUED,
            refused=_OF_ID_TOKENS,
            evidence=(Evidence(present=frozenset({"cid", "scp"})),),
            scope_claims=(("scp",),),
        ),
        # Amazon Cognito, "Understanding the access token".
        "cognito": Profile(
            required=_ISSUED,
            evidence=(Evidence(equal=_equal("token_use", "access")),),
            audience_claim="client_id",
            scope_claims=(("scope",), ("cognito:groups",)),
        ),
        # Keycloak, "Server administration guide"; "typ" is a claim there: "Bearer", "ID" or "Refresh".
        "keycloak": Profile(
            required=_ISSUED,
            evidence=(Evidence(equal=_equal("typ", "Bearer")),),
            scope_claims=(("scope",), ("realm_access", "roles")),
        ),
        # Google Identity, "OpenID Connect": ID tokens. The access tokens of Google are no JWTs.
        "google": Profile(required=_ISSUED, scope_claims=()),
        # Firebase, "Verify ID tokens": ID tokens.
        "firebase": Profile(required=frozenset({"iat", "auth_time"}), scope_claims=()),
        # ZITADEL, "Claims": only access tokens have "jti", only ID tokens have "azp" and "at_hash".
        "zitadel": Profile(
            required=frozenset({"iat", "jti"}),
            refused=_OF_ID_TOKENS | {"azp"},
            evidence=(Evidence(present=frozenset({"jti", "client_id"})),),
        ),
        # Flask-JWT-Extended, "Configuration options".
        "flask-jwt-extended": Profile(
            evidence=(Evidence(equal=_equal("type", "access")),),
            numbers_as_users=True,
            scope_claims=(),
            is_for_migration=True,
        ),
        # Simple JWT, "Settings": USER_ID_CLAIM and TOKEN_TYPE_CLAIM.
        "simplejwt": Profile(
            evidence=(Evidence(equal=_equal("token_type", "access")),),
            user_claims=("user_id",),
            numbers_as_users=True,
            scope_claims=(),
            is_for_migration=True,
        ),
    }
)
