"""Claims to signed text: access tokens in the profile of RFC 9068.

What is issued is judged by the policy that judges what is accepted, so nothing is signed that we would then refuse.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_bytes

import msgspec

from ..encoding import base64url
from ..encoding.immutable_json import freeze, thaw
from ..errors import TokenError
from ..keys.key import Key
from . import jws
from .claims import RESERVED, ClaimsPolicy, read_claims
from .scopes import format_scope


class TokenIssuer:
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
        self._header = jws.write_header(key, typ=policy.typ)
        self._policy = policy
        self._audience = _as_claim(policy.audience)
        self._lifetime = _whole_seconds(lifetime)
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
        session_id: str | None = None,
        epoch: int = 0,
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
            session_id: ``sid``, the session that it belongs to.
            epoch: of the user, as a store has it; 0 is left out.
            claims: of the application: JSON values under names that are not ours.

        Raises:
            ValueError: a value breaks the policy, a name is reserved, a claim is not a JSON value or nests more than
                32 deep, or the token would be longer than *max_bytes*.
            TypeError: *scopes* is one text, *audience* is not of texts, or *auth_time* is no ``datetime``.
        """
        lifetime = self._lifetime if expires_in is None else _whole_seconds(expires_in)
        policy, intended, issuer = self._policy, self._audience, self._policy.issuer
        if audience is not None:
            policy = replace(policy, audience=_as_set(audience))
            intended = _as_claim(policy.audience)
        issued_at = int(now)
        made: dict[str, object] = {
            "iss": issuer,
            "sub": subject,
            "aud": intended,
            "exp": issued_at + lifetime,
            "iat": issued_at,
            "jti": new_id(),
            "client_id": issuer if client_id is None else client_id,
        }
        if scope := format_scope(scopes):
            made["scope"] = scope
        if auth_time is not None:
            made["auth_time"] = seconds_of(auth_time)
        if session_id is not None:
            made["sid"] = session_id
        if epoch:
            made["epoch"] = epoch
        try:
            policy.check(made, typ=policy.typ, now=now)
        except TokenError as error:
            raise ValueError(f"such a token would be refused: {error.reason}, {error}") from error
        if claims:
            made |= _app_claims(claims)
        token = jws.sign_under(self._header, _encode(made), self._key)
        if len(token) > self._max_bytes:
            raise ValueError(f"the token is {len(token)} bytes long; {self._max_bytes} are the most (fewer claims?)")
        return token


_NO_JSON = "claims must be JSON values (texts, finite numbers, booleans, None, lists, dicts of texts), at most 32 deep"


def new_id() -> str:
    """Return a new token or session ID: 16 random bytes in base64url, 22 characters."""
    return base64url.encode(token_bytes(16)).decode()


def _app_claims(claims: Mapping[str, object]) -> dict[str, object]:
    """Return *claims* in plain dicts and lists, if who reads the token gets what is written here."""
    if taken := sorted(RESERVED.intersection(claims)):
        raise ValueError(f"reserved claims: {', '.join(taken)}")
    given = dict(claims)
    try:
        plain = {name: thaw(value) for name, value in given.items()}
        unchanged = freeze(given) == read_claims(_encode(plain))
    except (ValueError, RecursionError, TokenError) as error:
        raise ValueError(_NO_JSON) from error
    if not unchanged:  # not a number became null, a date became text: the reader would get something else
        raise ValueError(_NO_JSON)
    return plain


def _encode(claims: dict[str, object]) -> bytes:
    try:
        return msgspec.json.encode(claims)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(_NO_JSON) from error


def _whole_seconds(lifetime: timedelta) -> int:
    if not isinstance(lifetime, timedelta):
        raise TypeError("a lifetime is a timedelta")
    seconds = int(lifetime.total_seconds())
    if seconds < 1:
        raise ValueError("expires_in is under one second")
    return seconds


def _as_set(audience: str | Iterable[str]) -> frozenset[str]:
    texts = [audience] if isinstance(audience, str) else list(audience)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("audience is a text or several")
    return frozenset(texts)


def _as_claim(audience: frozenset[str] | None) -> object:
    ordered = sorted(audience or ())
    return ordered[0] if len(ordered) == 1 else tuple(ordered)


def seconds_of(instant: datetime, *, name: str = "auth_time") -> int:
    """Return an aware instant as seconds since 1970-01-01T00:00:00Z, cut to whole ones.

    Raises:
        TypeError: *instant*, which is called *name*, is no ``datetime``.
        ValueError: it has no time zone.
    """
    if not isinstance(instant, datetime):
        raise TypeError(f"{name} is a datetime")
    if instant.tzinfo is None:
        raise ValueError(f"{name} has no time zone: use datetime.now(UTC)")
    return int(instant.timestamp())
