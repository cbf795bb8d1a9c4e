"""Tokens that attackers write: everything in them is shown as a string, and the page stays usable."""

import json
from typing import Any

import pytest

from ..kit import SKIPPED
from .conftest import Inspector, unsigned

pytestmark = SKIPPED

HTML = "<img src=x onerror=alert(1)><script>alert(2)</script><a href='javascript:alert(3)'>"
ELEMENTS = "document.querySelectorAll('img, a, iframe, object, form, svg, link').length"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (HTML, json.dumps(HTML)),
        ("</script><!--", '"</script><!--"'),
        ('"; alert(1); "', '"\\"; alert(1); \\""'),
        ("C:\\u202e", '"C:\\\\u202e"'),
        ("\u202etxt.exe", '"\\u202etxt.exe"'),
        ("\u2066a\u2069\u200f\u061c", '"\\u2066a\\u2069\\u200f\\u061c"'),
        ("a\u0000b\u001b[31m\u007f\u0085\r\n\t", '"a\\u0000b\\u001b[31m\\u007f\\u0085\\r\\n\\t"'),
        ("ad\u200bmin\u00ad\ufeff\u2060\ufe0f", '"ad\\u200bmin\\u00ad\\ufeff\\u2060\\ufe0f"'),
        ("a\u00a0b\u2028c\u3000d\u3164", '"a\\u00a0b\\u2028c\\u3000d\\u3164"'),
        ("\U000e0041", '"\\udb40\\udc41"'),
        ("\ud800", '"\\ud800"'),
        ("\udc00\ud800", '"\\udc00\\ud800"'),
        ("a" + "\u0301" * 4, '"a' + "\u0301" * 4 + '"'),
        ("a" + "\u0301" * 5, '"a' + "\\u0301" * 5 + '"'),
        ("\U0001f600 \u05d0\u05d1", '"\U0001f600 \u05d0\u05d1"'),
    ],
)
@pytest.mark.parametrize("place", ["value", "nested"])
def test_a_hostile_value_is_shown_as_a_string(inspector: Inspector, place: str, value: str, shown: str) -> None:
    hostile: Any = value if place == "value" else [value]

    inspector.show(unsigned({"a": hostile}))

    found = inspector.value("a")
    assert (found if place == "value" else found.strip("[\n ]")) == shown
    assert inspector.page.evaluate(ELEMENTS) == 0


@pytest.mark.parametrize(
    "name", [HTML, "\u202eexp", "", " ", "__proto__", "constructor", "toString", 'a"b', "\ud800", "s\u0443b"]
)
def test_a_hostile_name_is_shown_as_a_string(inspector: Inspector, name: str) -> None:
    inspector.show(unsigned({name: "x", "b": 1}, {"alg": "ES256", "typ": "at+jwt", name: 5}))

    is_plain = name in ("__proto__", "constructor", "toString")
    expected = name if is_plain else json.dumps(name, ensure_ascii="\u0443" not in name)
    for title in ("Header", "Claims"):
        assert expected in inspector.page.get_by_role("table", name=title).get_by_role("rowheader").all_inner_texts()
    assert inspector.page.evaluate(ELEMENTS) == 0
    assert inspector.page.evaluate("({}).x") is None


@pytest.mark.parametrize(
    "number", ["12345678901234567890", "1e400", "-0", "1E+2", "0.1000", "1" * 250, "1.0000000000000000000001"]
)
def test_a_number_is_shown_as_it_stands_in_the_token(inspector: Inspector, number: str) -> None:
    inspector.show(unsigned(f'{{"n": {number}, "nested": [{number}]}}'.encode()))

    assert inspector.value("n") == number
    assert inspector.value("nested").strip("[\n ]") == number


@pytest.mark.parametrize("time", ["1e400", "-1", "1" * 400, "253402300800"])
def test_a_number_that_is_no_time_is_not_shown_as_one(inspector: Inspector, time: str) -> None:
    inspector.show(unsigned(f'{{"exp": {time}}}'.encode()))

    assert inspector.times("exp") == []
    assert inspector.page.inner_text("[data-clock=expiry]") == "Not known"


