"""Issuing: signed access tokens in the profile of RFC 9068.

The policy that checks incoming tokens checks each new token too. So no token is signed that would be refused later.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from os import urandom
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from ..claim_errors import LifetimeTooLong, MalformedClaim
from ..encoding import base64url
from ..encoding.json_values import to_json_values
from ..errors import InvalidKey
from ..keys.key import Key
from ..keys.key_set import KeySet
from ..token_errors import TokenError
from . import jws
from .audience import parse_audience, write_audience
from .claim_sizes import name_largest
from .claims import RESERVED, TICKET_PATH, ClaimsPolicy
from .delegation import PARENT, Delegation
from .scopes import format_scope

if TYPE_CHECKING:
    from ..keys.encryption_key import EncryptionKey
    from ..keys.encryption_keys import EncryptionKeys


class NewReference(Protocol):
    """A new reference token."""

    text: str
    token_id: str  # ``jti``

    def keep(self, claims: Mapping[str, object], payload: bytes) -> None:
        """Store the token.

        Args:
            claims: its claims set.
            payload: the claims set as JSON.
        """


class _Signer(NamedTuple):
    """The keys of new tokens, as one object: the keys may be exchanged meanwhile."""

    key: Key
    header: bytes  # the part of a token
    encryption_key: "EncryptionKey | None"
    typ: str | None

    def length_of(self, payload: bytes) -> int:
        """Return the length of the token for *payload*, in bytes."""
        length = jws.length_of(self.header, payload, self.key)
        if self.encryption_key is None:
            return length
        from . import jwe  # noqa: PLC0415  # few applications encrypt

        return jwe.length_of(length, self.encryption_key, typ=self.typ)


class TokenIssuer:
    """Signs access tokens for one issuer.

    Args:
        keys: the keys, of which one signs. When they are exchanged, the next token is signed by the new signing key.
        policy: the rules that every token keeps. Its issuer and its audience are those of the tokens.
        lifetime: the lifetime of a token, unless ``issue`` is called with another one; fractions of a second are cut
            off.
        max_bytes: the length of the longest token, in bytes.
        check_scope: called with the scope string of each new token that has scopes; raises ``ValueError`` to refuse it.
        encryption: the keys, of which the active one encrypts each signed token. None: tokens are only signed.

    Raises:
        TypeError: *lifetime* is not a ``timedelta``.
        ValueError: *lifetime* is under one second.
    """

    def __init__(
        self,
        keys: KeySet,
        policy: ClaimsPolicy,
        *,
        lifetime: timedelta,
        max_bytes: int = jws.MAX_TOKEN_BYTES,
        check_scope: Callable[[str], None] | None = None,
        encryption: "EncryptionKeys | None" = None,
    ) -> None:
        self._keys = keys
        self._encryption = encryption
        self._signer: _Signer | None = None
        self._policy = policy
        self._audience = write_audience(policy.audience or ())
        self._lifetime = _whole_seconds(lifetime)
        self._max_bytes = max_bytes
        self._check_scope = check_scope

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
        epoch: int | Callable[[], int] = 0,
        claims: Mapping[str, object] | None = None,
        reference: NewReference | None = None,
        path: str | None = None,
        delegation: Delegation | None = None,
        room_in_cookie: int | None = None,
    ) -> str:
        """Return a signed access token, encrypted if there are keys for it, or a reference token for the same claims.

        Args:
            subject: ``sub``, 1 to 255 characters.
            scopes: scope tokens (RFC 6749 section 3.3). Without any, the token has no ``scope``.
            now: ``iat``, seconds since 1970-01-01T00:00:00Z; fractions of a second are cut off.
            expires_in: the lifetime, from one second to the longest that the policy allows; fractions of a second are
                cut off. Default: the lifetime of this issuer.
            audience: ``aud``, one recipient or several. Default: the audience of the policy.
            client_id: ``client_id``, the client that the user uses (RFC 9068 requires one). Default: the issuer.
            auth_time: ``auth_time``, the time at which the user signed in, as an aware ``datetime``.
            session_id: ``sid``, the session that the token belongs to.
            epoch: the epoch of the user in the store; 0 is left out. If it is a function, it is called last of all,
                before the token is signed: it can store the session, which gives the epoch.
            claims: claims of the application, which are JSON values. Their names must not be reserved.
            reference: the reference token, which is stored with the claims set; None for a signed token.
            path: ``ticket_path``, the path that a ticket opens; None for an access token.
            delegation: the service that uses the token for the user, and the token that it is made from.
            room_in_cookie: how many bytes the cookie for the token has room for; None if it is in no cookie. The limit
                is for signed tokens: reference tokens are short.

        Raises:
            ValueError: the policy would refuse the token, *check_scope* refuses its scopes, a claim has a reserved
                name, is not a JSON value or is nested more than 32 deep, or the token would be longer than *max_bytes*.
                Then the message names the largest claims and their bytes.
            TypeError: an argument has the wrong type, or *scopes* is a single string.
            InvalidKey: no key of the set can sign.

        If *epoch* is a function, and the token is too long with the epoch that it returns, ValueError comes after the
        call.
        """
        lifetime = self._lifetime if expires_in is None else _whole_seconds(expires_in)
        policy, recipients, issuer = self._policy, self._audience, self._policy.issuer
        if audience is not None:
            names = _read_audience(audience)
            policy, recipients = replace(policy, audience=names), write_audience(names)
        issued_at = int(now)
        content: dict[str, object] = {
            "iss": issuer,
            "sub": subject,
            "aud": recipients,
            "exp": issued_at + lifetime,
            "iat": issued_at,
            "jti": new_id() if reference is None else reference.token_id,
            "client_id": issuer if client_id is None else client_id,
        }
        if not recipients:  # the policy asks for no audience
            del content["aud"]
        if scope := format_scope(scopes):
            content["scope"] = scope
            if self._check_scope is not None:
                self._check_scope(scope)
        if auth_time is not None:
            content["auth_time"] = seconds_of(auth_time)
        if session_id is not None:
            content["sid"] = session_id
        if path is not None:
            content[TICKET_PATH] = path
        if delegation is not None:
            content |= delegation.to_claims()
        if epoch and not callable(epoch):
            content["epoch"] = epoch
        try:
            policy.check(content, typ=policy.typ, now=now)
        except TokenError as error:
            raise ValueError(f"the token would be refused: {error.reason}, {error}{_advise(error)}") from error
        if claims:
            content |= _application_claims(claims)
        payload = _encode(content)
        if reference is not None:
            return self._keep(reference, content, payload, epoch)
        return self._sign(content, payload, epoch, room_in_cookie)

    def without_limit(self) -> "TokenIssuer":
        """Return an issuer of the same tokens that does not check their length, to measure them."""
        other = copy(self)
        other._max_bytes = sys.maxsize
        return other

    def _sign(
        self, content: dict[str, object], payload: bytes, epoch: int | Callable[[], int], room_in_cookie: int | None
    ) -> str:
        """Return the token for a claims set, signed, and encrypted if there are keys for it."""
        signer = self._find_signer()
        if callable(epoch):
            self._check_length(signer.length_of(payload), content, room_in_cookie)  # before anything is stored
            if called := epoch():
                payload = _encode(content | {"epoch": called})
        token = jws.sign_under(signer.header, payload, signer.key)
        if signer.encryption_key is not None:
            from . import jwe  # noqa: PLC0415  # see above

            token = jwe.encrypt(token, signer.encryption_key, typ=signer.typ)
        self._check_length(len(token), content, room_in_cookie)
        return token

    def _keep(
        self,
        reference: "NewReference",
        content: dict[str, object],
        payload: bytes,
        epoch: int | Callable[[], int],
    ) -> str:
        """Store the claims set of a reference token, and return the token."""
        self._check_claims(payload, content)
        if callable(epoch) and (called := epoch()):
            content["epoch"] = called
            payload = _encode(content)
            self._check_claims(payload, content)
        reference.keep(content, payload)
        return reference.text

    def _find_signer(self) -> "_Signer":
        """Return the keys of the next token."""
        key, encryption_key = self._keys.signing_key, None
        if self._encryption is not None:
            encryption_key = self._encryption.active
            if encryption_key is None:
                raise InvalidKey("encryption keys must have one that encrypts, got keys that can only decrypt")
        signer = self._signer
        if signer is not None and signer.key is key and signer.encryption_key is encryption_key:
            return signer
        if key is None:
            raise InvalidKey("a key set that signs must have a private key or a secret, got public keys only")
        typ = self._policy.typ
        self._signer = signer = _Signer(key, jws.write_header(key, typ=typ), encryption_key, typ)
        return signer

    def _check_length(self, length: int, content: dict[str, object], room_in_cookie: int | None) -> None:
        if length > self._max_bytes:
            raise ValueError(
                f"a token must be at most {self._max_bytes} bytes long, got {_describe(length, content)}: "
                f"{_shorten(content)}"
            )
        if room_in_cookie is not None and length > room_in_cookie:
            raise ValueError(
                f"a token in a cookie must be at most {room_in_cookie} bytes long, since browsers drop longer cookies, "
                f"got {_describe(length, content)}: {_shorten(content)}"
            )

    def _check_claims(self, payload: bytes, content: dict[str, object]) -> None:
        if len(payload) > self._max_bytes:
            raise ValueError(
                f"the claims of a reference token must together be at most {self._max_bytes} bytes long, got "
                f"{_describe(len(payload), content)}: {_FEWER}"
            )


_ENCODER = msgspec.json.Encoder()
_FEWER = "put fewer claims and scopes into it"


def _describe(length: int, content: dict[str, object]) -> str:
    return f"{length} (its largest claims, in bytes of JSON: {name_largest(content)})"


def _shorten(content: dict[str, object]) -> str:
    if TICKET_PATH in content:  # it is always signed
        return _FEWER
    if PARENT in content:  # it too
        return f"{_FEWER}, and fewer strings into its audience"
    return f'{_FEWER}, or set TOKENAUTH_TOKEN_FORMAT to "reference"'


def new_id() -> str:
    """Return a new token ID or session ID: 16 random bytes in base64url, 22 characters."""
    return base64url.encode(urandom(16)).decode()


def _advise(error: TokenError) -> str:
    is_long = isinstance(error, LifetimeTooLong) or (isinstance(error, MalformedClaim) and error.claim == "exp")
    return ": pass a shorter expires_in, or raise the limit (TOKENAUTH_MAX_LIFETIME)" if is_long else ""


def _read_audience(audience: str | Iterable[str]) -> frozenset[str]:
    names = parse_audience(audience)
    if not names or "" in names:
        raise ValueError(
            "audience must be at least one string, and none of them empty: leave it out for the default audience"
        )
    return names


def _application_claims(claims: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of *claims* in plain dicts and lists, if a reader of the token will get the same values."""
    plain = to_json_values(claims)
    if reserved := sorted(RESERVED.intersection(plain)):
        raise ValueError(f"claims must not have reserved names, got {', '.join(reserved)}: rename them")
    return plain


