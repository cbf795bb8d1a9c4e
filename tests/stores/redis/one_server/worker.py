"""A process of an application, as far as the store sees it: a store of its own, and a feed."""

from datetime import timedelta

from flask_tokenauth.core.revocation.feed import RevocationFeed
from flask_tokenauth.stores.redis import RedisStore

from ....engines.redis import RedisServer
from .conftest import bind


class Worker:
    """A process of an application, with its feed. A poll is as if an interval had passed."""

    def __init__(self, server: RedisServer) -> None:
        self.store = bind(RedisStore(server.url()))
        self.seconds = 0.0
        self.feed = RevocationFeed(
            self.store,
            interval=timedelta(seconds=1),
            max_staleness=timedelta(seconds=30),
            monotonic=lambda: self.seconds,
        )
        self.feed.warm()

    def poll(self, *session_ids: str) -> list[bool]:
        """Return whether the access tokens of sessions are refused after an interval, and again after the next one."""
        return [self.is_refused(session_id) for _ in range(2) for session_id in session_ids]

    def is_refused(self, session_id: str = "laptop", *, epoch: int = 2**52) -> bool:
        self.seconds += 1
        return self.feed.is_revoked(token_id="t", exp=4e9, session_id=session_id, user_id="alice", epoch=epoch)
