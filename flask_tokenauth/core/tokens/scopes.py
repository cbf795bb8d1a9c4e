"""Scope strings to sets and back (RFC 6749 section 3.3), and what scopes imply each other."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

_TOKEN = r"[!#-\[\]-~]+"  # noqa: S105  # 1*( %x21 / %x23-5B / %x5D-7E ), a grammar and no password
_SCOPE_TOKEN = re.compile(_TOKEN)
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")  # unreserved, RFC 3986 section 2.3
_LONGEST_KNOWN = 512  # characters, of what is remembered
_SCOPE = re.compile(f"{_TOKEN}(?: {_TOKEN})*")


def parse_scope(text: str) -> frozenset[str]:
    """Read a scope string: scope tokens, one space between; empty text is no scope at all.

    Raises:
        ValueError: *text* breaks the grammar of RFC 6749 section 3.3.
    """
    return _parse_known(text) if len(text) <= _LONGEST_KNOWN else _parse(text)


def _parse(text: str) -> frozenset[str]:
    if not text:
        return frozenset()
    if not _SCOPE.fullmatch(text):
        raise ValueError("not a scope string")
    return frozenset(text.split(" "))


_parse_known = lru_cache(maxsize=256)(_parse)  # an application has few; longer ones would only fill the memory


def format_scope(scopes: Iterable[str]) -> str:
    """Write scope tokens as one scope string, each once, in the order given (sets: sorted).

    Raises:
        TypeError: *scopes* is one text, or holds something else than texts.
        ValueError: one of them is not a scope token.
    """
    if isinstance(scopes, str):
        raise TypeError('scopes are a collection of texts: ["reports:read"], not "reports:read"')
    tokens = sorted(scopes) if isinstance(scopes, (set, frozenset)) else list(scopes)
    if not tokens:
        return ""
    try:
        text = " ".join(tokens)
        # At a glance, as an application has few: so many distinct tokens in it, and no space within one.
        if text.count(" ") == len(tokens) - 1 and len(parse_scope(text)) == len(tokens):
            return text
    except (TypeError, ValueError):
        pass  # which one it is, and what is wrong with it, is told below
    for token in tokens:
        check_scope_token(token)
    return " ".join(dict.fromkeys(tokens))


def check_scope_token(scope: object) -> None:
    """Refuse what is not one scope token.

    Raises:
        TypeError: it is not a text.
        ValueError: it breaks the grammar of RFC 6749 section 3.3 (empty, a space, a quote, a backslash, not ASCII).
    """
    if not isinstance(scope, str):
        raise TypeError(f"a scope is a text, not {type(scope).__name__}")
    if not (_is_known_token(scope) if len(scope) <= _LONGEST_KNOWN else _SCOPE_TOKEN.fullmatch(scope)):
        raise ValueError(f"not a scope: {scope!r} (printable ASCII without space, quote and backslash)")


@lru_cache(maxsize=256)
def _is_known_token(scope: str) -> bool:
    return _SCOPE_TOKEN.fullmatch(scope) is not None


def find_placeholders(scope: str) -> tuple[str, ...]:
    """Return the names of the placeholders in a guard's scope: ``project_id`` in ``projects:{project_id}:write``.

    Raises:
        ValueError: a brace stands elsewhere than around a whole segment, between colons, or around no name.
    """
    braced = [segment for segment in scope.split(":") if "{" in segment or "}" in segment]
    if not all(_PLACEHOLDER.fullmatch(segment) for segment in braced):
        raise ValueError(f"in the scope {scope!r} a placeholder is not a whole segment like {{project_id}}")
    return tuple(segment[1:-1] for segment in braced)


def fill_placeholders(scope: str, value_of: Callable[[str], str | None]) -> str | None:
    """Return *scope* with its placeholders filled; None if a value is missing or could be more than one segment.

    Args:
        scope: as a guard has it.
        value_of: gives for a name what the URL matched, untrusted, or None. Only letters, digits and ``._~-`` are let
            in: no colon makes two segments of one, no space two scopes.
    """
    filled = scope
    for name in find_placeholders(scope):
        value = value_of(name)
        if value is None or not _SEGMENT.fullmatch(value):
            return None
        filled = filled.replace(f"{{{name}}}", value)
    return filled


def expand_implied(implies: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Return for each declared scope those that are enough for it: itself, and whatever implies it, however indirectly.

    Args:
        implies: for each declared scope those that it implies directly.

    Raises:
        ValueError: an implied scope is not declared, or does not have all placeholders of the one that implies it.
    """
    enough: dict[str, tuple[str, ...]] = {scope: (scope,) for scope in implies}
    for scope in implies:
        reached, left = {scope}, list(implies[scope])
        while left:
            implied = left.pop()
            if implied not in enough:
                raise ValueError(f"{scope} implies {implied}, which is not declared")
            if not set(find_placeholders(scope)).issubset(find_placeholders(implied)):
                raise ValueError(f"{scope} has a placeholder that {implied}, which it implies, has not")
            if implied not in reached:
                reached.add(implied)
                enough[implied] += (scope,)
                left.extend(implies[implied])
    return enough
