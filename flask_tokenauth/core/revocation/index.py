"""The revocations of one process, in a few dicts: a look-up costs the same however many there are.

Tokens lie in buckets by their expiry. A token that is looked up names its own expiry, so it is found in two steps, and
expired tokens are removed by whole buckets. The values are None and plain numbers, which the garbage collector does not
look through; sets would take half as much memory again. Sessions, and tokens without a known expiry, keep the minute in
which they may be forgotten, so that many of them share one number. For users this follows from the epoch itself.
"""

from collections.abc import Iterator, Mapping

from ..encoding.limits import YEAR_9999
from ..records.revocation import Revocation, RevocationKind

_MINUTE = 60_000  # milliseconds
_TOLERANCE = 5 * _MINUTE  # by which two entries for one subject may end apart: each was written by its own clock


class RevocationIndex:
    """Holds revocations. A look-up needs no lock; to change or list them, a caller must keep out others that change.

    Args:
        width: the span of expiry times in one bucket, in whole seconds.
        grace: for so many whole seconds after the last expiry in its bucket a token is kept.
    """

    def __init__(self, *, width: int, grace: int) -> None:
        self._width = width
        self._grace = grace
        self._dated: dict[float, dict[str, None]] = {}  # tokens by exp // width
        self._undated: dict[str, int] = {}  # tokens without a known expiry: when they may be forgotten
        self._sessions: dict[str, int] = {}  # when they may be forgotten
        self._users: dict[str, int] = {}  # the epochs
        self._api_keys: dict[str, int] = {}  # the key epochs of users
        self._user_retention = 0  # the longest time that a user must be kept after an epoch, in milliseconds
        self._minutes: dict[int, int] = {}  # one number for each minute, shared by the dicts above

    def has(self, *, token_id: str | None, exp: float, session_id: str | None, user_id: str, epoch: int) -> bool:
        """Return whether a token, its session, or everything that its user had at its *epoch* is revoked.

        Args:
            token_id: ``jti``.
            exp: ``exp``, in seconds since 1970-01-01T00:00:00Z.
            session_id: ``sid``; None for a token without a session.
            user_id: ``sub``.
            epoch: the claim ``epoch``; 0 for a token without it.
        """
        bucket = self._dated.get(exp // self._width)
        if bucket is not None and token_id in bucket:
            return True
        if token_id in self._undated or session_id in self._sessions:
            return True
        least = self._users.get(user_id)
        return least is not None and epoch < least

    def has_api_key(self, key_id: str, *, user_id: str, key_epoch: int) -> bool:
        """Return whether an API key, or everything that its user had at its *key_epoch*, is revoked.

        Args:
            key_id: the ID of the key.
            user_id: its user.
            key_epoch: the key epoch that its user had when the key was made.
        """
        if key_id in self._undated:
            return True
        least = self._api_keys.get(user_id)
        return least is not None and key_epoch < least

    def add(self, entry: Revocation) -> None:
        """Add a revocation. If its subject is known, the later expiry and the higher epoch count."""
        subject, value, until = entry.subject, entry.value, self._end_of_minute(entry.expires_at)
        if entry.kind in ("user", "api_keys"):
            epochs = self._users if entry.kind == "user" else self._api_keys
            epochs[subject] = max(epochs.get(subject, 0), value)
            self._user_retention = max(self._user_retention, until - value)
        elif entry.kind == "session":
            self._sessions[subject] = max(self._sessions.get(subject, 0), until)
        elif 0 < value <= YEAR_9999:
            self._dated.setdefault(value // self._width, {})[subject] = None
        else:
            self._undated[subject] = max(self._undated.get(subject, 0), until)

    def prune(self, now: float) -> None:
        """Forget the revocations that have expired at *now*, in seconds since 1970-01-01T00:00:00Z."""
        for number in [number for number in self._dated if self._end_of_bucket(number) <= now]:
            del self._dated[number]
        milliseconds = now * 1000
        for table in self._undated, self._sessions:
            for subject in [subject for subject, until in table.items() if until <= milliseconds]:
                del table[subject]
        for epochs in self._users, self._api_keys:
            old = [user_id for user_id, epoch in epochs.items() if epoch + self._user_retention <= milliseconds]
            for user_id in old:
                del epochs[user_id]
        for minute in [minute for minute in self._minutes if minute <= milliseconds]:
            del self._minutes[minute]

    def missing_in(self, other: "RevocationIndex") -> list[Revocation]:
        """Return the revocations that *other* lacks, or has with an earlier expiry or a lower epoch.

        Args:
            other: an index of the same width.
        """
        return [*self._dated_missing_in(other), *self._undated_missing_in(other)]

    def count(self) -> tuple[int, int, int]:
        """Return the numbers of tokens, sessions and users."""
        tokens = sum(map(len, self._dated.values())) + len(self._undated)
        return tokens, len(self._sessions), len(self._users.keys() | self._api_keys.keys())

    def _end_of_minute(self, milliseconds: int) -> int:
        """Return the end of the minute that *milliseconds* lies in, in milliseconds: one object for each minute."""
        minute = min(-(-milliseconds // _MINUTE) * _MINUTE, YEAR_9999 * 1000)
        return self._minutes.setdefault(minute, minute)

    def _end_of_bucket(self, number: float) -> int:
        return (int(number) + 1) * self._width + self._grace

    def _dated_missing_in(self, other: "RevocationIndex") -> Iterator[Revocation]:
        """Yield tokens, without ``exp``: only the bucket is known, and other processes may have another width."""
        for number, bucket in self._dated.items():
            until = min(self._end_of_bucket(number), YEAR_9999) * 1000
            theirs = other._dated.get(number, {})
            for subject in bucket:
                if subject not in theirs and _ends_earlier(other._undated, subject, until):
                    yield Revocation(kind="token", subject=subject, expires_at=until)

    def _undated_missing_in(self, other: "RevocationIndex") -> Iterator[Revocation]:
        for subject, until in self._undated.items():
            if _ends_earlier(other._undated, subject, until):
                yield Revocation(kind="token", subject=subject, expires_at=until)
        for subject, until in self._sessions.items():
            if _ends_earlier(other._sessions, subject, until):
                yield Revocation(kind="session", subject=subject, expires_at=until)
        yield from self._epochs_missing_in(other, "user", self._users, other._users)
        yield from self._epochs_missing_in(other, "api_keys", self._api_keys, other._api_keys)

    def _epochs_missing_in(
        self, other: "RevocationIndex", kind: RevocationKind, ours: Mapping[str, int], others: Mapping[str, int]
    ) -> Iterator[Revocation]:
        for subject, epoch in ours.items():
            until = min(epoch + self._user_retention, YEAR_9999 * 1000)
            theirs = others.get(subject, -1)
            if theirs < epoch or theirs + other._user_retention + _TOLERANCE < until:
                yield Revocation(kind=kind, subject=subject, value=epoch, expires_at=until)


def _ends_earlier(table: Mapping[str, int], subject: str, until: int) -> bool:
    """Return whether *table* lacks *subject*, or has it with an end well before *until*."""
    return subject not in table or table[subject] + _TOLERANCE < until
