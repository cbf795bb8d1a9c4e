"""The cache of verified tokens: its bounds, and the order in which tokens leave it."""

from collections import OrderedDict

import pytest

from flask_tokenauth.core.tokens.token_cache import TokenCache
from flask_tokenauth.testing.store_contract.kit import at_once


def filled(size: int, *texts: str) -> TokenCache[str]:
    cache = TokenCache[str](size)
    for text in texts:
        cache.keep(text, text.upper())
    return cache


def test_what_was_kept_is_found() -> None:
    cache = filled(2, "a", "b")

    assert (cache.find("a"), cache.find("b"), cache.find("c")) == ("A", "B", None)


def test_one_text_is_kept_once_and_says_what_was_kept_last() -> None:
    cache = filled(2, "a", "b")

    cache.keep("a", "other")

    assert (cache.find("a"), cache.find("b"), len(cache)) == ("other", "B", 2)


@pytest.mark.parametrize(("used", "forgotten"), [("a", "b"), ("b", "a")])
def test_the_least_used_is_forgotten_first(used: str, forgotten: str) -> None:
    cache = filled(2, "a", "b")

    cache.find(used)
    cache.keep("c", "C")

    assert cache.find(forgotten) is None
    assert (cache.find(used), cache.find("c")) == (used.upper(), "C")


@pytest.mark.parametrize("count", [9, 10, 11, 1000])
def test_it_never_holds_more_tokens_than_it_may(count: int) -> None:
    cache = filled(10, *(f"{number:04}" for number in range(count)))

    assert len(cache) == min(count, 10)
    assert cache.find(f"{count - 1:04}") is not None


def test_all_texts_together_have_two_kibibytes_for_each_token_at_most() -> None:
    longest = 10 * 2048
    texts = [str(number) * (longest // 4) for number in range(4)]

    assert len(filled(10, *texts)) == 4
    assert len(filled(10, *texts, "x")) == 4
    assert filled(10, *texts, "x").find(texts[0]) is None


@pytest.mark.parametrize(("size", "kept"), [(2047, 1), (2048, 1), (2049, 0)])
def test_a_text_longer_than_all_may_be_is_not_kept(size: int, kept: int) -> None:
    assert len(filled(1, "a" * size)) == kept


def test_room_that_was_taken_twice_is_not_lost() -> None:
    cache = filled(1)

    for _ in range(10):
        cache.keep("a" * 2048, "A")
        cache.keep("b" * 2048, "B")

    assert cache.find("b" * 2048) == "B"


def test_while_another_thread_keeps_something_nobody_waits() -> None:
    """A lock that was held while the process forked is never released in the child."""
    cache = filled(2, "a")

    with cache._lock:
        cache.keep("b", "B")

        assert (cache.find("a"), cache.find("b")) == ("A", None)


class Forgetful(OrderedDict[str, str]):
    """Loses a token between the two steps of a look-up, as it happens if another thread removes the token."""

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]  # as far as it is used
        return self.pop(key, default)


def test_what_is_forgotten_while_it_is_looked_up_was_not_there() -> None:
    cache = filled(2)
    cache._values = Forgetful(a="A")

    assert cache.find("a") is None


def test_many_threads_leave_it_within_its_bounds() -> None:
    cache = filled(8)

    def use(index: int) -> None:
        for turn in range(2000):
            text = f"{((index + 1) * turn) % 32:02}"
            assert cache.find(text) in (None, text)
            cache.keep(text, text)

    at_once(8, use)

    assert len(cache) <= 8
    assert cache._free == 8 * 2048 - sum(map(len, cache._values))
