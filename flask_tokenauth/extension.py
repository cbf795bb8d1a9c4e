"""``TokenAuth``, the object that an application holds."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar, overload
from uuid import UUID

from flask import Blueprint, Response
from flask.app import Flask  # not from flask, where another package may have put a subclass
from flask.sansio.blueprints import Blueprint as SansioBlueprint

from .application.app_state import AppState, current_state, state_of
from .application.default_warnings import warn_of_defaults
from .application.error_handlers import RefusalHandling
from .application.refusing import answer_store_unavailable
from .application.settings import Settings
from .application.shared_caches import SharedCaches
from .application.warming import warm_applications
from .commands.group import CommandGroup
from .core.errors import SettingsError, StoreUnavailable
from .core.records.session import Session
from .core.tokens.token import Token, TokenKind
from .guards.accepted_kinds import AcceptedKinds, read_kinds_of_verify
from .guards.asked_scopes import AskedScopes
from .guards.before_request import RequestHook
from .guards.decorators import blueprint_requirement
from .guards.registrations import check_registrations, guard_blueprint, see_registrations
from .guards.route_checks import check_application
from .lifecycle.list_sessions import iterate_sessions
from .lifecycle.sign_in import Scopes
from .revocation_methods import RevocationMethods
from .users import current_user, get_token, get_user_id

T = TypeVar("T")


class TokenAuth(RevocationMethods[T]):
    """Guards the routes of any number of Flask applications.

    Args:
        app: set up at once. Otherwise call :meth:`init_app`.
        user_id_type: converts the string in the token to ``g.user_id``: ``int``, ``uuid.UUID``, or a callable that
            raises ``ValueError`` for a string that is no user ID. ``str()`` of its result must be the same string.

    Raises:
        TypeError: *app* is not a Flask application, or *user_id_type* cannot be called.
        SettingsError: a setting of *app* is wrong, or *app* is set up already.
    """

    @overload
    def __init__(self: "TokenAuth[str]", app: Flask | None = None) -> None: ...
    @overload
    def __init__(self, app: Flask | None = None, *, user_id_type: Callable[[str], T]) -> None: ...
    def __init__(self, app: Flask | None = None, *, user_id_type: Callable[[str], Any] = str) -> None:
        if not callable(user_id_type):
            raise TypeError(f"user_id_type must be a type or a function, got {user_id_type!r}: pass int, not its name")
        super().__init__(user_id_type)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set up *app*: read its settings, and authenticate each of its requests before anything else runs.

        Raises:
            TypeError: *app* is not a Flask application.
            SettingsError: a setting is wrong, *app* is set up, or a protected blueprint was registered too early.
        """
        if not isinstance(app, Flask):
            raise TypeError(f"TokenAuth must get a Flask application, got {type(app).__name__}: TokenAuth(app)")
        if "tokenauth" in app.extensions:
            raise SettingsError("TokenAuth is already set up on this application: call TokenAuth(app) or init_app once")
        settings = Settings.from_config(app.config, app_name=app.name)
        check_registrations(app)
        if not (app.debug or app.testing):
            warn_of_defaults(settings)
        state = AppState(app, settings, self._callbacks)
        app.extensions["tokenauth"] = state
        see_registrations(app)
        RequestHook(state).install(app)
        RefusalHandling(app).install()
        app.wsgi_app = SharedCaches(app.wsgi_app, settings.api_key_header, state.cookies)  # type: ignore[method-assign]
        app.template_context_processors[None].insert(0, lambda: {"current_user": current_user})
        app.cli.add_command(CommandGroup("tokenauth", help="Show how TokenAuth guards this application, and try it."))
        handlers: dict[Any, Any] = app.error_handler_spec[None][None]
        handlers.setdefault(StoreUnavailable, answer_store_unavailable)

    @cached_property
    def endpoints(self) -> Blueprint:
        """The blueprint for clients: ``app.register_blueprint(auth.endpoints)``. Its URLs begin with ``/auth``.

        ``POST /auth/refresh`` redeems a refresh token (RFC 6749 section 6). ``POST /auth/revoke`` ends the session of a
        refresh token, or revokes an access token or an API key (RFC 7009). ``POST /auth/logout`` ends the session of an
        access token. ``GET /auth/sessions`` lists the sessions of the user, ``DELETE /auth/sessions/<id>`` ends one.
        ``POST /auth/introspect`` describes a token or an API key to other services (RFC 7662). They need
        ``TOKENAUTH_STORE``.

        With ``TOKENAUTH_API_KEYS``, ``POST /auth/api-keys`` makes an API key of the user after a login that is at most
        10 minutes old, ``GET /auth/api-keys`` lists the keys, and ``DELETE /auth/api-keys/<id>`` ends one.

        With ``TOKENAUTH_EXCHANGE``, ``POST /auth/exchange`` gives a service a token for the next one (RFC 8693).
        """
        from .endpoints.blueprint import make_blueprint  # noqa: PLC0415  # most applications have no store

        return make_blueprint()

    @cached_property
    def well_known(self) -> Blueprint:
        """The blueprint for other services: ``app.register_blueprint(auth.well_known)``, without a prefix.

        ``GET /.well-known/jwks.json`` publishes the public keys (RFC 7517 section 5). ``GET
        /.well-known/oauth-authorization-server`` describes ``auth.endpoints`` (RFC 8414), if they are registered. ``GET
        /.well-known/oauth-protected-resource`` describes this API (RFC 9728), if ``TOKENAUTH_RESOURCE`` is set.
        """
        from .endpoints.well_known import make_blueprint  # noqa: PLC0415  # most applications publish no keys

        return make_blueprint()

    def trade(
        self, text: str, scopes: Scopes = (), *, label: str | None = None, claims: Mapping[str, object] | None = None
    ) -> Response:
        """Return the answer to a client that trades a refresh token of the library you used before for a session.

        The library has an entry in ``TOKENAUTH_TRUSTED_ISSUERS``, with a profile of migration. Each of its refresh
        tokens can be traded once, until ``until`` of the entry, if ``users``, ``revoked`` and ``token_check`` accept
        it. The answer is that of :func:`token_response`, but without ``auth_time``: the user did not log in. A second
        trade within ``TOKENAUTH_REFRESH_RETRY_WINDOW`` gets the same refresh token again. Each other token gets 400
        ``invalid_grant``, and the log has the reason.

        Args:
            text: the refresh token, from the client.
            scopes: the scopes of the session, or a function that gets the user ID and returns them. It can be a
                coroutine function.
            label: a name for the device, at most 255 characters.
            claims: claims of the application, which are JSON values.

        Raises:
            TypeError: an argument has the wrong type, or *scopes* is a single string.
            ValueError: a scope is not declared, *label* is too long, or a claim has a reserved name or is not a JSON
                value.
            InvalidRequest: the request came over plain HTTP, and ``TOKENAUTH_ENFORCE_HTTPS`` is "refuse".
            SettingsError: ``TOKENAUTH_STORE`` is not set, or there is no key that can sign.
            StoreUnavailable: the store cannot be asked. Unless you catch it, the answer is 503.
        """
        from .lifecycle.trade import trade  # noqa: PLC0415  # few applications come from another library

        return trade(text, scopes, label=label, claims=claims)

    def list_sessions(self, user_id: T) -> Iterator[Session]:
        """Return an iterator of the live sessions of a user, the newest sign-in first, which fetches page by page.

        Use it in the application context in which you call this.

        Args:
            user_id: the user.

        Raises:
            TypeError: *user_id* has the wrong type.
            ValueError: *user_id* is not a user ID.
            SettingsError: ``TOKENAUTH_STORE`` is not set.
            StoreUnavailable: the store cannot be asked. The iterator raises it.
        """
        return iterate_sessions(current_state(), user_id)

    def warm(self) -> None:
        """Load the revocations, and the keys of trusted issuers, before the first request of a worker.

        Call it in a worker that has just started. It does so for each application of this object, and needs no
        application context. If the store or an issuer cannot be asked, the log says so, and the first requests try
        again.

        Raises:
            SettingsError: an application is set up wrongly. The other applications are warmed nevertheless.
        """
        warm_applications(self._callbacks)

    @property
    def user_id(self) -> T:
        """The ID of the user of the current request, of the type ``user_id_type``.

        Raises:
            NotAuthenticated: the request is anonymous, or has a bad token.
        """
        user_id: T = get_user_id()
        return user_id

    def verify(
        self,
        text: str,
        *,
        audience: str | Iterable[str] | None = None,
        accept: Iterable[TokenKind] = ("jwt", "reference"),
    ) -> Token:
        """Return the verified token in *text*, for sockets, jobs and scripts. Needs an application context.

        It does not check that the token came over HTTPS.

        Args:
            text: untrusted.
            audience: the token must be for one of these, instead of ``TOKENAUTH_AUDIENCE``. One string or several.
            accept: the kinds of tokens that are accepted, some of "jwt", "reference" and "api_key".

        Raises:
            TypeError: *audience* is neither one string nor several, or *accept* is no list of kinds.
            ValueError: *audience* or *accept* is empty, *audience* has an empty string, or *accept* another string.
            TokenError: the token is refused. The attribute ``reason`` says why.
            StoreUnavailable: it is not known whether the token was revoked.
        """
        return current_state().authenticator.verify(text, audience, read_kinds_of_verify(accept))[0]

    def allows(self, *all_of: str, any_of: Iterable[str] | None = None, **values: str | int | UUID) -> bool:
        """Return whether the token of the current request has these scopes, or scopes that imply them.

        It is False for an anonymous request and for a bad token. It refuses nothing.

        Args:
            all_of: scopes, all of which are needed.
            any_of: scopes, one of which is needed as well.
            values: for placeholders in the scopes: ``auth.allows("projects:{project_id}:write", project_id=7)``. They
                may come from a client: a value that no scope can have is not allowed.

        Raises:
            TypeError: a scope is not a string, *any_of* is not a list, or a value has another type or no placeholder.
            ValueError: there is no scope, *any_of* is empty, or a scope is not declared in ``TOKENAUTH_SCOPES`` (if
                scopes are declared), lacks the value of a placeholder, or breaks the grammar of RFC 6749 section 3.3.
            RuntimeError: there is no current request.
        """
        return AskedScopes(all_of, any_of, current_state().settings.scopes, values).are_held_by(get_token())

    def protect(
        self,
        blueprint: Blueprint,
        *scopes: str,
        any_of: Iterable[str] | None = None,
        api_keys: bool = False,
        accept: Iterable[TokenKind] | None = None,
    ) -> None:
        """Guard every view of *blueprint* and of the blueprints inside it, and each that they add to the application.

        You can call it before or after the blueprint is registered, under any name. An application that registers the
        blueprint later, and on which ``TokenAuth`` is not set up, answers with a ``SettingsError``.

        Args:
            blueprint: the blueprint, in every application that registers it.
            scopes: scopes, all of which are needed. Without scopes, and without *any_of*, a login is enough.
            any_of: scopes, one of which is needed as well.
            api_keys: let API keys pass too, even where no scope is needed.
            accept: the kinds of tokens that pass, some of "jwt", "reference", "api_key" and "ticket". By default both
                kinds of access tokens pass, and API keys if scopes are needed, or as *api_keys* says. A ticket passes
                if each guard of the route names it.

        Raises:
            TypeError: *blueprint* is not a blueprint, a scope is not a string, *api_keys* is not a boolean, or *accept*
                is no list of kinds.
            ValueError: *any_of* or *accept* is empty, a scope breaks the grammar of RFC 6749 section 3.3, or *accept*
                has another string.
            SettingsError: an application registered the blueprint before this call and before ``TokenAuth`` was set up,
                and code of the blueprint's own ran then, which may have added views.
        """
        requirement = blueprint_requirement(scopes, any_of, AcceptedKinds.of(accept, api_keys=api_keys))
        if not isinstance(blueprint, SansioBlueprint):
            raise TypeError(f"protect needs a blueprint, got {type(blueprint).__name__}: pass the Blueprint object")
        guard_blueprint(blueprint, requirement)

    def check(self, app: Flask) -> None:
        """Check everything that can be checked only when all routes are registered. The first request does the same.

        Args:
            app: the application.

        Raises:
            SettingsError: a guard names a scope that is not declared, a placeholder that its route does not have, or
                one that may match several segments; a method overrides a guarded one without a guard; a public endpoint
                does not exist; ``app.config`` was changed after ``init_app``; or *app* is not set up.
        """
        check_application(state_of(app))
