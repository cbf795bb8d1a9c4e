"""What one application holds, and the hook that verifies each of its requests before anything else runs."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from weakref import WeakSet

import msgspec
from flask import Flask, Request, after_this_request, has_request_context
from flask.typing import ResponseReturnValue

from ..authentication.authenticator import JUDGED, Callbacks, Clock, Judge, Judged
from ..authentication.refusals import NOT_SET_UP, AuthError, refuse, withhold
from ..core.encoding.immutable_json import freeze
from ..core.errors import MissingCredential, Refusal, SettingsError, StoreOutage, StoreUnavailable
from ..core.rotation import Sessions
from ..core.store import Store
from ..core.tokens.claims import ClaimsPolicy
from ..core.tokens.issuing import Issuer
from ..core.tokens.verifier import Verifier
from ..guards.marks import Notes
from ..guards.requirement import Asked, Requirement
from ..guards.route_checks import check_routes
from ..guards.route_requirements import Resolved, Route, list_routes, resolve
from ..guards.url_arguments import current_app_itself, current_request, find_matched, keep_arguments
from ..signals import token_refused
from .setting_types import PREFIX
from .settings import Settings
from .stored_state import Remembered

_log = logging.getLogger("flask_tokenauth")
_MOST_RESOLVED = 10_000  # a rule without methods answers any that a client makes up

_states: WeakSet["AppState"] = WeakSet()


class _Known(msgspec.Struct, frozen=True):
    """What an endpoint requires for one method, and of what that was found."""

    view: Any
    made: int  # notes, at that time
    resolved: Resolved
    plainly: frozenset[str] | None  # of the same


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
        remembered: what its store is used for.
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
        self._resolved: dict[tuple[str, str], _Known] = {}
        self.settings = settings
        self.remembered = Remembered(settings, clock=self._now)
        verifier = Verifier(
            settings.keys,
            policy,
            revoked=self.remembered.is_revoked if self.remembered.revokes else None,
            max_bytes=settings.max_token_bytes,
            cache_size=settings.token_cache_size,
        )
        self.judge = Judge(app, settings, callbacks, policy=policy, verifier=verifier, clock=time.time)
        self.callbacks = callbacks
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
    def clock(self) -> Clock:
        """The one place where this floor and those above read the time; the judge's own, and tests move it."""
        return self.judge.clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self.judge.clock = clock

    def _now(self) -> float:
        return self.judge.clock()

    @property
    def issuer(self) -> Issuer:
        """Who signs for this application.

        Raises:
            SettingsError: ``TOKENAUTH_KEYS`` holds public keys only.
        """
        if self._issuer is None:
            raise SettingsError("TOKENAUTH_KEYS holds no key that can sign: this application only verifies tokens")
        return self._issuer

    @property
    def store(self) -> Store:
        """What the server remembers; raises like :attr:`Remembered.store`."""
        return self.remembered.store

    @property
    def sessions(self) -> Sessions:
        """Who starts sessions and redeems refresh tokens; raises like :attr:`Remembered.store`."""
        return self.remembered.sessions

    def prepare(self, endpoint: str | None, values: dict[str, Any] | None) -> None:  # noqa: ARG002  # Flask's call
        """Say on ``g`` who is calling, and keep what the URL matched. The first of all ``url_value_preprocessors``.

        The others run before any hook, and if one of them raises, the answer is given with no hook at all.
        """
        req = current_request()
        keep_arguments(req)
        self.judge.show_early(req)

    def authenticate(self) -> None:
        """Judge the current request and enforce what its route requires. The first of all ``before_request`` functions.

        Sets ``g.user_id``, ``g.scopes`` and ``g.token`` afresh: with an application context pushed outside, Flask
        hands the same ``g`` to one request after the other.
        """
        req = current_request()
        judged = self.judge.show(req)
        if not self._checked:
            self.check()
            self._spare_preprocessor()
        if req.view_args:
            keep_arguments(req)
        rule, method = req.url_rule, req.method
        if rule is None or (method == "OPTIONS" and getattr(rule, "provide_automatic_options", False)):
            return
        view = self.app.view_functions.get(rule.endpoint)
        if view is None:
            return  # Flask has no view for it either, and fails by itself
        known = self._resolved.get((rule.endpoint, method))
        if known is None or known.view is not view or known.made != Notes.made:
            known = self._resolve(rule.endpoint, method)
        resolved, token = known.resolved, judged.token
        if token is not None and known.plainly is not None and known.plainly <= token.scopes:
            judged.met = resolved.requirements
            return
        if resolved.access == "optional":
            self.enforce_optional()
        for requirement in resolved.requirements:
            # A decorator between may answer OPTIONS itself, as Flask-CORS does; if it does not, the wrapper enforces.
            if method != "OPTIONS" or requirement not in resolved.inside:
                self._enforce(requirement, req, judged)
        if method != "OPTIONS":
            judged.met = resolved.requirements
        elif resolved.inside:
            judged.owed = resolved.inside
            after_this_request(lambda answer: withhold(answer) if judged.keeps_back(answer) else answer)

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

    def _spare_preprocessor(self) -> None:
        """Let no request pay for ours if there are no others before which it has to run; Flask takes no more of them.

        The hook is then the first to see the arguments.
        """
        preprocessors = self.app.url_value_preprocessors
        if [each for some in preprocessors.values() for each in some] == [self.prepare]:
            preprocessors.pop(None, None)

    def _resolve(self, endpoint: str, method: str) -> _Known:
        """Return what the endpoint requires, and for which view function and how many marks that was found."""
        view, made = self.app.view_functions[endpoint], Notes.made
        resolved = resolve(self.app, self.settings, endpoint, method)
        known = _Known(view, made, resolved, resolved.plainly)
        if len(self._resolved) >= _MOST_RESOLVED:
            self._resolved.clear()
        self._resolved[endpoint, method] = known
        return known

    def enforce(self, requirement: Requirement) -> None:
        """Refuse the current request unless its token meets *requirement*.

        Raises:
            AuthError: it has none, a bad one, or one that does not reach this far.
        """
        req = current_request()
        judged = self.judge.of(req)
        try:
            self._enforce(requirement, req, judged)
        except AuthError:
            judged.refused = True
            raise
        judged.owed -= {requirement}

    def _enforce(self, requirement: Requirement, req: Request, judged: Judged) -> None:
        if judged.token is None:
            raise self.refuse(judged.refusal or MissingCredential())
        try:
            declared = self.settings.scopes
            asked = Asked(judged.token, find_matched, self.clock(), self.settings.leeway)
            requirement.check(asked, declared.enough if declared else {})
            if requirement.load_user:
                self.judge.load_user(req)
        except Refusal as refusal:
            raise self.refuse(refusal) from None

    def enforce_optional(self) -> None:
        """Refuse the current request if it has a bad credential; one that has none may pass.

        Raises:
            AuthError: the credential is refused.
        """
        refusal = self.judge.of(current_request()).refusal
        if refusal is not None:
            raise self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> AuthError:
        """Return the exception that answers the current request, and tell the log and the listeners why."""
        self.tell(refusal)
        return refuse(refusal)

    def outage(self, error: StoreUnavailable) -> AuthError:
        """Return the exception that answers the current request while the store cannot be asked, and tell the log."""
        _log.error("the store cannot be asked: %s", error)
        return self.refuse(StoreOutage())

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Let what is asked of the store fail within a request as a refusal, which every framework knows to answer.

        Unless the application has a handler of its own for :class:`StoreUnavailable`.
        """
        try:
            yield
        except StoreUnavailable as error:
            answers: Any = self.app.error_handler_spec[None][None].get(StoreUnavailable)
            if isinstance(error, AuthError) or not has_request_context() or answers != self.answer_outage:
                raise
            raise self.outage(error) from None

    def answer_outage(self, error: StoreUnavailable) -> ResponseReturnValue:
        """Answer a request whose view could not ask the store; the application's handler unless it has its own.

        What it has for the 503 of a guard answers here too.
        """
        return self.app.handle_user_exception(self.outage(error))

    def tell(self, refusal: Refusal) -> None:
        """Tell the log and the listeners why a request is refused."""
        _log.info("refused: %s", refusal.reason)
        if token_refused.receivers:
            token_refused.send(self.app, reason=refusal.reason)


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


def enforce(requirement: Requirement) -> None:
    """Refuse the current request as :meth:`AppState.enforce` does, unless the hook has let it pass this very guard.

    Raises:
        AuthError: its token does not meet *requirement*.
        SettingsError: ``TokenAuth`` is not set up on the current application.
    """
    judged: Judged | None = getattr(current_request(), JUDGED, None)
    if judged is None or judged.app is not current_app_itself() or requirement not in judged.met:
        current_state().enforce(requirement)


def list_states() -> list[AppState]:
    """Return what each application that is set up in this process, and still there, holds."""
    return list(_states)


def count_states() -> int:
    """Return how many applications were ever set up in this process."""
    return AppState.made


def current_state() -> AppState:
    """Return the state of the current application; raises like :func:`state_of`."""
    return state_of(current_app_itself())
