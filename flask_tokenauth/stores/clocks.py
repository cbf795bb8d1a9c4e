"""The difference between the clocks of this machine and of a server."""

import time
from collections.abc import Callable

_MILLISECONDS = 1000


def clock_difference(read: Callable[[], float]) -> float:
    """Return by how many milliseconds the clocks differ at least: the answer of the server took some time.

    Args:
        read: returns the time of the server, in milliseconds since 1970-01-01T00:00:00Z.
    """
    before = time.time() * _MILLISECONDS
    now = read()
    return max(now - time.time() * _MILLISECONDS, before - now)


def differing_clocks(server: str, difference: float, leeway: float) -> str:
    """Return a sentence about clocks that differ by more than the leeway.

    Args:
        server: the words for the server.
        difference: of the clocks, in milliseconds.
        leeway: in milliseconds.
    """
    return (
        f"the clocks of this machine and of {server} must not differ by more than TOKENAUTH_LEEWAY "
        f"({leeway / _MILLISECONDS:g} s), got {difference / _MILLISECONDS:.1f} s: set both by NTP"
    )
