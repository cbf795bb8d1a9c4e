"""What a token is, with no web framework: for workers, sockets and other programs that must judge or make one."""

from .errors import InvalidKey, Refusal, TokenError
from .keys.key import Key
from .keys.key_set import KeySet
from .tokens import jws
from .tokens.claims import ClaimsPolicy
from .tokens.issuing import Issuer
from .tokens.token import Token
from .tokens.verifier import Verifier

__all__ = ["ClaimsPolicy", "InvalidKey", "Issuer", "Key", "KeySet", "Refusal", "Token", "TokenError", "Verifier", "jws"]
