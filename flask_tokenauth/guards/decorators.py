"""The decorators that guard views. Put them directly under the route decorator.

Above the route decorator they guard too, unless a decorator between hides the view that it wraps. ``flask tokenauth
routes --check`` finds those.
"""

import inspect
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial, update_wrapper, wraps
from typing import Any, TypeVar, overload

from ..application.setting_types import read_duration
from ..authentication.api_key_admission import Admission
from ..core.tokens.token import TokenKind
from .accepted_kinds import ANY_KIND, AcceptedKinds
from .enforcement import enforce, enforce_optional
from .marks import check_class, check_view, mark, mark_giver, mark_open, wrappers
from .required_claim import RequiredClaim
from .requirement import Requirement, read_alternatives

F = TypeVar("F", bound=Callable[..., Any])
A = TypeVar("A", Requirement, None)


@overload
def login_required(view: F, /) -> F: ...
@overload
def login_required(
    *,
    max_age: timedelta | float | None = None,
    load_user: bool = False,
    api_keys: bool = False,
    accept: Iterable[TokenKind] | None = None,
    is_view: bool = True,
) -> Callable[[F], F]: ...
def login_required(
    view: Any = None,
    /,
    *,
    max_age: timedelta | float | None = None,
    load_user: bool = False,
    api_keys: bool = False,
    accept: Iterable[TokenKind] | None = None,
    is_view: bool = True,
) -> Any:
    """Guard a view or a class of views: only requests with a good token pass. Others get 401 and a challenge.

    Args:
        view: the view or class. The decorator can be written with or without parentheses.
        max_age: the longest time since the user signed in, as a ``timedelta`` or in seconds; fractions of a second are
            cut off. After an older login the request gets 401 ``insufficient_user_authentication`` (RFC 9470 section
            3). The time is the claim ``auth_time`` of the token.
        load_user: load the user before the view runs, so that a deleted user is refused. By default a good token is
            enough.
        api_keys: let API keys pass too. By default an API key gets 403, unless another guard of the route requires
            scopes, which the key must have then.
        accept: the kinds of tokens that pass, some of "jwt", "reference", "api_key" and "ticket". By default both kinds
            of access tokens pass, and API keys as *api_keys* says. A ticket passes if each guard of the route names it.
        is_view: False for a function that is no view, such as a GraphQL resolver or a handler of Flask-SocketIO: then
            ``flask tokenauth routes --check`` does not expect that the guard counts on a route.

    Raises:
        TypeError: at import, *max_age* is not a duration, *load_user*, *api_keys* or *is_view* not a boolean, *accept*
            no list of kinds, or *view* cannot be decorated.
        ValueError: at import, *max_age* is under a second, *accept* is empty or has another string, or API keys or
            tickets shall pass, for which there is no recent login.
        SettingsError: at import, *view* is a class, but not a class of Flask views.
    """
    if not isinstance(load_user, bool):
        raise TypeError(f"load_user must be True or False, got {type(load_user).__name__}")
    kinds, age = AcceptedKinds.of(accept, api_keys=api_keys), _read_age(max_age)
    if age is not None and kinds.accepts_tickets:
        raise ValueError(
            "max_age must not be given if tickets pass: a link can be opened long after it was made, so leave one of "
            "them out"
        )
    if age is not None and kinds.api_keys:
        raise ValueError(
            "max_age must not be given if API keys pass: nobody signs in with them, so leave one of them out"
        )
    decorator = _guard(Requirement(max_age=age, load_user=load_user, kinds=kinds), is_view=is_view)
    return decorator if view is None else decorator(view)


mark_giver(login_required, Requirement())


def require_scope(
    *all_of: str,
    any_of: Iterable[str] | None = None,
    accept: Iterable[TokenKind] | None = None,
    is_view: bool = True,
) -> Callable[[F], F]:
    """Guard a view or a class of views: the token needs these scopes. Without a token 401, without a scope 403.

    API keys pass if they have the scopes.

    Args:
        all_of: scopes, all of which are needed. They match exactly, never by prefix. A segment can be a placeholder
            for an argument of the view: ``projects:{project_id}:write``.
        any_of: scopes, one of which is needed as well.
        accept: the kinds of tokens that pass, some of "jwt", "reference", "api_key" and "ticket". By default all apart
            from tickets. A ticket passes if each guard of the route names it.
        is_view: False for a function that is no view, such as a GraphQL resolver or a handler of Flask-SocketIO: then
            ``flask tokenauth routes --check`` does not expect that the guard counts on a route.

    Raises:
        TypeError: at import, a scope is not a string, *accept* no list of kinds, or *is_view* not a boolean.
            ``@require_scope`` without parentheses is such a mistake.
        ValueError: at import, there is no scope, *any_of* or *accept* is empty, a scope breaks the grammar of RFC 6749
            section 3.3, or *accept* has another string.
    """
    if any(map(callable, all_of)):
        raise TypeError('require_scope must be called with a scope: @require_scope("reports:read")')
    return _guard(scope_requirement(all_of, any_of, AcceptedKinds.of(accept)), is_view=is_view)


