"""Real issuers, written by others: their access tokens are believed, for the right audience only."""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from flask_tokenauth import Token
from flask_tokenauth.core.trusted_issuers.remote_keys import SHORTEST_LIFETIME

from . import glewlwyd as of_glewlwyd
from . import jose_issuer, mock_provider, oidc_provider
from .conftest import needs_foreign_software
from .glewlwyd import Glewlwyd, needs_glewlwyd
from .jose_issuer import JoseIssuer
from .mock_provider import MockProvider
from .oidc_provider import OidcProvider
from .trusting_api import TrustingApi

API, OTHER_API = "https://api.example", "https://other.example"
OF_JOSE = ["RS384", "RS512", "PS384", "PS512", "EdDSA"]  # the algorithms that oidc-provider does not sign with here
FETCH_AHEAD = SHORTEST_LIFETIME * 0.9  # seconds after which keys are fetched again


def find_user(token: Token) -> str | None:
    """Return our user for one of theirs."""
    return {"alice": "user-1"}.get(token.subject)


def header_of(token: str) -> dict[str, Any]:
    return jwt.get_unverified_header(token)


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@pytest.fixture(scope="module")
def oidc() -> Iterator[OidcProvider]:
    with oidc_provider.serving() as provider:
        yield provider


@pytest.fixture(scope="module")
def jose() -> Iterator[JoseIssuer]:
    with jose_issuer.serving(*OF_JOSE) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def glewlwyd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glewlwyd]:
    with of_glewlwyd.serving(tmp_path_factory.mktemp("glewlwyd")) as provider:
        yield provider


@needs_foreign_software
class TestOidcProvider:
    """oidc-provider, with discovery and JWT access tokens (RFC 9068)."""

    @pytest.fixture(params=oidc_provider.ALGORITHMS)
    def alg(self, request: pytest.FixtureRequest) -> str:
        found: str = request.param
        return found

    @pytest.fixture
    def provider(self, oidc: OidcProvider) -> OidcProvider:
        """The provider with one key for each algorithm."""
        oidc.publish(*(f"{alg}/1" for alg in oidc_provider.ALGORITHMS))
        return oidc

    def trusting(self, provider: OidcProvider, *audience: str) -> TrustingApi:
        scopes = {"reports:read": "reports"}
        return TrustingApi(issuer=provider.issuer, discovery=True, audience=audience, users=find_user, scopes=scopes)

    def facts(self, provider: OidcProvider) -> dict[str, Any]:
        """Return the answer to a good token."""
        return {"user": "user-1", "scopes": ["reports"], "issuer": provider.issuer}

    def sign_in(self, provider: OidcProvider, alg: str, user: str = "alice", api: str = API) -> dict[str, str]:
        scope = "reports:read reports:write"
        return provider.sign_in(user, alg=alg, resource=f"{api}/{alg}", scope=scope)

    def test_its_access_token_is_believed(self, provider: OidcProvider, alg: str) -> None:
        token = self.sign_in(provider, alg)["access_token"]

        found = self.trusting(provider, f"{API}/{alg}").ask(token)

        assert header_of(token)["alg"] == alg
        assert claims_of(token)["scope"] == "reports:read reports:write"
        assert found == self.facts(provider)

    def test_a_user_who_is_not_ours_is_refused(self, provider: OidcProvider) -> None:
        token = self.sign_in(provider, "ES256", user="mallory")["access_token"]

        assert self.trusting(provider, f"{API}/ES256").ask(token) == "user_unknown"

    def test_its_access_token_for_another_api_is_refused(self, provider: OidcProvider, alg: str) -> None:
        token = self.sign_in(provider, alg, api=OTHER_API)["access_token"]

        assert self.trusting(provider, f"{API}/{alg}").ask(token) == "audience_wrong"
        assert self.trusting(provider, f"{OTHER_API}/{alg}").ask(token) == self.facts(provider)

    def test_its_id_token_is_refused_even_if_its_audience_is_right(self, provider: OidcProvider, alg: str) -> None:
        tokens = self.sign_in(provider, alg)
        api = self.trusting(provider, f"{API}/{alg}", oidc_provider.client_of(alg))

        assert header_of(tokens["id_token"])["alg"] == alg
        assert claims_of(tokens["id_token"])["aud"] == oidc_provider.client_of(alg)
        assert api.ask(tokens["id_token"]) == "type_wrong"
        assert api.ask(tokens["access_token"]) == self.facts(provider)

    def test_a_new_key_is_known_at_its_first_token_and_an_old_one_until_it_is_gone(
        self, provider: OidcProvider, alg: str
    ) -> None:
        accepted = self.facts(provider)
        api, old = self.trusting(provider, f"{API}/{alg}"), self.sign_in(provider, alg)["access_token"]
        assert api.ask(old) == accepted

        provider.publish(f"{alg}/2", f"{alg}/1")
        new = self.sign_in(provider, alg)["access_token"]
        assert [header_of(token)["kid"] for token in (old, new)] == [f"{alg}/1", f"{alg}/2"]
        assert [api.ask(token) for token in (new, old)] == [accepted, accepted]

        provider.publish(f"{alg}/2")
        api.clock.now = FETCH_AHEAD - 1
        assert [api.ask(token) for token in (old, new)] == [accepted, accepted]  # with the keys as they were fetched
        api.clock.now = FETCH_AHEAD
        assert [api.ask(token) for token in (old, new)] == ["key_unknown", accepted]

    def test_a_key_that_is_exchanged_is_refused_with_the_first_token_of_the_new_one(
        self, provider: OidcProvider
    ) -> None:
        accepted = self.facts(provider)
        api, old = self.trusting(provider, f"{API}/ES256"), self.sign_in(provider, "ES256")["access_token"]
        assert api.ask(old) == accepted

        provider.publish("ES256/2")
        new = self.sign_in(provider, "ES256")["access_token"]

        assert [api.ask(token) for token in (old, new, old)] == [accepted, accepted, "key_unknown"]


