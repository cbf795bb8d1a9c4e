"""The settings: read from ``app.config`` once, checked, and kept in one frozen :class:`Settings` per application."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.encoding.prefixes import API_KEY_PREFIX, DEFAULT_STORE_PREFIX
from ..core.errors import InvalidKey, SettingsError
from ..core.keys.key_files import FileVersion
from ..core.keys.key_set import KeySet
from ..core.records.revocation import retention_of
from ..core.tokens.claims import LONGEST_LEEWAY
from ..core.tokens.jws import LARGEST_LIMIT, MAX_TOKEN_BYTES
from .configured_keys import KEYS, PASSPHRASE, check_keys, derive_keys, key_file_with, keys_with, no_keys
from .declared_scopes import SCOPES, DeclaredScopes
from .exchange_callers import EXCHANGE, ExchangeCaller, check_exchange
from .jwt_extended import JWT_PREFIX, PAGE, find_counterpart
from .rare_settings import ENCRYPTION_KEYS, INSTANT, INTROSPECTION_CLIENTS, TRUSTED_ISSUERS
from .setting_types import (
    API_KEY_PREFIXES,
    BOOLEAN,
    ENDPOINTS,
    HEADER,
    ORIGIN,
    ORIGINS,
    PREFIX,
    REALM,
    RESOURCE,
    STORE_PREFIX,
    STRING,
    STRINGS,
    CookieMode,
    RevocationMode,
    SameSite,
    SettingType,
    TokenFormat,
    duration,
    one_of,
    whole_number,
)

if TYPE_CHECKING:
    from ..authentication.clients import Client
    from ..core.trusted_issuers.issuer import TrustedIssuer
    from .encryption_settings import ConfiguredEncryptionKeys

_SECOND = timedelta(seconds=1)
_YEAR = timedelta(days=366)
_LONGEST_SHOWN = 24  # characters of a wrong value in an error message; most secrets are longer, and may stray here
_ANY = SettingType(
    "a URL, an SQLAlchemy Engine, a Flask-SQLAlchemy object, a client of Redis or a store", lambda value: value
)


def _setting(kind: SettingType, example: str, default: Any = MISSING, *, secret: bool = False) -> Any:
    """Declare a setting.

    Args:
        kind: the values that it takes.
        example: how it is written in the environment.
        default: its value if it is not set.
        secret: whether the value, right or wrong, must not be shown.
    """
    return field(default=default, repr=not secret, metadata={"kind": kind, "example": example, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings:
    """The settings of one application: plain values. The name of a field is the key without ``TOKENAUTH_``."""

    keys: KeySet = _setting(KEYS, "/run/secrets/jwks.json", secret=True)
    keys_passphrase: bytes | None = _setting(PASSPHRASE, "'\"the passphrase\"'", None, secret=True)
    keys_max_age: timedelta = _setting(
        duration(timedelta(0), timedelta(days=1)), "10m", timedelta(minutes=10)
    )  # of the published key set
    keys_rollout: timedelta = _setting(duration(timedelta(0), timedelta(days=7)), "1h", timedelta(0))
    keys_interval: timedelta = _setting(duration(_SECOND, timedelta(minutes=5)), "5s", timedelta(seconds=5))
    encryption_keys: "ConfiguredEncryptionKeys | None" = _setting(
        ENCRYPTION_KEYS, "/run/secrets/encryption.json", None, secret=True
    )
    accept_plain_until: datetime | None = _setting(INSTANT, "2027-02-01", None)
    issuer: str = _setting(STRING, "https://api.example.com")  # "iss"
    audience: frozenset[str] = _setting(STRINGS, "https://api.example.com")  # "aud"
    access_lifetime: timedelta = _setting(duration(_SECOND, _YEAR), "15m", timedelta(minutes=15))
    max_lifetime: timedelta = _setting(duration(_SECOND, _YEAR), "24h", timedelta(hours=24))
    leeway: timedelta = _setting(duration(timedelta(0), LONGEST_LEEWAY), "10s", timedelta(seconds=10))
    max_token_bytes: int = _setting(whole_number(1024, LARGEST_LIMIT, "bytes"), "8000", MAX_TOKEN_BYTES)
    token_cache_size: int = _setting(whole_number(0, 1_000_000, "tokens"), "1024", 1024)
    realm: str = _setting(REALM, "api")
    origin: str | None = _setting(ORIGIN, "https://api.example.com", None)
    resource: str | None = _setting(RESOURCE, "https://api.example.com", None)
    default_guard: str | None = _setting(one_of("login_required"), "login_required", None)
    public_endpoints: frozenset[str] = _setting(ENDPOINTS, '\'["login", "docs.*"]\'', frozenset())
    scopes: DeclaredScopes | None = _setting(SCOPES, '\'{"reports:read": "Read reports"}\'', None)
    enforce_https: str = _setting(one_of("off", "warn", "refuse"), "refuse", "warn")
    store: object = _setting(_ANY, "sqlite:////var/lib/api/sessions.db", None, secret=True)  # not opened here
    store_prefix: str = _setting(STORE_PREFIX, "shop", DEFAULT_STORE_PREFIX)
    refresh_idle_lifetime: timedelta = _setting(duration(_SECOND, 10 * _YEAR), "30d", timedelta(days=30))
    session_lifetime: timedelta = _setting(duration(_SECOND, 10 * _YEAR), "90d", timedelta(days=90))
    sessions_per_user: int = _setting(whole_number(1, 10_000, "sessions"), "100", 100)
    refresh_retry_window: timedelta = _setting(duration(timedelta(0), LONGEST_LEEWAY), "10s", timedelta(seconds=10))
    revocation: RevocationMode = _setting(one_of("feed", "strict", "off"), "strict", "feed")
    revocation_interval: timedelta = _setting(duration(_SECOND / 10, timedelta(minutes=5)), "1s", timedelta(seconds=1))
    revocation_max_staleness: timedelta = _setting(duration(_SECOND, timedelta(hours=1)), "30s", timedelta(seconds=30))
    store_timeout: timedelta = _setting(duration(_SECOND / 100, timedelta(seconds=30)), "0.5", timedelta(seconds=0.5))
    token_format: TokenFormat = _setting(one_of("jwt", "reference"), "reference", "jwt")
    api_keys: bool = _setting(BOOLEAN, "true", default=False)
    api_key_prefix: tuple[str, ...] = _setting(API_KEY_PREFIXES, '"acme_"', (API_KEY_PREFIX,))
    api_key_header: str | None = _setting(HEADER, "X-API-Key", None)
    cookies: CookieMode = _setting(one_of("off", "refresh", "all"), "all", "off")
    cookie_samesite: SameSite = _setting(one_of("Lax", "Strict"), "Strict", "Lax")
    trusted_origins: frozenset[str] = _setting(ORIGINS, "'[\"https://app.example.com\"]'", frozenset())
    introspection_clients: "tuple[Client, ...]" = _setting(
        INTROSPECTION_CLIENTS, f'\'{{"billing": "sha256:{"0123456789abcdef" * 4}"}}\'', (), secret=True
    )
    exchange: tuple[ExchangeCaller, ...] = _setting(EXCHANGE, '\'{"billing": ["https://reports.example.com"]}\'', ())
    trusted_issuers: "tuple[TrustedIssuer, ...]" = _setting(
        TRUSTED_ISSUERS,
        '\'[{"issuer": "https://id.example.com", "discovery": true, "audience": "https://api.example.com", '
        '"users": "shared"}]\'',
        (),
        secret=True,
    )
    trusted_keys_max_staleness: timedelta = _setting(
        duration(timedelta(0), timedelta(days=1)), "1h", timedelta(hours=1)
    )  # beyond their lifetime
    unknown_issuers_per_second: int = _setting(whole_number(1, 1000, "issuers"), "10", 10)
    # Derived; no keys of the configuration.
    has_default_issuer: bool = False  # the issuer is the name of the application
    has_own_keys: bool = True  # False: it accepts tokens of trusted issuers alone
    refresh_keys: KeySet | None = field(default=None, repr=False)  # with a store: the keys of its refresh tokens
    keys_path: Path | None = None  # the keys are in this file
    keys_version: FileVersion = FileVersion(0, 0, 0)  # of the file that was read

    @property
    def retention(self) -> timedelta:
        """How long a revocation must be kept, so that every token of this application that exists now has expired."""
        return retention_of(self.max_lifetime, self.leeway)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, app_name: str) -> "Settings":
        """Read and check the settings.

        Args:
            config: the whole configuration of the application. Keys other than ``TOKENAUTH_…``, ``SECRET_KEY`` and
                ``SECRET_KEY_FALLBACKS`` are ignored, and None means "not set".
            app_name: the issuer, if ``TOKENAUTH_ISSUER`` is not set.

        Raises:
            SettingsError: a key is unknown or missing, or its value has the wrong type or is out of range. The message
                names the key and shows no secret.
        """
        given = _read_given(config)
        has_own_keys = "keys" in given or "trusted_issuers" not in given or bool(config.get("SECRET_KEY"))
        has_default_issuer = "issuer" not in given and has_own_keys
        if "keys_passphrase" in given and "keys" not in given:
            raise SettingsError(
                f"{PREFIX}KEYS_PASSPHRASE needs {PREFIX}KEYS, which is not set: set it to the encrypted private key, "
                "or remove the passphrase"
            )
        for name in ("keys", "encryption_keys", "store", "trusted_issuers"):
            if has_default_issuer and name in given:
                raise SettingsError(
                    f"{PREFIX}{name.upper()} needs {PREFIX}ISSUER, which is not set: set it to the URL of this "
                    "application, it is the claim iss of the tokens that it issues itself"
                )
        issuer = given.setdefault("issuer", _read(f"{PREFIX}ISSUER", app_name, _FIELDS["issuer"]))
        given.setdefault("audience", frozenset({issuer}))
        given.setdefault("enforce_https", "off" if config.get("DEBUG") else "warn")
        given.setdefault("realm", issuer.encode("latin-1", "replace").decode("latin-1"))
        if "keys" in given:
            given |= _load_keys(given)
        else:
            given["keys"] = derive_keys(config, issuer, "access") if has_own_keys else no_keys()
        if "encryption_keys" in given or "accept_plain_until" in given:
            from .encryption_settings import check_encryption  # noqa: PLC0415  # as in rare_settings

            check_encryption(given, config, has_own_keys=has_own_keys)
        if "store" in given:
            given["refresh_keys"] = derive_keys(config, issuer, "refresh")
        elif given.get("revocation", "off") != "off":
            raise SettingsError(
                f'{PREFIX}REVOCATION needs {PREFIX}STORE, which is not set: set it, or set {PREFIX}REVOCATION to "off"'
            )
        _check_looked_up(given)
        _check_cookies(given)
        settings = cls(has_default_issuer=has_default_issuer, has_own_keys=has_own_keys, **given)
        if settings.resource is not None and settings.resource not in settings.audience:
            raise SettingsError(
                f"{PREFIX}RESOURCE must be one of {PREFIX}AUDIENCE, since tokens for it name it, got another URL: add "
                f"it to {PREFIX}AUDIENCE"
            )
        check_exchange(settings.exchange, settings.keys, has_store=settings.store is not None)
        if settings.trusted_issuers:
            from .trusted_issuers import check_issuers  # noqa: PLC0415  # as in rare_settings

            check_issuers(settings.trusted_issuers, own=issuer, declared=settings.scopes)
        _check_order(settings, "access_lifetime", "max_lifetime")
        _check_order(settings, "revocation_interval", "revocation_max_staleness")
        return settings


FIELDS = tuple(entry for entry in fields(Settings) if entry.metadata)
_FIELDS = {entry.name: entry.metadata for entry in FIELDS}


def _check_looked_up(given: Mapping[str, Any]) -> None:
    """Check the settings of tokens that are looked up: without a store there are none."""
    asking = {"api_keys": given.get("api_keys"), "token_format": given.get("token_format") == "reference"}
    for name, asks in asking.items():
        if asks and "store" not in given:
            raise SettingsError(
                f"{PREFIX}{name.upper()} needs {PREFIX}STORE, which is not set: set it to the database that keeps the "
                "tokens, such as sqlite:////var/lib/api/sessions.db"
            )
    for name in ("api_key_prefix", "api_key_header"):
        if name in given and not asking["api_keys"]:
            raise SettingsError(
                f"{PREFIX}{name.upper()} needs {PREFIX}API_KEYS = True, which is not set: set it, or remove "
                f"{PREFIX}{name.upper()}"
            )
    if asking["api_keys"] and given.get("revocation") == "off":
        raise SettingsError(
            f'{PREFIX}API_KEYS needs {PREFIX}REVOCATION "feed" or "strict", got "off": with "off", revoked tokens of a '
            "user would be accepted"
        )


def _check_cookies(given: Mapping[str, Any]) -> None:
    """Check the settings of cookies. Only a store ends a session at logout, when its cookies may have been stolen."""
    has_cookies = given.get("cookies", "off") != "off"
    if has_cookies and "store" not in given:
        raise SettingsError(
            f"{PREFIX}COOKIES needs {PREFIX}STORE, which is not set: set it to the database that keeps the sessions, "
            "such as sqlite:////var/lib/api/sessions.db"
        )
    if has_cookies and given.get("revocation") == "off":
        raise SettingsError(
            f'{PREFIX}COOKIES needs {PREFIX}REVOCATION "feed" or "strict", got "off": with "off", a copy of a cookie '
            "would be accepted after logout"
        )
    for name in ("cookie_samesite", "trusted_origins"):
        if given.get(name) and not has_cookies:
            raise SettingsError(
                f'{PREFIX}{name.upper()} needs {PREFIX}COOKIES "refresh" or "all", got "off": set it, or remove '
                f"{PREFIX}{name.upper()}"
            )


def _check_order(settings: Settings, shorter: str, longer: str) -> None:
    if getattr(settings, shorter) > getattr(settings, longer):
        raise SettingsError(
            f"{PREFIX}{shorter.upper()} must not be longer than {PREFIX}{longer.upper()} "
            f"({getattr(settings, longer)}), got {getattr(settings, shorter)}: change one of them"
        )


def _read_given(config: Mapping[str, Any]) -> dict[str, Any]:
    given = {}
    for key, value in config.items():
        if not key.startswith(PREFIX):
            continue
        name = key.removeprefix(PREFIX).lower()
        if key != PREFIX + name.upper() or name not in _FIELDS:
            raise SettingsError(f"unknown setting {key}: {_suggest(key.removeprefix(PREFIX))}")
        if value is not None:
            given[name] = _read(key, value, _FIELDS[name])
    return given


def read_settings(config: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return some settings, by the names of their fields, without an application.

    Args:
        config: the configuration. Other keys are ignored.
        names: of fields with a default.

    Raises:
        SettingsError: a value has the wrong type or is out of range.
    """
    defaults = {entry.name: entry.default for entry in FIELDS}
    found = {name: config.get(PREFIX + name.upper()) for name in names}
    return {
        name: defaults[name] if value is None else _read(PREFIX + name.upper(), value, _FIELDS[name])
        for name, value in found.items()
    }


