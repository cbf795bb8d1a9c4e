"""The revocations of one process, in a few tables: a look-up costs the same however many there are.

Each table is made of many dicts, its *parts*, and the hash of a subject chooses the part. One dict with a million
entries would stop a request for 50 milliseconds when it grows, and longer when it is searched for expired entries. A
part is small enough for both.

The values are plain numbers, which the garbage collector does not look through; sets would take half as much memory
again. Tokens and sessions keep the minute in which they may be forgotten, so that many of them share one number. For
users this follows from the epoch itself.
"""

import math
from collections.abc import Iterator

from ..encoding.limits import YEAR_9999
from ..records.revocation import LAST, Revocation, RevocationKind

PARTS = 256  # of each table; a power of two
_MASK = PARTS - 1  # selects the bits of a hash that name a part
_MINUTE = 60_000  # milliseconds
_TOLERANCE = 5 * _MINUTE  # by which two entries for one subject may end apart: each was written by its own clock

_Table = list[dict[str, int]]  # PARTS dicts; none as long as nothing was added


class RevocationIndex:
    """Holds revocations. A look-up needs no lock; to change or list them, a caller must keep out others that change.

    Args:
        grace: for so many whole seconds after its expiry a token is kept.
    """

    def __init__(self, *, grace: int) -> None:
        self._grace = grace
        self._tokens: _Table = []  # when they may be forgotten
        self._sessions: _Table = []  # when they may be forgotten
        self._users: _Table = []  # the epochs
        self._api_keys: _Table = []  # the key epochs of users
        self._tables: dict[RevocationKind, _Table] = {
            "token": self._tokens, "session": self._sessions, "user": self._users, "api_keys": self._api_keys,
        }  # fmt: skip
        self._user_retention = 0  # the longest time that a user must be kept after an epoch, in milliseconds
        self._minutes: dict[int, int] = {}  # one number for each minute, shared by the tables above

    def has(self, *, token_id: str | None, session_id: str | None, user_id: str, epoch: int) -> bool:
        """Return whether a token, its session, or everything that its user had at its *epoch* is revoked.

        Args:
            token_id: ``jti``.
            session_id: ``sid``; None for a token without a session.
            user_id: ``sub``.
            epoch: the claim ``epoch``; 0 for a token without it.
        """
        # Each request comes here, so there is no further call.
        if self._tokens and token_id in self._tokens[hash(token_id) & _MASK]:
            return True
        if self._sessions and session_id in self._sessions[hash(session_id) & _MASK]:
            return True
        if not self._users:
            return False
        return epoch < self._users[hash(user_id) & _MASK].get(user_id, 0)

    def has_api_key(self, key_id: str, *, user_id: str, key_epoch: int) -> bool:
        """Return whether an API key, or everything that its user had at its *key_epoch*, is revoked.

        Args:
            key_id: the ID of the key.
            user_id: its user.
            key_epoch: the key epoch that its user had when the key was made.
        """
        if self._tokens and key_id in self._tokens[hash(key_id) & _MASK]:
            return True
        if not self._api_keys:
            return False
        return key_epoch < self._api_keys[hash(user_id) & _MASK].get(user_id, 0)

    def add(self, entry: Revocation) -> None:
        """Add a revocation. If its subject is known, the later expiry and the higher epoch count."""
        kind, subject, value = entry.kind, entry.subject, entry.value  # a process adds millions of them
        if kind in ("user", "api_keys"):
            self._user_retention = max(self._user_retention, self._end_of_minute(entry.expires_at) - value)
        elif kind == "token" and 0 < value <= YEAR_9999:
            value = self._end_of_minute((value + self._grace) * 1000)
        else:
            value = self._end_of_minute(entry.expires_at)
        table = self._tables[kind]
        if not table:
            table.extend([{} for _ in range(PARTS)])  # in one step: a look-up finds all of them or none
        part = table[hash(subject) & _MASK]
        if part.get(subject, -1) < value:
            part[subject] = value

    def prune(self, number: int, now: float) -> int:
        """Forget the revocations in one part of each table that have expired.

        Args:
            number: of the part, from 0 to ``PARTS`` - 1.
            now: the present, in seconds since 1970-01-01T00:00:00Z.

        Returns:
            The number of revocations that were looked at.
        """
        milliseconds = now * 1000
        looked_at = 0
        for table in filter(None, (self._tokens, self._sessions)):
            looked_at += _keep_above(milliseconds, table, number)
        for table in filter(None, (self._users, self._api_keys)):
            looked_at += _keep_above(milliseconds - self._user_retention, table, number)
        if number == 0:
            self._minutes = {minute: end for minute, end in self._minutes.items() if minute > milliseconds}
        return looked_at

    def missing_in(self, other: "RevocationIndex", number: int) -> Iterator[Revocation]:
        """Yield the revocations in one part that *other* lacks, or has with an earlier expiry or a lower epoch.

        They are tokens without ``exp``: only the end is known.

        Args:
            other: another index.
            number: of the part, from 0 to ``PARTS`` - 1.
        """
        yield from _missing_in_part("token", self._tokens, other._tokens, number)
        yield from _missing_in_part("session", self._sessions, other._sessions, number)
        yield from self._epochs_missing_in(other, "user", number)
        yield from self._epochs_missing_in(other, "api_keys", number)

    def count(self) -> tuple[int, int, int]:
        """Return the numbers of tokens, sessions and users."""
        also_of_keys = sum(user_id not in _part_of(self._users, user_id) for part in self._api_keys for user_id in part)
        tokens, sessions, users = (sum(map(len, table)) for table in (self._tokens, self._sessions, self._users))
        return tokens, sessions, users + also_of_keys

    def _end_of_minute(self, milliseconds: int) -> int:
        """Return the end of the minute that *milliseconds* lies in, in milliseconds: one object for each minute."""
        minute = -(-milliseconds // _MINUTE) * _MINUTE
        known = self._minutes.get(minute)
        return self._minutes.setdefault(minute, min(minute, LAST)) if known is None else known

    def _epochs_missing_in(self, other: "RevocationIndex", kind: RevocationKind, number: int) -> Iterator[Revocation]:
        others = other._tables[kind]
        for part in self._tables[kind][number : number + 1]:
            for subject, epoch in part.items():
                until = min(epoch + self._user_retention, LAST)
                theirs = _part_of(others, subject).get(subject, -1)
                if theirs < epoch or theirs + other._user_retention + _TOLERANCE < until:
                    yield Revocation(kind=kind, subject=subject, value=epoch, expires_at=until)


_NOTHING: dict[str, int] = {}


def _part_of(table: _Table, subject: str) -> dict[str, int]:
    return table[hash(subject) & _MASK] if table else _NOTHING


def _keep_above(least: float, table: _Table, number: int) -> int:
    """Remove the entries up to *least* from one part of *table*, and return how many there were altogether.

    The part is replaced: a dict from which entries are deleted keeps its memory.
    """
    part = table[number]
    if min(part.values(), default=math.inf) <= least:  # looked at first, since to copy a part takes ten times as long
        table[number] = {subject: value for subject, value in part.items() if value > least}
    return len(part)


def _missing_in_part(kind: RevocationKind, ours: _Table, others: _Table, number: int) -> Iterator[Revocation]:
    for part, theirs in zip(ours[number : number + 1], others[number : number + 1] or [_NOTHING], strict=False):
        for subject, until in part.items():
            if subject not in theirs or theirs[subject] + _TOLERANCE < until:
                yield Revocation(kind=kind, subject=subject, expires_at=until)
