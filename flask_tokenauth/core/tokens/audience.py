"""Audiences: one string or several in code and in ``aud``, a set everywhere else (RFC 7519 section 4.1.3)."""

from collections.abc import Iterable


def parse_audience(audience: str | Iterable[str]) -> frozenset[str]:
    """Return one recipient or several as a set.

    Args:
        audience: a string or an iterable of strings. No string is checked: neither its length nor its characters.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(audience, str):
        return frozenset((audience,))
    try:
        names = frozenset(audience)
    except TypeError:
        raise TypeError(f"audience must be one string or several, got {type(audience).__name__}") from None
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"audience must be one string or several, got {type(name).__name__} among them")
    return names


def write_audience(audience: Iterable[str]) -> str | tuple[str, ...]:
    """Return the claim ``aud`` for a set: one string as it is, several as a sorted tuple."""
    names = tuple(sorted(audience))
    return names[0] if len(names) == 1 else names
