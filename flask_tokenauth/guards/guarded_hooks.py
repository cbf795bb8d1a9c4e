"""Guards on functions that run before requests: those given to ``before_request`` of an application or a blueprint.

Such a guard counts for every route in the scope of its function. It runs for preflights too, which have no token.
Flask answers those by itself, so they show nothing. The guarded function is then skipped, and not refused.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import takewhile
from typing import Any

from flask import Flask, Request, Response, after_this_request

from ..authentication.authentication import Authentication
from ..authentication.refusals import withhold
from ..core.errors import SettingsError
from .marks import describe_guard, name_of, read_mark, unwrap, wrappers
from .requirement import Requirement


def list_hooks(app: Flask, endpoint: str | None) -> list[Any]:
    """Return the functions that run before a request: those of *app*, and those of the blueprints of *endpoint*.

    Args:
        app: the application.
        endpoint: of the route, or None if the request has none.
    """
    return [_function_of(hook) for name in _list_places(endpoint) for hook in app.before_request_funcs.get(name, ())]


def _list_places(endpoint: str | None) -> list[str | None]:
    """Return the keys of the functions that run before a request: None for the application, and names of blueprints."""
    names: list[str | None] = [None]
    name = (endpoint or "").rpartition(".")[0]
    while name:
        names.append(name)
        name = name.rpartition(".")[0]
    return names


def find_guarded_hook(app: Flask, endpoint: str, requirement: Requirement) -> str | None:
    """Return words for the function before requests that has a guard with *requirement*; None if none has.

    Args:
        app: the application.
        endpoint: of a route in the scope of the function.
        requirement: of the guard.
    """
    for place in _list_places(endpoint):
        for hook in app.before_request_funcs.get(place, ()):
            if any(requirement in read_mark(layer).requirements for layer in unwrap(_function_of(hook))):
                return f"{name_of(hook)}, a before_request function of {_name_place(place)}"
    return None


def _name_place(place: str | None) -> str:
    return "the application" if place is None else f"blueprint {place}"


def check_hooks(app: Flask) -> None:
    """Check that no guard is given to ``before_request`` in the place of a guarded function.

    Raises:
        SettingsError: a guard is. Flask would call it without a function to guard.
    """
    for place, hooks in app.before_request_funcs.items():
        for hook in hooks:
            if (guard := describe_guard(hook)) is not None:
                raise SettingsError(
                    f"before_request of {_name_place(place)} must get a guarded function, got {guard} itself: write it "
                    "above a function, and give that function to before_request"
                )


def _function_of(hook: Any) -> Any:
    """Return the function behind an object that can be called: the method ``__call__`` of its class."""
    is_function = inspect.isroutine(hook) or isinstance(hook, partial) or hasattr(hook, "__wrapped__")
    return hook if is_function else type(hook).__call__


def has_automatic_answer(req: Request) -> bool:
    """Return whether Flask answers a request by itself: it is OPTIONS, and the route has no view for that."""
    return req.method == "OPTIONS" and getattr(req.url_rule, "provide_automatic_options", False)


def is_skippable(app: Flask, req: Request, requirement: Requirement | None, target: Any) -> bool:
    """Return whether a guarded function may be skipped: it runs before a request that Flask answers by itself.

    It has to be one of the functions that Flask calls before this request. If another function calls it, that one
    would go on as if the guard were satisfied. The same is true for a decorator around the guard.

    Args:
        app: the application.
        req: the current request.
        requirement: of the guard, None for an optional login.
        target: the function that the guard decorates.
    """
    if not has_automatic_answer(req):
        return False
    return any(
        getattr(wrapper, "__wrapped__", None) is target and wrappers[wrapper] == requirement
        for hook in list_hooks(app, req.endpoint)
        for wrapper in _find_outer_guards(hook)
    )


def _find_outer_guards(hook: Any) -> Iterator[Any]:
    """Return the wrappers of guards around a function, from the outside, as long as nothing else is between them."""
    layers = (getattr(layer, "__func__", layer) for layer in unwrap(hook) if not isinstance(layer, partial))
    return takewhile(lambda layer: inspect.isfunction(layer) and layer in wrappers, layers)


def after_others(change: Callable[[Response], Response]) -> None:
    """Call *change* with the response, after all functions that are registered for the end of this request only.

    Functions that other code registers later with ``after_this_request`` would run after it otherwise.
    """

    def register_last(response: Response) -> Response:
        after_this_request(change)  # Flask calls functions that are registered meanwhile too
        return response

    after_this_request(register_last)


def leave_unsatisfied(req: Request, authentication: Authentication, requirement: Requirement | None) -> None:
    """Note that the current request does not satisfy the guard of a function that is skipped.

    A function that runs after it may rely on the guard and answer the request. So everything but the headers for CORS
    is removed from the answer.

    Args:
        req: the current request.
        authentication: of this request.
        requirement: of the guard, None for an optional login.
    """
    authentication.pending |= {requirement}

    @after_others
    def withhold_unless_refused(response: Response) -> Response:
        # A function that has changed the method or the route has met the guards of the view.
        is_withheld = has_automatic_answer(req) and authentication.withholds(response)
        return withhold(response) if is_withheld else response
