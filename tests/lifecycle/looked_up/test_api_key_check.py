"""``@auth.api_key_check`` narrows or refuses an API key at use, and is asked at most once a minute about each."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import ApiKey, SettingsError, Token, TokenAuth, TokenError, require_scope

from ...conftest import NOW, bearer, whoami
from ..kit import SignalLog, sign_in
from .conftest import MakeWorker
from .kit import Wait, get, list_keys, make_key, make_reference, status

Answer = Iterable[str] | None


class Asked:
    """An ``api_key_check`` whose answer the test sets."""

    def __init__(self, answer: Any = ...) -> None:
        self.answer = answer
        self.calls: list[tuple[Any, ApiKey]] = []

    def answer_for(self, user_id: Any, key: ApiKey) -> Any:
        self.calls.append((user_id, key))
        return key.scopes if self.answer is ... else self.answer


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def auth(asked: Asked) -> TokenAuth[Any]:
    auth: TokenAuth[Any] = TokenAuth()
    auth.api_key_check(asked.answer_for)
    return auth


@pytest.fixture
def app(make_worker: MakeWorker, auth: TokenAuth[Any]) -> Flask:
    app = make_worker(auth=auth)
    app.add_url_rule("/admin", view_func=require_scope("admin")(whoami()), endpoint="admin")
    return app


def test_a_check_that_returns_the_scopes_of_the_key_changes_nothing(app: Flask, asked: Asked) -> None:
    key = make_key(app, scopes=["reports:read", "admin"])

    assert [status(app, key.text), status(app, key.text, "/admin")] == [200, 200]

    [(user_id, seen)] = asked.calls
    assert (user_id, seen.id, seen.name, seen.scopes) == ("alice", key.id, "laptop", ("reports:read", "admin"))
    assert type(seen) is ApiKey


@pytest.mark.parametrize("answer", [["reports:read"], {"reports:read"}, ("reports:read",), iter(["reports:read"])])
def test_a_check_takes_scopes_from_a_key(app: Flask, asked: Asked, answer: Answer) -> None:
    key = make_key(app, scopes=["reports:read", "admin"])
    asked.answer = answer

    assert [status(app, key.text), status(app, key.text, "/admin")] == [200, 403]

    seen: Any = get(app, "/token", key.text).get_json()
    assert (seen["scopes"], seen["claims"]["scope"]) == (["reports:read"], "reports:read")
    assert list_keys(app)[0].scopes == ("reports:read", "admin")


def test_a_key_without_scopes_left_opens_only_routes_without_scopes(app: Flask, asked: Asked) -> None:
    key = make_key(app)
    asked.answer = []

    assert [status(app, key.text), status(app, key.text, "/token")] == [403, 200]
    assert "scope" not in get(app, "/token", key.text).get_json()["claims"]


@pytest.mark.parametrize("answer", [None, False])
def test_a_check_refuses_a_key(app: Flask, asked: Asked, signal_log: SignalLog, answer: Any) -> None:
    key = make_key(app)
    asked.answer = answer

    refused = get(app, "/reports", key.text)

    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_token")
    assert signal_log.reasons == ["api_key_rejected"]
    assert len(list_keys(app)) == 1


def test_a_refused_key_is_anonymous_on_an_open_view(app: Flask, asked: Asked) -> None:
    key = make_key(app)
    asked.answer = None

    assert get(app, "/open", key.text).get_json() == {"user_id": None, "scopes": [], "token": None}


@pytest.mark.parametrize(("passed", "calls"), [(0, 1), (59.9, 1), (60, 2), (60.1, 2)])
@pytest.mark.parametrize("answer", [..., None], ids=["accepted", "refused"])
def test_the_check_is_asked_at_most_once_a_minute(
    app: Flask, asked: Asked, wait: Wait, answer: Any, *, passed: float, calls: int
) -> None:
    key = make_key(app)
    asked.answer = answer
    status(app, key.text)
    wait(passed)

    status(app, key.text)

    assert len(asked.calls) == calls


def test_a_lost_role_is_felt_after_a_minute_in_each_worker(
    make_worker: MakeWorker, auth: TokenAuth[Any], asked: Asked, wait: Wait
) -> None:
    one, two = make_worker(auth=auth), make_worker(auth=auth)
    key = make_key(one)
    assert [status(worker, key.text) for worker in (one, two)] == [200, 200]

    asked.answer = None
    wait(59.9)
    assert [status(worker, key.text) for worker in (one, two)] == [200, 200]
    wait(0.1)

    assert [status(worker, key.text) for worker in (one, two)] == [401, 401]
    assert len(asked.calls) == 4


def test_each_key_is_asked_about_by_itself(app: Flask, asked: Asked) -> None:
    keys = [make_key(app, user_id) for user_id in ("alice", "alice", "bob")]

    for key in keys * 2:
        assert status(app, key.text) == 200

    assert [(user_id, key.id) for user_id, key in asked.calls] == [(key.user_id, key.id) for key in keys]


def test_the_check_is_not_asked_about_other_tokens_and_damaged_keys(app: Flask, asked: Asked) -> None:
    key = make_key(app)

    status(app, sign_in(app, scopes=["reports:read"])["access_token"])
    status(app, make_reference(app))
    status(app, key.text[:-1])

    assert asked.calls == []


def test_the_user_id_has_the_type_of_the_application(make_worker: MakeWorker) -> None:
    seen: list[object] = []
    auth: TokenAuth[int] = TokenAuth(user_id_type=int)

    @auth.api_key_check
    def check(user_id: int, key: ApiKey) -> tuple[str, ...]:
        seen.append(user_id)
        return key.scopes

    app = make_worker(auth=auth)
    with app.app_context():
        key = auth.create_api_key(42, ["reports:read"], name="laptop")

    assert status(app, key.text) == 200
    assert seen == [42]
    assert check(1, key) == ("reports:read",)


def test_the_check_may_be_a_coroutine_function(make_worker: MakeWorker) -> None:
    auth: TokenAuth[str] = TokenAuth()

    @auth.api_key_check
    async def check(user_id: str, key: ApiKey) -> list[str] | None:
        return None if user_id == "mallory" else ["reports:read"]

    app = make_worker(auth=auth)

    assert [status(app, make_key(app, user_id).text) for user_id in ("alice", "mallory")] == [200, 401]


WRONG = {
    "a string": ("reports:read", "got str"),
    "true": (True, "got bool"),
    "a number": (5, "got int"),
    "a scope that the key does not have": (["reports:read", "admin"], "take scopes"),
    "a malformed scope": (["a b"], "scopes of the key in a list"),
    "no string": ([5], "scopes of the key in a list"),
}


@pytest.mark.parametrize(("answer", "words"), WRONG.values(), ids=WRONG)
def test_another_answer_is_a_mistake_of_the_application(app: Flask, asked: Asked, answer: Any, words: str) -> None:
    key = make_key(app)
    asked.answer = answer

    for _ in range(2):  # it is not remembered
        with pytest.raises(SettingsError, match=words):
            get(app, "/reports", key.text)
    assert len(asked.calls) == 2


def test_an_error_of_the_check_is_no_login(app: Flask, auth: TokenAuth[Any]) -> None:
    def fail(user_id: Any, key: ApiKey) -> Answer:
        raise RuntimeError("the database is away")

    auth.api_key_check(fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.testing = False

    assert get(app, "/reports", make_key(app).text).status_code == 500


SCOPES = {"reports:read": "", "admin": {"implies": ["reports:read"]}, "old": ""}


def test_a_check_may_return_scopes_that_those_of_the_key_imply(
    make_worker: MakeWorker, auth: TokenAuth[Any], asked: Asked
) -> None:
    app = make_worker(auth=auth, TOKENAUTH_SCOPES=SCOPES)
    key = make_key(app, scopes=["admin"])
    asked.answer = ["reports:read"]

    assert get(app, "/token", key.text).get_json()["scopes"] == ["reports:read"]


@pytest.mark.parametrize("answer", [["old"], ["admin"], ["reports:delete"]])
def test_a_check_may_not_return_wider_scopes(
    make_worker: MakeWorker, auth: TokenAuth[Any], asked: Asked, answer: list[str]
) -> None:
    app = make_worker(auth=auth, TOKENAUTH_SCOPES=SCOPES)
    key = make_key(app)
    asked.answer = answer

    with pytest.raises(SettingsError, match="api_key_check must return scopes"):
        get(app, "/reports", key.text)


def test_a_key_with_a_scope_that_is_not_declared_any_more_can_be_used(
    make_worker: MakeWorker, auth: TokenAuth[Any]
) -> None:
    """Keys live for years, and a check usually returns their scopes as they are."""
    key = make_key(make_worker(auth=auth, TOKENAUTH_SCOPES=SCOPES), scopes=["reports:read", "old"])
    later = make_worker(auth=auth, TOKENAUTH_SCOPES={"reports:read": ""})

    assert status(later, key.text) == 200


@pytest.mark.parametrize("check", [None, 5, "name"])
def test_a_check_must_be_a_function(check: Any) -> None:
    with pytest.raises(TypeError, match="api_key_check"):
        TokenAuth().api_key_check(check)


# Everywhere that a key is accepted


def test_introspection_and_verify_ask_too(app: Flask, auth: TokenAuth[Any], asked: Asked) -> None:
    key = make_key(app, scopes=["reports:read", "admin"])
    service = make_key(app, "service", ["tokenauth:introspect"])
    answer = app.test_client().post("/auth/introspect", data={"token": key.text}, headers=bearer(service.text))
    assert answer.get_json()["scope"] == "reports:read admin"
    with app.app_context():
        assert auth.verify(key.text, accept=("api_key",)).scopes == {"reports:read", "admin"}
    assert len(asked.calls) == 2


def test_a_refused_key_is_not_active(app: Flask, auth: TokenAuth[Any], asked: Asked, make_worker: MakeWorker) -> None:
    key = make_key(app)
    asked.answer = None
    service = make_worker()
    with app.app_context(), pytest.raises(TokenError) as caught:
        auth.verify(key.text, accept=("api_key",))
    assert caught.value.reason == "api_key_rejected"

    with service.app_context():
        assert TokenAuth().verify(key.text, accept=("api_key",)).subject == "alice"


def test_token_check_sees_the_narrowed_key(app: Flask, auth: TokenAuth[Any], asked: Asked) -> None:
    seen: list[Any] = []

    @auth.token_check
    def check(token: Token) -> bool:
        seen.append((token.kind, sorted(token.scopes)))
        return True

    asked.answer = ["reports:read"]

    assert status(app, make_key(app, scopes=["reports:read", "admin"]).text) == 200

    assert seen == [("api_key", ["reports:read"])]


def test_the_check_runs_before_the_guard_and_after_preprocessors(make_worker: MakeWorker) -> None:
    """It may need something that the application provides for each request."""
    ready: list[bool] = []
    auth: TokenAuth[Any] = TokenAuth()
    auth.api_key_check(lambda user_id, key: key.scopes if ready else None)
    app = make_worker(auth=auth)
    app.before_request(lambda: ready.append(True))

    @app.url_value_preprocessor
    def prepare(endpoint: str | None, values: dict[str, Any] | None) -> None:
        ready.append(True)

    assert status(app, make_key(app).text) == 200


def test_the_check_sees_when_a_key_was_used_last(app: Flask, asked: Asked, wait: Wait) -> None:
    key = make_key(app)
    for _ in range(3):
        status(app, key.text)
        wait(120)

    assert [seen.last_used_at for _, seen in asked.calls] == [None, None, datetime.fromtimestamp(NOW + 120, UTC)]
