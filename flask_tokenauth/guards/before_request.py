"""The hook that runs before every request: it authenticates the request and enforces what the route requires.

Flask calls three methods of it, one after the other: around all functions that run before a view, as the first of these
functions, and around the view. Each one alone keeps guarded views closed, if other code takes the others away.
"""

from functools import partial
from http import HTTPStatus
from typing import Any

import flask
from flask import Flask, Request, Response

from ..application.app_state import AppState
from ..application.error_handlers import RefusalHandling
from ..application.flask_methods import find_method
from ..application.refusing import log_for_developer
from ..application.shared_caches import ANSWER, note_not_of_view, note_ticket
from ..authentication.api_key_admission import admit
from ..authentication.api_key_admission import withhold as withhold_api_key
from ..authentication.authentication import Authentication
from ..authentication.authenticator import AUTHENTICATION
from ..authentication.contexts import NO_REQUEST, REQUEST_CONTEXT, current_request
from ..authentication.csrf import DISPATCHED
from ..authentication.refusals import AuthError, withhold
from ..authentication.tickets import IN_QUERY, may_have_ticket, settle_used_ticket
from .enforcement import check_optional, check_requirement
from .first_check import FirstCheck
from .guarded_hooks import after_others
from .registrations import check_set_up
from .resolved_routes import ResolvedRoute, ResolvedRoutes
from .route_checks import check_application
from .route_requirements import RouteRequirements
from .ticket_use import enforce_with_ticket
from .url_arguments import keep_url_arguments

# The method itself, unless something had replaced it before this import.
_FLASKS_OWN = Flask.preprocess_request if Flask.preprocess_request.__code__.co_filename == flask.app.__file__ else None
_PROMISE = "_tokenauth_promise"  # attribute of the request: the hook that will enforce after all other hooks
_ENFORCED = "_tokenauth_enforced"  # attribute of the request: the hook, the rule and the method that it has enforced
_REPLACED = (
    "the answer %s of a before_request function was replaced by the refusal of the guard: if every caller may have it, "
    "raise it with abort(), or answer in an error handler"
)
_QUERY = "QUERY_STRING"  # in the WSGI environment


