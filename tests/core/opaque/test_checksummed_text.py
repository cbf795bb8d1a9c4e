"""Random strings with a prefix and a checksum: API keys and reference tokens."""

import re
from collections.abc import Callable

import pytest

from flask_tokenauth.core.opaque import checksummed_text
from flask_tokenauth.core.opaque.checksummed_text import LENGTH, expression_for, hint_of, is_well_formed, make_text

ZEROS = "ta_" + "0" * 43
ONES = "ta_" + "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"
CHECKSUMS = {"123456789": 0xCBF43926, "": 0, "The quick brown fox jumps over the lazy dog": 0x414FA339}


def in_base62(number: int) -> str:
    """Return six digits in base62, made in another way than in the package."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return "".join(digits[number // 62**place % 62] for place in (5, 4, 3, 2, 1, 0))


@pytest.mark.parametrize(("text", "checksum"), CHECKSUMS.items())
def test_the_checksum_is_the_crc_32_of_the_text(text: str, checksum: int) -> None:
    """The first vector is the check value of CRC-32/ISO-HDLC in the catalogue of CRC algorithms."""
    assert checksummed_text._checksum_of(text) == in_base62(checksum)


@pytest.mark.parametrize("prefix", ["ta_", "tr_", "acme0123456789ab_"])
def test_a_text_has_its_prefix_and_a_fixed_length(prefix: str) -> None:
    text = make_text(prefix)

    assert re.fullmatch(rf"{prefix}[0-9A-Za-z]{{49}}", text)
    assert LENGTH == 49
    assert is_well_formed(text, prefix)


@pytest.mark.parametrize(("random", "expected"), [(b"\x00" * 32, ZEROS), (b"\xff" * 32, ONES)])
def test_the_least_and_the_greatest_random_bytes_have_the_same_length(
    monkeypatch: pytest.MonkeyPatch, random: bytes, expected: str
) -> None:
    asked: list[int] = []

    def take(number: int) -> bytes:
        asked.append(number)
        return random

    monkeypatch.setattr(checksummed_text, "token_bytes", take)

    text = make_text("ta_")

    assert asked == [32]
    assert text[:-6] == expected
    assert len(text) == 3 + LENGTH
    assert is_well_formed(text, "ta_")


def test_each_text_is_another_one() -> None:
    texts = {make_text("ta_") for _ in range(1000)}

    assert len(texts) == 1000
    assert set("".join(texts)) == set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")


def swap(text: str, one: int, other: int) -> str:
    """Return *text* with two of its characters exchanged."""
    characters = list(text)
    characters[one], characters[other] = characters[other], characters[one]
    return "".join(characters)


CHANGES: dict[str, Callable[[str], str]] = {
    "another random part": lambda text: text[:10] + ("a" if text[10] != "a" else "b") + text[11:],
    "another checksum": lambda text: text[:-1] + ("a" if text[-1] != "a" else "b"),
    "two characters exchanged": lambda text: swap(text, 3, next(n for n in range(4, 46) if text[n] != text[3])),
    "another case": lambda text: text.swapcase().replace("TA_", "ta_"),
    "shorter by one": lambda text: text[:-1],
    "longer by one": lambda text: text + "0",
    "the prefix alone": lambda text: text[:3],
    "a line break at the end": lambda text: text + "\n",
    "a line break for the last character": lambda text: text[:-1] + "\n",
    "a hyphen": lambda text: text[:20] + "-" + text[21:],
    "an underscore": lambda text: text[:20] + "_" + text[21:],
    "a space": lambda text: text[:20] + " " + text[21:],
    "a letter beyond ASCII": lambda text: text[:20] + "é" + text[21:],
    "a digit beyond ASCII": lambda text: text[:20] + "\u0661" + text[21:],
    "a letter beyond ASCII in the checksum": lambda text: text[:-1] + "é",
    "a surrogate": lambda text: text[:20] + "\ud800" + text[21:],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_text_that_was_changed_is_not_well_formed(change: Callable[[str], str]) -> None:
    text = make_text("ta_")

    changed = change(text)

    assert changed != text
    assert not is_well_formed(changed, "ta_")


def test_the_checksum_is_also_that_of_the_prefix() -> None:
    text = make_text("ta_")

    assert not is_well_formed("tb_" + text[3:], "tb_")


def test_a_hint_shows_the_prefix_and_the_last_characters() -> None:
    text = make_text("ta_")

    assert hint_of(text, "ta_") == f"ta_…{text[-4:]}"


def test_the_expression_for_scanners_finds_a_text_within_others() -> None:
    text = make_text("ta_")

    found = re.findall(expression_for("ta_"), f"key='{text}' x{text} {text}x {make_text('tr_')} {text}\n")

    assert found == [text, text]
