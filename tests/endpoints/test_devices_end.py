"""``DELETE /auth/sessions/ID`` and ``/auth/logout``: people end what is theirs, and learn nothing of what is not."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from ..conftest import bearer
from ..lifecycle.devices import NOT_FOUND, Login, end_device, id_of, listed, log_out, me
from ..lifecycle.kit import (
    DAY,
    IDLE,
    INVALID_GRANT,
    Backend,
    Heard,
    asked,
    is_live,
    refresh,
    refreshed,
    sign_in,
    store_of,
    successor,
    warm,
)

# Ending one


def test_a_session_that_is_ended_elsewhere_is_over_at_once(app: Flask, phone: Login, laptop: Login) -> None:
    assert me(app, laptop["access_token"]) == 200

    answer = end_device(app, phone["access_token"], id_of(laptop))

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in answer.headers
    assert me(app, laptop["access_token"]) == 401
    assert refresh(app, laptop["refresh_token"]).get_json() == INVALID_GRANT
    assert listed(app, phone["access_token"]) == [id_of(phone)]
    assert me(app, phone["access_token"]) == 200


def test_the_current_session_can_be_ended_by_its_id(app: Flask, phone: Login, laptop: Login) -> None:
    assert end_device(app, phone["access_token"], id_of(phone)).status_code == 204

    assert me(app, phone["access_token"]) == 401
    assert is_live(app, laptop["refresh_token"])


def test_an_end_is_signalled_once(app: Flask, phone: Login, laptop: Login, heard: Heard) -> None:
    end_device(app, phone["access_token"], id_of(laptop))
    end_device(app, phone["access_token"], id_of(laptop))

    assert heard.sessions == [
        ("tokenauth-session-ended", {"session_id": id_of(laptop), "user_id": "alice", "reason": "revoked"})
    ]


def test_what_is_ended_twice_is_not_found_the_second_time(app: Flask, phone: Login, laptop: Login) -> None:
    end_device(app, phone["access_token"], id_of(laptop))

    answer = end_device(app, phone["access_token"], id_of(laptop))

    assert (answer.status_code, answer.get_json()) == (404, NOT_FOUND)


def test_of_two_who_end_one_session_at_once_both_have_what_they_want(
    app: Flask, phone: Login, laptop: Login, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, find = store_of(app), store_of(app).find_session

    def find_and_lose(session_id: str) -> Any:
        found = find(session_id)
        if session_id == id_of(laptop):
            store.end_session(session_id, retention=DAY)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(store, "find_session", find_and_lose)
        answer = end_device(app, phone["access_token"], id_of(laptop))

    assert answer.status_code == 204
    assert heard.sessions == []


# What is not one's own


def of_another_user(app: Flask, backend: Backend) -> str:
    return id_of(sign_in(app, "bob"))


def ended(app: Flask, backend: Backend) -> str:
    login = sign_in(app)
    log_out(app, login["access_token"])
    return id_of(login)


def expired(app: Flask, backend: Backend) -> str:
    login = sign_in(app)
    backend.age(id_of(login), IDLE)
    return id_of(login)


def unknown(app: Flask, backend: Backend) -> str:
    return "HVwLP2BpPAE0VqN7DY8JmQ"


@pytest.mark.parametrize("other", [of_another_user, ended, expired])
def test_whether_a_session_of_somebody_else_exists_nobody_learns(
    app: Flask, backend: Backend, phone: Login, other: Callable[..., str]
) -> None:
    theirs, nobodys = other(app, backend), unknown(app, backend)
    warm(app)
    with asked(store_of(app)) as for_theirs:
        one = end_device(app, phone["access_token"], theirs)
    with asked(store_of(app)) as for_nobodys:
        two = end_device(app, phone["access_token"], nobodys)

    assert (one.status_code, one.get_json()) == (404, NOT_FOUND)
    assert one.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in one.headers
    assert (one.status_code, one.data, one.headers) == (two.status_code, two.data, two.headers)
    assert for_theirs == for_nobodys == ["find_session", "find_session"]


def test_another_users_session_goes_on(app: Flask, phone: Login, heard: Heard) -> None:
    bob = sign_in(app, "bob")
    heard.sessions.clear()

    end_device(app, phone["access_token"], id_of(bob))

    assert me(app, bob["access_token"]) == 200
    assert refresh(app, bob["refresh_token"]).status_code == 200
    assert [name for name, _ in heard.sessions] == ["tokenauth-session-refreshed"]


@pytest.mark.parametrize(
    "change",
    [str.swapcase, lambda each: each + "%20", lambda each: each[:-1], lambda each: each + "=", lambda each: each + "A"],
)
def test_an_id_that_is_nearly_one_is_none(
    app: Flask, phone: Login, laptop: Login, change: Callable[[str], str]
) -> None:
    answer = end_device(app, phone["access_token"], change(id_of(laptop)))

    assert (answer.status_code, answer.get_json()) == (404, NOT_FOUND)
    assert is_live(app, laptop["refresh_token"])


ANY_LENGTH = ["x" * 255, "x" * 256, "x" * 200_000]


@pytest.mark.parametrize(
    "session_id",
    ["é", "e%CC%81", "%F0%9F%94%91", "%FF", "%ED%A0%80", "%00", "%0A", "a%20b", "'--", "%25", "*", *ANY_LENGTH],
    ids=lambda each: each[:12] + str(len(each)),
)
def test_what_can_be_no_id_is_not_found(app: Flask, phone: Login, session_id: str) -> None:
    answer = end_device(app, phone["access_token"], session_id)

    assert (answer.status_code, answer.get_json()) == (404, NOT_FOUND)
    assert is_live(app, phone["refresh_token"])


@pytest.mark.parametrize("session_id", ["", "a/b", "a%2Fb", "../sessions/x", "/"])
def test_what_goes_beyond_one_part_of_a_path_is_no_route(app: Flask, phone: Login, session_id: str) -> None:
    assert end_device(app, phone["access_token"], session_id).status_code in (404, 405)
    assert is_live(app, phone["refresh_token"])


# Logging out


def test_a_logout_ends_the_session_with_all_its_tokens(app: Flask, phone: Login, laptop: Login) -> None:
    newest = refreshed(app, phone["refresh_token"])
    assert me(app, phone["access_token"]) == 200

    answer = log_out(app, newest["access_token"])

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in answer.headers
    assert [me(app, each["access_token"]) for each in (phone, newest, laptop)] == [401, 401, 200]
    assert refresh(app, newest["refresh_token"]).get_json() == INVALID_GRANT
    assert refresh(app, laptop["refresh_token"]).status_code == 200


def test_an_older_access_token_logs_out_as_well(app: Flask, phone: Login) -> None:
    last = successor(app, phone["refresh_token"])

    assert log_out(app, phone["access_token"]).status_code == 204

    assert not is_live(app, last)


def test_a_logout_is_signalled_once(app: Flask, phone: Login, heard: Heard) -> None:
    assert [log_out(app, phone["access_token"]).status_code for _ in range(2)] == [204, 401]

    assert heard.sessions == [
        ("tokenauth-session-ended", {"session_id": id_of(phone), "user_id": "alice", "reason": "revoked"})
    ]
    assert heard.reasons == ["token_revoked"]


def test_what_comes_with_a_logout_is_not_looked_at(app: Flask, phone: Login, laptop: Login) -> None:
    path, headers = f"/auth/logout?session_id={id_of(laptop)}", bearer(phone["access_token"])

    answer = app.test_client().post(path, data=b"\xff{", content_type="application/json", headers=headers)

    assert answer.status_code == 204
    assert is_live(app, laptop["refresh_token"])
