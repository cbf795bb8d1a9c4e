"""Base64url has one spelling for each value (RFC 7515 section 2, RFC 4648 section 3.5)."""

import pytest

from flask_tokenauth.core.encoding import base64url


@pytest.mark.parametrize(
    ("value", "text"),
    [(b"", b""), (b"f", b"Zg"), (b"fo", b"Zm8"), (b"foo", b"Zm9v"), (b"\xfb\xff\xfe", b"-__-")],
)
def test_a_value_and_its_text_stand_for_each_other(value: bytes, text: bytes) -> None:
    assert base64url.encode(value) == text
    assert base64url.decode(text) == value
    assert base64url.size_of(text) == len(value)


@pytest.mark.parametrize(
    "text",
    [
        b"Zg==",
        b"Zg=",
        b"=",
        b"Zh",  # trailing bits that are not zero
        b"Zm9",
        b"Z",
        b"Zm9vZ",
        b"+//+",
        b"Zm9v\n",
        b" Zm9v",
        b"Zm 9v",
        b"Zm9v!",
        b"Zm9\xe9",
        b"Zm9v\x00",
    ],
)
def test_any_other_spelling_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="must be base64url without padding"):
        base64url.decode(text)
    with pytest.raises(ValueError, match="must be base64url without padding"):
        base64url.size_of(text)


@pytest.mark.parametrize("size", range(10))
def test_the_length_is_known_before_encoding(size: int) -> None:
    assert base64url.length_of(size) == len(base64url.encode(bytes(size)))
