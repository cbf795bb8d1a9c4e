"""Keys as JWKs, the one form that every application measured can take. Imports nothing, so that memory stays honest."""

from collections.abc import Mapping
from typing import Any

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")

Jwk = Mapping[str, Any]  # the private half, or the secret

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi"})


def public_half(jwk: Jwk) -> dict[str, Any]:
    """Return what verifies: the public half, or the secret, which has none."""
    return {name: value for name, value in jwk.items() if name not in _PRIVATE_MEMBERS}
