"""The rules of one trusted issuer: they judge its tokens by its keys and its profile."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from itertools import chain
from math import inf
from types import MappingProxyType
from typing import Protocol

import msgspec

from ..claim_errors import MalformedClaim, MissingClaim, TrustOver, UnprovenBinding, WrongAudience
from ..encoding.limits import MAX_IDENTIFIER, is_identifier
from ..signature_errors import UnknownKey, WrongAlgorithm
from ..token_errors import WrongType
from ..tokens import jws
from ..tokens.claims import ClaimsPolicy, media_type, read_audience
from ..tokens.tickets import TICKET_TYPE
from .issuer import TrustedIssuer
from .provider_profiles import NAMES, Evidence, Path, Profile
from .trusted_keys import TrustedKeys
from .trusted_token import TrustedToken

_USUAL_LIFETIME = timedelta(hours=24)
_NONE_NEEDED = Evidence()
_SEPARATOR = ":"  # between the claims that name a user together
_LONGEST_REMEMBERED = 512  # characters of a scope claim
_SCOPES = "a string or an array of strings"
_USER = f"a string of 1 to {MAX_IDENTIFIER} characters without control characters; of several, none may have a colon"


class KeySource(Protocol):
    """Where the keys of an issuer come from.

    Attributes:
        skipped: the published keys that are not used, by their numbers from 1, and why.
    """

    skipped: Mapping[int, str]

    def current(self) -> TrustedKeys:
        """Return the keys.

        Raises:
            KeySetUnavailable: they are not known.
        """

    def refresh(self) -> TrustedKeys:
        """Return the keys as they are at their source now, for people who want to see them.

        Raises:
            KeySetUnavailable: they cannot be fetched.
        """

    def look_for_unknown(self, generation: int) -> bool:
        """Look for the key of a token that is not known, and return whether the keys were exchanged.

        Args:
            generation: of the keys in which it was not found.

        Raises:
            KeySetUnavailable: it could not be looked for.
        """


class TrustedFacts(msgspec.Struct, frozen=True):
    """The facts of a verified token of a trusted issuer, and the conditions under which they can be used again."""

    rules: "IssuerRules"
    subject: str
    scopes: frozenset[str]
    claims: Mapping[str, object]
    has_user: bool
    generation_of_issuer: int  # of the issuer's keys
    since: float  # seconds since 1970-01-01T00:00:00Z, as ClaimsPolicy.span returns them
    until: float
    generation: int = -1  # of our own keys, which never have it: these facts must not count as those of our own token

    def to_token(self) -> TrustedToken:
        """Return a new token: a view that changes its token must not change the token of the next request."""
        return TrustedToken(subject=self.subject, scopes=self.scopes, claims=self.claims, has_user=self.has_user)


class IssuerRules:
    """Judges the tokens of one trusted issuer.

    Args:
        issuer: what the application says about it.
        keys: where its keys come from.
        leeway: the clock skew to forgive, unless the issuer has its own.
        of_refresh_tokens: the profile of its refresh tokens, to judge these and no others. They may live longer than
            its access tokens.

    Attributes:
        issuer: as given.
        keys: as given.
    """

    def __init__(
        self, issuer: TrustedIssuer, keys: KeySource, *, leeway: timedelta, of_refresh_tokens: Profile | None = None
    ) -> None:
        self.issuer = issuer
        self.keys = keys
        self._layout = of_refresh_tokens or issuer.layout
        self._longest = None if of_refresh_tokens else issuer.max_lifetime or _USUAL_LIFETIME
        self._leeway = leeway if issuer.leeway is None else issuer.leeway
        self._skew = self._leeway.total_seconds()
        self._until = inf if issuer.until is None else issuer.until.timestamp()
        self._map_scope = lru_cache(maxsize=256)(self._map_scope_unknown)  # an issuer writes the same ones again
        policy = self._make_policy()
        self._policies = {name: replace(policy, issuer=name) for name in issuer.issuer} or {None: policy}

    def _make_policy(self) -> ClaimsPolicy:
        layout, issuer = self._layout, self.issuer
        types = layout.types or frozenset()
        has_audience = layout.audience_claim == "aud" and bool(issuer.audience)
        required = {"exp", *layout.required} | ({"aud"} if has_audience else set())
        return ClaimsPolicy(
            issuer=None,
            audience=issuer.audience if has_audience else None,
            typ=next(iter(types)) if len(types) == 1 else None,
            required=frozenset(required | ({"iss"} if issuer.issuer else set())),
            leeway=self._leeway,
            max_lifetime=self._longest,
            is_foreign=True,
        )

    def __repr__(self) -> str:
        return f"<IssuerRules of {self.issuer.name}>"

    def for_refresh_tokens(self) -> "IssuerRules | None":
        """Return the same rules for the refresh tokens of the issuer; None if nothing tells them from access tokens."""
        layout = self.issuer.layout.for_refresh_tokens()
        if layout is None:
            return None
        return IssuerRules(self.issuer, self.keys, leeway=self._leeway, of_refresh_tokens=layout)

    def verify(self, parts: jws.Parts, claims: dict[str, object], *, now: float) -> TrustedFacts:
        """Verify a token by these rules.

        Args:
            parts: of the token, untrusted.
            claims: the claims set of the same token, by whose ``iss`` these rules were chosen.
            now: the current time, seconds since 1970-01-01T00:00:00Z.

        Raises:
            TokenError: the token is refused.
            KeySetUnavailable: the keys are not known.
        """
        keys = self.keys.current()
        generation = keys.generation
        try:
            header, _ = jws.check_signature(parts, keys)
        except (UnknownKey, WrongAlgorithm):  # a new key may have the ID of an old one for another algorithm
            if not self.keys.look_for_unknown(generation):
                raise
            generation = keys.generation
            header, _ = jws.check_signature(parts, keys)
        policy = self._policies[claims.get("iss")]  # its name, by which the rules were chosen
        typ: str | None = header.get("typ")  # type: ignore[assignment]  # as the reader of the header has checked
        if "cnf" in claims:
            raise UnprovenBinding
        evidence = self._check_profile(claims, typ)  # first: tokens of another kind may live longer, for example
        try:
            policy.check(claims, typ=typ, now=now)
        except WrongAudience:
            raise _refuse_audience("aud") from None
        if policy.audience is None:
            self._check_audience(claims)
        if not now < self._until:
            raise TrustOver
        since, until = policy.span(claims)
        user, scopes = self._read_user(claims, evidence), self._read_scopes(claims)
        until = min(until, self._until)
        has_user, read_only = evidence.has_user, MappingProxyType(claims)
        return TrustedFacts(self, user, scopes, read_only, has_user, generation, since, until)

    def still_accept(self, facts: TrustedFacts, *, now: float) -> bool:
        """Return whether facts that are remembered are still good. Otherwise the token must be verified once more.

        Raises:
            KeySetUnavailable: the keys are not known.
        """
        return (
            facts.generation_of_issuer == self.keys.current().generation
            and facts.since <= now + self._skew
            and now < facts.until
        )

    def _check_profile(self, claims: Mapping[str, object], typ: str | None) -> Evidence:
        """Refuse a token of another kind. Return the proof of its kind."""
        layout = self._layout
        if layout.types is None and media_type(typ or "") == TICKET_TYPE:
            raise self._refuse_type()  # of another application with this package: never an access token
        if layout.types is not None and typ not in layout.types and media_type(typ or "") not in layout.types:
            raise self._refuse_type()
        if not layout.refused.isdisjoint(claims):
            raise self._refuse_type()
        if not layout.evidence:
            return _NONE_NEEDED
        evidence = layout.find_evidence(claims)
        if evidence is None:
            raise self._refuse_type()
        return evidence

    def _refuse_type(self) -> WrongType:
        return WrongType(
            f"the token must be an access token by the profile {self.issuer.profile} of its trusted issuer, got "
            "another: send the access token. If it is one, set profile to that of the provider, or types and expected "
            "to what its access tokens have"
        )

    def _check_audience(self, claims: Mapping[str, object]) -> None:
        """Check the audience where it is not in ``aud``. If the token has ``aud`` too, both must be ours."""
        audience, name = self.issuer.audience, self._layout.audience_claim
        found = read_audience(claims)
        if "aud" in claims and audience.isdisjoint(found):
            raise _refuse_audience("aud")
        if name != "aud":
            client = claims.get(name)
            if not isinstance(client, str) or client not in audience:
                raise _refuse_audience(name)

    def _read_user(self, claims: Mapping[str, object], evidence: Evidence) -> str:
        names = self._layout.user_claims
        if evidence.user_claims and self.issuer.user_claims is None:
            names = evidence.user_claims
        for name in names:
            if name not in claims:
                raise MissingClaim(name)
        if len(names) == 1:
            return self._read_part_of_user(names[0], claims[names[0]], is_alone=True)
        parts = [self._read_part_of_user(name, claims[name], is_alone=False) for name in names]
        user = _SEPARATOR.join(parts)
        if not is_identifier(user):
            raise MalformedClaim(names[0], _USER)
        return user

    def _read_part_of_user(self, name: str, value: object, *, is_alone: bool) -> str:
        if self._layout.numbers_as_users and type(value) is int:
            value = str(value)
        if not is_identifier(value) or (not is_alone and _SEPARATOR in value):  # type: ignore[operator]  # a string
            raise MalformedClaim(name, _USER)
        return value  # type: ignore[return-value]  # a string

    def _read_scopes(self, claims: Mapping[str, object]) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for path in self._layout.scope_claims:
            value = claims.get(path[0]) if len(path) == 1 else _find_at(path, claims)
            if isinstance(value, str):
                found |= self._map_scope(value) if len(value) <= _LONGEST_REMEMBERED else self._map(value.split(" "))
            elif value is not None:
                found |= self._map(_check_scopes(path, value))
        return found

    def _map_scope_unknown(self, scope: str) -> frozenset[str]:
        return self._map(scope.split(" "))

    def _map(self, scopes: Iterable[str]) -> frozenset[str]:
        """Return our scopes for theirs."""
        ours = self.issuer.scope_map
        return frozenset(chain.from_iterable(ours[scope] for scope in scopes if scope in ours))


def _refuse_audience(claim: str) -> WrongAudience:
    return WrongAudience(
        f"claim {claim} must name an audience of the trusted issuer, got another or none: compare it with audience in "
        "TOKENAUTH_TRUSTED_ISSUERS, and get a token for this API"
    )


def _find_at(path: Path, claims: Mapping[str, object]) -> object:
    value: object = claims
    for name in path[:-1] if path[-1] == NAMES else path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if path[-1] == NAMES and value is not None:
        if not isinstance(value, Mapping):
            raise MalformedClaim(path[0], "an object")
        return tuple(value)
    return value


def _check_scopes(path: Path, value: object) -> tuple[str, ...]:
    if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
        raise MalformedClaim(path[0], _SCOPES)
    return value
