"""Forgets expired revocations: a part of them with each fetch, because a request waits for it."""

from .index import PARTS, RevocationIndex

PERIOD = 300  # seconds between the starts of two rounds
STEP = 2_500  # revocations that one step looks at, and as many more as its last part has: 1 to 2 ms to forget them
MOST_ADDED = 2_500  # revocations that were added and lengthen one step; more of them lengthen the next ones


class Pruning:
    """Goes through an index, round after round. The caller keeps out others that change the index.

    Each round has one time. A revocation is forgotten if it had expired then: late, and never early.

    Attributes:
        added: revocations that were added to the index since the round began, and have not lengthened a step yet. A
            step looks at twice as many, so a round ends, however many are added.
    """

    def __init__(self) -> None:
        self.added = 0
        self._since = 0.0  # the time of the present round, or of the last one
        self._left = 0  # parts of the index that the round has not looked at yet

    def set_back(self, now: float) -> None:
        """Let the round forget no more than what has expired at *now*: the clock was ahead when it began.

        Args:
            now: the present, in seconds since 1970-01-01T00:00:00Z.
        """
        self._since = min(now, self._since)

    def go_on(self, index: RevocationIndex, now: float) -> None:
        """Do one step of the present round. If it has ended, begin the next one as soon as it is due.

        Args:
            index: the revocations.
            now: the present, in seconds since 1970-01-01T00:00:00Z.
        """
        if not self._left and now - self._since >= PERIOD:
            self._since, self._left, self.added = now, PARTS, 0
        added = min(self.added, MOST_ADDED)
        self.added -= added
        most = STEP + 2 * added
        while self._left and most > 0:
            self._left -= 1
            most -= index.prune(self._left, self._since)