def _load_keys(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys in *given*, with their file if they are in one."""
    source, passphrase = given["keys"], given.get("keys_passphrase")
    from ..core.keys.loading import find_path  # noqa: PLC0415  # most applications derive their keys

    path = find_path(source)
    if path is None:
        kind = keys_with(passphrase)
        keys = check_keys(_read(f"{PREFIX}KEYS", source, {**_FIELDS["keys"], "kind": kind}))
        return {"keys": keys, "keys_passphrase": None}  # it is needed no more
    found = _read(f"{PREFIX}KEYS", path, {**_FIELDS["keys"], "kind": key_file_with(passphrase)})
    return {"keys": check_keys(found.keys), "keys_path": path.absolute(), "keys_version": found.version}


def _suggest(name: str) -> str:
    counterpart = find_counterpart(name)
    if counterpart is not None:
        here = f"it is {counterpart}" if counterpart else "it has no counterpart, so remove it"
        return f"{JWT_PREFIX}{name} is a setting of Flask-JWT-Extended, here {here} (see {PAGE})"
    names = [known.upper() for known in _FIELDS]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
    close += [known for known in names if name.startswith(f"{known}_")]  # STORE_URL
    return f"did you mean {PREFIX}{close[0]}?" if close else "there is no setting like that, remove it"


def _read(key: str, value: object, metadata: Mapping[str, Any]) -> Any:
    spelling = f"(in the environment: FLASK_{key}={metadata['example']})"
    try:
        return metadata["kind"].read(value)
    except (InvalidKey, SettingsError) as error:
        raise SettingsError(f"{key}: {error} {spelling}") from error
    except (TypeError, ValueError) as error:
        got = type(value).__name__ if metadata["secret"] else _describe(value)
        raise SettingsError(f"{key} must be {metadata['kind'].form}, got {got} {spelling}") from error


def _describe(value: object) -> str:
    """Return *value* as an error message shows it: itself if it is short, otherwise its type and length."""
    if isinstance(value, str) and len(value) > _LONGEST_SHOWN:
        return f"a str of {len(value)} characters"
    is_short = type(value) in (str, bool, float) or (type(value) is int and abs(value) < 10**_LONGEST_SHOWN)
    return repr(value) if is_short else type(value).__name__
