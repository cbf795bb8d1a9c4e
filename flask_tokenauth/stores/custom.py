"""Stores that people write themselves: whatever they fail with is an outage, which the rest knows to answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ..core.encoding.limits import check_identifier
from ..core.errors import StoreUnavailable
from ..core.records.session import Redemption, Session
from ..core.store import Store, translated


def guard(store: Store) -> Store:
    """Return *store* such that nothing foreign leaves it: one of ours as it is, for any other a :class:`Guarded`."""
    ours = type(store).__module__.startswith(f"{__package__}.")  # by name: one may need what is not installed
    return store if ours else Guarded(store)


def _pass_on(name: str, *kinds: type) -> Callable[..., Any]:
    """Return a method that passes on what *name* is asked, and answers of these *kinds* only; any, if none is given."""

    def call(self: "Guarded", *args: Any, **options: Any) -> Any:
        with translated():
            answer = getattr(self.store, name)(*args, **options)
        if kinds and (not isinstance(answer, kinds) or (isinstance(answer, bool) and bool not in kinds)):
            raise StoreUnavailable(f"the store answered {name} with {type(answer).__name__}")
        return answer

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
    start_session = _pass_on("start_session", Session)
    find_session = _pass_on("find_session", Session, type(None))
    list_sessions = _pass_on("list_sessions", list)
    redeem = _pass_on("redeem", Redemption)
    end_session = _pass_on("end_session", Session, type(None))
    longest_memory = _pass_on("longest_memory", timedelta)
    read_epoch = _pass_on("read_epoch", int)
    revoke = _pass_on("revoke")
    is_revoked = _pass_on("is_revoked", bool)  # None would let every token pass
    news = _pass_on("news")
    purge = _pass_on("purge", int)

    def revoke_user(self, user_id: str, *, memory: timedelta) -> Any:
        """Refuse what is no user ID, as every store promises, and pass on the rest."""
        check_identifier("user_id", user_id)
        return self._revoke_user(user_id, memory=memory)

    _revoke_user = _pass_on("revoke_user", int)