def _encode(content: dict[str, object]) -> bytes:
    try:
        return _ENCODER.encode(content)
    except (TypeError, ValueError) as error:
        raise ValueError("subject, audience and IDs must be of the type str, without lone surrogates") from error


def _whole_seconds(lifetime: timedelta) -> int:
    if not isinstance(lifetime, timedelta):
        raise TypeError(f"a lifetime must be a timedelta, got {type(lifetime).__name__}: timedelta(minutes=15)")
    seconds = int(lifetime.total_seconds())
    if seconds < 1:
        raise ValueError(f"expires_in must be at least 1 second, got {lifetime.total_seconds():g} seconds")
    return seconds


def seconds_of(instant: datetime, *, name: str = "auth_time") -> int:
    """Return an instant in seconds since 1970-01-01T00:00:00Z; fractions of a second are cut off.

    Args:
        instant: an aware ``datetime``.
        name: the name of the argument, for the message of an error.

    Raises:
        TypeError: *instant* is not a ``datetime``.
        ValueError: *instant* has no time zone.
    """
    if not isinstance(instant, datetime):
        raise TypeError(
            f"{name} must be a datetime, got {type(instant).__name__}: for seconds pass datetime.fromtimestamp(…, UTC)"
        )
    if instant.tzinfo is None:
        raise ValueError(f"{name} must have a time zone, got a naive datetime: use one like datetime.now(UTC)")
    return int(instant.timestamp())
