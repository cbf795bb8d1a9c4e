"""Authenticate a request: its credential is verified once, and the result is kept on the request."""

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from ..core.cookie_errors import CookieOfOtherKind, CookieRepeated, CrossSite
from ..core.errors import (
    ApiKeyNotAccepted,
    KeySetOutage,
    KeySetUnavailable,
    Refusal,
    SettingsError,
    StoreOutage,
    StoreUnavailable,
)
from ..core.opaque.looked_up_tokens import ApiKeyToken, LookedUpToken
from ..core.token_errors import TokenError, TokenRejected
from ..core.tokens.token import Token
from ..core.trusted_issuers.trusted_token import TrustedToken
from ..core.user_errors import UnknownUser
from ..signals import token_accepted
from .accepted_tokens import AcceptedTokens
from .authentication import NOT_LOADED, Authentication
from .callbacks import Callbacks
from .cookies import TokenCookies
from .credentials import (
    check_credential,
    check_key_header,
    find_token,
    is_bearer,
    judge_refused_token,
    lacks_scheme,
)
from .csrf import may_change
from .https import HttpsCheck
from .on_g import NO_SCOPES, attributes_of_g, show_nobody
from .outage_log import OutageLog
from .reentry import CallerNotYetKnown
from .refusals import NotAuthenticated
from .user_loading import UserLoading

AUTHENTICATION = "_tokenauth_authentication"  # attribute of the request: views do not overwrite it by accident, as on g
_OF_APPLICATIONS = "_tokenauth_of_applications"  # only if several applications authenticate one request

_ASKED_TOO_EARLY = (
    "a token is refused: code that is called while the token is checked asked for the caller, and did not catch "
    "NotAuthenticated. Let token_check and user_id_type use the argument that they are given"
)

# About tokens of these types, only ``token_check`` and ``user_id_type`` are asked.
_UNQUESTIONED = (Token, LookedUpToken)

_CLIENT_ERRORS = range(400, 500)  # statuses

_log = logging.getLogger("flask_tokenauth")


