"""Sessions: refresh tokens that rotate, and a thief who is found out (RFC 6749 section 6, RFC 9700 section 4.14.2).

A session is one sign-in of one user on one device. Its refresh token is made of a random handle that nobody keeps but
the client, the number of its generation, and an HMAC over both. The store has a digest of the handle and the number:
neither the store, nor an access token, nor the key, nor all of them together make a refresh token.
"""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import token_bytes

import msgspec

from .encoding import base64url
from .endpoint_errors import InvalidRefreshToken, RefreshTokenReused, SessionOver
from .errors import InvalidSignature
from .keys.key import Key
from .keys.key_set import KeySet
from .records.grant import Grant
from .records.revocation import Kind
from .records.session import MAX_GENERATION, NewSession, Outcome, Redemption, Session, Terms
from .store import Store

_PREFIX = "rt1_"
_PURPOSE = b"flask-tokenauth refresh token v1\0"  # the key is derived for this alone as well
_FACTS = struct.Struct(">16sI")  # handle, generation
_HMAC_BYTES = 32  # SHA-256
_TEXT_LENGTH = len(_PREFIX) + -(-(_FACTS.size + _HMAC_BYTES) * 8 // 6)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token that we made, as its HMAC proves. Whether it is good any more, the store knows."""

    handle: bytes = field(repr=False)  # 16 random bytes, the session's secret
    generation: int = 0

    @classmethod
    def first(cls) -> "RefreshToken":
        """Return the first refresh token of a new session."""
        return cls(token_bytes(16))

    @property
    def session_id(self) -> str:
        """``sid``: the first 16 bytes of the handle's SHA-256, in base64url. No secret."""
        return base64url.encode(hashlib.sha256(self.handle).digest()[:16]).decode()

    def successor(self) -> "RefreshToken":
        """Return the refresh token of the next generation; the same however often it is asked for."""
        return RefreshToken(self.handle, self.generation + 1)


class Redeemed(msgspec.Struct, frozen=True):
    """What a refresh token was spent for."""

    session: Session
    successor: RefreshToken
    retried: bool  # it had been spent a moment ago, for the same successor
    rolled_back: bool  # the store has lost writes


class Sessions:
    """Starts sessions and redeems their refresh tokens.

    Args:
        store: what remembers them.
        keys: HMAC keys for refresh tokens and nothing else; the one that can sign makes them, all are believed.
        terms: how long they live idle, and a spent refresh token may be repeated.
        lifetime: of a session, however busy.
        note: told at once what is revoked here, so that this process need not hear it from the store: the kind, the
            session's or user's ID, and the epoch of a user.
    """

    def __init__(
        self,
        store: Store,
        keys: KeySet,
        *,
        terms: Terms,
        lifetime: timedelta,
        note: Callable[[Kind, str, int], None] = lambda *_: None,
    ) -> None:
        if keys.signing_key is None:
            raise ValueError("no key makes refresh tokens")
        self._store = store
        self._keys = keys
        self._key = keys.signing_key
        self._terms = terms
        self._lifetime = lifetime
        self._note = note

    def start(
        self, first: RefreshToken, *, user_id: str, grant: Grant, label: str | None, user_agent: str | None
    ) -> Session:
        """Keep the new session that *first* opens; never one that is there already.

        Raises:
            ValueError: *label* or something of *grant* cannot be kept.
            StoreUnavailable: the store cannot be asked.
        """
        new = NewSession(
            session_id=first.session_id,
            user_id=user_id,
            grant=grant,
            label=label,
            user_agent=user_agent,
            idle_lifetime=self._terms.idle_lifetime,
            lifetime=self._lifetime,
        )
        return self._store.start_session(new)

    def write(self, token: RefreshToken) -> str:
        """Return the text of *token*: ``rt1_`` and base64url, 74 characters."""
        facts = _FACTS.pack(token.handle, token.generation)
        return _PREFIX + base64url.encode(facts + self._key.sign(_PURPOSE + facts)).decode()

    def read(self, text: str) -> RefreshToken:
        """Return the refresh token that *text* is. No store is asked.

        Args:
            text: untrusted.

        Raises:
            InvalidRefreshToken: we never made it, or its text was changed.
        """
        if len(text) != _TEXT_LENGTH or not text.isascii() or not text.startswith(_PREFIX):
            raise InvalidRefreshToken
        try:
            data = base64url.decode(text.removeprefix(_PREFIX).encode())
        except ValueError:
            raise InvalidRefreshToken from None
        facts, mac = data[: _FACTS.size], data[_FACTS.size :]
        # It does not name its key; there are as many as SECRET_KEY_FALLBACKS has, and an HMAC costs a microsecond.
        if not any(_is_made_by(key, facts, mac) for key in self._keys):
            raise InvalidRefreshToken
        handle, generation = _FACTS.unpack(facts)
        if generation == MAX_GENERATION:
            raise InvalidRefreshToken  # a refresh each second for a hundred years would get here
        return RefreshToken(handle, generation)

    def find(self, token: RefreshToken) -> Session:
        """Return the live session of *token*, which may be spent already.

        Raises:
            SessionOver: it has ended, expired, or was never kept here.
            StoreUnavailable: the store cannot be asked.
        """
        session = self._store.find_session(token.session_id)
        if session is None:
            raise SessionOver
        return session

    def redeem(self, token: RefreshToken) -> Redeemed:
        """Spend *token* for its successor, in one atomic step.

        Raises:
            RefreshTokenReused: it was spent before, and longer ago than the retry window: the session has ended.
            SessionOver: the session has ended or expired otherwise.
            StoreUnavailable: the store cannot be asked; the token may be redeemed again.
        """
        done: Redemption = self._store.redeem(token.session_id, generation=token.generation, terms=self._terms)
        if done.outcome is Outcome.REUSED:
            self._note("s", token.session_id, 0)
            if done.session is not None:
                raise RefreshTokenReused(done.session.session_id, done.session.user_id)
        if done.session is None or done.outcome not in (Outcome.SWAPPED, Outcome.RETRIED):
            raise SessionOver
        return Redeemed(done.session, token.successor(), done.outcome is Outcome.RETRIED, done.rolled_back)

    def end(self, session_id: str) -> Session | None:
        """End a session, and all its access tokens with it; None where there is none to end.

        Raises:
            StoreUnavailable: the store cannot be asked; it may be told again.
        """
        session = self._store.end_session(session_id, memory=self._terms.memory)
        if session is not None:
            self._note("s", session_id, 0)
        return session

    def end_all(self, user_id: str) -> None:
        """End every session of a user, and every access token that was issued before, of a session or not.

        Raises:
            ValueError: *user_id* is no identifier.
            StoreUnavailable: the store cannot be asked; it may be told again.
        """
        epoch = self._store.revoke_user(user_id, memory=self._terms.memory)
        self._note("u", user_id, epoch)


def _is_made_by(key: Key, facts: bytes, mac: bytes) -> bool:
    try:
        key.verify(_PURPOSE + facts, mac)
    except InvalidSignature:
        return False
    return True
