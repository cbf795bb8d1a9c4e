"""Authentication for Flask with JWT bearer tokens."""

from typing import TYPE_CHECKING

from .authentication.refusals import AuthError, InvalidRequest, NotAuthenticated, NotPermitted, TemporarilyUnavailable
from .core.errors import KeySetUnavailable, SettingsError, StoreUnavailable
from .core.records.api_key import ApiKey
from .core.records.grant import Grant
from .core.records.session import Session
from .core.token_errors import TokenError
from .core.tokens.token import Token
from .downstream.forwarding import forward_headers, get_token_text
from .extension import TokenAuth
from .guards.decorators import login_optional, login_required, public, require_claim, require_scope
from .guards.sharing import shareable
from .lifecycle.access_tokens import create_token
from .lifecycle.api_keys import NewApiKey
from .lifecycle.sign_in import token_response
from .signals import (
    api_key_created,
    api_key_revoked,
    refresh_retried,
    refresh_reused,
    session_ended,
    session_refreshed,
    session_started,
    store_rolled_back,
    token_accepted,
    token_exchanged,
    token_issued,
    token_refused,
    token_revoked,
    user_revoked,
)
from .users import current_user, get_token, get_user

if TYPE_CHECKING:
    from .core.trusted_issuers.issuer import TrustedIssuer
else:

    def __getattr__(name: str) -> object:
        """Import ``TrustedIssuer`` when it is used: with all providers it costs much, and few applications need it."""
        if name != "TrustedIssuer":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from .core.trusted_issuers.issuer import TrustedIssuer  # noqa: PLC0415  # see above

        return TrustedIssuer

    def __dir__() -> list[str]:
        """Return the public names too that are not imported yet, for tools that complete names."""
        return sorted({*globals(), *__all__})


__all__ = [
    "ApiKey",
    "AuthError",
    "Grant",
    "InvalidRequest",
    "KeySetUnavailable",
    "NewApiKey",
    "NotAuthenticated",
    "NotPermitted",
    "Session",
    "SettingsError",
    "StoreUnavailable",
    "TemporarilyUnavailable",
    "Token",
    "TokenAuth",
    "TokenError",
    "TrustedIssuer",
    "api_key_created",
    "api_key_revoked",
    "create_token",
    "current_user",
    "forward_headers",
    "get_token",
    "get_token_text",
    "get_user",
    "login_optional",
    "login_required",
    "public",
    "refresh_retried",
    "refresh_reused",
    "require_claim",
    "require_scope",
    "session_ended",
    "session_refreshed",
    "session_started",
    "shareable",
    "store_rolled_back",
    "token_accepted",
    "token_exchanged",
    "token_issued",
    "token_refused",
    "token_response",
    "token_revoked",
    "user_revoked",
]
