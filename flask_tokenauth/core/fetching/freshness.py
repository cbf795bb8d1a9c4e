"""Read how long an answer may be used (RFC 9111 section 4.2)."""

import re
from collections.abc import Iterable, Mapping, Sequence

_LONGEST = 2**31  # seconds: greater numbers count as this one (RFC 9111 section 1.2.2)
_DIRECTIVE = re.compile(
    r"""\s*(?P<name>[^\s=,"]+)(?:=(?P<value>"(?:\\.|[^"\\])*"|[^\s,"]*))?\s*(?:,|\Z)|[^,]*(?:,|\Z)"""
)


def read_lifetime(headers: Mapping[str, Sequence[str]]) -> float | None:
    """Return the seconds that an answer may still be used: ``max-age`` minus ``Age``.

    Args:
        headers: the values of each header, by its name in lower case. Untrusted.

    Returns:
        0 if the answer must not be stored or is no longer fresh; None if ``Cache-Control`` does not say it, or says it
        in a malformed way. ``s-maxage`` is for shared caches, and does not count.
    """
    directives = list(_read_directives(headers.get("cache-control", ())))
    if any(name in ("no-store", "no-cache") for name, _ in directives):
        return 0.0
    ages = [_read_seconds(value) for name, value in directives if name == "max-age"]
    longest = min((age for age in ages if age is not None), default=None)
    if longest is None:
        return None
    age = next((_read_seconds(value.strip()) for value in headers.get("age", ())), None)
    return max(0.0, longest - (age or 0.0))


def _read_directives(values: Iterable[str]) -> Iterable[tuple[str, str]]:
    for found in _DIRECTIVE.finditer(",".join(values)):
        if found["name"]:
            yield found["name"].lower(), (found["value"] or "").strip('"')


def _read_seconds(value: str) -> float | None:
    if not re.fullmatch("[0-9]+", value):
        return None
    digits = value.lstrip("0")
    return float(_LONGEST if len(digits) > len(str(_LONGEST)) else min(int(digits or "0"), _LONGEST))
