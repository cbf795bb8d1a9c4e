"""Verification of access tokens: first the signature, then the claims, then the revocations."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ..form_errors import MalformedToken
from ..keys.key_set import KeySet
from ..signature_errors import UnknownKey
from ..token_errors import TokenRevoked
from . import jws
from .claims import ClaimsPolicy, decode_claims, names_issuer_twice
from .scopes import parse_scope
from .thrifty_cache import ThriftyCache
from .tickets import ticket_policy
from .token import Token

if TYPE_CHECKING:  # for applications that encrypt
    from .decryption import Decryption
    from .jwe import Opened


class _VerifiedFacts(msgspec.Struct, frozen=True):
    """The facts of a verified token, and the conditions under which they can be used again.

    No ``Token`` is kept. Each caller gets a new one, because there are ways around ``frozen``: a view that changes its
    token must not change the token of the next request. The facts themselves cannot be changed.
    """

    subject: str
    scopes: frozenset[str]
    claims: Mapping[str, object]
    generation: int  # of the key set, read before the key was looked up
    since: float  # seconds since 1970-01-01T00:00:00Z, as ClaimsPolicy.span returns them
    until: float


class _OpenedFacts(msgspec.Struct, frozen=True):
    """The facts of a verified token of another issuer that came encrypted."""

    facts: "OtherFacts"
    opened_in: int  # the generation of our own key set, read before the token was decrypted
    generation: int = -1  # our own key set never has it: these facts must not count as those of our own token


class _Received(msgspec.Struct, frozen=True):
    """A token as it came, and what was in it if it is encrypted."""

    token: str
    opened_in: int  # the generation of our own key set, read before the token was opened
    opened: "Opened | None"


class OtherFacts(Protocol):
    """The facts of a verified token of another issuer, which can be remembered."""

    def to_token(self) -> Token:
        """Return a new token with these facts."""


class OtherIssuers(Protocol):
    """Other issuers whose tokens are accepted too."""

    def find_again(self, facts: object, *, now: float) -> Token | None:
        """Return the token of facts that are remembered, if it is one of theirs and still good, or None."""

    def are_ours(self, claims: Mapping[str, object]) -> bool:
        """Return whether claims name our own issuer, by whose keys the token must then be verified.

        Args:
            claims: untrusted.
        """

    def verify(self, parts: jws.Parts, claims: dict[str, object], *, now: float) -> OtherFacts:
        """Verify the token of another issuer. Its facts have a ``generation`` that our own keys never have.

        Args:
            parts: of the token, untrusted.
            claims: of it. They are those that are judged.
            now: the current time, seconds since 1970-01-01T00:00:00Z.

        Raises:
            TokenError: the token is refused, or its issuer is not trusted.
            StoreUnavailable: the keys of the issuer are not known.
        """


class Verifier:
    """Verifies the tokens of one issuer, and hands the tokens of others on.

    Args:
        keys: the keys of the issuer.
        policy: the rules for the claims.
        revoked: returns whether a token that is otherwise good was revoked. It is called last, for each ``verify``.
        max_bytes: the length of the longest token that is read, in bytes.
        cache_size: the number of verified tokens that are remembered. A remembered token is as safe as a new one: the
            keys must be the same, the times are checked again, and *revoked* is called again. 0: none is remembered.
        look_for_keys: called with the generation of *keys* in which the key of a token is not known; returns whether
            they were exchanged since, so that the token is verified once more. None: they are not looked for.
        others: verify the tokens of other issuers. *revoked* is not asked about these. None: they are refused.
        decryption: opens encrypted tokens, and refuses tokens of our own that are not encrypted. When its keys are
            exchanged, the generation of *keys* must rise. None: encrypted tokens are refused.

    Attributes:
        others: as given.
    """

    def __init__(
        self,
        keys: KeySet,
        policy: ClaimsPolicy,
        *,
        revoked: Callable[[Token], bool] | None = None,
        max_bytes: int = jws.MAX_TOKEN_BYTES,
        cache_size: int = 0,
        look_for_keys: Callable[[int], bool] | None = None,
        others: OtherIssuers | None = None,
        decryption: "Decryption | None" = None,
    ) -> None:
        self._keys = keys
        self._decryption = decryption
        self.others = others
        self._look_for_keys = look_for_keys
        self._policy = policy
        self._skew = policy.leeway.total_seconds()
        self._revoked = revoked
        self._max_bytes = max_bytes
        self._cache_size = cache_size
        self._cache: ThriftyCache[Any] | None = ThriftyCache(cache_size) if cache_size else None

    def for_audience(self, audience: frozenset[str]) -> "Verifier":
        """Return a verifier with another audience, and with the same keys and rules otherwise.

        It refuses the tokens of other issuers: their audience is a part of the rules for each of them.

        It remembers tokens of its own: a token that was verified for one audience is not thereby good for another.

        Args:
            audience: the token must be for one of these.

        Raises:
            ValueError: *audience* is empty, or has an empty string.
        """
        return Verifier(
            self._keys,
            replace(self._policy, audience=audience),
            revoked=self._revoked,
            max_bytes=self._max_bytes,
            cache_size=self._cache_size,
            look_for_keys=self._look_for_keys,
            decryption=self._decryption,
        )

    def for_tickets(self) -> "Verifier":
        """Return a verifier of tickets, with the same keys and otherwise the same rules.

        It remembers none: each comes once. It refuses the tickets of other issuers. Tickets are never encrypted.
        """
        return Verifier(
            self._keys,
            ticket_policy(self._policy),
            revoked=self._revoked,
            max_bytes=self._max_bytes,
            look_for_keys=self._look_for_keys,
        )

    def verify(self, token: str, *, now: float) -> Token:
        """Return the verified token: its signature is good, its claims keep the policy, and it is not revoked.

        Args:
            token: three base64url parts, or five if it is encrypted; untrusted. It must name its key (``kid``), even if
                there is only one key.
            now: the current time, seconds since 1970-01-01T00:00:00Z.

        Raises:
            TokenError: the token is refused; the class and its ``reason`` give the cause. No other exception is raised,
                unless the callable *revoked* or *others* raises one.
        """
        facts = None
        if self._cache is not None and type(token) is str:  # an instance of a subclass could equal other strings
            facts = self._cache.find(token)
        if (
            facts is not None
            and facts.generation == self._keys.generation
            and facts.since <= now + self._skew
            and now < facts.until
        ):
            verified = Token(subject=facts.subject, scopes=facts.scopes, claims=facts.claims)
        elif self.others is None:
            verified = self._verify_unknown(token, now)
        else:
            if type(facts) is _OpenedFacts:
                facts = facts.facts if facts.opened_in == self._keys.generation else None
            other = None if facts is None else self.others.find_again(facts, now=now)
            if other is not None:
                return other
            opened_in = self._keys.generation
            opened = None if self._decryption is None else self._decryption.open(token, max_bytes=self._max_bytes)
            received = _Received(token, opened_in, opened)
            parts = jws.split(token if opened is None else opened.text, max_bytes=self._max_bytes)
            payload = jws.decode_payload(parts)
            claims = decode_claims(payload)
            if not self.others.are_ours(claims):
                if names_issuer_twice(payload):
                    raise MalformedToken("payload", "a payload with iss twice")
                return self._verify_other(self.others, received, parts, claims, now)
            header, generation = self._check_signature(parts)
            verified = self._judge(received, header, generation, claims, now)
        if self._revoked is not None and self._revoked(verified):
            raise TokenRevoked
        return verified

    def _verify_other(
        self, others: OtherIssuers, received: _Received, parts: jws.Parts, claims: dict[str, object], now: float
    ) -> Token:
        if received.opened is not None:
            received.opened.check_repeated_claims(claims)
        facts = others.verify(parts, claims, now=now)
        if self._cache is not None and type(received.token) is str and self._cache.takes(received.token):
            kept = facts if received.opened is None else _OpenedFacts(facts, received.opened_in)
            self._cache.keep(received.token, kept)
        return facts.to_token()

    def _verify_unknown(self, token: str, now: float) -> Token:
        opened_in = self._keys.generation
        opened = None if self._decryption is None else self._decryption.open(token, max_bytes=self._max_bytes)
        parts = jws.split(token if opened is None else opened.text, max_bytes=self._max_bytes)
        header, generation = self._check_signature(parts)
        claims = decode_claims(jws.decode_payload(parts))
        return self._judge(_Received(token, opened_in, opened), header, generation, claims, now)

    def _check_signature(self, parts: jws.Parts) -> tuple[Mapping[str, object], int]:
        """Return the header of a token that one of the keys has signed, and the generation of the keys."""
        generation = self._keys.generation
        try:
            header, _ = jws.check_signature(parts, self._keys)
        except UnknownKey:
            if self._look_for_keys is None or not self._look_for_keys(generation):
                raise
            generation = self._keys.generation
            header, _ = jws.check_signature(parts, self._keys)
        if "kid" not in header:
            raise UnknownKey
        return header, generation

    def _judge(
        self,
        received: _Received,
        header: Mapping[str, object],
        generation: int,
        claims: dict[str, object],
        now: float,
    ) -> Token:
        end = inf
        if received.opened is not None:
            received.opened.check_repeated_claims(claims)
            generation = received.opened_in  # its encryption key may have been exchanged since
        elif self._decryption is not None:
            end = self._decryption.check_plain(claims, now=now)
        # From here on the types are known: the reader of the header and the policy have checked them.
        self._policy.check(claims, typ=header.get("typ"), now=now)  # type: ignore[arg-type]
        subject: str = claims["sub"]  # type: ignore[assignment]
        scopes, read_only = parse_scope(claims.get("scope", "")), MappingProxyType(claims)  # type: ignore[arg-type]
        if self._cache is not None and type(received.token) is str and self._cache.takes(received.token):
            since, until = self._policy.span(claims)
            until = until if until < end else end
            self._cache.keep(received.token, _VerifiedFacts(subject, scopes, read_only, generation, since, until))
        return Token(subject=subject, scopes=scopes, claims=read_only)
