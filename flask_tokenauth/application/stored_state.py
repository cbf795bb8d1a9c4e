"""The store of one application, with its sessions and the revocation feed."""

import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..core.encoding.limits import YEAR_9999
from ..core.errors import SettingsError
from ..core.records.api_key import ApiKey
from ..core.records.revocation import Revocation, RevocationKind, retention_of
from ..core.records.session import Terms
from ..core.store import Store
from ..core.tokens.claims import ClaimsPolicy
from ..core.tokens.token import Token
from .after_answer import call_after_answer
from .revoked_tokens import NO_STORE, RevokedTokens
from .setting_types import PREFIX
from .settings import Settings

if TYPE_CHECKING:
    from ..core.opaque.api_key_uses import ApiKeyUses
    from ..core.opaque.lookups import Lookups
    from ..core.revocation.feed import RevocationFeed
    from ..core.rotation import Sessions


class StoredState(RevokedTokens):
    """The state that one application keeps in its store. Without ``TOKENAUTH_STORE`` there is none.

    Code that needs a store is imported only if there is one.

    Args:
        settings: of the application.
        clock: returns seconds since 1970-01-01T00:00:00Z.

    Attributes:
        opened: the store as it was opened, or given; None without ``TOKENAUTH_STORE``.
        feed: the revocations that this process knows; None unless ``TOKENAUTH_REVOCATION`` is "feed".

    Raises:
        SettingsError: the store cannot be opened, or belongs to another issuer.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self.opened = None if settings.store is None else _open(settings)
        store = None if self.opened is None else _translate_errors(self.opened)
        super().__init__(store, _make_feed(settings, store, clock), settings.revocation)
        self._uses = self._make_uses()
        self._sessions = self._make_sessions()

    def ask_store(self, method: str, *arguments: object) -> Any:
        """Return the answer of a method that not every store has; None if this one lacks it, or there is none.

        Args:
            method: its name.
            arguments: its arguments.
        """
        ask = getattr(self.opened, method, None)
        return None if ask is None else ask(*arguments)

    def inspect_store(self, method: str, *arguments: object, **options: object) -> Any:
        """Return the answer of a method of the store's inspection; None if this one lacks it, or there is none.

        Args:
            method: its name.
            arguments: its arguments.
            options: its arguments with names.
        """
        ask = getattr(getattr(self.opened, "inspection", None), method, None)
        return None if ask is None else ask(*arguments, **options)

    @property
    def sessions(self) -> "Sessions":
        """Starts sessions and redeems refresh tokens.

        Raises:
            SettingsError: ``TOKENAUTH_STORE`` is not set.
        """
        if self._sessions is None:
            raise SettingsError(NO_STORE)
        return self._sessions

    def make_lookups(self, policy: ClaimsPolicy) -> "Lookups | None":
        """Return what looks up tokens that only the store can explain; None without a store.

        Args:
            policy: the rules for the claims of tokens.
        """
        if self._store is None:
            return None
        from ..core.opaque.lookups import Lookups  # noqa: PLC0415  # see above

        return Lookups(
            self._store,
            policy,
            is_revoked=self.is_looked_up_revoked,
            api_key_prefixes=self._settings.api_key_prefix if self._settings.api_keys else (),
            size=0 if self.feed is None else self._settings.token_cache_size,
            monotonic=self.monotonic,
        )

    def note_use(self, key_id: str) -> None:
        """Note that an API key is used now. It is written to the store later, with those of other keys."""
        if self._uses is not None:
            self._uses.note(key_id)
            if self.feed is None:
                self._write_uses()

    def _write_uses(self) -> None:
        if self._uses is not None and self._uses.is_due():
            call_after_answer(self._uses.write)

    def monotonic(self) -> float:
        """Return seconds that always rise, from any start: the clock of the feed, if there is one."""
        return time.perf_counter() if self.feed is None else self.feed.monotonic()

    def revoke(self, token: Token) -> bool:
        """Revoke a verified token: in this process at once, in others within the interval.

        The entry is always written: the store may have the token as revoked for a shorter time, and merges entries. So
        a client that repeats itself cannot fill the store.

        Returns:
            Whether the store did not have it as revoked, by itself, its session or its user.

        Raises:
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        exp = math.floor(token.claims["exp"])  # type: ignore[call-overload]  # a number, as the policy has checked
        is_new = not self.is_revoked_in_store(token)
        self._revoke_token(str(token.token_id), exp, until=_end_of(exp, self.longest_leeway()))
        return is_new

    def revoke_id(self, token_id: str, *, until: float | None, leeway: timedelta) -> None:
        """Revoke the token with this ID: in this process at once, in others within the interval.

        Args:
            token_id: ``jti``.
            until: a time by which the token has expired, in seconds since 1970-01-01T00:00:00Z. With None the
                revocation is kept for as long as any token can live.
            leeway: the longest one, see :meth:`longest_leeway`.

        Raises:
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        if until is None:
            lifetime = max(self._settings.max_lifetime, self.store.longest_lifetime())
            # The clock of this process may be behind that of the issuer.
            until = self._clock() + (lifetime + leeway).total_seconds()
        self._revoke_token(token_id, 0, until=_end_of(until, leeway))

    def revoke_api_key(self, key_id: str) -> ApiKey | None:
        """Revoke an API key: in this process at once, in others within the interval. Return it, or None without one.

        Raises:
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        from ..core.opaque.lookups import LONGEST_MEMORY  # noqa: PLC0415  # see above

        # No process may remember the key for longer than its revocation.
        retention = self._settings.retention + timedelta(seconds=LONGEST_MEMORY)
        key = self.store.revoke_api_key(key_id, retention=retention)
        if key is not None:
            until = self._clock() + retention.total_seconds()
            self._add_to_feed(_revocation("token", key_id, 0, until=until))
        return key

    def longest_leeway(self) -> timedelta:
        """Return the longest leeway of all applications that have used the store.

        Raises:
            StoreUnavailable: the store cannot be asked.
        """
        return max(self._settings.leeway, self.store.longest_leeway())

    def _revoke_token(self, token_id: str, exp: int, *, until: float) -> None:
        entry = _revocation("token", token_id, exp, until=until)
        self.store.revoke(entry)
        self._add_to_feed(entry)

    def _add_to_feed(self, entry: Revocation) -> None:
        if self.feed is not None:
            self.feed.add(entry)

    def _revoked_here(self, kind: RevocationKind, subject: str, value: int) -> None:
        """Add a session or a user that this process has just revoked to the feed."""
        until = self._clock() + self._settings.retention.total_seconds()
        self._add_to_feed(_revocation(kind, subject, value, until=until))

    def _make_uses(self) -> "ApiKeyUses | None":
        settings = self._settings
        if self._store is None or not settings.api_keys:
            return None
        from ..core.opaque.api_key_uses import ApiKeyUses  # noqa: PLC0415  # see above

        if self.feed is not None:
            self.feed.after_fetch = self._write_uses
        return ApiKeyUses(self._store, timeout=settings.store_timeout.total_seconds(), monotonic=self.monotonic)

    def _make_sessions(self) -> "Sessions | None":
        settings = self._settings
        if self._store is None or settings.refresh_keys is None:
            return None
        from ..core.rotation import Sessions  # noqa: PLC0415  # see above

        terms = Terms(
            idle_lifetime=settings.refresh_idle_lifetime,
            retry_window=settings.refresh_retry_window,
            retention=settings.retention,
        )
        return Sessions(
            self._store,
            settings.refresh_keys,
            terms=terms,
            lifetime=settings.session_lifetime,
            most=settings.sessions_per_user,
            on_revocation=self._revoked_here,
        )


