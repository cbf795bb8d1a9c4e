"""The methods of ``TokenAuth`` for API keys."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from .application.app_state import current_state
from .application.refusing import asking_store
from .application_functions import ApplicationFunctions
from .core.records.api_key import ApiKey
from .lifecycle.api_keys import NewApiKey, create_api_key, end_api_key, list_api_keys

T = TypeVar("T")


class ApiKeyMethods(ApplicationFunctions[T]):
    """Makes, lists and ends API keys. They need ``TOKENAUTH_API_KEYS``."""

    def create_api_key(
        self,
        user_id: T,
        scopes: Iterable[str] = (),
        *,
        name: str,
        expires_in: timedelta | float | None = None,
    ) -> NewApiKey:
        """Make an API key of a user. Show its ``text`` to the user now: nobody can find it out later.

        Needs an application context. Check yourself that the user may give the key these scopes.

        Args:
            user_id: the user.
            scopes: the scopes of the key. If ``TOKENAUTH_SCOPES`` declares scopes, each must be declared.
            name: a name for people, 1 to 255 characters.
            expires_in: the lifetime of the key, as a ``timedelta`` or in seconds. None: it does not expire.

        Raises:
            TypeError: an argument has the wrong type, or *scopes* is a single string.
            ValueError: *user_id* is not a user ID, a scope is not declared, *name* is empty, too long or has control
                characters, *expires_in* is not above zero, or the user has 100 live API keys.
            SettingsError: ``TOKENAUTH_API_KEYS`` is not set.
            StoreUnavailable: the store cannot be asked. Unless you catch it, the answer is 503.
        """
        state = current_state()
        with asking_store(state):
            return create_api_key(state, user_id, scopes, name=name, expires_in=expires_in)

    def list_api_keys(self, user_id: T) -> list[ApiKey]:
        """Return the live API keys of a user, the newest first. Needs an application context.

        Args:
            user_id: the user.

        Raises:
            TypeError: *user_id* has the wrong type.
            ValueError: *user_id* is not a user ID.
            SettingsError: ``TOKENAUTH_API_KEYS`` is not set.
            StoreUnavailable: the store cannot be asked. Unless you catch it, the answer is 503.
        """
        state = current_state()
        with asking_store(state):
            return list_api_keys(state, user_id)

    def revoke_api_key(self, key_id: str) -> bool:
        """End an API key of any user: in this process at once, in others within ``TOKENAUTH_REVOCATION_INTERVAL``.

        Needs an application context. Check yourself that the caller may end it.

        Args:
            key_id: the ``id`` of the key.

        Returns:
            Whether there was a key to end.

        Raises:
            TypeError: *key_id* is not a string.
            SettingsError: ``TOKENAUTH_API_KEYS`` is not set.
            StoreUnavailable: the store cannot be asked; you can try again.
        """
        if not isinstance(key_id, str):
            raise TypeError(f"key_id must be a string, got {type(key_id).__name__}: pass the id of an ApiKey")
        state = current_state()
        with asking_store(state):
            return end_api_key(state, key_id)
