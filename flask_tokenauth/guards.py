"""The decorators that guard views. Their place is directly under the route decorator; above it they guard too."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from .requirements import Requirement, mark
from .state import current_state

P = ParamSpec("P")
R = TypeVar("R")


def login_required(view: Callable[P, R]) -> Callable[P, R]:
    """Guard *view*: only requests with a good token pass; others get 401 and a challenge (RFC 6750 section 3.1)."""
    return _guard(view, Requirement())


def require_scope(*all_of: str, any_of: Iterable[str] = ()) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Guard a view: only requests whose token has these scopes pass; others get 401, or 403 for a missing scope.

    Args:
        all_of: scope tokens, all needed. They match exactly, never by prefix.
        any_of: scope tokens of which one is needed besides.

    Raises:
        TypeError, ValueError: at import, if there is no scope, or something else than a scope: the decorator without
            its parentheses guards nothing.
    """
    if isinstance(any_of, str):
        raise TypeError('any_of is a collection of texts: any_of=["reports:read", "admin"]')
    requirement = Requirement.of_scopes(all_of, tuple(any_of))
    return lambda view: _guard(view, requirement)


def _guard(view: Callable[P, R], requirement: Requirement) -> Callable[P, R]:
    if inspect.iscoroutinefunction(view):

        @wraps(view)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> object:
            current_state().enforce(requirement)
            return await view(*args, **kwargs)
    else:

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> object:
            current_state().enforce(requirement)
            return view(*args, **kwargs)

    mark(guarded, requirement)
    return cast("Callable[P, R]", guarded)
