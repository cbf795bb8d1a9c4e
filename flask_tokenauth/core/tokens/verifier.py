"""Text to verified token: the signature first, then the claims, then whether it was taken back."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import cast

import msgspec

from ..encoding.immutable_json import thaw
from ..errors import TokenRevoked, UnknownKey
from ..keys.key import KeySet
from . import jws
from .claims import ClaimsPolicy, decode_claims, read_audience
from .scopes import parse_scope
from .token_cache import TokenCache


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A verified access token. There are no others: what is merely decoded is not a ``Token``. Deeply immutable."""

    subject: str  # "sub", whose token it is, RFC 7519 section 4.1.2
    scopes: frozenset[str]  # "scope", RFC 6749 section 3.3; empty where there is none
    claims: Mapping[str, object]  # all of them; arrays are tuples

    @property
    def issuer(self) -> str | None:
        """``iss``, who issued it; like all that follows None only where the policy does not require it."""
        return self._find_text("iss")

    @property
    def audience(self) -> frozenset[str]:
        """``aud``, for whom it is; empty where it does not say."""
        return read_audience(self.claims)

    @property
    def expires_at(self) -> datetime:
        """``exp``, aware, UTC."""
        return _instant(self.claims["exp"])

    @property
    def issued_at(self) -> datetime | None:
        """``iat``, aware, UTC."""
        return self._find_instant("iat")

    @property
    def token_id(self) -> str | None:
        """``jti``, the token ID (RFC 7519 section 4.1.7)."""
        return self._find_text("jti")

    @property
    def session_id(self) -> str | None:
        """``sid``, the sign-in that it belongs to."""
        return self._find_text("sid")

    @property
    def client_id(self) -> str | None:
        """``client_id``, the client that the user uses (RFC 8693 section 4.3)."""
        return self._find_text("client_id")

    @property
    def auth_time(self) -> datetime | None:
        """``auth_time``, when the user last signed in, aware, UTC."""
        return self._find_instant("auth_time")

    @property
    def epoch(self) -> int:
        """``epoch``: of the user when it was issued, as the store had it; 0 where it does not say."""
        return cast("int", self.claims.get("epoch", 0))

    def to_dict(self) -> dict[str, object]:
        """Return a copy of all claims in plain dicts and lists, to be changed or written as JSON."""
        return {name: thaw(value) for name, value in self.claims.items()}

    def _find_text(self, name: str) -> str | None:
        return cast("str | None", self.claims.get(name))

    def _find_instant(self, name: str) -> datetime | None:
        return _instant(self.claims[name]) if name in self.claims else None

    def __hash__(self) -> int:
        return hash((self.subject, self.token_id, self.scopes))

    def __repr__(self) -> str:
        scopes = " ".join(sorted(self.scopes))
        return f"Token(subject={self.subject!r}, scopes={scopes!r}, token_id={self.token_id!r})"


def _instant(seconds: object) -> datetime:
    return datetime.fromtimestamp(cast("float", seconds), UTC)  # a number in range, as the policy checked


class _Known(msgspec.Struct, frozen=True):
    """A token that was verified, and what has to be asked before it is believed again."""

    token: Token
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
            believed = known.token
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
        scopes = parse_scope(claims.get("scope", ""))  # type: ignore[arg-type]
        believed = Token(subject=claims["sub"], scopes=scopes, claims=MappingProxyType(claims))  # type: ignore[arg-type]
        if self._cache is not None and type(token) is str:
            since, until = self._policy.span(claims)
            self._cache.keep(token, _Known(believed, generation, since, until))
        return believed
