"""``app.config`` read once and checked: one frozen :class:`Settings` for each application. Knows nothing of Flask."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from typing import Any

from ..core.errors import InvalidKey, SettingsError
from ..core.keys.key_set import KeySet
from ..core.keys.loading import load_keys
from ..core.records.revocation import MARGIN
from ..core.store import Store
from ..core.tokens.jws import MAX_TOKEN_BYTES
from ..stores.opening import open_store
from .configured_keys import _check_keys, _derive_keys
from .declared_scopes import DeclaredScopes, _scopes
from .setting_types import (
    _YEAR,
    PREFIX,
    Mode,
    _default_guard,
    _duration,
    _endpoints,
    _enforce_https,
    _realm,
    _revocation,
    _size,
    _text,
    _texts,
)


def _setting(read: Callable[[Any], Any], form: str, example: str, default: Any = MISSING, *, shown: bool = True) -> Any:
    """Declare a key: how its value is read, what it looks like to people, and how it is spelt in an environment."""
    return field(default=default, repr=shown, metadata={"read": read, "form": form, "example": example})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``app.config`` says, read and checked once, in ``init_app``. A field's name is its key's."""

    keys: KeySet = _setting(
        load_keys, "a path, PEM text, a JWK Set or a list of JWKs", "/run/secrets/jwks.json", shown=False
    )
    issuer: str = _setting(
        _text, "a text, at most 255 characters, best the URL of the application", "https://api.example.com"
    )  # "iss"
    audience: frozenset[str] = _setting(_texts, "a text or a list of texts", "https://api.example.com")  # "aud"
    access_lifetime: timedelta = _setting(
        _duration(timedelta(seconds=1), _YEAR), "a timedelta or seconds, from 1", "900", timedelta(minutes=15)
    )
    max_lifetime: timedelta = _setting(
        _duration(timedelta(seconds=1), _YEAR),
        "a timedelta or seconds, from 1 to 366 days",
        "86400",
        timedelta(hours=24),
    )
    leeway: timedelta = _setting(
        _duration(timedelta(0), timedelta(minutes=5)),
        "a timedelta or seconds, from 0 to 300",
        "10",
        timedelta(seconds=10),
    )
    max_token_bytes: int = _setting(
        _size(1024, 1024 * 1024), "a number of bytes, from 1024 to 1048576", "8000", MAX_TOKEN_BYTES
    )
    token_cache_size: int = _setting(_size(0, 1_000_000), "a number of tokens, from 0 to 1000000", "1024", 1024)
    realm: str = _setting(_realm, "a text of Latin-1 without control characters, at most 255 long", "api")
    default_guard: str | None = _setting(_default_guard, 'the text "login_required"', "login_required", None)
    public_endpoints: frozenset[str] = _setting(
        _endpoints, "a list of endpoints or blueprint.*", '\'["login", "docs.*"]\'', frozenset()
    )
    scopes: DeclaredScopes | None = _setting(
        _scopes, "a mapping of scopes to descriptions", '\'{"reports:read": "Read reports"}\'', None
    )
    enforce_https: str = _setting(_enforce_https, '"off", "warn" or "refuse"', "refuse", "warn")
    store: Store | None = _setting(
        open_store, "a URL, an SQLAlchemy Engine or a store", "sqlite:////var/lib/api/sessions.db", None, shown=False
    )
    refresh_idle_lifetime: timedelta = _setting(
        _duration(timedelta(seconds=1), 10 * _YEAR),
        "a timedelta or seconds, from 1 to ten years",
        "2592000",
        timedelta(days=30),
    )
    session_lifetime: timedelta = _setting(
        _duration(timedelta(seconds=1), 10 * _YEAR),
        "a timedelta or seconds, from 1 to ten years",
        "7776000",
        timedelta(days=90),
    )
    refresh_retry_window: timedelta = _setting(
        _duration(timedelta(0), timedelta(minutes=5)),
        "a timedelta or seconds, from 0 to 300",
        "10",
        timedelta(seconds=10),
    )
    revocation: Mode = _setting(_revocation, '"feed", "strict" or "off"', "strict", "feed")
    revocation_interval: timedelta = _setting(
        _duration(timedelta(milliseconds=100), timedelta(minutes=5)),
        "a timedelta or seconds, from 0.1 to 300",
        "1",
        timedelta(seconds=1),
    )
    revocation_max_staleness: timedelta = _setting(
        _duration(timedelta(seconds=1), timedelta(hours=1)),
        "a timedelta or seconds, from 1 to 3600",
        "30",
        timedelta(seconds=30),
    )
    store_timeout: timedelta = _setting(
        _duration(timedelta(milliseconds=10), timedelta(seconds=30)),
        "a timedelta or seconds, from 0.01 to 30",
        "0.5",
        timedelta(seconds=0.5),
    )
    names_itself: bool = False  # nobody named the issuer; no key of the configuration, as what follows
    refresh_keys: KeySet | None = field(default=None, repr=False)  # with a store: what its refresh tokens are made with

    @property
    def memory(self) -> timedelta:
        """For how long no token is believed that there is now.

        Who issues and who judges may each have a clock that is wrong by the leeway.
        """
        return self.max_lifetime + 2 * self.leeway + MARGIN

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, app_name: str) -> "Settings":
        """Read and check *config*.

        Args:
            config: the whole configuration of the application. Other keys than ``TOKENAUTH_…``, ``SECRET_KEY`` and
                ``SECRET_KEY_FALLBACKS`` are ignored, and None means "not set".
            app_name: what the issuer is called while nobody has named it.

        Raises:
            SettingsError: a key is unknown, missing, of the wrong type or out of range. It names the key and no secret.
        """
        given = _read_given(config)
        names_itself = "issuer" not in given
        if names_itself and "keys" in given:
            raise SettingsError(f"{PREFIX}KEYS needs {PREFIX}ISSUER: the text that the tokens carry as iss")
        if names_itself and "store" in given:
            raise SettingsError(f"{PREFIX}STORE needs {PREFIX}ISSUER: the text that the tokens carry as iss")
        issuer = given.setdefault("issuer", _read(f"{PREFIX}ISSUER", app_name, _ISSUER.metadata))
        given.setdefault("audience", frozenset({issuer}))
        given.setdefault("enforce_https", "off" if config.get("DEBUG") else "warn")
        given.setdefault("realm", issuer.encode("latin-1", "replace").decode("latin-1"))
        given["keys"] = _check_keys(given["keys"]) if "keys" in given else _derive_keys(config, issuer, "access")
        if "store" in given:
            given["refresh_keys"] = _derive_keys(config, issuer, "refresh")
        elif given.get("revocation", "off") != "off":
            raise SettingsError(f"{PREFIX}REVOCATION needs {PREFIX}STORE: nothing else knows what is revoked")
        settings = cls(names_itself=names_itself, **given)
        if settings.access_lifetime > settings.max_lifetime:
            raise SettingsError(f"{PREFIX}ACCESS_LIFETIME is longer than {PREFIX}MAX_LIFETIME")
        if settings.revocation_interval > settings.revocation_max_staleness:
            raise SettingsError(f"{PREFIX}REVOCATION_INTERVAL is longer than {PREFIX}REVOCATION_MAX_STALENESS")
        if settings.store is not None:
            _bind(settings.store, settings)
        return settings


