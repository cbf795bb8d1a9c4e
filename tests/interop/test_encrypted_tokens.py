"""Foreign software decrypts our tokens, and encrypts tokens for us: each pair of algorithms that is offered."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from flask_tokenauth import Token
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.keys.key_ring import KeyRing
from flask_tokenauth.core.tokens.jwe import decrypt, open_token

from ..core.keys.encryption_kit import KEYS
from ..encryption_kit import encrypt, with_header
from . import jose_issuer, oidc_provider
from .conftest import Issuer, needs_foreign_software
from .jose_issuer import JoseIssuer
from .node_programs import NodeProgram, running
from .oidc_provider import OidcProvider
from .trusting_api import TrustingApi

pytestmark = needs_foreign_software

API = "https://api.example"
CHANGED = "token_not_decrypted"
Jwk = dict[str, object]


@pytest.fixture(params=KEYS)
def key(request: pytest.FixtureRequest) -> EncryptionKey:
    return KEYS[request.param]


@pytest.fixture
def jwk(key: EncryptionKey) -> Jwk:
    return key.to_jwk(private=True)


@pytest.fixture
def decrypted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that were decrypted, in their order."""
    found: list[str] = []
    real = EncryptionKey.decrypt

    def record(key: EncryptionKey, token: str) -> bytes:
        found.append(token)
        return real(key, token)

    monkeypatch.setattr(EncryptionKey, "decrypt", record)
    return found


@pytest.fixture(scope="module")
def opener() -> Iterator[NodeProgram]:
    with running("jose_opener.mjs") as program:
        yield program


@pytest.fixture(scope="module")
def jose() -> Iterator[JoseIssuer]:
    with jose_issuer.serving("ES256") as issuer:
        yield issuer


@pytest.fixture(scope="module")
def oidc() -> Iterator[OidcProvider]:
    with oidc_provider.serving() as provider:
        provider.publish("ES256/1", encrypts_for=map(given_to_issuers, KEYS.values()))
        yield provider


def given_to_issuers(key: EncryptionKey) -> Jwk:
    """Return what an issuer gets of a key: the public key, or the secret."""
    return key.to_jwk(private=key.algorithm == "dir")


def find_user(token: Token) -> str | None:
    """Return our user for one of theirs."""
    return {"alice": "user-1"}.get(token.subject)


