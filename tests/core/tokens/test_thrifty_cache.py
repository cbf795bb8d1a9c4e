"""The cache of a verifier: it replaces values only as often as it has been of use."""

from itertools import cycle, islice

import pytest

from flask_tokenauth.core.tokens.thrifty_cache import ThriftyCache


def use(cache: ThriftyCache[str], token: str) -> str:
    """Look for a token as a verifier does, and return what happened: "found", "kept" or "left out"."""
    if cache.find(token) is not None:
        return "found"
    if not cache.takes(token):
        return "left out"
    cache.keep(token, token.upper())
    return "kept"


def full(size: int) -> ThriftyCache[str]:
    """Return a cache in which no room is left. None of its values was found yet."""
    cache = ThriftyCache[str](size)
    assert [use(cache, f"old {number}") for number in range(size)] == ["kept"] * size
    return cache


@pytest.mark.parametrize(("count", "expected"), [(1, "kept"), (2, "kept"), (3, "left out")])
def test_each_token_is_kept_while_there_is_room(count: int, expected: str) -> None:
    cache = ThriftyCache[str](2)

    assert [use(cache, str(number)) for number in range(count)][-1] == expected


@pytest.mark.parametrize(("size", "expected"), [(2047, "kept"), (2048, "kept"), (2049, "left out")])
def test_there_is_room_for_two_kibibytes_for_each_token(size: int, expected: str) -> None:
    cache = ThriftyCache[str](2)
    use(cache, "a" * 2048)

    assert use(cache, "b" * size) == expected


@pytest.mark.parametrize(("found", "replaced"), [(0, 0), (7, 0), (8, 1), (15, 1), (16, 2)])
def test_for_eight_values_that_were_found_one_is_replaced(found: int, replaced: int) -> None:
    cache = full(3)

    for number in range(found):
        assert use(cache, f"old {number % 3}") == "found"

    assert [use(cache, f"new {number}") for number in range(3)] == ["kept"] * replaced + ["left out"] * (3 - replaced)


@pytest.mark.parametrize("found", [16, 17, 24, 1000])
def test_a_good_time_pays_for_no_more_values_than_fit(found: int) -> None:
    cache = full(2)

    for _ in range(found):
        use(cache, "old 1")

    assert [use(cache, f"new {number}") for number in range(3)] == ["kept", "kept", "left out"]


def test_of_no_use_it_still_keeps_one_of_64_tokens_since_its_own_may_not_be_in_use_any_more() -> None:
    cache = full(2)

    results = [use(cache, str(number)) for number in range(128)]

    assert [number for number, result in enumerate(results) if result == "kept"] == [63, 127]


def test_the_oldest_value_is_replaced_however_often_it_was_found() -> None:
    cache = full(2)

    for _ in range(8):
        use(cache, "old 0")
    use(cache, "new")

    assert (cache.find("old 0"), cache.find("old 1"), cache.find("new")) == (None, "OLD 1", "NEW")


def test_a_token_that_is_there_is_taken_again_with_another_value() -> None:
    cache = full(2)

    assert cache.takes("old 0")
    cache.keep("old 0", "other")

    assert cache.find("old 0") == "other"


@pytest.mark.parametrize("in_use", [9, 10, 11, 15, 20, 100, 1000])
def test_values_are_not_replaced_more_often_than_they_are_found(in_use: int) -> None:
    results = use_in_turn(in_use)

    assert results.count("kept") - 10 <= results.count("found") / 8 + len(results) / 64


@pytest.mark.parametrize(("in_use", "least"), [(9, 0.99), (10, 0.99), (11, 0.8), (15, 0.6), (20, 0.45)])
def test_of_more_tokens_than_fit_many_are_found(in_use: int, least: float) -> None:
    """If the one that was not used for longest were replaced each time, 11 tokens in turn would never be found."""
    results = use_in_turn(in_use)

    assert results.count("found") / len(results) >= least


def use_in_turn(in_use: int) -> list[str]:
    """Return what happened to so many tokens, used one after the other many times, with room for ten."""
    cache = ThriftyCache[str](10)
    return [use(cache, token) for token in islice(cycle(map(str, range(in_use))), 20_000)]


def test_tokens_that_come_into_use_take_the_place_of_those_that_go() -> None:
    cache = full(10)

    results = [use(cache, f"new {number % 10}") for number in range(2000)]

    assert set(results[-10:]) == {"found"}