def test_a_string_of_a_million_characters_is_cut_and_can_be_read(inspector: Inspector) -> None:
    inspector.show(unsigned({"long": "<b>" * 350_000, "sub": "alice"}))
    row = inspector.row("Claims", "long")
    assert len(row.locator(".value").inner_text()) == 300
    assert inspector.value("sub") == '"alice"'

    lengths = []
    for _ in range(11):
        row.get_by_role("button").click()
        lengths.append(inspector.page.evaluate("document.querySelector('.open .value').textContent.length"))

    assert lengths == [*(300 + step * 100_000 for step in range(1, 11)), 1_050_002]
    assert row.get_by_role("button").count() == 0
    assert inspector.page.evaluate("document.documentElement.scrollHeight") < 5_000


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_ten_thousand_levels_are_shown(inspector: Inspector, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    inner = "1" if opening != "[" else ""
    payload = f'{{"deep": {opening * 10_000}{inner}{closing * 10_000}, "sub": "alice"}}'

    inspector.show(unsigned(payload.encode()))

    assert inspector.value("sub") == '"alice"'
    assert inspector.value("deep").startswith(opening[0])
    assert [text for _, text in inspector.warnings() if "nested 10,001 levels deep" in text] != []


@pytest.mark.parametrize(("length", "shown"), [(200_000, "[\n  1,\n  "), (200_001, "[1,111")])
def test_an_array_is_laid_out_up_to_a_limit(inspector: Inspector, length: int, shown: str) -> None:
    array = "[1," + "1" * (length - 4) + "]"

    inspector.show(unsigned(f'{{"a": {array}}}'.encode()))

    assert inspector.value("a").startswith(shown)


def test_levels_up_to_the_limit_of_the_package_are_no_warning(inspector: Inspector) -> None:
    inspector.show(unsigned(f'{{"deep": {"[" * 31}{"]" * 31}}}'.encode()))

    assert [text for _, text in inspector.warnings() if "levels deep" in text] == []


def test_ten_thousand_claims_are_shown(inspector: Inspector) -> None:
    inspector.show(unsigned({f"claim{number}": number for number in range(10_000)}))

    rows = inspector.page.locator("section:has(#claims-title) tbody tr")
    button = inspector.page.get_by_role("button", name="Show 200 more of 10,000 (claims)")
    assert rows.count() == 200
    button.press("Enter")
    assert rows.count() == 400
    assert inspector.page.evaluate("document.activeElement.textContent").startswith("claim200")


@pytest.mark.parametrize(("number", "buttons"), [(199, 0), (200, 0), (201, 1)])
def test_all_claims_are_shown_up_to_a_limit(inspector: Inspector, number: int, buttons: int) -> None:
    inspector.show(unsigned({f"claim{index}": index for index in range(number)}))

    rows = inspector.page.locator("section:has(#claims-title) tbody tr")
    button = inspector.page.get_by_role("button", name="Show 1 more of 201 (claims)")
    assert (rows.count(), button.count()) == (min(number, 200), buttons)
    if buttons:
        button.click()
        assert (rows.count(), button.count()) == (201, 0)


def test_a_surrogate_pair_is_not_cut_into_halves(inspector: Inspector) -> None:
    inspector.show(unsigned({"a": "x" * 298 + "\U0001f600" * 9}))

    assert inspector.value("a") == '"' + "x" * 298


def test_the_source_of_the_claims_is_shown_as_a_string(inspector: Inspector) -> None:
    inspector.show(unsigned(f'{{"a":\n "{HTML}\u202e"}}'.encode()))

    inspector.page.get_by_text("The claims as JSON, as in the token").click()

    assert inspector.page.inner_text("details[open] .value") == f'{{"a":\n "{HTML}\\u202e"}}'
    assert inspector.page.evaluate(ELEMENTS) == 0


@pytest.mark.parametrize("field", ["#token", "#key"])
def test_a_hostile_string_in_a_field_is_shown_as_a_string(inspector: Inspector, field: str) -> None:
    inspector.show(unsigned({"a": 1}, {"alg": HTML, "typ": HTML, "kid": HTML}), {"keys": [{"kty": HTML, "kid": HTML}]})
    inspector.page.fill(field, HTML)

    assert inspector.page.evaluate(ELEMENTS) == 0


def test_invalid_utf_8_is_shown_with_marks(inspector: Inspector) -> None:
    inspector.show(unsigned(b'{"a": "\xffb\xc0\x80"}'))

    assert inspector.page.inner_text("section:has(#claims-title) .value") == '{"a": "\ufffdb\ufffd\ufffd"}'
