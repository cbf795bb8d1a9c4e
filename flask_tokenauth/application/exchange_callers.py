"""The setting ``TOKENAUTH_EXCHANGE``: which services may exchange tokens, for which audiences."""

from collections.abc import Mapping
from typing import NamedTuple

from ..core.encoding.limits import MAX_IDENTIFIER
from ..core.errors import SettingsError
from ..core.keys.key_set import KeySet
from .setting_types import PREFIX, STRINGS, SettingType, read_string, read_strings


class ExchangeCaller(NamedTuple):
    """A service that may exchange tokens."""

    name: str  # ``sub`` of its token, or its client ID
    audience: frozenset[str]  # of the tokens that it may have


_NEEDS_KEY = (
    f"an exchange of tokens needs {PREFIX}KEYS with a private key, got {{}}: other services need a public key to "
    "verify the new token, so make a key with python -m flask_tokenauth keys generate"
)


def _read_callers(value: object) -> tuple[ExchangeCaller, ...]:
    """Read ``{"caller": ["https://audience", …]}``."""
    if not isinstance(value, Mapping):
        raise TypeError
    return tuple(
        ExchangeCaller(_read_name(number, name), _read_audience(number, audience))
        for number, (name, audience) in enumerate(value.items(), 1)
    )


def _read_name(number: int, name: object) -> str:
    try:
        return read_string(name)
    except ValueError:
        raise SettingsError(
            f"caller {number} must be sub of a token or a client ID, 1 to {MAX_IDENTIFIER} printable characters, "
            f"got {type(name).__name__}: correct it"
        ) from None


def _read_audience(number: int, audience: object) -> frozenset[str]:
    try:
        return read_strings(audience)
    except ValueError:
        raise SettingsError(
            f"the audience of caller {number} must be {STRINGS.form}, got {type(audience).__name__}: name those "
            "that it may have, or remove the caller"
        ) from None


def check_exchange_key(keys: KeySet) -> None:
    """Check that other services can verify what the keys sign.

    Raises:
        SettingsError: no key signs, or a secret does.
    """
    key = keys.signing_key
    if key is None or key.key_type == "oct":
        raise SettingsError(_NEEDS_KEY.format("no key that signs" if key is None else "a secret"))


def check_exchange(callers: tuple[ExchangeCaller, ...], keys: KeySet, *, has_store: bool) -> None:
    """Check what the endpoint for exchanges needs.

    Args:
        callers: as the setting has them.
        keys: of the application.
        has_store: whether the application has a store.

    Raises:
        SettingsError: there is no store, or no key that signs for others.
    """
    if not callers:
        return
    if not has_store:
        raise SettingsError(
            f"{PREFIX}EXCHANGE needs {PREFIX}STORE, which is not set: set it to the database that keeps the sessions, "
            "since each exchange asks it whether the token was revoked"
        )
    try:
        check_exchange_key(keys)
    except SettingsError as error:
        raise SettingsError(f"{PREFIX}EXCHANGE: {error}") from None


EXCHANGE = SettingType("a dict from callers to the audiences that they may have", _read_callers)
