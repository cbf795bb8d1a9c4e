"""``TokenAuth``, the object that people hold."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

import click
from flask import Blueprint, Flask
from flask.sansio.blueprints import Blueprint as SansioBlueprint

from .application.app_state import AppState, current_state, list_states, state_of
from .application.setting_types import PREFIX
from .application.settings import Settings
from .authentication.authenticator import Callbacks
from .authentication.refusals import AuthError, answer
from .core.errors import SettingsError, StoreUnavailable
from .core.records.grant import Grant
from .core.records.session import Session
from .core.tokens.issuing import seconds_of
from .core.tokens.token import Token
from .guards.decorators import read_scopes
from .guards.marks import mark
from .guards.requirement import Requirement
from .lifecycle.revoke import end_session, end_user, find_current_session, revoke_token, revoke_token_id
from .users import UserLoader, current_user, get_user_id, require_token

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R", bound=Callable[[Session], Grant | None] | Callable[[Session], Awaitable[Grant | None]])
C = TypeVar("C", bound=Callable[[Token], bool] | Callable[[Token], Awaitable[bool]])

_log = logging.getLogger("flask_tokenauth")


class _Commands(click.Group):
    """``flask tokenauth``, whose commands are imported when somebody asks for them; a worker never does."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._load()
        return super().get_command(ctx, cmd_name)

    def _load(self) -> None:
        from .commands.group import COMMANDS  # noqa: PLC0415  # see above

        for command in COMMANDS:
            self.commands.setdefault(str(command.name), command)  # an application may have put its own here