def _make_feed(settings: Settings, store: Store | None, clock: Callable[[], float]) -> "RevocationFeed | None":
    if store is None or settings.revocation != "feed":
        return None
    from ..core.revocation.feed import RevocationFeed  # noqa: PLC0415  # see StoredState

    return RevocationFeed(
        store,
        interval=settings.revocation_interval,
        max_staleness=settings.revocation_max_staleness,
        timeout=settings.store_timeout,
        leeway=settings.leeway,
        wall=clock,
    )


def _end_of(expires_at: float, leeway: timedelta) -> float:
    """Return until when the revocation of a token that expires at *expires_at* must be kept.

    Any application of the store may accept the token after it has expired, as long as its leeway allows. The longest
    one is *leeway*.
    """
    return expires_at + retention_of(timedelta(0), leeway).total_seconds()


def _translate_errors(store: Store) -> Store:
    from ..stores.custom import translate_errors  # noqa: PLC0415  # see StoredState

    return translate_errors(store)


def _open(settings: Settings) -> Store:
    from ..stores.opening import open_store  # noqa: PLC0415  # see StoredState

    try:
        store = open_store(settings.store, prefix=settings.store_prefix)
    except SettingsError as error:
        raise SettingsError(f"{PREFIX}STORE: {error} (in the environment: FLASK_{PREFIX}STORE)") from error
    try:
        store.bind(
            settings.issuer, timeout=settings.store_timeout, lifetime=settings.max_lifetime, leeway=settings.leeway
        )
    except SettingsError as error:
        raise SettingsError(f"{PREFIX}STORE: {error}") from error
    return store


def _revocation(kind: RevocationKind, subject: str, value: int, *, until: float) -> Revocation:
    """Return a revocation that may be forgotten at *until*, in seconds since 1970-01-01T00:00:00Z."""
    expires_at = min(max(0, math.ceil(until * 1000)), YEAR_9999 * 1000)
    return Revocation(kind=kind, subject=subject, value=value, expires_at=expires_at)
