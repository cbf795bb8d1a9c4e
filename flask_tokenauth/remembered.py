"""What the server remembers for one application: its sessions, and what of all that was issued is good no more."""

import math
from collections.abc import Callable

from .core.errors import SettingsError
from .core.news import MARGIN, Kind, Revocation
from .core.revocation import RevocationFeed, bucket_width
from .core.sessions import Sessions
from .core.store import Store, Terms
from .core.verifier import Token
from .settings import PREFIX, Settings

_NO_STORE = (
    f'this needs a memory: set {PREFIX}STORE ("sqlite:////var/lib/api/sessions.db" for one machine, "memory://" for '
    "trying it)"
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
        self.feed = self._make_feed()
        self._sessions = self._make_sessions()

    @property
    def store(self) -> Store:
        """What the server remembers.

        Raises:
            SettingsError: ``TOKENAUTH_STORE`` is not set.
        """
        if self._settings.store is None:
            raise SettingsError(_NO_STORE)
        return self._settings.store

    @property
    def sessions(self) -> Sessions:
        """Who starts sessions and redeems refresh tokens; raises like :attr:`store`."""
        if self._sessions is None:
            raise SettingsError(_NO_STORE)
        return self._sessions

    @property
    def revokes(self) -> bool:
        """Whether what is revoked is refused."""
        return self._settings.store is not None and self._settings.revocation != "off"

    def check_revokes(self) -> None:
        """Refuse to promise what would not be kept.

        Raises:
            SettingsError: ``TOKENAUTH_STORE`` is not set, or ``TOKENAUTH_REVOCATION`` is "off".
        """
        if self.store and not self.revokes:
            raise SettingsError(_REVOKES_NOTHING)

    def is_revoked(self, token: Token) -> bool:
        """Say whether a token, its session, or what its user had at its epoch is revoked, as far as is known here.

        Raises:
            StoreUnavailable: nobody knows.
        """
        if self.feed is None:
            return self.ask(token)
        claims = token.claims
        return self.feed.is_revoked(
            token_id=claims.get("jti"),  # type: ignore[arg-type]  # this and what follows as the policy found them
            exp=claims["exp"],  # type: ignore[arg-type]
            session_id=claims.get("sid"),  # type: ignore[arg-type]
            user_id=token.subject,
            epoch=claims.get("epoch", 0),  # type: ignore[arg-type]
        )

    def ask(self, token: Token) -> bool:
        """Ask the store whether a token is revoked, whatever is known here; raises as :meth:`is_revoked` does."""
        return self.store.is_revoked(
            token_id=token.token_id, session_id=token.session_id, user_id=token.subject, epoch=token.epoch
        )

    def revoke_token(self, token_id: str, *, exp: int = 0, until: float | None = None) -> None:
        """Refuse one token from now on, here at once and everywhere within the interval.

        Args:
            token_id: ``jti``.
            exp: of this very token, in seconds; 0 if nobody has read it there.
            until: by when it has expired, in seconds since 1970-01-01T00:00:00Z; None if nobody knows.

        Raises:
            StoreUnavailable: the store cannot be asked; it may be told again.
        """
        longest = self._clock() + self._settings.memory.total_seconds()
        last = exp or until
        over = longest if last is None else min(longest, last + (self._settings.leeway + MARGIN).total_seconds())
        entry = Revocation(kind="t", subject=token_id, value=exp, expires_at=math.ceil(over * 1000))
        self.store.revoke(entry)
        if self.feed is not None:
            self.feed.note(entry)

    def _note(self, kind: Kind, subject: str, value: int) -> None:
        """Know at once what a session or a user of ours has come to."""
        if self.feed is not None:
            over = self._clock() + self._settings.memory.total_seconds()
            self.feed.note(Revocation(kind=kind, subject=subject, value=value, expires_at=math.ceil(over * 1000)))

    def _make_feed(self) -> RevocationFeed | None:
        settings = self._settings
        if settings.store is None or settings.revocation != "feed":
            return None
        return RevocationFeed(
            settings.store,
            interval=settings.revocation_interval,
            max_staleness=settings.revocation_max_staleness,
            timeout=settings.store_timeout,
            bucket_width=bucket_width(settings.access_lifetime),
            leeway=settings.leeway,
            wall=self._clock,
        )

    def _make_sessions(self) -> Sessions | None:
        settings = self._settings
        if settings.store is None or settings.refresh_keys is None:
            return None
        terms = Terms(
            idle_lifetime=settings.refresh_idle_lifetime,
            retry_window=settings.refresh_retry_window,
            memory=settings.memory,
        )
        return Sessions(
            settings.store, settings.refresh_keys, terms=terms, lifetime=settings.session_lifetime, note=self._note
        )
