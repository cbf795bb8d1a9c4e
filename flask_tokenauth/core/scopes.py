"""Scope strings to sets and back (RFC 6749 section 3.3)."""

import re
from collections.abc import Iterable

_TOKEN = r"[!#-\[\]-~]+"  # noqa: S105  # 1*( %x21 / %x23-5B / %x5D-7E ), a grammar and no password
_SCOPE_TOKEN = re.compile(_TOKEN)
_SCOPE = re.compile(f"{_TOKEN}(?: {_TOKEN})*")


def parse_scope(text: str) -> frozenset[str]:
    """Read a scope string: scope tokens, one space between; empty text is no scope at all.

    Raises:
        ValueError: *text* breaks the grammar of RFC 6749 section 3.3.
    """
    if not text:
        return frozenset()
    if not _SCOPE.fullmatch(text):
        raise ValueError("not a scope string")
    return frozenset(text.split(" "))


def format_scope(scopes: Iterable[str]) -> str:
    """Write scope tokens as one scope string, each once, in the order given (sets: sorted).

    Raises:
        TypeError: *scopes* is one text, or holds something else than texts.
        ValueError: one of them is not a scope token.
    """
    if isinstance(scopes, str):
        raise TypeError('scopes are a collection of texts: ["reports:read"], not "reports:read"')
    ordered = sorted(scopes) if isinstance(scopes, (set, frozenset)) else scopes
    return " ".join(dict.fromkeys(check_scope_token(scope) for scope in ordered))


def check_scope_token(scope: str) -> str:
    """Return *scope* if it is one scope token.

    Raises:
        TypeError: it is not a text.
        ValueError: it breaks the grammar of RFC 6749 section 3.3 (empty, a space, a quote, a backslash, not ASCII).
    """
    if not isinstance(scope, str):
        raise TypeError(f"a scope is a text, not {type(scope).__name__}")
    if not _SCOPE_TOKEN.fullmatch(scope):
        raise ValueError(f"not a scope: {scope!r} (printable ASCII without space, quote and backslash)")
    return scope
