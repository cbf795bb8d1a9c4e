"""Authenticate a request: its credential is verified once, and the result is kept on the request."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flask import Flask
from werkzeug.wrappers import Request

from ..core.errors import KeySetOutage, KeySetUnavailable, Refusal, SettingsError, StoreOutage, StoreUnavailable
from ..core.keys.key_set import KeySet
from ..core.token_errors import TokenError, TokenExpired, TokenRejected, UnknownUser
from ..core.tokens.audience import parse_audience
from ..core.tokens.claims import LONGEST_LEEWAY, ClaimsPolicy
from ..core.tokens.jws import LARGEST_LIMIT
from ..core.tokens.token import Token
from ..core.tokens.verifier import Verifier
from ..core.trusted_issuers.registry import TrustedIssuers
from ..core.trusted_issuers.trusted_token import TrustedToken
from ..signals import token_accepted
from .authentication import NOT_LOADED, Authentication
from .callbacks import Callbacks
from .calling import call_function
from .credentials import check_credential, find_token
from .https import HttpsCheck
from .on_g import NO_SCOPES, attributes_of_g, show_nobody
from .outage_log import OutageLog
from .reentry import CallerNotYetKnown
from .refusals import NotAuthenticated
from .trusted_users import find_user_id
from .user_ids import UserIDs
from .user_loading import UserLoading

Clock = Callable[[], float]  # seconds since 1970-01-01T00:00:00Z

AUTHENTICATION = "_tokenauth_authentication"  # attribute of the request: views do not overwrite it by accident, as on g
_OF_APPLICATIONS = "_tokenauth_of_applications"  # only if several applications authenticate one request
_MOST_AUDIENCES = 8  # with a verifier of their own, which remembers tokens

_ASKED_TOO_EARLY = (
    "a token is refused: code that is called while the token is checked asked for the caller, and did not catch "
    "NotAuthenticated. Let token_check and user_id_type use the argument that they are given"
)

_log = logging.getLogger("flask_tokenauth")


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
        look_at_keys: called at the start of each request: the keys may have to be exchanged. None: they do not change.
        look_for_keys: as for ``Verifier``.

    Attributes:
        clock: as given. Tests replace it.
        user_ids: converts user IDs.
        https: as given.
        trusted: the issuers whose tokens are accepted besides our own, or None.
        asks_about_issuers: whether functions of the application decide about the tokens of these issuers.
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
        look_at_keys: Callable[[], None] | None = None,
        look_for_keys: Callable[[int], bool] | None = None,
    ) -> None:
        self._look_at_keys, self._look_for_keys = look_at_keys, look_for_keys
        self.clock = clock
        self.user_ids = UserIDs(callbacks.user_id_type)
        self.https = https
        self.trusted: TrustedIssuers | None = None
        self.asks_about_issuers = False
        self._app = app
        self._callbacks = callbacks
        self._keys = keys
        self._policy = policy
        self._verifier = verifier
        self._verifier_for = lru_cache(maxsize=_MOST_AUDIENCES)(verifier.for_audience)
        self._max_bytes = max_bytes
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

        If ``token_check``, a function for user IDs or one about trusted issuers takes part in the decision, the caller
        is anonymous at that time: these functions may need something that the preprocessors provide.
        """
        if self._callbacks.check_token is None and self.user_ids.have_a_type and not self.asks_about_issuers:
            self.publish(req)
        else:
            show_nobody()

    def _authenticate(self, req: Request) -> Authentication:
        if self._look_at_keys is not None:
            self._look_at_keys()
        environ = req.environ
        if "HTTP_AUTHORIZATION" not in environ:
            return Authentication(self._app)
        header: str = environ["HTTP_AUTHORIZATION"]
        setattr(req, AUTHENTICATION, self._undecided)
        refusal: Refusal
        try:
            text = find_token(header, max_bytes=self._max_bytes)
            if text is None:
                return Authentication(self._app)
            if self.https.is_active and not req.is_secure and not self.https.allows_plain(req):
                check_credential(header)
                self.https.check(req)
            token = self._verify_credential(text, header)
            if self._callbacks.check_token is None and self.user_ids.are_strings and type(token) is Token:
                return Authentication(self._app, token, token.subject)
            return Authentication(self._app, token, self.accept(token))
        except KeySetUnavailable:  # it was logged where it was met
            refusal = KeySetOutage()
        except StoreUnavailable as error:
            self._outages.log(error)
            refusal = StoreOutage()
        except Refusal as error:
            refusal = error
        except NotAuthenticated as error:
            if not isinstance(error.error, CallerNotYetKnown):
                raise
            _log.error(_ASKED_TOO_EARLY)
            refusal = TokenRejected()
        # The frames of the traceback hold the token and this request: a reference cycle for each refusal.
        refusal.__traceback__ = refusal.__context__ = refusal.__cause__ = None
        return Authentication(self._app, refusal=refusal)

    def find_token(self, header: str) -> Token | None:
        """Return the verified token in an ``Authorization`` header, or None if the header has another scheme.

        Raises:
            Refusal: the scheme is Bearer, and no good token follows.
        """
        text = find_token(header, max_bytes=self._max_bytes)
        return None if text is None else self._verify_credential(text, header)

    def _verify_credential(self, text: str, header: str) -> Token:
        """Return the verified token in *text*, which was found in *header*."""
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
            TokenError: the subject is no user ID, ``token_check`` returned False, or the token of a trusted issuer was
                revoked or has no user here.
        """
        if isinstance(token, TrustedToken):
            user_id = find_user_id(self._app, token, self.trusted, self.user_ids)
        else:
            user_id = self.user_ids.from_subject(token.subject)
        check = self._callbacks.check_token
        if check is not None and not call_function(self._app, "token_check", check, token):
            raise TokenRejected
        return user_id

    def verify(self, text: str, audience: str | Iterable[str] | None = None) -> tuple[Token, Any]:
        """Return the verified token and its user ID.

        Args:
            text: untrusted.
            audience: the token must be for one of these; None for the audience of this application.

        Raises:
            TypeError: *audience* is neither one string nor several.
            ValueError: *audience* is empty, or has an empty string.
            TokenError: the token is refused, by its signature, its claims or ``token_check``.
            StoreUnavailable: it is not known whether the token was revoked.
        """
        self._look_at_file()
        verifier = self._verifier
        if audience is not None:
            names = parse_audience(audience)
            if not names or "" in names:
                raise ValueError("audience must have at least one string, and none that is empty")
            verifier = self._verifier_for(names)
        token = verifier.verify(text, now=self.clock())
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
        """Return a token of this issuer that a server may still accept, so that it can be revoked.

        Its audience, its length, its lifetime and the beginning of its validity (``iat``, ``nbf``) do not matter:
        another service, or this one at a later time, may accept it. The clock of another server may be behind by its
        own leeway.

        Args:
            text: untrusted.

        Raises:
            TokenError: the signature is bad, a claim is malformed, or the token has expired for every server.
        """
        leeway = 2 * LONGEST_LEEWAY
        policy = replace(self._policy, audience=None, max_lifetime=None, may_start_later=True, leeway=leeway)
        return self._verify(text, policy, max_bytes=LARGEST_LIMIT)

    def _look_at_file(self) -> None:
        """Let keys that have changed be exchanged, where no request has done it."""
        if self._look_at_keys is not None:
            self._look_at_keys()

    def _verify(self, text: str, policy: ClaimsPolicy, *, max_bytes: int | None = None) -> Token:
        self._look_at_file()
        verifier = Verifier(
            self._keys, policy, max_bytes=max_bytes or self._max_bytes, look_for_keys=self._look_for_keys
        )
        return verifier.verify(text, now=self.clock())

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
