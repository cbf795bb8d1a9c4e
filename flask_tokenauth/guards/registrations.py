"""Which blueprints have added a route to an application: the views that they add while they are registered are theirs.

Usually the endpoint has the name of its blueprint. A function that is given to ``record`` may add a view to the
application under any name. So the routes of an application are counted before and after a blueprint is registered.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

from flask import Flask, request
from flask.sansio.app import App
from flask.sansio.blueprints import Blueprint

from ..application.app_state import current_state, list_states
from ..application.flask_methods import find_method
from ..authentication.contexts import current_flask
from ..core.errors import SettingsError
from .marks import MarkCounter, mark, read_mark, unwrap
from .requirement import Requirement

_EXTENSION = "tokenauth_registrations"  # key in ``app.extensions``
# Their functions of ``record`` add views under the name of the blueprint.
_FRAMEWORKS = ("flask", "flask_restx", "flask_restful")


class Registrations:
    """The blueprints of one application whose registration was seen.

    Attributes:
        names: under which they are registered.
        by_endpoint: the blueprints that have added a route with an endpoint, or its view.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.by_endpoint: dict[str | None, list[Blueprint]] = {}


def registrations_of(app: App) -> Registrations:
    """Return the registrations of *app* that were seen until now."""
    found: Registrations = app.extensions.setdefault(_EXTENSION, Registrations())
    return found


def find_adding(app: App, endpoint: str | None) -> list[Blueprint]:
    """Return the blueprints that have added a route with *endpoint* to *app*, or its view, while they were registered.

    Args:
        app: the application.
        endpoint: of the route, or None if a request has none.
    """
    return registrations_of(app).by_endpoint.get(endpoint, [])


def see_registrations(app: Flask) -> None:
    """See from now on which routes each blueprint adds that is given to ``app.register_blueprint``."""
    register = find_method(app, "register_blueprint")

    def register_blueprint(blueprint: Any, *args: Any, **options: Any) -> None:
        see_registrations_of(blueprint)
        register(blueprint, *args, **options)

    app.register_blueprint = register_blueprint  # type: ignore[method-assign]
    hooks = app.before_request_funcs.get(None, [])
    if check_set_up_for_added in hooks:
        hooks.remove(check_set_up_for_added)


def see_registrations_of(blueprint: Blueprint) -> None:
    """See from now on which routes *blueprint* adds to an application that registers it."""
    found: Any = vars(blueprint).get("register")
    if not isinstance(found, _Register):
        blueprint.register = _Register(blueprint, blueprint.register)  # type: ignore[method-assign]
    elif found.blueprint is not blueprint:  # a copy of a blueprint has the attributes of that
        original = partial(type(blueprint).register, blueprint)
        blueprint.register = _Register(blueprint, original)  # type: ignore[method-assign]


class _Register:
    """Takes the place of ``blueprint.register``, and notes which routes this adds.

    Args:
        blueprint: the blueprint.
        register: its method.
    """

    def __init__(self, blueprint: Blueprint, register: Callable[..., None]) -> None:
        self.blueprint = blueprint
        self._register = register

    def __call__(self, app: App, *args: Any, **kwargs: Any) -> None:
        for nested, _ in self.blueprint._blueprints:
            see_registrations_of(nested)
        names, before = set(app.blueprints), _count_rules(app)
        try:
            self._register(app, *args, **kwargs)
        finally:
            self._note(app, names, before)

    def _note(self, app: App, names: set[str], before: Counter[str]) -> None:
        seen = registrations_of(app)
        seen.names |= set(app.blueprints) - names
        for endpoint, count in _count_rules(app).items():
            if count != before[endpoint]:
                seen.by_endpoint.setdefault(endpoint, []).append(self.blueprint)
        MarkCounter.value += 1  # an endpoint may have existed before
        hooks = app.before_request_funcs.setdefault(None, [])
        if "tokenauth" not in app.extensions and check_set_up_for_added not in hooks:
            hooks.insert(0, check_set_up_for_added)


def _count_rules(app: App) -> Counter[str]:
    """Return the number of rules of each endpoint, and one more if it has a view."""
    return Counter(chain(app.view_functions, (rule.endpoint for rule in app.url_map.iter_rules())))


def check_set_up() -> None:
    """Let no request into a protected blueprint of an application on which ``TokenAuth`` is not set up.

    Raises:
        SettingsError: it is not.
    """
    current_state()


def check_set_up_for_added() -> None:
    """Let no request into a route that a protected blueprint has added, if ``TokenAuth`` is not set up.

    Flask calls the ``before_request`` functions of the blueprint for endpoints with its name only.

    Raises:
        SettingsError: it is not set up.
    """
    adding = find_adding(current_flask(), request.endpoint)
    if any(read_mark(blueprint).requirements for blueprint in adding):
        current_state()


def guard_blueprint(blueprint: Blueprint, requirement: Requirement) -> None:
    """Guard every view of *blueprint*, of the blueprints inside it, and each that they add to an application.

    Args:
        blueprint: in every application that registers it, before or after this call.
        requirement: of its views.

    Raises:
        SettingsError: an application has registered it, and the views that it has added are not known.
    """
    mark(blueprint, requirement)
    see_registrations_of(blueprint)
    if check_set_up not in blueprint.before_request_funcs[None]:
        blueprint.before_request_funcs[None].insert(0, check_set_up)
    for state in list_states():
        _check_seen(state.app, [blueprint])


def check_registrations(app: App) -> None:
    """Check that the views are known that the protected blueprints of *app* have added.

    Raises:
        SettingsError: a blueprint was registered before this could be seen.
    """
    _check_seen(app, [blueprint for blueprint in app.blueprints.values() if read_mark(blueprint).requirements])


def _check_seen(app: App, protected: list[Blueprint]) -> None:
    """Check that the registrations of some protected blueprints, and of those inside them, were seen."""
    seen = registrations_of(app).names
    for name, blueprint in app.blueprints.items():
        if name not in seen and _may_add_views(blueprint) and not _list_around(app, name).isdisjoint(protected):
            raise SettingsError(
                f"blueprint {name} was registered before it was protected and before TokenAuth was set up, or without "
                "app.register_blueprint, so it is not known which views its own code, such as a function of record, "
                "has added: call auth.protect, or set up TokenAuth, before app.register_blueprint"
            )


def _may_add_views(blueprint: Blueprint) -> bool:
    """Return whether code of the application, or of an unknown framework, runs when *blueprint* is registered."""
    functions = (type(blueprint).register, *blueprint.deferred_functions)
    innermost = (list(unwrap(function))[-1] for function in functions)
    return any(str(function.__module__).partition(".")[0] not in _FRAMEWORKS for function in innermost)


def _list_around(app: App, name: str) -> set[Blueprint]:
    """Return the blueprint that is registered under *name*, and those around it."""
    parts = name.split(".")
    names = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return {app.blueprints[outer] for outer in names if outer in app.blueprints}
