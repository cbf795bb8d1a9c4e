"""What a route requires: marks on views, finding them again, checking a token against them.

Guards mark functions as well as wrap them, so that a guard above the route decorator guards just the same: the mark is
found on the registered view, whichever of its wrappers Flask holds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .core.errors import InsufficientScope, MissingCredential
from .core.scopes import format_scope
from .core.verifier import Token

_MARK = "__tokenauth_requirements__"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one guard asks for: a login, all of some scopes, one of some others."""

    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()

    @classmethod
    def of_scopes(cls, all_of: tuple[str, ...], any_of: tuple[str, ...]) -> "Requirement":
        """Return a requirement of at least one scope.

        Raises:
            TypeError: a scope is not a text, or *any_of* is one text.
            ValueError: there is none, or one breaks the grammar of RFC 6749 section 3.3.
        """
        for scopes in (all_of, any_of):
            format_scope(scopes)
        if not all_of and not any_of:
            raise ValueError("require_scope needs a scope; for any user there is login_required")
        return cls(all_of, tuple(any_of))

    def check(self, token: Token | None) -> None:
        """Refuse a request whose token does not meet this requirement.

        Raises:
            MissingCredential: there is none.
            InsufficientScope: it lacks a scope.
        """
        if token is None:
            raise MissingCredential
        if not token.scopes.issuperset(self.all_of):
            raise InsufficientScope(self.all_of)
        if self.any_of and token.scopes.isdisjoint(self.any_of):
            raise InsufficientScope(self.any_of)


def mark(view: Callable[..., Any], requirement: Requirement) -> None:
    """Note on *view*, and on all that it wraps, that *requirement* holds for it. As far as these can carry a note."""
    for each in _chain(view):
        noted = vars(each).get(_MARK, ()) if hasattr(each, "__dict__") else ()
        if requirement not in noted:
            try:
                setattr(each, _MARK, (*noted, requirement))
            except (AttributeError, TypeError):
                continue  # bound methods, builtins and slots carry none; the wrapper enforces regardless


def find_requirements(view: Callable[..., Any]) -> tuple[Requirement, ...]:
    """Return what is noted on a registered view and on all that it wraps, each once."""
    found = (noted for each in _chain(view) for noted in getattr(each, "__dict__", {}).get(_MARK, ()))
    return tuple(dict.fromkeys(found))


def _chain(view: Callable[..., Any]) -> Iterator[Any]:
    """Go from *view* along ``__wrapped__`` to the innermost function."""
    seen: set[int] = set()
    each: Any = view
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = getattr(each, "__wrapped__", None)
