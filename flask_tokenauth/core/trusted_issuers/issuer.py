"""``TrustedIssuer``: what an application says about an issuer whose tokens it believes besides its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Literal
from urllib.parse import urlsplit

from ..errors import SettingsError
from ..keys.algorithms import ALGORITHMS, ASYMMETRIC
from ..tokens.claims import LONGEST_LEEWAY, media_type
from ..tokens.token import Token
from .issuer_values import (
    check_strength,
    check_url,
    read_claims,
    read_duration,
    read_expected,
    read_keys,
    read_names,
    read_paths,
    read_scopes,
    read_strings,
    read_until,
    with_expected,
)
from .provider_profiles import PROFILES, Profile

Users = Literal["shared"] | Callable[[Token], Any]
Revoked = Literal["never"] | Callable[[Token], Any]

_SOURCES = ("jwks_uri", "discovery", "keys", "secret")
_ANY_TENANT = frozenset({"common", "organizations", "consumers", "{tenantid}", "{tenant}"})  # of Entra
_LONGEST_LIFETIME = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An issuer whose tokens are believed besides our own. It is for ``TOKENAUTH_TRUSTED_ISSUERS``.

    Give exactly one of *jwks_uri*, *discovery*, *keys* and *secret*.

    Attributes:
        issuer: the exact ``iss`` of its tokens; several if the issuer writes its name in several ways. None only for a
            profile of migration, for tokens without ``iss``.
        audience: what ``aud`` must name: this API, as the issuer knows it. One string or several. Where the profile
            says so, it is another claim, see *audience_claim*. None only for a profile of migration, for tokens without
            ``aud``.
        users: "shared" if the users of the issuer are ours, with the same IDs; or a function that gets the
            :class:`Token` and returns our user ID, or None if there is no such user (401 ``user_unknown``). It is
            called once for each request; it can be a coroutine function.
        jwks_uri: the URL of its JWK Set.
        discovery: whether to find that URL in the metadata of the issuer (OpenID Connect Discovery, RFC 8414).
        keys: its public keys: a JWK Set, PEM text, a mapping of key IDs to PEM text, a list, or a path.
        secret: for libraries that sign with a secret: the secret itself.
        algorithms: the algorithms that its keys may use. Default: those that the keys say, and RS256 for RSA keys that
            say none; HS256 for a *secret*.
        profile: how its tokens look: "rfc9068", or the name of a provider.
        any_token: must be True if the profile cannot tell access tokens from other tokens of the issuer.
        scopes: a mapping of its scopes or roles to ours, each to one or several; or a list of scopes that come through
            as they are. No other scope of its tokens counts.
        max_lifetime: the longest lifetime of its tokens, as a ``timedelta`` or in seconds. Default: 24 hours.
        leeway: the clock skew to forgive, likewise. Default: ``TOKENAUTH_LEEWAY``.
        types: overrides the profile: the media types that ``typ`` of the header may be; "*" if any, or none.
        required: adds to the profile: claims that must be there.
        expected: adds to the profile: claims that an access token must have, each with its value or values. If the
            profile expects the same claim, these values count in place of its own.
        refused: adds to the profile: claims that must not be there.
        audience_claim: overrides the profile: the claim that names the audience.
        user_claims: overrides the profile: the claims that name the user. Several are joined by a colon.
        scope_claims: overrides the profile: the claims with scopes or roles: strings with spaces, or arrays of strings.
            A dot leads to a member: "realm_access.roles". A name with dots is written as a list: ["https://a.example/b"].
        until: the tokens are believed until then: an aware ``datetime``, or a date such as "2027-01-31" (0:00 UTC).
        revoked: a function that gets the :class:`Token` and returns whether it was revoked, asked for each request; or
            "never".
        allow_private: whether its keys may be fetched from private addresses (RFC 1918, fc00::/7, 100.64.0.0/10).
        use_proxy: whether they are fetched through the proxy of the environment. Addresses are not checked then.

    Raises:
        SettingsError: a value is wrong, missing, or contradicts another.
    """

    issuer: Any
    audience: Any
    users: Users
    jwks_uri: str | None = None
    discovery: bool = False
    keys: Any = field(default=None, repr=False)
    secret: str | bytes | None = field(default=None, repr=False)
    algorithms: Any = None
    profile: str = "rfc9068"
    any_token: bool = False
    scopes: Any = ()
    max_lifetime: Any = None
    leeway: Any = None
    types: Any = None
    required: Any = ()
    expected: Mapping[str, Any] | None = None
    refused: Any = ()
    audience_claim: str | None = None
    user_claims: Any = None
    scope_claims: Any = None
    until: Any = None
    revoked: Revoked | None = None
    allow_private: bool = False
    use_proxy: bool = False
    layout: Profile = field(init=False, repr=False)  # the profile, with what overrides it
    scope_map: Mapping[str, frozenset[str]] = field(init=False, repr=False)  # its scopes, and ours for each

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            close = get_close_matches(str(self.profile), PROFILES, n=1)
            advice = f"did you mean {close[0]}?" if close else "rfc9068 is the default"
            raise SettingsError(f"profile must be one of {', '.join(PROFILES)}, got another: {advice}")
        is_for_migration = PROFILES[self.profile].is_for_migration
        self._keep("issuer", read_names("issuer", self.issuer, may_be_missing=is_for_migration))
        self._keep("audience", read_names("audience", self.audience, may_be_missing=is_for_migration))
        self._keep("keys", read_keys(self.keys))
        self._keep("algorithms", self._read_algorithms())
        self._keep("layout", self._find_layout())
        self._keep("scope_map", read_scopes(self.scopes))
        self._keep("max_lifetime", read_duration("max_lifetime", self.max_lifetime, most=_LONGEST_LIFETIME))
        self._keep("leeway", read_duration("leeway", self.leeway, most=LONGEST_LEEWAY))
        self._keep("until", read_until(self.until))
        for name in ("discovery", "any_token", "allow_private", "use_proxy"):
            if not isinstance(getattr(self, name), bool):
                advice = ": for a URL use jwks_uri" if name == "discovery" else ""
                raise SettingsError(f"{name} must be true or false, got {type(getattr(self, name)).__name__}{advice}")
        self._check_source()
        self._check_functions(is_for_migration=is_for_migration)
        self._check_proof()
        self._check_provider()

    def __hash__(self) -> int:
        return hash((self.issuer, self.profile))

    def _keep(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """The issuer in messages: its first name."""
        return self.issuer[0] if self.issuer else "the issuer without iss"

    def _read_algorithms(self) -> frozenset[str] | None:
        given = self.algorithms
        if given is None:
            return frozenset({"HS256"}) if self.secret is not None else None
        names = read_strings("algorithms", given)
        allowed = ASYMMETRIC if self.secret is None else frozenset(ALGORITHMS) - ASYMMETRIC
        if not names or not names <= allowed:
            kind = "of public keys" if self.secret is None else "of secrets"
            raise SettingsError(f"algorithms must be some {kind}: {', '.join(sorted(allowed))}; got others, or none")
        return names

    def _find_layout(self) -> Profile:
        layout = PROFILES[self.profile]
        changed: dict[str, Any] = {
            "required": layout.required | read_strings("required", self.required),
            "refused": layout.refused | read_strings("refused", self.refused),
        }
        if self.types is not None:
            types = read_strings("types", self.types)
            changed["types"] = None if "*" in types else frozenset(map(media_type, types))
        if self.expected is not None:
            changed["evidence"] = with_expected(layout, read_expected(self.expected))
        if self.audience_claim is not None:
            [changed["audience_claim"]] = read_claims("audience_claim", [self.audience_claim])
        if self.user_claims is not None:
            changed["user_claims"] = read_claims("user_claims", self.user_claims)
        if self.scope_claims is not None:
            changed["scope_claims"] = read_paths(self.scope_claims)
        return replace(layout, **changed)

    def _check_source(self) -> None:
        given = [name for name in _SOURCES if getattr(self, name) not in (None, False)]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise SettingsError(f"exactly one of {', '.join(_SOURCES)} must be given, got {got}")
        if self.secret is not None:
            check_strength(self.secret, is_for_migration=PROFILES[self.profile].is_for_migration)
        if isinstance(self.keys, str) and self.keys.startswith(("https://", "http://")):
            raise SettingsError("keys must be the keys themselves or a path, got a URL: write it as jwks_uri")
        if self.jwks_uri is not None:
            check_url("jwks_uri", self.jwks_uri)
        if self.discovery:
            if not self.issuer:
                raise SettingsError("discovery needs an issuer, got None: give jwks_uri, keys or secret")
            check_url("the issuer, if discovery is true,", self.name)

    def _check_functions(self, *, is_for_migration: bool) -> None:
        if self.users != "shared" and not callable(self.users):
            raise SettingsError(
                'users must be "shared" (the user IDs of the issuer are ours), or a function from the token to our '
                f"user ID or None, got {type(self.users).__name__}"
            )
        if self.revoked not in (None, "never") and not callable(self.revoked):
            raise SettingsError(
                f'revoked must be "never", or a function from the token to a boolean, got {type(self.revoked).__name__}'
            )
        if is_for_migration and (self.until is None or self.revoked is None):
            raise SettingsError(
                f"the profile {self.profile} needs until (the date from which no token of the old library is believed) "
                'and revoked (a function that asks its blocklist, or "never"), got one or none of them'
            )

    def _check_proof(self) -> None:
        if self.layout.proves_access_tokens == self.any_token:
            raise SettingsError(
                f"any_token must be left out with the profile {self.profile}, which tells access tokens from others"
                if self.any_token
                else f"any_token must be True with the profile {self.profile}: it cannot tell access tokens from ID "
                "tokens and others, and each of them would be believed. Or give expected, the claims that only access "
                "tokens have"
            )

    def _check_provider(self) -> None:
        if self.profile == "entra":
            for issuer in self.issuer:
                if not _ANY_TENANT.isdisjoint(urlsplit(issuer).path.lower().split("/")):
                    raise SettingsError(
                        "issuer must be that of one tenant with the profile entra, got one for many tenants: write the "
                        "ID of the tenant in place of common, or use issuer_loader"
                    )
        if self.profile == "keycloak" and "account" in self.audience:
            raise SettingsError(
                'audience must be that of this API with the profile keycloak, got "account", which the tokens of every '
                "client of the realm have: add an audience mapper for this API to the client"
            )
        if self.profile == "okta":
            self._check_okta()

    def _check_okta(self) -> None:
        is_of_org = not self.audience.isdisjoint(map(_origin_of, self.issuer))
        if is_of_org or not all(urlsplit(issuer).path.startswith("/oauth2/") for issuer in self.issuer):
            raise SettingsError(
                "issuer and audience must be those of a custom authorization server with the profile okta, got those "
                "of the org authorization server, whose tokens are for Okta itself: use https://…/oauth2/default"
            )


def _origin_of(issuer: str) -> str:
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}"
