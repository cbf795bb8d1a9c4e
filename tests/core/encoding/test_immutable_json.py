"""Frozen JSON values cannot be changed."""

from typing import Any

import pytest

from flask_tokenauth.core.encoding.immutable_json import MAX_DEPTH, freeze, thaw


def nested(depth: int) -> object:
    """Return *depth* levels of arrays and objects, in turn."""
    value: object = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def test_arrays_become_tuples_and_objects_read_only_all_the_way_down() -> None:
    frozen: Any = freeze({"list": [{"a": [1]}, "x"]})

    assert frozen == {"list": ({"a": (1,)}, "x")}
    with pytest.raises(TypeError):
        frozen["list"][0]["a"] = 2


def test_what_is_frozen_is_a_copy() -> None:
    value = {"a": [1]}

    frozen = freeze(value)
    value["a"].append(2)

    assert frozen == {"a": (1,)}


@pytest.mark.parametrize("depth", [0, 1, MAX_DEPTH - 1, MAX_DEPTH])
def test_values_may_nest_thirty_two_deep(depth: int) -> None:
    freeze(nested(depth))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500])
def test_deeper_values_are_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="nested too deeply: arrays and objects must be at most 32 levels deep"):
        freeze(nested(depth))


def test_what_is_frozen_thaws_into_what_it_was() -> None:
    value = {"a": [1, {"b": [None, "x"]}], "c": True}

    assert thaw(freeze(value)) == value
    assert freeze(freeze(value)) == freeze(value)