@needs_foreign_software
class TestJose:
    """jose of Node.js signs with the other algorithms. The API has the URL of the key set."""

    @pytest.mark.parametrize("alg", OF_JOSE)
    def test_its_token_is_believed_for_one_audience(self, jose: JoseIssuer, alg: str) -> None:
        api = TrustingApi(
            issuer=jose.issuer, jwks_uri=jose.jwks_uri, audience=API, users="shared", scopes=["reports:read"]
        )
        claims = {"sub": "bob", "jti": "1", "client_id": "web", "scope": "reports:read"}

        good, bad = (jose.sign(claims | {"aud": audience}, alg=alg) for audience in (API, OTHER_API))

        assert header_of(good)["alg"] == alg
        assert api.ask(good) == {"user": "bob", "scopes": ["reports:read"], "issuer": jose.issuer}
        assert api.ask(bad) == "audience_wrong"


@needs_foreign_software
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # oidc-provider-mock uses what Authlib will remove
class TestMockProvider:
    """oidc-provider-mock: its keys do not say their algorithm."""

    @pytest.fixture
    def provider(self) -> Iterator[MockProvider]:
        with mock_provider.serving() as provider:
            yield provider

    def trusting(self, provider: MockProvider, **changes: Any) -> TrustingApi:
        return TrustingApi(
            issuer=provider.issuer,
            discovery=True,
            audience=mock_provider.CLIENT,
            profile="google",  # whose ID tokens are all there is, too
            any_token=True,
            users=find_user,
            **changes,
        )

    def test_a_key_of_rsa_without_alg_serves_rs256_alone(self, provider: MockProvider) -> None:
        token = provider.sign_in("alice")
        api, claims = self.trusting(provider), claims_of(token)

        assert [(key["kty"], key.get("alg")) for key in provider.fetch_keys()] == [("RSA", None)]
        assert api.ask(token) == {"user": "user-1", "scopes": [], "issuer": provider.issuer}
        refused = [api.ask(provider.sign(claims, alg=alg)) for alg in ("RS384", "PS256")]
        assert refused == ["algorithm_wrong", "algorithm_wrong"]

    def test_another_algorithm_must_be_named(self, provider: MockProvider) -> None:
        token = provider.sign_in("alice")
        api, other = self.trusting(provider, algorithms=["PS256"]), provider.sign(claims_of(token), alg="PS256")

        assert api.ask(other) == {"user": "user-1", "scopes": [], "issuer": provider.issuer}
        assert "kid" not in header_of(token)  # so the only key for RS256 would fit, and there is none
        assert api.ask(token) == "key_unknown"

    def test_several_algorithms_can_be_named(self, provider: MockProvider) -> None:
        token = provider.sign_in("alice")
        api = self.trusting(provider, algorithms=["PS256", "RS256"])

        found = [api.ask(one) for one in (token, provider.sign(claims_of(token), alg="PS256"))]

        assert found == [{"user": "user-1", "scopes": [], "issuer": provider.issuer}] * 2

    def test_its_id_token_for_another_client_is_refused(self, provider: MockProvider) -> None:
        claims = claims_of(provider.sign_in("alice")) | {"aud": "other"}

        assert self.trusting(provider).ask(provider.sign(claims, alg="RS256")) == "audience_wrong"


