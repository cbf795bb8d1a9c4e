"""Refusals of an API key or a reference token: one class for each reason."""

from .token_errors import TokenError


class TokenDamaged(TokenError):
    """An API key or a reference token does not have its form, or its checksum is wrong. The store was not asked."""

    reason = "token_damaged"
    message = (
        "an API key or a reference token must be its prefix and 49 letters and digits with a good checksum, got "
        "another string: copy it again as a whole"
    )


class TokenUnknown(TokenError):
    """The store has no such API key or reference token that counts: it is unknown, was revoked, or has expired."""

    reason = "token_unknown"
    message = (
        "the store must have the API key or the reference token, and it has no such one that is still good: it was "
        "revoked, has expired, or belongs to another store. Make a new API key, or log in again"
    )


class ApiKeyRejected(TokenError):
    """The ``api_key_check`` of the application refused the API key."""

    reason = "api_key_rejected"
    message = "api_key_check of the application must return the scopes of the API key, and it returned None"


class NoApiKey(TokenError):
    """The header for API keys has something else than an API key."""

    reason = "api_key_expected"
    hint = "The header for API keys must have an API key."
    message = (
        "the header TOKENAUTH_API_KEY_HEADER must have an API key with a prefix of TOKENAUTH_API_KEY_PREFIX, got "
        "another string: send access tokens as Authorization: Bearer <token>"
    )
