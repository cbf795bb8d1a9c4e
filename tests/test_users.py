"""The user of a request: users, tokens, and the checks of the application."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask, abort, g, render_template_string
from flask.testing import FlaskClient

from flask_tokenauth import (
    NotAuthenticated,
    SettingsError,
    Token,
    TokenAuth,
    TokenError,
    create_token,
    current_user,
    get_token,
    get_user,
    login_required,
    token_issued,
    token_refused,
)

from .conftest import NOW, MakeApp, Mint, bearer, whoami


@dataclass
class User:
    name: str


class Users:
    """A table of users that records each look-up."""

    def __init__(self) -> None:
        self.known: dict[str, User] = {"alice": User("Alice")}
        self.looked_up: list[str] = []

    def load(self, user_id: str) -> User | None:
        self.looked_up.append(user_id)
        return self.known.get(user_id)

    async def load_async(self, user_id: str) -> User | None:
        return self.load(user_id)


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture
def auth(users: Users) -> TokenAuth[str]:
    auth = TokenAuth()
    auth.user_loader(users.load)
    return auth


@pytest.fixture
def app(make_app: MakeApp, auth: TokenAuth[str]) -> Flask:
    app = make_app(auth=auth)
    add(app, "/name", lambda: f"{get_user().name}, {get_user().name}")
    add(app, "/guarded", login_required(lambda: get_user().name))
    add(app, "/loaded", login_required(load_user=True)(lambda: "open"))
    add(app, "/login", login_required(lambda: "open"))
    add(app, "/template", lambda: render_template_string("{{ current_user.name if current_user else 'nobody' }}"))
    add(app, "/id", lambda: auth.user_id)
    add(app, "/token", lambda: str(get_token() and get_token().token_id))  # type: ignore[union-attr]  # one is there
    return app


def add(app: Flask, rule: str, view: Callable[[], str]) -> None:
    app.add_url_rule(rule, view_func=view, endpoint=rule.strip("/"))


def test_a_user_is_loaded_on_first_use_and_once_in_a_request(client: FlaskClient, users: Users, mint: Mint) -> None:
    assert client.get("/login", headers=bearer(mint())).text == "open"
    assert users.looked_up == []

    assert client.get("/name", headers=bearer(mint())).text == "Alice, Alice"
    assert users.looked_up == ["alice"]

    assert client.get("/name", headers=bearer(mint())).text == "Alice, Alice"
    assert users.looked_up == ["alice", "alice"]


@pytest.mark.parametrize("path", ["/name", "/guarded", "/loaded"])
def test_a_deleted_user_is_refused(client: FlaskClient, users: Users, mint: Mint, path: str) -> None:
    users.known.clear()

    answer = client.get(path, headers=bearer(mint()))

    assert answer.status_code == 401
    assert answer.get_json()["error"] == "invalid_token"


def test_a_view_that_does_not_load_the_user_needs_only_a_good_token(
    client: FlaskClient, users: Users, mint: Mint
) -> None:
    users.known.clear()

    assert client.get("/login", headers=bearer(mint())).text == "open"


@pytest.mark.parametrize("path", ["/name", "/guarded", "/loaded", "/id"])
def test_a_request_without_a_token_has_no_user(client: FlaskClient, path: str) -> None:
    assert client.get(path).get_json()["error"] == "unauthorized"


@pytest.mark.parametrize("path", ["/name", "/guarded", "/loaded", "/id"])
def test_a_request_with_a_bad_token_has_no_user(client: FlaskClient, mint: Mint, path: str) -> None:
    answer = client.get(path, headers=bearer(mint(exp=NOW - 60)))

    assert answer.get_json()["error_description"] == "The access token has expired."


def test_templates_have_current_user(client: FlaskClient, users: Users, mint: Mint) -> None:
    assert client.get("/template").text == "nobody"
    assert client.get("/template", headers=bearer(mint())).text == "Alice"
    users.known.clear()
    assert client.get("/template", headers=bearer(mint())).text == "nobody"


def test_outside_of_requests_there_is_no_user() -> None:
    assert not current_user


def test_the_current_user_of_another_extension_wins_in_templates(app: Flask, client: FlaskClient) -> None:
    """For example the one of Flask-Login."""
    app.context_processor(lambda: {"current_user": User("Theirs")})

    assert client.get("/template").text == "Theirs"


def test_a_loader_may_be_a_coroutine_function(make_app: MakeApp, users: Users, mint: Mint) -> None:
    auth = TokenAuth()
    auth.user_loader(users.load_async)
    app = make_app(auth=auth)
    add(app, "/name", lambda: str(get_user().name))

    @app.get("/async")
    @login_required(load_user=True)
    async def view() -> str:
        await asyncio.sleep(0)
        return str(get_user().name)

    client = app.test_client()

    assert client.get("/name", headers=bearer(mint())).text == "Alice"
    assert client.get("/async", headers=bearer(mint())).text == "Alice"
    users.known.clear()
    assert client.get("/async", headers=bearer(mint())).status_code == 401


def test_the_decorated_loader_returns_the_user_of_the_request(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth(user_id_type=int)

    @auth.user_loader
    def my_user(user_id: int) -> User | None:
        """Load a user."""
        return User(f"Number {user_id + 1}")

    app = make_app(auth=auth)

    with app.test_request_context(headers=bearer(mint(sub="42"))):
        assert my_user().name == "Number 43"
        assert auth.user_id == 42
    assert my_user.__doc__ == "Load a user."


def test_get_user_without_a_loader_raises(make_app: MakeApp, mint: Mint) -> None:
    with (
        make_app().test_request_context(headers=bearer(mint())),
        pytest.raises(SettingsError, match="user_loader"),
    ):
        get_user()


def test_an_error_in_a_loader_is_raised(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    known: dict[str, User] = {}
    auth.user_loader(known.__getitem__)

    with make_app(auth=auth).test_request_context(headers=bearer(mint())), pytest.raises(KeyError):
        get_user()


def test_user_id_and_get_token_return_the_id_and_the_token(client: FlaskClient, mint: Mint) -> None:
    assert client.get("/id", headers=bearer(mint())).text == "alice"
    assert client.get("/token", headers=bearer(mint())).text == "t1"
    assert client.get("/token").text == "None"
    assert client.get("/token", headers=bearer("x.y.z")).text == "None"


def test_a_token_can_be_verified_without_a_request(app: Flask, auth: TokenAuth[str], mint: Mint) -> None:
    with app.app_context():
        assert auth.verify(mint()).subject == "alice"
        with pytest.raises(TokenError) as caught:
            auth.verify(mint(exp=NOW - 60))

    assert caught.value.reason == "token_expired"


async def _is_short(token: Token) -> bool:
    return len(token.subject) < 6


@pytest.mark.parametrize("check", [lambda token: token.subject == "alice", _is_short], ids=["plain", "coroutine"])
def test_token_check_can_refuse_tokens(make_app: MakeApp, mint: Mint, check: Any) -> None:
    auth = TokenAuth()
    assert auth.token_check(check) is check
    app = make_app(auth=auth)
    add(app, "/x", login_required(lambda: "open"))
    client = app.test_client()

    assert client.get("/x", headers=bearer(mint())).text == "open"
    refused = client.get("/x", headers=bearer(mint(sub="somebody")))

    assert refused.status_code == 401
    assert refused.get_json()["error"] == "invalid_token"
    with app.app_context(), pytest.raises(TokenError) as caught:
        auth.verify(mint(sub="somebody"))
    assert caught.value.reason == "token_rejected"


def test_a_token_check_that_returns_none_refuses(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    auth.token_check(lambda token: None)  # type: ignore[type-var]  # the error under test
    app = make_app(auth=auth)

    with app.app_context(), pytest.raises(TokenError):
        auth.verify(mint())


def test_a_token_check_that_raises_leaves_the_request_anonymous(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    failing = {"bob"}

    @auth.token_check
    def check(token: Token) -> bool:
        return token.subject not in failing or abort(503)

    auth.user_loader(User)
    app = make_app(auth=auth)
    app.register_error_handler(503, lambda error: (f"{g.user_id} {get_token()} {bool(current_user)}", 503))
    app.add_url_rule("/x", view_func=login_required(whoami()))

    with app.app_context():
        client = app.test_client()

        assert client.get("/x", headers=bearer(mint())).get_json()["user_id"] == "alice"
        assert client.get("/x", headers=bearer(mint(sub="bob"))).text == "None None False"


def test_token_check_gets_only_verified_tokens(make_app: MakeApp, mint: Mint) -> None:
    seen: list[str] = []
    auth = TokenAuth()
    auth.token_check(lambda token: not seen.append(token.subject))  # type: ignore[func-returns-value]  # None is falsy
    client = make_app(auth=auth).test_client()

    client.get("/", headers=bearer(mint(exp=NOW - 60)))
    client.get("/", headers=bearer("x.y.z"))
    client.get("/", headers=bearer(mint()))

    assert seen == ["alice"]


def test_token_issued_does_not_contain_the_token(app: Flask) -> None:
    received: list[dict[str, Any]] = []

    with app.app_context(), token_issued.connected_to(lambda sender, **facts: received.append(facts), app):
        token = create_token("alice", ["a"], expires_in=60)

    [facts] = received
    assert (facts["user_id"], facts["scopes"], facts["expires_in"].total_seconds()) == ("alice", frozenset({"a"}), 60)
    assert token not in str(facts)


@pytest.mark.parametrize(
    ("path", "headers", "reasons"),
    [
        ("/login", {}, ["credential_missing"]),
        ("/login", {"Authorization": "hunter2"}, ["scheme_missing"]),
        ("/login", {"Authorization": "Token hunter2"}, ["scheme_unsupported"]),
        ("/name", {"Authorization": "hunter2"}, ["scheme_missing"]),
        ("/id", {"Authorization": "Token hunter2"}, ["scheme_unsupported"]),
        ("/login", {"Authorization": "Bearer a b"}, ["credential_malformed"]),
        ("/login", {"Authorization": "Bearer hunter2"}, ["token_malformed"]),
        ("/token", {"Authorization": "Bearer hunter2"}, []),
    ],
)
def test_a_refusal_is_sent_and_logged_with_its_reason(  # noqa: PLR0917  # one for each parameter
    app: Flask,
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    path: str,
    headers: dict[str, str],
    reasons: list[str],
) -> None:
    received: list[dict[str, Any]] = []

    with (
        caplog.at_level("INFO", "flask_tokenauth"),
        token_refused.connected_to(lambda _, **facts: received.append(facts), app),
    ):
        client.get(path, headers=headers)

    assert received == [{"reason": reason} for reason in reasons]
    assert [record.getMessage() for record in caplog.records] == [f"refused: {reason}" for reason in reasons]


def test_a_login_view_may_raise_not_authenticated(app: Flask) -> None:
    with app.app_context(), pytest.raises(NotAuthenticated):
        raise NotAuthenticated("Wrong password.")


@pytest.mark.parametrize(
    ("enforced", "address", "scheme", "status", "warnings"),
    [
        ("warn", "192.0.2.1", "http", 200, 1),
        ("warn", "2001:db8::1", "http", 200, 1),
        ("warn", "somewhere", "http", 200, 1),
        ("warn", "127.0.0.1", "http", 200, 0),
        ("warn", "::1", "http", 200, 0),
        ("warn", "", "http", 200, 0),
        ("warn", None, "http", 200, 0),
        ("warn", "192.0.2.1", "https", 200, 0),
        ("off", "192.0.2.1", "http", 200, 0),
        ("refuse", "192.0.2.1", "http", 400, 0),
        ("refuse", "127.0.0.1", "http", 400, 0),
        ("refuse", "192.0.2.1", "https", 200, 0),
    ],
)
def test_a_token_over_plain_http_logs_one_warning_or_is_refused(  # noqa: PLR0917  # one for each parameter
    make_app: MakeApp,
    mint: Mint,
    caplog: pytest.LogCaptureFixture,
    enforced: str,
    address: str | None,
    scheme: str,
    status: int,
    warnings: int,
) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS=enforced)
    add(app, "/x", login_required(lambda: "open"))
    client = app.test_client()
    environ = {"REMOTE_ADDR": address} if address is not None else {}

    def ask() -> int:
        if address is None:
            client.environ_base.pop("REMOTE_ADDR", None)
        url = f"{scheme}://localhost"
        return client.get("/x", base_url=url, headers=bearer(mint()), environ_overrides=environ).status_code

    assert [ask(), ask()] == [status, status]
    assert [record.levelname for record in caplog.records].count("WARNING") == warnings
    assert "ProxyFix" in caplog.text if warnings else True


def test_a_request_without_a_token_may_use_plain_http(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS="refuse")
    add(app, "/x", lambda: "open")

    assert app.test_client().get("/x").text == "open"
