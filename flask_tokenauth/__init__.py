"""Authentication for Flask with JWT bearer tokens."""

from .core.errors import SettingsError, TokenError
from .core.verifier import Token
from .extension import TokenAuth
from .guards import login_optional, login_required, public, require_scope
from .refusals import AuthError, InvalidRequest, NotAuthenticated, NotPermitted
from .signals import token_issued, token_refused
from .tokens import create_token, token_response
from .users import current_user, get_token, get_user

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
    "current_user",
    "get_token",
    "get_user",
    "login_optional",
    "login_required",
    "public",
    "require_scope",
    "token_issued",
    "token_refused",
    "token_response",
]