class Authenticator(AcceptedTokens):
    """Authenticates the requests of one application.

    Args:
        app: the application.
        callbacks: its functions.
        https: checks how the token came.
        api_key_header: the header for API keys, as the WSGI environment names it; None: there is none.
        cookies: the cookies of the application; None: there are none.
        options: the further arguments of :class:`AcceptedTokens`.

    Attributes:
        https: as given.
        cookies: as given.
        delete_access_cookie: lets the answer to a request delete the cookie of the access token, which was refused. It
            gets the environment of the request. It does nothing until it is set.
        settle_api_key: lets the API key of a request count if the guards of its route accept API keys. The guards set
            it. It gets the request and its authentication.
        settle_ticket: lets the ticket of a request without a credential count, and enforces the guards of its route, if
            these accept tickets. The guards set it. It gets the request and its authentication.
    """

    def __init__(
        self,
        app: Flask,
        callbacks: Callbacks,
        *,
        https: HttpsCheck,
        api_key_header: str | None = None,
        cookies: TokenCookies | None = None,
        **options: Any,
    ) -> None:
        super().__init__(app, callbacks, **options)
        self.https = https
        self.cookies = cookies
        self.delete_access_cookie: Callable[[Any], None] = lambda _: None
        self.settle_api_key: Callable[[Any, Authentication], None] = lambda *_: None
        self.settle_ticket: Callable[[Any, Authentication], None] = lambda *_: None
        self._api_key_header = api_key_header
        self._outages = OutageLog()
        self._undecided = Authentication(app, refusal=CallerNotYetKnown())  # stands on requests, and is never returned
        self._user_loading = UserLoading(app)

    @property
    def has_user_loader(self) -> bool:
        """Whether the application has a ``user_loader``."""
        return self._callbacks.load_user is not None

    def authenticate(self, req: Request) -> Authentication:
        """Return the authentication of *req*. The credential is verified once per request, at the first call.

        Meanwhile the request is anonymous: for ``token_check``, log filters and other code that is called on the way.
        """
        found: Authentication | None = getattr(req, AUTHENTICATION, None)
        if found is None or found.app is not self._app:  # another application may have authenticated the request too
            return self.publish(req)
        if found.cookie_method is not None and found.cookie_method != req.method:
            self._judge_method_again(req, found)
        return self._not_yet() if found is self._undecided else found

    def _not_yet(self) -> Authentication:
        """Return a new authentication for a question that comes too early. Guards may note something on it."""
        return Authentication(self._app, refusal=self._undecided.refusal)

    def publish(self, req: Request) -> Authentication:
        """Authenticate *req*, set ``g.user_id``, ``g.scopes`` and ``g.token``, and return the authentication.

        The first time that the token of a request is accepted, the signal ``token_accepted`` is sent.
        """
        shown = attributes_of_g()
        earlier: Authentication | None = getattr(req, AUTHENTICATION, None)
        if earlier is not None:
            found = earlier if earlier.app is self._app else self._find_beside(req, earlier)
            if found is self._undecided:
                found = self._not_yet()
            if found is not None:
                if found.cookie_method is not None and found.cookie_method != req.method:
                    self._judge_method_again(req, found)
                token = found.token
                shown["user_id"], shown["token"] = found.user_id, token
                shown["scopes"] = NO_SCOPES if token is None else token.scopes
                return found
        # Code of the application may be called on the way.
        shown["user_id"], shown["scopes"], shown["token"] = None, NO_SCOPES, None
        try:
            found = self._authenticate(req)
        except BaseException:
            setattr(req, AUTHENTICATION, Authentication(self._app, refusal=TokenRejected()))
            show_nobody()
            raise
        setattr(req, AUTHENTICATION, found)
        if earlier is not None:
            req.__dict__[_OF_APPLICATIONS][self._app] = found
        token = found.token
        if token is not None:
            shown["user_id"], shown["scopes"], shown["token"] = found.user_id, token.scopes, token
            if token_accepted.receivers:
                token_accepted.send(self._app, user_id=found.user_id, scopes=token.scopes)
        elif found.refusal is not None:
            show_nobody()  # token_check may have set something
            if found.api_key is not None:
                self.settle_api_key(req, found)
        return found

    def _find_beside(self, req: Request, other: Authentication) -> Authentication | None:
        """Return the authentication of *req* by this application. The last one, *other*, is by another application."""
        of_applications: dict[Flask, Authentication] = req.__dict__.setdefault(_OF_APPLICATIONS, {})
        of_applications[other.app] = other
        found = of_applications.get(self._app)
        setattr(req, AUTHENTICATION, found)
        return found

    def publish_early(self, req: Request) -> None:
        """Set the same on ``g`` before the preprocessors of the application run.

        If ``token_check``, ``api_key_check``, a function for user IDs or one about trusted issuers takes part in the
        decision, the caller is anonymous at that time: these functions may need something that the preprocessors
        provide.
        """
        callbacks = self._callbacks
        asks = callbacks.check_token is not None or callbacks.check_api_key is not None or self.asks_about_issuers
        if self.user_ids.have_a_type and not asks:
            self.publish(req)
        else:
            show_nobody()

    def _accept(self, token: Token, text: str | None) -> Authentication:
        """Return the authentication of a request with a verified token, if the application accepts the token.

        Args:
            token: the token.
            text: the token as it came; None for the header for API keys.
        """
        token, user_id = self.accept(token)
        if not isinstance(token, ApiKeyToken):
            return Authentication(self._app, token, user_id, text)
        self._note_use(token.api_key.id)
        return Authentication(self._app, refusal=ApiKeyNotAccepted(), api_key=(token, user_id))

    def _verify_key_header(self, req: Request, key: str, header: str | None) -> Token:
        """Return the verified token of a request with the header for API keys.

        Args:
            req: the request.
            key: the header for API keys.
            header: the ``Authorization`` header, or None.
        """
        check_key_header(key, header)
        self.https.check(req)
        return self.find_api_key(key)

    def _authenticate(self, req: Request) -> Authentication:
        if self._look_at_keys is not None:
            self._look_at_keys()
        environ = req.environ
        # get() would be a call more for each request.
        header: str | None = environ["HTTP_AUTHORIZATION"] if "HTTP_AUTHORIZATION" in environ else None  # noqa: SIM401
        key: str = environ[self._api_key_header] if self._api_key_header in environ else ""  # noqa: SIM401
        if header is None and not key:
            return Authentication(self._app) if self.cookies is None else self._authenticate_cookie(req, header)
        setattr(req, AUTHENTICATION, self._undecided)
        text: str | None = None
        try:
            if key:
                token = self._verify_key_header(req, key, header)
            else:
                text = find_token(header, max_bytes=self._max_bytes)
                if header is None or text is None:
                    return self._authenticate_cookie(req, header)
                if self.https.is_active and not req.is_secure and not self.https.allows_plain(req):
                    check_credential(header)
                    self.https.check(req)
                find_or_verify, clock = self._find_or_verify, self.clock
                token = find_or_verify(text, now=clock())
            if self._callbacks.check_token is None and self.user_ids.are_strings and type(token) in _UNQUESTIONED:
                return Authentication(self._app, token, token.subject, text)
            return self._accept(token, text)
        except (Refusal, StoreUnavailable, NotAuthenticated) as error:
            if text is not None and header is not None and isinstance(error, TokenError):
                error = judge_refused_token(error, header)
            return Authentication(self._app, refusal=self.refusal_for(error))

    def _authenticate_cookie(self, req: Request, header: str | None) -> Authentication:
        """Return the authentication of a request without a credential in a header: its access token is in a cookie.

        Args:
            req: the request.
            header: the ``Authorization`` header, which has another scheme, or None.
        """
        setattr(req, AUTHENTICATION, self._undecided)
        try:
            text = None if self.cookies is None else self.cookies.find_access_token(req, header)
            if text is None:
                return Authentication(self._app)
            if self.https.is_active and not req.is_secure:
                self.https.check(req)
            token = self._find_or_verify(text, now=self.clock())
            if self._callbacks.check_token is None and self.user_ids.are_strings and type(token) in _UNQUESTIONED:
                return Authentication(self._app, token, token.subject, text, cookie_method=req.method)
            if isinstance(token, (ApiKeyToken, TrustedToken)):
                raise CookieOfOtherKind
            token, user_id = self.accept(token)
            return Authentication(self._app, token, user_id, text, cookie_method=req.method)
        except (Refusal, StoreUnavailable, HTTPException) as error:
            if isinstance(error, HTTPException) and error.code in _CLIENT_ERRORS:
                self.delete_access_cookie(req.environ)  # else the user could not log in, or out
            if isinstance(error, CookieRepeated):  # open views refuse nothing, so nothing else would log it
                _log.warning("%s", error)
            found = Authentication(self._app, refusal=self.refusal_for(error), cookie_method=req.method)
        if found.has_bad_cookie:
            self.delete_access_cookie(req.environ)
        return found

    def refusal_for(self, error: Refusal | StoreUnavailable | HTTPException) -> Refusal:
        """Return the refusal of a request whose credential was not accepted, after an outage was logged.

        Raises:
            HTTPException: a function of the application has raised it.
        """
        refusal: Refusal
        if isinstance(error, KeySetUnavailable):  # it was logged where it was met
            refusal = KeySetOutage()
        elif isinstance(error, StoreUnavailable):
            self._outages.log(error)
            refusal = StoreOutage()
        elif isinstance(error, Refusal):
            refusal = error
        elif isinstance(error, NotAuthenticated) and isinstance(error.error, CallerNotYetKnown):
            _log.error(_ASKED_TOO_EARLY)
            refusal = TokenRejected()
        else:
            raise error
        # The frames of the traceback hold the token and this request: a reference cycle for each refusal.
        refusal.__traceback__ = refusal.__context__ = refusal.__cause__ = None
        return refusal

    def has_header_credential(self, req: Request) -> bool:
        """Return whether a header of *req* has a bearer token or an API key, good or bad. It hides the cookies."""
        environ = req.environ
        header = environ.get("HTTP_AUTHORIZATION")
        has_key = self._api_key_header is not None and bool(environ.get(self._api_key_header))
        return has_key or (header is not None and (is_bearer(header) or lacks_scheme(header)))

    def forget_early_judgement(self, req: Request) -> None:
        """Forget that a cookie does not count, if code asked for the caller before Flask began to dispatch *req*.

        At that time a link could not be told from the handshake of a socket.
        """
        found: Authentication | None = getattr(req, AUTHENTICATION, None)
        if found is not None and isinstance(found.refusal, CrossSite):
            delattr(req, AUTHENTICATION)

    def _judge_method_again(self, req: Request, authentication: Authentication) -> None:
        """Let a cookie count for nothing if code has changed the method of *req*, which other pages may not use.

        Args:
            req: the request.
            authentication: of the request, whose token came in a cookie.
        """
        authentication.cookie_method = req.method
        if self.cookies is not None and may_change(req) and not self.cookies.origins.allows(req):
            authentication.token = authentication.user_id = authentication.text = None
            authentication.refusal = CrossSite()
            authentication.satisfied = ()
            show_nobody()

    def load_user(self, req: Request) -> Any:
        """Return the user of the request, or None if the caller is anonymous. The user is loaded once per request.

        If ``user_loader`` raises an error, it is called again the next time.

        Raises:
            UnknownUser: ``user_loader`` returned None, or asked for the user that it had to load.
            CallerNotYetKnown: ``user_loader``, or code that it called, asks for the user that is being loaded.
            LoaderCannotRun: ``user_loader`` is a coroutine function, and another coroutine is running.
            SettingsError: there is no ``user_loader``.
        """
        load = self._callbacks.load_user
        if load is None:
            raise SettingsError("no user_loader: decorate the function that loads users with @auth.user_loader")
        authentication = self.authenticate(req)
        if authentication.token is None:
            return None
        if authentication.user is NOT_LOADED:
            authentication.user = self._user_loading.load(load, authentication.user_id, request=authentication)
        if authentication.user is None:
            raise UnknownUser
        return authentication.user
