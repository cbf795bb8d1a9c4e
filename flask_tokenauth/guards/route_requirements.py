"""The requirements of each route: resolved for the hook, and listed for people."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec
from flask import Blueprint, Flask
from flask.sansio.blueprints import Blueprint as AnyBlueprint
from flask.views import http_method_funcs
from werkzeug.routing import Rule

from ..application.settings import Settings
from .accepted_kinds import ANY_KIND, AcceptedKinds
from .guarded_hooks import list_hooks
from .marks import class_of, find_marks, read_mark, unwrap
from .registrations import find_adding
from .requirement import Requirement

Access = Literal["guarded", "default", "optional", "public", "static", "open"]

_LOGIN = Requirement()
_FOR_TICKETS = frozenset({"GET", "HEAD"})  # methods that change nothing: people and programs follow links
_METHODS = frozenset(name.upper() for name in http_method_funcs)


class RouteRequirements(NamedTuple):
    """The requirements of one endpoint for one method.

    ``access`` is the reason for them: ``guarded`` (a guard of its own), ``default`` (the default guard), ``optional``
    or ``public`` (opened on purpose), ``static`` (static files of Flask), or ``open`` (neither guarded nor opened).
    """

    access: Access
    requirements: tuple[Requirement, ...]
    visited: tuple[Any, ...] = ()  # the views, classes, blueprints and functions before requests that were searched
    before: tuple[Any, ...] = ()  # among them the functions before requests, with everything that these wrap
    inside: frozenset[Requirement] = frozenset()  # requirements that wrappers inside the view enforce
    kinds: AcceptedKinds = ANY_KIND  # of an optional login
    accepts_tickets: bool = False  # each guard names them, and the method changes nothing

    @property
    def simple_scopes(self) -> frozenset[str] | None:
        """Scopes with which every token satisfies all requirements; None if more must be checked.

        An API key does too, if :attr:`accepts_api_keys` is true.
        """
        if self.kinds.named is not None:
            return None
        scopes = [requirement.simple_scopes for requirement in self.requirements]
        simple = [some for some in scopes if some is not None]
        return frozenset().union(*simple) if len(simple) == len(scopes) else None

    @property
    def has_scopes(self) -> bool:
        """Whether scopes are required."""
        return any(requirement.scopes for requirement in self.requirements)

    @property
    def accepts_api_keys(self) -> bool:
        """Whether API keys are accepted if they have the scopes. Where nothing is required, they count for nothing."""
        if not self.requirements:
            return self.access == "optional" and self.kinds.api_keys
        has_scopes = self.has_scopes
        return all(requirement.accepts_api_keys(has_scopes=has_scopes) for requirement in self.requirements)


def resolve(app: Flask, settings: Settings, endpoint: str, method: str) -> RouteRequirements:
    """Return the requirements of *endpoint* when it is called with *method*.

    The requirements of the view, its class, its method, its blueprint and the blueprints around that add up, and those
    of the functions that run before the request. An opening lifts the default guard only. An optional login on a
    function before requests lifts nothing.
    """
    found = _resolve(app, settings, endpoint, method)
    return found._replace(accepts_tickets=method in _FOR_TICKETS and _name_tickets(found, list_hooks(app, endpoint)))


def _name_tickets(required: RouteRequirements, hooks: Iterable[Any]) -> bool:
    """Return whether each guard of a route names tickets, also an optional login on a function before requests."""
    marks = [read_mark(hook) for hook in hooks]
    if not all(mark.kinds.accepts_tickets for mark in marks if mark.opening == "optional"):
        return False
    if not required.requirements:
        return required.access == "optional" and required.kinds.accepts_tickets
    return all(requirement.accepts_tickets for requirement in required.requirements)


def _resolve(app: Flask, settings: Settings, endpoint: str, method: str) -> RouteRequirements:
    view = app.view_functions[endpoint]
    found = find_marks(view, method)
    blueprints = list(_blueprints_of(app, endpoint))
    blueprints += [adding for adding in find_adding(app, endpoint) if adding not in blueprints]
    of_blueprints = [requirement for blueprint in blueprints for requirement in read_mark(blueprint).requirements]
    hooks = list_hooks(app, endpoint)
    before = tuple(layer for hook in hooks for layer in unwrap(hook))
    of_hooks = [requirement for layer in before for requirement in read_mark(layer).requirements]
    requirements = tuple(dict.fromkeys([*found.requirements, *of_blueprints, *of_hooks]))
    visited = (*found.visited, *blueprints, *before)
    if requirements:
        return RouteRequirements("guarded", requirements, visited, before, found.inside)
    if found.opening is not None:
        return RouteRequirements(found.opening, (), visited, before, kinds=found.kinds)
    if _is_public(endpoint, settings.public_endpoints):
        return RouteRequirements("public", (), visited, before)
    if endpoint.rpartition(".")[2] == "static" and is_static(view):
        return RouteRequirements("static", (), visited, before)
    if settings.default_guard is not None:
        return RouteRequirements("default", (_LOGIN,), visited, before)
    optional = [read_mark(hook).kinds for hook in hooks if read_mark(hook).opening == "optional"]
    strictest = next((kinds for kinds in optional if not kinds.api_keys), (*optional, ANY_KIND)[0])
    return RouteRequirements("optional" if optional else "open", (), visited, before, kinds=strictest)


def _blueprints_of(app: Flask, endpoint: str) -> Iterator[AnyBlueprint]:
    """Yield the blueprint of *endpoint* and those around it, as they are registered here.

    In Flask-RESTX an endpoint begins with the blueprint's own name, even if the blueprint is registered under another
    name or inside another blueprint. So each blueprint with that own name counts, and the blueprints around it.
    """
    path = endpoint.rpartition(".")[0]
    first = path.partition(".")[0]
    others = [name for name, blueprint in app.blueprints.items() if blueprint.name == first and name != path]
    for name in (path, *others):
        while name:
            if name in app.blueprints:
                yield app.blueprints[name]
            name = name.rpartition(".")[0]  # noqa: PLW2901  # outwards, one by one


def _is_public(endpoint: str, public: frozenset[str]) -> bool:
    return endpoint in public or any(name.endswith(".*") and endpoint.startswith(name[:-1]) for name in public)


def is_static(view: Any) -> bool:
    """Return whether *view* is the one that serves static files in Flask, of the application or of a blueprint.

    The function itself decides: a view of the application may be called ``static`` too.
    """
    if getattr(view, "__func__", None) is Blueprint.send_static_file:
        return True
    code = getattr(view, "__code__", None)
    return code is not None and any(constant is code for constant in Flask.__init__.__code__.co_consts)


class Route(msgspec.Struct, frozen=True):
    """One rule with one method."""

    rule: Rule
    method: str
    required: RouteRequirements


def list_routes(app: Flask, settings: Settings) -> list[Route]:
    """Return every rule with every method that a view answers, in the order of their paths.

    HEAD is left out if it is the same as GET, and OPTIONS if Flask answers it.
    """
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
    return [route for rule in rules if rule.endpoint in app.view_functions for route in _routes_of(app, settings, rule)]


def _routes_of(app: Flask, settings: Settings, rule: Rule) -> list[Route]:
    methods = set(_METHODS if rule.methods is None else rule.methods)  # a rule without methods answers any
    if getattr(rule, "provide_automatic_options", False):
        methods.discard("OPTIONS")
    if "GET" in methods and class_of(app.view_functions[rule.endpoint]) is None:
        methods.discard("HEAD")  # only in a class has each method a function of its own
    required = {method: resolve(app, settings, rule.endpoint, method) for method in sorted(methods)}
    if "GET" in required and "HEAD" in required and _essence(required["HEAD"]) == _essence(required["GET"]):
        del required["HEAD"]
    return [Route(rule, method, requirements) for method, requirements in required.items()]


def _essence(required: RouteRequirements) -> tuple[Access, tuple[Requirement, ...]]:
    return required.access, required.requirements
