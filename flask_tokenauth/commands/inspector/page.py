"""Assemble the page of the inspector from its sources: one file that loads nothing.

The policy of the page (Content Security Policy Level 3) allows its one script and its one style, by their hashes, and
nothing else: no other script, no connection, no form. A policy in ``<meta>`` cannot say who may frame the page.
"""

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

# In the order in which they come in the script: a constant comes before the code that runs when the page is opened.
SCRIPTS = (
    "json_reader.js",
    "display.js",
    "times.js",
    "token_reader.js",
    "meanings.js",
    "der.js",
    "key_reader.js",
    "key_strength.js",
    "signature.js",
    "findings.js",
    "result.js",
    "main.js",
)
_ENDS_OF_ELEMENTS = re.compile(r"</(?:script|style)|<!--", re.IGNORECASE)  # a parser of HTML would find them in code


def make_page() -> str:
    """Return the page. It is always the same, and it is ASCII, so it survives every encoding of a shell."""
    style = _read("page.css")
    script = '"use strict";\n' + "".join(map(_read, SCRIPTS))
    policy = (
        "default-src 'none'; connect-src 'none'; form-action 'none'; base-uri 'none'; "
        f"script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    page = _read("page.html")
    for mark, value in (("@POLICY@", policy), ("@STYLE@", style), ("@SCRIPT@", script)):
        before, _, after = page.partition(mark)
        page = f"{before}{value}{after}"
    return page


def check_source(source: str) -> None:
    """Check that a script or style can stand within HTML.

    Raises:
        ValueError: it has characters outside ASCII, or a string that would end its element.
    """
    if not source.isascii():
        raise ValueError("a source of the page must be ASCII, got other characters: write them as escapes")
    if found := _ENDS_OF_ELEMENTS.search(source):
        raise ValueError(f"a source of the page must not have {found[0]!r}: HTML would end the element there")


def _read(name: str) -> str:
    source = (files("flask_tokenauth.commands.inspector") / "sources" / name).read_text(
        encoding="utf-8"
    )  # with \n as its line ends
    if not name.endswith(".html"):
        check_source(source)
    return source


def _hash(source: str) -> str:
    return f"sha256-{b64encode(sha256(source.encode()).digest()).decode()}"
