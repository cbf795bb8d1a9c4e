"""What the server remembers for one application: its sessions, and what of all that was issued is good no more."""

import math
from collections.abc import Callable

from ..core.encoding.limits import YEAR_9999
from ..core.errors import SettingsError
from ..core.records.revocation import MARGIN, Kind, Revocation
from ..core.records.session import Terms
from ..core.revocation.feed import RevocationFeed, bucket_width
from ..core.rotation import Sessions
from ..core.store import Store
from ..core.tokens.token import Token
from ..stores.custom import guard
from .setting_types import PREFIX
from .settings import Settings

_NO_STORE = (
    f"sessions, auth.endpoints and whatever is revoked need a memory: set {PREFIX}STORE "
    '("sqlite:////var/lib/api/sessions.db" for one machine, "memory://" for trying it)'
)
_REVOKES_NOTHING = (
    f'{PREFIX}REVOCATION is "off", so whatever is revoked would still be believed: set "feed", or "strict" to have the '
    "store asked for every request"
)


class Remembered:
    """The store of one application, and what is done with it.

    Without ``TOKENAUTH_STORE`` it remembers nothing, and whatever needs a memory fails.

    Args:
        settings: what the configuration of the application says.
        clock: tells seconds since 1970-01-01T00:00:00Z.

    Attributes:
        feed: what is revoked, as this process knows it; None where the store is asked each time, or nobody.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        # Seconds for which a token may be believed after it has expired, by whatever clock, and a margin.
        self._slack = (2 * settings.leeway + MARGIN).total_seconds()
        self._store = None if settings.store is None else guard(settings.store)
        self.feed = self._make_feed()
        self._sessions = self._make_sessions()

    @property
    def store(self) -> Store:
        """What the server remembers. A store of the application's own comes in one that translates its errors.

        Raises:
            SettingsError: ``TOKENAUTH_STORE`` is not set.
        """
        if self._store is None:
            raise SettingsError(_NO_STORE)
        return self._store

    @property
    def sessions(self) -> Sessions:
        """Who starts sessions and redeems refresh tokens; raises like :attr:`store`."""
        if self._sessions is None:
            raise SettingsError(_NO_STORE)
        return self._sessions

    @property
    def revokes(self) -> bool:
        """Whether what is revoked is refused."""
        return self._store is not None and self._settings.revocation != "off"

    def check_revokes(self) -> None:
        """Refuse to promise what would not be kept.

        Raises:
            SettingsError: ``TOKENAUTH_STORE`` is not set, or ``TOKENAUTH_REVOCATION`` is "off".
        """
        _ = self.store
        if not self.revokes:
            raise SettingsError(_REVOKES_NOTHING)

    def is_revoked(self, token: Token) -> bool:
        """Say whether a token, its session, or what its user had at its epoch is revoked, as the mode has it.

        Raises:
            StoreUnavailable: nobody knows.
        """
        return self.ask(token) if self.feed is None else self.knows(token)

    def knows(self, token: Token) -> bool:
        """Say the same as far as this process knows by itself; raises likewise, where it has to know and does not."""
        if self.feed is None:
            return False
        claims = token.claims
        return self.feed.is_revoked(
            token_id=claims.get("jti"),  # type: ignore[arg-type]  # this and what follows as the policy found them
            exp=claims["exp"],  # type: ignore[arg-type]
            session_id=claims.get("sid"),  # type: ignore[arg-type]
            user_id=token.subject,
            epoch=claims.get("epoch", 0),  # type: ignore[arg-type]
        )

    def ask(self, token: Token) -> bool:
        """Ask the store the same, whatever is known here; raises likewise."""
        return self.store.is_revoked(
            token_id=token.token_id, session_id=token.session_id, user_id=token.subject, epoch=token.epoch
        )

    def revoke(self, token: Token) -> bool:
        """Refuse a verified token from now on, here at once and everywhere within the interval.

        Returns:
            Whether it was not refused yet, as the store has it; else the store is not told, so that nobody can fill it
            with one token.

        Raises:
            StoreUnavailable: the store cannot be asked; it may be told again.
        """
        exp = math.floor(token.claims["exp"])  # type: ignore[call-overload]  # a number, as the policy found
        entry = _entry("t", str(token.token_id), exp, until=exp + self._slack)
        new = not self.ask(token)
        if new:
            self.store.revoke(entry)
        self._know(entry, told=new)
        return new

    def revoke_id(self, token_id: str, *, until: float | None) -> None:
        """Refuse the token of this ID likewise.

        Args:
            token_id: ``jti``.
            until: by when it has expired, in seconds since 1970-01-01T00:00:00Z; None if nobody knows: then it is
                remembered for as long as any token may live.

        Raises:
            StoreUnavailable: the store cannot be asked; it may be told again.
        """
        if until is None:
            until = self._clock() + max(self._settings.memory, self.store.longest_memory()).total_seconds()
        else:
            until += self._slack
        entry = _entry("t", token_id, 0, until=until)
        self.store.revoke(entry)
        self._know(entry)

    def _know(self, entry: Revocation, *, told: bool = True) -> None:
        if self.feed is not None:
            self.feed.note(entry, told=told)

    def _note(self, kind: Kind, subject: str, value: int) -> None:
        """Know at once what a session or a user of ours has come to."""
        self._know(_entry(kind, subject, value, until=self._clock() + self._settings.memory.total_seconds()))

    def _make_feed(self) -> RevocationFeed | None:
        settings = self._settings
        if self._store is None or settings.revocation != "feed":
            return None
        return RevocationFeed(
            self._store,
            interval=settings.revocation_interval,
            max_staleness=settings.revocation_max_staleness,
            timeout=settings.store_timeout,
            bucket_width=bucket_width(settings.access_lifetime),
            leeway=settings.leeway,
            wall=self._clock,
        )

    def _make_sessions(self) -> Sessions | None:
        settings = self._settings
        if self._store is None or settings.refresh_keys is None:
            return None
        terms = Terms(
            idle_lifetime=settings.refresh_idle_lifetime,
            retry_window=settings.refresh_retry_window,
            memory=settings.memory,
        )
        return Sessions(
            self._store, settings.refresh_keys, terms=terms, lifetime=settings.session_lifetime, note=self._note
        )


def _entry(kind: Kind, subject: str, value: int, *, until: float) -> Revocation:
    """Return what is told of a revocation, which may be forgotten at *until*, seconds since 1970-01-01T00:00:00Z."""
    expires_at = min(max(0, math.ceil(until * 1000)), YEAR_9999 * 1000)
    return Revocation(kind=kind, subject=subject, value=value, expires_at=expires_at)
