"""``TOKENAUTH_SESSIONS_PER_USER``: a further sign-in ends the session that was idle longest."""

import logging
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.signals import session_ended

from .conftest import MakeSessionApp
from .devices import id_of, me
from .kit import DAY, Backend, SignalLog, is_live, load_revocations, refresh, sessions_of, sign_in, successor


@pytest.fixture
def app(make_session_app: MakeSessionApp) -> Flask:
    return make_session_app(TOKENAUTH_SESSIONS_PER_USER=2)


def test_a_further_sign_in_ends_the_session_that_was_idle_longest(app: Flask, backend: Backend) -> None:
    used, idle, other = sign_in(app), sign_in(app), sign_in(app, "bob")
    backend.age(id_of(used), 2 * DAY)
    backend.age(id_of(idle), DAY)
    token = successor(app, used["refresh_token"])

    new = sign_in(app)

    assert {session.session_id for session in sessions_of(app)} == {id_of(used), id_of(new)}
    assert [me(app, login["access_token"]) for login in (used, idle, new, other)] == [200, 401, 200, 200]
    assert refresh(app, idle["refresh_token"]).status_code == 400
    assert refresh(app, token).status_code == 200


def test_the_process_of_the_sign_in_refuses_the_tokens_of_the_ended_session_at_once(
    app: Flask, backend: Backend
) -> None:
    """Without the news from the store, which come with the next interval."""
    old = sign_in(app)
    backend.age(id_of(old), DAY)
    sign_in(app)
    load_revocations(app)
    assert me(app, old["access_token"]) == 200

    sign_in(app)

    assert me(app, old["access_token"]) == 401


def test_the_end_is_signalled_before_the_start_and_logged(
    app: Flask, backend: Backend, signal_log: SignalLog, caplog: pytest.LogCaptureFixture
) -> None:
    old = sign_in(app)
    backend.age(id_of(old), DAY)
    sign_in(app)
    signal_log.sessions.clear()

    with caplog.at_level(logging.INFO, "flask_tokenauth"):
        new = sign_in(app)

    assert signal_log.sessions == [
        ("tokenauth-session-ended", {"session_id": id_of(old), "user_id": "alice", "reason": "displaced"}),
        ("tokenauth-session-started", {"session_id": id_of(new), "user_id": "alice"}),
    ]
    assert caplog.record_tuples == [
        (
            "flask_tokenauth",
            logging.INFO,
            f"ended session {id_of(old)}: its user had more than TOKENAUTH_SESSIONS_PER_USER allows, 2",
        )
    ]


def test_up_to_the_limit_no_session_ends(app: Flask, signal_log: SignalLog) -> None:
    logins = [sign_in(app), sign_in(app)]

    assert [is_live(app, login["refresh_token"]) for login in logins] == [True, True]
    assert {name for name, _ in signal_log.sessions} == {"tokenauth-session-started"}


def test_a_receiver_that_fails_leaves_no_new_session(app: Flask, backend: Backend) -> None:
    """The client gets no token of it."""
    backend.age(id_of(sign_in(app)), DAY)
    kept = sign_in(app)

    def fail(*_: Any, **__: Any) -> None:
        raise LookupError

    with session_ended.connected_to(fail, app), pytest.raises(LookupError):
        sign_in(app)

    assert [session.session_id for session in sessions_of(app)] == [id_of(kept)]


def test_the_limit_is_100_by_default(make_session_app: MakeSessionApp) -> None:
    app = make_session_app()

    for _ in range(101):
        sign_in(app)

    assert len(sessions_of(app)) == 100