@needs_foreign_software
@needs_glewlwyd
class TestGlewlwyd:
    """glewlwyd, whose access tokens are those of a draft of RFC 9068."""

    def trusting(self, glewlwyd: Glewlwyd, *audience: str, users: Any = "shared") -> TrustingApi:
        return TrustingApi(
            issuer=glewlwyd.issuer, discovery=True, audience=audience, users=users, scopes=[of_glewlwyd.SCOPE]
        )

    def of_a_client(self, glewlwyd: Glewlwyd, **form: str) -> str:
        found: str = glewlwyd.ask_for_tokens(grant_type="client_credentials", scope=of_glewlwyd.SCOPE, **form)[
            "access_token"
        ]
        return found

    def of_a_user(self, glewlwyd: Glewlwyd) -> dict[str, str]:
        user = {"username": of_glewlwyd.USER, "password": of_glewlwyd.PASSWORD}
        return glewlwyd.ask_for_tokens(grant_type="password", scope=f"openid {of_glewlwyd.SCOPE}", **user)

    def test_its_access_token_for_a_resource_is_believed(self, glewlwyd: Glewlwyd) -> None:
        token = self.of_a_client(glewlwyd, resource=of_glewlwyd.RESOURCE)

        assert self.trusting(glewlwyd, of_glewlwyd.RESOURCE).ask(token) == {
            "user": of_glewlwyd.CLIENT,
            "scopes": [of_glewlwyd.SCOPE],
            "issuer": glewlwyd.issuer,
        }
        assert self.trusting(glewlwyd, OTHER_API).ask(token) == "audience_wrong"

    def test_without_a_resource_the_audience_of_its_access_token_is_the_scope(self, glewlwyd: Glewlwyd) -> None:
        token = self.of_a_client(glewlwyd)

        assert self.trusting(glewlwyd, of_glewlwyd.RESOURCE).ask(token) == "audience_wrong"
        assert isinstance(self.trusting(glewlwyd, of_glewlwyd.SCOPE).ask(token), dict)

    def test_its_users_have_other_names_for_each_client(self, glewlwyd: Glewlwyd) -> None:
        token = self.of_a_user(glewlwyd)["access_token"]
        users = {claims_of(token)["sub"]: "user-1"}
        api = self.trusting(glewlwyd, f"openid {of_glewlwyd.SCOPE}", users=lambda token: users.get(token.subject))

        assert of_glewlwyd.USER not in users
        assert api.ask(token) == {"user": "user-1", "scopes": [of_glewlwyd.SCOPE], "issuer": glewlwyd.issuer}

    def test_its_other_tokens_are_refused(self, glewlwyd: Glewlwyd) -> None:
        tokens = self.of_a_user(glewlwyd)
        api = self.trusting(glewlwyd, f"openid {of_glewlwyd.SCOPE}", of_glewlwyd.CLIENT)

        assert claims_of(tokens["id_token"])["aud"] == of_glewlwyd.CLIENT
        assert isinstance(api.ask(tokens["access_token"]), dict)
        assert api.ask(tokens["id_token"]) == "type_wrong"
        assert api.ask(tokens["refresh_token"]) == "token_malformed"
