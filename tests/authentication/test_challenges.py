"""The parser of challenges refuses headers that break the grammar."""

import pytest

from .challenges import Challenge, parse_challenge


def test_a_challenge_is_a_scheme_and_quoted_parameters() -> None:
    raw = rb'Bearer realm="a \"b\" \\", error="invalid_token"'

    assert parse_challenge(raw) == Challenge("Bearer", {"realm": 'a "b" \\', "error": "invalid_token"})


@pytest.mark.parametrize(
    "raw",
    [
        b"Bearer",
        b"Bearer ",
        b'Bearer realm="a',
        b"Bearer realm=a",
        b'Bearer realm="a" error="b"',
        b'Bearer realm="a", realm="b"',
        b'Bearer realm="a\r\nX: y"',
        b'Bearer realm="a",',
        b' Bearer realm="a"',
        b'Bearer realm="\x7f"',
    ],
)
def test_what_is_no_challenge_is_not_parsed(raw: bytes) -> None:
    with pytest.raises(AssertionError):
        parse_challenge(raw)
