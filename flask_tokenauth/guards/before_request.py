"""The hook that runs before every request: it authenticates the request and enforces what the route requires."""

from typing import Any, NamedTuple

from flask import Flask, Request, Response, after_this_request

from ..application.app_state import AppState
from ..authentication.authenticator import Authentication
from ..authentication.refusals import withhold
from .enforcement import check_optional, check_requirement
from .marks import MarkCounter
from .route_checks import check_application
from .route_requirements import RouteRequirements, resolve
from .url_arguments import current_request, keep_url_arguments

_MOST_RESOLVED = 10_000  # entries: a rule without methods answers any method that a client invents


class ResolvedRoute(NamedTuple):
    """The requirements of an endpoint for a method, with the facts that they were resolved from."""

    view: Any
    mark_count: int
    required: RouteRequirements
    simple_scopes: frozenset[str] | None  # of ``required``


class RequestHook:
    """Guards the requests of one application.

    Args:
        state: of the application.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._checked = False
        self._resolved: dict[tuple[str, str], ResolvedRoute] = {}

    def install(self, app: Flask) -> None:
        """Register the hook before all other functions of *app* that run before a request."""
        self._state.hook = self.guard_request
        app.before_request_funcs.setdefault(None, []).insert(0, self.guard_request)
        app.url_value_preprocessors.setdefault(None, []).insert(0, self.prepare)

    def prepare(self, endpoint: str | None, values: dict[str, Any] | None) -> None:  # noqa: ARG002  # Flask's call
        """Set the caller on ``g``, and keep the arguments of the URL. The first of all ``url_value_preprocessors``.

        The others run before any hook, and if one of them raises, no hook runs.
        """
        req = current_request()
        keep_url_arguments(req)
        self._state.authenticator.publish_early(req)

    def guard_request(self) -> None:
        """Authenticate the current request and enforce what its route requires.

        The first of all ``before_request`` functions. It sets ``g.user_id``, ``g.scopes`` and ``g.token`` each time: if
        an application context was pushed outside, Flask gives the same ``g`` to one request after the other.

        Raises:
            AuthError: the request does not satisfy a requirement.
            SettingsError: at the first request, a guard can never work.
        """
        req = current_request()
        authentication = self._state.authenticator.publish(req)
        if not self._checked:
            check_application(self._state)
            self._checked = True
            self._drop_idle_preprocessor()
        if req.view_args:
            keep_url_arguments(req)
        rule, method = req.url_rule, req.method
        if rule is None or (method == "OPTIONS" and getattr(rule, "provide_automatic_options", False)):
            return
        app = self._state.app
        view = app.view_functions.get(rule.endpoint)
        if view is None:
            return  # Flask has no view for it either, and answers with an error
        route = self._resolved.get((rule.endpoint, method))
        if route is None or route.view is not view or route.mark_count != MarkCounter.value:
            route = self._resolve(rule.endpoint, method)
        token = authentication.token
        if token is not None and route.simple_scopes is not None and route.simple_scopes <= token.scopes:
            authentication.satisfied = route.required.requirements
        else:
            self._enforce(route.required, req, authentication)

    def _drop_idle_preprocessor(self) -> None:
        """Remove our preprocessor if there is no other that it has to run before. Flask takes no more of them now.

        It costs a request as much as the rest of the hook. The hook is then the first to see the arguments.
        """
        preprocessors = self._state.app.url_value_preprocessors
        if [function for functions in preprocessors.values() for function in functions] == [self.prepare]:
            preprocessors.pop(None, None)

    def _enforce(self, required: RouteRequirements, req: Request, authentication: Authentication) -> None:
        if required.access == "optional":
            check_optional(self._state, authentication)
        is_options = req.method == "OPTIONS"
        for requirement in required.requirements:
            # A decorator between route and guard may answer OPTIONS, as Flask-CORS does. If it does not, the wrapper
            # enforces the requirement.
            if not is_options or requirement not in required.inside:
                check_requirement(self._state, requirement, req, authentication)
        if not is_options:
            authentication.satisfied = required.requirements
        elif required.inside:
            authentication.pending = frozenset(required.inside)

            def withhold_unless_guarded(response: Response) -> Response:
                return withhold(response) if authentication.withholds(response) else response

            after_this_request(withhold_unless_guarded)

    def _resolve(self, endpoint: str, method: str) -> ResolvedRoute:
        """Resolve the requirements of an endpoint, and keep them until its view or the marks change."""
        app, count = self._state.app, MarkCounter.value
        required = resolve(app, self._state.settings, endpoint, method)
        route = ResolvedRoute(app.view_functions[endpoint], count, required, required.simple_scopes)
        if len(self._resolved) >= _MOST_RESOLVED:
            self._resolved.clear()
        self._resolved[endpoint, method] = route
        return route
