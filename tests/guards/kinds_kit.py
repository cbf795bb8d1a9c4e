"""Tokens of each kind: JWTs, reference tokens and API keys, which are good in every application with the same store."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.encoding.digests import digest_of
from flask_tokenauth.core.opaque.checksummed_text import hint_of, make_text
from flask_tokenauth.core.opaque.new_reference import NewReferenceToken
from flask_tokenauth.core.records.api_key import MOST_API_KEYS, ApiKeyToKeep
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.tokens.token import TokenKind
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import AUDIENCE, Mint

KINDS: tuple[TokenKind, ...] = ("jwt", "reference", "api_key")  # of tokens in headers; a ticket is in the query
HEADER = "X-API-Key"

#: Run a test with tokens of each kind: the fixture ``mint`` makes them, and ``make_app`` accepts them.
over_kinds = pytest.mark.usefixtures("kind")

#: The status of a good token of each kind at a guard without scopes that says nothing about kinds.
PLAIN: dict[TokenKind, int] = {"jwt": 200, "reference": 200, "api_key": 403}


def looked_up(store: MemoryStore) -> dict[str, Any]:
    """Return the settings of an application that accepts tokens of all kinds."""
    return {"TOKENAUTH_STORE": store, "TOKENAUTH_API_KEYS": True, "TOKENAUTH_API_KEY_HEADER": HEADER}


@dataclass
class KindMint(Mint):
    """A maker of tokens of one kind, with the claims of a good token as ``Mint`` has them.

    An API key gets the user and the scopes, since it has no other claims.
    """

    kind: TokenKind = "jwt"
    store: MemoryStore | None = None

    def __call__(self, *, typ: str | None = "at+jwt", **changes: object) -> str:
        assert self.store is not None
        if self.kind == "jwt":
            return super().__call__(typ=typ, **changes)
        claims = self.claims(**changes)
        if self.kind == "api_key":
            return add_api_key(self.store, str(claims["sub"]), str(claims.get("scope", "")))
        reference = NewReferenceToken(self.store, leeway=timedelta(0))
        claims["jti"] = reference.token_id
        reference.keep(claims, json.dumps(claims).encode())
        return reference.text


def add_api_key(store: MemoryStore, user_id: str = "alice", scope: str = "reports:read") -> str:
    """Add an API key to *store*, and return it."""
    text = make_text("ta_")
    grant = Grant(scopes=tuple(scope.split()), audience=frozenset({AUDIENCE}))
    store.add_api_key(
        ApiKeyToKeep(digest=digest_of(text), user_id=user_id, name="ci", hint=hint_of(text, "ta_"), grant=grant),
        most=MOST_API_KEYS,
    )
    return text
