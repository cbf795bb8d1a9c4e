"""Verified tokens that a store has explained, beside the JWTs that explain themselves."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import force_setattr

from ..records.api_key import ApiKey
from ..tokens.audience import write_audience
from ..tokens.token import Token, TokenKind


class LookedUpToken(Token, frozen=True, kw_only=True):
    """A verified reference token. Its claims are those of the access token that it stands for."""

    @property
    def kind(self) -> TokenKind:
        """Always "reference"."""
        return "reference"

    def copy(self) -> "LookedUpToken":
        """Return a new token that is equal: there are ways around ``frozen``, as for each JWT."""
        return LookedUpToken(subject=self.subject, scopes=self.scopes, claims=self.claims)


class ApiKeyToken(Token, frozen=True, kw_only=True):
    """A verified API key. It has neither ``jti`` nor ``sid`` nor ``auth_time``, and ``exp`` only if the key expires."""

    api_key: ApiKey

    @classmethod
    def of(cls, api_key: ApiKey, *, issuer: str | None) -> "ApiKeyToken":
        """Return the token of an API key.

        Args:
            api_key: is live.
            issuer: ``iss``; None if it is not known.
        """
        claims: dict[str, object] = {"sub": api_key.user_id, "iat": int(api_key.created_at.timestamp())}
        if issuer is not None:
            claims["iss"] = issuer
        if api_key.grant.audience is not None:
            claims["aud"] = write_audience(api_key.grant.audience)
        if api_key.expires_at is not None:
            claims["exp"] = api_key.expires_at.timestamp()
        return cls._with(api_key, claims, api_key.scopes)

    def narrowed(self, scopes: Iterable[str]) -> "ApiKeyToken":
        """Return the same token with other scopes."""
        claims = {name: value for name, value in self.claims.items() if name != "scope"}
        return self._with(self.api_key, claims, scopes)

    @classmethod
    def _with(cls, api_key: ApiKey, claims: dict[str, object], scopes: Iterable[str]) -> "ApiKeyToken":
        granted = tuple(scopes)
        if granted:
            claims["scope"] = " ".join(granted)
        frozen: Mapping[str, object] = MappingProxyType(claims)
        return cls(subject=api_key.user_id, scopes=frozenset(granted), claims=frozen, api_key=api_key)

    def copy(self) -> "ApiKeyToken":
        """Return a new token that is equal, with a new key and grant: there are ways around ``frozen``."""
        api_key: Any = self.api_key
        api_key, grant = api_key.__copy__(), api_key.grant.__copy__()  # copy() takes five calls to find the method
        force_setattr(api_key, "grant", grant)
        return ApiKeyToken(subject=self.subject, scopes=self.scopes, claims=self.claims, api_key=api_key)

    @property
    def kind(self) -> TokenKind:
        """Always "api_key"."""
        return "api_key"

    @property
    def api_key_id(self) -> str:
        """The ID of the key."""
        return self.api_key.id
