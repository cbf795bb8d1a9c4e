"""What a token is, with no web framework: for workers, sockets and other programs that must judge or make one."""

from .errors import InvalidKey, Refusal, TokenError
from .keys.key import Key, KeySet
from .tokens import jws
from .tokens.claims import ClaimsPolicy
from .tokens.issuing import Issuer
from .tokens.verifier import Token, Verifier

__all__ = ["ClaimsPolicy", "InvalidKey", "Issuer", "Key", "KeySet", "Refusal", "Token", "TokenError", "Verifier", "jws"]
