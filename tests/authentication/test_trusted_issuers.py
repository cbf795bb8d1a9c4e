"""Requests with tokens of trusted issuers: users, scopes, guards, endpoints, signals and the log."""

import logging
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from flask_tokenauth import (
    KeySetUnavailable,
    Token,
    TokenAuth,
    TokenError,
    get_token,
    login_required,
    require_claim,
    token_accepted,
    token_refused,
    token_response,
)
from flask_tokenauth.application.app_state import state_of

from ..application.test_key_sources import Issuer
from ..conftest import AUDIENCE, ISSUER, MakeApp, Mint, bearer, whoami
from ..core.trusted_issuers.rules_kit import KEY, THEIRS, issuer_with, sign
from .conftest import MakeClient


def reasons_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message.removeprefix("refused: ") for message in caplog.messages if message.startswith("refused: ")]


def test_shared_users_are_ours(make_client: MakeClient) -> None:
    answer = make_client().get("/me", headers=bearer(sign()))

    assert answer.json == {"user_id": "bob", "scopes": ["read"], "token": "t1"}


def test_guards_see_the_mapped_scopes(make_client: MakeClient) -> None:
    http = make_client()

    assert [http.get(path, headers=bearer(sign())).status_code for path in ("/read", "/write")] == [200, 403]


def test_shared_users_have_the_type_of_ours(make_app: MakeApp) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int), TOKENAUTH_TRUSTED_ISSUERS=[issuer_with()])
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    http = app.test_client()

    assert [http.get("/me", headers=bearer(sign(sub=sub))).status_code for sub in ("42", "x42")] == [200, 401]
    assert http.get("/me", headers=bearer(sign(sub="42"))).json["user_id"] == 42  # type: ignore[index]


class TestUsers:
    """The function from their users to ours."""

    def test_its_answer_is_the_user(self, make_client: MakeClient) -> None:
        http = make_client(users=lambda token: f"{token.subject}@{token.issuer}")

        assert http.get("/me", headers=bearer(sign())).json["user_id"] == f"bob@{THEIRS}"  # type: ignore[index]

    def test_it_can_be_a_coroutine_function(self, make_client: MakeClient) -> None:
        async def find(token: Token) -> str:
            return token.subject.upper()

        assert make_client(users=find).get("/me", headers=bearer(sign())).json["user_id"] == "BOB"  # type: ignore[index]

    def test_without_an_answer_there_is_no_user(
        self, make_client: MakeClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)

        answer = make_client(users=lambda _: None).get("/me", headers=bearer(sign()))

        assert answer.status_code == 401
        assert reasons_of(caplog) == ["user_unknown"]

    def test_it_is_asked_once_for_each_request(self, make_client: MakeClient) -> None:
        asked: list[Token] = []
        http = make_client(users=lambda token: asked.append(token) or "bob")  # type: ignore[func-returns-value]

        for _ in range(3):
            http.get("/me", headers=bearer(sign()))

        assert len(asked) == 3

    def test_a_user_who_leaves_is_out_at_the_next_request(self, make_client: MakeClient) -> None:
        users = {"bob": "bob"}
        http = make_client(users=lambda token: users.get(token.subject))
        before = http.get("/me", headers=bearer(sign())).status_code

        users.clear()

        assert (before, http.get("/me", headers=bearer(sign())).status_code) == (200, 401)

    @pytest.mark.parametrize("answer", [True, ["bob"], 4.2, ""])
    def test_a_wrong_answer_is_an_error_and_no_pass(self, make_client: MakeClient, answer: object) -> None:
        http = make_client(users=lambda _: answer, config={"TESTING": False})

        assert http.get("/me", headers=bearer(sign())).status_code == 500

    def test_an_exception_is_an_error_and_no_pass(self, make_client: MakeClient) -> None:
        def fail(_: Token) -> str:
            raise RuntimeError("the database is down")

        http = make_client(users=fail, config={"TESTING": False})

        assert http.get("/me", headers=bearer(sign())).status_code == 500

    def test_the_caller_is_not_known_while_it_runs(self, make_client: MakeClient) -> None:
        seen: list[object] = []
        http = make_client(users=lambda _: seen.append((g.user_id, get_token())) or "bob")  # type: ignore[func-returns-value]

        http.get("/me", headers=bearer(sign()))

        assert seen == [(None, None)]

    def test_it_runs_after_the_preprocessors_of_urls(self, make_client: MakeClient) -> None:
        """It may need a database that these choose."""
        http = make_client(users=lambda _: g.database)
        http.application.url_value_preprocessor(lambda *_: setattr(g, "database", "first"))

        assert http.get("/me", headers=bearer(sign())).json["user_id"] == "first"  # type: ignore[index]

    def test_our_own_tokens_do_not_ask_it(self, make_client: MakeClient, mint: Mint) -> None:
        http = make_client(users=lambda _: pytest.fail("it was asked"))

        assert http.get("/me", headers=bearer(mint())).json["user_id"] == "alice"  # type: ignore[index]

    def test_applications_without_a_user_are_no_shared_users(self, make_client: MakeClient) -> None:
        entra: dict[str, Any] = {"typ": "JWT", "tid": "t", "oid": "o", "idtyp": "app", "scope": ...}
        shared = make_client(profile="entra")

        assert shared.get("/me", headers=bearer(sign(**entra))).status_code == 401

    def test_a_function_may_give_them_one(self, make_client: MakeClient) -> None:
        entra: dict[str, Any] = {"typ": "JWT", "tid": "t", "oid": "o", "idtyp": "app", "scope": ...}
        http = make_client(profile="entra", users=lambda token: f"app {token.subject}")

        assert http.get("/me", headers=bearer(sign(**entra))).json["user_id"] == "app t:o"  # type: ignore[index]


