"""Wait for other threads, processes and servers without sleeping."""

from collections.abc import Callable
from itertools import repeat


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again, until *holds* returns True. The time limit of the whole run ends it otherwise."""
    any(holds() for _ in repeat(None))
