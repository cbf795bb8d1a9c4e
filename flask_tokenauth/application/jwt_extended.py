"""The settings of Flask-JWT-Extended, and their counterparts here. People who come from there write them by habit."""

from types import MappingProxyType

from .setting_types import PREFIX

JWT_PREFIX = "JWT_"
PAGE = '"Coming from Flask-JWT-Extended" in the documentation'

# By their names without the prefix. docs/coming_from_flask_jwt_extended.rst has the same.
_COUNTERPARTS = MappingProxyType(
    {
        "SECRET_KEY": "SECRET_KEY",
        "ALGORITHM": f"{PREFIX}KEYS",
        "PRIVATE_KEY": f"{PREFIX}KEYS",
        "PUBLIC_KEY": f"{PREFIX}KEYS",
        "ACCESS_TOKEN_EXPIRES": f"{PREFIX}ACCESS_LIFETIME",
        "REFRESH_TOKEN_EXPIRES": f"{PREFIX}REFRESH_IDLE_LIFETIME",
        "ENCODE_ISSUER": f"{PREFIX}ISSUER",
        "DECODE_ISSUER": f"{PREFIX}ISSUER",
        "ENCODE_AUDIENCE": f"{PREFIX}AUDIENCE",
        "DECODE_AUDIENCE": f"{PREFIX}AUDIENCE",
        "DECODE_LEEWAY": f"{PREFIX}LEEWAY",
        "TOKEN_LOCATION": f"{PREFIX}COOKIES",
        "COOKIE_SAMESITE": f"{PREFIX}COOKIE_SAMESITE",
    }
)
_WITHOUT = frozenset({
    "DECODE_ALGORITHMS", "ENCODE_NBF", "ERROR_MESSAGE_KEY", "HEADER_NAME", "HEADER_TYPE", "IDENTITY_CLAIM", "JSON_KEY",
    "REFRESH_JSON_KEY", "SESSION_COOKIE", "VERIFY_SUB",
})  # fmt: skip
_PREFIXES_WITHOUT = (
    "ACCESS_COOKIE_", "ACCESS_CSRF_", "BLACKLIST_", "COOKIE_", "CSRF_", "QUERY_STRING_", "REFRESH_COOKIE_",
    "REFRESH_CSRF_",
)  # fmt: skip


def find_counterpart(name: str) -> str | None:
    """Return the setting that takes the place of a setting of Flask-JWT-Extended.

    Args:
        name: its name without the prefix ``JWT_``.

    Returns:
        The key of the configuration. An empty string if there is no counterpart, and None if Flask-JWT-Extended has no
        such setting.
    """
    if name in _COUNTERPARTS:
        return _COUNTERPARTS[name]
    return "" if name in _WITHOUT or name.startswith(_PREFIXES_WITHOUT) else None
