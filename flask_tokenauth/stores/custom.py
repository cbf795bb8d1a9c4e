"""Custom stores, which an application brings. Their exceptions become ``StoreUnavailable``."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ..core.encoding.limits import check_identifier
from ..core.errors import PurgeRefused, StoreUnavailable
from ..core.records.api_key import ApiKey
from ..core.records.reference_token import ReferenceToken
from ..core.records.session import Redemption, Session, SessionPage, StartedSession
from ..core.store import Store, translated
from .rows import WRONG_CURSOR


def translate_errors(store: Store) -> Store:
    """Return *store* wrapped in a :class:`CustomStore`, or unchanged if it is a store of this package."""
    is_ours = type(store).__module__.startswith(f"{__package__}.")  # by name: SQLAlchemy may not be installed
    return store if is_ours else CustomStore(store)


def _forward(name: str, *kinds: type, allowed: tuple[type[Exception], ...] = ()) -> Callable[..., Any]:
    """Return a method that calls *name* of the custom store, and checks that its answer is one of *kinds*, if given.

    Args:
        name: of the method.
        kinds: of the answer.
        allowed: the exceptions that the method may raise, beside those of every method.
    """

    def call(self: "CustomStore", *args: Any, **options: Any) -> Any:
        with translated(allowed=allowed):
            answer = getattr(self.store, name)(*args, **options)
        if kinds and (not isinstance(answer, kinds) or (isinstance(answer, bool) and bool not in kinds)):
            expected = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
            raise StoreUnavailable(f"{name} of the store must return {expected}, got {type(answer).__name__}")
        return answer

    return call


class CustomStore:
    """Forwards each call to a custom store, and translates its exceptions, which may name a host or a password.

    Args:
        store: the custom store. Its methods are looked up at each call.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    bind = _forward("bind")
    create = _forward("create")
    close = _forward("close")
    start_session = _forward("start_session", StartedSession)
    find_session = _forward("find_session", Session, type(None))
    redeem = _forward("redeem", Redemption)
    end_session = _forward("end_session", Session, type(None))
    longest_lifetime = _forward("longest_lifetime", timedelta)
    longest_leeway = _forward("longest_leeway", timedelta)
    read_epoch = _forward("read_epoch", int)
    revoke = _forward("revoke")
    is_revoked = _forward("is_revoked", bool)  # None would accept every token
    add_api_key = _forward("add_api_key", ApiKey, type(None))
    find_api_key = _forward("find_api_key", ApiKey, type(None))
    revoke_api_key = _forward("revoke_api_key", ApiKey, type(None))
    note_uses_of_api_keys = _forward("note_uses_of_api_keys")
    add_reference_token = _forward("add_reference_token")
    find_reference_token = _forward("find_reference_token", ReferenceToken, type(None))
    revocations_since = _forward("revocations_since")
    spend = _forward("spend", bool)  # None would be no answer: a ticket could be used twice
    report_ring = _forward("report_ring", tuple)
    list_rings = _forward("list_rings", tuple)
    purge = _forward("purge", int, allowed=(PurgeRefused,))

    def list_sessions(self, user_id: str, **options: Any) -> Any:
        """Forward the call. The one error that a client can cause is left what it is, with a message of this package.

        Raises:
            ValueError: the store refuses the cursor.
        """
        cursor = options.get("cursor")
        if cursor is None:
            return self._list_sessions(user_id, **options)
        try:
            page = self._list_more_sessions(user_id, **options)
        except ValueError:
            raise ValueError(WRONG_CURSOR) from None
        if page.cursor == cursor:
            raise StoreUnavailable(
                "list_sessions of the store must return the next cursor, got the same one: return None for the "
                "last page"
            )
        return page

    _list_sessions = _forward("list_sessions", SessionPage)
    _list_more_sessions = _forward("list_sessions", SessionPage, allowed=(ValueError,))

    def list_api_keys(self, user_id: str, **options: Any) -> Any:
        """Forward the call, and check that each element of the answer is an API key."""
        keys = self._list_api_keys(user_id, **options)
        for key in keys:
            if not isinstance(key, ApiKey):
                raise StoreUnavailable(
                    f"list_api_keys of the store must return a tuple of ApiKey, got one with {type(key).__name__}"
                )
        return keys

    _list_api_keys = _forward("list_api_keys", tuple)

    def revoke_user(self, user_id: str, *, retention: timedelta, api_keys: bool) -> Any:
        """Check the user ID, as every store promises, and forward the call.

        Raises:
            ValueError: *user_id* is not an identifier.
        """
        check_identifier("user_id", user_id)
        return self._revoke_user(user_id, retention=retention, api_keys=api_keys)

    _revoke_user = _forward("revoke_user", int)
