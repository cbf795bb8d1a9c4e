"""Encrypted tokens in an application: they work wherever plain ones do, and a refusal shows nothing of its reason."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_tokenauth import (
    TokenAuth,
    create_token,
    get_token,
    login_required,
    token_refused,
    token_response,
)
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.tokens.jwe import is_encrypted
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing.login import logged_in
from flask_tokenauth.testing.store_contract.kit import list_all

from ..conftest import AUDIENCE, ISSUER, NOW, SECRET, MakeApp, Mint, StandingClock, bearer, whoami
from ..cookies_kit import Browser, make_cookie_app
from ..core.trusted_issuers.rules_kit import THEIRS, issuer_with, sign
from ..encryption_kit import KEY, OTHER, PAIR, EncryptedMint, encrypt, keys_setting, with_header

UNTIL = datetime.fromtimestamp(NOW + 60, UTC)


@pytest.fixture
def auth() -> TokenAuth[str]:
    return TokenAuth()


@pytest.fixture
def api(make_app: MakeApp, auth: TokenAuth[Any], store: MemoryStore) -> Flask:
    """An application with sessions, whose tokens are encrypted, and which trusts an issuer."""
    trusted = [issuer_with(scopes=["read"])]
    app = make_app(auth=auth, TOKENAUTH_STORE=store, TOKENAUTH_TRUSTED_ISSUERS=trusted, **keys_setting(KEY, PAIR))
    app.register_blueprint(auth.endpoints)
    app.add_url_rule("/me", "me", login_required(whoami()))
    app.add_url_rule("/login", "login", lambda: token_response("alice", ["reports:read"]), methods=["POST"])
    return app


@pytest.fixture
def client(api: Flask) -> FlaskClient:
    return api.test_client()


@pytest.fixture
def emint(mint: Mint) -> EncryptedMint:
    return EncryptedMint(mint.key)


def status(client: FlaskClient, token: str) -> int:
    return client.get("/me", headers=bearer(token)).status_code


def refresh(client: FlaskClient, token: str) -> Any:
    return client.post("/auth/refresh", data={"grant_type": "refresh_token", "refresh_token": token}).json


def introspect(client: FlaskClient, token: str, by: str) -> Any:
    return client.post("/auth/introspect", data={"token": token}, headers=bearer(by)).json


# New tokens


def test_a_login_and_a_refresh_give_encrypted_tokens_that_work(client: FlaskClient) -> None:
    first: Any = client.post("/login").json
    second = refresh(client, first["refresh_token"])

    for tokens in (first, second):
        assert is_encrypted(tokens["access_token"])
        assert status(client, tokens["access_token"]) == 200
        assert not is_encrypted(tokens["refresh_token"])


def test_create_token_and_verify_agree(api: Flask, auth: TokenAuth[str]) -> None:
    with api.app_context():
        text = create_token(
            "alice", ["reports:read"], claims={"salary": 5000}, audience=["https://a.example", AUDIENCE]
        )
        found = [auth.verify(text), auth.verify(text, audience="https://a.example")]

    assert is_encrypted(text)
    assert [(token.kind, token.claims["salary"]) for token in found] == [("jwt", 5000)] * 2


def test_the_helpers_for_tests_send_encrypted_tokens(api: Flask) -> None:
    seen = []
    api.before_request(lambda: seen.append(get_token()))

    assert logged_in(api, "alice").get("/me").json["user_id"] == "alice"  # type: ignore[index]
    assert seen[0] is not None


def test_reference_tokens_stay_as_they_are(api: Flask, client: FlaskClient) -> None:
    with api.app_context():
        text = create_token("alice", format="reference")

    assert text.startswith("tr_")
    assert status(client, text) == 200


def test_a_ticket_stays_signed_only_and_opens_its_path(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    app = make_app(auth=auth, **keys_setting())
    app.add_url_rule("/link", "link", login_required(lambda: auth.create_ticket("/file")))
    app.add_url_rule("/file", "file", login_required(accept=("ticket",))(whoami()))
    client = logged_in(app, "alice")

    ticket = client.get("/link").text
    plain = app.test_client()

    assert ticket.count(".") == 2
    assert plain.get(f"/file?ticket={ticket}").json["user_id"] == "alice"  # type: ignore[index]
    assert plain.get(f"/file?ticket={encrypt(ticket)}").status_code == 401


def test_cookies_hold_encrypted_tokens(make_app: MakeApp, store: MemoryStore) -> None:
    browser = Browser(make_cookie_app(make_app, store, **keys_setting()))
    browser.sign_in()

    first = browser.access
    assert (is_encrypted(first), browser("GET", "/guarded").text) == (True, "of alice")
    browser.refresh()
    assert browser.access != first
    assert (is_encrypted(browser.access), browser("GET", "/guarded").text) == (True, "of alice")


@pytest.mark.parametrize(("config", "expected"), [({}, 200), (keys_setting(), 500)], ids=["plain", "encrypted"])
def test_a_token_that_fits_into_a_cookie_only_if_it_is_plain_starts_no_session(
    make_app: MakeApp, store: MemoryStore, config: dict[str, Any], expected: int
) -> None:
    app = make_cookie_app(make_app, store, PROPAGATE_EXCEPTIONS=False, **config)
    app.add_url_rule("/large", "large", lambda: token_response("alice", claims={"x": "y" * 2000}), methods=["POST"])

    assert Browser(app)("POST", "/large").status_code == expected
    assert len(list_all(store, "alice")) == (expected == 200)


# Accepted and refused tokens


def test_a_trusted_issuer_may_encrypt(client: FlaskClient) -> None:
    assert [status(client, text) for text in (sign(), encrypt(sign()), encrypt(sign(), PAIR, iss=THEIRS))] == [200] * 3


def test_a_plain_token_of_our_own_is_refused_and_the_log_says_why(client: FlaskClient, mint: Mint) -> None:
    reasons = []

    def listen(_: object, *, reason: str, **more: object) -> None:
        reasons.append(reason)

    with token_refused.connected_to(listen):
        assert status(client, mint()) == 401

    assert reasons == ["token_not_encrypted"]


def test_a_plain_token_is_accepted_until_the_time(make_app: MakeApp, mint: Mint, clock: StandingClock) -> None:
    app = make_app(TOKENAUTH_ACCEPT_PLAIN_UNTIL=UNTIL, **keys_setting())
    app.add_url_rule("/me", "me", login_required(whoami()))
    text, found = mint(), []

    for later in (0, 59, 60, 61):
        clock.now = NOW + later
        found.append(status(app.test_client(), text))

    assert found == [200, 200, 401, 401]


BAD: dict[str, Any] = {
    "changed": lambda mint: encrypt(mint())[:-8] + "AAAAAAAA",
    "unknown key": lambda mint: encrypt(mint(), OTHER),
    "no key": lambda mint: with_header(encrypt(mint()), kid=...),
    "another algorithm": lambda mint: with_header(encrypt(mint()), alg="RSA-OAEP"),
    "compressed": lambda mint: with_header(encrypt(mint()), zip="DEF"),
    "critical": lambda mint: with_header(encrypt(mint()), crit=["x"]),
    "no JWT": lambda mint: encrypt(mint(), cty="text/plain"),
    "malformed": lambda mint: "a.b.c.d.e",
    "empty parts": lambda mint: "....",
    "text inside": lambda mint: encrypt("hello"),
    "refresh token inside": lambda mint: encrypt("rt1_x.y.z"),
    "encrypted twice": lambda mint: encrypt(encrypt(mint())),
    "bad signature inside": lambda mint: encrypt(mint()[:-8] + "AAAAAAAA"),
    "unknown key inside": lambda mint: encrypt(Mint(Key.from_secret(bytes(range(32)), kid="x"))()),
    "unknown issuer inside": lambda mint: encrypt(mint(iss="https://nobody.example")),
    "another issuer repeated": lambda mint: encrypt(mint(), iss="https://nobody.example"),
    "another audience inside": lambda mint: encrypt(mint(aud="https://nobody.example")),
    "plain": lambda mint: mint(),
    "plain and bad": lambda mint: mint()[:-8] + "AAAAAAAA",
}


@pytest.mark.parametrize("kind", BAD)
def test_all_bad_tokens_look_alike_outside(kind: str, client: FlaskClient, mint: Mint) -> None:
    good = client.get("/me", headers=bearer(encrypt(mint()[:-8] + "BBBBBBBB")))

    answer = client.get("/me", headers=bearer(BAD[kind](mint)))

    assert (answer.status_code, answer.data) == (401, good.data)
    assert list(answer.headers) == list(good.headers)


def test_an_expired_encrypted_token_says_so(client: FlaskClient, emint: EncryptedMint) -> None:
    answer = client.get("/me", headers=bearer(emint(exp=NOW - 11)))

    assert "The access token has expired." in answer.text


# Revocation and introspection


def test_revocations_end_encrypted_tokens_also_those_that_are_remembered(
    api: Flask, client: FlaskClient, auth: TokenAuth[Any]
) -> None:
    tokens: list[Any] = [client.post("/login").json["access_token"] for _ in range(3)]  # type: ignore[index]
    before = [status(client, text) for text in tokens]

    with api.app_context():
        auth.revoke_token(auth.verify(tokens[0]).token_id)
    first = [status(client, text) for text in tokens]
    client.post("/auth/revoke", data={"token": tokens[1]})
    second = [status(client, text) for text in tokens]
    with api.app_context():
        auth.revoke_user("alice")

    assert (before, first, second) == ([200, 200, 200], [401, 200, 200], [401, 401, 200])
    assert status(client, tokens[2]) == 401


def test_plain_tokens_can_be_revoked_for_processes_that_still_accept_them(
    client: FlaskClient, store: MemoryStore, mint: Mint
) -> None:
    answer = client.post("/auth/revoke", data={"token": mint()})

    assert answer.status_code == 200
    assert store.is_revoked(token_id="t1", session_id=None, user_id="alice", epoch=0)


def test_an_introspection_opens_tokens(client: FlaskClient, emint: EncryptedMint, mint: Mint) -> None:
    caller = emint(sub="billing", scope="tokenauth:introspect", jti="t2")

    assert introspect(client, emint(), caller)["sub"] == "alice"
    for bad in (mint(), emint()[:-8] + "AAAAAAAA", encrypt(sign())):
        assert introspect(client, bad, caller) == {"active": False}
    assert introspect(client, mint(act={"sub": ISSUER}), caller)["active"] is True
    assert introspect(client, emint(), mint(scope="tokenauth:introspect"))["error"] == "invalid_token"


def test_the_key_set_has_no_encryption_key(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    signing = Key.generate("EdDSA", kid="s1")
    app = make_app(auth=auth, TOKENAUTH_KEYS=KeySet([signing]), **keys_setting(KEY, PAIR))
    app.register_blueprint(auth.well_known)

    answer: Any = app.test_client().get("/.well-known/jwks.json").json

    assert answer == {"keys": [signing.to_jwk()]}


def test_an_application_without_keys_to_sign_reads_the_tokens_of_a_trusted_issuer(make_app: MakeApp) -> None:
    app = make_app(
        SECRET_KEY=None,
        TOKENAUTH_TRUSTED_ISSUERS=[issuer_with(scopes=["read"])],
        TOKENAUTH_ISSUER=None,
        **keys_setting(PAIR),
    )
    app.add_url_rule("/me", "me", login_required(whoami()))

    assert [status(app.test_client(), text) for text in (encrypt(sign(), PAIR), sign())] == [200, 200]


def test_two_applications_with_other_encryption_keys_refuse_the_tokens_of_each_other(make_app: MakeApp) -> None:
    apps = [make_app(**keys_setting(key)) for key in (KEY, OTHER)]
    for app in apps:
        app.add_url_rule("/me", "me", login_required(whoami()))
    for app in apps:
        with app.app_context():
            text = create_token("alice")
        assert [status(other.test_client(), text) for other in apps] == [200 if other is app else 401 for other in apps]


def test_no_message_has_a_token_or_a_key(client: FlaskClient, mint: Mint, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for make in BAD.values():
        status(client, make(mint))

    assert SECRET not in caplog.text
    assert not any(part in caplog.text for part in mint().split("."))
