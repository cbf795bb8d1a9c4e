"""Code that is called while a request is authenticated, and asks who is calling: for it the request is anonymous."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g, request

from flask_tokenauth import (
    NotAuthenticated,
    StoreUnavailable,
    Token,
    TokenAuth,
    get_token,
    get_user,
    login_optional,
    login_required,
    require_scope,
    token_accepted,
    token_refused,
)
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, MakeApp, Mint, bearer, whoami
from .asking import ALICE, NOBODY, Asker, log_filter

REMOTE = {"REMOTE_ADDR": "192.0.2.1"}


class AskingStore(MemoryStore):
    """A store that does something when it is asked for a revocation, as an event of a database may."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def is_revoked(self, **token: Any) -> bool:
        self._act()
        return super().is_revoked(**token)


def fail() -> None:
    raise StoreUnavailable("no answer")


def test_an_optional_login_lets_code_pass_while_the_token_is_checked(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.token_check(lambda token: login_optional(lambda: True)())
    app = make_app(auth=auth)
    app.add_url_rule("/", view_func=login_required(lambda: "hello"))

    assert app.test_client().get("/", headers=bearer(mint())).status_code == 200


def ask_in_token_check(asker: Asker) -> dict[str, object]:
    asker.auth.token_check(asker.ask)
    return {}


def ask_in_coroutine(asker: Asker) -> dict[str, object]:
    @asker.auth.token_check
    async def check(token: Token) -> bool:
        return asker.ask(token)

    return {}


def ask_in_user_id_type(asker: Asker) -> dict[str, object]:
    asker.auth = TokenAuth(user_id_type=lambda subject: (asker.ask(), subject)[1])
    asker.auth.user_loader(lambda user_id: user_id)
    return {}


def ask_in_store(asker: Asker) -> dict[str, object]:
    return {"TOKENAUTH_STORE": AskingStore(asker.ask), "TOKENAUTH_REVOCATION": "strict"}


def make_guarded_app(make_app: MakeApp, auth: TokenAuth[Any], **settings: object) -> Flask:
    app = make_app(auth=auth, **settings)
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    app.add_url_rule("/open", view_func=whoami(), endpoint="open")
    return app


@pytest.mark.parametrize("begin", [ask_in_token_check, ask_in_coroutine, ask_in_user_id_type, ask_in_store])
def test_code_that_decides_about_the_token_sees_an_anonymous_request(
    make_app: MakeApp, mint: Mint, begin: Callable[[Asker], dict[str, object]]
) -> None:
    asker = Asker()
    settings = begin(asker)
    app = make_guarded_app(make_app, asker.auth, **settings)

    with app.app_context():
        g.user_id, g.scopes = "previous", frozenset({"previous"})
        answer = app.test_client().get("/me", headers=bearer(mint()))

    assert asker.answers == [NOBODY]
    assert answer.get_json()["user_id"] == "alice"


def test_a_log_filter_for_the_warning_about_plain_http_sees_an_anonymous_request(make_app: MakeApp, mint: Mint) -> None:
    asker = Asker()
    app = make_guarded_app(make_app, asker.auth, TOKENAUTH_ENFORCE_HTTPS="warn")

    with log_filter(asker.ask):
        answer = app.test_client().get("/me", headers=bearer(mint()), environ_base=REMOTE)

    assert asker.answers == [NOBODY]
    assert answer.get_json()["user_id"] == "alice"


def test_a_log_filter_for_an_outage_of_the_store_sees_an_anonymous_request(make_app: MakeApp, mint: Mint) -> None:
    asker = Asker()
    settings = {"TOKENAUTH_STORE": AskingStore(fail), "TOKENAUTH_REVOCATION": "strict"}
    app = make_guarded_app(make_app, asker.auth, **settings)

    with log_filter(asker.ask):
        answer = app.test_client().get("/open", headers=bearer(mint()))

    assert asker.answers == [NOBODY]
    assert answer.get_json()["user_id"] is None


def test_such_a_question_is_not_reported_as_a_refusal(
    make_app: MakeApp, mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    asker = Asker()
    asker.auth.token_check(asker.ask)
    app = make_guarded_app(make_app, asker.auth)
    received: list[object] = []
    caplog.set_level("INFO", "flask_tokenauth")

    with token_refused.connected_to(lambda sender, reason: received.append(reason), app):
        app.test_client().get("/me", headers=bearer(mint()))

    assert (received, caplog.messages) == ([], [])


def test_guards_that_are_asked_too_early_note_nothing_for_other_requests(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    found: list[object] = []

    @auth.token_check
    def check(token: Token) -> bool:
        found.append(state_of(app).authenticator.authenticate(request))
        return True

    app = make_guarded_app(make_app, auth)
    for _ in "12":
        app.test_client().get("/me", headers=bearer(mint()))

    assert found[0] is not found[1]


def ask_for_user_id(auth: TokenAuth[str]) -> bool:
    return auth.user_id == "alice"


def ask_for_user(auth: TokenAuth[str]) -> bool:
    return bool(get_user())


def call_guarded(auth: TokenAuth[str]) -> bool:
    return login_required(lambda: True)()


@pytest.mark.parametrize("question", [ask_for_user_id, ask_for_user, call_guarded])
def test_a_token_is_refused_if_its_check_needs_the_caller(
    make_app: MakeApp, mint: Mint, caplog: pytest.LogCaptureFixture, question: Callable[[TokenAuth[str]], bool]
) -> None:
    auth = Asker().auth
    auth.token_check(lambda token: question(auth))
    app = make_guarded_app(make_app, auth)
    caplog.set_level("INFO", "flask_tokenauth")

    answer = app.test_client().get("/me", headers=bearer(mint()))

    assert answer.status_code == 401
    assert answer.get_json()["error"] == "invalid_token"
    advice, refused = caplog.records
    assert (advice.levelname, refused.getMessage()) == ("ERROR", "refused: token_rejected")
    assert "Let token_check and user_id_type use the argument" in advice.getMessage()


def test_an_open_view_is_anonymous_if_the_token_check_needs_the_caller(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.token_check(lambda token: ask_for_user_id(auth))
    app = make_guarded_app(make_app, auth)

    assert app.test_client().get("/open", headers=bearer(mint())).get_json()["user_id"] is None


def test_a_refusal_that_a_token_check_raises_on_its_own_is_the_answer(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.token_check
    def check(token: Token) -> bool:
        raise NotAuthenticated("This account is locked.")

    app = make_guarded_app(make_app, auth)

    answer = app.test_client().get("/open", headers=bearer(mint()))

    assert (answer.status_code, answer.get_json()["error_description"]) == (401, "This account is locked.")


def raise_without_a_caller(*_: object) -> bool:
    """Ask as a careless log filter does."""
    return bool(get_user())


def test_a_log_filter_that_raises_without_a_caller_does_not_recurse(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    calls: list[str] = []
    auth.user_loader(lambda user_id: user_id)

    @auth.token_check
    def check(token: Token) -> bool:
        calls.append(token.subject)
        return ask_for_user_id(auth)

    app = make_guarded_app(make_app, auth)

    with log_filter(raise_without_a_caller):
        answer = app.test_client().get("/me", headers=bearer(mint()))

    assert (answer.status_code, calls) == (401, ["alice"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 60}, "token_expired"),
        ({"scope": "other"}, "scope_insufficient"),
        ({"sub": "gone"}, "user_unknown"),
    ],
)
def test_a_refusal_is_reported_once_although_listeners_and_filters_ask_for_the_caller(
    make_app: MakeApp, mint: Mint, changes: dict[str, Any], reason: str
) -> None:
    asker = Asker()
    asker.auth.user_loader(lambda user_id: None if user_id == "gone" else user_id)
    app = make_app(auth=asker.auth)
    app.add_url_rule("/", view_func=require_scope("reports:read")(lambda: str(get_user())))
    reasons: list[str] = []

    def listen(sender: Flask, reason: str) -> None:
        asker.ask()
        reasons.append(reason)

    with log_filter(asker.ask), token_refused.connected_to(listen, app):
        app.test_client().get("/", headers=bearer(mint(**changes)))

    assert reasons == [reason]
    assert len(asker.answers) == 2


def test_a_listener_for_a_missing_scope_sees_the_caller(make_app: MakeApp, mint: Mint) -> None:
    asker = Asker()
    app = make_app(auth=asker.auth)
    app.add_url_rule("/", view_func=require_scope("admin")(whoami()))

    with token_refused.connected_to(asker.ask, app):
        app.test_client().get("/", headers=bearer(mint()))

    assert asker.answers == [ALICE]


def test_refusals_of_requests_within_a_listener_are_reported(make_app: MakeApp) -> None:
    outer, inner = (make_guarded_app(make_app, TokenAuth(), TOKENAUTH_ISSUER=name) for name in ("outer", "inner"))
    reported: list[Flask] = []

    def listen(sender: Flask, reason: str) -> None:
        reported.append(sender)
        if sender is outer:
            inner.test_client().get("/me")

    with token_refused.connected_to(listen):
        outer.test_client().get("/me")

    assert reported == [outer, inner]


def test_a_request_is_authenticated_once_by_each_application_that_asks_for_its_caller(
    make_app: MakeApp, mint: Mint
) -> None:
    """Within the context of another application, that application decides who is calling."""
    calls: list[str] = []
    accepted: list[Flask] = []
    mounted = make_app("mounted", auth=TokenAuth())
    auth: TokenAuth[str] = TokenAuth()

    @auth.token_check
    def check(token: Token) -> bool:
        calls.append(token.subject)
        with mounted.app_context():
            assert get_token() is not None
        return get_token() is None

    app = make_app(auth=auth)

    @app.get("/")
    @login_required
    def view() -> str:
        with mounted.app_context():
            assert get_token() is not None
        return str(get_token() is not None)

    with token_accepted.connected_to(lambda sender, **_: accepted.append(sender)):
        answer = app.test_client().get("/", headers=bearer(mint()))

    assert answer.text == "True"
    assert calls == ["alice"]
    assert accepted == [mounted, app]


def test_a_token_check_that_sets_the_caller_on_g_and_refuses_leaves_nobody_there(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.token_check
    def check(token: Token) -> bool:
        g.user_id, g.token = token.subject, token
        return False

    app = make_guarded_app(make_app, auth)

    assert app.test_client().get("/open", headers=bearer(mint())).get_json() == {
        "user_id": None,
        "scopes": [],
        "token": None,
    }


def test_a_user_loader_that_asked_for_the_user_is_not_said_to_have_returned_none(
    make_app: MakeApp, mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.user_loader(lambda user_id: get_user())
    app = make_app(auth=auth)
    app.debug = True
    app.add_url_rule("/", view_func=login_required(load_user=True)(whoami()))

    app.test_client().get("/", headers=bearer(mint()))

    advice, refused = caplog.messages
    assert "Let user_loader use the user ID" in advice
    assert "user_loader must return the user of the token, and it did not return: see the error before this" in refused
