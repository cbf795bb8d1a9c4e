"""The page of the inspector, as HTML: ``tests/browser`` opens it."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from flask_tokenauth.commands.inspector.page import SCRIPTS, check_source, make_page


class Elements(HTMLParser):
    """The elements of a page, in order, and the code in its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.code: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.code:
            self.code[self._inside].append(data)

    def policy(self) -> dict[str, str]:
        """Return the directives of the policy."""
        [content] = [str(attrs["content"]) for _, attrs in self.found if "Content-Security-Policy" in attrs.values()]
        return dict(directive.split(" ", 1) for directive in content.split("; "))


def hash_of(code: str) -> str:
    return f"'sha256-{b64encode(sha256(code.encode()).digest()).decode()}'"


def test_the_policy_allows_the_one_script_and_the_one_style_by_their_hashes() -> None:
    elements = Elements(make_page())
    [script], [style] = elements.code["script"], elements.code["style"]

    assert elements.policy() == {
        "default-src": "'none'",
        "connect-src": "'none'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "script-src": hash_of(script),
        "style-src": hash_of(style),
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_the_policy_comes_before_all_code() -> None:
    tags = [tag for tag, attrs in Elements(make_page()).found]

    assert tags[: tags.index("style")].count("meta") == 6
    assert tags.index("style") < tags.index("script")
    assert tags.count("style") == tags.count("script") == 1


def test_the_page_is_the_same_each_time() -> None:
    assert make_page() == make_page()


def test_the_page_names_no_other_file_and_no_address() -> None:
    elements = Elements(make_page())
    names = {name for _, attrs in elements.found for name in attrs}

    assert names.isdisjoint({"action", "href", "src", "srcset", "style"})
    assert not {name for name in names if name.startswith("on")}
    assert "://" not in make_page()
    assert not re.search(r"\burl\(|@import|//# source", make_page())


def test_the_page_stores_nothing_and_has_no_way_to_run_strings() -> None:
    [script] = Elements(make_page()).code["script"]
    forbidden = (
        "localStorage", "sessionStorage", "indexedDB", "cookie =", "caches", "location", "history", "fetch(",
        "XMLHttpRequest", "sendBeacon", "WebSocket", "postMessage", "innerHTML", "outerHTML", "insertAdjacentHTML",
        "document.write", "eval(", "Function(", "import(",
    )  # fmt: skip

    assert [name for name in forbidden if name in script] == []


def test_browsers_do_not_remember_check_or_translate_what_is_pasted() -> None:
    """A browser may send the content of a field to a server to check its spelling, or the page to translate it."""
    found = Elements(make_page()).found
    fields = [attrs for tag, attrs in found if tag == "textarea"]

    assert [(attrs["autocomplete"], attrs["spellcheck"]) for attrs in fields] == [("off", "false")] * 2
    assert ("html", {"lang": "en", "translate": "no"}) in found
    assert ("meta", {"name": "referrer", "content": "no-referrer"}) in found


def test_the_page_is_ascii_and_no_mark_is_left_in_it() -> None:
    assert make_page().isascii()
    assert not re.search(r"@[A-Z]+@", make_page())


def test_every_source_is_part_of_the_page() -> None:
    folder = files("flask_tokenauth.commands.inspector") / "sources"

    assert {source.name for source in folder.iterdir()} == {*SCRIPTS, "page.css", "page.html"}


@pytest.mark.parametrize("source", ["if (a </script/.test(b))", "'</STYLE>'", "<!-- a comment"])
def test_a_source_that_would_end_its_element_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="HTML would end the element there"):
        check_source(source)


def test_a_source_outside_ascii_is_refused() -> None:
    with pytest.raises(ValueError, match="must be ASCII"):
        check_source("const dots = '\N{HORIZONTAL ELLIPSIS}';")