FIELDS = tuple(each for each in fields(Settings) if each.metadata)


_ISSUER = next(each for each in FIELDS if each.name == "issuer")


def _read_given(config: Mapping[str, Any]) -> dict[str, Any]:
    known = {PREFIX + each.name.upper(): each for each in FIELDS}
    given = {}
    for key, value in config.items():
        if not key.startswith(PREFIX):
            continue
        if key not in known:
            close = difflib.get_close_matches(
                key.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known], n=1
            )
            raise SettingsError(f"unknown setting {key}" + (f": did you mean {PREFIX}{close[0]}?" if close else ""))
        if value is not None:
            given[known[key].name] = _read(key, value, known[key].metadata)
    return given


def _read(key: str, value: object, metadata: Mapping[str, Any]) -> Any:
    try:
        return metadata["read"](value)
    except (InvalidKey, SettingsError) as error:
        raise SettingsError(f"{key}: {error} (in the environment: FLASK_{key}={metadata['example']})") from error
    except (TypeError, ValueError) as error:
        spelling = f"{metadata['form']} (in the environment: FLASK_{key}={metadata['example']})"
        raise SettingsError(f"{key} must be {spelling}") from error


def _bind(store: Store, settings: Settings) -> None:
    try:
        store.bind(settings.issuer, timeout=settings.store_timeout, memory=settings.memory)
    except SettingsError as error:
        raise SettingsError(f"{PREFIX}STORE: {error}") from error
