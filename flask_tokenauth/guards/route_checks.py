"""Checks of guards that can run only when all routes are registered."""

from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import Rule

from ..application.settings import Settings
from ..core.errors import SettingsError
from ..core.tokens.scopes import find_placeholders
from .marks import guards
from .requirement import Requirement
from .route_requirements import Route, list_routes


def find_unreached(routes: list[Route], *, alone: bool) -> list[str]:
    """Return the names of what has a guard that counts on no route: its decorator stands where Flask does not look.

    Args:
        routes: of every application in this process, since nobody knows for which one a guard was meant.
        alone: whether there has only ever been one application. Then a guard of which nothing is left was never on a
            route either; else it may have gone with its application.
    """
    reached = {(id(each), needed) for route in routes for each in route.resolved.visited for needed in _counting(route)}
    unreached = [guard.name for guard in guards if guard.is_lost() and alone]
    for guard in guards:
        alive = [target() for target in guard.targets]
        if not guard.is_lost() and not any((id(each), guard.requirement) in reached for each in alive):
            unreached.append(guard.name)
    return sorted(unreached)


def _counting(route: Route) -> Iterator[Requirement | None]:
    """Go through what counts on *route*; None stands for an optional login."""
    yield from route.resolved.requirements
    if route.resolved.access == "optional":
        yield None


def check_routes(app: Flask, settings: Settings) -> None:
    """Refuse guards that could never work as they stand.

    Raises:
        SettingsError: a guard names a scope that is not declared (where scopes are), a placeholder that its rule does
            not have, or one that may match several segments. Every mistake is told at once.
    """
    mistakes = dict.fromkeys(
        f"{route.rule.rule}: {mistake}"
        for route in list_routes(app, settings)
        for requirement in route.resolved.requirements
        for scope in requirement.scopes
        for mistake in _find_mistakes(route.rule, scope, settings)
    )
    if mistakes:
        raise SettingsError("; ".join(mistakes))


def _find_mistakes(rule: Rule, scope: str, settings: Settings) -> Iterator[str]:
    if settings.scopes is not None and scope not in settings.scopes.enough:
        yield f"scope {scope} is not declared in TOKENAUTH_SCOPES"
    for name in find_placeholders(scope):
        if name not in rule.arguments:
            yield f"scope {scope} names {name}, which the rule does not have"
        elif name in rule._converters and not rule._converters[name].part_isolating:
            yield f"scope {scope} names {name}, which may match several segments (path)"
