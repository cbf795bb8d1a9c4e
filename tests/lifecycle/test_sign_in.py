"""``token_response`` with a store: it starts a session, which keeps the grant."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth, create_token, token_response
from flask_tokenauth.core import jws
from flask_tokenauth.core.keys.key import Key

from ..conftest import NOW, MakeApp, bearer
from .conftest import MakeSessionApp
from .devices import me
from .kit import (
    claims_of,
    is_live,
    record_calls,
    refresh,
    refreshed,
    session_id_of,
    session_of,
    sessions_of,
    sign_in,
    store_of,
)


def log_in(app: Flask, **form: str) -> dict[str, Any]:
    answer = app.test_client().post("/login", data={"username": "alice", **form})
    return answer.get_json()  # type: ignore[no-any-return]  # JSON may be any type


def test_the_answer_to_a_login_has_both_tokens_and_is_not_cached(app: Flask) -> None:
    """RFC 6749 section 5.1."""
    answer = app.test_client().post("/login", data={"username": "alice"})

    body = answer.get_json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert body | {"access_token": "", "refresh_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "a b",
        "refresh_token": "",
        "refresh_expires_in": 30 * 86400,
    }
    claims = claims_of(body["access_token"])
    assert (claims["auth_time"], claims["sid"]) == (NOW, session_id_of(body["refresh_token"]))
    assert "epoch" not in claims


def test_a_session_keeps_the_grant(app: Flask) -> None:
    when = datetime.fromtimestamp(NOW - 60.5, UTC)

    token = sign_in(
        app,
        scopes=iter("ba"),
        label="Alice's phone",
        expires_in=60,
        audience="x",
        client_id="web",
        auth_time=when,
        claims={"teams": ["blue"]},
    )["refresh_token"]

    session = session_of(app, token)
    assert session is not None
    assert (session.user_id, session.label, session.generation, session.epoch) == ("alice", "Alice's phone", 0, 0)
    grant = session.grant
    assert (grant.scopes, grant.claims) == (("b", "a"), {"teams": ("blue",)})
    assert (grant.audience, grant.client_id) == (frozenset({"x"}), "web")
    assert (grant.lifetime, grant.auth_time) == (timedelta(seconds=60), int(NOW - 60.5))


def test_each_login_starts_a_new_session(app: Flask) -> None:
    tokens = [log_in(app)["refresh_token"] for _ in range(3)]

    assert len({session_id_of(token) for token in tokens}) == 3
    assert len(sessions_of(app)) == 3


def test_a_login_ignores_the_tokens_in_the_request(app: Flask) -> None:
    first = log_in(app)

    answer = app.test_client().post(
        "/login",
        data={"username": "mallory", "refresh_token": first["refresh_token"]},
        headers=bearer(first["access_token"]),
    )

    second = answer.get_json()
    assert session_id_of(second["refresh_token"]) != session_id_of(first["refresh_token"])
    assert is_live(app, first["refresh_token"])
    assert [session.user_id for session in sessions_of(app, "mallory")] == ["mallory"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("", None),
        ("curl/8.0", "curl/8.0"),
        ("a" * 499, "a" * 499),
        ("a" * 500, "a" * 500),
        ("a" * 501, "a" * 500),
        ("\t" * 9 + "a" * 500 + "b", "a" * 500),
        ("a\tb\x00c\x1bd\x7fe\x9bf", "abcdef"),
        ("é", "é"),
        ("\t", None),
    ],
)
def test_a_session_keeps_the_printable_part_of_the_user_agent(app: Flask, sent: str, kept: str) -> None:
    environ = {"HTTP_USER_AGENT": sent}

    app.test_client().post("/login", data={"username": "alice"}, environ_overrides=environ)

    assert [session.user_agent for session in sessions_of(app)] == [kept]


def test_a_session_may_start_outside_of_a_request(make_session_app: MakeSessionApp) -> None:
    app = make_session_app()

    session = session_of(app, sign_in(app)["refresh_token"])

    assert session is not None
    assert session.user_agent is None


@pytest.mark.parametrize("label", ["", "a", "a" * 254, "a" * 255, "Alice, at ☎"])
def test_a_label_is_kept(app: Flask, label: str) -> None:
    log_in(app, label=label)

    assert [session.label for session in sessions_of(app)] == [label]


@pytest.mark.parametrize("label", ["a" * 256, "a\n", "\0", "\x7f"])
def test_an_invalid_label_raises_and_starts_no_session(app: Flask, label: str) -> None:
    with pytest.raises(ValueError, match="label must be a string of at most 255 characters"):
        sign_in(app, label=label)

    assert sessions_of(app) == []


@pytest.mark.parametrize("label", [1, True, b"phone", ["phone"]])
def test_a_label_must_be_a_string(app: Flask, label: Any) -> None:
    with pytest.raises(ValueError, match="label must be a string"):
        sign_in(app, label=label)

    assert sessions_of(app) == []


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"claims": {"sub": "bob"}}, ValueError),
        ({"claims": {"sid": "x"}}, ValueError),
        ({"claims": {"epoch": 1}}, ValueError),
        ({"claims": {"at": 1j}}, ValueError),
        ({"claims": {"n": float("nan")}}, ValueError),
        ({"claims": {"filler": "x" * 8000}}, ValueError),
        ({"scopes": ["a b"]}, ValueError),
        ({"scopes": "a"}, TypeError),
        ({"expires_in": 0}, ValueError),
        ({"expires_in": 86401}, ValueError),
        ({"expires_in": "900"}, TypeError),
        ({"audience": []}, ValueError),
        ({"audience": ""}, ValueError),
        ({"client_id": ""}, ValueError),
        ({"client_id": "a" * 256}, ValueError),
        ({"auth_time": datetime(2026, 1, 1)}, ValueError),  # without a time zone
        ({"auth_time": 5}, TypeError),
        ({"user_id": ""}, ValueError),
        ({"user_id": None}, TypeError),
        ({"user_id": "a" * 256}, ValueError),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_invalid_option_raises_and_starts_no_session(
    app: Flask, options: dict[str, Any], error: type[Exception]
) -> None:
    with record_calls(store_of(app)) as called, pytest.raises(error):
        sign_in(app, **options)

    assert "start_session" not in called
    assert sessions_of(app) == []


@pytest.mark.parametrize("label", ["phone", ""])
def test_a_label_needs_a_store(make_app: MakeApp, label: str) -> None:
    app = make_app()

    with app.app_context(), pytest.raises(SettingsError, match="TOKENAUTH_STORE"):
        token_response("alice", label=label)


def test_without_a_store_there_is_no_session(make_app: MakeApp) -> None:
    app = make_app()

    body = sign_in(app)

    assert not {"refresh_token", "refresh_expires_in"} & body.keys()
    assert not {"sid", "epoch"} & claims_of(body["access_token"]).keys()


def test_public_keys_start_no_session(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_KEYS=[Key.generate("EdDSA").public()])

    with pytest.raises(SettingsError, match="can only verify"):
        sign_in(app)

    assert sessions_of(app) == []


def test_the_configured_keys_sign_the_access_tokens_of_sessions(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_KEYS=[Key.generate("EdDSA")])

    body = refreshed(app, sign_in(app)["refresh_token"])

    assert me(app, body["access_token"]) == 200


def test_create_token_starts_no_session(app: Flask) -> None:
    with app.app_context():
        token = create_token("alice")

    assert "sid" not in claims_of(token)
    assert me(app, token) == 200
    assert sessions_of(app) == []


def test_user_ids_may_be_integers(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(auth=TokenAuth(user_id_type=int))

    body = refreshed(app, sign_in(app, 42)["refresh_token"])

    answer = app.test_client().get("/me", headers=bearer(body["access_token"]))
    assert answer.get_json()["user_id"] == 42
    assert [session.user_id for session in sessions_of(app, "42")] == ["42"]


def test_a_user_id_that_does_not_convert_starts_no_session(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(auth=TokenAuth(user_id_type=int))

    with record_calls(store_of(app)) as called, pytest.raises(ValueError, match="does not survive"):
        sign_in(app, "042")

    assert called == []


def test_each_request_makes_few_calls_of_the_store(app: Flask) -> None:
    def calls(work: Any) -> list[str]:
        with record_calls(store_of(app)) as called:
            work()
        return called

    login = sign_in(app)
    token = login["refresh_token"]

    assert calls(lambda: sign_in(app)) == ["start_session"]
    assert calls(lambda: refresh(app, token)) == ["find_session", "redeem"]
    assert calls(lambda: me(app, login["access_token"])) == ["revocations_since"]
    assert calls(lambda: me(app, login["access_token"])) == []
    assert calls(lambda: app.test_client().get("/me")) == []
    assert calls(lambda: app.test_client().get("/me", headers=bearer("x.y.z"))) == []


@pytest.mark.parametrize("revoked_before", [False, True])
def test_a_sign_in_signs_one_access_token(api: Flask, monkeypatch: pytest.MonkeyPatch, *, revoked_before: bool) -> None:
    """The epoch of a user who was revoked before is part of the one token."""
    if revoked_before:
        store_of(api).revoke_user("alice", retention=timedelta(days=1), api_keys=False)
    signing_key = api.extensions["tokenauth"].settings.keys.signing_key
    signed: list[bytes] = []
    sign = Key.sign

    def note(key: Key, message: bytes) -> bytes:
        if key is signing_key:  # not that of refresh tokens
            signed.append(message)
        return sign(key, message)

    monkeypatch.setattr(Key, "sign", note)

    claims = claims_of(sign_in(api)["access_token"])

    assert len(signed) == 1
    assert ("epoch" in claims) is revoked_before


def test_a_sign_in_that_fails_while_signing_leaves_no_session(api: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise MemoryError

    monkeypatch.setattr(jws, "sign_under", fail)

    with api.app_context(), pytest.raises(MemoryError):
        token_response("alice")

    assert sessions_of(api) == []
