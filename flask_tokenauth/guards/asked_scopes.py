"""Ask in code whether a token has scopes, with everything that declared scopes imply."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from ..application.declared_scopes import DeclaredScopes
from ..core.tokens.scopes import check_scope_token, fill_placeholders, find_placeholders
from ..core.tokens.token import Token
from .requirement import read_alternatives

Granting = frozenset[str]  # the scopes of tokens that grant a scope


class AskedScopes:
    """The scopes that code asks for.

    Args:
        all_of: scopes, all of which are needed.
        any_of: scopes, one of which is needed as well; None if there are no such scopes.
        declared: the declared scopes, and what they imply; None if none are declared.
        values: for the placeholders of the scopes. They may come from a client: with a value that no scope can have,
            the scope is not held.

    Raises:
        TypeError: a scope is not a string, *any_of* is not a list of strings, or a value is neither a string nor an
            int nor a UUID, or stands for no placeholder.
        ValueError: there is no scope, *any_of* is empty, or a scope is not declared, lacks the value of a placeholder,
            or breaks the grammar of RFC 6749 section 3.3.
    """

    def __init__(
        self,
        all_of: tuple[str, ...],
        any_of: Iterable[str] | None,
        declared: DeclaredScopes | None,
        values: Mapping[str, object],
    ) -> None:
        if not all_of and any_of is None:
            raise ValueError("allows needs a scope: name one, or use get_token() to find out if there is a user")
        self._declared = declared
        self._values = {name: _write_value(name, value) for name, value in values.items()}
        self._unused = set(values)
        self._all_of = [self._find_granting(scope) for scope in all_of]
        self._any_of = [] if any_of is None else [self._find_granting(scope) for scope in read_alternatives(any_of)]
        if self._unused:
            raise TypeError(f"allows got a value for {min(self._unused)}, which no scope has as a placeholder")

    def are_held_by(self, token: Token | None) -> bool:
        """Return whether *token* has all of the scopes, and one of the others. Without a token nothing is held."""
        if token is None:
            return False
        held = token.scopes
        if any(held.isdisjoint(granting) for granting in self._all_of):
            return False
        return not self._any_of or any(not held.isdisjoint(granting) for granting in self._any_of)

    def _find_granting(self, scope: str) -> Granting:
        if not isinstance(scope, str) or self._declared is None:
            check_scope_token(scope)
        if "{" in scope and (self._declared is None or scope in self._declared.granted_by):
            return self._fill(scope)
        return frozenset((scope,)) if self._declared is None else self._declared.find_granting(scope)

    def _fill(self, scope: str) -> Granting:
        """Return the scopes of tokens that grant *scope* with the values in the place of its placeholders."""
        for name in find_placeholders(scope):
            if name not in self._values:
                raise ValueError(f'scope {scope} needs a value for {name}: allows("{scope}", {name}=…)')
            self._unused.discard(name)
        granting = (scope,) if self._declared is None else self._declared.granted_by[scope]
        filled = [fill_placeholders(template, self._values.get) for template in granting]
        return frozenset(name for name in filled if name is not None)


def _write_value(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, UUID)):
        raise TypeError(f"the value for {name} must be a string, an int or a UUID, got {type(value).__name__}")
    return str(value)
