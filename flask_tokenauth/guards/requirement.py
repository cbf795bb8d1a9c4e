"""A requirement: the scopes, the claim or the recent login that one guard requires, and how it is checked."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from itertools import chain
from typing import NamedTuple

import msgspec

from ..application.setting_types import PREFIX
from ..core.claim_errors import WrongIssuer
from ..core.errors import InsufficientClaim, InsufficientScope, LoginTooOld, MissingCredential, Refusal
from ..core.tokens.scopes import fill_placeholders, find_placeholders, format_scope
from ..core.tokens.token import Token
from ..core.trusted_issuers.trusted_token import TrustedToken
from .accepted_kinds import ANY_KIND, AcceptedKinds
from .required_claim import RequiredClaim, find_claim


class RequestFacts(msgspec.Struct, frozen=True):
    """The facts of one request that requirements are checked against."""

    token: Token | None
    url_argument: Callable[[str], str | None]  # returns an argument of the view as it stood in the URL; untrusted
    now: float  # seconds since 1970-01-01T00:00:00Z
    leeway: timedelta  # clock skew to forgive
    has_scopes: bool = False  # the guard is one of a route that requires scopes, by another guard too


class Requirement(NamedTuple):
    """The requirement of one guard: a login, a recent login, all of some scopes, one of some other scopes, a claim.

    It is a tuple, which no code can change: guards use it for every request.
    """

    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    max_age: timedelta | None = None
    load_user: bool = False  # the user must still exist; checked by the caller of check(), who loads the user
    claim: RequiredClaim | None = None
    admits_clients: bool = False  # a client with its ID and secret passes without a token; checked by the caller too
    only_ours: bool = False  # tokens of trusted issuers do not count
    kinds: AcceptedKinds = ANY_KIND

    @classmethod
    def of_scopes(
        cls, all_of: tuple[str, ...], any_of: tuple[str, ...], kinds: AcceptedKinds = ANY_KIND
    ) -> "Requirement":
        """Return the requirement of at least one scope.

        Raises:
            TypeError: a scope is not a string.
            ValueError: there is no scope, one breaks the grammar of RFC 6749 section 3.3, or a placeholder is not a
                whole segment.
        """
        if not all_of and not any_of:
            raise ValueError("require_scope needs a scope: name one, or use login_required to allow every user")
        for scope in (*all_of, *any_of):
            format_scope((scope,))
            find_placeholders(scope)
        return cls(all_of, any_of, kinds=kinds)

    @property
    def scopes(self) -> tuple[str, ...]:
        """All scopes of the guard, as they are written there."""
        return self.all_of + self.any_of

    @property
    def simple_scopes(self) -> frozenset[str] | None:
        """Scopes with which every token satisfies this requirement; None if more must be checked."""
        if self.any_of or self.max_age is not None or self.load_user or self.claim is not None or self.only_ours:
            return None
        if self.kinds.named is not None:
            return None
        if any("{" in scope for scope in self.all_of):
            return None
        return frozenset(self.all_of)

    def accepts_api_keys(self, *, has_scopes: bool) -> bool:
        """Return whether API keys satisfy this requirement if they have its scopes.

        Args:
            has_scopes: whether the route requires scopes, by this guard or by another one.
        """
        if self.max_age is not None or self.kinds.excludes_api_keys:
            return False
        return self.kinds.api_keys or has_scopes or bool(self.scopes)

    @property
    def accepts_tickets(self) -> bool:
        """Whether tickets satisfy this requirement if they have its scopes and its claim."""
        return self.max_age is None and self.kinds.accepts_tickets

    def refuse_api_key(self) -> Refusal:
        """Return the refusal of a request with an API key, which this requirement does not accept."""
        if self.max_age is not None:
            return LoginTooOld(int(self.max_age.total_seconds()), is_dated=False)
        return self.kinds.refuse_api_key()

    def check(self, facts: RequestFacts, granted_by: Mapping[str, tuple[str, ...]]) -> None:
        """Refuse a request that does not satisfy this requirement.

        Args:
            facts: the token, and the other facts of the request.
            granted_by: for each declared scope the scopes that grant it. An undeclared scope is granted by itself only.

        Raises:
            MissingCredential: there is no token.
            WrongIssuer: it is a token of a trusted issuer, and only ours count.
            LoginTooOld: the login is longer ago than ``max_age``, or the token does not say when it was.
            KindNotAccepted: it is of a kind that the guard does not name.
            ApiKeyNotAccepted: it is an API key, which the guard does not accept.
            InsufficientScope: a scope is missing, or its placeholder has a value that no scope can have.
            InsufficientClaim: the claim is missing, or has another value.
        """
        if facts.token is None:
            raise MissingCredential
        if self.only_ours and isinstance(facts.token, TrustedToken):
            raise WrongIssuer
        if self.max_age is not None:
            _check_age(facts.token, self.max_age, facts)
        self.kinds.check(facts.token, has_scopes=facts.has_scopes or bool(self.scopes))
        if not all(_has(facts, scope, granted_by) for scope in self.all_of):
            raise self._lacks(self.all_of, facts)
        if self.any_of and not any(_has(facts, scope, granted_by) for scope in self.any_of):
            raise self._lacks(self.any_of, facts)
        if self.claim is not None and not self.claim.is_met_by(facts.token.claims):
            is_missing = find_claim(facts.token.claims, self.claim.name) is None
            raise InsufficientClaim(self.claim.name, is_missing=is_missing)

    def _lacks(self, needed: tuple[str, ...], facts: RequestFacts) -> InsufficientScope:
        """Return the refusal of a token that lacks the scopes *needed*. Only the client gets values from the URL."""
        return InsufficientScope(_fill(needed, facts.url_argument), all_of=self.all_of, any_of=self.any_of)

    def __str__(self) -> str:
        parts = list(self.all_of)
        if self.any_of:
            parts.append("one of " + ", ".join(self.any_of))
        if self.claim is not None:
            parts.append(str(self.claim))
        if self.max_age is not None:
            parts.append(f"login within {int(self.max_age.total_seconds())} s")
        if self.load_user:
            parts.append("a user who still exists")
        written = " and ".join(parts) or "login"
        if self.kinds != ANY_KIND:
            written = f"{written} ({self.kinds})"
        return f"{written}, or a client of {PREFIX}INTROSPECTION_CLIENTS" if self.admits_clients else written


def _has(facts: RequestFacts, scope: str, granted_by: Mapping[str, tuple[str, ...]]) -> bool:
    scopes = facts.token.scopes if facts.token is not None else frozenset()
    candidates = granted_by.get(scope, (scope,))
    return any(fill_placeholders(candidate, facts.url_argument) in scopes for candidate in candidates)


def read_alternatives(any_of: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes of which one is needed.

    Raises:
        TypeError: *any_of* is no collection of strings.
        ValueError: it is empty: a list that came out empty must not allow more.
    """
    if isinstance(any_of, str):
        raise TypeError(f'any_of must be a list of strings, got a string: any_of=["{any_of}"]')
    if not isinstance(any_of, Iterable):
        raise TypeError(f'any_of must be a list of strings, got {type(any_of).__name__}: any_of=["reports:read"]')
    alternatives = tuple(any_of)
    if not alternatives:
        raise ValueError("any_of must have at least one scope, got none: leave it out")
    return alternatives


