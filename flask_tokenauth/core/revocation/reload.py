"""All revocations of a store, loaded again to find those that it has lost."""

import logging
from collections.abc import Iterable

from ..process import ProcessLock
from ..records.revocation import Revocation
from .index import PARTS, RevocationIndex

_MAY_HAVE_EXPIRED = 300_000  # milliseconds before its end from which the store may have forgotten a revocation
_log = logging.getLogger("flask_tokenauth")


class Reload:
    """The revocations that the store has, as far as they have been fetched again.

    Args:
        grace: as in ``RevocationIndex``.
        added_here: as below, of a reload that this one replaces.

    Attributes:
        stored: the revocations that were fetched.
        added_here: the subjects of those that this process has written in the meantime: the pages that were fetched
            before may not have them.
    """

    def __init__(self, *, grace: int, added_here: Iterable[str] = ()) -> None:
        self.stored = RevocationIndex(grace=grace)
        self.added_here = set(added_here)

    def find_lost(self, index: RevocationIndex, changing: ProcessLock, now: float) -> list[Revocation]:
        """Return the revocations of this process that the store lacks. Their number is logged.

        Args:
            index: the revocations that this process knows.
            changing: the lock for those who change it. They wait for one part of the search at most.
            now: the present, in seconds since 1970-01-01T00:00:00Z.
        """
        lost: list[Revocation] = []
        for number in range(PARTS):
            with changing:
                missing = index.missing_in(self.stored, number)
                lost += [entry for entry in missing if entry.expires_at > now * 1000]
        had = (entry for entry in lost if entry.subject not in self.added_here)
        if count := sum(entry.expires_at > now * 1000 + _MAY_HAVE_EXPIRED for entry in had):  # live by any clock
            _log.error("the store has lost %s revocations: they are written to it again", count)
        return lost
