"""Stores that people write themselves: whatever they fail with is an outage, which the rest knows to answer."""

from collections.abc import Callable
from typing import Any

from ..core.errors import StoreUnavailable
from ..core.store import Store, translated


def guard(store: Store) -> Store:
    """Return *store* such that nothing foreign leaves it: one of ours as it is, for any other a :class:`Guarded`."""
    ours = type(store).__module__.startswith(f"{__package__}.")  # by name: one may need what is not installed
    return store if ours else Guarded(store)


def _pass_on(name: str, *let_through: type[Exception]) -> Callable[..., Any]:
    def call(self: "Guarded", *args: Any, **options: Any) -> Any:
        with translated(*let_through):
            return getattr(self.store, name)(*args, **options)

    return call


class Guarded:
    """Passes on what a store is asked. Its errors may name a host or a password, and no caller expects them.

    Args:
        store: asked for each method when that is called.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    bind = _pass_on("bind")
    create = _pass_on("create")
    close = _pass_on("close")
    start_session = _pass_on("start_session", ValueError, TypeError)
    find_session = _pass_on("find_session")
    list_sessions = _pass_on("list_sessions")
    redeem = _pass_on("redeem", ValueError, TypeError)
    end_session = _pass_on("end_session")
    longest_memory = _pass_on("longest_memory")
    read_epoch = _pass_on("read_epoch")
    revoke_user = _pass_on("revoke_user", ValueError, TypeError)
    revoke = _pass_on("revoke")
    news = _pass_on("news")
    purge = _pass_on("purge")

    def is_revoked(self, **asked: Any) -> bool:
        """Pass on what was asked, and no other answer than yes or no: None is neither, and would let the token pass."""
        with translated():
            answer = self.store.is_revoked(**asked)
        if not isinstance(answer, bool):
            raise StoreUnavailable(f"the store answered is_revoked with {type(answer).__name__}")
        return answer
