"""The requirements of each route: found for the hook, and listed for people."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from flask import Blueprint, Flask
from flask.sansio.blueprints import Blueprint as AnyBlueprint
from flask.views import http_method_funcs
from werkzeug.routing import Rule

from ..application.settings import Settings
from .marks import find_marks, read_mark
from .requirement import Requirement

Access = Literal["guarded", "default", "optional", "public", "static", "open"]


_LOGIN = Requirement()


_METHODS = frozenset(each.upper() for each in http_method_funcs)


class Resolved(msgspec.Struct, frozen=True):
    """What one endpoint requires for one method.

    ``access`` says why: ``guarded`` by a guard of its own, by the ``default`` guard, ``optional`` or ``public`` on
    purpose, ``static`` files of Flask's, or ``open`` because nobody said anything.
    """

    access: Access
    requirements: tuple[Requirement, ...]
    visited: tuple[Any, ...] = ()  # views, classes and blueprints that were asked
    inside: frozenset[Requirement] = frozenset()  # what wrappers inside the view enforce by themselves

    @property
    def plainly(self) -> frozenset[str] | None:
        """Scopes with which a token meets them all for certain; None where there is more to ask."""
        each = [requirement.plainly for requirement in self.requirements]
        known = [scopes for scopes in each if scopes is not None]
        return frozenset().union(*known) if len(known) == len(each) else None


def resolve(app: Flask, settings: Settings, endpoint: str, method: str) -> Resolved:
    """Return what *endpoint* requires when it is called with *method*.

    Requirements of the view, its class, its method, its blueprint and the blueprints around that add up. What opens a
    view lifts the default guard and nothing else.
    """
    view = app.view_functions[endpoint]
    found = find_marks(view, method)
    blueprints = list(_blueprints_of(app, endpoint))
    requirements = [*found.requirements, *(each for target in blueprints for each in read_mark(target).requirements)]
    visited = (*found.visited, *blueprints)
    if requirements:
        return Resolved("guarded", tuple(dict.fromkeys(requirements)), visited, found.inside)
    if found.opening is not None:
        return Resolved(found.opening, (), visited)
    if _is_public(endpoint, settings.public_endpoints):
        return Resolved("public", (), visited)
    if endpoint.rpartition(".")[2] == "static" and is_static(view):
        return Resolved("static", (), visited)
    if settings.default_guard is not None:
        return Resolved("default", (_LOGIN,), visited)
    return Resolved("open", (), visited)


def _blueprints_of(app: Flask, endpoint: str) -> Iterator[AnyBlueprint]:
    """Go through the blueprint of *endpoint* and those around it, by what is registered under their names here.

    Flask-RESTX has endpoints begin with the blueprint's own name, also where it is registered under another or within
    another blueprint; so of the first name in one every blueprint that has it counts, with those around it.
    """
    path = endpoint.rpartition(".")[0]
    first = path.partition(".")[0]
    others = [name for name, each in app.blueprints.items() if each.name == first and name != path]
    for name in (path, *others):
        while name:
            if name in app.blueprints:
                yield app.blueprints[name]
            name = name.rpartition(".")[0]  # noqa: PLW2901  # outwards, one by one


def _is_public(endpoint: str, named: frozenset[str]) -> bool:
    return endpoint in named or any(each.endswith(".*") and endpoint.startswith(each[:-1]) for each in named)


def is_static(view: Any) -> bool:
    """Tell whether *view* is the one with which Flask itself serves static files, of the app or of a blueprint.

    By what it is: a view of the application's own may be called ``static`` too.
    """
    if getattr(view, "__func__", None) is Blueprint.send_static_file:
        return True
    code = getattr(view, "__code__", None)
    return code is not None and any(each is code for each in Flask.__init__.__code__.co_consts)


class Route(msgspec.Struct, frozen=True):
    """One rule with one method."""

    rule: Rule
    method: str
    resolved: Resolved


def list_routes(app: Flask, settings: Settings) -> list[Route]:
    """Return every rule with every method that a view answers, in the order of their paths.

    HEAD is left out where it is like GET, and OPTIONS where Flask answers it by itself.
    """
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
    return [route for rule in rules if rule.endpoint in app.view_functions for route in _routes_of(app, settings, rule)]


def _routes_of(app: Flask, settings: Settings, rule: Rule) -> list[Route]:
    methods = _METHODS if rule.methods is None else rule.methods  # a rule without methods answers any
    resolved = {method: resolve(app, settings, rule.endpoint, method) for method in sorted(methods)}
    if "GET" in resolved and "HEAD" in resolved and _tell(resolved["HEAD"]) == _tell(resolved["GET"]):
        del resolved["HEAD"]
    if getattr(rule, "provide_automatic_options", False):
        resolved.pop("OPTIONS", None)
    return [Route(rule, method, each) for method, each in resolved.items()]


def _tell(resolved: Resolved) -> tuple[Access, tuple[Requirement, ...]]:
    return resolved.access, resolved.requirements
