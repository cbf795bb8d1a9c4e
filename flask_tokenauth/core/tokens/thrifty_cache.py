"""A cache for values that cost little more to make than to keep: facts about verified tokens.

If more tokens are in use than fit, a cache that keeps each new value loses it before it is used. It would cost more
time than no cache at all. So a full one replaces values only as often as it has been of use.
"""

from typing import TypeVar

from .token_cache import TokenCache

T = TypeVar("T")

_PRICE = 8  # values that are found, for each one that is replaced
_ONE_OF = 64  # new tokens is kept by a full cache that was of no use: its tokens may not be in use any more


class ThriftyCache(TokenCache[T]):
    """Keeps a value for each token, as long as there is room. Then it replaces the oldest values, but not too often.

    For 8 values that were found, one may be replaced, and otherwise one for 64 new tokens. To find a value saves more
    time than to replace one costs, so the cache saves time on the whole, however many tokens are in use.

    Args:
        size: the number of tokens, at most. All tokens together have at most *size* times 2048 bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._found = 0  # values that were found, and for which none was replaced yet
        self._left_out = 0  # tokens that were not kept

    def find(self, token: str) -> T | None:
        """Return the value that was kept for *token*, or None. The token gets no older by it, and no younger."""
        value = self._values.get(token)
        if value is not None:
            self._found += 1  # if two threads add at once and one is lost, that costs only time
        return value

    def takes(self, token: str) -> bool:
        """Return whether a value should be kept for *token* now. Ask once for each value, since it counts.

        Args:
            token: the verified token, in ASCII.
        """
        if (len(self._values) < self._size and len(token) <= self._free) or token in self._values:
            return True
        if self._found >= _PRICE:
            self._found = min(self._found, self._size * _PRICE) - _PRICE  # a good time does not count for ever
            return True
        self._left_out += 1
        return self._left_out % _ONE_OF == 0
