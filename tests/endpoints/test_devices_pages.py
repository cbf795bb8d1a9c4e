"""``GET /auth/sessions?cursor=…``: the list of sessions in pages."""

from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.lifecycle.list_sessions import PAGE

from ..conftest import bearer
from ..lifecycle.conftest import MakeSessionApp
from ..lifecycle.devices import Login, id_of, run_in_view
from ..lifecycle.kit import Backend, SignalLog, record_calls, sign_in, store_of, unavailable

WRONG = {
    "error": "invalid_request",
    "error_description": (
        "The parameter cursor must be the next_cursor of the last answer, once. Leave it out to begin again."
    ),
}


def get(app: Flask, login: Login, query: str = "") -> tuple[int, dict[str, Any]]:
    """Return the status and the body of the answer to ``GET /auth/sessions``."""
    answer = app.test_client().get(f"/auth/sessions{query}", headers=bearer(login["access_token"]))
    return answer.status_code, answer.get_json()


@pytest.fixture
def login(app: Flask) -> Login:
    return sign_in(app)


def test_a_list_of_one_page_has_no_cursor(app: Flask, login: Login) -> None:
    for _ in range(PAGE - 1):
        sign_in(app)

    _, body = get(app, login)

    assert len(body["sessions"]) == PAGE == 50
    assert body.keys() == {"sessions"}


def test_the_pages_of_a_long_list_follow_each_other(app: Flask, login: Login) -> None:
    logins = [login, *(sign_in(app) for _ in range(PAGE))]

    _, first = get(app, login)
    _, second = get(app, login, f"?cursor={quote(first['next_cursor'])}")

    assert [len(first["sessions"]), len(second["sessions"])] == [PAGE, 1]
    assert {session["id"] for session in first["sessions"] + second["sessions"]} == set(map(id_of, logins))
    assert second.keys() == {"sessions"}


def test_a_cursor_needs_no_escaping_in_a_url(app: Flask, login: Login) -> None:
    for _ in range(PAGE):
        sign_in(app)

    cursor = get(app, login)[1]["next_cursor"]

    assert quote(cursor, safe="") == cursor


@pytest.mark.parametrize("query", ["?cursor=", "?limit=1000&offset=-1&cursor", "?Cursor=x"])
def test_an_empty_cursor_and_other_parameters_are_ignored(app: Flask, login: Login, query: str) -> None:
    assert get(app, login, query) == get(app, login)


@pytest.mark.parametrize(
    "query", ["?cursor=x", "?cursor=1", "?cursor=%00", "?cursor=1.a&cursor=1.a", "?cursor=&cursor"]
)
def test_a_wrong_or_repeated_cursor_is_answered_with_400_and_named(
    app: Flask, login: Login, signal_log: SignalLog, query: str
) -> None:
    assert get(app, login, query) == (400, WRONG)

    assert signal_log.reasons == ["cursor_invalid"]


def test_a_wrong_cursor_of_a_stranger_gets_the_answer_of_a_stranger(app: Flask) -> None:
    assert app.test_client().get("/auth/sessions?cursor=x").status_code == 401


# In code


def test_list_sessions_asks_for_one_page_after_the_other(app: Flask, login: Login) -> None:
    for _ in range(PAGE):
        sign_in(app)

    with app.app_context(), record_calls(store_of(app)) as called:
        sessions = TokenAuth().list_sessions("alice")
        assert called == []
        assert [len([next(sessions) for _ in range(number)]) for number in (1, PAGE - 1)] == [1, PAGE - 1]
        assert called == ["list_sessions"]
        assert len(list(sessions)) == 1

    assert called == ["list_sessions"] * 2


@pytest.mark.parametrize(("user_id", "error"), [(b"alice", TypeError), ("", ValueError)])
def test_list_sessions_checks_the_user_id_before_it_is_iterated(
    app: Flask, user_id: Any, error: type[Exception]
) -> None:
    with app.app_context(), pytest.raises(error, match="user_id"):
        TokenAuth().list_sessions(user_id)


def test_an_outage_between_two_pages_is_answered_with_503(make_session_app: MakeSessionApp, backend: Backend) -> None:
    app = make_session_app()
    login = sign_in(app)
    for _ in range(PAGE):
        sign_in(app)

    def work() -> int:
        sessions = TokenAuth().list_sessions("alice")
        next(sessions)
        with unavailable(store_of(app), "list_sessions"):
            return len(list(sessions))

    assert run_in_view(app, work, login["access_token"])[0] == 503
