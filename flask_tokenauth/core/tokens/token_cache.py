"""The memory of a verifier: facts about the tokens that it verified last. Its size is bounded.

An entry is not a decision. After finding one, the verifier checks again everything that may have changed: the keys, the
times, and the revocations.
"""

from collections import OrderedDict
from typing import Generic, TypeVar

from ..process import ProcessLock

T = TypeVar("T")

_BYTES_PER_TOKEN = 2048  # of the token itself, on average over a full cache


class TokenCache(Generic[T]):
    """Keeps a value for each of the tokens that were used last. The token that was not used for longest goes first.

    Args:
        size: the number of tokens, at most. All tokens together have at most *size* times 2048 bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size * _BYTES_PER_TOKEN
        self._values: OrderedDict[str, T] = OrderedDict()
        self._lock = ProcessLock()

    def find(self, token: str) -> T | None:
        """Return the value that was kept for *token*, or None. The token counts as used now."""
        value = self._values.get(token)
        if value is not None:
            try:
                self._values.move_to_end(token)
            except KeyError:  # another thread has removed it just now
                return None
        return value

    def keep(self, token: str, value: T) -> None:
        """Keep *value* for *token*, and remove older tokens if there is no room.

        It never waits. While another thread keeps a value, this one is not kept, which costs only time.

        Args:
            token: the verified token, in ASCII.
            value: the value to return from ``find``.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._free -= 0 if token in self._values else len(token)
            self._values[token] = value
            while self._free < 0 or len(self._values) > self._size:
                oldest, _ = self._values.popitem(last=False)
                self._free += len(oldest)
        finally:
            self._lock.release()

    def __len__(self) -> int:
        return len(self._values)