def with_flipped_bits(token: str) -> list[str]:
    """Return an encrypted token several times, each time with one bit changed in another part after its header."""
    parts = token.split(".")
    changed = []
    for at, part in enumerate(parts[1:], start=1):
        content = bytearray(base64url.decode(part.encode()))
        if content:  # with dir there is no encrypted key
            content[len(content) // 2] ^= 1
            text = base64url.encode(bytes(content)).decode()
            changed.append(".".join([*parts[:at], text, *parts[at + 1 :]]))
    return changed


def test_jose_decrypts_our_token_and_verifies_the_one_inside(
    serve: Callable[..., Issuer], opener: NodeProgram, key: EncryptionKey, jwk: Jwk
) -> None:
    ring = KeyRing.start("EdDSA", now=time.time())
    issuer = serve(ring, TOKENAUTH_ENCRYPTION_KEYS=[jwk])
    question = {"jwk": jwk, "issuer": issuer.url, "audience": issuer.audience}
    token = issuer.log_in()["access_token"]

    found = opener.ask(question | {"token": token})

    assert found["outer"].items() >= (key.header_members() | {"cty": "JWT", "typ": "at+jwt"}).items()
    assert found["header"] == {"alg": "EdDSA", "kid": ring.active.key.kid, "typ": "at+jwt"}
    assert (found["claims"]["sub"], found["claims"]["iss"]) == ("alice", issuer.url)
    answers = [opener.ask(question | {"token": changed}) for changed in with_flipped_bits(token)]
    assert answers == [{"error": "ERR_JWE_DECRYPTION_FAILED"}] * (3 if key.algorithm == "dir" else 4)


def test_a_token_that_jose_signs_and_encrypts_is_believed_and_remembered_and_refused_if_a_bit_changes(
    jose: JoseIssuer, key: EncryptionKey, jwk: Jwk, decrypted: list[str]
) -> None:
    api = TrustingApi(
        issuer=jose.issuer,
        jwks_uri=jose.jwks_uri,
        audience=API,
        users="shared",
        scopes=["reports:read"],
        encryption_keys=[jwk],
    )
    claims = {"sub": "bob", "aud": API, "jti": "1", "client_id": "web", "scope": "reports:read"}
    token = jose.sign(claims, alg="ES256", jwk=given_to_issuers(key))
    accepted = {"user": "bob", "scopes": ["reports:read"], "issuer": jose.issuer}

    assert [api.ask(token) for _ in range(2)] == [accepted, accepted]

    assert decrypted == [token]
    assert jwt.get_unverified_header(open_token(token, EncryptionKeys([key])).text)["kid"] == "of ES256"
    assert {api.ask(changed) for changed in with_flipped_bits(token)} == {CHANGED}
    assert api.ask(with_header(token, typ="JWT")) == CHANGED  # the tag is for the header too
    assert api.ask(jose.sign(claims, alg="ES256")) == accepted  # plain


class TestOidcProvider:
    """oidc-provider encrypts by ``jwt.encrypt`` of ``getResourceServerInfo``."""

    def trusting(self, provider: OidcProvider, *audience: str, **changes: Any) -> TrustingApi:
        scopes = {"reports:read": "reports"}
        return TrustingApi(
            issuer=provider.issuer, discovery=True, audience=audience, users=find_user, scopes=scopes, **changes
        )

    def facts(self, provider: OidcProvider) -> dict[str, Any]:
        """Return the answer to a good token."""
        return {"user": "user-1", "scopes": ["reports"], "issuer": provider.issuer}

    def sign_in(self, provider: OidcProvider, resource: str, user: str = "alice") -> str:
        tokens = provider.sign_in(user, alg="ES256", resource=resource, scope="reports:read")
        token: str = tokens["access_token"]
        return token

    def test_its_encrypted_token_is_believed_and_remembered_beside_plain_ones(
        self, oidc: OidcProvider, key: EncryptionKey, jwk: Jwk, decrypted: list[str]
    ) -> None:
        resource, plain = f"{API}/ES256/{key.kid}", f"{API}/ES256"
        token = self.sign_in(oidc, resource)
        api = self.trusting(oidc, resource, plain, encryption_keys=[jwk])

        found = [api.ask(token), api.ask(token), api.ask(self.sign_in(oidc, plain))]

        assert found == [self.facts(oidc)] * 3
        assert decrypted == [token]
        header = dict(open_token(token, EncryptionKeys([key])).header)
        header.pop("epk", None)
        assert header == key.header_members() | {"iss": oidc.issuer, "aud": resource, "cty": "at+jwt"}

    def test_a_user_who_is_not_ours_and_another_audience_are_refused_as_with_plain_tokens(
        self, oidc: OidcProvider
    ) -> None:
        resource, jwks = f"{API}/ES256/p-256", [KEYS["p-256"].to_jwk(private=True)]
        ours, theirs = self.sign_in(oidc, resource), self.sign_in(oidc, resource, user="mallory")

        assert self.trusting(oidc, resource, encryption_keys=jwks).ask(theirs) == "user_unknown"
        assert self.trusting(oidc, "https://other.example", encryption_keys=jwks).ask(ours) == "audience_wrong"

    @pytest.mark.parametrize("claim", ["iss", "aud"])
    def test_a_claim_that_the_header_repeats_must_be_the_one_inside(self, oidc: OidcProvider, claim: str) -> None:
        key, resource = KEYS["p-256"], f"{API}/ES256/p-256"
        opened = open_token(self.sign_in(oidc, resource), EncryptionKeys([key]))
        api = self.trusting(oidc, resource, encryption_keys=[key.to_jwk(private=True)])
        header: dict[str, object] = {"cty": "at+jwt", "iss": oidc.issuer, "aud": resource}

        assert api.ask(encrypt(opened.text, key, **header)) == self.facts(oidc)
        assert api.ask(encrypt(opened.text, key, **header | {claim: "https://other.example"})) == "header_claim_differs"

    def test_without_its_key_an_encrypted_token_is_refused(self, oidc: OidcProvider) -> None:
        resource = f"{API}/ES256/p-256"
        token = self.sign_in(oidc, resource)

        assert self.trusting(oidc, resource).ask(token) == "token_malformed"
        other = self.trusting(oidc, resource, encryption_keys=[KEYS["rsa"].to_jwk(private=True)])
        assert other.ask(token) == "encryption_key_unknown"

    def test_a_token_that_it_encrypts_but_does_not_sign_is_refused(self, oidc: OidcProvider) -> None:
        resource, key = f"{API}/none/dir", KEYS["dir"]
        token = self.sign_in(oidc, resource)

        assert json.loads(decrypt(token, EncryptionKeys([key])).content)["sub"] == "alice"
        api = self.trusting(oidc, resource, encryption_keys=[key.to_jwk(private=True)])
        assert api.ask(token) == "content_not_token"
