"""What servers that replace each other have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from .server import PATIENCE


class FailsOver(ABC):
    """Servers of which one takes over when another one is gone.

    Attributes:
        down_after: milliseconds without an answer, after which a server is taken for dead.
    """

    down_after: ClassVar[int]

    @abstractmethod
    def restore(self) -> None:
        """Start and resume all that a test has stopped, and wait until all is well."""

    @abstractmethod
    def set_down_after(self, milliseconds: int) -> None:
        """Change after how long a server is taken for dead."""

    @contextmanager
    def without_failovers(self) -> Iterator[None]:
        """Let servers be patient within the ``with`` block, where a busy machine must not lead to a failover."""
        self.restore()
        self.set_down_after(PATIENCE * 1000)
        try:
            yield
        finally:
            self.set_down_after(self.down_after)
