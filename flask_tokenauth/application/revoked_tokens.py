"""Which tokens of one application are revoked, by the revocations that this process knows or by the store."""

from typing import TYPE_CHECKING, Any

from ..core.errors import SettingsError
from ..core.opaque.looked_up_tokens import ApiKeyToken
from ..core.store import Store
from ..core.tokens.delegation import PARENT
from ..core.tokens.token import Token
from .setting_types import PREFIX, RevocationMode

if TYPE_CHECKING:
    from ..core.revocation.feed import RevocationFeed

NO_STORE = (
    f"sessions, auth.endpoints and revocation need {PREFIX}STORE, which is not set: set it to "
    '"sqlite:////var/lib/api/sessions.db" for one machine, or to "memory://" to try it'
)
_REVOCATION_IS_OFF = (
    f'{PREFIX}REVOCATION must be "feed" or "strict" to revoke, got "off": with "off", revoked tokens are accepted '
    "until they expire"
)


class RevokedTokens:
    """Judges whether tokens are revoked.

    A token that was made from another one is revoked with it. Each of the two is looked for by its own expiry.

    Args:
        store: the store; None without ``TOKENAUTH_STORE``.
        feed: the revocations that this process knows; None unless ``TOKENAUTH_REVOCATION`` is "feed".
        mode: ``TOKENAUTH_REVOCATION``.

    Attributes:
        feed: as given.
        revokes: whether revoked tokens are refused: there is a store, and ``TOKENAUTH_REVOCATION`` is not "off".
    """

    def __init__(self, store: Store | None, feed: "RevocationFeed | None", mode: RevocationMode) -> None:
        self._store = store
        self.feed = feed
        self.revokes = store is not None and mode != "off"

    @property
    def store(self) -> Store:
        """The store. A custom store is wrapped, so that its own exceptions become ``StoreUnavailable``.

        Raises:
            SettingsError: ``TOKENAUTH_STORE`` is not set.
        """
        if self._store is None:
            raise SettingsError(NO_STORE)
        return self._store

    def check_revokes(self) -> None:
        """Check that a revocation would have an effect.

        Raises:
            SettingsError: ``TOKENAUTH_STORE`` is not set, or ``TOKENAUTH_REVOCATION`` is "off".
        """
        _ = self.store
        if not self.revokes:
            raise SettingsError(_REVOCATION_IS_OFF)

    def is_revoked(self, token: Token) -> bool:
        """Return whether *token*, its session, or everything that its user had at its epoch is revoked.

        With ``TOKENAUTH_REVOCATION`` "strict" the store is asked, with "feed" this process knows.

        Raises:
            StoreUnavailable: it is not known.
        """
        return self.is_revoked_in_store(token) if self.feed is None else self.is_revoked_locally(token)

    def is_looked_up_revoked(self, token: Token) -> bool:
        """Return whether a token that was looked up is revoked: a reference token, or an API key.

        Raises:
            StoreUnavailable: it is not known.
        """
        if not isinstance(token, ApiKeyToken):
            return self.revokes and self.is_revoked(token)
        key = token.api_key  # without a feed it was looked up just now
        return self.feed is not None and self.feed.is_api_key_revoked(
            key.id, user_id=key.user_id, key_epoch=key.key_epoch
        )

    def is_revoked_anywhere(self, token: Token) -> bool:
        """Return whether the store or this process has *token* as revoked. An API key was looked up just now.

        Raises:
            StoreUnavailable: the store cannot be asked, or the revocations that this process knows are too old.
        """
        if isinstance(token, ApiKeyToken):
            return self.is_looked_up_revoked(token)
        return self.is_revoked_in_store(token) or self.is_revoked_locally(token)

    def is_revoked_locally(self, token: Token) -> bool:
        """Return whether this process knows that *token* is revoked; False without a feed.

        Raises:
            StoreUnavailable: the revocations that this process knows are too old.
        """
        if self.feed is None:
            return False
        claims: Any = token.claims  # the policy has checked the types of these claims
        session_id, epoch = claims.get("sid"), claims.get("epoch", 0)
        is_revoked = self.feed.is_revoked(
            token_id=claims.get("jti"), exp=claims["exp"], session_id=session_id, user_id=token.subject, epoch=epoch
        )
        if is_revoked or PARENT not in claims:
            return is_revoked
        parent = claims[PARENT]  # by its own expiry, since the feed forgets revocations of tokens that have expired
        return self.feed.is_revoked(
            token_id=parent["jti"], exp=parent["exp"], session_id=session_id, user_id=token.subject, epoch=epoch
        )

    def is_revoked_in_store(self, token: Token) -> bool:
        """Return whether the store has *token*, its session or its user as revoked.

        Raises:
            StoreUnavailable: the store cannot be asked.
        """
        store, session_id, epoch = self.store, token.session_id, token.epoch
        is_revoked = store.is_revoked(
            token_id=token.token_id, session_id=session_id, user_id=token.subject, epoch=epoch
        )
        if is_revoked or PARENT not in token.claims:
            return is_revoked
        parent: Any = token.claims[PARENT]
        return store.is_revoked(token_id=parent["jti"], session_id=session_id, user_id=token.subject, epoch=epoch)
