"""Helpers for the tests of tokens that are looked up: a store that counts its calls, and records."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_tokenauth.core.encoding.digests import digest_of, id_of
from flask_tokenauth.core.encoding.prefixes import REFERENCE_PREFIX
from flask_tokenauth.core.opaque.checksummed_text import hint_of, make_text
from flask_tokenauth.core.opaque.lookups import Lookups
from flask_tokenauth.core.records.api_key import ApiKey
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.records.reference_token import ReferenceToken
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.token import Token

from ...conftest import AUDIENCE, ISSUER, NOW

PREFIXES = ("ta_", "acme_")
POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}), leeway=timedelta(seconds=10))


@dataclass
class CountingStore:
    """The part of a store that explains tokens. It notes each digest that it is asked about."""

    api_keys: dict[str, ApiKey] = field(default_factory=dict)
    references: dict[str, ReferenceToken] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    written: list[Mapping[str, timedelta]] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None  # called after the record was read, before it is returned

    def find_api_key(self, digest: str) -> ApiKey | None:
        self.asked.append(digest)
        found = self.api_keys.get(digest)
        self.meanwhile()
        return found

    def find_reference_token(self, digest: str) -> ReferenceToken | None:
        self.asked.append(digest)
        found = self.references.get(digest)
        self.meanwhile()
        return found

    def add_reference_token(self, token: ReferenceToken) -> None:
        self.references[token.digest] = token

    def note_uses_of_api_keys(self, ages: Mapping[str, timedelta]) -> None:
        self.written.append(ages)
        self.meanwhile()


@dataclass
class Seconds:
    """A monotonic clock that tests set."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def add_api_key(store: CountingStore, prefix: str = "ta_", **changes: Any) -> str:
    """Add an API key to a store, and return it."""
    text = make_text(prefix)
    digest = digest_of(text)
    facts: dict[str, Any] = {
        "id": id_of(digest),
        "user_id": "alice",
        "name": "laptop",
        "hint": hint_of(text, prefix),
        "grant": Grant(scopes=("a", "b"), audience=frozenset({AUDIENCE})),
        "created_at": datetime.fromtimestamp(NOW, UTC),
        "last_used_at": None,
        "expires_at": None,
        "key_epoch": 0,
    }
    store.api_keys[digest] = ApiKey(**facts | changes)
    return text


def add_reference(store: CountingStore, *, raw: str | None = None, user_id: str = "alice", **changes: object) -> str:
    """Add a reference token to a store, and return it.

    Args:
        store: the store.
        raw: its claims as they are stored, instead of JSON of good ones.
        user_id: the user in the record.
        changes: of the claims; ``...`` leaves one out.
    """
    text = make_text(REFERENCE_PREFIX)
    digest = digest_of(text)
    good: dict[str, object] = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "exp": NOW + 900,
        "iat": NOW,
        "jti": id_of(digest),
        "client_id": ISSUER,
        "scope": "a b",
    }
    claims = {name: value for name, value in (good | changes).items() if value is not ...}
    store.references[digest] = ReferenceToken(
        digest=digest,
        user_id=user_id,
        epoch=0,
        claims=json.dumps(claims) if raw is None else raw,
        expires_at=int((NOW + 2000) * 1000),
    )
    return text


def make_lookups(
    store: CountingStore,
    monotonic: Callable[[], float],
    *,
    size: int = 8,
    revoked: Callable[[Token], bool] = lambda token: False,
) -> Lookups:
    return Lookups(
        store,  # type: ignore[arg-type]  # it has all that is used
        POLICY,
        is_revoked=revoked,
        api_key_prefixes=PREFIXES,
        size=size,
        monotonic=monotonic,
    )
