"""Verified tokens, which cannot be changed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, cast

import msgspec

from ..encoding.immutable_json import thaw
from ..encoding.limits import is_time
from .claims import read_audience
from .delegation import find_actor

TokenKind = Literal["jwt", "reference", "api_key", "ticket"]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A verified token, deeply immutable. A token that was decoded but not verified is never a ``Token``.

    It is an access token, an API key or a ticket. All kinds have the same fields; an API key has no value for some of
    them.
    """

    subject: str  # "sub", the user, RFC 7519 section 4.1.2
    scopes: frozenset[str]  # "scope", RFC 6749 section 3.3; empty if the token has none
    claims: Mapping[str, object]  # all claims; arrays are tuples

    @property
    def kind(self) -> TokenKind:
        """The kind of credential: "jwt", "reference" (a reference token), "api_key" or "ticket"."""
        return "jwt"

    @property
    def api_key_id(self) -> str | None:
        """The ID of the API key; None for other kinds."""
        return None

    @property
    def issuer(self) -> str | None:
        """``iss``, the issuer (RFC 7519 section 4.1.1). None if it is missing and the policy does not require it."""
        return self._find_string("iss")

    @property
    def audience(self) -> frozenset[str]:
        """``aud``, the recipients (RFC 7519 section 4.1.3). Empty if the token has none."""
        return read_audience(self.claims)

    @property
    def expires_at(self) -> datetime | None:
        """``exp``, the time at which the token expires, aware, in UTC (RFC 7519 section 4.1.4).

        None for an API key that does not expire.
        """
        return self._find_instant("exp")

    @property
    def issued_at(self) -> datetime | None:
        """``iat``, the time at which the token was issued, aware, in UTC; None if it is missing."""
        return self._find_instant("iat")

    @property
    def token_id(self) -> str | None:
        """``jti``, the token ID (RFC 7519 section 4.1.7); None if it is missing."""
        return self._find_string("jti")

    @property
    def session_id(self) -> str | None:
        """``sid``, the session that the token belongs to; None if it belongs to none."""
        return self._find_string("sid")

    @property
    def client_id(self) -> str | None:
        """``client_id``, the client that the user uses (RFC 8693 section 4.3); None if it is missing or no string."""
        client_id = self.claims.get("client_id")
        return client_id if isinstance(client_id, str) and client_id else None

    @property
    def actor(self) -> str | None:
        """``sub`` of ``act``, the service that uses the token for the user (RFC 8693 section 4.1).

        None if the user uses it, or if ``act`` has another form, which an issuer that you trust may give it.
        """
        return find_actor(self.claims)

    @property
    def auth_time(self) -> datetime | None:
        """``auth_time``, the time at which the user last signed in, aware, in UTC; None without such a number."""
        return self._find_instant("auth_time")

    @property
    def epoch(self) -> int:
        """``epoch``, the epoch that the user had in the store when the token was issued; 0 if it is missing."""
        return cast("int", self.claims.get("epoch", 0))

    def to_dict(self) -> dict[str, object]:
        """Return a copy of all claims in plain dicts and lists. You can change it or write it as JSON."""
        return {name: thaw(value) for name, value in self.claims.items()}

    def _find_string(self, name: str) -> str | None:
        return cast("str | None", self.claims.get(name))

    def _find_instant(self, name: str) -> datetime | None:
        return _instant(self.claims[name]) if is_time(self.claims.get(name)) else None

    def __hash__(self) -> int:
        return hash((self.subject, self.token_id, self.scopes))

    def __repr__(self) -> str:
        scopes = " ".join(sorted(self.scopes))
        return f"Token(subject={self.subject!r}, scopes={scopes!r}, token_id={self.token_id!r})"


def _instant(seconds: object) -> datetime:
    return datetime.fromtimestamp(cast("float", seconds), UTC)  # a number in range, as the policy checked
