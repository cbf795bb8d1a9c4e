"""What a verifier remembers of tokens that it has verified, by their text; bounded, and the least used goes first.

Nothing here is a verdict: whoever finds something asks again whatever may have changed since it was kept.
"""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

_BYTES_EACH = 2048  # of text, on average over a full cache


class TokenCache(Generic[T]):
    """Remembers something of each of the tokens that were used last.

    Args:
        size: of how many tokens, at most. All their texts together have at most *size* times 2048 bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size * _BYTES_EACH
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._lock = Lock()

    def find(self, text: str) -> T | None:
        """Return what is remembered of the token *text*, which is used now; None if nothing is."""
        kept = self._kept.get(text)
        if kept is not None:
            try:
                self._kept.move_to_end(text)
            except KeyError:  # another thread has forgotten it just now
                return None
        return kept

    def keep(self, text: str, value: T) -> None:
        """Remember *value* of the token *text*, in ASCII, and forget others for it if need be.

        Does not wait: while another thread is at it, this one is not remembered, which loses nothing but time. So a
        lock that was held while the process forked can hold up nobody.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._free -= 0 if text in self._kept else len(text)
            self._kept[text] = value
            while self._free < 0 or len(self._kept) > self._size:
                forgotten, _ = self._kept.popitem(last=False)
                self._free += len(forgotten)
        finally:
            self._lock.release()

    def __len__(self) -> int:
        return len(self._kept)
