"""Authenticate a request: its credential is verified once, and the result is kept on the request."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, g
from werkzeug.wrappers import Request, Response

from ..core.errors import Refusal, SettingsError, StoreOutage, StoreUnavailable
from ..core.keys.key_set import KeySet
from ..core.records.session import Session
from ..core.token_errors import TokenError, TokenExpired, TokenRejected, UnknownUser
from ..core.tokens.claims import ClaimsPolicy
from ..core.tokens.token import Token
from ..core.tokens.verifier import Verifier
from .credentials import check_credential, find_token
from .https import HttpsCheck
from .outage_log import OutageLog
from .user_ids import UserIDs

Clock = Callable[[], float]  # seconds since 1970-01-01T00:00:00Z

AUTHENTICATION = "_tokenauth_authentication"  # attribute of the request: views do not overwrite it by accident, as on g
_USER = "_tokenauth_user"
_NO_SCOPES = frozenset[str]()

_current_g: Callable[[], Any] = g._get_current_object  # the proxy would look it up for each attribute


class Callbacks(msgspec.Struct):
    """Functions that the application gave to ``TokenAuth``. All applications of one ``TokenAuth`` share them."""

    user_id_type: Callable[[str], Any] = str
    load_user: Callable[[Any], Any] | None = None
    check_token: Callable[[Token], Any] | None = None
    before_refresh: Callable[[Session], Any] | None = None


class Authentication(msgspec.Struct):
    """The result for one request: a token and its user, or a refusal, or neither if there was no credential."""

    app: Flask  # the application that authenticated the request
    token: Token | None = None
    user_id: Any = None
    refusal: Refusal | None = None
    satisfied: tuple[Hashable, ...] = ()  # requirements that the hook has checked
    pending: frozenset[Hashable] = frozenset()  # requirements that the hook has left to guards inside the view
    guard_refused: bool = False  # one of those guards refused
    guard_passed: bool = False  # a guard that the hook did not know of was satisfied

    @property
    def is_guarded(self) -> bool:
        """Whether a guard had to be satisfied for the answer."""
        return bool(self.satisfied) or self.guard_passed

    def withholds(self, response: Response) -> bool:
        """Return whether *response* must be withheld: a guard inside the view was never asked, and did not refuse."""
        return bool(self.pending) and not (self.guard_refused and response.status_code >= HTTPStatus.BAD_REQUEST)


class Authenticator:
    """Authenticates the requests of one application.

    Args:
        app: the application.
        callbacks: its functions: ``token_check`` and ``user_loader``.
        keys: the keys that its tokens are verified with.
        policy: the rules for the claims of its tokens.
        verifier: verifies its tokens, by the same keys and rules.
        clock: returns seconds since 1970-01-01T00:00:00Z.
        max_bytes: a longer token is refused unread.
        https: checks how the token came.

    Attributes:
        clock: as given. Tests replace it.
        user_ids: converts user IDs.
        https: as given.
    """

    def __init__(
        self,
        app: Flask,
        callbacks: Callbacks,
        *,
        keys: KeySet,
        policy: ClaimsPolicy,
        verifier: Verifier,
        clock: Clock,
        max_bytes: int,
        https: HttpsCheck,
    ) -> None:
        self.clock = clock
        self.user_ids = UserIDs(callbacks.user_id_type)
        self.https = https
        self._app = app
        self._callbacks = callbacks
        self._keys = keys
        self._policy = policy
        self._verifier = verifier
        self._max_bytes = max_bytes
        self._outages = OutageLog()
        self._undecided = Authentication(app)

    @property
    def has_user_loader(self) -> bool:
        """Whether the application has a ``user_loader``."""
        return self._callbacks.load_user is not None

    def authenticate(self, req: Request) -> Authentication:
        """Return the authentication of *req*. The credential is verified once per request, at the first call.

        Raises:
            SettingsError: ``token_check`` asks for the caller of the request that it is about to decide on.
        """
        found: Authentication | None = getattr(req, AUTHENTICATION, None)
        if found is None or found.app is not self._app:  # another application may have authenticated the request too
            return self.publish(req)
        if found is self._undecided:
            raise SettingsError(
                "token_check must not ask for the current caller, who is not known before token_check has returned: "
                "use the token that it is given"
            )
        return found

    def publish(self, req: Request) -> Authentication:
        """Authenticate *req*, set ``g.user_id``, ``g.scopes`` and ``g.token``, and return the authentication."""
        found: Authentication | None = getattr(req, AUTHENTICATION, None)
        if found is not None and found.app is self._app:
            found = self.authenticate(req)
        else:
            found = self._authenticate(req)
            setattr(req, AUTHENTICATION, found)
        token = found.token
        _set_on_g(found.user_id, _NO_SCOPES if token is None else token.scopes, token)
        return found

    def publish_early(self, req: Request) -> None:
        """Set the same on ``g`` before the preprocessors of the application run.

        If ``token_check`` or a function for user IDs takes part in the decision, the caller is anonymous at that
        time: these functions may need something that the preprocessors provide.
        """
        if self._callbacks.check_token is None and self.user_ids.have_a_type:
            self.publish(req)
        else:
            _set_on_g(None, _NO_SCOPES, None)

    def _authenticate(self, req: Request) -> Authentication:
        header: str | None = req.environ.get("HTTP_AUTHORIZATION")
        if header is None:
            return Authentication(self._app)
        try:
            if self.https.is_active and not req.is_secure:
                self._check_https(req, header)
            token = self.find_token(header)
            if token is None:
                return Authentication(self._app)
            if self._callbacks.check_token is None and self.user_ids.are_strings:
                return Authentication(self._app, token, token.subject)
            self._publish_anonymous(req, self._undecided)
            return Authentication(self._app, token, self.accept(token))
        except StoreUnavailable as error:
            self._outages.log(error)
            return Authentication(self._app, refusal=StoreOutage())
        except Refusal as refusal:
            # The frames of the traceback hold the token and this request: a reference cycle for each refusal.
            refusal.__traceback__ = refusal.__context__ = refusal.__cause__ = None
            return Authentication(self._app, refusal=refusal)
        except BaseException:
            self._publish_anonymous(req, Authentication(self._app, refusal=TokenRejected()))
            raise

    def find_token(self, header: str) -> Token | None:
        """Return the verified token in an ``Authorization`` header, or None if the header has another scheme.

        Raises:
            Refusal: the scheme is Bearer, and no good token follows.
        """
        text = find_token(header, max_bytes=self._max_bytes)
        if text is None:
            return None
        try:
            return self._verifier.verify(text, now=self.clock())
        except TokenExpired:
            raise  # the signature was good, so the header is well-formed
        except TokenError:
            check_credential(header)
            raise

    def accept(self, token: Token) -> Any:
        """Return the user ID of a verified token, if the application accepts the token.

        Raises:
            TokenError: the subject is no user ID, or ``token_check`` returned False.
        """
        user_id = self.user_ids.from_subject(token.subject)
        check = self._callbacks.check_token
        if check is not None and not self._app.ensure_sync(check)(token):
            raise TokenRejected
        return user_id

    def _publish_anonymous(self, req: Request, authentication: Authentication) -> None:
        """Let the caller be anonymous: while code of the application decides, and after an error in it."""
        setattr(req, AUTHENTICATION, authentication)
        _set_on_g(None, _NO_SCOPES, None)

    def verify(self, text: str) -> tuple[Token, Any]:
        """Return the verified token and its user ID.

        Args:
            text: untrusted.

        Raises:
            TokenError: the token is refused, by its signature, its claims or ``token_check``.
            StoreUnavailable: it is not known whether the token was revoked.
        """
        token = self._verifier.verify(text, now=self.clock())
        return token, self.accept(token)

    def verify_for(self, text: str, audience: frozenset[str]) -> Token:
        """Return the token of this issuer, whether it was revoked or not.

        Args:
            text: untrusted.
            audience: the token must be for one of these, whether or not it is for this application.

        Raises:
            TokenError: the token is refused.
        """
        return self._verify(text, replace(self._policy, audience=audience))

    def verify_issued(self, text: str) -> Token:
        """Return a token of this issuer that has not expired, so that it can be revoked.

        Its audience, its lifetime and the beginning of its validity (``iat``, ``nbf``) do not matter: another service,
        or this one at a later time, may accept it.

        Args:
            text: untrusted.

        Raises:
            TokenError: the signature is bad, a claim is malformed, or the token has expired.
        """
        return self._verify(text, replace(self._policy, audience=None, max_lifetime=None, may_start_later=True))

    def _verify(self, text: str, policy: ClaimsPolicy) -> Token:
        return Verifier(self._keys, policy, max_bytes=self._max_bytes).verify(text, now=self.clock())

    def _check_https(self, req: Request, header: str) -> None:
        """Check a request that did not come over HTTPS."""
        if find_token(header, max_bytes=self._max_bytes) is None:
            return
        check_credential(header)
        self._publish_anonymous(req, self._undecided)  # a log filter may ask for the caller
        self.https.check(req)

    def load_user(self, req: Request) -> Any:
        """Return the user of the request, or None if the caller is anonymous. The user is loaded once per request.

        Raises:
            UnknownUser: ``user_loader`` returned None.
            SettingsError: there is no ``user_loader``.
        """
        load = self._callbacks.load_user
        if load is None:
            raise SettingsError("no user_loader: decorate the function that loads users with @auth.user_loader")
        authentication = self.authenticate(req)
        if authentication.token is None:
            return None
        loaded: tuple[Authentication, Any] | None = getattr(req, _USER, None)
        if loaded is None or loaded[0] is not authentication:
            loaded = authentication, self._app.ensure_sync(load)(authentication.user_id)
            setattr(req, _USER, loaded)
        if loaded[1] is None:
            raise UnknownUser
        return loaded[1]


def _set_on_g(user_id: Any, scopes: frozenset[str], token: Token | None) -> None:
    context = _current_g()
    if type(context) is Flask.app_ctx_globals_class:
        values = context.__dict__  # faster than to set attributes, which this class does with a method in Python
        values["user_id"], values["scopes"], values["token"] = user_id, scopes, token
    else:
        context.user_id, context.scopes, context.token = user_id, scopes, token
