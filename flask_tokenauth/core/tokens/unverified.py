"""What a token merely says, read for people and judged by nobody: for ``flask tokenauth inspect`` and nothing else.

No signature is checked here, so nothing of it may ever decide anything; what may is a :class:`.verifier.Token`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from ..encoding import base64url
from ..errors import MalformedClaim, MalformedToken
from .claims import check_time, read_claims

MAX_UNVERIFIED = 1024 * 1024  # characters; the most that any setting lets an application read
_PARTS = 3  # header, payload and signature, RFC 7515 section 7.1
_TIMES = ("auth_time", "iat", "nbf", "exp")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedToken:
    """The header and the claims that somebody wrote, whoever it was; None for what cannot be read. Deeply immutable."""

    header: Mapping[str, object] | None = field(repr=False)
    claims: Mapping[str, object] | None = field(repr=False)

    @property
    def times(self) -> dict[str, datetime]:
        """The claims that are times, aware, UTC; without those that no clock could show."""
        return {name: at for name in _TIMES if (at := _find_time(self.claims or {}, name))}


def parse_unverified(text: str) -> UnverifiedToken:
    """Return what *text* says, as far as it can be read; it never raises.

    Args:
        text: untrusted, of any form. Of an encrypted token (RFC 7516) the header is read. What is longer than
            ``MAX_UNVERIFIED`` is not looked at.
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


def _find_time(claims: Mapping[str, object], name: str) -> datetime | None:
    value = claims.get(name)
    try:
        check_time(name, value)
    except MalformedClaim:
        return None
    return datetime.fromtimestamp(cast("float", value), UTC)
