"""The sessions of each user in the order of their sign-ins, for the store in memory: no list needs a walk over all."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from .rows import SessionRow

_Position = tuple[int, str]  # a sign-in in milliseconds, and a session ID


class SessionsOfUsers:
    """Holds the IDs of sessions that were not ended. They may have expired."""

    def __init__(self) -> None:
        self._by_user: dict[str, list[_Position]] = {}  # sorted

    def add(self, row: SessionRow) -> None:
        """Add a session."""
        insort(self._by_user.setdefault(row.user_id, []), (row.started_at, row.session_id))

    def remove(self, row: SessionRow) -> None:
        """Remove a session."""
        positions = self._by_user[row.user_id]
        del positions[bisect_left(positions, (row.started_at, row.session_id))]
        if not positions:
            del self._by_user[row.user_id]

    def newest_first(self, user_id: str, after: _Position | None = None) -> Iterator[str]:
        """Return the session IDs of a user, the newest sign-in first, and only those after a position, if given."""
        positions = self._by_user.get(user_id, [])
        end = len(positions) if after is None else bisect_left(positions, after)
        return (positions[index][1] for index in range(end - 1, -1, -1))

    def ends(self, user_id: str, number: int) -> list[str]:
        """Return the session IDs of a user with the oldest and the newest sign-ins: *number* of each, or fewer."""
        positions = self._by_user[user_id]
        chosen = positions if len(positions) <= 2 * number else positions[:number] + positions[-number:]
        return [session_id for _, session_id in chosen]
