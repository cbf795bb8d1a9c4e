"""Tokens that are decoded but not verified: for ``flask tokenauth inspect``, which shows them to people.

No signature is checked here, so no decision may depend on the result. For decisions there is ``Token``, which only a
verifier returns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from ..encoding import base64url
from ..encoding.limits import is_time
from ..form_errors import MalformedToken
from .claims import read_claims

MAX_UNVERIFIED = 1024 * 1024  # characters; no setting lets an application read longer tokens
_PARTS = 3  # header, payload and signature, RFC 7515 section 7.1
_TIMES = ("auth_time", "iat", "nbf", "exp")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedToken:
    """The header and the claims of a token that nothing has verified. Each is None if it cannot be read."""

    header: Mapping[str, object] | None = field(repr=False)
    claims: Mapping[str, object] | None = field(repr=False)

    @property
    def times(self) -> dict[str, datetime]:
        """The claims that are times, aware, in UTC. A time that is missing or malformed is left out."""
        claims = self.claims or {}
        return {name: _to_datetime(claims[name]) for name in _TIMES if is_time(claims.get(name))}


def parse_unverified(text: str) -> UnverifiedToken:
    """Return the header and the claims of a token, as far as they can be read. No signature is checked.

    It never raises. For an encrypted token (RFC 7516) only the header is read.

    Args:
        text: any string, untrusted. One that is longer than ``MAX_UNVERIFIED`` characters is not read at all.
    """
    if len(text) > MAX_UNVERIFIED:
        return UnverifiedToken(header=None, claims=None)
    parts = text.encode("ascii", "replace").split(b".")  # a question mark is not base64url
    return UnverifiedToken(
        header=_read_object(parts[0]),
        claims=_read_object(parts[1]) if len(parts) == _PARTS else None,
    )


def _read_object(part: bytes) -> Mapping[str, object] | None:
    try:
        return read_claims(base64url.decode(part))
    except (ValueError, MalformedToken):
        return None


def _to_datetime(seconds: object) -> datetime:
    return datetime.fromtimestamp(cast("float", seconds), UTC)
