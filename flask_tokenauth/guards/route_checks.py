"""Checks that can run only when all routes are registered."""

from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import Rule

from ..application.app_state import AppState
from ..application.declared_scopes import explain_undeclared
from ..application.settings import Settings
from ..core.errors import SettingsError
from ..core.tokens.scopes import find_placeholders
from .guarded_hooks import check_hooks, find_guarded_hook
from .marks import list_guard_uses
from .overrides import find_unguarded_overrides
from .public_endpoints import check_public_endpoints
from .registrations import check_registrations
from .requirement import Requirement
from .route_requirements import Route, list_routes


def check_application(state: AppState) -> None:
    """Check everything that can be checked only when all routes are registered.

    Raises:
        SettingsError: a guard can never work, or was given to ``before_request`` itself; a public endpoint does not
            exist; the configuration was changed after ``init_app``; the hook of ``TokenAuth`` was removed; or the views
            are not known that a protected blueprint has added.
    """
    state.check_config()
    state.check_store()
    if state.hook not in state.app.before_request_funcs.get(None, []):
        raise SettingsError(
            "the hook of TokenAuth was removed from before_request_funcs, so no route would be guarded: do not replace "
            "that list, add functions with app.before_request"
        )
    check_hooks(state.app)
    check_registrations(state.app)
    check_routes(state.app, state.settings)
    check_public_endpoints(state.app, state.settings.public_endpoints)


def find_unreached(routes: list[Route], *, alone: bool) -> list[str]:
    """Return the names of views, classes and blueprints with a guard that counts on none of *routes*.

    Args:
        routes: the routes of all applications in this process: a guard may be meant for any of them.
        alone: whether only one application was ever set up in this process. Then a guard whose view no longer exists
            never reached a route. Otherwise it may have gone with its application.
    """
    reached = {
        (id(target), needed)
        for route in routes
        for target in route.required.visited
        for needed in _find_counting(route)
    }
    reached |= {(id(layer), None) for route in routes for layer in route.required.before}
    unreached = []
    for use in list_guard_uses():
        layers = [layer() for layer in use.layers]
        if use.is_lost():
            unreached += [use.name] if alone else []
        elif not any((id(layer), use.requirement) in reached for layer in layers):
            unreached.append(use.name)
    return sorted(unreached)


def _find_counting(route: Route) -> Iterator[Requirement | None]:
    """Yield the requirements that count on *route*; None stands for an optional login."""
    yield from route.required.requirements
    if route.required.access == "optional":
        yield None


def check_routes(app: Flask, settings: Settings) -> None:
    """Check that each guard can work on its routes.

    Raises:
        SettingsError: a guard names a scope that is not declared (if scopes are declared), a placeholder that its rule
            does not have, or one that may match several segments; or a method overrides a guarded one that the view
            calls, and has no guard. The message has every mistake.
    """
    routes = list_routes(app, settings)
    mistakes = dict.fromkeys(
        f"{route.rule.rule}: {mistake}{_name_hook(app, route, requirement)}"
        for route in routes
        for requirement in route.required.requirements
        for scope in requirement.scopes
        for mistake in _find_mistakes(route.rule, scope, settings)
    )
    mistakes |= dict.fromkeys(find_unguarded_overrides(app, routes))
    if mistakes:
        raise SettingsError("; ".join(mistakes))


def _name_hook(app: Flask, route: Route, requirement: Requirement) -> str:
    hook = find_guarded_hook(app, route.rule.endpoint, requirement)
    return "" if hook is None else f" (the guard is on {hook})"


def _find_mistakes(rule: Rule, scope: str, settings: Settings) -> Iterator[str]:
    if settings.scopes is not None and scope not in settings.scopes.granted_by:
        yield explain_undeclared(scope, settings.scopes.granted_by)
    for name in find_placeholders(scope):
        if name not in rule.arguments:
            arguments = ", ".join(sorted(rule.arguments)) or "none"
            yield f"scope {scope} names {name}, which the rule does not have: its arguments are {arguments}"
        elif name in rule._converters and not rule._converters[name].part_isolating:
            yield f"scope {scope} names {name}, which may match several segments (path)"
