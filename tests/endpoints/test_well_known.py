"""The documents at well-known addresses: the public keys, the authorization server, the protected resource."""

import json
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth, login_required, require_scope
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.endpoints.well_known import KEY_SET, RESOURCE, SERVER

from ..conftest import MakeApp, bearer
from ..core.trusted_issuers.rules_kit import THEIRS, issuer_with

ISSUER = "https://issuer.example"
PRIVATE = {"k", "d", "p", "q", "dp", "dq", "qi", "oth", "priv"}
KEYS = [Key.generate(alg, kid=alg) for alg in ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")]


@pytest.fixture
def make_app(make_app: MakeApp) -> MakeApp:
    """Return a function that makes an application with the documents and, with a store, the endpoints."""

    def make(**config: object) -> Flask:
        auth = TokenAuth()
        app = make_app(
            auth=auth,
            **{"TOKENAUTH_KEYS": KeySet(KEYS), "TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_AUDIENCE": ISSUER, **config},
        )
        app.register_blueprint(auth.well_known)
        if "TOKENAUTH_STORE" in config:
            app.register_blueprint(auth.endpoints)
        return app

    return make


def read(app: Flask, path: str) -> dict[str, Any]:
    response = app.test_client().get(path)
    assert response.status_code == 200
    found: dict[str, Any] = json.loads(response.data)
    return found


def test_the_key_set_has_the_public_half_of_each_key(make_app: MakeApp) -> None:
    assert read(make_app(), KEY_SET) == {"keys": [key.to_jwk() for key in KEYS]}


def test_no_private_member_leaves(make_app: MakeApp) -> None:
    def members(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(members, value.values()))
        return set().union(*map(members, value)) if isinstance(value, list) else set()

    found = read(make_app(), KEY_SET)

    assert members(found).isdisjoint(PRIVATE)
    assert "oct" not in {jwk["kty"] for jwk in found["keys"]}


def test_the_headers_let_others_keep_the_key_set(make_app: MakeApp) -> None:
    response = make_app(TOKENAUTH_KEYS_MAX_AGE=300).test_client().get(KEY_SET)

    assert response.content_type == "application/jwk-set+json"
    assert response.cache_control.public
    assert response.cache_control.max_age == 300
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Vary" not in response.headers


def test_a_key_set_that_is_known_is_not_sent_again(make_app: MakeApp) -> None:
    client = make_app().test_client()
    etag = client.get(KEY_SET).headers["ETag"]

    response = client.get(KEY_SET, headers={"If-None-Match": etag})

    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["ETag"] == etag


def test_the_answer_to_head_has_the_headers_alone(make_app: MakeApp) -> None:
    client = make_app().test_client()

    response = client.head(KEY_SET)

    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["ETag"] == client.get(KEY_SET).headers["ETag"]


def test_exchanged_keys_are_published_at_once_with_another_etag(make_app: MakeApp) -> None:
    app = make_app()
    before = app.test_client().get(KEY_SET).headers["ETag"]

    state_of(app).settings.keys.exchange(KEYS[:1])

    assert read(app, KEY_SET) == {"keys": [KEYS[0].to_jwk()]}
    assert app.test_client().get(KEY_SET).headers["ETag"] != before


def test_a_key_that_verifies_nothing_is_not_published(make_app: MakeApp) -> None:
    signs_only = Key.from_jwk({**KEYS[2].to_jwk(private=True), "key_ops": ["sign"], "kid": "x"})

    found = read(make_app(TOKENAUTH_KEYS=KeySet([KEYS[0], signs_only])), KEY_SET)

    assert [jwk["kid"] for jwk in found["keys"]] == ["RS256"]


def test_secrets_are_refused_when_the_blueprint_is_registered(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError, match="got a secret, which must never be published: make a key with"):
        make_app(TOKENAUTH_KEYS=KeySet([Key.generate("HS256")]))


def test_secrets_that_come_later_are_never_published(make_app: MakeApp) -> None:
    app = make_app()
    state_of(app).settings.keys.exchange([Key.generate("HS256")])
    app.testing = app.config["PROPAGATE_EXCEPTIONS"] = False

    assert app.test_client().get(KEY_SET).status_code == 500


def test_a_prefix_is_refused(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = make_app()

    with pytest.raises(SettingsError, match="must be registered without a url_prefix"):
        app.register_blueprint(auth.well_known, url_prefix="/auth", name="other")


def test_the_blueprint_may_be_registered_before_the_application_is_set_up(make_app: MakeApp) -> None:
    auth = TokenAuth()
    app = Flask("later")
    app.config.update(make_app().config)

    app.register_blueprint(auth.well_known)
    auth.init_app(app)

    assert read(app, KEY_SET)["keys"]


def test_the_documents_are_open(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_DEFAULT_GUARD="login_required")

    assert app.test_client().get(KEY_SET).status_code == 200


def test_the_authorization_server_is_described(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_SCOPES={"b:read": "Read", "a:read": "Read"})

    assert read(app, SERVER) == {
        "issuer": ISSUER,
        "jwks_uri": f"{ISSUER}/.well-known/jwks.json",
        "token_endpoint": f"{ISSUER}/auth/refresh",
        "revocation_endpoint": f"{ISSUER}/auth/revoke",
        "introspection_endpoint": f"{ISSUER}/auth/introspect",
        "response_types_supported": [],
        "grant_types_supported": ["refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": ["Bearer"],
        "scopes_supported": ["a:read", "b:read"],
    }


def test_clients_that_introspect_are_described(make_app: MakeApp) -> None:
    clients = {"billing": "sha256:" + "0" * 64}

    found = read(make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_INTROSPECTION_CLIENTS=clients), SERVER)

    assert found["introspection_endpoint_auth_methods_supported"] == ["Bearer", "client_secret_basic"]


def test_the_addresses_are_those_under_which_the_endpoints_are_registered(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_ORIGIN="https://api.example.com")
    app.config["TOKENAUTH_STORE"] = None
    auth = TokenAuth()
    other = Flask("other")
    other.config.update(app.config, TOKENAUTH_STORE="memory://")
    auth.init_app(other)
    other.register_blueprint(auth.well_known)
    other.register_blueprint(auth.endpoints, url_prefix="/v1/tokens")

    found = read(other, SERVER)

    assert found["token_endpoint"] == "https://api.example.com/v1/tokens/refresh"
    assert found["jwks_uri"] == "https://api.example.com/.well-known/jwks.json"


def test_no_address_comes_from_the_host_of_the_request(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_STORE="memory://")

    response = app.test_client().get(SERVER, headers={"Host": "evil.example"})

    assert "evil.example" not in response.text


@pytest.mark.parametrize(
    ("issuer", "path", "status"),
    [
        ("https://issuer.example", SERVER, 200),
        ("https://issuer.example/", SERVER, 200),
        ("https://issuer.example/tenant", f"{SERVER}/tenant", 200),
        ("https://issuer.example/a/b", f"{SERVER}/a/b", 200),
        ("https://issuer.example/tenant", SERVER, 404),
        ("https://issuer.example", f"{SERVER}/tenant", 404),
        ("reporting", SERVER, 404),
    ],
)
def test_the_address_has_the_path_of_the_issuer(make_app: MakeApp, issuer: str, path: str, status: int) -> None:
    """RFC 8414 section 3.1."""
    app = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER=issuer)

    assert app.test_client().get(path).status_code == status


def test_without_endpoints_there_is_no_authorization_server(make_app: MakeApp) -> None:
    assert make_app().test_client().get(SERVER).status_code == 404


def test_the_protected_resource_is_described(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_RESOURCE=ISSUER, TOKENAUTH_SCOPES={"a:read": "Read"})

    assert read(app, RESOURCE) == {
        "resource": ISSUER,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["a:read"],
        "bearer_methods_supported": ["header"],
    }


def test_a_resource_that_signs_nothing_names_no_authorization_server(make_app: MakeApp) -> None:
    keys = KeySet([key.public() for key in KEYS])

    found = read(make_app(TOKENAUTH_RESOURCE=ISSUER, TOKENAUTH_KEYS=keys), RESOURCE)

    assert "authorization_servers" not in found


def test_trusted_issuers_are_named_as_authorization_servers_if_they_are_urls(make_app: MakeApp) -> None:
    keys = KeySet([key.public() for key in KEYS])
    issuers = [issuer_with(), issuer_with(issuer="reporting")]

    found = read(make_app(TOKENAUTH_RESOURCE=ISSUER, TOKENAUTH_KEYS=keys, TOKENAUTH_TRUSTED_ISSUERS=issuers), RESOURCE)

    assert found["authorization_servers"] == [THEIRS]


@pytest.mark.parametrize(
    ("resource", "path", "status"),
    [
        ("https://api.example", RESOURCE, 200),
        ("https://api.example/v1", f"{RESOURCE}/v1", 200),
        ("https://api.example/v1", RESOURCE, 404),
        ("https://api.example", f"{RESOURCE}/v1", 404),
        (None, RESOURCE, 404),
    ],
)
def test_the_address_has_the_path_of_the_resource(
    make_app: MakeApp, resource: str | None, path: str, status: int
) -> None:
    """RFC 9728 section 3.1."""
    app = make_app(
        TOKENAUTH_RESOURCE=resource, TOKENAUTH_AUDIENCE=[ISSUER, "https://api.example", "https://api.example/v1"]
    )

    assert app.test_client().get(path).status_code == status


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("https://other.example", "must be one of TOKENAUTH_AUDIENCE"),
        ("http://issuer.example", "TOKENAUTH_RESOURCE must be an https URL without a fragment"),
        ("https://issuer.example#x", "TOKENAUTH_RESOURCE must be an https URL without a fragment"),
        ("issuer.example", "TOKENAUTH_RESOURCE must be an https URL without a fragment"),
        ("https://u:p@issuer.example", "TOKENAUTH_RESOURCE must be an https URL without a fragment"),
        (5, "TOKENAUTH_RESOURCE must be an https URL without a fragment"),
    ],
)
def test_a_resource_that_no_token_can_name_is_refused(make_app: MakeApp, value: object, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make_app(TOKENAUTH_RESOURCE=value)


@pytest.mark.parametrize(
    "value",
    ["http://api.example.com", "https://api.example.com/v1", "https://api.example.com?x", "api.example.com", ""],
)
def test_an_origin_has_a_scheme_and_a_host_alone(make_app: MakeApp, value: str) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_ORIGIN must be https:// and a host"):
        make_app(TOKENAUTH_ORIGIN=value)


@pytest.mark.parametrize("value", ["http://localhost:5000", "http://127.0.0.1", "https://api.example.com/"])
def test_an_origin_on_loopback_may_be_without_tls(make_app: MakeApp, value: str) -> None:
    assert state_of(make_app(TOKENAUTH_ORIGIN=value)).settings.origin == value.rstrip("/")


def test_challenges_name_the_metadata_of_the_resource(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_RESOURCE=f"{ISSUER}/v1", TOKENAUTH_AUDIENCE=f"{ISSUER}/v1")
    app.add_url_rule("/guarded", "guarded", login_required(lambda: "x"))
    app.add_url_rule("/scoped", "scoped", require_scope("admin")(lambda: "x"))
    named = f'resource_metadata="{ISSUER}/.well-known/oauth-protected-resource/v1"'
    client = app.test_client()
    with app.app_context():
        token = state_of(app).token_issuer.issue("alice", now=state_of(app).clock())

    for path, headers, status in (
        ("/guarded", {}, 401),
        ("/guarded", bearer("garbage"), 401),
        ("/scoped", bearer(token), 403),
    ):
        response = client.get(path, headers=headers)
        assert response.status_code == status
        assert response.headers["WWW-Authenticate"].endswith(named)


def test_challenges_are_as_before_without_a_resource(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/guarded", "guarded", login_required(lambda: "x"))

    assert "resource_metadata" not in app.test_client().get("/guarded").headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "value", ["https://bücher.example", "https://a.example/a b", 'https://a.example/"', "https://a.example/\\"]
)
def test_a_resource_that_no_header_can_hold_is_refused(make_app: MakeApp, value: str) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_RESOURCE must be an https URL without a fragment"):
        make_app(TOKENAUTH_RESOURCE=value, TOKENAUTH_AUDIENCE=value)


@pytest.mark.parametrize("path", [f"{RESOURCE}/v1/", f"{RESOURCE}/v1"])
def test_a_resource_whose_path_ends_with_a_slash_is_described(make_app: MakeApp, path: str) -> None:
    """RFC 9728 section 3.1 removes only a slash that follows the host."""
    app = make_app(TOKENAUTH_RESOURCE=f"{ISSUER}/v1/", TOKENAUTH_AUDIENCE=f"{ISSUER}/v1/")

    assert read(app, path)["resource"] == f"{ISSUER}/v1/"
    assert state_of(app).resource_metadata == f"{ISSUER}{RESOURCE}/v1/"


@pytest.mark.parametrize(
    "issuer",
    [
        "https://[bad/x",
        "https://",
        "https://u:p@host",
        "https://i.example?x=1",
        "https://i.example#x",
        "ftp://i.example",
    ],
)
def test_an_issuer_that_is_no_url_has_no_document(make_app: MakeApp, issuer: str) -> None:
    client = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER=issuer).test_client()

    assert client.get(SERVER).status_code == 404
    assert client.get(f"{SERVER}/x").status_code == 404


@pytest.mark.parametrize("root", ["app", "/app", "/app/"])
def test_the_root_of_the_application_is_part_of_the_addresses(make_app: MakeApp, root: str) -> None:
    app = make_app(TOKENAUTH_STORE="memory://", APPLICATION_ROOT=root)

    assert read(app, SERVER)["jwks_uri"] == f"{ISSUER}/app/.well-known/jwks.json"


def test_endpoints_of_each_tenant_have_no_document(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_STORE="memory://")
    auth = TokenAuth()
    other = Flask("other")
    other.config.update(app.config)
    auth.init_app(other)
    other.register_blueprint(auth.well_known)
    other.register_blueprint(auth.endpoints, url_prefix="/<tenant>/auth")

    assert other.test_client().get(SERVER).status_code == 404


def test_pages_of_other_origins_may_send_any_header(make_app: MakeApp) -> None:
    client = make_app().test_client()

    preflight = client.options(KEY_SET, headers={"Origin": "https://page.example"})

    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Headers"] == "*"
    assert client.get(SERVER).headers["Access-Control-Allow-Origin"] == "*"
