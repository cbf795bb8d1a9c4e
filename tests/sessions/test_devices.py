"""``/auth/sessions`` and ``/auth/logout``: people see where they are logged in, and end it; nobody else does."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.core import Key

from ..conftest import ISSUER, NOW, SECRET, Mint, StandingClock, bearer
from .conftest import MakeSessionApp
from .devices import DOORS, NOT_FOUND, Door, Login, end_device, id_of, list_devices, listed, log_out, me
from .kit import (
    DAY,
    IDLE,
    INVALID_GRANT,
    LIFETIME,
    MOMENT,
    Backend,
    Heard,
    asked,
    is_live,
    refresh,
    refreshed,
    session_of,
    sign_in,
    store_of,
    successor,
    warm,
)

every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@pytest.fixture
def phone(app: Flask) -> Login:
    return sign_in(app, label="phone")


@pytest.fixture
def laptop(app: Flask) -> Login:
    return sign_in(app, label="laptop")


def seen(app: Flask, login: Login) -> list[dict[str, Any]]:
    """Return the sessions that who has signed in sees."""
    sessions: list[dict[str, Any]] = list_devices(app, login["access_token"]).get_json()["sessions"]
    return sessions


# Listing


def test_a_session_is_described_by_what_people_know_it_by(app: Flask) -> None:
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


def test_what_was_not_said_is_null(app: Flask) -> None:
    [described] = seen(app, sign_in(app))

    assert (described["label"], described["user_agent"]) == (None, None)


def test_a_refresh_is_told_and_prolongs_the_session(app: Flask, backend: Backend, phone: Login) -> None:
    backend.age(id_of(phone), DAY)
    token = refreshed(app, phone["refresh_token"])["access_token"]
    session: Any = session_of(app, phone["refresh_token"])

    [described] = list_devices(app, token).get_json()["sessions"]

    assert described["refreshed_at"] == f"{session.started_at + DAY:%Y-%m-%dT%H:%M:%SZ}"
    assert described["expires_at"] == f"{session.started_at + DAY + IDLE:%Y-%m-%dT%H:%M:%SZ}"


def test_no_session_is_said_to_outlive_its_lifetime(make_session_app: MakeSessionApp, backend: Backend) -> None:
    app = make_session_app(TOKENAUTH_SESSION_LIFETIME=IDLE + DAY)
    login = sign_in(app)
    started: Any = session_of(app, login["refresh_token"])
    backend.age(id_of(login), DAY * 2)

    [described] = list_devices(app, refreshed(app, login["refresh_token"])["access_token"]).get_json()["sessions"]

    assert described["expires_at"] == f"{started.expires_at - DAY * 2:%Y-%m-%dT%H:%M:%SZ}"


def test_the_newest_sign_in_comes_first_whatever_was_refreshed(app: Flask, backend: Backend) -> None:
    old, new, middle = sign_in(app), sign_in(app), sign_in(app)
    for login, days in (old, 3), (new, 1), (middle, 2):
        backend.age(id_of(login), DAY * days)
    refresh(app, old["refresh_token"])

    assert listed(app, old["access_token"]) == [id_of(new), id_of(middle), id_of(old)]


def test_of_one_moment_the_order_is_always_the_same(app: Flask) -> None:
    logins = [sign_in(app) for _ in range(5)]

    assert listed(app, logins[2]["access_token"]) == sorted(map(id_of, logins))


def test_the_one_that_asks_is_marked(app: Flask, phone: Login, laptop: Login) -> None:
    for login in phone, laptop:
        assert [each["id"] for each in seen(app, login) if each["current"]] == [id_of(login)]


def test_the_newest_access_token_of_a_session_is_of_the_same(app: Flask, phone: Login) -> None:
    token = refreshed(app, phone["refresh_token"])["access_token"]

    assert [each["current"] for each in list_devices(app, token).get_json()["sessions"]] == [True]


def test_sessions_of_others_are_not_listed(app: Flask, phone: Login) -> None:
    bob = sign_in(app, "bob")

    assert listed(app, phone["access_token"]) == [id_of(phone)]
    assert listed(app, bob["access_token"]) == [id_of(bob)]


@pytest.mark.parametrize("aged", [IDLE, IDLE + MOMENT, LIFETIME])
def test_what_is_over_is_not_listed(app: Flask, backend: Backend, phone: Login, laptop: Login, aged: Any) -> None:
    backend.age(id_of(laptop), aged)

    assert listed(app, phone["access_token"]) == [id_of(phone)]


def test_a_session_is_listed_to_its_last_moment(app: Flask, backend: Backend, phone: Login, laptop: Login) -> None:
    backend.age(id_of(laptop), IDLE - MOMENT)

    assert listed(app, phone["access_token"]) == [id_of(phone), id_of(laptop)]


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
def test_a_label_arrives_as_it_was_given_in_json_that_no_browser_takes_for_a_page(app: Flask, text: str) -> None:
    login = sign_in(app, label=text)

    answer = list_devices(app, login["access_token"])

    assert answer.mimetype == "application/json"
    assert [each["label"] for each in answer.get_json()["sessions"]] == [text]


@pytest.mark.parametrize(
    ("told", "kept"),
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
def test_what_a_client_calls_itself_has_500_characters_that_can_be_shown(
    app: Flask, told: str, kept: str | None
) -> None:
    login = app.test_client().post("/login", data={"username": "alice"}, headers={"User-Agent": told}).get_json()

    assert [each["user_agent"] for each in seen(app, login)] == [kept]


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
            store.end_session(session_id, memory=DAY)
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


# Who gets nowhere


def bare(app: Flask, backend: Backend, mint: Mint) -> str:
    with app.app_context():
        return create_token("alice")


def after(end: Callable[[Flask, Backend, Login], object]) -> Callable[[Flask, Backend, Mint], str]:
    """Return what makes the access token of a session, to which this has happened since."""

    def make(app: Flask, backend: Backend, mint: Mint) -> str:
        login = sign_in(app)
        end(app, backend, login)
        return str(login["access_token"])

    return make


def end_it(app: Flask, backend: Backend, login: Login) -> None:
    store_of(app).end_session(id_of(login), memory=DAY)


def end_and_purge(app: Flask, backend: Backend, login: Login) -> None:
    end_it(app, backend, login)
    store_of(app).purge()


def expire_and_purge(app: Flask, backend: Backend, login: Login) -> None:
    backend.age(id_of(login), IDLE)
    store_of(app).purge()


def revoke_everything(app: Flask, backend: Backend, login: Login) -> None:
    with app.app_context():
        TokenAuth().revoke_user("alice", api_keys=False)


def of_somebody_elses_session(app: Flask, backend: Backend, mint: Mint) -> str:
    return mint(sid=id_of(sign_in(app, "bob")))


def of_another_issuer(app: Flask, backend: Backend, mint: Mint) -> str:
    other = Mint(Key.derive(SECRET.encode(), purpose="access", issuer="https://other.example"))
    return other(iss="https://other.example", sid=id_of(sign_in(app)))


OUTSIDERS: dict[str, tuple[Callable[[Flask, Backend, Mint], str], str]] = {
    "no session": (bare, "session_missing"),
    "an unknown session": (lambda app, backend, mint: mint(sid="HVwLP2BpPAE0VqN7DY8JmQ"), "session_missing"),
    "the session of somebody else": (of_somebody_elses_session, "session_missing"),
    "an ended session": (after(end_it), "token_revoked"),
    "an ended and purged session": (after(end_and_purge), "token_revoked"),
    "an idle session": (after(lambda _, backend, login: backend.age(id_of(login), IDLE)), "session_missing"),
    "an expired session": (after(lambda _, backend, login: backend.age(id_of(login), LIFETIME)), "session_missing"),
    "an expired and purged session": (after(expire_and_purge), "session_missing"),
    "a revoked user": (after(revoke_everything), "token_revoked"),
    "another issuer": (of_another_issuer, "key_unknown"),
    "a refresh token": (lambda app, backend, mint: sign_in(app)["refresh_token"], "token_malformed"),
    "an expired token": (lambda app, backend, mint: mint(exp=NOW - 60, iat=NOW - 90), "token_expired"),
    "a number": (lambda app, backend, mint: mint(sid=1), "claim_malformed"),
}


@every_door
@pytest.mark.parametrize(("make", "reason"), OUTSIDERS.values(), ids=OUTSIDERS)
def test_who_has_no_token_of_a_living_session_gets_nowhere(
    app: Flask,
    backend: Backend,
    mint: Mint,
    heard: Heard,
    *,
    door: Door,
    make: Callable[[Flask, Backend, Mint], str],
    reason: str,
) -> None:
    token = make(app, backend, mint)
    target, bob = sign_in(app), sign_in(app, "bob")
    heard.sessions.clear()

    answer = door(app, token, id_of(target))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="{ISSUER}", error="invalid_token"')
    assert answer.get_json()["error"] == "invalid_token"
    assert heard.reasons == [reason]
    assert heard.sessions == []
    assert is_live(app, target["refresh_token"])
    assert is_live(app, bob["refresh_token"])


@every_door
@pytest.mark.parametrize("aged", [IDLE - MOMENT, IDLE])
def test_a_session_opens_the_door_to_its_last_moment(app: Flask, backend: Backend, door: Door, aged: Any) -> None:
    login, target = sign_in(app), sign_in(app)

    backend.age(id_of(login), aged)

    assert (door(app, login["access_token"], id_of(target)).status_code == 401) is (aged == IDLE)


@every_door
@pytest.mark.parametrize("authorization", [None, "Basic YTpi", "bearer"])
def test_who_has_no_token_is_asked_for_one(app: Flask, phone: Login, door: Door, authorization: str | None) -> None:
    client = app.test_client()
    headers = {"Authorization": authorization} if authorization else {}
    answers: dict[Door, TestResponse] = {
        DOORS["logout"]: client.post("/auth/logout", headers=headers),
        DOORS["list"]: client.get("/auth/sessions", headers=headers),
        DOORS["end"]: client.delete(f"/auth/sessions/{id_of(phone)}", headers=headers),
    }
    answer = answers[door]

    assert answer.status_code == (400 if authorization == "bearer" else 401)
    assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="{ISSUER}"')
    assert ("error=" in answer.headers["WWW-Authenticate"]) is (authorization == "bearer")
    assert is_live(app, phone["refresh_token"])


@every_door
def test_an_expired_access_token_gets_nowhere_to_the_second(
    app: Flask, clock: StandingClock, phone: Login, laptop: Login, door: Door
) -> None:
    clock.now = NOW + 900 + 10 - 1  # lifetime and leeway
    assert door(app, phone["access_token"], id_of(laptop)).status_code < 300

    clock.now = NOW + 900 + 10
    assert door(app, laptop["access_token"], id_of(phone)).status_code == 401


@every_door
def test_a_token_check_of_the_application_is_asked_here_too(
    app: Flask, auth: TokenAuth[Any], phone: Login, heard: Heard, door: Door
) -> None:
    auth.token_check(lambda token: False)

    assert door(app, phone["access_token"], id_of(phone)).status_code == 401
    assert heard.reasons == ["token_rejected"]


@every_door
def test_no_scope_is_needed(app: Flask, door: Door) -> None:
    login = sign_in(app, scopes=())

    assert door(app, login["access_token"], id_of(login)).status_code < 300


@every_door
def test_users_may_be_numbers(make_session_app: MakeSessionApp, door: Door) -> None:
    app = make_session_app(auth=TokenAuth(user_id_type=int))
    login = sign_in(app, 42)

    assert door(app, login["access_token"], id_of(login)).status_code < 300


@every_door
def test_another_application_with_the_secret_and_another_store_knows_none_of_it(
    app: Flask, make_session_app: MakeSessionApp, phone: Login, heard: Heard, door: Door
) -> None:
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_STORE="memory://")

    assert door(other, phone["access_token"], id_of(phone)).status_code == 401
    assert heard.reasons == ["session_missing"]