def require_scope_or_client(scope: str, *, accept: Iterable[TokenKind] | None = None) -> Callable[[F], F]:
    """Guard a view: our own token needs this scope. A client of ``TOKENAUTH_INTROSPECTION_CLIENTS`` needs no token.

    Args:
        scope: a scope without placeholders.
        accept: the kinds of tokens that pass. By default all apart from tickets.
    """
    kinds = AcceptedKinds.of(accept)
    return _guard(Requirement((scope,), admits_clients=True, only_ours=True, kinds=kinds), is_view=True)


def scope_requirement(
    all_of: tuple[str, ...], any_of: Iterable[str] | None, kinds: AcceptedKinds = ANY_KIND
) -> Requirement:
    """Return the requirement of scopes.

    Args:
        all_of: scopes, all of which are needed.
        any_of: scopes, one of which is needed as well.
        kinds: the kinds of tokens that pass.

    Raises:
        TypeError: a scope is not a string, or *any_of* is no collection of strings.
        ValueError: there is no scope, *any_of* is empty, or a scope breaks the grammar of RFC 6749 section 3.3.
    """
    if any_of is None:
        return Requirement.of_scopes(all_of, (), kinds)
    return Requirement.of_scopes(all_of, read_alternatives(any_of), kinds)


def blueprint_requirement(scopes: tuple[Any, ...], any_of: Iterable[str] | None, kinds: AcceptedKinds) -> Requirement:
    """Return the requirement of a blueprint that is protected: of scopes, or of a login if there are none.

    Args:
        scopes: scopes, all of which are needed.
        any_of: scopes, one of which is needed as well.
        kinds: the kinds of tokens that pass.

    Raises:
        TypeError: a scope is not a string, or *any_of* is no collection of strings.
        ValueError: *any_of* is empty, or a scope breaks the grammar of RFC 6749 section 3.3.
    """
    if any(map(callable, scopes)):
        raise TypeError(
            "protect takes scopes only, got a function: put another guard on a function that you give to "
            "blueprint.before_request"
        )
    return Requirement(kinds=kinds) if not scopes and any_of is None else scope_requirement(scopes, any_of, kinds)


def require_claim(
    name: str,
    *values: str | int | bool,
    accept: Iterable[TokenKind] | None = None,
    is_view: bool = True,
) -> Callable[[F], F]:
    """Guard a view or a class of views: the token needs a claim with one of these values.

    The claim equals one of them, or is an array that holds one. Without a token the request gets 401, without the claim
    403.

    Args:
        name: the claim. If no claim has this name, dots lead into objects: ``realm_access.roles`` is ``roles`` in the
            object ``realm_access``. Names on the way may have dots themselves.
        values: strings, integers or booleans, at least one. They are alternatives: a token needs one of them. Their
            JSON types must match: neither ``"1"`` nor ``True`` is ``1``.
        accept: the kinds of tokens that pass, some of "jwt", "reference", "api_key" and "ticket". By default both kinds
            of access tokens pass. API keys and tickets have no claims of the application.
        is_view: False for a function that is no view, such as a GraphQL resolver or a handler of Flask-SocketIO: then
            ``flask tokenauth routes --check`` does not expect that the guard counts on a route.

    Raises:
        TypeError: at import, *name* is not a string, a value has another type, *accept* is no list of kinds, or
            *is_view* is not a boolean. ``@require_claim`` without parentheses is such a mistake.
        ValueError: at import, there is no value, *name*, a value or *accept* is empty, *accept* has another string, or
            the claim has a guard of its own: ``scope`` and ``auth_time``.
    """
    kinds = AcceptedKinds.of(accept)
    return _guard(Requirement(claim=RequiredClaim.of(name, values), kinds=kinds), is_view=is_view)


