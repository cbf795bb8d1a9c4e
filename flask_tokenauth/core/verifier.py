"""Text to verified token: the signature first, then the claims, then whether it was taken back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from . import jws
from .claims import ClaimsPolicy, read_audience, read_claims
from .errors import TokenRevoked, UnknownKey
from .frozen import thaw
from .keys import KeySet
from .scopes import parse_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A verified access token. There are no others: what is merely decoded is not a ``Token``. Deeply immutable."""

    subject: str  # "sub", RFC 7519 section 4.1.2
    scopes: frozenset[str]  # "scope", RFC 6749 section 3.3; empty where there is none
    issuer: str | None  # "iss"; None only where the policy does not require it, as with the others below
    audience: frozenset[str]  # "aud"
    expires_at: datetime  # "exp", aware, UTC
    issued_at: datetime | None  # "iat", aware, UTC
    token_id: str | None  # "jti"
    session_id: str | None  # "sid": the sign-in that it belongs to
    client_id: str | None  # RFC 8693 section 4.3
    auth_time: datetime | None  # when the user last signed in, aware, UTC
    claims: Mapping[str, object] = field(repr=False, hash=False)  # all of them; arrays are tuples

    def to_dict(self) -> dict[str, object]:
        """Return a copy of all claims in plain dicts and lists, to be changed or written as JSON."""
        return {name: thaw(value) for name, value in self.claims.items()}


class Verifier:
    """Judges the tokens of one issuer.

    Args:
        keys: whom to believe.
        policy: what the claims must say.
        revoked: tells whether a token that is otherwise good was taken back; asked last.
        max_bytes: a longer token is refused unread.
    """

    def __init__(
        self,
        keys: KeySet,
        policy: ClaimsPolicy,
        *,
        revoked: Callable[[Token], bool] | None = None,
        max_bytes: int = jws.MAX_TOKEN_BYTES,
    ) -> None:
        self._keys = keys
        self._policy = policy
        self._revoked = revoked
        self._max_bytes = max_bytes

    def verify(self, token: str, *, now: float) -> Token:
        """Return what *token* says, if it may be believed.

        Args:
            token: three base64url parts, untrusted. Here it must name its key, even where there is only one.
            now: seconds since 1970-01-01T00:00:00Z.

        Raises:
            TokenError: and nothing else, but what *revoked* itself raises; the class and its ``reason`` say why.
        """
        verified = jws.verify(token, self._keys, max_bytes=self._max_bytes)
        if "kid" not in verified.header:
            raise UnknownKey
        claims = read_claims(verified.payload)
        typ = verified.header.get("typ")
        self._policy.check(claims, typ=typ if isinstance(typ, str) else None, now=now)
        believed = _token(claims)
        if self._revoked is not None and self._revoked(believed):
            raise TokenRevoked
        return believed


def _token(claims: Mapping[str, object]) -> Token:
    return Token(
        subject=str(claims["sub"]),
        scopes=parse_scope(str(claims.get("scope", ""))),
        issuer=_text(claims.get("iss")),
        audience=read_audience(claims),
        expires_at=_instant(claims["exp"]),
        issued_at=_instant(claims["iat"]) if "iat" in claims else None,
        token_id=_text(claims.get("jti")),
        session_id=_text(claims.get("sid")),
        client_id=_text(claims.get("client_id")),
        auth_time=_instant(claims["auth_time"]) if "auth_time" in claims else None,
        claims=claims,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _instant(seconds: object) -> datetime:
    return datetime.fromtimestamp(cast("float", seconds), UTC)  # a number in range, as the policy checked
