"""The decorators that guard views. Their place is directly under the route decorator.

Above it they guard too, unless a decorator between hides what it wraps; ``flask tokenauth routes --check`` tells.
"""

import inspect
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, overload

from ..application.app_state import current_state, enforce
from ..application.setting_types import read_duration
from ..core.errors import SettingsError
from .marks import enforcers, mark, mark_giver, mark_open
from .requirement import Requirement

F = TypeVar("F", bound=Callable[..., Any])
A = TypeVar("A")


@overload
def login_required(view: F, /) -> F: ...
@overload
def login_required(*, max_age: timedelta | float | None = None, load_user: bool = False) -> Callable[[F], F]: ...
def login_required(view: Any = None, /, *, max_age: timedelta | float | None = None, load_user: bool = False) -> Any:
    """Guard a view or a class of views: only requests with a good token pass; others get 401 and a challenge.

    Args:
        view: what is guarded, with or without parentheses after the decorator.
        max_age: how long ago the user may have signed in, a ``timedelta`` or seconds, cut to whole ones; older logins
            get 401 with ``insufficient_user_authentication`` (RFC 9470 section 3). The token says when: ``auth_time``.
        load_user: load the user before the view runs, so that nobody passes who is gone; else a good token is enough.

    Raises:
        TypeError, ValueError: at import, if *max_age* is no duration of a second or more, or *view* no view.
    """
    decorator = _guard(Requirement(max_age=_read_age(max_age), load_user=load_user))
    return decorator if view is None else decorator(view)


mark_giver(login_required, Requirement())


def require_scope(*all_of: str, any_of: Iterable[str] = ()) -> Callable[[F], F]:
    """Guard a view or a class of views: the token needs these scopes; without a token 401, without a scope 403.

    Args:
        all_of: scope tokens, all needed. They match exactly, never by prefix. A segment may be a placeholder for an
            argument of the view: ``projects:{project_id}:write``.
        any_of: scope tokens of which one is needed besides.

    Raises:
        TypeError, ValueError: at import, if there is no scope, or something else than a scope: the decorator without
            its parentheses guards nothing.
    """
    if any(map(callable, all_of)):
        raise TypeError('require_scope is called with a scope: @require_scope("reports:read")')
    return _guard(read_scopes(all_of, any_of))


def read_scopes(all_of: tuple[str, ...], any_of: Iterable[str]) -> Requirement:
    """Return the requirement of these scopes; raises like :func:`require_scope`."""
    if isinstance(any_of, str):
        raise TypeError('any_of is a collection of texts: any_of=["reports:read", "admin"]')
    return Requirement.of_scopes(all_of, tuple(any_of))


@overload
def login_optional(view: F, /) -> F: ...
@overload
def login_optional() -> Callable[[F], F]: ...
def login_optional(view: Any = None, /) -> Any:
    """Let the anonymous into *view*, but nobody with a bad token: a client that sends one wants to be known."""
    if view is None:
        return login_optional
    enforced = _wrap(view, _enforce_optional, None)
    mark_open(enforced, "optional")
    return enforced


@overload
def public(view: F, /) -> F: ...
@overload
def public() -> Callable[[F], F]: ...
def public(view: Any = None, /) -> Any:
    """Say that *view*, or a class of views, is open on purpose.

    Lifts ``TOKENAUTH_DEFAULT_GUARD``, and tells ``flask tokenauth routes --check``. It does not lift a guard.

    Raises:
        SettingsError: *view* itself has a guard.
    """
    if view is None:
        return public
    _check_class(view)
    mark_open(view, "public")
    return view


def _enforce_optional(_: None) -> None:
    current_state().enforce_optional()


def _guard(requirement: Requirement) -> Callable[[F], F]:
    def decorate(view: F) -> F:
        enforced: F = _wrap(view, enforce, requirement)
        mark(enforced, requirement)
        if inspect.isfunction(enforced):
            enforcers[enforced] = requirement
        return enforced

    mark_giver(decorate, requirement)
    return decorate


def _wrap(view: Any, ask: Callable[[A], None], asked: A) -> Any:
    """Return *view* with *ask* before it: a function for a function, the class itself for a class of views."""
    target: Any = view
    _check_class(view)
    if inspect.isclass(view):
        target.dispatch_request = _wrap(target.dispatch_request, ask, asked)
        return target
    if not callable(target):
        raise TypeError(f"a guard decorates a view, not {type(target).__name__}")
    if inspect.iscoroutinefunction(target):

        @wraps(target)
        async def enforced(*args: Any, **kwargs: Any) -> Any:
            ask(asked)
            return await target(*args, **kwargs)
    else:

        @wraps(target)
        def enforced(*args: Any, **kwargs: Any) -> Any:
            ask(asked)
            return target(*args, **kwargs)

    return enforced


def _check_class(view: Any) -> None:
    """Refuse a class that something else than Flask's views makes routes of: its methods are found, it is not.

    Raises:
        SettingsError: *view* is one.
    """
    if inspect.isclass(view) and not callable(getattr(view, "dispatch_request", None)):
        raise SettingsError(f"{view.__qualname__} is no class of Flask views: decorate its methods instead")


def _read_age(max_age: timedelta | float | None) -> timedelta | None:
    if max_age is None:
        return None
    age = timedelta(seconds=int(read_duration(max_age).total_seconds()))
    if age < timedelta(seconds=1):
        raise ValueError("max_age is under one second")
    return age
