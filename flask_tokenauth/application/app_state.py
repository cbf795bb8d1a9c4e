"""The state that ``TokenAuth`` keeps for one application."""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit
from weakref import WeakSet

from flask.app import Flask  # not from flask, where another package may have put a subclass

from ..authentication.accepted_tokens import Clock
from ..authentication.api_key_checks import ApiKeyChecks
from ..authentication.authenticator import Authenticator
from ..authentication.callbacks import Callbacks
from ..authentication.contexts import current_flask
from ..authentication.credentials import environ_name_of
from ..authentication.https import HttpsCheck
from ..authentication.refusals import NOT_SET_UP
from ..core.encoding.immutable_json import freeze
from ..core.errors import SettingsError
from ..core.store import Store
from ..core.tokens.claims import ClaimsPolicy
from ..core.tokens.issuing import TokenIssuer
from ..core.tokens.tickets import ticket_policy
from ..core.tokens.verifier import Verifier
from ..stores.database_objects import has_engine_now
from .database_sessions import find_sessions
from .declared_scopes import are_implied
from .exchange_callers import check_exchange_key
from .own_keys import OwnKeys
from .setting_types import PREFIX
from .settings import Settings
from .stored_state import StoredState
from .token_cookies import delete_cookie, name_cookies

if TYPE_CHECKING:
    from ..authentication.clients import Clients
    from ..core.keys.encryption_keys import EncryptionKeys
    from ..core.rotation import Sessions
    from .trust import Trust

_NO_CONTEXT = (
    "this function of Flask-TokenAuth needs an application context, and there is none: call it in a view, or within "
    "a block: with app.app_context():"
)

_states: WeakSet["AppState"] = WeakSet()


