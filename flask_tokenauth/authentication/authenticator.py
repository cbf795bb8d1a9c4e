"""What becomes of one request's credential: judged once, by one application, with what that application adds."""

import logging
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import msgspec
from flask import Flask, g
from flask.ctx import _AppCtxGlobals
from werkzeug.wrappers import Request, Response

from ..application.settings import Settings
from ..core.errors import (
    InsecureTransport,
    IssuedInFuture,
    Refusal,
    SettingsError,
    StoreOutage,
    StoreUnavailable,
    TokenError,
    TokenExpired,
    TokenNotYetValid,
    TokenRejected,
    UnknownUser,
    WrongUserID,
)
from ..core.records.session import Session
from ..core.tokens.claims import ClaimsPolicy
from ..core.tokens.token import Token
from ..core.tokens.verifier import Verifier
from ..guards.requirement import Requirement
from .credentials import check_credential, find_token
from .outage_log import OutageLog

Clock = Callable[[], float]  # seconds since 1970-01-01T00:00:00Z

_log = logging.getLogger("flask_tokenauth")
JUDGED = "_tokenauth_judged"  # on the request object, where no view looks for something to overwrite
_USER = "_tokenauth_user"
_NO_SCOPES = frozenset[str]()

_current_g: Callable[[], Any] = g._get_current_object  # once, not for each attribute


class Callbacks(msgspec.Struct):
    """Functions of the application that ``TokenAuth`` was given, shared by all its applications."""

    user_id_type: Callable[[str], Any] = str
    load_user: Callable[[Any], Any] | None = None
    check_token: Callable[[Token], Any] | None = None
    before_refresh: Callable[[Session], Any] | None = None


class Judged(msgspec.Struct):
    """What became of one request's credential: a token with its user, a refusal, or neither where there was none."""

    app: Flask  # whose verdict it is
    token: Token | None = None
    user_id: Any = None
    refusal: Refusal | None = None
    met: tuple[Requirement, ...] = ()  # what the hook has found to be met
    owed: frozenset[Requirement] = frozenset()  # what it has left to guards within the view, until these are met
    refused: bool = False  # by such a guard

    def keeps_back(self, answer: Response) -> bool:
        """Say whether an *answer* was given without a guard that should have been asked, and is no refusal of one."""
        return bool(self.owed) and not (self.refused and answer.status_code >= HTTPStatus.BAD_REQUEST)


