"""Sentences for settings of a server, or of the machine, that put a promise of the store at risk."""

from collections.abc import Callable, Iterator

from ..clocks import clock_difference, differing_clocks


def clock_risks(read: Callable[[], int], leeway: int) -> Iterator[str]:
    """Yield a sentence if the clocks of this machine and of the server differ by more than the leeway.

    Args:
        read: returns the time of the server, in milliseconds since 1970-01-01T00:00:00Z, which may be rounded up.
        leeway: in milliseconds.
    """
    difference = clock_difference(read)
    if difference > leeway + 1:
        yield differing_clocks("the database server", difference, leeway)


def connection_risks(most: int, needed: int | None) -> Iterator[str]:
    """Yield a sentence if the server allows fewer connections than the application may need.

    Args:
        most: the number of connections that the server allows this user.
        needed: how many the processes of the application may open; None if that is not known.
    """
    if needed is not None and needed > most:
        yield (
            f"the processes of this application may open {needed} connections to the database server, which allows "
            f"{most}: raise its limit, run fewer processes, or use a pooler such as PgBouncer in transaction mode"
        )