def find_closed(requirements: Collection[Requirement]) -> Requirement:
    """Return the first of the *requirements* of a route that API keys do not satisfy. There is one."""
    has_scopes = any(requirement.scopes for requirement in requirements)
    return next(requirement for requirement in requirements if not requirement.accepts_api_keys(has_scopes=has_scopes))


def name_scopes(requirements: Collection[Requirement], url_argument: Callable[[str], str | None]) -> tuple[str, ...]:
    """Return the scopes that a challenge names to a client without a token.

    These are the scopes that all tokens need, or, if there are none, those of which a token needs one.

    Args:
        requirements: all requirements of the route, as far as they are known.
        url_argument: returns an argument of the view as it stood in the URL; untrusted.
    """
    scopes = [requirement.all_of for requirement in requirements if requirement.all_of]
    scopes = scopes or [requirement.any_of for requirement in requirements if requirement.any_of]
    return _fill(tuple(dict.fromkeys(chain.from_iterable(scopes))), url_argument) if scopes else ()


def _fill(scopes: tuple[str, ...], url_argument: Callable[[str], str | None]) -> tuple[str, ...]:
    """Fill the placeholders of the scopes for the challenge. A scope whose value no scope can have is left out."""
    filled = [fill_placeholders(scope, url_argument) for scope in scopes]
    return tuple(scope for scope in filled if scope is not None)


def _check_age(token: Token, max_age: timedelta, facts: RequestFacts) -> None:
    age = None if token.auth_time is None else facts.now - token.auth_time.timestamp()
    if age is None or not -facts.leeway.total_seconds() <= age <= max_age.total_seconds():
        raise LoginTooOld(int(max_age.total_seconds()), is_dated=age is not None)  # so is a login in the future
