"""Refresh-token rotation with reuse detection (RFC 6749 section 6, RFC 9700 section 4.14.2).

A session is one sign-in of one user on one device. Its refresh token can be redeemed once, for a new access token and
the next refresh token. If one is redeemed twice, there is a copy of it, and the session ends.
"""

import math
from collections.abc import Callable
from datetime import timedelta

import msgspec

from .endpoint_errors import RefreshTokenReused, SessionOver
from .keys.key_set import KeySet
from .opaque.refresh_token import RefreshToken, digest_traded, read_refresh_token, write_refresh_token
from .records.grant import Grant
from .records.revocation import LAST, Revocation, RevocationKind, retention_of
from .records.session import NewSession, Outcome, Redemption, Session, StartedSession, Terms
from .store import Store
from .tokens.claims import LONGEST_LEEWAY

# The leeway of an issuer may be raised at any time, so the longest one counts.
_GRACE = retention_of(timedelta(0), LONGEST_LEEWAY).total_seconds()


class SessionExists(ValueError):
    """There is a session with this ID, live or not. It happens only if the handle of the session is not random."""


class Redeemed(msgspec.Struct, frozen=True):
    """The result of redeeming a refresh token."""

    session: Session
    successor: RefreshToken
    retried: bool  # the token had been redeemed a moment ago, for the same successor
    rolled_back: bool  # the store has lost writes


class Sessions:
    """Starts sessions, redeems their refresh tokens, and ends them.

    Args:
        store: keeps the sessions.
        keys: HMAC keys for refresh tokens and nothing else. The signing key makes them, all keys are accepted.
        terms: the idle lifetime, the retry window, and how long revocations are kept.
        lifetime: of a session, even if it is used all the time.
        most: live sessions of one user, from 1. A further sign-in ends the session that was idle longest.
        on_revocation: called with each revocation that is written here: its kind, the ID of the session or user, and
            the new epoch or key epoch of a user, or 0.

    Raises:
        ValueError: *keys* has no signing key.
    """

    def __init__(
        self,
        store: Store,
        keys: KeySet,
        *,
        terms: Terms,
        lifetime: timedelta,
        most: int,
        on_revocation: Callable[[RevocationKind, str, int], None] = lambda *_: None,
    ) -> None:
        if keys.signing_key is None:
            raise ValueError("keys must have a key that can sign, to make refresh tokens")
        self._store = store
        self._keys = keys
        self._key = keys.signing_key
        self._terms = terms
        self._lifetime = lifetime
        self._most = most
        self._on_revocation = on_revocation

    def start(
        self, first: RefreshToken, *, user_id: str, grant: Grant, label: str | None, user_agent: str | None
    ) -> StartedSession:
        """Store the new session of the refresh token *first*, and return it with the sessions that ended for it.

        Args:
            first: the first refresh token of the session.
            user_id: ``sub``.
            grant: what its access tokens may do and say.
            label: the name that people gave the device.
            user_agent: the name that the client gave itself.

        Raises:
            SessionExists: the session of *first* was started before. It may have ended.
            ValueError: *label* or a part of *grant* cannot be stored.
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
        try:
            started = self._store.start_session(new, most=self._most, retention=self._terms.retention)
        except ValueError as error:
            raise SessionExists(*error.args) from error
        for session_id in started.displaced:
            self._on_revocation("session", session_id, 0)
        return started

    def write(self, token: RefreshToken) -> str:
        """Return *token* as the string for the client, 74 characters."""
        return write_refresh_token(token, self._key)

    def read(self, text: str) -> RefreshToken:
        """Return the refresh token in *text*. The store is not asked.

        Args:
            text: untrusted.

        Raises:
            InvalidRefreshToken: this server did not make it, or it was changed.
        """
        return read_refresh_token(text, self._keys)

    def find(self, token: RefreshToken) -> Session:
        """Return the live session of *token*, which may have been redeemed before.

        Raises:
            SessionOver: the session has ended or expired, or the store does not know it.
            StoreUnavailable: the store cannot be asked.
        """
        session = self._store.find_session(token.session_id)
        if session is None:
            raise SessionOver
        return session

    def list_traded(self, signed: bytes) -> list[RefreshToken]:
        """Return the first refresh tokens that a token of another library may be traded for, one for each key.

        That of the signing key is the first. The others are those of trades before the key was changed.

        Args:
            signed: the header and the payload of that token, as they were signed.
        """
        older = [key for key in self._keys if key is not self._key]
        return [RefreshToken.traded(signed, key) for key in (self._key, *older)]

    def was_traded(self, signed: bytes) -> bool:
        """Return whether :meth:`remember_trade` was called for a token of another library, even with other keys.

        Args:
            signed: as for :meth:`list_traded`.

        Raises:
            StoreUnavailable: the store cannot be asked.
        """
        return self._store.is_revoked(token_id=digest_traded(signed), session_id=None, user_id="", epoch=0)

    def remember_trade(self, signed: bytes, *, expires_at: float) -> None:
        """Remember that a token of another library was traded, until it has expired. A purge may forget its session.

        Args:
            signed: as for :meth:`list_traded`.
            expires_at: ``exp`` of that token, seconds since 1970-01-01T00:00:00Z.

        Raises:
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        until = min(math.ceil((expires_at + _GRACE) * 1000), LAST)
        subject = digest_traded(signed)
        self._store.revoke(Revocation(kind="token", subject=subject, value=math.floor(expires_at), expires_at=until))

    def redeem(self, token: RefreshToken) -> Redeemed:
        """Redeem *token* for its successor, in one atomic step.

        Raises:
            RefreshTokenReused: it was redeemed before, longer ago than the retry window. The session has ended.
            SessionOver: the session has ended or expired for another reason.
            StoreUnavailable: the store cannot be asked; the token can be redeemed again.
        """
        done: Redemption = self._store.redeem(token.session_id, generation=token.generation, terms=self._terms)
        if done.outcome is Outcome.REUSED:
            self._on_revocation("session", token.session_id, 0)
            if done.session is not None:
                raise RefreshTokenReused(done.session.session_id, done.session.user_id)
        if done.session is None or done.outcome not in (Outcome.SWAPPED, Outcome.RETRIED):
            raise SessionOver
        return Redeemed(done.session, token.successor(), done.outcome is Outcome.RETRIED, done.rolled_back)

    def end(self, session_id: str) -> Session | None:
        """End a session and revoke its access tokens. Return the session, or None if there is none to end.

        Raises:
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        session = self._store.end_session(session_id, retention=self._terms.retention)
        if session is not None:
            self._on_revocation("session", session_id, 0)
        return session

    def end_all(self, user_id: str, *, api_keys: bool) -> None:
        """End every session of a user, and revoke every access token that was issued before, with a session or not.

        Args:
            user_id: the user.
            api_keys: whether the API keys of the user are revoked too.

        Raises:
            ValueError: *user_id* is not an identifier.
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        epoch = self._store.revoke_user(user_id, retention=self._terms.retention, api_keys=api_keys)
        self._on_revocation("user", user_id, epoch)
        if api_keys:
            self._on_revocation("api_keys", user_id, epoch)
