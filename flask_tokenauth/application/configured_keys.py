"""The keys of an application: those in ``TOKENAUTH_KEYS``, or those derived from ``SECRET_KEY``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.encoding import base64url
from ..core.errors import InvalidKey, SettingsError
from ..core.keys.key import Key
from ..core.keys.key_set import KeySet
from ..core.keys.key_strength import check_secret
from .setting_types import PREFIX, SettingType

_OR_TRUST = (
    f". An application that accepts only tokens of other issuers needs {PREFIX}TRUSTED_ISSUERS in its place, [] if "
    "issuer_loader knows them all"
)
_MAKE_ONE = "make one with: python -m flask_tokenauth secret (in the environment: FLASK_SECRET_KEY=…)"

_FORM = "a path, PEM text, a JWK Set or a list of JWKs"
_MAX_PASSPHRASE = 1023  # bytes; OpenSSL takes no longer one


def _read_passphrase(value: object) -> bytes:
    try:
        data = value.encode() if isinstance(value, str) else value
    except UnicodeEncodeError:  # this error would hold the passphrase
        raise ValueError from None
    if data == b"":
        raise SettingsError("a passphrase must not be empty: set the passphrase, or remove the setting")
    if not isinstance(data, bytes) or not 0 < len(data) <= _MAX_PASSPHRASE:
        raise ValueError
    return data


KEYS = SettingType(_FORM, lambda value: value)  # they are loaded when the passphrase is known: see keys_with
PASSPHRASE = SettingType(
    f"a string or bytes, 1 to {_MAX_PASSPHRASE} bytes long; in the environment, write digits as a string, '\"1234\"'",
    _read_passphrase,
)


def keys_with(passphrase: bytes | None) -> SettingType:
    """Return the type of ``TOKENAUTH_KEYS``, with *passphrase* for private keys in PEM that are encrypted."""
    from ..core.keys.loading import load_keys  # noqa: PLC0415  # most applications derive their keys

    return SettingType(_FORM, lambda value: load_keys(value, passphrase=passphrase))


def key_file_with(passphrase: bytes | None) -> SettingType:
    """Return the type of ``TOKENAUTH_KEYS`` if it is a path, with *passphrase* as for :func:`keys_with`."""
    from ..core.keys.loading import load_key_file  # noqa: PLC0415  # as in keys_with

    return SettingType(_FORM, lambda value: load_key_file(value, passphrase=passphrase))


def check_keys(keys: KeySet) -> KeySet:
    """Return *keys*, if an application can use them.

    Raises:
        SettingsError: the signing key may not verify, or a secret is too weak.
    """
    if keys.signing_key is not None and not keys.signing_key.can_verify:
        raise SettingsError(f'{PREFIX}KEYS: key_ops of the signing key must have "verify" as well as "sign"')
    for key in keys:
        if key.key_type == "oct":
            _check_secret(f"{PREFIX}KEYS: a secret", base64url.decode(str(key.to_jwk(private=True)["k"]).encode()))
    return keys


def derive_keys(config: Mapping[str, Any], issuer: str, purpose: str) -> KeySet:
    """Derive the signing key from ``SECRET_KEY``, and keys that only verify from ``SECRET_KEY_FALLBACKS``.

    Args:
        config: the configuration of the application.
        issuer: the issuer; another one gives other keys.
        purpose: "access" or "refresh"; each has keys of its own.

    Raises:
        SettingsError: a secret is missing, has the wrong type or is too weak. The message has no secret.
    """
    secret = config.get("SECRET_KEY")
    if secret is None or secret in ("", b""):
        needed = f", and {PREFIX}STORE needs it for refresh tokens" if purpose == "refresh" else ""
        advice = "" if purpose == "refresh" else _OR_TRUST
        raise SettingsError(f"SECRET_KEY is not set{needed}; {_MAKE_ONE}{advice}")
    signing = _derive_key("SECRET_KEY", secret, issuer, purpose)
    fallbacks = config.get("SECRET_KEY_FALLBACKS") or ()  # Flask 3.0 has no default for it
    if not isinstance(fallbacks, (list, tuple)):
        raise SettingsError(f"SECRET_KEY_FALLBACKS must be a list of secrets, got {type(fallbacks).__name__}")
    older = [_derive_key("SECRET_KEY_FALLBACKS", fallback, issuer, purpose) for fallback in fallbacks]
    verifying = {key.kid: replace(key, can_sign=False) for key in older if key.kid != signing.kid}
    return KeySet([signing, *verifying.values()])


def no_keys() -> KeySet:
    """Return keys for an application that issues no tokens: no token was ever made with them, and none can be."""
    return KeySet([replace(Key.generate("HS256"), can_sign=False)])


def _derive_key(name: str, secret: object, issuer: str, purpose: str) -> Key:
    if not isinstance(secret, (str, bytes)):
        raise SettingsError(f"{name} must be a string or bytes, got {type(secret).__name__}; {_MAKE_ONE}")
    try:
        data = secret.encode() if isinstance(secret, str) else secret
    except UnicodeEncodeError:  # this error would hold the secret
        raise SettingsError(f"{name} must be a string that UTF-8 can encode; {_MAKE_ONE}") from None
    _check_secret(name, data)
    return Key.derive(data, purpose=purpose, issuer=issuer)


def _check_secret(name: str, secret: bytes) -> None:
    try:
        check_secret(secret)
    except InvalidKey as error:
        raise SettingsError(f"{name} {error}; {_MAKE_ONE}") from error
