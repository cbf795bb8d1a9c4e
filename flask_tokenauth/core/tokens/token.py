"""The verified access token, which is immutable."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import msgspec

from ..encoding.immutable_json import thaw
from .claims import read_audience


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A verified access token. There are no others: what is merely decoded is not a ``Token``. Deeply immutable."""

    subject: str  # "sub", whose token it is, RFC 7519 section 4.1.2
    scopes: frozenset[str]  # "scope", RFC 6749 section 3.3; empty where there is none
    claims: Mapping[str, object]  # all of them; arrays are tuples

    @property
    def issuer(self) -> str | None:
        """``iss``, who issued it; like all that follows None only where the policy does not require it."""
        return self._find_text("iss")

    @property
    def audience(self) -> frozenset[str]:
        """``aud``, for whom it is; empty where it does not say."""
        return read_audience(self.claims)

    @property
    def expires_at(self) -> datetime:
        """``exp``, aware, UTC."""
        return _instant(self.claims["exp"])

    @property
    def issued_at(self) -> datetime | None:
        """``iat``, aware, UTC."""
        return self._find_instant("iat")

    @property
    def token_id(self) -> str | None:
        """``jti``, the token ID (RFC 7519 section 4.1.7)."""
        return self._find_text("jti")

    @property
    def session_id(self) -> str | None:
        """``sid``, the sign-in that it belongs to."""
        return self._find_text("sid")

    @property
    def client_id(self) -> str | None:
        """``client_id``, the client that the user uses (RFC 8693 section 4.3)."""
        return self._find_text("client_id")

    @property
    def auth_time(self) -> datetime | None:
        """``auth_time``, when the user last signed in, aware, UTC."""
        return self._find_instant("auth_time")

    @property
    def epoch(self) -> int:
        """``epoch``: of the user when it was issued, as the store had it; 0 where it does not say."""
        return cast("int", self.claims.get("epoch", 0))

    def to_dict(self) -> dict[str, object]:
        """Return a copy of all claims in plain dicts and lists, to be changed or written as JSON."""
        return {name: thaw(value) for name, value in self.claims.items()}

    def _find_text(self, name: str) -> str | None:
        return cast("str | None", self.claims.get(name))

    def _find_instant(self, name: str) -> datetime | None:
        return _instant(self.claims[name]) if name in self.claims else None

    def __hash__(self) -> int:
        return hash((self.subject, self.token_id, self.scopes))

    def __repr__(self) -> str:
        scopes = " ".join(sorted(self.scopes))
        return f"Token(subject={self.subject!r}, scopes={scopes!r}, token_id={self.token_id!r})"


def _instant(seconds: object) -> datetime:
    return datetime.fromtimestamp(cast("float", seconds), UTC)  # a number in range, as the policy checked
