"""``DELETE /auth/sessions/ID`` and ``/auth/logout``: users end their own sessions, and learn nothing of others."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from ..conftest import bearer
from ..lifecycle.devices import NOT_FOUND, Login, end_device, id_of, list_session_ids, log_out, me
from ..lifecycle.kit import (
    DAY,
    IDLE,
    INVALID_GRANT,
    Backend,
    SignalLog,
    is_live,
    load_revocations,
    record_calls,
    refresh,
    refreshed,
    sign_in,
    store_of,
    successor,
)

# Ending a session by its ID


def test_an_ended_session_is_over_at_once(app: Flask, phone: Login, laptop: Login) -> None:
    assert me(app, laptop["access_token"]) == 200

    answer = end_device(app, phone["access_token"], id_of(laptop))

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in answer.headers
    assert me(app, laptop["access_token"]) == 401
    assert refresh(app, laptop["refresh_token"]).get_json() == INVALID_GRANT
    assert list_session_ids(app, phone["access_token"]) == [id_of(phone)]
    assert me(app, phone["access_token"]) == 200


def test_the_current_session_can_be_ended_by_its_id(app: Flask, phone: Login, laptop: Login) -> None:
    assert end_device(app, phone["access_token"], id_of(phone)).status_code == 204

    assert me(app, phone["access_token"]) == 401
    assert is_live(app, laptop["refresh_token"])


def test_ending_twice_sends_one_signal(app: Flask, phone: Login, laptop: Login, signal_log: SignalLog) -> None:
    end_device(app, phone["access_token"], id_of(laptop))
    end_device(app, phone["access_token"], id_of(laptop))

    assert signal_log.sessions == [
        ("tokenauth-session-ended", {"session_id": id_of(laptop), "user_id": "alice", "reason": "revoked"})
    ]


def test_ending_twice_is_answered_with_404(app: Flask, phone: Login, laptop: Login) -> None:
    end_device(app, phone["access_token"], id_of(laptop))

    answer = end_device(app, phone["access_token"], id_of(laptop))

    assert (answer.status_code, answer.get_json()) == (404, NOT_FOUND)


def test_a_session_that_ends_meanwhile_is_answered_with_success(
    app: Flask, phone: Login, laptop: Login, signal_log: SignalLog, monkeypatch: pytest.MonkeyPatch
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
    assert signal_log.sessions == []


# IDs of other sessions


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
def test_a_session_of_another_user_is_answered_like_an_unknown_one(
    app: Flask, backend: Backend, phone: Login, other: Callable[..., str]
) -> None:
    theirs, missing = other(app, backend), unknown(app, backend)
    load_revocations(app)
    with record_calls(store_of(app)) as for_theirs:
        one = end_device(app, phone["access_token"], theirs)
    with record_calls(store_of(app)) as for_missing:
        two = end_device(app, phone["access_token"], missing)

    assert (one.status_code, one.get_json()) == (404, NOT_FOUND)
    assert one.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in one.headers
    assert (one.status_code, one.data, one.headers) == (two.status_code, two.data, two.headers)
    assert for_theirs == for_missing == ["find_session", "find_session"]


def test_a_user_cannot_end_the_session_of_another(app: Flask, phone: Login, signal_log: SignalLog) -> None:
    bob = sign_in(app, "bob")
    signal_log.sessions.clear()

    end_device(app, phone["access_token"], id_of(bob))

    assert me(app, bob["access_token"]) == 200
    assert refresh(app, bob["refresh_token"]).status_code == 200
    assert [name for name, _ in signal_log.sessions] == ["tokenauth-session-refreshed"]


@pytest.mark.parametrize(
    "change",
    [str.swapcase, lambda sid: sid + "%20", lambda sid: sid[:-1], lambda sid: sid + "=", lambda sid: sid + "A"],
)
def test_a_changed_id_is_not_found(app: Flask, phone: Login, laptop: Login, change: Callable[[str], str]) -> None:
    answer = end_device(app, phone["access_token"], change(id_of(laptop)))

    assert (answer.status_code, answer.get_json()) == (404, NOT_FOUND)
    assert is_live(app, laptop["refresh_token"])


ANY_LENGTH = ["x" * 255, "x" * 256, "x" * 200_000]


@pytest.mark.parametrize(
    "session_id",
    ["é", "e%CC%81", "%F0%9F%94%91", "%FF", "%ED%A0%80", "%00", "%0A", "a%20b", "'--", "%25", "*", *ANY_LENGTH],
    ids=lambda sid: sid[:12] + str(len(sid)),
)
def test_an_invalid_id_is_not_found(app: Flask, phone: Login, session_id: str) -> None:
    answer = end_device(app, phone["access_token"], session_id)

    assert (answer.status_code, answer.get_json()) == (404, NOT_FOUND)
    assert is_live(app, phone["refresh_token"])


@pytest.mark.parametrize("session_id", ["", "a/b", "a%2Fb", "../sessions/x", "/"])
def test_a_path_with_other_segments_matches_no_route(app: Flask, phone: Login, session_id: str) -> None:
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
    assert [me(app, login["access_token"]) for login in (phone, newest, laptop)] == [401, 401, 200]
    assert refresh(app, newest["refresh_token"]).get_json() == INVALID_GRANT
    assert refresh(app, laptop["refresh_token"]).status_code == 200


def test_an_older_access_token_can_log_out(app: Flask, phone: Login) -> None:
    last = successor(app, phone["refresh_token"])

    assert log_out(app, phone["access_token"]).status_code == 204

    assert not is_live(app, last)


def test_a_logout_sends_one_signal(app: Flask, phone: Login, signal_log: SignalLog) -> None:
    assert [log_out(app, phone["access_token"]).status_code for _ in range(2)] == [204, 401]

    assert signal_log.sessions == [
        ("tokenauth-session-ended", {"session_id": id_of(phone), "user_id": "alice", "reason": "revoked"})
    ]
    assert signal_log.reasons == ["token_revoked"]


def test_a_logout_ignores_the_query_and_the_body(app: Flask, phone: Login, laptop: Login) -> None:
    path, headers = f"/auth/logout?session_id={id_of(laptop)}", bearer(phone["access_token"])

    answer = app.test_client().post(path, data=b"\xff{", content_type="application/json", headers=headers)

    assert answer.status_code == 204
    assert is_live(app, laptop["refresh_token"])