class TestRevoked:
    """The function that asks the blocklist of yesterday's library."""

    @pytest.mark.parametrize(("revoked", "status"), [(True, 401), (False, 200)])
    def test_it_is_asked_for_each_request(self, make_client: MakeClient, revoked: object, status: int) -> None:
        asked: list[Token] = []
        http = make_client(revoked=lambda token: asked.append(token) or revoked)  # type: ignore[func-returns-value]

        assert [http.get("/me", headers=bearer(sign())).status_code for _ in range(2)] == [status] * 2
        assert len(asked) == 2

    def test_never_asks_nobody(self, make_client: MakeClient) -> None:
        assert make_client(revoked="never").get("/me", headers=bearer(sign())).status_code == 200

    def test_an_exception_is_an_error_and_no_pass(self, make_client: MakeClient) -> None:
        http = make_client(revoked=lambda token: token.nothing, config={"TESTING": False})

        assert http.get("/me", headers=bearer(sign())).status_code == 500


def test_token_check_is_asked_about_their_tokens_too(make_client: MakeClient, auth: TokenAuth[Any]) -> None:
    http = make_client()
    auth.token_check(lambda token: token.issuer != THEIRS)

    assert http.get("/me", headers=bearer(sign())).status_code == 401


def test_signals_have_our_user(make_client: MakeClient) -> None:
    http = make_client(users=lambda _: "ours")
    accepted: list[object] = []

    def note(_: Flask, **facts: Any) -> None:
        accepted.append(facts["user_id"])

    with token_accepted.connected_to(note, sender=http.application):
        http.get("/me", headers=bearer(sign()))

    assert accepted == ["ours"]


def test_refusals_are_signalled_with_their_reason(make_client: MakeClient) -> None:
    http = make_client()
    refused: list[object] = []

    def note(_: Flask, **facts: Any) -> None:
        refused.append(facts["reason"])

    with token_refused.connected_to(note, sender=http.application):
        bad: list[dict[str, Any]] = [{"aud": "x"}, {"iss": "https://x.example"}, {"typ": "JWT"}]
        for changes in bad:
            http.get("/me", headers=bearer(sign(**changes)))

    assert refused == ["audience_wrong", "issuer_wrong", "type_wrong"]


def test_a_claim_guard_reads_their_claims(make_client: MakeClient) -> None:
    http = make_client()
    http.application.add_url_rule("/team", view_func=require_claim("team", "blue")(whoami()), endpoint="team")

    assert [http.get("/team", headers=bearer(sign(team=team))).status_code for team in ("blue", "red")] == [200, 403]


