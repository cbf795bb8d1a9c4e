"""Authentication for Flask with JWT bearer tokens."""

from .core.errors import SettingsError, TokenError
from .core.verifier import Token
from .extension import TokenAuth
from .guards import login_optional, login_required, public, require_scope
from .refusals import AuthError, InvalidRequest, NotAuthenticated, NotPermitted
from .tokens import create_token, token_response

__all__ = [
    "AuthError",
    "InvalidRequest",
    "NotAuthenticated",
    "NotPermitted",
    "SettingsError",
    "Token",
    "TokenAuth",
    "TokenError",
    "create_token",
    "login_optional",
    "login_required",
    "public",
    "require_scope",
    "token_response",
]
