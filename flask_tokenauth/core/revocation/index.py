"""What is revoked, as one process holds it: a few dicts, in which a look-up costs the same whatever their number.

Tokens lie in buckets by the time at which they expire by themselves. Every token says that of itself, so it is found in
two steps, and what is over goes by whole buckets. The values are None and plain numbers, nothing that the garbage
collector would look through; sets instead of such dicts take half as much memory again. When what else is revoked may
be forgotten is kept to the minute, so that many share one number, and of users it is told by the epoch itself.
"""

from collections.abc import Iterator, Mapping

from ..encoding.limits import YEAR_9999
from ..records.revocation import Revocation

_MINUTE = 60_000  # milliseconds
_FORGIVEN = 5 * _MINUTE  # by which the ends of two entries for one subject may differ, as do clocks


class RevocationIndex:
    """Knows what is revoked. Looking up needs no lock; who changes or lists has to hold others off who change.

    Args:
        width: of a bucket, whole seconds.
        grace: for so many whole seconds after the last one of its bucket a token is remembered.
    """

    def __init__(self, *, width: int, grace: int) -> None:
        self._width = width
        self._grace = grace
        self._dated: dict[float, dict[str, None]] = {}  # by exp // width
        self._undated: dict[str, int] = {}  # tokens whose "exp" nobody told: when they may be forgotten
        self._sessions: dict[str, int] = {}  # when they may be forgotten
        self._users: dict[str, int] = {}  # the epoch
        self._user_memory = 0  # milliseconds after its epoch, at the most, for which any user is to be remembered
        self._minutes: dict[int, int] = {}  # each of those above, once

    def has(self, *, token_id: str | None, exp: float, session_id: str | None, user_id: str, epoch: int) -> bool:
        """Say whether a token is revoked, its session, or what its user had at its *epoch*."""
        bucket = self._dated.get(exp // self._width)
        if bucket is not None and token_id in bucket:
            return True
        if token_id in self._undated or session_id in self._sessions:
            return True
        least = self._users.get(user_id)
        return least is not None and epoch < least

    def add(self, entry: Revocation) -> None:
        """Know of *entry*, too; whatever was known stays known."""
        subject, value, until = entry.subject, entry.value, self._minute(entry.expires_at)
        if entry.kind == "user":
            self._users[subject] = max(self._users.get(subject, 0), value)
            self._user_memory = max(self._user_memory, until - value)
        elif entry.kind == "session":
            self._sessions[subject] = max(self._sessions.get(subject, 0), until)
        elif 0 < value <= YEAR_9999:
            self._dated.setdefault(value // self._width, {})[subject] = None
        else:
            self._undated[subject] = max(self._undated.get(subject, 0), until)

    def prune(self, now: float) -> None:
        """Forget what is over at *now*, in seconds since 1970-01-01T00:00:00Z."""
        for number in [each for each in self._dated if self._end_of(each) <= now]:
            del self._dated[number]
        milliseconds = now * 1000
        for table in self._undated, self._sessions:
            for subject in [each for each, until in table.items() if until <= milliseconds]:
                del table[subject]
        for subject in [each for each, epoch in self._users.items() if epoch + self._user_memory <= milliseconds]:
            del self._users[subject]
        for minute in [each for each in self._minutes if each <= milliseconds]:
            del self._minutes[minute]

    def beyond(self, other: "RevocationIndex") -> list[Revocation]:
        """Return what is known here and not to *other*, which has the same width, or only for a shorter time there."""
        return [*self._dated_beyond(other), *self._undated_beyond(other)]

    def count(self) -> tuple[int, int, int]:
        """Return how many tokens, sessions and users there are."""
        tokens = sum(map(len, self._dated.values())) + len(self._undated)
        return tokens, len(self._sessions), len(self._users)

    def _minute(self, milliseconds: int) -> int:
        """Return the end of the minute in which something may be forgotten, in milliseconds."""
        minute = min(-(-milliseconds // _MINUTE) * _MINUTE, YEAR_9999 * 1000)
        return self._minutes.setdefault(minute, minute)

    def _end_of(self, number: float) -> int:
        return (int(number) + 1) * self._width + self._grace

    def _dated_beyond(self, other: "RevocationIndex") -> Iterator[Revocation]:
        """Yield tokens, with no *exp*: we know the bucket alone, and others may have buckets of another width."""
        for number, bucket in self._dated.items():
            until = min(self._end_of(number), YEAR_9999) * 1000
            theirs = other._dated.get(number, {})
            for subject in bucket:
                if subject not in theirs and _is_short(other._undated, subject, until):
                    yield Revocation(kind="token", subject=subject, expires_at=until)

    def _undated_beyond(self, other: "RevocationIndex") -> Iterator[Revocation]:
        for subject, until in self._undated.items():
            if _is_short(other._undated, subject, until):
                yield Revocation(kind="token", subject=subject, expires_at=until)
        for subject, until in self._sessions.items():
            if _is_short(other._sessions, subject, until):
                yield Revocation(kind="session", subject=subject, expires_at=until)
        for subject, epoch in self._users.items():
            until = min(epoch + self._user_memory, YEAR_9999 * 1000)
            theirs = other._users.get(subject, -1)
            if theirs < epoch or theirs + other._user_memory + _FORGIVEN < until:
                yield Revocation(kind="user", subject=subject, value=epoch, expires_at=until)


def _is_short(table: Mapping[str, int], subject: str, until: int) -> bool:
    return subject not in table or table[subject] + _FORGIVEN < until
