"""The methods of ``TokenAuth`` that revoke a session, a user or a token."""

from datetime import datetime
from typing import TypeVar

from .application.app_state import current_state
from .application.refusing import asking_store
from .core.tokens.issuing import seconds_of
from .exchange_methods import ExchangeMethods
from .lifecycle.revoke import end_session, end_user, find_current_session, revoke_token, revoke_token_id
from .users import require_own_token

T = TypeVar("T")


class RevocationMethods(ExchangeMethods[T]):
    """Revokes sessions, users and tokens. It needs ``TOKENAUTH_STORE``."""

    def revoke_session(self, session_id: str | None = None) -> bool:
        """End a session of any user, and revoke its access tokens. Needs an application context.

        Args:
            session_id: the session; None for the session of the current request's token.

        Returns:
            Whether there was a session to end.

        Raises:
            NotAuthenticated: *session_id* is None, and the request has no token of a live session.
            TypeError: *session_id* is not a string.
            SettingsError: ``TOKENAUTH_STORE`` is not set, or ``TOKENAUTH_REVOCATION`` is "off".
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        state = current_state()
        state.stored.check_revokes()
        if not isinstance(session_id, str | None):
            raise TypeError(
                f"session_id must be a string, got {type(session_id).__name__}: pass the session_id of a Session"
            )
        with asking_store(state):
            return end_session(state, find_current_session(state).session_id if session_id is None else session_id)

    def revoke_user(self, user_id: T, *, api_keys: bool | None = None) -> None:
        """End every session of a user, and revoke every token issued before. Needs an application context.

        Call it after a theft, when the password changes, or when you delete the user.

        Args:
            user_id: the user.
            api_keys: whether the API keys of the user end too. You can leave it out only if ``TOKENAUTH_API_KEYS`` is
                not set.

        Raises:
            TypeError: *user_id* has the wrong type, *api_keys* is not a boolean, or it is left out and
                ``TOKENAUTH_API_KEYS`` is set.
            ValueError: *user_id* is not a user ID.
            SettingsError: ``TOKENAUTH_STORE`` is not set, or ``TOKENAUTH_REVOCATION`` is "off".
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        state = current_state()
        if not isinstance(api_keys, bool) and (api_keys is not None or state.settings.api_keys):
            raise TypeError(
                f"api_keys must be True or False, got {type(api_keys).__name__}: say whether the API keys of the user "
                "end too, as after a theft"
            )
        state.stored.check_revokes()
        with asking_store(state):
            end_user(state, user_id, api_keys=bool(api_keys))

    def revoke_token(self, token_id: str | None = None, *, expires_at: datetime | None = None) -> None:
        """Revoke one access token: in this process at once, in others within ``TOKENAUTH_REVOCATION_INTERVAL``.

        Its session goes on, and so do the other tokens of the user. If the current request has an API key that its view
        accepts, the key ends. Needs an application context.

        Args:
            token_id: ``jti`` of the token; None for the token or the API key of the current request.
            expires_at: a time by which the token has expired, as an aware ``datetime``. It may be later, but not
                earlier. If you do not know it, the revocation is kept for as long as any token can live.

        Raises:
            NotAuthenticated: *token_id* is None, and the request has no good token of our own issuer.
            TypeError: *token_id* is not a string, or *expires_at* is not a ``datetime``.
            ValueError: *token_id* is not an identifier, or *expires_at* has no time zone, has no *token_id*, or is past
                by twice the leeway or more.
            SettingsError: ``TOKENAUTH_STORE`` is not set, or ``TOKENAUTH_REVOCATION`` is "off".
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        state = current_state()
        state.stored.check_revokes()
        if not isinstance(token_id, str | None):
            raise TypeError(f"token_id must be a string (the claim jti), got {type(token_id).__name__}")
        until = None if expires_at is None else seconds_of(expires_at, name="expires_at")
        if token_id is None and until is not None:
            raise ValueError("expires_at needs a token_id: for the current token it is known, so leave it out")
        with asking_store(state):
            if token_id is None:
                revoke_token(state, require_own_token(state))
            else:
                revoke_token_id(state, token_id, until=until)
