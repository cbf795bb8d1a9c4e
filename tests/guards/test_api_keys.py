"""Requests with API keys: who is the caller, and where."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, abort, g
from flask_limiter import Limiter

from flask_tokenauth import (
    AuthError,
    TokenAuth,
    current_user,
    get_token,
    get_user,
    login_optional,
    login_required,
    public,
    require_scope,
    token_accepted,
)
from flask_tokenauth.core.records.api_key import ApiKey
from flask_tokenauth.core.tokens.token import TokenKind
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp, Mint, bearer
from .kinds_kit import add_api_key, looked_up, over_kinds
from .kit import CLOSED, hide

MakeKeyApp = Callable[..., Flask]
NOBODY: dict[str, Any] = {
    "g": [None, [], None],
    "token": None,
    "user": 403,
    "user_id": 403,
    "current": False,
    "allows": False,
}
ALICE = {
    "g": ["alice", ["reports:read"], "api_key"],
    "token": "api_key",
    "user": "alice",
    "user_id": "alice",
    "current": True,
    "allows": True,
}


@pytest.fixture
def auth() -> TokenAuth[str]:
    auth: TokenAuth[str] = TokenAuth()
    auth.user_loader(lambda user_id: user_id)
    return auth


@pytest.fixture
def make_key_app(make_app: MakeApp, store: MemoryStore) -> MakeKeyApp:
    """Return a function that makes an application which accepts API keys."""

    def make(**options: Any) -> Flask:
        return make_app(**looked_up(store), **options)

    return make


@pytest.fixture
def key(store: MemoryStore) -> dict[str, str]:
    """The header of a request with an API key of alice."""
    return bearer(add_api_key(store))


@pytest.fixture
def accepted() -> Iterator[list[Any]]:
    """Return a list to which each signal ``token_accepted`` adds its arguments."""
    heard: list[Any] = []

    def listen(sender: object, **facts: Any) -> None:
        heard.append(facts)

    with token_accepted.connected_to(listen):
        yield heard


def _ask(question: Callable[[], object]) -> object:
    try:
        return question()
    except AuthError as error:
        return error.code


def ask(auth: TokenAuth[str]) -> dict[str, Any]:
    """Ask in every way who is calling."""
    token = get_token()
    return {
        "g": [g.user_id, sorted(g.scopes), g.token and g.token.kind],
        "token": token and token.kind,
        "user": _ask(get_user),
        "user_id": _ask(lambda: auth.user_id),
        "current": bool(current_user),
        "allows": auth.allows("reports:read"),
    }


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        (lambda view: view, NOBODY),
        (public, NOBODY),
        (require_scope("reports:read"), ALICE),
        (login_required(api_keys=True), ALICE),
        (login_optional(api_keys=True), ALICE),
    ],
    ids=["open", "public", "scope", "login", "optional"],
)
@pytest.mark.parametrize("hooks", [0, 1])
def test_the_caller_is_known_only_where_api_keys_are_accepted(
    make_key_app: MakeKeyApp, auth: TokenAuth[str], key: Any, *, guard: Any, expected: Any, hooks: int
) -> None:
    app = make_key_app(auth=auth)
    seen: list[Any] = []

    def see(response: Response) -> Response:
        seen.append(ask(auth))
        return response

    for _ in range(hooks):
        app.before_request(lambda: seen.append(ask(auth)))
        app.after_request(see)
    app.add_url_rule("/x", "x", guard(lambda: ask(auth)))

    assert app.test_client().get("/x", headers=key).json == expected
    assert seen == [expected] * 2 * hooks


@pytest.mark.parametrize(("path", "method", "status"), [("/nowhere", "GET", 404), ("/x", "PUT", 405)])
def test_the_handler_of_an_error_without_a_view_sees_nobody(
    make_key_app: MakeKeyApp, auth: TokenAuth[str], key: Any, *, path: str, method: str, status: int
) -> None:
    app = make_key_app(auth=auth)
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: "open"))
    app.register_error_handler(status, lambda error: (ask(auth), status))

    answer = app.test_client().open(path, method=method, headers=key)

    assert (answer.status_code, answer.json) == (status, NOBODY)


def test_the_handler_of_a_refusal_sees_nobody(make_key_app: MakeKeyApp, auth: TokenAuth[str], key: Any) -> None:
    app = make_key_app(auth=auth)
    app.add_url_rule("/x", "x", login_required(lambda: "open"))
    app.register_error_handler(403, lambda error: (ask(auth), 403))

    assert app.test_client().get("/x", headers=key).json == NOBODY


@pytest.mark.parametrize(
    ("guard", "status"),
    [
        (lambda view: view, 403),
        (login_optional, 403),
        (public, 200),
        (require_scope("reports:read"), 200),
        (login_required(api_keys=True), 200),
    ],
    ids=["nothing", "optional", "public", "scope", "login"],
)
def test_the_default_guard_accepts_no_api_key(make_key_app: MakeKeyApp, key: Any, guard: Any, status: int) -> None:
    app = make_key_app(**CLOSED)
    app.add_url_rule("/x", "x", guard(lambda: "open"))

    assert app.test_client().get("/x", headers=key).status_code == status


def test_an_api_key_of_an_application_without_api_keys_is_refused(make_app: MakeApp, store: MemoryStore) -> None:
    key = bearer(add_api_key(store))
    app = make_app(TOKENAUTH_STORE=store)
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: "open"))

    assert app.test_client().get("/x", headers=key).status_code == 401


# The refusals


@pytest.mark.parametrize(
    ("guard", "status", "error", "parameters"),
    [
        (login_required, 403, "insufficient_scope", ['error_description="An API key is not accepted here."']),
        (
            login_required(accept=["jwt", "reference"]),
            403,
            "insufficient_scope",
            ['error_description="This kind of token is not accepted here."'],
        ),
        (login_required(max_age=300), 401, "insufficient_user_authentication", ['max_age="300"']),
        (require_scope("admin"), 403, "insufficient_scope", ['scope="admin"']),
    ],
    ids=["login", "kinds", "recent login", "scope"],
)
def test_each_refusal_of_an_api_key_has_a_challenge(
    make_key_app: MakeKeyApp, key: Any, *, guard: Any, status: int, error: str, parameters: list[str]
) -> None:
    """RFC 6750 section 3.1, and RFC 9470 section 3."""
    app = make_key_app()
    app.add_url_rule("/x", "x", guard(lambda: "open"))

    answer = app.test_client().get("/x", headers=key)

    challenge = answer.headers["WWW-Authenticate"]
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert challenge.startswith("Bearer realm=")
    assert all(parameter in challenge for parameter in [f'error="{error}"', *parameters])
    assert answer.headers["Cache-Control"] == "no-store"


# Functions of the application


def test_the_user_of_an_api_key_is_loaded_once(make_key_app: MakeKeyApp, key: Any) -> None:
    auth: TokenAuth[str] = TokenAuth()
    loaded: list[str] = []

    @auth.user_loader
    def load(user_id: str) -> str | None:
        loaded.append(user_id)
        return user_id

    app = make_key_app(auth=auth)
    app.add_url_rule("/x", "x", login_required(load_user=True, api_keys=True)(lambda: f"{get_user()} {get_user()}"))
    app.add_url_rule("/y", "y", login_required(load_user=True)(lambda: "open"))

    assert app.test_client().get("/y", headers=key).status_code == 403
    assert loaded == []
    assert app.test_client().get("/x", headers=key).text == "alice alice"
    assert loaded == ["alice"]


def test_an_api_key_of_a_deleted_user_is_refused_where_the_user_is_loaded(make_key_app: MakeKeyApp, key: Any) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.user_loader(lambda user_id: None)
    app = make_key_app(auth=auth)
    app.add_url_rule("/x", "x", login_required(load_user=True, api_keys=True)(lambda: "open"))

    assert app.test_client().get("/x", headers=key).status_code == 401


def test_user_ids_of_api_keys_are_converted(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int), **looked_up(store))
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"{g.user_id + 1}"))

    assert app.test_client().get("/x", headers=bearer(add_api_key(store, "42"))).text == "43"
    assert app.test_client().get("/x", headers=bearer(add_api_key(store, "alice"))).status_code == 401


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("left", "statuses"), [(["a", "b"], [200, 200]), (["a"], [200, 403]), ([], [403, 403]), (None, [401, 401])]
)
def test_api_key_check_narrows_an_api_key_or_refuses_it(
    make_key_app: MakeKeyApp, store: MemoryStore, *, left: Any, statuses: list[int], asynchronous: bool
) -> None:
    auth: TokenAuth[str] = TokenAuth()
    asked: list[tuple[str, str]] = []

    def check(user_id: str, api_key: ApiKey) -> Any:
        asked.append((user_id, api_key.name))
        return left

    async def check_later(user_id: str, api_key: ApiKey) -> Any:
        return check(user_id, api_key)

    auth.api_key_check(check_later if asynchronous else check)
    app, key = make_key_app(auth=auth), bearer(add_api_key(store, scope="a b"))
    app.add_url_rule("/a", "a", require_scope("a")(lambda: f"{sorted(g.scopes)}"))
    app.add_url_rule("/b", "b", require_scope("b")(lambda: f"{sorted(g.scopes)}"))

    answers = [app.test_client().get(path, headers=key) for path in ("/a", "/b")]

    assert [answer.status_code for answer in answers] == statuses
    assert [answer.text for answer in answers if answer.status_code == 200] == [f"{left}"] * statuses.count(200)
    assert asked == [("alice", "ci")]


def test_token_check_decides_about_api_keys_too(make_key_app: MakeKeyApp, key: Any) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.token_check(lambda token: token.kind != "api_key")
    app = make_key_app(auth=auth)
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: "open"))
    app.add_url_rule("/open", "open", lambda: f"of {g.user_id}")

    assert app.test_client().get("/x", headers=key).status_code == 401
    assert app.test_client().get("/open", headers=key).text == "of None"


# The signal ``token_accepted``


@pytest.mark.parametrize(
    ("guard", "count"),
    [
        (require_scope("reports:read"), 1),
        (require_scope("admin"), 1),  # the token is good, as a JWT would be
        (login_required(api_keys=True), 1),
        (lambda view: hide(require_scope("reports:read")(view)), 1),
        (login_required, 0),
        (login_required(max_age=60), 0),
        (public, 0),
    ],
    ids=["scope", "missing scope", "login", "hidden", "plain", "recent login", "public"],
)
def test_the_signal_is_sent_once_where_an_api_key_is_accepted(
    make_key_app: MakeKeyApp, key: Any, *, guard: Any, count: int, accepted: list[Any]
) -> None:
    app = make_key_app()
    app.before_request(lambda: None)
    app.add_url_rule("/x", "x", guard(lambda: "open"))

    app.test_client().get("/x", headers=key)

    assert accepted == [{"user_id": "alice", "scopes": frozenset({"reports:read"})}] * count


def test_the_signal_is_sent_once_for_several_functions(make_key_app: MakeKeyApp, key: Any, accepted: list[Any]) -> None:
    first: Any = require_scope("reports:read", is_view=False)(lambda: g.user_id)
    second: Any = login_required(api_keys=True, is_view=False)(lambda: g.user_id)
    app = make_key_app()
    app.add_url_rule("/x", "x", lambda: [first(), second(), first()])

    assert app.test_client().get("/x", headers=key).json == ["alice"] * 3
    assert len(accepted) == 1


# Preflights, and OPTIONS


def test_a_preflight_needs_no_api_key_and_may_have_one(make_key_app: MakeKeyApp, key: Any) -> None:
    app = make_key_app(**CLOSED)
    app.add_url_rule("/x", "x", login_required(lambda: "open"))
    app.add_url_rule("/scope", "scope", require_scope("reports:read")(lambda: "open"))

    for path in ("/x", "/scope"):
        for headers in ({}, key, bearer("ta_garbage")):
            assert app.test_client().options(path, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("guard", "status", "text"),
    [(require_scope("reports:read"), 200, "of alice"), (login_required(api_keys=True), 200, "of alice")],
    ids=["scope", "login"],
)
def test_a_view_that_answers_options_accepts_api_keys_as_for_get(
    make_key_app: MakeKeyApp, key: Any, *, guard: Any, status: int, text: str
) -> None:
    app = make_key_app()
    options: dict[str, Any] = {"methods": ["GET", "OPTIONS"], "provide_automatic_options": False}
    app.add_url_rule("/x", "x", guard(lambda: f"of {g.user_id}"), **options)
    app.add_url_rule("/plain", "plain", login_required(lambda: "open"), **options)

    answer = app.test_client().options("/x", headers=key)

    assert (answer.status_code, answer.text) == (status, text)
    assert app.test_client().options("/plain", headers=key).status_code == 403


@pytest.mark.parametrize(
    ("guard", "ran"),
    [
        (require_scope("reports:read"), ["alice"]),
        (require_scope("admin"), []),
        (login_required, []),
        (login_required(api_keys=True), ["alice"]),
        (login_optional, []),
        (login_optional(api_keys=True), ["alice"]),
    ],
    ids=["scope", "missing scope", "login", "login, keys too", "optional", "optional, keys too"],
)
def test_a_guarded_function_before_a_preflight_runs_only_for_keys_that_it_accepts(
    make_key_app: MakeKeyApp, key: Any, *, guard: Any, ran: list[str]
) -> None:
    app, seen = make_key_app(), []
    app.before_request(guard(lambda: seen.append(g.user_id)))
    app.add_url_rule("/x", "x", lambda: "open")

    assert app.test_client().options("/x", headers=key).status_code == 200
    assert seen == ran


# Rate limits


def test_a_rate_limit_by_user_counts_api_keys_by_their_user_where_they_are_accepted(
    make_key_app: MakeKeyApp, store: MemoryStore
) -> None:
    """The limiter asks before the guard."""
    app = make_key_app()
    limiter = Limiter(lambda: g.user_id or "nobody", app=app, storage_uri="memory://", default_limits=["2/minute"])
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: "open"))
    app.add_url_rule("/plain", "plain", login_required(lambda: "open"))
    keys = {user: bearer(add_api_key(store, user)) for user in ("alice", "bob")}

    def get(path: str, user: str) -> int:
        return app.test_client().get(path, headers=keys[user]).status_code

    assert limiter.enabled
    assert [get("/x", user) for user in ("alice", "alice", "alice", "bob")] == [200, 200, 429, 200]
    assert [get("/plain", user) for user in ("alice", "bob", "alice", "bob")] == [403, 403, 429, 429]


# Functions before views that answer themselves


@pytest.mark.parametrize(("path", "status"), [("/x", 200), ("/plain", 403), ("/optional", 403), ("/open", 200)])
def test_an_answer_of_a_function_before_the_view_needs_an_accepted_key(
    make_key_app: MakeKeyApp, key: Any, *, path: str, status: int
) -> None:
    app = make_key_app()
    app.before_request(lambda: "answered")
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: "open"))
    app.add_url_rule("/plain", "plain", login_required(lambda: "open"))
    app.add_url_rule("/optional", "optional", login_optional(lambda: "open"))
    app.add_url_rule("/open", "open", lambda: "open")

    assert app.test_client().get(path, headers=key).status_code == status


@over_kinds
def test_the_kinds_of_an_optional_login_count_for_an_answer_before_the_view(
    make_app: MakeApp, mint: Mint, kind: TokenKind
) -> None:
    app = make_app()
    app.before_request(lambda: "answered")
    app.add_url_rule("/x", "x", login_optional(accept=["reference"])(lambda: "open"))

    assert app.test_client().get("/x", headers=bearer(mint())).status_code == (200 if kind == "reference" else 403)


def test_a_function_that_aborts_stands(make_key_app: MakeKeyApp, key: Any) -> None:
    app = make_key_app()
    app.before_request(lambda: abort(Response("closed", 409)))
    app.add_url_rule("/plain", "plain", login_required(lambda: "open"))

    assert app.test_client().get("/plain", headers=key).status_code == 409
