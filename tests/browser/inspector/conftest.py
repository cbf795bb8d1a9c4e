"""The inspector, opened as a file in Chromium.

Every test fails at its end if the page asked for anything but itself, opened a dialog, had an error, or broke its own
policy.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.commands.inspector.page import make_page
from flask_tokenauth.core.encoding import base64url

from ..kit import PATIENCE, launch

WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", ({effectiveDirective}) => violations.push(effectiveDirective));
"""


@pytest.fixture(scope="session")
def browser(playwright: Any) -> Iterator[Any]:
    """The one browser of these tests; each test has a context of its own, which shares nothing with others."""
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page into a file, and return its address."""
    path = tmp_path_factory.mktemp("inspector") / "inspector.html"
    path.write_text(make_page(), encoding="utf-8")
    return path.as_uri()


@dataclass
class Inspector:
    """The page, as people use it."""

    page: Any
    address: str
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def show(self, token: str, key: object = "") -> None:
        """Paste a token, and a key as a string or as JSON; return when the page has shown them."""
        self.page.fill("#key", key if isinstance(key, str) else json.dumps(key))
        self.page.fill("#token", token)
        self.page.wait_for_function("!document.querySelector('.pending') && announcement.textContent !== ''")

    def refuse_dialog(self, dialog: Any) -> None:
        """Close a dialog, and remember it."""
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def check(self) -> None:
        """Check that the page asked for nothing but itself, showed no dialog, had no error and kept its policy."""
        assert set(self.requests) == {self.address}
        assert self.dialogs == self.errors == self.page.evaluate("violations") == []

    def use(self) -> "Iterator[Inspector]":
        """Empty the page for a test, and check it afterwards. To open it again would take longer than a test."""
        if not self.requests:
            self.page.goto(self.address)
        self.dialogs.clear()
        self.errors.clear()
        self.page.evaluate("() => { fields.token.value = fields.key.value = ''; return update(); }")
        yield self
        self.check()

    def signature(self) -> tuple[str, str]:
        """Return the state of the signature, and the sentences about it."""
        state, *sentences = self.page.inner_text("#signature").splitlines()
        return state, "\n".join(sentences)

    def warnings(self) -> list[tuple[str, str]]:
        """Return the level and the sentence of each warning."""
        items = self.page.locator(".findings li").all()
        return [(item.locator("strong").inner_text(), item.locator("span").inner_text()) for item in items]

    def row(self, title: str, name: str) -> Any:
        """Return the row of a claim or a header parameter."""
        header = self.page.get_by_role("rowheader", name=name, exact=True)
        return self.page.get_by_role("table", name=title).get_by_role("row").filter(has=header)

    def value(self, name: str, title: str = "Claims") -> str:
        """Return the shown value of a claim."""
        shown: str = self.row(title, name).locator(".value").inner_text()
        return shown

    def times(self, name: str) -> list[str]:
        shown: list[str] = self.row("Claims", name).locator(".times > span").all_inner_texts()
        return shown


Open = Callable[..., Inspector]


@pytest.fixture(scope="session")
def open_page(browser: Any, address: str) -> Open:
    """Return a function that opens the page in a context of its own; its arguments are those of Playwright."""

    def open_page(**options: Any) -> Inspector:
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH_POLICY)
        inspector = Inspector(context.new_page(), address)
        context.on("request", lambda request: inspector.requests.append(request.url))
        inspector.page.on("dialog", inspector.refuse_dialog)
        inspector.page.on("pageerror", lambda error: inspector.errors.append(str(error)))
        inspector.page.on("console", lambda message: inspector.errors.append(message.text))
        return inspector

    return open_page


@pytest.fixture
def open_inspector(open_page: Open) -> Iterator[Open]:
    """Return a function that opens the page in a new context, which ends with the test."""
    opened: list[Inspector] = []

    def open_new(**options: Any) -> Inspector:
        inspector = open_page(**options)
        opened.append(inspector)
        inspector.page.goto(inspector.address)
        return inspector

    yield open_new
    for inspector in opened:
        inspector.check()
        inspector.page.context.close()


@pytest.fixture(scope="session")
def usual_inspector(open_page: Open) -> Inspector:
    """The context that most tests share: to open one takes longer than a test."""
    return open_page()


@pytest.fixture
def fresh(open_inspector: Open) -> Inspector:
    """The page in a context of its own, for tests that change more than the fields."""
    return open_inspector()


@pytest.fixture
def inspector(usual_inspector: Inspector) -> Iterator[Inspector]:
    """The page, with empty fields."""
    yield from usual_inspector.use()


def unsigned(
    payload: bytes | dict[str, Any], header: bytes | dict[str, Any] | None = None, signature: str = "c2ln"
) -> str:
    """Return a token of these parts, whose signature is nothing but bytes."""
    parts = (header or {"alg": "ES256", "typ": "at+jwt"}, payload)
    encoded = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts]
    return ".".join([*(base64url.encode(part).decode() for part in encoded), signature])


def read_vectors() -> list[dict[str, Any]]:
    """Return the examples of RFCs and their altered copies."""
    path = Path(__file__).parents[2] / "vectors" / "rfc_examples.json"
    cases: list[dict[str, Any]] = json.loads(path.read_text())["cases"]
    return cases
