"""Encryption keys, and tokens that are encrypted for them."""

import json
from dataclasses import dataclass
from typing import Any

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.keys.encryption_key import EncryptionKey

from .conftest import Mint

KEY = EncryptionKey.generate("dir", kid="e1")
OTHER = EncryptionKey.generate("dir", kid="e2")
PAIR = EncryptionKey.generate("ECDH-ES+A256KW", kid="e3")


def keys_setting(*keys: EncryptionKey, **further: Any) -> dict[str, Any]:
    """Return the settings of an application with these encryption keys, and *further* ones."""
    return {"TOKENAUTH_ENCRYPTION_KEYS": [key.to_jwk(private=True) for key in keys or (KEY,)]} | further


def encrypt(text: str, key: EncryptionKey = KEY, **header: object) -> str:
    """Return *text* encrypted, with a changed header. The value ``...`` leaves a member out."""
    members = {"cty": "JWT", "typ": "at+jwt"} | header
    return key.encrypt({name: value for name, value in members.items() if value is not ...}, text.encode())


@dataclass
class EncryptedMint(Mint):
    """A signer of any claims, which encrypts each token."""

    def __call__(self, *, typ: str | None = "at+jwt", **changes: object) -> str:
        return encrypt(super().__call__(typ=typ, **changes))


def with_header(text: str, **changes: object) -> str:
    """Return an encrypted token whose header was changed. The value ``...`` takes a member away."""
    header, _, rest = text.partition(".")
    members = json.loads(base64url.decode(header.encode())) | changes
    written = json.dumps({name: value for name, value in members.items() if value is not ...}).encode()
    return f"{base64url.encode(written).decode()}.{rest}"
