"""``GET /auth/sessions``: users see their own sessions, with labels that they recognize."""

from typing import Any

import pytest
from flask import Flask

from ..lifecycle.conftest import MakeSessionApp
from ..lifecycle.devices import Login, id_of, list_devices, list_session_ids
from ..lifecycle.kit import DAY, IDLE, LIFETIME, MOMENT, Backend, refresh, refreshed, session_of, sign_in


def list_for(app: Flask, login: Login) -> list[dict[str, Any]]:
    """Return the list of sessions for the user of *login*."""
    sessions: list[dict[str, Any]] = list_devices(app, login["access_token"]).get_json()["sessions"]
    return sessions


def test_a_session_is_listed_with_its_label_browser_and_times(app: Flask) -> None:
    login = (
        app.test_client()
        .post("/login", data={"username": "alice", "label": "Zoë's phone"}, headers={"User-Agent": "Mozilla/5.0"})
        .get_json()
    )
    session: Any = session_of(app, login["refresh_token"])

    answer = list_devices(app, login["access_token"])

    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() == {
        "sessions": [
            {
                "id": id_of(login),
                "current": True,
                "label": "Zoë's phone",
                "user_agent": "Mozilla/5.0",
                "started_at": f"{session.started_at:%Y-%m-%dT%H:%M:%SZ}",
                "refreshed_at": None,
                "expires_at": f"{session.started_at + IDLE:%Y-%m-%dT%H:%M:%SZ}",
            }
        ]
    }


def test_a_missing_label_and_user_agent_are_null(app: Flask) -> None:
    [described] = list_for(app, sign_in(app))

    assert (described["label"], described["user_agent"]) == (None, None)


def test_a_refresh_changes_refreshed_at_and_expires_at(app: Flask, backend: Backend, phone: Login) -> None:
    backend.age(id_of(phone), DAY)
    token = refreshed(app, phone["refresh_token"])["access_token"]
    session: Any = session_of(app, phone["refresh_token"])

    [described] = list_devices(app, token).get_json()["sessions"]

    assert described["refreshed_at"] == f"{session.started_at + DAY:%Y-%m-%dT%H:%M:%SZ}"
    assert described["expires_at"] == f"{session.started_at + DAY + IDLE:%Y-%m-%dT%H:%M:%SZ}"


def test_expires_at_is_the_end_of_the_session_lifetime_at_the_latest(
    make_session_app: MakeSessionApp, backend: Backend
) -> None:
    app = make_session_app(TOKENAUTH_SESSION_LIFETIME=IDLE + DAY)
    login = sign_in(app)
    started: Any = session_of(app, login["refresh_token"])
    backend.age(id_of(login), DAY * 2)

    [described] = list_devices(app, refreshed(app, login["refresh_token"])["access_token"]).get_json()["sessions"]

    assert described["expires_at"] == f"{started.expires_at - DAY * 2:%Y-%m-%dT%H:%M:%SZ}"


def test_the_newest_sign_in_comes_first(app: Flask, backend: Backend) -> None:
    old, new, middle = sign_in(app), sign_in(app), sign_in(app)
    for login, days in (old, 3), (new, 1), (middle, 2):
        backend.age(id_of(login), DAY * days)
    refresh(app, old["refresh_token"])

    assert list_session_ids(app, old["access_token"]) == [id_of(new), id_of(middle), id_of(old)]


def test_sessions_of_the_same_moment_are_sorted_by_id(app: Flask) -> None:
    logins = [sign_in(app) for _ in range(5)]

    assert list_session_ids(app, logins[2]["access_token"]) == sorted(map(id_of, logins), reverse=True)


def test_the_current_session_is_marked(app: Flask, phone: Login, laptop: Login) -> None:
    for login in phone, laptop:
        assert [session["id"] for session in list_for(app, login) if session["current"]] == [id_of(login)]


def test_a_refreshed_access_token_marks_the_same_session(app: Flask, phone: Login) -> None:
    token = refreshed(app, phone["refresh_token"])["access_token"]

    assert [session["current"] for session in list_devices(app, token).get_json()["sessions"]] == [True]


def test_sessions_of_others_are_not_listed(app: Flask, phone: Login) -> None:
    bob = sign_in(app, "bob")

    assert list_session_ids(app, phone["access_token"]) == [id_of(phone)]
    assert list_session_ids(app, bob["access_token"]) == [id_of(bob)]


@pytest.mark.parametrize("aged", [IDLE, IDLE + MOMENT, LIFETIME])
def test_an_expired_session_is_not_listed(app: Flask, backend: Backend, phone: Login, laptop: Login, aged: Any) -> None:
    backend.age(id_of(laptop), aged)

    assert list_session_ids(app, phone["access_token"]) == [id_of(phone)]


def test_a_session_is_listed_until_its_last_millisecond(
    app: Flask, backend: Backend, phone: Login, laptop: Login
) -> None:
    backend.age(id_of(laptop), IDLE - MOMENT)

    assert list_session_ids(app, phone["access_token"]) == [id_of(phone), id_of(laptop)]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '{"id": "x"}\\u001b[31m\\',
    "é" * 255,
    "\u202egnp.exe",
    "\u2028\u2029",
    "'; DROP TABLE tokenauth_session; --",
    "\U0001f511",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_is_returned_unchanged_as_json(app: Flask, text: str) -> None:
    login = sign_in(app, label=text)

    answer = list_devices(app, login["access_token"])

    assert answer.mimetype == "application/json"
    assert [session["label"] for session in answer.get_json()["sessions"]] == [text]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("a\x1b[31mb\x9bc\x07", "a[31mbc"),
        ("x" * 499, "x" * 499),
        ("x" * 500, "x" * 500),
        ("x" * 501, "x" * 500),
        ("\x1b", None),
        ("", None),
    ],
)
def test_a_user_agent_has_at_most_500_printable_characters(app: Flask, sent: str, kept: str | None) -> None:
    login = app.test_client().post("/login", data={"username": "alice"}, headers={"User-Agent": sent}).get_json()

    assert [session["user_agent"] for session in list_for(app, login)] == [kept]