class TokenAuth(Generic[T]):
    """Guards the routes of any number of Flask applications.

    Args:
        app: set up at once; else call :meth:`init_app`.
        user_id_type: makes ``g.user_id`` of the text in the token: ``int``, ``uuid.UUID``, any callable that raises
            ``ValueError`` for what is no user ID and whose results ``str()`` turns into the same text again.
    """

    @overload
    def __init__(self: "TokenAuth[str]", app: Flask | None = None) -> None: ...
    @overload
    def __init__(self, app: Flask | None = None, *, user_id_type: Callable[[str], T]) -> None: ...
    def __init__(self, app: Flask | None = None, *, user_id_type: Callable[[str], Any] = str) -> None:
        self._callbacks = Callbacks(user_id_type)  # shared by all apps; nothing of any one app lives here
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set up *app*: read its settings, verify each of its requests before anything else runs.

        Raises:
            SettingsError: a setting is wrong, or *app* is set up already.
        """
        if "tokenauth" in app.extensions:
            raise SettingsError("TokenAuth is already set up on this application")
        settings = Settings.from_config(app.config, app_name=app.name)
        if settings.names_itself and not (app.debug or app.testing):
            _log.warning(
                "%sISSUER is not set: the tokens of this application are issued by %r, after the name it was launched "
                "under; another application of that name with the same SECRET_KEY would believe them",
                PREFIX,
                settings.issuer,
            )
        if app.config.get(f"{PREFIX}STORE") == "memory://" and not (app.debug or app.testing):
            _log.warning(
                "%sSTORE is memory://: a second worker has a memory of its own, and believes what is revoked in this "
                "one; name a database",
                PREFIX,
            )
        state = AppState(app, settings, self._callbacks)
        app.extensions["tokenauth"] = state
        app.before_request_funcs.setdefault(None, []).insert(0, state.authenticate)
        app.url_value_preprocessors.setdefault(None, []).insert(0, state.prepare)
        app.template_context_processors[None].insert(0, lambda: {"current_user": current_user})
        app.cli.add_command(_Commands("tokenauth", help="See what protects this application, and try it."))
        handlers: dict[Any, Any] = app.error_handler_spec[None][None]
        handlers.setdefault(AuthError, answer)
        handlers.setdefault(StoreUnavailable, state.answer_outage)

    @overload
    def user_loader(self, load: Callable[[T], Awaitable[U | None]]) -> UserLoader[U]: ...
    @overload
    def user_loader(self, load: Callable[[T], U | None]) -> UserLoader[U]: ...
    def user_loader(self, load: Callable[[T], Any]) -> UserLoader[Any]:
        """Decorate the function that loads a user by ID, and get one that returns the user of the current request.

        It is called on first use, once a request; it may be a coroutine function. None means that the user is gone:
        401. With ``@login_required(load_user=True)`` it is called before the view, so that nobody passes who is gone.
        """
        self._callbacks.load_user = load
        return UserLoader(load)

    def token_check(self, check: C) -> C:
        """Decorate a function that sees each verified token and refuses it with False: 401 ``invalid_token``.

        For what scopes cannot say. It runs for each request with a token, so it should be quick.
        """
        self._callbacks.check_token = check
        return check

    def before_refresh(self, ask: R) -> R:
        """Decorate a function that is asked before each refresh, given the :class:`Session`.

        It returns the :class:`Grant` to go on with: ``session.grant``, or one made of it with
        ``dataclasses.replace(session.grant, scopes=(…), claims={…})``; None refuses, and the client has to sign in
        again. It may be a coroutine function. What it returns is not kept: the next time, the session's own is given.
        """
        self._callbacks.before_refresh = ask
        return ask

    @cached_property
    def endpoints(self) -> Blueprint:
        """The blueprint for clients: ``app.register_blueprint(auth.endpoints)``, under ``/auth`` unless told otherwise.

        ``POST /auth/refresh`` redeems a refresh token (RFC 6749 section 6), ``POST /auth/revoke`` ends its session, or
        an access token (RFC 7009), ``POST /auth/logout`` the session of an access token. ``GET /auth/sessions`` lists
        those of the user, and ``DELETE /auth/sessions/<id>`` ends one. ``POST /auth/introspect`` tells other services
        about a token (RFC 7662). They need ``TOKENAUTH_STORE``.
        """
        from .endpoints.blueprint import make_blueprint  # noqa: PLC0415  # an application without a store does without

        return make_blueprint()

    def list_sessions(self, user_id: T) -> list[Session]:
        """Return the live sessions of a user, the newest sign-in first; needs an application context.

        Raises:
            TypeError, ValueError: that is no user ID.
            SettingsError: ``TOKENAUTH_STORE`` is not set.
            StoreUnavailable: the store cannot be asked.
        """
        state = current_state()
        with state.asking():
            return state.store.list_sessions(state.judge.subject_of(user_id))

    def revoke_session(self, session_id: str | None = None) -> bool:
        """End a session, whoever's it is, and its access tokens with it: a logout.

        Args:
            session_id: of the session; None for the one that the token of the current request belongs to.

        Returns:
            Whether there was one to end.

        Raises:
            NotAuthenticated: the current one is meant, and the request has no token of a live session.
            TypeError: *session_id* is no text; a :class:`Session` has one.
            SettingsError: ``TOKENAUTH_STORE`` is not set, or ``TOKENAUTH_REVOCATION`` is "off".
            StoreUnavailable: the store cannot be asked.
        """
        state = current_state()
        state.remembered.check_revokes()
        if not isinstance(session_id, str | None):
            raise TypeError(f"a session's ID is a text, not {type(session_id).__name__}")
        with state.asking():
            return end_session(state, find_current_session(state).session_id if session_id is None else session_id)

    def revoke_user(self, user_id: T, *, api_keys: bool) -> None:
        """End every session of a user and refuse every token issued before: after a theft, or with a new password.

        Args:
            user_id: whose.
            api_keys: whether API keys of the user end as well; there are none yet, and the day there are you will have
                said what you want.

        Raises:
            TypeError, ValueError: that is no user ID.
            SettingsError: ``TOKENAUTH_STORE`` is not set, or ``TOKENAUTH_REVOCATION`` is "off".
            StoreUnavailable: the store cannot be asked.
        """
        if not isinstance(api_keys, bool):
            raise TypeError("api_keys is True or False")
        state = current_state()
        state.remembered.check_revokes()
        with state.asking():
            end_user(state, user_id)

    def revoke_token(self, token_id: str | None = None, *, expires_at: datetime | None = None) -> None:
        """Refuse one access token from now on: in this process at once, in others within the interval.

        Its session goes on, and so do the user's other tokens.

        Args:
            token_id: ``jti`` of the token; None for that of the current request.
            expires_at: by when the token has expired, aware; later is safe, earlier is not. None if you do not know:
                then it is remembered for as long as any token may live.

        Raises:
            NotAuthenticated: the current one is meant, and the request has no good token.
            TypeError: *token_id* is no text, or *expires_at* no ``datetime``.
            ValueError: *token_id* is no ID of a token, *expires_at* has no time zone, or belongs to no ID.
            SettingsError: ``TOKENAUTH_STORE`` is not set, or ``TOKENAUTH_REVOCATION`` is "off".
            StoreUnavailable: the store cannot be asked.
        """
        state = current_state()
        state.remembered.check_revokes()
        if not isinstance(token_id, str | None):
            raise TypeError(f"a token's ID is a text, its jti, not {type(token_id).__name__}")
        until = None if expires_at is None else seconds_of(expires_at, name="expires_at")
        if token_id is None and until is not None:
            raise ValueError("expires_at goes with a token_id: of the current token it is known")
        with state.asking():
            if token_id is None:
                revoke_token(state, require_token(state))
            else:
                revoke_token_id(state, token_id, until=until)

    def warm(self) -> None:
        """Hear what is revoked before the first request asks: in a worker that has just begun, or been forked.

        In each application that is set up, within a context of its own; it needs none. Where the store cannot be asked,
        the log says so, and requests will ask.

        Raises:
            SettingsError: something is set up wrongly; the other applications are warmed all the same.
        """
        mistake: SettingsError | None = None
        for state in list_states():
            if state.callbacks is self._callbacks and state.remembered.feed is not None:
                try:
                    with state.app.app_context(), suppress(StoreUnavailable):
                        state.remembered.feed.warm()
                except SettingsError as error:
                    mistake = mistake or error
        if mistake is not None:
            raise mistake

    @property
    def user_id(self) -> T:
        """The ID of the user of the current request, of the declared type.

        Raises:
            NotAuthenticated: the request is anonymous, or has a bad token.
        """
        user_id: T = get_user_id()
        return user_id

    def verify(self, text: str) -> Token:
        """Return the token that *text* is, for sockets, jobs and scripts; needs an application context.

        Raises:
            TokenError: it is refused; its ``reason`` says why.
            StoreUnavailable: there is a store, and it cannot be asked whether it was revoked.
        """
        return current_state().judge.verify(text)[0]

    def protect(self, blueprint: Blueprint, *scopes: str, any_of: Iterable[str] = ()) -> None:
        """Guard every view of *blueprint* and of the blueprints in it, registered already or not, under any name.

        An application that registers it after this, and is not set up, answers with a ``SettingsError``; Flask-RESTX
        under another name than the blueprint's own is out of reach of that.

        Args:
            blueprint: the object; each application that registers it guards it.
            scopes: scope tokens, all needed; with none, and no *any_of*, a login is enough.
            any_of: scope tokens of which one is needed besides.

        Raises:
            TypeError, ValueError: a scope is none, or *blueprint* is no blueprint.
        """
        requirement = read_scopes(scopes, any_of) if scopes or any_of else Requirement()
        if not isinstance(blueprint, SansioBlueprint):
            raise TypeError(f"a blueprint is protected, not {type(blueprint).__name__}")
        mark(blueprint, requirement)
        if _check_set_up not in blueprint.before_request_funcs[None]:
            blueprint.before_request_funcs[None].insert(0, _check_set_up)

    def check(self, app: Flask) -> None:
        """Refuse what can only be told once all routes are there; the first request asks the same.

        Raises:
            SettingsError: a guard names a scope that is not declared or a placeholder that its route does not have or
                that may match several segments, ``app.config`` was changed after ``init_app``, or *app* is not set up.
        """
        state_of(app).check()


def _check_set_up() -> None:
    """Let no request into a protected blueprint of an application that nothing guards."""
    current_state()