class RequestHook:
    """Guards the requests of one application.

    It authenticates a request before the ``before_request`` functions of the application run, and enforces the
    requirements of the route after them, directly before the view.

    Args:
        state: of the application.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._app, self._authenticator = state.app, state.authenticator
        self._checked = False
        self._first_check = FirstCheck(self._check_application)
        self._flask_preprocess = find_method(state.app, "preprocess_request")
        self._replaced_dispatch = vars(state.app).get("dispatch_request")  # by other code before; None: it is Flask's
        self._may_leave_out = "preprocess_request" not in vars(state.app)  # not what other code has put in its place
        self._only_ours: dict[Any, list[Any]] | None = None  # ``before_request_funcs`` if they hold nothing else
        self._routes = ResolvedRoutes(state)
        state.authenticator.settle_api_key = self._settle_api_key
        state.authenticator.settle_ticket = self._settle_ticket

    def install(self, app: Flask) -> None:
        """Wrap two methods of *app*, and register the hook before all other ``before_request`` functions."""
        self._state.hook = self.guard_request
        app.before_request_funcs.setdefault(None, []).insert(0, self.guard_request)
        app.preprocess_request = self.preprocess_request  # type: ignore[method-assign]
        app.dispatch_request = self.dispatch_request  # type: ignore[method-assign]

    def preprocess_request(self, *args: Any, **kwargs: Any) -> Any:
        """Authenticate the current request, run all that the application runs before a view, and guard the view.

        Args:
            args: the arguments that Flask calls its own method with.
            kwargs: its keyword arguments.

        Returns:
            None if the view is called next, otherwise the answer of a ``before_request`` function.

        Raises:
            AuthError: the request does not satisfy a requirement of its route.
            SettingsError: at the first request, a guard can never work.
        """
        req, app, authenticator = REQUEST_CONTEXT.get(NO_REQUEST).request, self._app, self._authenticator
        if authenticator.cookies is not None and DISPATCHED not in req.__dict__:
            req.__dict__[DISPATCHED] = True
            if AUTHENTICATION in req.__dict__:
                authenticator.forget_early_judgement(req)
        if not self._checked:
            authenticator.publish_early(req)
            self._first_check.run()
        if (
            app.before_request_funcs == self._only_ours
            and not app.url_value_preprocessors
            and type(app).preprocess_request is _FLASKS_OWN
        ):
            self._enforce_route(req, authenticator.publish(req))
            return None  # Flask's own method has nothing to call
        keep_url_arguments(req)
        authenticator.publish_early(req)
        req.__dict__[_PROMISE] = self
        try:
            answer = self._flask_preprocess(*args, **kwargs)
        except BaseException:
            route = self._routes.find(req.url_rule, req.method)
            note_not_of_view(req.environ, is_guarded=route is not None and route.is_guarded)
            raise
        finally:
            req.__dict__.pop(_PROMISE, None)
        req = current_request()  # a function may have replaced it
        if answer is not None:
            return self._let_answer(answer, req)
        self._enforce_route(req, authenticator.authenticate(req))
        return None

    def guard_request(self) -> None:
        """Authenticate the current request. The first of all ``before_request`` functions.

        It sets ``g.user_id``, ``g.scopes`` and ``g.token`` each time: if an application context was pushed outside,
        Flask gives the same ``g`` to one request after the other. If :meth:`preprocess_request` does not enforce the
        requirements of the route afterwards, since other code has replaced it, they are enforced here.

        Raises:
            AuthError: the request does not satisfy a requirement.
            SettingsError: at the first request, a guard can never work.
        """
        req = current_request()
        req.__dict__[DISPATCHED] = True
        authentication = self._authenticator.publish(req)
        if req.__dict__.pop(_PROMISE, None) is self:
            return
        self._guard_now(req, authentication)

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Call the view of the current request, whose guards were enforced before.

        They are enforced here if they were not: other code has taken both ways away on which that is done, calls
        ``app.dispatch_request`` itself, or has changed the route or the method since.

        Args:
            args: the arguments that Flask calls its own method with.
            kwargs: its keyword arguments.

        Returns:
            The answer of the view.

        Raises:
            AuthError: the request does not satisfy a requirement of its route.
            SettingsError: at the first request, a guard can never work.
        """
        req = REQUEST_CONTEXT.get(NO_REQUEST).request
        try:
            hook, rule, method = req.__dict__[_ENFORCED]
        except KeyError:
            hook = rule = method = None
        if hook is not self or rule is not req.url_rule or method != req.method:
            req.__dict__[DISPATCHED] = True
            self._guard_now(req, self._authenticator.publish(req))
        if self._replaced_dispatch is not None:
            return self._replaced_dispatch(*args, **kwargs)
        app = self._app
        return type(app).dispatch_request(app, *args, **kwargs)  # which tools that trace applications may replace

    def _guard_now(self, req: Request, authentication: Authentication) -> None:
        """Guard a request in a place where Flask has not called :meth:`preprocess_request` before."""
        if not self._checked:
            self._first_check.run()
        keep_url_arguments(req)
        self._enforce_route(req, authentication)

    def _check_application(self) -> None:
        """Check at the first request that the guards can work. Find out whether other functions run before views."""
        app = self._app
        check_application(self._state)
        registered = {name: list(functions) for name, functions in app.before_request_funcs.items()}
        ours = (self.guard_request, check_set_up)
        are_ours = all(function in ours for functions in registered.values() for function in functions)
        self._only_ours = registered if are_ours and self._may_leave_out else None
        if not isinstance(getattr(app.handle_user_exception, "__self__", None), RefusalHandling):
            RefusalHandling(app).install()  # around an extension that has wrapped the method, as Flask-RESTX does
        self._checked = True

    def _settle_api_key(self, req: Request, authentication: Authentication) -> None:
        """Let the API key of *req* count if the guards of its route accept API keys: it was authenticated just now."""
        # Another application may have found the rule. Its views may be guarded in another way.
        if req.url_rule is not None and req.url_rule.map is self._app.url_map:
            _settle(authentication, self._routes.find(req.url_rule, req.method))

    def _settle_ticket(self, req: Request, authentication: Authentication) -> None:
        """Enforce the guards of the route of a request with a ticket, before the view, if they accept tickets.

        A guarded function that runs before the view is about to run: the ticket has to be used before that.

        Raises:
            AuthError: the ticket or a guard refuses the request.
        """
        if not may_have_ticket(req, authentication) or req.url_rule is None:
            return
        is_ours = req.url_rule.map is self._app.url_map
        route = self._routes.find(req.url_rule, req.method) if is_ours else None
        if route is not None and route.accepts_tickets:
            self._enforce_route(req, authentication)

    def _let_answer(self, answer: Any, req: Request) -> Any:
        """Return the *answer* of a ``before_request`` function, unless the caller may not have an answer of the route.

        An error (400 and above) stands. Any other answer needs what the view would need.

        Raises:
            AuthError: the request does not satisfy the requirements of its route. The answer is closed.
        """
        route = self._routes.find(req.url_rule, req.method)
        if route is None:
            return answer
        if not route.required.requirements and route.required.access != "optional":
            return answer
        response = self._app.make_response(answer)
        note_not_of_view(req.environ, is_guarded=route.is_guarded)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            try:
                self._enforce_route(req, self._authenticator.authenticate(req))
            except BaseException as error:
                response.close()
                if isinstance(error, AuthError):
                    log_for_developer(self._state, _REPLACED, response.status_code)
                raise
        return response

    def _enforce_route(self, req: Request, authentication: Authentication) -> None:
        """Refuse the request unless it satisfies the requirements of its route.

        Raises:
            AuthError: it does not.
        """
        rule, method = req.url_rule, req.method
        route = self._routes.find(rule, method)
        if authentication.api_key is not None:
            _settle(authentication, route)  # the route may be another one than that for which the key was accepted
        if authentication.ticket is not None:
            settle_used_ticket(authentication, counts=route is not None and route.accepts_tickets)
        if route is not None:
            # A call of get() would cost, and a variable for the environment, which has the token, would be recorded.
            if route.accepts_tickets and _QUERY in req.environ and IN_QUERY in req.environ[_QUERY]:
                note_ticket(req.environ)  # also if the ticket is not read: it stays good
            if ANSWER in req.environ:  # not if the application calls Flask in another way
                answer = req.environ[ANSWER]
                if route.is_guarded:
                    answer.is_guarded = True
                if answer.is_shareable is None or not route.is_shareable:
                    answer.is_shareable = route.is_shareable
            token = authentication.token
            if token is not None and route.simple_scopes is not None and route.simple_scopes <= token.scopes:
                authentication.satisfied = route.requirements
            elif token is None and route.accepts_tickets and may_have_ticket(req, authentication):
                enforce = partial(self._enforce_each, route.required, req, authentication)
                enforce_with_ticket(self._state, req, authentication, enforce)
            else:
                self._enforce_each(route.required, req, authentication)
        req.__dict__[_ENFORCED] = self, rule, method  # a copy of the request may share its authentication

    def _enforce_each(self, required: RouteRequirements, req: Request, authentication: Authentication) -> None:
        if required.access == "optional":
            check_optional(self._state, authentication, required.kinds)
        is_options = req.method == "OPTIONS"
        for requirement in required.requirements:
            # A decorator between route and guard may answer OPTIONS, as Flask-CORS does. If it does not, the wrapper
            # enforces the requirement.
            if not is_options or requirement not in required.inside:
                check_requirement(self._state, requirement, req, authentication, required.requirements)
        if not is_options:
            authentication.satisfied = required.requirements
        elif required.inside:
            authentication.pending = frozenset(required.inside)

            def withhold_unless_guarded(response: Response) -> Response:
                return withhold(response) if authentication.withholds(response) else response

            after_others(withhold_unless_guarded)


def _settle(authentication: Authentication, route: ResolvedRoute | None) -> None:
    """Let the API key of a request count if the guards of *route* accept API keys, and for nothing otherwise."""
    if route is None or not route.accepts_api_keys:
        withhold_api_key(authentication)
    else:
        admit(authentication)
        authentication.opened = route.opened
