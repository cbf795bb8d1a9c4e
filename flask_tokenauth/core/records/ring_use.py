"""Which rings of keys the processes of an issuer use: the entries that a store keeps, and how they are compared."""

from collections.abc import Iterable
from datetime import timedelta

from ..encoding.limits import YEAR_9999, is_whole
from .record import Record

USE_LASTS = timedelta(minutes=2)  # a ring that no process has reported for longer is used no more
REPORT_INTERVAL = timedelta(seconds=30)  # between two reports of a process that uses the same ring all the time
_LONGEST = 64  # characters of a fingerprint
_MILLISECOND = timedelta(milliseconds=1)


class RingUse(Record, frozen=True, kw_only=True):
    """A ring that processes use. Times are milliseconds since 1970-01-01T00:00:00Z, by the clock of the store.

    Raises:
        ValueError: the fingerprint is no string of 1 to 64 printable ASCII characters without spaces, or a time is out
            of range.
    """

    fingerprint: str  # of the key IDs and their statuses
    since: int  # the first report of these that follow each other
    until: int  # the last report

    def __post_init__(self) -> None:
        check_fingerprint(self.fingerprint)
        if not (is_whole(self.since, YEAR_9999 * 1000) and is_whole(self.until, YEAR_9999 * 1000)):
            raise ValueError("since and until must be times in milliseconds, up to the year 9999")

    def is_live(self, now: int) -> bool:
        """Return whether processes use the ring at *now*, in milliseconds. A report from the future is an error."""
        return abs(now - self.until) <= USE_LASTS // _MILLISECOND

    def has_to_be_renewed(self, now: int) -> bool:
        """Return whether a report at *now*, in milliseconds, has to be written."""
        return now - self.until >= REPORT_INTERVAL // 2 // _MILLISECOND


def check_fingerprint(fingerprint: str) -> None:
    """Check the fingerprint of a ring.

    Raises:
        ValueError: it is no string of 1 to 64 printable ASCII characters without spaces.
    """
    is_printable = isinstance(fingerprint, str) and fingerprint.isascii() and fingerprint.isprintable()
    if not is_printable or " " in fingerprint or not 1 <= len(fingerprint) <= _LONGEST:
        raise ValueError(f"fingerprint must be 1 to {_LONGEST} printable ASCII characters without spaces")


def select_live(uses: Iterable[RingUse], now: int) -> tuple[RingUse, ...]:
    """Return the uses of rings that processes use at *now*, in milliseconds."""
    return tuple(use for use in uses if use.is_live(now))


def report(uses: Iterable[RingUse], fingerprint: str, now: int) -> RingUse:
    """Return the use of a ring after a report.

    Args:
        uses: that are live.
        fingerprint: of the ring.
        now: the present, in milliseconds.
    """
    found = list(uses)
    own = next((use for use in found if use.fingerprint == fingerprint), None)
    # A ring that comes back after another one has begun, as after a step back, was not in use meanwhile.
    is_resumed = own is not None and any(use.since > own.until for use in found)
    since = now if own is None or is_resumed else min(own.since, now)
    return RingUse(fingerprint=fingerprint, since=since, until=now)


def find_longest_overlap(uses: Iterable[RingUse]) -> timedelta:
    """Return for how long two different rings have been in use at the same time; zero for less than two rings.

    Args:
        uses: with different fingerprints.
    """
    found = list(uses)
    pairs = ((first, second) for number, first in enumerate(found) for second in found[:number])
    overlaps = (min(a.until, b.until) - max(a.since, b.since) for a, b in pairs)
    return max(0, *overlaps) * _MILLISECOND if len(found) > 1 else timedelta(0)
