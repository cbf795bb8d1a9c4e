"""What one application holds, and the hook that verifies each of its requests before anything else runs."""

import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID
from weakref import WeakSet

from flask import Flask, current_app, request

from .core.claims import ClaimsPolicy
from .core.errors import Refusal, SettingsError
from .core.frozen import freeze
from .core.issuer import Issuer
from .core.verifier import Verifier
from .judge import Callbacks, Judge, show
from .marks import Notes
from .refusals import NOT_SET_UP, AuthError, refuse
from .requirements import Asked, Requirement
from .routes import Resolved, Route, check_routes, list_routes, resolve
from .settings import PREFIX, Settings
from .signals import token_refused

Clock = Callable[[], float]  # seconds since 1970-01-01T00:00:00Z

_log = logging.getLogger("flask_tokenauth")
_MATCHED = "_tokenauth_matched"  # on the request object, where no view looks for something to overwrite
_MOST_RESOLVED = 10_000  # a rule without methods answers any that a client makes up

_states: WeakSet["AppState"] = WeakSet()


class AppState:
    """All that ``TokenAuth`` keeps for one application, in ``app.extensions["tokenauth"]``.

    Args:
        app: whose state this is.
        settings: what its configuration says.
        callbacks: what makes ``g.user_id`` of the text ``sub`` (raises ``ValueError`` for what is no user ID), what
            loads users, what checks tokens besides.

    Attributes:
        app: the application, which sends the signals.
        judge: what judges the credentials of its requests.
        clock: the one place where this floor and those above read the time.
    """

    made: ClassVar[int] = 0

    def __init__(self, app: Flask, settings: Settings, callbacks: Callbacks) -> None:
        policy = ClaimsPolicy(
            issuer=settings.issuer,
            audience=settings.audience,
            leeway=settings.leeway,
            max_lifetime=settings.max_lifetime,
        )
        AppState.made += 1
        _states.add(self)
        self.app = app
        self._config_read = _read_config(app)
        self._checked = False
        self._resolved: dict[tuple[str, str], tuple[Any, int, Resolved]] = {}
        self.settings = settings
        self.clock: Clock = time.time
        verifier = Verifier(settings.keys, policy, max_bytes=settings.max_token_bytes)
        self.judge = Judge(app, settings, callbacks, verifier=verifier, now=lambda: self.clock())  # noqa: PLW0108  # tests move it
        self._issuer = (
            Issuer(
                settings.keys.signing_key,
                policy,
                lifetime=settings.access_lifetime,
                max_bytes=settings.max_token_bytes,
            )
            if settings.keys.signing_key
            else None
        )

    @property
    def issuer(self) -> Issuer:
        """Who signs for this application.

        Raises:
            SettingsError: ``TOKENAUTH_KEYS`` holds public keys only.
        """
        if self._issuer is None:
            raise SettingsError("TOKENAUTH_KEYS holds no key that can sign: this application only verifies tokens")
        return self._issuer

    def authenticate(self) -> None:
        """Judge the current request and enforce what its route requires. The first of all ``before_request`` functions.

        Sets ``g.user_id``, ``g.scopes`` and ``g.token`` afresh: with an application context pushed outside, Flask
        hands the same ``g`` to one request after the other.
        """
        show(self.judge.of(request))
        if not self._checked:
            self.check()
        rule = request.url_rule
        if rule is None or (request.method == "OPTIONS" and getattr(rule, "provide_automatic_options", False)):
            return
        if rule.endpoint not in self.app.view_functions:
            return  # Flask has no view for it either, and fails by itself
        resolved = self._resolve(rule.endpoint, request.method)
        if resolved.access == "optional":
            self.enforce_optional()
        for requirement in resolved.requirements:
            # A decorator between may answer OPTIONS itself, as Flask-CORS does; if it does not, the wrapper enforces.
            if request.method != "OPTIONS" or requirement not in resolved.inside:
                self.enforce(requirement)

    def list_routes(self) -> list[Route]:
        """Return every route of the application with what it needs."""
        return list_routes(self.app, self.settings)

    def check(self) -> None:
        """Refuse to go on with what can only be told once all routes are there.

        Raises:
            SettingsError: a guard can never work as it stands, or the configuration was changed after it was read.
        """
        config = _read_config(self.app)
        for key in config.keys() | self._config_read.keys():
            if config.get(key) != self._config_read.get(key):
                raise SettingsError(f"{key} was changed after init_app had read it: set it before")
        if self.authenticate not in self.app.before_request_funcs.get(None, []):
            raise SettingsError("the hook of TokenAuth was taken out of before_request_funcs: nothing would be guarded")
        check_routes(self.app, self.settings)
        self._checked = True

    def _resolve(self, endpoint: str, method: str) -> Resolved:
        """Return what the endpoint requires, resolved once for each view function that stands for it."""
        view = self.app.view_functions[endpoint]
        known = self._resolved.get((endpoint, method))
        if known is None or known[0] is not view or known[1] != Notes.made:
            known = view, Notes.made, resolve(self.app, self.settings, endpoint, method)
            if len(self._resolved) >= _MOST_RESOLVED:
                self._resolved.clear()
            self._resolved[endpoint, method] = known
        return known[2]

    def keep_matched(self, endpoint: str | None, values: dict[str, Any] | None) -> None:  # noqa: ARG002  # Flask's call
        """Keep what the URL matched, before any blueprint's preprocessor takes something out of it."""
        setattr(request, _MATCHED, dict(values or {}))

    def enforce(self, requirement: Requirement) -> None:
        """Refuse the current request unless its token meets *requirement*.

        Raises:
            AuthError: it has none, a bad one, or one that does not reach this far.
        """
        judged = self.judge.of(request)
        try:
            if judged.refusal is not None:
                raise judged.refusal
            declared = self.settings.scopes
            asked = Asked(judged.token, _matched, self.clock(), self.settings.leeway)
            requirement.check(asked, declared.enough if declared else {})
            if requirement.load_user:
                self.judge.load_user(request)
        except Refusal as refusal:
            raise self.refuse(refusal) from None

    def enforce_optional(self) -> None:
        """Refuse the current request if it has a bad credential; one that has none may pass.

        Raises:
            AuthError: the credential is refused.
        """
        refusal = self.judge.of(request).refusal
        if refusal is not None:
            raise self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> AuthError:
        """Return the exception that answers the current request, and tell the log and the listeners why."""
        _log.info("refused: %s", refusal.reason)
        token_refused.send(self.app, reason=refusal.reason)
        return refuse(refusal)


