"""The answers of a server are checked."""

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.redis.hashes import fields_of, session_row, to_hash, to_number, to_text

SESSION = {
    b"user_id": b"alice",
    b"granted": b"{}",
    b"started_at": b"1",
    b"idle_expires_at": b"2",
    b"expires_at": b"3",
    b"generation": b"0",
    b"epoch": b"0",
}


@pytest.mark.parametrize(
    ("value", "number"), [(0, 0), (7, 7), (b"0", 0), (b"42", 42), (b"9223372036854775807", 2**63 - 1)]
)
def test_a_number_is_read(value: object, number: int) -> None:
    assert to_number(value) == number


@pytest.mark.parametrize("value", [None, -1, True, 1.0, "1", b"", b"-1", b"1.5", b"1e3", b" 1", b"\xff", b"9" * 20, []])
def test_what_is_no_number_from_0_is_refused(value: object) -> None:
    with pytest.raises(StoreUnavailable, match="another program"):
        to_number(value)


@pytest.mark.parametrize("value", [b"\xff", None, 1])
def test_what_is_no_text_is_refused(value: bytes) -> None:
    with pytest.raises(StoreUnavailable, match="another program"):
        to_text(value)


def test_fields_that_are_missing_are_none() -> None:
    row = session_row("s", SESSION)

    assert (row.label, row.rotated_at, row.ended_at, row.started_at) == (None, None, None, 1)


@pytest.mark.parametrize("name", [b"started_at", b"idle_expires_at", b"expires_at", b"generation", b"epoch"])
def test_a_session_without_a_number_that_it_needs_is_refused(name: bytes) -> None:
    with pytest.raises(StoreUnavailable):
        session_row("s", {field: value for field, value in SESSION.items() if field != name})


@pytest.mark.parametrize("name", [b"user_id", b"granted"])
def test_a_session_without_a_text_that_it_needs_is_refused(name: bytes) -> None:
    with pytest.raises(StoreUnavailable):
        session_row("s", {field: value for field, value in SESSION.items() if field != name}).to_session()


def test_an_answer_with_names_and_values_by_turns_is_a_hash() -> None:
    assert to_hash([b"a", b"1", b"b", b"2"]) == {b"a": b"1", b"b": b"2"}


def test_values_are_written_by_turns_without_those_that_are_none() -> None:
    assert fields_of({"a": "x", "b": None, "c": 3}) == ["a", "x", "c", "3"]
