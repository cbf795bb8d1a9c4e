"""The keys of an application: those that it is given, or those derived from SECRET_KEY."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.encoding import base64url
from ..core.errors import InvalidKey, SettingsError
from ..core.keys.key import Key
from ..core.keys.key_set import KeySet
from ..core.keys.key_strength import check_secret
from .setting_types import PREFIX

_MAKE_ONE = "make one with: python -m flask_tokenauth secret (in the environment: FLASK_SECRET_KEY=…)"


def _check_keys(keys: KeySet) -> KeySet:
    if keys.signing_key is not None and not keys.signing_key.can_verify:
        raise SettingsError(f'{PREFIX}KEYS: key_ops of the signing key must have "verify" as well as "sign"')
    for key in keys:
        if key.key_type == "oct":
            _check_secret(f"{PREFIX}KEYS: a secret", base64url.decode(str(key.to_jwk(private=True)["k"]).encode()))
    return keys


def _derive_keys(config: Mapping[str, Any], issuer: str, purpose: str) -> KeySet:
    """Derive the one HS256 key from ``SECRET_KEY``, and what still verifies from ``SECRET_KEY_FALLBACKS``."""
    secret = config.get("SECRET_KEY")
    if secret is None or secret in ("", b""):
        needed = f" and {PREFIX}STORE makes refresh tokens with it" if purpose == "refresh" else ""
        raise SettingsError(f"SECRET_KEY is not set{needed}; {_MAKE_ONE}")
    signing = _derive_key("SECRET_KEY", secret, issuer, purpose)
    fallbacks = config.get("SECRET_KEY_FALLBACKS") or ()  # Flask 3.0 has no default for it
    if not isinstance(fallbacks, (list, tuple)):
        raise SettingsError("SECRET_KEY_FALLBACKS must be a list of secrets")
    older = {key.kid: key for key in (_derive_key("SECRET_KEY_FALLBACKS", each, issuer, purpose) for each in fallbacks)}
    return KeySet([signing, *(replace(key, can_sign=False) for kid, key in older.items() if kid != signing.kid)])


def _derive_key(name: str, secret: object, issuer: str, purpose: str) -> Key:
    if not isinstance(secret, (str, bytes)):
        raise SettingsError(f"{name} must be text or bytes, not {type(secret).__name__}; {_MAKE_ONE}")
    try:
        data = secret.encode() if isinstance(secret, str) else secret
    except UnicodeEncodeError:  # which holds the secret
        raise SettingsError(f"{name} is not text that UTF-8 can write; {_MAKE_ONE}") from None
    _check_secret(name, data)
    return Key.derive(data, purpose=purpose, issuer=issuer)


def _check_secret(name: str, secret: bytes) -> None:
    try:
        check_secret(secret)
    except InvalidKey as error:
        raise SettingsError(f"{name} {error}; {_MAKE_ONE}") from error
