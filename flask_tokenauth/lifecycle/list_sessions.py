"""List the sessions of a user page by page, so that no list of any length is held in memory."""

from collections.abc import Iterator

from ..application.app_state import AppState
from ..application.refusing import asking_store
from ..core.records.session import Session
from ..core.store import Store

PAGE = 50  # sessions


def iterate_sessions(state: AppState, user_id: object) -> Iterator[Session]:
    """Return an iterator of the live sessions of a user, the newest sign-in first. It fetches page by page.

    The arguments are checked at once, and the store is asked with the first session.

    Raises:
        TypeError: *user_id* has the wrong type.
        ValueError: *user_id* is not a user ID.
        SettingsError: there is no store.
        StoreUnavailable: the store cannot be asked. The iterator raises it.
    """
    return _iterate(state, state.store, state.authenticator.user_ids.to_subject(user_id))


def _iterate(state: AppState, store: Store, subject: str) -> Iterator[Session]:
    cursor = None
    while True:
        with asking_store(state):
            page = store.list_sessions(subject, cursor=cursor, limit=PAGE)
        yield from page.sessions
        cursor = page.cursor
        if cursor is None:
            return