class AppState:
    """The objects of one application, in ``app.extensions["tokenauth"]``.

    Args:
        app: the application.
        settings: its settings.
        callbacks: the functions that it gave to ``TokenAuth``.

    Attributes:
        app: the application, which is the sender of the signals.
        settings: its settings.
        callbacks: its functions.
        authenticator: authenticates its requests.
        clients: authenticates the clients that introspect with a client ID and a secret; None if there are none.
        stored: its store, sessions and revocations.
        cookies: the cookies in which it keeps tokens; None if it keeps none there.
        keys: its keys while it runs: their files, and the keys that encrypt.
        key_file: follows the file of the keys that sign; None if they are in no file.
        resource_metadata: the URL of the metadata of the protected resource, for challenges (RFC 9728), or "".
        hook: the ``before_request`` function that guards it; None until that is installed.

    Raises:
        SettingsError: the store cannot be opened, or belongs to another issuer.
    """

    made: ClassVar[int] = 0  # applications that were ever set up in this process

    def __init__(self, app: Flask, settings: Settings, callbacks: Callbacks) -> None:
        policy = ClaimsPolicy(
            issuer=settings.issuer,
            audience=settings.audience,
            leeway=settings.leeway,
            max_lifetime=settings.max_lifetime,
        )
        self.app = app
        self.settings = settings
        self.callbacks = callbacks
        self.hook: Callable[[], None] | None = None
        with _context_for_store(app, settings.store):
            self.stored = StoredState(settings, clock=self._now)
        self.stored.ask_store("use_sessions", find_sessions)
        self.keys = OwnKeys(settings, self.stored)
        self.key_file = self.keys.key_file
        self._verifier = Verifier(
            settings.keys,
            policy,
            revoked=self.stored.is_revoked if self.stored.revokes else None,
            max_bytes=settings.max_token_bytes,
            cache_size=settings.token_cache_size,
            look_for_keys=self.keys.look_for,
            decryption=self.keys.decryption,
        )
        self.cookies = name_cookies(settings)
        self.authenticator = Authenticator(
            app,
            callbacks,
            api_key_checks=ApiKeyChecks(app, callbacks, monotonic=self.stored.monotonic, are_implied=self._are_implied),
            api_key_header=None if settings.api_key_header is None else environ_name_of(settings.api_key_header),
            note_use=self.stored.note_use,
            lookups=self.stored.make_lookups(policy),
            keys=settings.keys,
            policy=policy,
            verifier=self._verifier,
            clock=_read_clock,
            max_bytes=settings.max_token_bytes,
            https=HttpsCheck(settings.enforce_https),
            cookies=self.cookies,
            look_at_keys=self.keys.look,
            look_for_keys=self.keys.look_for,
            decryption=self.keys.decryption,
        )
        if self.cookies is not None and self.cookies.access is not None:
            self.authenticator.delete_access_cookie = partial(delete_cookie, self.cookies, name=self.cookies.access)
        self.trust_issuers()
        self.clients = _make_clients(settings)
        self._token_issuer = _make_token_issuer(settings, policy, encryption=self.keys.encryption)
        self._ticket_issuer = _make_token_issuer(settings, ticket_policy(policy))
        self._exchange_issuer = _make_token_issuer(settings, policy)
        self.resource_metadata = "" if settings.resource is None else metadata_url_of(settings.resource)
        self._config = read_config(app)
        _states.add(self)
        AppState.made += 1

    def trust_issuers(self) -> None:
        """Let the tokens of trusted issuers be accepted, if there are any now: ``issuer_loader`` may come later."""
        if self.settings.trusted_issuers or self.callbacks.load_issuer is not None:
            self._verifier.others = self.authenticator.trusted = self.trust.find_issuers()
            self.authenticator.asks_about_issuers = self.trust.asks_functions

    @cached_property
    def trust(self) -> "Trust":
        """The issuers whose tokens it accepts besides its own.

        Raises:
            SettingsError: the keys of an issuer, in the settings or in a file, cannot be used.
        """
        from .trust import Trust  # noqa: PLC0415  # it imports much, and most applications trust no other issuer

        return Trust(self.app, self.settings, self.callbacks)

    @property
    def clock(self) -> Clock:
        """The clock of the application, in seconds since 1970-01-01T00:00:00Z. Tests replace it."""
        return self.authenticator.clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self.authenticator.clock = clock

    def _are_implied(self, held: Iterable[str], asked: Iterable[str]) -> bool:
        return are_implied(held, asked, self.settings.scopes)

    def _now(self) -> float:
        return self.authenticator.clock()

    @property
    def realm(self) -> str:
        """``realm`` of the challenges (RFC 9110 section 11.5)."""
        return self.settings.realm

    @property
    def token_issuer(self) -> TokenIssuer:
        """Issues the access tokens of this application.

        Raises:
            SettingsError: ``TOKENAUTH_KEYS`` holds public keys only.
        """
        if self.keys.look is not None:
            self.keys.look()  # a process that only issues tokens has no other occasion
        if not self.settings.has_own_keys:
            raise SettingsError(
                f"this application has no key to issue tokens, since SECRET_KEY and {PREFIX}KEYS are not set: set one "
                f"of them, and {PREFIX}ISSUER"
            )
        if self.settings.keys.signing_key is None:
            raise SettingsError(
                f"{PREFIX}KEYS must hold a private key or a secret to issue tokens, got public keys only: this "
                "application can only verify tokens"
            )
        return self._token_issuer

    @property
    def ticket_issuer(self) -> TokenIssuer:
        """Issues the tickets of this application.

        Raises:
            SettingsError: ``TOKENAUTH_KEYS`` holds public keys only.
        """
        _ = self.token_issuer  # which raises it
        return self._ticket_issuer

    @property
    def exchange_issuer(self) -> TokenIssuer:
        """Issues tokens for other services, which verify them with a public key.

        Raises:
            SettingsError: no key can sign, or the one that signs is a secret.
        """
        _ = self.token_issuer  # which raises it without a key
        check_exchange_key(self.settings.keys)
        return self._exchange_issuer

    @property
    def reference_issuer(self) -> TokenIssuer:
        """Issues the reference tokens of this application, for which no key is needed."""
        return self._token_issuer

    @property
    def store(self) -> Store:
        """The store.

        Raises:
            SettingsError: ``TOKENAUTH_STORE`` is not set.
        """
        return self.stored.store

    @property
    def sessions(self) -> "Sessions":
        """Starts sessions and redeems refresh tokens.

        Raises:
            SettingsError: ``TOKENAUTH_STORE`` is not set.
        """
        return self.stored.sessions

    def check_store(self) -> None:
        """Check that the database of the store is supported: a Flask-SQLAlchemy object may have got its engine later.

        Raises:
            SettingsError: it is not supported, or the object has no engine.
        """
        with _context_for_store(self.app, self.settings.store):
            self.stored.ask_store("check_source")

    def check_config(self) -> None:
        """Check that the configuration is what ``init_app`` has read.

        Raises:
            SettingsError: a setting was changed since.
        """
        config = read_config(self.app)
        for key in config.keys() | self._config.keys():
            if config.get(key) != self._config.get(key):
                raise SettingsError(f"{key} was changed after init_app had read it: set it before")