@overload
def login_optional(view: F, /) -> F: ...
@overload
def login_optional(
    *, api_keys: bool = False, accept: Iterable[TokenKind] | None = None, is_view: bool = True
) -> Callable[[F], F]: ...
def login_optional(
    view: Any = None,
    /,
    *,
    api_keys: bool = False,
    accept: Iterable[TokenKind] | None = None,
    is_view: bool = True,
) -> Any:
    """Let anonymous callers into *view*, and refuse those with a bad token.

    Args:
        view: the view or class. The decorator can be written with or without parentheses.
        api_keys: let API keys pass too. By default an API key gets 403.
        accept: the kinds of tokens that pass, some of "jwt", "reference", "api_key" and "ticket". By default both kinds
            of access tokens pass, and API keys as *api_keys* says. A ticket passes if each guard of the route names it.
        is_view: False for a function that is no view, such as a GraphQL resolver or a handler of Flask-SocketIO: then
            ``flask tokenauth routes --check`` does not expect that the guard counts on a route. If it is registered as
            a view nevertheless, the default guard still closes it.

    Raises:
        TypeError: at import, *is_view* or *api_keys* is not a boolean, *accept* is no list of kinds, or *view* cannot
            be decorated.
        ValueError: at import, *accept* is empty or has another string.
        SettingsError: at import, *view* has a guard, is marked with ``public``, or is a class, but not of Flask views.
    """
    _check_is_view(is_view)
    kinds = AcceptedKinds.of(accept, api_keys=api_keys)
    if view is None:
        decorator = partial(login_optional, api_keys=api_keys, accept=kinds.named, is_view=is_view)
        return update_wrapper(decorator, login_optional)
    guarded = _wrap(view, partial(_enforce_optional, kinds), None)
    if is_view:
        mark_open(guarded, "optional", kinds)
    return guarded


@overload
def public(view: F, /) -> F: ...
@overload
def public() -> Callable[[F], F]: ...
def public(view: Any = None, /) -> Any:
    """Mark *view*, or a class of views, as open on purpose.

    The default guard (``TOKENAUTH_DEFAULT_GUARD``) leaves it open, and ``flask tokenauth routes --check`` accepts it.
    A guard on the view still guards it.

    Args:
        view: the view or class. The decorator can be written with or without parentheses.

    Raises:
        TypeError: at import, *view* is neither a view nor a class.
        SettingsError: at import, *view* itself has a guard, or is a class, but not a class of Flask views.
    """
    if view is None:
        return public
    check_view("public", view)
    mark_open(view, "public")
    return view


for _decorator in require_scope, require_claim, login_optional, public:
    mark_giver(_decorator, None)


def _enforce_optional(kinds: AcceptedKinds, _: None, view: Any) -> bool | Admission:
    return enforce_optional(kinds, view)


def _guard(requirement: Requirement, *, is_view: bool) -> Callable[[F], F]:
    _check_is_view(is_view)

    def decorate(view: F) -> F:
        guarded: F = _wrap(view, enforce, requirement)
        mark(guarded, requirement, is_view=is_view)
        return guarded

    mark_giver(decorate, requirement)
    return decorate


def _wrap(view: Any, admits: Callable[[A, Any], bool | Admission], requirement: A) -> Any:
    """Return *view* with a check before it. A function gives a new function, a class of views itself.

    Args:
        view: a function or a class of views.
        admits: gets *requirement* and *view*. It refuses, or returns whether *view* runs, or in which context.
        requirement: of the guard, None for an optional login.
    """
    target: Any = view
    check_class(view)
    if inspect.isclass(view):
        target.dispatch_request = _wrap(target.dispatch_request, admits, requirement)
        return target
    if not callable(target):
        raise TypeError(
            f"a guard must decorate a view or a class of views, got {type(target).__name__}; a scope is required with "
            '@require_scope("reports:read")'
        )
    if inspect.iscoroutinefunction(target):

        @wraps(target)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            admitted = admits(requirement, target)
            if admitted is True:
                return await target(*args, **kwargs)
            if admitted is False:
                return None
            with admitted:
                return await target(*args, **kwargs)
    else:

        @wraps(target)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            admitted = admits(requirement, target)
            if admitted is True:
                return target(*args, **kwargs)
            if admitted is False:
                return None
            with admitted:
                return target(*args, **kwargs)

    wrappers[guarded] = requirement
    return guarded


def _check_is_view(is_view: object) -> None:
    if not isinstance(is_view, bool):
        raise TypeError(f"is_view must be True or False, got {type(is_view).__name__}")


def _read_age(max_age: timedelta | float | None) -> timedelta | None:
    if max_age is None:
        return None
    age = timedelta(seconds=int(read_duration(max_age).total_seconds()))
    if age < timedelta(seconds=1):
        raise ValueError(f"max_age must be at least one second, got {max_age}")
    return age