class TestOurStore:
    """Our sessions, epochs and revocations mean nothing for the tokens of others, and the other way round."""

    @pytest.fixture(params=["with the scope", "without"])
    def http(self, make_client: MakeClient, auth: TokenAuth[Any], request: pytest.FixtureRequest) -> FlaskClient:
        scopes = {"read": "tokenauth:introspect"} if request.param == "with the scope" else {}
        http = make_client(scopes=scopes, config={"TOKENAUTH_STORE": "memory://"})
        http.application.register_blueprint(auth.endpoints)
        http.application.add_url_rule("/login", view_func=lambda: token_response("bob"), endpoint="login")
        return http

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/auth/logout"),
            ("GET", "/auth/sessions"),
            ("DELETE", "/auth/sessions/s1"),
            ("POST", "/auth/introspect"),
        ],
    )
    def test_endpoints_take_our_tokens_only(
        self, http: FlaskClient, method: str, path: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        session = http.get("/login").json["access_token"]  # type: ignore[index]
        sid = state_of(http.application).authenticator.find_token(f"Bearer {session}")
        assert sid is not None

        answer = http.open(path, method=method, headers=bearer(sign(sid=sid.session_id)), data={"token": session})

        assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")  # type: ignore[index]
        assert reasons_of(caplog) == ["issuer_wrong"]
        assert http.get("/me", headers=bearer(session)).status_code == 200

    def test_their_token_is_none_that_we_can_revoke(self, http: FlaskClient) -> None:
        answer = http.post("/auth/revoke", data={"token": sign()})

        assert answer.status_code == 200
        assert http.get("/me", headers=bearer(sign())).status_code == 200

    def test_their_token_is_not_active_for_introspection(self, http: FlaskClient, mint: Mint) -> None:
        headers = bearer(mint(scope="tokenauth:introspect"))

        answer = http.post("/auth/introspect", headers=headers, data={"token": sign()})

        assert answer.json == {"active": False}

    def test_a_revoked_user_of_ours_is_none_of_theirs(self, http: FlaskClient, auth: TokenAuth[Any]) -> None:
        with http.application.app_context():
            auth.revoke_user("bob", api_keys=False)
            auth.revoke_token("t1")

        assert http.get("/me", headers=bearer(sign(jti="t1", sub="bob", sid="s"))).status_code == 200

    def test_revoking_the_current_token_needs_one_of_ours(self, http: FlaskClient, auth: TokenAuth[Any]) -> None:
        log_out: Any = auth.revoke_token
        http.application.add_url_rule("/out", view_func=log_out, endpoint="out")
        http.application.add_url_rule("/end", view_func=lambda: {"ended": auth.revoke_session()}, endpoint="end")

        answers = [http.get(path, headers=bearer(sign())) for path in ("/out", "/end")]

        assert [answer.status_code for answer in answers] == [401, 401]


def test_auth_verify_takes_their_tokens(make_client: MakeClient, auth: TokenAuth[Any]) -> None:
    http = make_client()

    with http.application.app_context():
        assert auth.verify(sign()).issuer == THEIRS


def test_auth_verify_with_an_audience_takes_ours_alone(make_client: MakeClient, auth: TokenAuth[Any]) -> None:
    """The audience of a trusted issuer is a part of its entry."""
    http = make_client()

    with http.application.app_context(), pytest.raises(TokenError):
        auth.verify(sign(), audience=AUDIENCE)


class TestOutage:
    """The keys of an issuer that cannot be fetched."""

    @pytest.fixture
    def http(self, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
        http = make_client()
        [rules] = state_of(http.application).trust.list_rules()

        class Unavailable:
            def current(self) -> None:
                raise KeySetUnavailable("the keys of the trusted issuer cannot be fetched")

        monkeypatch.setattr(rules, "keys", Unavailable())
        return http

    def test_its_tokens_get_503_and_ours_go_on(
        self, http: FlaskClient, mint: Mint, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)

        answer = http.get("/me", headers=bearer(sign()))

        assert (answer.status_code, answer.json["error"]) == (503, "temporarily_unavailable")  # type: ignore[index]
        assert "Retry-After" in answer.headers
        assert reasons_of(caplog) == ["key_set_unavailable"]
        assert http.get("/me", headers=bearer(mint())).status_code == 200

    def test_open_views_go_on_without_a_user(self, http: FlaskClient) -> None:
        answer = http.get("/open", headers=bearer(sign()))

        assert (answer.status_code, answer.json["user_id"]) == (200, None)  # type: ignore[index]

    def test_a_view_that_verifies_gets_503_too(
        self, http: FlaskClient, auth: TokenAuth[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        def check() -> dict[str, str]:
            return {"user": auth.verify(sign()).subject}

        http.application.add_url_rule("/check", view_func=check)

        assert http.get("/check").status_code == 503
        assert "the store" not in caplog.text


def test_a_key_of_theirs_that_is_ours_too_makes_no_token_of_ours(make_client: MakeClient, mint: Mint) -> None:
    http = make_client()

    forged = Mint(KEY)(iss=ISSUER)

    assert http.get("/me", headers=bearer(forged)).status_code == 401


def test_a_warm_application_has_the_keys_and_an_outage_is_only_logged(
    make_app: MakeApp, auth: TokenAuth[Any], caplog: pytest.LogCaptureFixture
) -> None:
    theirs = Issuer(KEY.public())
    down = issuer_with(issuer="http://127.0.0.1:1", keys=..., jwks_uri="http://127.0.0.1:1/keys")
    with theirs.serve() as server:
        app = make_app(auth=auth, TOKENAUTH_TRUSTED_ISSUERS=[down, theirs.entry()])
        auth.warm()
        app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")

        assert app.test_client().get("/me", headers=bearer(sign(iss=theirs.issuer))).status_code == 200
        assert len(server.requests) == 1
    assert "the keys of the trusted issuer http://127.0.0.1:1 cannot be fetched" in caplog.text
