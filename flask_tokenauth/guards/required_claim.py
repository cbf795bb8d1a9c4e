"""A claim that a guard requires: its name or path, and the values of which the token must have one."""

import json
from collections.abc import Mapping
from typing import NamedTuple

_SHAPE = '@require_claim("role", "editor")'
_OWN_GUARDS = {
    "scope": ', which knows implied scopes: @require_scope("reports:read")',
    "auth_time": ": @login_required(max_age=300)",
}


class RequiredClaim(NamedTuple):
    """A claim that must equal one of some values, or be an array that holds one of them.

    Each value comes with its type. For Python ``True`` and ``1`` are equal, and a guard for the one would count as a
    guard for the other.
    """

    name: str
    values: tuple[tuple[type, str | int | bool], ...]

    @classmethod
    def of(cls, name: object, values: tuple[object, ...]) -> "RequiredClaim":
        """Return the requirement of a claim, after its arguments were checked.

        Args:
            name: as in the claims set, or a path with dots into objects.
            values: of which one is needed.

        Raises:
            TypeError: *name* is not a string, or a value is not a string, an integer or a boolean.
            ValueError: *name* is empty or has a guard of its own, there is no value, or a value is an empty string.
        """
        if callable(name):
            raise TypeError(f"require_claim must be called with a claim and its values: {_SHAPE}")
        if not isinstance(name, str):
            raise TypeError(f"the name of a claim must be a string, got {type(name).__name__}")
        if not name:
            raise ValueError(f"the name of a claim must not be empty: {_SHAPE}")
        if name in _OWN_GUARDS:
            raise ValueError(f"claim {name} has a guard of its own{_OWN_GUARDS[name]}")
        if not values:
            raise ValueError(f"require_claim needs a value of claim {name}: {_SHAPE}")
        return cls(name, tuple(dict.fromkeys(_read_value(name, value) for value in values)))

    def is_met_by(self, claims: Mapping[str, object]) -> bool:
        """Return whether a claims set has the claim with one of the values.

        Args:
            claims: the claims of a verified token: arrays are tuples, objects are mappings.
        """
        found = find_claim(claims, self.name)
        candidates = found if isinstance(found, tuple) else (found,)
        return any((type(candidate), candidate) in self.values for candidate in candidates)

    def __str__(self) -> str:
        return f"claim {self.name}: " + " or ".join(json.dumps(value, ensure_ascii=False) for _, value in self.values)


def find_claim(claims: Mapping[str, object], path: str) -> object:
    """Return the value at *path* in a claims set; None if there is none.

    A name that equals the whole path wins. Otherwise the longest name with which the path begins leads on into its
    object, since names may have dots themselves: names that are URLs do.

    Args:
        claims: the claims, or an object among them.
        path: a name, or several with dots between them.
    """
    if path in claims:
        return claims[path]
    name = path
    while "." in name:
        name = name.rpartition(".")[0]
        if name in claims:
            inner = claims[name]
            return find_claim(inner, path[len(name) + 1 :]) if isinstance(inner, Mapping) else None
    return None


def _read_value(name: str, value: object) -> tuple[type, str | int | bool]:
    """Return a value with its type in JSON. Members of an enumeration are their strings and numbers."""
    if isinstance(value, bool):
        return bool, value
    if isinstance(value, int):
        return int, int(value)
    if not isinstance(value, str):
        advice = ": pass them separately" if isinstance(value, (list, tuple, set, frozenset)) else ""
        advice = ": compare it in the view" if isinstance(value, float) else advice
        raise TypeError(
            f"the values of claim {name} must be strings, integers or booleans, got {type(value).__name__}{advice}"
        )
    if not value:
        raise ValueError(f"the values of claim {name} must not be empty strings")
    return str, str.__str__(value)
