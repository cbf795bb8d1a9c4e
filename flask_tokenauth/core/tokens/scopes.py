"""Scope strings, sets of scopes, placeholders in scopes, and scopes that imply others (RFC 6749 section 3.3)."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

_TOKEN = r"[!#-\[\]-~]+"  # noqa: S105  # 1*( %x21 / %x23-5B / %x5D-7E ), a grammar and no password
_SCOPE_TOKEN = re.compile(_TOKEN)
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")  # unreserved, RFC 3986 section 2.3
_LONGEST_REMEMBERED = 512  # characters
_SCOPE = re.compile(f"{_TOKEN}(?: {_TOKEN})*")


def parse_scope(text: str) -> frozenset[str]:
    """Return the scopes in a scope string: scope tokens with one space between them. An empty string has no scopes.

    Args:
        text: untrusted.

    Raises:
        ValueError: *text* breaks the grammar of RFC 6749 section 3.3.
    """
    return _parse_remembered(text) if len(text) <= _LONGEST_REMEMBERED else _parse(text)


def _parse(text: str) -> frozenset[str]:
    if not text:
        return frozenset()
    if not _SCOPE.fullmatch(text):
        raise ValueError("a scope string must be scopes of printable ASCII, with one space between them")
    return frozenset(text.split(" "))


_parse_remembered = lru_cache(maxsize=256)(_parse)  # an application has few; long ones would only fill the memory


def format_scope(scopes: Iterable[str]) -> str:
    """Return scopes as one scope string (RFC 6749 section 3.3), each scope once.

    Args:
        scopes: scope tokens. Their order is kept; sets are sorted.

    Raises:
        TypeError: *scopes* is a single string, is not iterable, or has a member that is not a string.
        ValueError: a member is not a scope token.
    """
    tokens = scopes if isinstance(scopes, (list, tuple)) else _list_scopes(scopes)
    if not tokens:
        return ""
    try:
        text = " ".join(tokens)
        # The fast path: the string has as many distinct scopes as there are tokens, so no token has a space in it.
        if text.count(" ") == len(tokens) - 1 and len(parse_scope(text)) == len(tokens):
            return text
    except (TypeError, ValueError):
        pass  # the loop finds the token that is wrong
    for token in tokens:
        check_scope_token(token)
    return " ".join(dict.fromkeys(tokens))


def _list_scopes(scopes: Iterable[str]) -> list[str]:
    if isinstance(scopes, str):
        raise TypeError('scopes must be a collection of strings, got one string: use ["reports:read"]')
    if not hasattr(scopes, "__iter__"):
        raise TypeError(f"scopes must be a collection of strings, got {type(scopes).__name__}: use [] for no scopes")
    return sorted(scopes, key=str) if isinstance(scopes, (set, frozenset)) else list(scopes)


def check_scope_token(scope: object) -> None:
    """Refuse a value that is not one scope token (RFC 6749 section 3.3).

    Args:
        scope: any value of the application. The message of an error shows it.

    Raises:
        TypeError: it is not a string.
        ValueError: it is empty, or has a space, a quote, a backslash, or a character that is not printable ASCII.
    """
    if not isinstance(scope, str):
        is_several = isinstance(scope, (list, tuple, set, frozenset))
        advice = "pass them separately" if is_several else 'write "reports:read", for example'
        raise TypeError(f"scopes must be strings, got {type(scope).__name__}: {advice}")
    if not (_is_remembered_token(scope) if len(scope) <= _LONGEST_REMEMBERED else _SCOPE_TOKEN.fullmatch(scope)):
        advice = ": pass scopes separately" if " " in scope.strip() else ""
        raise ValueError(f"a scope must be printable ASCII without space, quote and backslash, got {scope!r}{advice}")


@lru_cache(maxsize=256)
def _is_remembered_token(scope: str) -> bool:
    return _SCOPE_TOKEN.fullmatch(scope) is not None


def find_placeholders(scope: str) -> tuple[str, ...]:
    """Return the names of the placeholders in a scope: ``project_id`` for ``projects:{project_id}:write``.

    Args:
        scope: the scope of a guard or of the settings.

    Raises:
        ValueError: a placeholder is not a whole segment between colons, or its name is not a Python identifier in
            ASCII.
    """
    braced = [segment for segment in scope.split(":") if "{" in segment or "}" in segment]
    if not all(_PLACEHOLDER.fullmatch(segment) for segment in braced):
        raise ValueError(f"a placeholder must be a whole segment of a scope, like {{project_id}}, got {scope!r}")
    return tuple(segment[1:-1] for segment in braced)


def fill_placeholders(scope: str, value_of: Callable[[str], str | None]) -> str | None:
    """Return *scope* with values in place of its placeholders; None if a value is missing or not allowed.

    Args:
        scope: the scope of a guard.
        value_of: returns the part of the URL that belongs to a name, untrusted, or None. Only letters, digits and
            ``._~-`` are allowed in it. A colon would make two segments of one, and a space two scopes.
    """
    filled = scope
    for name in find_placeholders(scope):
        value = value_of(name)
        if value is None or not _SEGMENT.fullmatch(value):
            return None
        filled = filled.replace(f"{{{name}}}", value)
    return filled


def compile_placeholders(scope: str) -> re.Pattern[str]:
    """Return a pattern of the scopes that *scope* stands for: ``projects:7:write`` for ``projects:{project_id}:write``.

    A placeholder stands for each value that :func:`fill_placeholders` fills in. The same name has the same value.

    Args:
        scope: the scope of the settings.

    Raises:
        ValueError: a placeholder is not a whole segment between colons, or its name is not a Python identifier in
            ASCII.
    """
    names, parts = iter(find_placeholders(scope)), []
    seen: set[str] = set()
    for segment in scope.split(":"):
        if "{" not in segment:
            parts.append(re.escape(segment))
            continue
        name = next(names)
        parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{_SEGMENT.pattern})")
        seen.add(name)
    return re.compile(":".join(parts))


def expand_implied(implies: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Return for each declared scope the scopes that grant it: itself, and all that imply it, directly or not.

    Args:
        implies: for each declared scope, the scopes that it implies directly.

    Raises:
        ValueError: an implied scope is not declared, or lacks a placeholder of the scope that implies it.
    """
    granted_by: dict[str, tuple[str, ...]] = {scope: (scope,) for scope in implies}
    for scope in implies:
        reached, left = {scope}, list(implies[scope])
        while left:
            implied = left.pop()
            if implied not in granted_by:
                raise ValueError(f"{scope} implies {implied}, which must be declared too")
            if not set(find_placeholders(scope)).issubset(find_placeholders(implied)):
                raise ValueError(f"{implied} must have all placeholders of {scope}, which implies it")
            if implied not in reached:
                reached.add(implied)
                granted_by[implied] += (scope,)
                left.extend(implies[implied])
    return granted_by
