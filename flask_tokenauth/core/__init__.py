"""What a token is, with no web framework: for workers, sockets and other programs that must judge or make one."""

from . import jws
from .claims import ClaimsPolicy
from .errors import InvalidKey, Refusal, TokenError
from .issuer import Issuer
from .keys.key import Key, KeySet
from .verifier import Token, Verifier

__all__ = ["ClaimsPolicy", "InvalidKey", "Issuer", "Key", "KeySet", "Refusal", "Token", "TokenError", "Verifier", "jws"]
