"""The types of settings that few applications have. Code that reads a value is imported with the first one."""

from typing import Any

from .setting_types import SettingType


def _read_encryption_keys(value: object) -> Any:
    from .encryption_settings import read_encryption_keys  # noqa: PLC0415  # see above

    return read_encryption_keys(value)


def _read_clients(value: object) -> Any:
    from .introspection_clients import read_clients  # noqa: PLC0415  # see above

    return read_clients(value)


def _read_instant(value: object) -> Any:
    from .encryption_settings import read_instant  # noqa: PLC0415  # see above

    return read_instant(value)


def _read_issuers(value: object) -> Any:
    from .trusted_issuers import read_issuers  # noqa: PLC0415  # see above

    return read_issuers(value)


ENCRYPTION_KEYS = SettingType("a path, a JWK Set or a list of JWKs", _read_encryption_keys)
INTROSPECTION_CLIENTS = SettingType("a dict from client IDs to hashes of their secrets", _read_clients)
INSTANT = SettingType("a date such as 2027-02-01, or a time with its zone such as 2027-02-01T12:00:00Z", _read_instant)
TRUSTED_ISSUERS = SettingType("a list of TrustedIssuer objects or of mappings", _read_issuers)