class Judge:
    """Judges the credentials of requests to one application.

    Args:
        app: the application.
        settings: what its configuration says.
        callbacks: what the application adds.
        policy: what claims must say.
        verifier: of its tokens, by this policy.
        clock: tells seconds since 1970-01-01T00:00:00Z.
    """

    def __init__(
        self,
        app: Flask,
        settings: Settings,
        callbacks: Callbacks,
        *,
        policy: ClaimsPolicy,
        verifier: Verifier,
        clock: Clock,
    ) -> None:
        self.clock = clock
        self._app = app
        self._settings = settings
        self._callbacks = callbacks
        self._policy = policy
        self._verifier = verifier
        self._outages = OutageLog()
        self._undecided = Judged(app)
        self._minds_transport = settings.enforce_https != "off"

    @property
    def has_user_loader(self) -> bool:
        """Whether the application said how users are loaded."""
        return self._callbacks.load_user is not None

    def of(self, req: Request) -> Judged:
        """Return what became of the request's credential; judged once a request, whoever asks first."""
        judged: Judged | None = getattr(req, JUDGED, None)
        if judged is None or judged.app is not self._app:  # another application's verdict is not ours
            return self.show(req)
        if judged is self._undecided:
            raise SettingsError(
                "token_check asks who is calling, which is not known before it: use the token it is given"
            )
        return judged

    def show(self, req: Request) -> Judged:
        """Put on ``g`` what became of the request's credential, judged now or before, and return it."""
        judged: Judged | None = getattr(req, JUDGED, None)
        if judged is not None and judged.app is self._app:
            judged = self.of(req)
        else:
            judged = self._judge(req)
            setattr(req, JUDGED, judged)
        token = judged.token
        _show(judged.user_id, _NO_SCOPES if token is None else token.scopes, token)
        return judged

    def show_early(self, req: Request) -> None:
        """Put the same on ``g`` before the application's preprocessors run; nobody, if it has a say in the verdict.

        What its ``token_check``, or a function that makes user IDs, needs may be what they are there for.
        """
        if self._callbacks.check_token is None and isinstance(self._callbacks.user_id_type, type):
            self.show(req)
        else:
            _show(None, _NO_SCOPES, None)

    def _judge(self, req: Request) -> Judged:
        header: str | None = req.environ.get("HTTP_AUTHORIZATION")
        if header is None:
            return Judged(self._app)
        try:
            if self._minds_transport and not req.is_secure:
                self._check_transport(req, header)
            token = self.find_token(header)
            if token is None:
                return Judged(self._app)
            if self._callbacks.check_token is None and self._callbacks.user_id_type is str:
                return Judged(self._app, token, token.subject)
            self._show_nobody(req, self._undecided)
            return Judged(self._app, token, self.accept(token))
        except StoreUnavailable as error:
            self._outages.tell(error)
            return Judged(self._app, refusal=StoreOutage())
        except Refusal as refusal:
            # Its frames hold the token, and this very request: a cycle for the garbage collector with each refusal.
            refusal.__traceback__ = refusal.__context__ = refusal.__cause__ = None
            return Judged(self._app, refusal=refusal)
        except BaseException:
            self._show_nobody(req, Judged(self._app, refusal=TokenRejected()))
            raise

    def find_token(self, header: str) -> Token | None:
        """Return the verified token of an ``Authorization`` header; None if there is another scheme in it.

        Raises:
            Refusal: there is something else than a good token.
        """
        text = find_token(header, max_bytes=self._settings.max_token_bytes)
        if text is None:
            return None
        try:
            return self._verifier.verify(text, now=self.clock())
        except TokenExpired:
            raise  # of a token that was signed, so it is well-formed
        except TokenError:
            check_credential(header)
            raise

    def accept(self, token: Token) -> Any:
        """Return the ID of the user whose token it is.

        Raises:
            TokenError: the application refuses this token.
        """
        user_id = self.user_id_of(token.subject)
        check = self._callbacks.check_token
        if check is not None and not self._app.ensure_sync(check)(token):
            raise TokenRejected
        return user_id

    def _show_nobody(self, req: Request, judged: Judged) -> None:
        """Leave it at nobody, while the application's own code decides, and where anything fails."""
        setattr(req, JUDGED, judged)
        _show(None, _NO_SCOPES, None)

    def verify(self, text: str) -> tuple[Token, Any]:
        """Return the token that *text* is, and the ID of its user.

        Raises:
            TokenError: it is refused, by the application's ``token_check`` at last.
        """
        token = self._verifier.verify(text, now=self.clock())
        return token, self.accept(token)

    def verify_for(self, text: str, audience: frozenset[str]) -> Token:
        """Return the token of ours that *text* is, good at this time, whatever became of it since it was issued.

        Args:
            text: untrusted.
            audience: for one of these it has to be; it may be for this application or not.

        Raises:
            TokenError: it is none.
        """
        return self._verify(text, replace(self._policy, audience=audience), self.clock())

    def verify_signed(self, text: str) -> Token:
        """Return the token of ours that *text* is, which somebody else may believe, or we at another time.

        For whomever it is, however long it lives, and if it is good only later; but not if it has expired.

        Args:
            text: untrusted.

        Raises:
            TokenError: it is none.
        """
        policy, now = replace(self._policy, audience=None, max_lifetime=None), self.clock()
        for _ in ("iat", "nbf"):
            try:
                return self._verify(text, policy, now)
            except IssuedInFuture as early:
                now = early.issued_at
            except TokenNotYetValid as early:
                now = early.not_before
        return self._verify(text, policy, now)

    def _verify(self, text: str, policy: ClaimsPolicy, now: float) -> Token:
        return Verifier(self._settings.keys, policy, max_bytes=self._settings.max_token_bytes).verify(text, now=now)

    def _check_transport(self, req: Request, header: str) -> None:
        """Do what ``TOKENAUTH_ENFORCE_HTTPS`` says about a token that came over plain HTTP."""
        if find_token(header, max_bytes=self._settings.max_token_bytes) is None:
            return
        check_credential(header)
        self._show_nobody(req, self._undecided)  # to whoever reads the log
        self.check_transport(req)

    def check_transport(self, req: Request) -> None:
        """Do the same about any token, in the header or in the body.

        Raises:
            InsecureTransport: it is refused.
        """
        if not self._minds_transport or req.is_secure:
            return
        if self._settings.enforce_https == "refuse":
            raise InsecureTransport
        if not _is_loopback(req.remote_addr):
            self._minds_transport = False  # once is enough
            _log.warning(
                "a token came over plain HTTP: serve over HTTPS, and behind a proxy use werkzeug's ProxyFix, so that "
                'this application sees it; TOKENAUTH_ENFORCE_HTTPS says "refuse" or "off" to hear no more of it'
            )

    def user_id_of(self, subject: str) -> Any:
        """Return the user ID that the text ``sub`` stands for.

        Raises:
            WrongUserID: it stands for none, or for one that another text stands for: ``int("4_2")`` is 42 as well.
        """
        try:
            user_id = self._callbacks.user_id_type(subject)
        except (ValueError, ArithmeticError) as error:
            raise WrongUserID from error
        if str(user_id) != subject:
            raise WrongUserID
        return user_id

    def load_user(self, req: Request) -> Any:
        """Return the user of the request, loaded once; None for the anonymous.

        Raises:
            UnknownUser: the application's loader knows no such user.
            SettingsError: there is no loader.
        """
        load = self._callbacks.load_user
        if load is None:
            raise SettingsError("no user_loader: decorate the function that loads users with @auth.user_loader")
        judged = self.of(req)
        if judged.token is None:
            return None
        known: tuple[Judged, Any] | None = getattr(req, _USER, None)
        if known is None or known[0] is not judged:
            known = judged, self._app.ensure_sync(load)(judged.user_id)
            setattr(req, _USER, known)
        if known[1] is None:
            raise UnknownUser
        return known[1]

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
            self.user_id_of(subject)
        except WrongUserID as error:
            name = getattr(convert, "__qualname__", type(convert).__qualname__)
            raise ValueError(
                f"user_id does not survive its conversion to text and back by user_id_type, which is {name}"
            ) from error
        return subject


def _is_loopback(address: str | None) -> bool:
    """Tell whether a request came from this machine; a local socket has no address, or an empty one."""
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False


def _show(user_id: Any, scopes: frozenset[str], token: Token | None) -> None:
    """Put what views expect on ``g``."""
    shown = _current_g()
    if type(shown) is _AppCtxGlobals:
        fields = shown.__dict__  # where it keeps what is set on it, one by one, and slowly
        fields["user_id"], fields["scopes"], fields["token"] = user_id, scopes, token
    else:
        shown.user_id, shown.scopes, shown.token = user_id, scopes, token
