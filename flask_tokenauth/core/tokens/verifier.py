"""Text to verified token: the signature first, then the claims, then whether it was taken back."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from ..errors import TokenRevoked, UnknownKey
from ..keys.key_set import KeySet
from . import jws
from .claims import ClaimsPolicy, decode_claims
from .scopes import parse_scope
from .token import Token
from .token_cache import TokenCache


class _Known(msgspec.Struct, frozen=True):
    """The facts of a token that was verified, and what has to be asked before they are believed again.

    No ``Token`` is kept. Each caller gets its own, because there are ways around ``frozen``: a view that changes its
    token must not change that of the next request. The facts themselves cannot be changed.
    """

    subject: str
    scopes: frozenset[str]
    claims: Mapping[str, object]
    generation: int  # of the key set, read before its key was looked for
    since: float  # seconds since 1970-01-01T00:00:00Z, as ClaimsPolicy.span has them
    until: float


class Verifier:
    """Judges the tokens of one issuer.

    Args:
        keys: whom to believe.
        policy: what the claims must say.
        revoked: tells whether a token that is otherwise good was taken back; asked last, each time.
        max_bytes: a longer token is refused unread.
        cache_size: how many verified tokens are remembered, with none of them judged by less than a new one: the
            keys are still the same, the times are asked again, and so is *revoked*. With 0 there is no memory.
    """

    def __init__(
        self,
        keys: KeySet,
        policy: ClaimsPolicy,
        *,
        revoked: Callable[[Token], bool] | None = None,
        max_bytes: int = jws.MAX_TOKEN_BYTES,
        cache_size: int = 0,
    ) -> None:
        self._keys = keys
        self._policy = policy
        self._skew = policy.leeway.total_seconds()
        self._revoked = revoked
        self._max_bytes = max_bytes
        self._cache: TokenCache[_Known] | None = TokenCache(cache_size) if cache_size else None

    def verify(self, token: str, *, now: float) -> Token:
        """Return what *token* says, if it may be believed.

        Args:
            token: three base64url parts, untrusted. Here it must name its key, even where there is only one.
            now: seconds since 1970-01-01T00:00:00Z.

        Raises:
            TokenError: and nothing else, but what *revoked* itself raises; the class and its ``reason`` say why.
        """
        known = None
        if self._cache is not None and type(token) is str:  # others could be equal to more than themselves
            known = self._cache.find(token)
        if (
            known is not None
            and known.generation == self._keys.generation
            and known.since <= now + self._skew
            and now < known.until
        ):
            believed = Token(subject=known.subject, scopes=known.scopes, claims=known.claims)
        else:
            believed = self._judge(token, now)
        if self._revoked is not None and self._revoked(believed):
            raise TokenRevoked
        return believed

    def _judge(self, token: str, now: float) -> Token:
        generation = self._keys.generation
        verified = jws.verify(token, self._keys, max_bytes=self._max_bytes)
        if "kid" not in verified.header:
            raise UnknownKey
        claims = decode_claims(verified.payload)
        # From here on types are what the header's reader and the policy found them to be.
        self._policy.check(claims, typ=verified.header.get("typ"), now=now)  # type: ignore[arg-type]
        subject: str = claims["sub"]  # type: ignore[assignment]
        scopes, read_only = parse_scope(claims.get("scope", "")), MappingProxyType(claims)  # type: ignore[arg-type]
        if self._cache is not None and type(token) is str:
            since, until = self._policy.span(claims)
            self._cache.keep(token, _Known(subject, scopes, read_only, generation, since, until))
        return Token(subject=subject, scopes=scopes, claims=read_only)
