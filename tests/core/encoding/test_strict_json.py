"""JSON objects that every reader reads alike."""

import json
from unittest.mock import Mock

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_tokenauth.core.encoding.immutable_json import thaw
from flask_tokenauth.core.encoding.strict_json import read_object


def nested(depth: int) -> bytes:
    """Return an object with arrays in it, *depth* levels in all."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_an_object_is_read_and_cannot_be_changed() -> None:
    members = read_object('{"a": [1, {"b": "é"}], "c": null, "d": 1.5}'.encode())

    assert members["a"] == (1, {"b": "é"})
    assert (members["c"], members["d"]) == (None, 1.5)
    with pytest.raises(TypeError):
        members["c"] = 1  # type: ignore[index]  # the attempt under test


@pytest.mark.parametrize("data", [b"[]", b'"a"', b"1", b"null", b"true", b"1.5", b"[{}]"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="JSON must be an object"):
        read_object(data)


@pytest.mark.parametrize("data", [b"", b" ", b"{", b"{}{}", b"{'a': 1}", b'{"a": 1,}', b"{a: 1}", b"\xef\xbb\xbf{}"])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the message is that of the json module
        read_object(data)


@pytest.mark.parametrize("data", [b'{"a": "\xff"}', '{"a": "é"}'.encode("latin-1"), '{"a": 1}'.encode("utf-16")])
def test_what_is_not_utf_8_is_refused(data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        read_object(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "a": 2}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"b": {"a": 1, "a": 1}}',
        b'{"": 1, "": 1}',
    ],
)
def test_a_name_twice_is_refused_wherever_it_is(data: bytes) -> None:
    with pytest.raises(ValueError, match="twice"):
        read_object(data)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 5000])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"finite|integer string"):
        read_object(f'{{"a": {number}}}'.encode())


@pytest.mark.parametrize("depth", [31, 32])
def test_32_levels_are_read(depth: int) -> None:
    read_object(nested(depth))


@pytest.mark.parametrize("depth", [33, 100_000])
def test_more_levels_are_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        read_object(nested(depth))


@pytest.mark.parametrize("text", ['{"a":' * 33, '{"a":[' * 17, '{"a\\"": "]}", "b":' + "[" * 33])
def test_more_levels_are_refused_before_they_are_parsed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that ends with RecursionError would let other code fail that runs at that moment."""
    parse = Mock()
    monkeypatch.setattr(json, "loads", parse)

    with pytest.raises(ValueError, match="nested too deeply"):
        read_object(text.encode())

    parse.assert_not_called()


@pytest.mark.parametrize(
    "value",
    ["[" * 100, '[]{}\\"[' * 40, [[] for _ in range(100)], {str(number): {"a": []} for number in range(100)}],
    ids=["brackets in a string", "quotation marks in a string", "arrays", "objects"],
)
def test_brackets_that_nest_nothing_are_no_levels(value: object) -> None:
    assert thaw(read_object(json.dumps({"a": value}).encode())) == {"a": value}


ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(ATOMS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


@pytest.mark.slow
@settings(max_examples=50)
@given(st.dictionaries(st.text(), VALUES))
def test_an_object_is_read_alike_with_and_without_blanks(members: dict[str, object]) -> None:
    assert read_object(msgspec.json.encode(members)) == read_object(json.dumps(members, indent=1).encode())
