"""``TrustedIssuer``: what an application says about an issuer whose tokens it believes besides its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from ..encoding.limits import MAX_IDENTIFIER, is_identifier
from ..errors import InvalidKey, SettingsError
from ..keys.algorithms import ALGORITHMS
from ..keys.key_strength import check_secret
from ..tokens.claims import LONGEST_LEEWAY
from ..tokens.scopes import check_scope_token
from ..tokens.token import Token
from .provider_profiles import PROFILES, Evidence, Path, Profile
from .public_keys import ASYMMETRIC

Users = Literal["shared"] | Callable[[Token], Any]
Revoked = Literal["never"] | Callable[[Token], Any]

_SOURCES = ("jwks_uri", "discovery", "keys", "secret")
_ANY_TENANT = frozenset({"common", "organizations", "consumers", "{tenantid}", "{tenant}"})  # of Entra
_OUR_SCOPES = "tokenauth:"  # scopes that this library gives a meaning
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
        expected: overrides the profile: claims that prove an access token, each with its value or values.
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
            raise SettingsError(f"profile must be one of {', '.join(PROFILES)}, got another: rfc9068 is the default")
        is_for_migration = PROFILES[self.profile].is_for_migration
        self._keep("issuer", _read_names("issuer", self.issuer, may_be_missing=is_for_migration))
        self._keep("audience", _read_names("audience", self.audience, may_be_missing=is_for_migration))
        self._keep("algorithms", self._read_algorithms())
        self._keep("layout", self._find_layout())
        self._keep("scope_map", _read_scopes(self.scopes))
        self._keep("max_lifetime", _read_duration("max_lifetime", self.max_lifetime, most=_LONGEST_LIFETIME))
        self._keep("leeway", _read_duration("leeway", self.leeway, most=LONGEST_LEEWAY))
        self._keep("until", _read_until(self.until))
        for name in ("discovery", "any_token", "allow_private", "use_proxy"):
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"{name} must be true or false, got {type(getattr(self, name)).__name__}")
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
        names = _read_strings("algorithms", given)
        allowed = ASYMMETRIC if self.secret is None else frozenset(ALGORITHMS) - ASYMMETRIC
        if not names or not names <= allowed:
            kind = "of public keys" if self.secret is None else "of secrets"
            raise SettingsError(f"algorithms must be some {kind}: {', '.join(sorted(allowed))}; got others, or none")
        return names

    def _find_layout(self) -> Profile:
        layout = PROFILES[self.profile]
        changed: dict[str, Any] = {
            "required": layout.required | _read_strings("required", self.required),
            "refused": layout.refused | _read_strings("refused", self.refused),
        }
        if self.types is not None:
            types = _read_strings("types", self.types)
            changed["types"] = None if "*" in types else frozenset(map(media_type, types))
        if self.expected is not None:
            changed["evidence"] = _read_expected(self.expected)
        if self.audience_claim is not None:
            [changed["audience_claim"]] = _read_claims("audience_claim", [self.audience_claim])
        if self.user_claims is not None:
            changed["user_claims"] = _read_claims("user_claims", self.user_claims)
        if self.scope_claims is not None:
            changed["scope_claims"] = _read_paths(self.scope_claims)
        return replace(layout, **changed)

    def _check_source(self) -> None:
        given = [name for name in _SOURCES if getattr(self, name) not in (None, False)]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise SettingsError(f"exactly one of {', '.join(_SOURCES)} must be given, got {got}")
        if self.secret is not None:
            _check_strength(self.secret, is_for_migration=PROFILES[self.profile].is_for_migration)
        if self.jwks_uri is not None:
            _check_url("jwks_uri", self.jwks_uri)
        if self.discovery:
            if not self.issuer:
                raise SettingsError("discovery needs an issuer, got None: give jwks_uri, keys or secret")
            _check_url("the issuer, if discovery is true,", self.name)

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
        if self.profile == "okta" and not self.audience.isdisjoint(map(_origin_of, self.issuer)):
            raise SettingsError(
                "audience must be that of this API with the profile okta, got that of the org authorization server, "
                "whose tokens are for Okta itself: use a custom authorization server (/oauth2/default)"
            )


def media_type(typ: str) -> str:
    """Return *typ* in the form that is compared: ASCII, lower case, without "application/" (RFC 7515 section 4.1.9)."""
    return typ.lower().removeprefix("application/") if typ.isascii() else typ


def _read_names(name: str, given: object, *, may_be_missing: bool) -> Any:
    """Return issuers in their order, or audiences as a set."""
    if given is None and may_be_missing:
        return () if name == "issuer" else frozenset()
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, (list, tuple, set, frozenset)) or not found or not all(_is_name(item) for item in found):
        raise SettingsError(
            f"{name} must be a string of 1 to {MAX_IDENTIFIER} printable characters, or a list of them, got another"
        )
    if name == "audience":
        return frozenset(found)
    if len(set(found)) != len(found):
        raise SettingsError("issuer must have each name once, got one twice")
    return tuple(found)


def _is_name(value: object) -> bool:
    return is_identifier(value) and isinstance(value, str) and value == value.strip() and value.isprintable()


def _read_strings(name: str, given: object) -> frozenset[str]:
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, (list, tuple, set, frozenset)) or not all(isinstance(one, str) and one for one in found):
        raise SettingsError(f"{name} must be a list of strings, got something else")
    return frozenset(found)


def _read_claims(name: str, given: object) -> tuple[str, ...]:
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, (list, tuple)) or not found or not all(isinstance(item, str) and item for item in found):
        raise SettingsError(f"{name} must be the name of a claim, or a list of names, got something else")
    return tuple(found)


def _read_paths(given: object) -> tuple[Path, ...]:
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, (list, tuple)):
        raise SettingsError('scope_claims must be a list such as ["scope", "realm_access.roles"], got something else')
    return tuple(
        tuple(item.split(".")) if isinstance(item, str) else _read_claims("scope_claims", item) for item in found
    )


def _read_expected(given: object) -> tuple[Evidence, ...]:
    if not isinstance(given, Mapping):
        raise SettingsError(f"expected must be a mapping of claims to their values, got {type(given).__name__}")
    equal = {name: _read_strings("the values of expected", values) for name, values in given.items()}
    return (Evidence(equal=MappingProxyType(equal)),) if equal else ()


def _read_scopes(given: object) -> Mapping[str, frozenset[str]]:
    if isinstance(given, Mapping):
        mapped = {str(name): _read_ours(_read_strings("the values of scopes", ours)) for name, ours in given.items()}
        return MappingProxyType(mapped)
    listed = _read_ours(_read_strings("scopes", given))
    if any(scope.startswith(_OUR_SCOPES) for scope in listed):
        raise SettingsError(
            f"scopes that begin with {_OUR_SCOPES} have a meaning of their own, so they must be mapped by name, got "
            'one in a list: write {"their scope": "tokenauth:…"}'
        )
    return MappingProxyType({scope: frozenset({scope}) for scope in listed})


def _read_ours(scopes: frozenset[str]) -> frozenset[str]:
    """Return our scopes, if they are well-formed."""
    try:
        for scope in scopes:
            check_scope_token(scope)
    except ValueError as error:
        raise SettingsError(f"scopes: {error}") from error
    return scopes


def _read_duration(name: str, given: object, *, most: timedelta) -> timedelta | None:
    if given is None:
        return None
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    try:
        found = given if isinstance(given, timedelta) else timedelta(seconds=given) if is_number else None  # type: ignore[arg-type]
    except (OverflowError, ValueError):
        found = None
    if found is None or not timedelta(0) <= found <= most or (name == "max_lifetime" and not found):
        raise SettingsError(f"{name} must be a timedelta or seconds, at most {most}, got something else")
    return found


def _read_until(given: object) -> datetime | None:
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        found = None
    if isinstance(found, datetime) and found.tzinfo is None and isinstance(given, str):
        found = found.replace(tzinfo=UTC)
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise SettingsError('until must be an aware datetime or a date such as "2027-01-31" (UTC), got something else')
    return found


def _check_strength(secret: object, *, is_for_migration: bool) -> None:
    if not isinstance(secret, (str, bytes)):
        raise SettingsError(f"secret must be a string or bytes, got {type(secret).__name__}")
    try:
        check_secret(secret.encode() if isinstance(secret, str) else secret)
    except UnicodeEncodeError:  # this error would hold the secret
        raise SettingsError("secret must be a string that UTF-8 can encode, got one with surrogates") from None
    except InvalidKey as error:
        advice = (
            ": an attacker who guesses it can sign tokens for this application. Give the old library a strong secret "
            "first, and wait until the tokens of the weak one have expired. A shorter lifetime of its tokens, set some "
            "days before, shortens the wait"
            if is_for_migration
            else ": give the issuer a strong secret, or better a key pair"
        )
        raise SettingsError(f"secret {error}{advice}") from error


def _check_url(name: str, given: object) -> None:
    parts = urlsplit(given) if isinstance(given, str) else None
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
        raise SettingsError(f"{name} must be an https URL, got something else")


def _origin_of(issuer: str) -> str:
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}"
