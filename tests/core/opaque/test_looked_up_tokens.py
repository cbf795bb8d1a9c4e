"""Tokens that were looked up have the fields of each other token."""

from datetime import UTC, datetime
from typing import Any

import pytest

from flask_tokenauth.core.opaque.looked_up_tokens import ApiKeyToken, LookedUpToken
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.tokens.token import Token

from ...conftest import AUDIENCE, ISSUER, NOW
from .kit import CountingStore, add_api_key


def make(issuer: str | None = ISSUER, **changes: Any) -> ApiKeyToken:
    store = CountingStore()
    add_api_key(store, **changes)
    [key] = store.api_keys.values()
    return ApiKeyToken.of(key, issuer=issuer)


def test_an_api_key_has_its_scopes_and_its_id() -> None:
    token = make()

    assert (token.kind, token.subject) == ("api_key", "alice")
    assert token.scopes == {"a", "b"}
    assert token.api_key_id == token.api_key.id
    assert token.issued_at == datetime.fromtimestamp(NOW, UTC)


def test_an_api_key_has_exp_only_if_it_expires() -> None:
    end = datetime.fromtimestamp(NOW + 60.5, UTC)

    assert (make().expires_at, "exp" in make().claims) == (None, False)
    assert make(expires_at=end).expires_at == end


def test_an_api_key_without_audience_scopes_and_issuer_has_no_such_claims() -> None:
    token = make(None, grant=Grant())

    assert token.to_dict() == {"sub": "alice", "iat": NOW}
    assert (token.issuer, token.audience, token.scopes) == (None, frozenset(), frozenset())


def test_an_api_key_for_several_audiences_has_a_list() -> None:
    token = make(grant=Grant(audience=frozenset({AUDIENCE, "https://b.example"})))

    assert token.to_dict()["aud"] == [AUDIENCE, "https://b.example"]


@pytest.mark.parametrize("scopes", [["a"], []])
def test_a_narrowed_token_has_other_scopes_and_the_same_key(scopes: list[str]) -> None:
    token = make()

    narrowed = token.narrowed(scopes)

    assert narrowed.scopes == set(scopes)
    assert narrowed.claims.get("scope") == (" ".join(scopes) or None)
    assert narrowed.api_key == token.api_key
    assert token.claims["scope"] == "a b"


@pytest.mark.parametrize(
    "token", [make(), LookedUpToken(subject="alice", scopes=frozenset(), claims={"sub": "alice"})], ids=["key", "ref"]
)
def test_a_copy_is_equal_and_another_object(token: Any) -> None:
    copied = token.copy()

    assert copied == token
    assert copied is not token
    assert type(copied) is type(token)


def test_claims_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        make().claims["sub"] = "mallory"  # type: ignore[index]  # this is the test


def test_only_reference_tokens_and_api_keys_say_so() -> None:
    facts: Any = {"subject": "alice", "scopes": frozenset(), "claims": {}}

    assert [Token(**facts).kind, LookedUpToken(**facts).kind, make().kind] == ["jwt", "reference", "api_key"]
    assert [Token(**facts).api_key_id, LookedUpToken(**facts).api_key_id] == [None, None]


def test_a_representation_has_no_part_of_the_key() -> None:
    store = CountingStore()
    text = add_api_key(store)
    [key] = store.api_keys.values()
    token = ApiKeyToken.of(key, issuer=ISSUER)

    assert text[3:] not in f"{token!r} {token} {key!r} {token.claims}"