def _matched(name: str) -> str | None:
    """Return an argument of the current view as the text that stands for it in a URL; None if there is none.

    A default of the rule has no converter; only a text, an int or a UUID stands for itself in a scope.
    """
    values: dict[str, Any] = getattr(request, _MATCHED, None) or request.view_args or {}
    value = values.get(name)
    converter = request.url_rule._converters.get(name) if request.url_rule is not None else None
    if converter is not None and name in values:
        return converter.to_url(value)
    return str(value) if isinstance(value, (str, int, UUID)) and not isinstance(value, bool) else None


def _read_config(app: Flask) -> dict[str, object]:
    """Return what ``init_app`` reads of the configuration, its lists and dicts as they are now."""
    names = [key for key in app.config if key.startswith(PREFIX)]
    return {key: _copy(app.config.get(key)) for key in (*names, "SECRET_KEY", "SECRET_KEY_FALLBACKS")}


def _copy(value: object) -> object:
    return frozenset(value) if isinstance(value, set) else freeze(value)


def state_of(app: Flask) -> AppState:
    """Return the state of *app*.

    Raises:
        SettingsError: ``TokenAuth`` is not set up on it.
    """
    state: AppState | None = app.extensions.get("tokenauth")
    if state is None:
        raise SettingsError(NOT_SET_UP)
    return state


def list_states() -> list[AppState]:
    """Return what each application that is set up in this process, and still there, holds."""
    return list(_states)


def count_states() -> int:
    """Return how many applications were ever set up in this process."""
    return AppState.made


def current_state() -> AppState:
    """Return the state of the current application; raises like :func:`state_of`."""
    return state_of(current_app)
