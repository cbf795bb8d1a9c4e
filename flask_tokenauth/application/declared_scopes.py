"""The scopes that an application declares in ``TOKENAUTH_SCOPES``, and what they imply."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from ..core.errors import SettingsError
from ..core.tokens.scopes import (
    check_scope_token,
    compile_placeholders,
    expand_implied,
    fill_placeholders,
    find_placeholders,
)
from .setting_types import PREFIX, SettingType

INTROSPECT = "tokenauth:introspect"  # the scope that POST /auth/introspect requires
EXCHANGE = "tokenauth:exchange"  # the scope that POST /auth/exchange requires
OWN_SCOPES = {INTROSPECT: "Introspect tokens", EXCHANGE: "Exchange tokens"}


class DeclaredScopes(NamedTuple):
    """The scopes of an application."""

    descriptions: Mapping[str, str]  # of each scope, for people
    granted_by: Mapping[str, tuple[str, ...]]  # for each scope: itself, and all scopes that imply it
    simple: frozenset[str]  # the scopes without a placeholder
    patterns: tuple[re.Pattern[str], ...]  # of the scopes with a placeholder, with values in its place

    def has(self, scope: str) -> bool:
        """Return whether a token can have *scope*: it is declared, with a value in the place of each placeholder."""
        return scope in self.simple or any(pattern.fullmatch(scope) for pattern in self.patterns)

    def find_granting(self, scope: str) -> frozenset[str]:
        """Return the scopes of tokens that grant *scope*, which has values in the place of placeholders.

        There are none if a value is not allowed in a scope. It may come from a client, so it is no mistake of the
        application.

        Raises:
            ValueError: *scope* is not declared.
        """
        if scope in self.granted_by:
            return frozenset(self.granted_by[scope])
        templates = [template for template in self.granted_by if "{" in template]
        if not any(_begins_and_ends_as(template, scope) for template in templates):
            raise ValueError(explain_undeclared(scope, self.granted_by))
        matches = [(template, _compile(template).fullmatch(scope)) for template in templates]
        filled = [
            fill_placeholders(granting, match.groupdict().get)
            for template, match in matches
            if match is not None
            for granting in self.granted_by[template]
        ]
        return frozenset(name for name in filled if name is not None)

    def check_issued(self, scope: str) -> None:
        """Refuse to issue a token with scopes that are not declared.

        Args:
            scope: the scope string of the token; empty if it has no scopes.

        Raises:
            ValueError: a scope is not declared, or has a placeholder. The message has every mistake.
        """
        if mistakes := [self._explain(name) for name in scope.split() if not self.has(name)]:
            raise ValueError("; ".join(mistakes))

    def _explain(self, scope: str) -> str:
        if scope not in self.granted_by:
            return explain_undeclared(scope, self.granted_by)
        names = ", ".join(f"{{{name}}}" for name in find_placeholders(scope))
        return f"scope {scope} of a token must have a value in the place of each placeholder: replace {names}"


def are_implied(held: Iterable[str], asked: Iterable[str], declared: DeclaredScopes | None) -> bool:
    """Return whether a token with some scopes may give all of some others: it has them, or scopes that imply them.

    Args:
        held: the scopes of the token.
        asked: the others, with values in the place of placeholders.
        declared: the declared scopes, and what they imply; None if none are declared.

    Raises:
        ValueError: scopes are declared, and one of *asked* is not, nor does the token have it: a scope of an old token
            may not be declared any more.
    """
    known = frozenset(held)
    others = frozenset(asked) - known
    if declared is None:
        return not others
    return not any(known.isdisjoint(declared.find_granting(scope)) for scope in others)


_compile = lru_cache(maxsize=256)(compile_placeholders)  # an application declares few


def _begins_and_ends_as(template: str, scope: str) -> bool:
    """Return whether *scope* equals *template* before its first placeholder and after its last one."""
    return scope.startswith(template.partition("{")[0]) and scope.endswith(template.rpartition("}")[2])


def explain_undeclared(scope: str, declared: Collection[str]) -> str:
    """Return words for a scope that is not among the declared ones, and a suggestion."""
    return f"scope {scope} is not declared in {PREFIX}SCOPES: declare it, or {suggest(scope, declared)}"


def suggest(name: str, known: Collection[str]) -> str:
    """Return advice for a name that is not among the known ones: the one that was probably meant."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else "correct its name"


def _read_scopes(value: object) -> DeclaredScopes:
    """Read ``{"reports:read": "Read reports"}``, or ``{"description": …, "implies": […]}`` for a scope."""
    if not isinstance(value, Mapping):
        raise TypeError
    descriptions: dict[str, str] = {}
    implies: dict[str, tuple[str, ...]] = {}
    for scope, declared in (OWN_SCOPES | dict(value)).items():
        descriptions[scope], implies[scope] = _read_declared(scope, declared)
    try:
        for scope in implies:
            check_scope_token(scope)
        _check_implied(implies)
        return DeclaredScopes(
            MappingProxyType(descriptions),
            MappingProxyType(expand_implied(implies)),
            frozenset(scope for scope in implies if not find_placeholders(scope)),
            tuple(compile_placeholders(scope) for scope in implies if find_placeholders(scope)),
        )
    except (TypeError, ValueError) as error:
        raise SettingsError(str(error)) from error


def _read_declared(scope: object, declared: object) -> tuple[str, tuple[str, ...]]:
    """Return the description of a scope, and the scopes that it implies."""
    given = {"description": declared} if isinstance(declared, str) else declared
    if not isinstance(given, Mapping):
        raise SettingsError(
            f"scope {scope!r} must have a description, or a dict with description and implies, "
            f"got {type(given).__name__}"
        )
    if unknown := sorted(map(str, given.keys() - {"description", "implies"})):
        raise SettingsError(
            f"scope {scope!r} must have a description, or a dict with description and implies, got a dict with "
            f"{', '.join(unknown)}: correct the name"
        )
    implied = given.get("implies", ())
    if not isinstance(implied, (list, tuple)) or not isinstance(given.get("description", ""), str):
        raise SettingsError(f"scope {scope!r}: description must be a string, and implies a list of scopes")
    return given.get("description", ""), tuple(implied)


def _check_implied(implies: Mapping[str, tuple[str, ...]]) -> None:
    for scope, names in implies.items():
        for name in names:
            check_scope_token(name)
            if name not in implies:
                raise SettingsError(
                    f"{scope} implies {name}, which must be declared too: declare it, or {suggest(name, implies)}"
                )


SCOPES = SettingType("a dict from scopes to descriptions", _read_scopes)
