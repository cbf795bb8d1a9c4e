"""Claims to signed text: access tokens in the profile of RFC 9068.

What is issued is judged by the policy that judges what is accepted, so nothing is signed that we would then refuse.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_bytes

import msgspec

from . import base64url, jws
from .claims import RESERVED, ClaimsPolicy, read_claims
from .errors import TokenError
from .frozen import freeze, thaw
from .keys import Key
from .scopes import format_scope


class Issuer:
    """Signs access tokens for one issuer.

    Args:
        key: whose signature they carry.
        policy: what they must say; its issuer and audience are those of the tokens.
        lifetime: of a token, unless another is asked for.
        max_bytes: no longer token is made.
    """

    def __init__(
        self, key: Key, policy: ClaimsPolicy, *, lifetime: timedelta, max_bytes: int = jws.MAX_TOKEN_BYTES
    ) -> None:
        self._key = key
        self._policy = policy
        self._lifetime = lifetime
        self._max_bytes = max_bytes

    def issue(
        self,
        subject: str,
        scopes: Iterable[str] = (),
        *,
        now: float,
        expires_in: timedelta | None = None,
        audience: str | Iterable[str] | None = None,
        client_id: str | None = None,
        auth_time: datetime | None = None,
        claims: Mapping[str, object] | None = None,
    ) -> str:
        """Return a signed access token.

        Args:
            subject: ``sub``, at most 255 characters.
            scopes: scope tokens; with none there is no ``scope``.
            now: ``iat``, seconds since 1970-01-01T00:00:00Z, cut to whole ones.
            expires_in: the lifetime, cut to whole seconds: at least one, at most the policy's greatest.
            audience: ``aud``, instead of the policy's.
            client_id: the client that asked; else the issuer (RFC 9068 wants one).
            auth_time: when the user signed in, aware.
            claims: of the application: JSON values under names that are not ours.

        Raises:
            ValueError: a value breaks the policy, a name is reserved, a claim is not a JSON value or nests more than
                32 deep, or the token would be longer than *max_bytes*.
            TypeError: *scopes* is one text, *audience* is not of texts, or *auth_time* is no ``datetime``.
        """
        lifetime = self._lifetime if expires_in is None else expires_in
        if lifetime < timedelta(seconds=1):
            raise ValueError("expires_in is under one second")
        intended = self._policy.audience if audience is None else _as_set(audience)
        made: dict[str, object] = {
            "iss": self._policy.issuer,
            "sub": subject,
            "aud": _as_claim(intended),
            "exp": int(now) + int(lifetime.total_seconds()),
            "iat": int(now),
            "jti": new_id(),
            "client_id": self._policy.issuer if client_id is None else client_id,
        }
        if scope := format_scope(scopes):
            made["scope"] = scope
        if auth_time is not None:
            made["auth_time"] = _seconds(auth_time)
        payload = self._encode(made | _app_claims(claims or {}))
        self._judge(payload, replace(self._policy, audience=intended), now)
        token = jws.sign(payload, self._key, typ=self._policy.typ)
        if len(token) > self._max_bytes:
            raise ValueError(f"the token is {len(token)} bytes long; {self._max_bytes} are the most (fewer claims?)")
        return token

    def _encode(self, claims: Mapping[str, object]) -> bytes:
        try:
            payload = msgspec.json.encode(thaw(claims))
            unchanged = freeze(claims) == read_claims(payload)
        except (TypeError, ValueError, RecursionError, TokenError) as error:
            raise ValueError(_NO_JSON) from error
        if not unchanged:  # not a number became null, a date became text: the reader would get something else
            raise ValueError(_NO_JSON)
        return payload

    def _judge(self, payload: bytes, policy: ClaimsPolicy, now: float) -> None:
        try:
            policy.check(read_claims(payload), typ=policy.typ, now=now)
        except TokenError as error:
            raise ValueError(f"such a token would be refused: {error.reason}, {error}") from error


_NO_JSON = "claims must be JSON values (texts, finite numbers, booleans, None, lists, dicts of texts), at most 32 deep"


def new_id() -> str:
    """Return a new token or session ID: 16 random bytes in base64url, 22 characters."""
    return base64url.encode(token_bytes(16)).decode()


def _app_claims(claims: Mapping[str, object]) -> dict[str, object]:
    if taken := sorted(RESERVED.intersection(claims)):
        raise ValueError(f"reserved claims: {', '.join(taken)}")
    return dict(claims)


def _as_set(audience: str | Iterable[str]) -> frozenset[str]:
    texts = [audience] if isinstance(audience, str) else list(audience)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("audience is a text or several")
    return frozenset(texts)


def _as_claim(audience: frozenset[str] | None) -> object:
    ordered = sorted(audience or ())
    return ordered[0] if len(ordered) == 1 else ordered


def _seconds(instant: datetime) -> int:
    if not isinstance(instant, datetime):
        raise TypeError("auth_time is a datetime")
    if instant.tzinfo is None:
        raise ValueError("auth_time has no time zone: use datetime.now(UTC)")
    return int(instant.timestamp())
