"""What one application holds, and the hook that verifies each of its requests before anything else runs."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, ClassVar
from uuid import UUID
from weakref import WeakSet

from flask import Flask, current_app, g, request
from werkzeug.wrappers import Request

from .core.claims import ClaimsPolicy
from .core.errors import InsecureTransport, Refusal, SettingsError, TokenRejected, UnknownUser, WrongUserID
from .core.frozen import freeze
from .core.issuer import Issuer
from .core.verifier import Token, Verifier
from .credentials import find_token
from .marks import Notes
from .refusals import NOT_SET_UP, AuthError, refuse
from .requirements import Asked, Requirement
from .routes import Resolved, Route, check_routes, list_routes, resolve
from .settings import PREFIX, Settings
from .signals import token_refused

Clock = Callable[[], float]  # seconds since 1970-01-01T00:00:00Z

_log = logging.getLogger("flask_tokenauth")
_JUDGED = "_tokenauth_judged"  # on the request object, where no view looks for something to overwrite
_MATCHED = "_tokenauth_matched"
_USER = "_tokenauth_user"
_MOST_RESOLVED = 10_000  # a rule without methods answers any that a client makes up


@dataclass(slots=True)
class Callbacks:
    """Functions of the application that ``TokenAuth`` was given, shared by all its applications."""

    user_id_type: Callable[[str], Any] = str
    load_user: Callable[[Any], Any] | None = None
    check_token: Callable[[Token], Any] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one request's credential: a token with its user, a refusal, or neither where there was none."""

    token: Token | None = None
    user_id: Any = None
    refusal: Refusal | None = None


_ANONYMOUS = Judged()
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
        self._callbacks = callbacks
        self._warned = False
        self._verifier = Verifier(settings.keys, policy, max_bytes=settings.max_token_bytes)
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

    def subject_of(self, user_id: object) -> str:
        """Return the text that stands for *user_id* in ``sub``.

        Raises:
            TypeError: it is not a ``str``, ``int``, ``UUID`` or of the declared type; ``None`` and booleans never are.
            ValueError: converting the text would not bring it back.
        """
        convert = self._callbacks.user_id_type
        declared = convert if isinstance(convert, type) else str
        if isinstance(user_id, bool) or not isinstance(user_id, (str, int, UUID, declared)):
            raise TypeError(f"a user ID is a text, int, UUID or of user_id_type, not {type(user_id).__name__}")
        subject = str(user_id)
        try:
            if isinstance(user_id, str) and subject != user_id:  # an enumeration shows its name instead
                raise WrongUserID
            self._convert(subject)
        except WrongUserID as error:
            raise ValueError("user_id does not survive its conversion to text and back by user_id_type") from error
        return subject

    def authenticate(self) -> None:
        """Judge the current request and enforce what its route requires. The first of all ``before_request`` functions.

        Sets ``g.user_id``, ``g.scopes`` and ``g.token`` afresh: with an application context pushed outside, Flask
        hands the same ``g`` to one request after the other.
        """
        _show(self.judge(request))
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
        judged = self.judge(request)
        try:
            if judged.refusal is not None:
                raise judged.refusal
            declared = self.settings.scopes
            asked = Asked(judged.token, _matched, self.clock(), self.settings.leeway)
            requirement.check(asked, declared.enough if declared else {})
            if requirement.load_user:
                self.load_user(request)
        except Refusal as refusal:
            raise self.refuse(refusal) from None

    def enforce_optional(self) -> None:
        """Refuse the current request if it has a bad credential; one that has none may pass.

        Raises:
            AuthError: the credential is refused.
        """
        refusal = self.judge(request).refusal
        if refusal is not None:
            raise self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> AuthError:
        """Return the exception that answers the current request, and tell the log and the listeners why."""
        _log.info("refused: %s", refusal.reason)
        token_refused.send(self.app, reason=refusal.reason)
        return refuse(refusal)

    def load_user(self, req: Request) -> Any:
        """Return the user of the request, loaded once; None for the anonymous.

        Raises:
            UnknownUser: the application's loader knows no such user.
            SettingsError: there is no loader.
        """
        load = self._callbacks.load_user
        if load is None:
            raise SettingsError("no user_loader: decorate the function that loads users with @auth.user_loader")
        judged = self.judge(req)
        if judged.token is None:
            return None
        known: tuple[Judged, Any] | None = getattr(req, _USER, None)
        if known is None or known[0] is not judged:
            known = judged, self.app.ensure_sync(load)(judged.user_id)
            setattr(req, _USER, known)
        if known[1] is None:
            raise UnknownUser
        return known[1]

    def judge(self, req: Request) -> Judged:
        """Return what became of the request's credential; judged once a request, whoever asks first."""
        known: tuple[AppState, Judged] | None = getattr(req, _JUDGED, None)
        if known is None or known[0] is not self:  # another application's verdict is not ours
            known = self, self._judge(req)
            setattr(req, _JUDGED, known)
            _show(known[1])
        return known[1]

    def _judge(self, req: Request) -> Judged:
        try:
            text = find_token(req.environ.get("HTTP_AUTHORIZATION"), max_bytes=self.settings.max_token_bytes)
            if text is None:
                return _ANONYMOUS
            if not req.is_secure:
                self._check_transport(req)
            return Judged(*self.verify(text))
        except Refusal as refusal:
            return Judged(refusal=refusal)

    def verify(self, text: str) -> tuple[Token, Any]:
        """Return the token that *text* is, and the ID of its user.

        Raises:
            TokenError: it is refused, by the application's ``token_check`` at last.
        """
        token = self._verifier.verify(text, now=self.clock())
        user_id = self._convert(token.subject)
        check = self._callbacks.check_token
        if check is not None and not self.app.ensure_sync(check)(token):
            raise TokenRejected
        return token, user_id

    def _check_transport(self, req: Request) -> None:
        """Do what ``TOKENAUTH_ENFORCE_HTTPS`` says about a token that came over plain HTTP."""
        if self.settings.enforce_https == "refuse":
            raise InsecureTransport
        if self.settings.enforce_https == "warn" and not self._warned and not _is_loopback(req.remote_addr):
            self._warned = True
            _log.warning(
                "a token came over plain HTTP: serve over HTTPS, and behind a proxy use werkzeug's ProxyFix, so that "
                'this application sees it; TOKENAUTH_ENFORCE_HTTPS says "refuse" or "off" to hear no more of it'
            )

    def _convert(self, subject: str) -> Any:
        """Make a user ID of ``sub`` and refuse what would come back otherwise: ``int("4_2")`` is 42 as well."""
        try:
            user_id = self._callbacks.user_id_type(subject)
        except (ValueError, ArithmeticError) as error:
            raise WrongUserID from error
        if str(user_id) != subject:
            raise WrongUserID
        return user_id


def _is_loopback(address: str | None) -> bool:
    """Tell whether a request came from this machine; a local socket has no address, or an empty one."""
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False


def _show(judged: Judged) -> None:
    """Put what views expect on ``g``."""
    scopes = frozenset() if judged.token is None else judged.token.scopes
    g.user_id, g.scopes, g.token = judged.user_id, scopes, judged.token


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
