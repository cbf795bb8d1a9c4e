"""The state of a revocation feed, as operators see it."""

import msgspec


class FeedState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a revocation feed."""

    age: float | None  # seconds since the start of the last complete fetch; None: this process has made none
    tokens: int
    sessions: int
    users: int
    failures: int  # of the last tries to fetch, one after the other
    lost_by_store: int  # revocations that the store has lost, and that are not written to it again yet
