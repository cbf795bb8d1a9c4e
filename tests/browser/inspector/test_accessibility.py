"""The page for everyone: axe-core's rules, the keyboard, screen readers, small screens, and both colour schemes."""

import os
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core import Key
from flask_tokenauth.core.tokens import jws

from ..kit import SKIPPED
from .conftest import Inspector, Open, unsigned

pytestmark = SKIPPED

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(
    not AXE.exists() and not os.environ.get("TOKENAUTH_BROWSER"), reason="run npm ci in tests/browser first"
)

KEY = Key.generate("ES256")
VERIFIED = (jws.sign(b'{"sub":"alice","exp":4000000000,"long":"' + b"x" * 500 + b'"}', KEY, typ="at+jwt"), KEY.to_jwk())
SHOWN: dict[str, tuple[str, object]] = {
    "nothing": ("", ""),
    "verified": VERIFIED,
    "not verified": (VERIFIED[0], Key.generate("ES256", kid=KEY.kid).to_jwk()),
    "warnings of every level": (unsigned({"password": "x", "email": "y"}, {"alg": "none", "jku": "z"}), "no key"),
    "broken": (unsigned(b"\xff"), ""),
    "encrypted": ("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.Yw.dGFn", ""),
    "opaque": ("tr_AAAA", ""),
}


@pytest.fixture(params=["light", "dark"])
def colored(request: pytest.FixtureRequest, open_inspector: Open) -> Inspector:
    return open_inspector(color_scheme=request.param)


def find_violations(inspector: Inspector) -> list[str]:
    """Return what axe-core finds, and what it cannot decide."""
    found: Any = inspector.page.evaluate("axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in [*found["violations"], *found["incomplete"]]]


@needs_axe
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing(colored: Inspector, width: int) -> None:
    colored.page.set_viewport_size({"width": width, "height": 800})
    colored.page.evaluate(AXE.read_text())

    found = {}
    for name, (token, key) in SHOWN.items():
        if token:
            colored.show(token, key)
        colored.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        found[name] = find_violations(colored)

    assert found == {name: [] for name in SHOWN}


@needs_axe
def test_axe_finds_faults_if_there_are_some(fresh: Inspector) -> None:
    fresh.page.evaluate(AXE.read_text())

    fresh.page.evaluate("document.querySelector('label').remove()")
    fresh.page.evaluate("document.querySelector('footer p').style.color = 'silver'")

    assert {line.partition(":")[0] for line in find_violations(fresh)} >= {"label", "color-contrast"}


def test_the_schemes_have_different_colours(open_inspector: Open) -> None:
    colours = [
        open_inspector(color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]

    assert colours == ["rgb(247, 247, 245)", "rgb(21, 23, 26)"]


def focused(inspector: Inspector) -> str:
    """Return the label or the content of the element that has the focus."""
    found: str = inspector.page.evaluate(
        "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
    )
    return found


def test_the_page_can_be_used_with_the_keyboard_alone(fresh: Inspector) -> None:
    keyboard = fresh.page.keyboard
    token, jwk = VERIFIED

    keyboard.press("Tab")
    assert focused(fresh) == "Token"
    keyboard.insert_text(token)
    keyboard.press("Tab")
    assert focused(fresh) == "Key (optional)"
    keyboard.insert_text(str(jwk).replace("'", '"'))
    fresh.page.wait_for_selector(".verified")
    keyboard.press("Tab")
    assert focused(fresh) == "Clear both"
    keyboard.press("Tab")
    assert focused(fresh) == "The header as JSON, as in the token"
    keyboard.press("Enter")
    assert fresh.page.locator("details[open]").count() == 1
    keyboard.press("Tab")
    assert focused(fresh) == "Show 202 more characters of the value of long"
    keyboard.press("Enter")
    assert fresh.page.evaluate("document.activeElement.getAttribute('aria-label')") == "the value of long"
    keyboard.press("Shift+Tab")
    keyboard.press("Shift+Tab")
    assert focused(fresh) == "Clear both"
    keyboard.press("Space")
    assert focused(fresh) == "Token"
    assert [fresh.page.input_value(field) for field in ("#token", "#key")] == ["", ""]
    assert fresh.page.inner_text("#result") == ""


def test_the_focus_can_be_seen(fresh: Inspector) -> None:
    for _ in range(3):
        fresh.page.keyboard.press("Tab")
        style = fresh.page.evaluate(
            "(({outlineStyle, outlineWidth}) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
        )
        assert style == ["solid", "3px"]


def test_a_screen_reader_hears_the_result(inspector: Inspector) -> None:
    inspector.show(*VERIFIED)

    said = inspector.page.get_by_role("status").inner_text()
    assert said.startswith("A signed token: an access token (RFC 9068). Expires in ")
    assert " 1 warning. Signature: Verified. The signature was made with this key (ES256)" in said


def test_a_screen_reader_finds_landmarks_headings_and_tables(inspector: Inspector) -> None:
    inspector.show(*VERIFIED)
    page = inspector.page

    assert [page.get_by_role(role).count() for role in ("banner", "main", "contentinfo")] == [1, 1, 1]
    headings = page.get_by_role("heading").all_inner_texts()
    assert headings == ["Token inspector", "At a glance", "Warnings", "Header", "Claims", "Size"]
    for title in headings[1:]:
        assert page.get_by_role("region", name=title, exact=True).count() == 1
    columns = page.get_by_role("table", name="Claims").get_by_role("columnheader").all_inner_texts()
    assert columns == ["Name", "Value", "Meaning", "Bytes"]


def test_a_small_screen_does_not_scroll_sideways_and_keeps_the_table(open_inspector: Open) -> None:
    inspector = open_inspector(viewport={"width": 320, "height": 640})

    inspector.show(unsigned({"a" * 200: "b" * 5_000, "\u5b57" * 100: ["c" * 200]}))

    assert inspector.page.evaluate("document.documentElement.scrollWidth") == 320
    assert inspector.page.get_by_role("table", name="Claims").get_by_role("rowheader").count() == 2
