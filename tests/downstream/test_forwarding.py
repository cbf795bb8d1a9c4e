"""``get_token_text`` and ``forward_headers``: which credentials are handed on, and which never are."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g, request

from flask_tokenauth import (
    AuthError,
    NotAuthenticated,
    NotPermitted,
    TokenAuth,
    create_token,
    forward_headers,
    get_token,
    get_token_text,
    login_optional,
    login_required,
    require_scope,
)
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.authentication.authenticator import AUTHENTICATION
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import AUDIENCE, NOW, MakeApp, Mint, bearer
from ..cookies_kit import CROSS, Browser, make_cookie_app
from ..core.trusted_issuers.rules_kit import issuer_with, sign
from ..guards.kinds_kit import HEADER, add_api_key, looked_up
from ..guards.ticket_kit import ACCEPT, get, make_ticket
from ..lifecycle.looked_up.kit import make_reference

OTHER = "https://reports.example"
BOTH = [AUDIENCE, OTHER]


def text_or_reason(ask: Callable[[], object] = get_token_text) -> Callable[[], dict[str, object]]:
    """Return a view that returns what *ask* returns, or the status and the reason of the refusal."""

    def view() -> dict[str, object]:
        try:
            return {"text": ask()}
        except AuthError as error:
            return {"status": error.code, "reason": error.reason}

    return view


@pytest.fixture
def app(make_app: MakeApp, store: MemoryStore) -> Flask:
    """An application that accepts all kinds of tokens, with an open view, an optional view and a guarded one."""
    app = make_app(**looked_up(store), TOKENAUTH_TRUSTED_ISSUERS=[issuer_with()])
    app.add_url_rule("/open", "open", text_or_reason())
    app.add_url_rule("/maybe", "maybe", login_optional(text_or_reason()))
    app.add_url_rule("/x", "x", require_scope("reports:read", accept=(*ACCEPT, "api_key"))(text_or_reason()))
    app.add_url_rule(
        "/forward", "forward", require_scope("reports:read")(text_or_reason(lambda: forward_headers(OTHER)))
    )
    return app


def ask(app: Flask, path: str, headers: dict[str, str]) -> Any:
    return app.test_client().get(path, headers=headers).json


@pytest.mark.parametrize("path", ["/open", "/maybe", "/x"])
def test_the_text_is_the_token_as_the_client_sent_it(app: Flask, mint: Mint, path: str) -> None:
    token = mint()

    assert ask(app, path, bearer(token)) == {"text": token}
    assert ask(app, path, {"Authorization": f"bEARER   {token}"}) == {"text": token}


def test_the_text_is_there_where_the_application_takes_part_in_the_decision(make_app: MakeApp) -> None:
    auth = TokenAuth(user_id_type=int)
    auth.token_check(lambda token: True)
    app = make_app(auth=auth)
    app.add_url_rule("/me", "me", login_required(text_or_reason()))
    with app.app_context():
        token = create_token(7)

    assert ask(app, "/me", bearer(token)) == {"text": token}


def test_a_reference_token_and_a_token_of_a_trusted_issuer_have_a_text(app: Flask) -> None:
    for token in (make_reference(app), sign()):
        assert ask(app, "/maybe", bearer(token)) == {"text": token}


@pytest.mark.parametrize("with_check", [False, True])
def test_a_token_in_a_cookie_has_a_text(make_app: MakeApp, store: MemoryStore, *, with_check: bool) -> None:
    auth: TokenAuth[str] = TokenAuth()
    if with_check:
        auth.token_check(lambda token: True)
    app = make_cookie_app(make_app, store, auth=auth)
    app.add_url_rule("/text", "text", login_required(text_or_reason()), methods=["POST"])
    browser = Browser(app)
    browser.sign_in()

    assert browser("POST", "/text").json == {"text": browser.access}


def test_a_cookie_that_does_not_count_is_not_handed_on(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_cookie_app(make_app, store)
    app.add_url_rule("/text", "text", text_or_reason(), methods=["POST"])
    browser = Browser(app)
    browser.sign_in()

    assert browser("POST", "/text", CROSS).json == {"status": 403, "reason": "cross_site"}


def test_a_cookie_that_counts_no_more_is_not_handed_on(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_cookie_app(make_app, store)

    def change_method() -> dict[str, object]:
        first = get_token_text()
        request.environ["REQUEST_METHOD"] = request.method = "POST"
        refusal = text_or_reason()()
        return {"length": len(first), "kept": vars(request)[AUTHENTICATION].text, **refusal}

    app.add_url_rule("/text", "text", change_method)
    browser = Browser(app)
    browser.sign_in()

    answer = browser("GET", "/text", {"Sec-Fetch-Site": "cross-site"}).json

    assert answer == {"length": len(str(browser.access)), "kept": None, "status": 403, "reason": "cross_site"}


@pytest.mark.parametrize("path", ["/open", "/maybe"])
def test_an_anonymous_request_has_no_text(app: Flask, path: str) -> None:
    assert ask(app, path, {}) == {"status": 401, "reason": "credential_missing"}


def test_a_refused_token_is_not_handed_on(app: Flask, mint: Mint) -> None:
    token = mint()

    assert ask(app, "/open", bearer(token[:-4] + "AAAA")) == {"status": 401, "reason": "signature_invalid"}
    assert ask(app, "/open", bearer(mint(exp=NOW - 900, iat=NOW - 1000)))["reason"] == "token_expired"


def test_a_token_that_token_check_refuses_is_not_handed_on_and_has_no_text_meanwhile(
    make_app: MakeApp, mint: Mint
) -> None:
    auth: TokenAuth[str] = TokenAuth()
    seen: list[object] = []

    @auth.token_check
    def check(token: Token) -> bool:
        seen.append(text_or_reason()())
        return False

    app = make_app(auth=auth)
    app.add_url_rule("/open", "open", text_or_reason())

    assert ask(app, "/open", bearer(mint())) == {"status": 401, "reason": "token_rejected"}
    assert seen == [{"status": 401, "reason": "credential_missing"}]


@pytest.mark.parametrize("name", ["Authorization", HEADER])
def test_an_api_key_is_not_handed_on(app: Flask, store: MemoryStore, name: str) -> None:
    key = add_api_key(store)
    headers = bearer(key) if name == "Authorization" else {name: key}

    assert ask(app, "/x", headers) == {"status": 403, "reason": "token_not_forwarded"}
    assert ask(app, "/forward", headers) == {"status": 403, "reason": "token_not_forwarded"}
    assert ask(app, "/open", headers) == {"status": 403, "reason": "api_key_not_accepted"}


def test_a_ticket_is_not_handed_on(app: Flask, mint: Mint) -> None:
    answer = get(app, make_ticket(mint, "/x"), "/x")

    assert answer.json == {"status": 403, "reason": "token_not_forwarded"}


def test_the_refusal_says_what_to_do(app: Flask, mint: Mint, store: MemoryStore) -> None:
    with app.test_request_context("/", headers=bearer(mint())), pytest.raises(NotPermitted) as raised:
        forward_headers(OTHER)

    assert "the argument audience of token_response" in str(raised.value.error)
    assert raised.value.data["error"] == "insufficient_scope"


def test_without_a_request_there_is_an_error(make_app: MakeApp) -> None:
    app = make_app()

    with app.app_context(), pytest.raises(RuntimeError, match="needs a request"):
        get_token_text()
    with app.app_context(), pytest.raises(RuntimeError, match="needs a request"):
        forward_headers(OTHER)


def test_a_request_within_a_request_has_a_text_of_its_own(app: Flask, mint: Mint) -> None:
    outer, inner = mint(sub="alice"), mint(sub="bob", jti="t2")

    def nest() -> dict[str, object]:
        before = get_token_text()
        within = ask(app, "/open", bearer(inner))
        anonymous = ask(app, "/open", {})
        return {"before": before, "within": within["text"], "anonymous": anonymous["status"], "after": get_token_text()}

    app.add_url_rule("/nest", "nest", nest)

    assert ask(app, "/nest", bearer(outer)) == {"before": outer, "within": inner, "anonymous": 401, "after": outer}


def test_two_applications_that_share_a_request_hand_on_what_each_accepts(make_app: MakeApp, mint: Mint) -> None:
    first, second = make_app("first"), make_app("second", TOKENAUTH_AUDIENCE=OTHER)
    token = mint()

    with first.test_request_context("/", headers=bearer(token)):
        assert get_token_text() == token
        with second.app_context(), pytest.raises(NotAuthenticated):
            get_token_text()
        assert get_token_text() == token


def test_headers_that_code_changes_later_are_not_handed_on(app: Flask, mint: Mint) -> None:
    token = mint()

    with app.test_request_context("/", headers=bearer(token)):
        assert get_token() is not None
        request.environ["HTTP_AUTHORIZATION"] = "Bearer of.another.place"

        assert get_token_text() == token


def test_the_text_is_not_on_g_and_in_no_repr(app: Flask, mint: Mint) -> None:
    token = mint()

    with app.test_request_context("/", headers=bearer(token)):
        get_token_text()
        authentication = vars(request)[AUTHENTICATION]

        assert authentication.text == token
        assert token not in repr((vars(g), authentication, get_token(), request, state_of(app)))


@pytest.mark.parametrize("audience", [OTHER, [OTHER], BOTH])
def test_a_token_is_forwarded_to_an_audience_that_it_names(app: Flask, mint: Mint, audience: object) -> None:
    state_of(app)  # the application itself is one of the audiences, or no view would be reached
    token = mint(aud=[AUDIENCE, *(audience if isinstance(audience, list) else [audience])])

    assert ask(app, "/forward", bearer(token)) == {"text": {"Authorization": f"Bearer {token}"}}


@pytest.mark.parametrize("audience", [OTHER + "/", OTHER.upper(), OTHER[:-1], "https://other.example"])
def test_a_token_is_not_forwarded_to_another_audience(app: Flask, mint: Mint, audience: str) -> None:
    token = mint(aud=[AUDIENCE, audience])

    assert ask(app, "/forward", bearer(token)) == {"status": 403, "reason": "token_not_for_audience"}


def test_each_call_returns_headers_of_its_own(app: Flask, mint: Mint) -> None:
    with app.test_request_context("/", headers=bearer(mint(aud=BOTH))):
        forward_headers(OTHER)["X-Other"] = "1"

        assert list(forward_headers(OTHER)) == ["Authorization"]


@pytest.mark.parametrize(("audience", "error"), [("", ValueError), (None, TypeError), ([OTHER], TypeError)])
def test_an_audience_is_one_string(app: Flask, mint: Mint, audience: Any, error: type[Exception]) -> None:
    with app.test_request_context("/", headers=bearer(mint(aud=BOTH))), pytest.raises(error, match=r"^audience must"):
        forward_headers(audience)
