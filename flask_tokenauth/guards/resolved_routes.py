"""What the routes of an application require, resolved once for each endpoint and method."""

from typing import Any, NamedTuple

from werkzeug.routing import Rule

from ..application.app_state import AppState
from .marks import MarkCounter
from .requirement import Requirement
from .route_requirements import RouteRequirements, resolve
from .sharing import is_shareable

_MOST = 10_000  # entries: a rule without methods answers any method that a client invents


class ResolvedRoute(NamedTuple):
    """The requirements of an endpoint for a method, with the facts that they were resolved from."""

    view: Any
    mark_count: int
    required: RouteRequirements
    requirements: tuple[Requirement, ...]  # of ``required``
    simple_scopes: frozenset[str] | None  # of ``required``
    is_guarded: bool  # something is required
    is_shareable: bool  # its answers do not depend on the caller
    accepts_api_keys: bool
    accepts_tickets: bool
    opened: tuple[Requirement, ...]  # those that need no word on API keys, since scopes are required


class ResolvedRoutes:
    """The resolved routes of one application. A route is resolved again if its view or a mark has changed.

    Args:
        state: of the application.
    """

    def __init__(self, state: AppState) -> None:
        self._app, self._settings = state.app, state.settings
        self._resolved: dict[tuple[str, str], ResolvedRoute] = {}

    def find(self, rule: Rule | None, method: str) -> ResolvedRoute | None:
        """Return the route of a request, or None if Flask answers without a view: 404, 405, or OPTIONS by default.

        Args:
            rule: of the request; None if there is none.
            method: of the request.
        """
        if rule is None or (method == "OPTIONS" and getattr(rule, "provide_automatic_options", False)):
            return None
        try:
            view = self._app.view_functions[rule.endpoint]
        except KeyError:
            return None  # Flask raises the same error
        try:
            route = self._resolved[rule.endpoint, method]
        except KeyError:
            return self._resolve(rule.endpoint, method)
        if route.view is not view or route.mark_count != MarkCounter.value:
            return self._resolve(rule.endpoint, method)
        return route

    def _resolve(self, endpoint: str, method: str) -> ResolvedRoute:
        """Resolve the requirements of an endpoint, and keep them until its view or the marks change."""
        count = MarkCounter.value
        required = resolve(self._app, self._settings, endpoint, method)
        view = self._app.view_functions[endpoint]
        shared = required.access == "static" or is_shareable(view, method)
        route = ResolvedRoute(
            view,
            count,
            required,
            required.requirements,
            required.simple_scopes,
            bool(required.requirements),
            shared,
            required.accepts_api_keys,
            required.accepts_tickets,
            required.requirements if required.has_scopes else (),
        )
        if len(self._resolved) >= _MOST:
            self._resolved.clear()
        self._resolved[endpoint, method] = route
        return route
