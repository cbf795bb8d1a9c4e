"""What a guard asks of a request, and whether a token has it."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec

from ..core.errors import InsufficientScope, LoginTooOld, MissingCredential
from ..core.tokens.scopes import fill_placeholders, find_placeholders, format_scope
from ..core.tokens.token import Token


class Asked(msgspec.Struct, frozen=True):
    """What a request brings, for requirements to be checked against."""

    token: Token | None
    matched: Callable[[str], str | None]  # an argument of the view as the text that the URL matched, untrusted
    now: float  # seconds since 1970-01-01T00:00:00Z
    leeway: timedelta  # clock skew to forgive


class Requirement(msgspec.Struct, frozen=True):
    """What one guard asks for: a login, a recent one, all of some scopes, one of some others."""

    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    max_age: timedelta | None = None
    load_user: bool = False  # and a user who is still there; the loader is asked by whoever enforces

    @classmethod
    def of_scopes(cls, all_of: tuple[str, ...], any_of: tuple[str, ...]) -> "Requirement":
        """Return a requirement of at least one scope.

        Raises:
            TypeError: a scope is not a text.
            ValueError: there is none, one breaks the grammar of RFC 6749 section 3.3, or a placeholder is not a whole
                segment.
        """
        if not all_of and not any_of:
            raise ValueError("require_scope needs a scope; for any user there is login_required")
        for scope in (*all_of, *any_of):
            format_scope((scope,))
            find_placeholders(scope)
        return cls(all_of, any_of)

    @property
    def scopes(self) -> tuple[str, ...]:
        """All scopes that it names, as the guard has them."""
        return self.all_of + self.any_of

    @property
    def plainly(self) -> frozenset[str] | None:
        """Scopes with which a token meets this for certain, whatever was asked; None where there is more to ask."""
        if self.any_of or self.max_age is not None or self.load_user or any("{" in scope for scope in self.all_of):
            return None
        return frozenset(self.all_of)

    def check(self, asked: Asked, enough: Mapping[str, tuple[str, ...]]) -> None:
        """Refuse a request that does not meet this requirement.

        Args:
            asked: the token and what else it takes.
            enough: for each declared scope those that are enough for it; an undeclared one is enough for itself only.

        Raises:
            MissingCredential: there is no token.
            LoginTooOld: the login lies further back than ``max_age`` seconds, or nobody knows when it was.
            InsufficientScope: a scope is missing, or cannot be told for what the URL matched.
        """
        if asked.token is None:
            raise MissingCredential
        if self.max_age is not None:
            _check_age(asked.token, self.max_age, asked)
        if not all(_has(asked, scope, enough) for scope in self.all_of):
            raise InsufficientScope(_fill(self.all_of, asked))
        if self.any_of and not any(_has(asked, scope, enough) for scope in self.any_of):
            raise InsufficientScope(_fill(self.any_of, asked))

    def __str__(self) -> str:
        parts = list(self.all_of)
        if self.any_of:
            parts.append("one of " + ", ".join(self.any_of))
        if self.max_age is not None:
            parts.append(f"login within {int(self.max_age.total_seconds())} s")
        if self.load_user:
            parts.append("a user who is still there")
        return " and ".join(parts) or "login"


def _has(asked: Asked, scope: str, enough: Mapping[str, tuple[str, ...]]) -> bool:
    granted = asked.token.scopes if asked.token is not None else frozenset()
    return any(fill_placeholders(each, asked.matched) in granted for each in enough.get(scope, (scope,)))


def _fill(scopes: tuple[str, ...], asked: Asked) -> tuple[str, ...]:
    """Fill the scopes that the challenge names; none where the URL matched what no scope can hold."""
    filled = [fill_placeholders(scope, asked.matched) for scope in scopes]
    return tuple(scope for scope in filled if scope is not None)


def _check_age(token: Token, max_age: timedelta, asked: Asked) -> None:
    age = None if token.auth_time is None else asked.now - token.auth_time.timestamp()
    if age is None or not -asked.leeway.total_seconds() <= age <= max_age.total_seconds():
        raise LoginTooOld(int(max_age.total_seconds()))  # a login that lies ahead is none