def metadata_url_of(resource: str) -> str:
    """Return the URL of the metadata of a protected resource (RFC 9728 section 3.1): before its path."""
    parts = urlsplit(resource)
    path, query = "" if parts.path == "/" else parts.path, f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{path}{query}"


def _context_for_store(app: Flask, store: object) -> AbstractContextManager[object]:
    """Return an application context if *store* may need one: a Flask-SQLAlchemy object has its engine only there."""
    return nullcontext() if not hasattr(type(store), "engine") or has_engine_now(store) else app.app_context()


def _make_clients(settings: Settings) -> "Clients | None":
    if not settings.introspection_clients:
        return None
    from ..authentication.clients import Clients  # noqa: PLC0415  # most applications have no such clients

    return Clients(settings.introspection_clients, audience=settings.audience)


def _make_token_issuer(
    settings: Settings, policy: ClaimsPolicy, *, encryption: "EncryptionKeys | None" = None
) -> TokenIssuer:
    # An application issues tokens with the same scopes again and again.
    check_scope = None if settings.scopes is None else lru_cache(maxsize=256)(settings.scopes.check_issued)
    return TokenIssuer(
        settings.keys,
        policy,
        lifetime=settings.access_lifetime,
        max_bytes=settings.max_token_bytes,
        check_scope=check_scope,
        encryption=encryption,
    )


def read_config(app: Flask) -> dict[str, object]:
    """Return the part of the configuration that ``init_app`` reads, with copies of its lists and dicts."""
    names = [key for key in app.config if key.startswith(PREFIX)]
    return {key: _copy(app.config.get(key)) for key in (*names, "SECRET_KEY", "SECRET_KEY_FALLBACKS")}


def _read_clock() -> float:
    """Return the time. The function is looked up at each call, so that freezegun can replace it."""
    return time.time()


def _copy(value: object) -> object:
    return frozenset(value) if isinstance(value, set) else freeze(value)


def state_of(app: Flask) -> AppState:
    """Return the state of *app*.

    Raises:
        TypeError: *app* is not a Flask application.
        SettingsError: ``TokenAuth`` is not set up on it.
    """
    if not isinstance(app, Flask):
        raise TypeError(f"app must be the Flask application, got {type(app).__name__}")
    state: AppState | None = app.extensions.get("tokenauth")
    if state is None:
        raise SettingsError(NOT_SET_UP)
    return state


def current_state() -> AppState:
    """Return the state of the current application.

    Raises:
        SettingsError: ``TokenAuth`` is not set up on it.
        RuntimeError: there is no current application.
    """
    try:
        state: AppState | None = current_flask().extensions.get("tokenauth")
    except RuntimeError:
        raise RuntimeError(_NO_CONTEXT) from None
    if state is None:
        raise SettingsError(NOT_SET_UP)
    return state


def list_states() -> list[AppState]:
    """Return the state of each application that is set up in this process and still in use."""
    return list(_states)


def count_states() -> int:
    """Return how many applications were ever set up in this process."""
    return AppState.made
