"""Tokens without a web framework: for workers, sockets and other programs that verify or issue tokens."""

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import InvalidKey, PurgeRefused, Refusal, SettingsError, StoreUnavailable
from .keys.key import Key
from .keys.key_set import KeySet
from .records.api_key import ApiKey, ApiKeyToKeep
from .records.grant import Grant
from .records.reference_token import ReferenceToken
from .records.revocation import Revocation, RevocationPage
from .records.ring_use import RingUse
from .records.session import NewSession, Outcome, Redemption, Session, SessionPage, StartedSession, Terms
from .store import Store
from .token_errors import TokenError
from .tokens import jws
from .tokens.claims import ClaimsPolicy, read_claims
from .tokens.issuing import TokenIssuer
from .tokens.token import Token
from .tokens.verifier import Verifier

if TYPE_CHECKING:
    from .keys.encryption_key import EncryptionKey
    from .keys.encryption_keys import EncryptionKeys
    from .tokens.decryption import Decryption
else:
    _OF_ENCRYPTION = {
        "Decryption": ".tokens.decryption",
        "EncryptionKey": ".keys.encryption_key",
        "EncryptionKeys": ".keys.encryption_keys",
    }

    def __getattr__(name: str) -> object:
        """Import what encrypted tokens need when it is used: few applications encrypt."""
        if name not in _OF_ENCRYPTION:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_OF_ENCRYPTION[name], __name__), name)

    def __dir__() -> list[str]:
        """Return the public names too that are not imported yet, for tools that complete names."""
        return sorted({*globals(), *__all__})


__all__ = [
    "ApiKey",
    "ApiKeyToKeep",
    "ClaimsPolicy",
    "Decryption",
    "EncryptionKey",
    "EncryptionKeys",
    "Grant",
    "InvalidKey",
    "Key",
    "KeySet",
    "NewSession",
    "Outcome",
    "PurgeRefused",
    "Redemption",
    "ReferenceToken",
    "Refusal",
    "Revocation",
    "RevocationPage",
    "RingUse",
    "Session",
    "SessionPage",
    "SettingsError",
    "StartedSession",
    "Store",
    "StoreUnavailable",
    "Terms",
    "Token",
    "TokenError",
    "TokenIssuer",
    "Verifier",
    "jws",
    "read_claims",
]
