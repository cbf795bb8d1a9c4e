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

from ..authentication.authenticator import Authentication
from ..authentication.refusals import withhold
from .marks import unwrap, wrappers
from .requirement import Requirement


def list_hooks(app: Flask, endpoint: str | None) -> list[Any]:
    """Return the functions that run before a request: those of *app*, and those of the blueprints of *endpoint*.

    Args:
        app: the application.
        endpoint: of the route, or None if the request has none.
    """
    names: list[str | None] = [None]
    name = (endpoint or "").rpartition(".")[0]
    while name:
        names.append(name)
        name = name.rpartition(".")[0]
    return [_function_of(hook) for name in names for hook in app.before_request_funcs.get(name, ())]


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
