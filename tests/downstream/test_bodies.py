"""Which bodies can be sent again."""

import io
import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from flask_tokenauth.downstream.bodies import Body


@pytest.mark.parametrize("content", [None, b"", b"a", "a"])
def test_a_string_can_be_sent_again(content: object) -> None:
    assert Body(content).rewind(content)


def test_a_body_that_a_redirect_has_dropped_needs_no_rewinding() -> None:
    file = io.BytesIO(b"abc")
    body = Body(file)
    file.read()

    assert body.rewind(None)
    assert file.read() == b""


@pytest.mark.parametrize("start", [0, 1])
def test_a_file_goes_back_to_where_it_was(start: int) -> None:
    file = io.BytesIO(b"abc")
    file.seek(start)
    body = Body(file)
    file.read()

    assert body.rewind(file)
    assert file.read() == b"abc"[start:]


def test_a_generator_cannot_be_sent_again() -> None:
    def parts() -> Iterator[bytes]:
        yield b"a"

    content = parts()

    assert not Body(content).rewind(content)
    assert list(content) == [b"a"]


def test_a_pipe_cannot_be_sent_again() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert not Body(pipe).rewind(pipe)


def test_another_file_than_the_first_is_not_rewound() -> None:
    assert not Body(io.BytesIO()).rewind(io.BytesIO())


def test_a_file_that_was_closed_cannot_be_sent_again() -> None:
    file = io.BytesIO(b"abc")
    body = Body(file)
    file.close()

    assert not body.rewind(file)


class Odd:
    """A file with a method that breaks or is missing."""

    def __init__(self, position: object, seek: Any = None) -> None:
        self.tell = lambda: position
        if seek is not None:
            self.seek = seek


def cannot_seek(_: int) -> None:
    raise io.UnsupportedOperation("seek")


@pytest.mark.parametrize("file", [Odd(None, Mock()), Odd("0", Mock()), Odd(0), Odd(0, cannot_seek)])
def test_a_file_that_does_not_know_its_place_cannot_be_sent_again(file: Odd) -> None:
    assert not Body(file).rewind(file)
