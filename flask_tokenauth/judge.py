"""What becomes of one request's credential: judged once, by one application, with what that application adds."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from flask import Flask, g
from werkzeug.wrappers import Request

from .core.errors import InsecureTransport, Refusal, SettingsError, TokenRejected, UnknownUser, WrongUserID
from .core.verifier import Token, Verifier
from .credentials import find_token
from .settings import Settings

_log = logging.getLogger("flask_tokenauth")
_JUDGED = "_tokenauth_judged"  # on the request object, where no view looks for something to overwrite
_USER = "_tokenauth_user"


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
_BEING_JUDGED = Judged()


class Judge:
    """Judges the credentials of requests to one application.

    Args:
        app: the application.
        settings: what its configuration says.
        callbacks: what the application adds.
        verifier: of its tokens.
        now: the application's clock, seconds since 1970-01-01T00:00:00Z.
    """

    def __init__(
        self, app: Flask, settings: Settings, callbacks: Callbacks, *, verifier: Verifier, now: Callable[[], float]
    ) -> None:
        self._app = app
        self._settings = settings
        self._callbacks = callbacks
        self._verifier = verifier
        self._now = now
        self._warned = False

    @property
    def has_user_loader(self) -> bool:
        """Whether the application said how users are loaded."""
        return self._callbacks.load_user is not None

    def of(self, req: Request) -> Judged:
        """Return what became of the request's credential; judged once a request, whoever asks first."""
        known: tuple[Judge, Judged] | None = getattr(req, _JUDGED, None)
        if known is None or known[0] is not self:  # another application's verdict is not ours
            setattr(req, _JUDGED, (self, _BEING_JUDGED))
            show(_ANONYMOUS)  # nobody, should the application's own check fail
            known = self, Judged(refusal=TokenRejected())
            try:
                known = self, self._judge(req)
            finally:
                setattr(req, _JUDGED, known)
            show(known[1])
        if known[1] is _BEING_JUDGED:
            raise SettingsError(
                "token_check asks who is calling, which is not known before it: use the token it is given"
            )
        return known[1]

    def _judge(self, req: Request) -> Judged:
        try:
            text = find_token(req.environ.get("HTTP_AUTHORIZATION"), max_bytes=self._settings.max_token_bytes)
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
        token = self._verifier.verify(text, now=self._now())
        user_id = self._convert(token.subject)
        check = self._callbacks.check_token
        if check is not None and not self._app.ensure_sync(check)(token):
            raise TokenRejected
        return token, user_id

    def _check_transport(self, req: Request) -> None:
        """Do what ``TOKENAUTH_ENFORCE_HTTPS`` says about a token that came over plain HTTP."""
        if self._settings.enforce_https == "refuse":
            raise InsecureTransport
        if self._settings.enforce_https == "warn" and not self._warned and not _is_loopback(req.remote_addr):
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
            self._convert(subject)
        except WrongUserID as error:
            raise ValueError("user_id does not survive its conversion to text and back by user_id_type") from error
        return subject


def _is_loopback(address: str | None) -> bool:
    """Tell whether a request came from this machine; a local socket has no address, or an empty one."""
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False


def show(judged: Judged) -> None:
    """Put what views expect on ``g``."""
    scopes = frozenset() if judged.token is None else judged.token.scopes
    g.user_id, g.scopes, g.token = judged.user_id, scopes, judged.token
