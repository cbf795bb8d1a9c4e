"""Keys as JWKs, which all applications accept. This module imports no library, so that it adds no memory."""

from collections.abc import Mapping
from typing import Any

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")

Jwk = Mapping[str, Any]  # the private key, or the secret

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi"})


def public_half(jwk: Jwk) -> dict[str, Any]:
    """Return the key for verification: the public half of a key pair, or the whole secret."""
    return {name: value for name, value in jwk.items() if name not in _PRIVATE_MEMBERS}
