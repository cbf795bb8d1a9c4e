"""``POST /auth/api-keys``: a user with a recent login makes an API key, which is shown once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.core.opaque.checksummed_text import is_well_formed

from ...conftest import NOW, Mint, bearer
from ...lifecycle.kit import (
    MALFORMED,
    MAX_BODY,
    TOO_LARGE,
    UNAVAILABLE,
    UNSUPPORTED_CONTENT,
    SignalLog,
    claims_of,
    missing,
    not_a_string,
    record_calls,
    refreshed,
    repeated,
    sign_in,
    store_of,
    unavailable,
)
from ...lifecycle.looked_up.conftest import MakeWorker
from ...lifecycle.looked_up.kit import Wait, list_keys, make_key, make_reference, revoke_user, status
from .kit import PATH, create, created, listed, send_form

NO_VALUE = "a whole number of seconds from 1 to 3155760000"
WRONG_NAME = {
    "error": "invalid_request",
    "error_description": "The parameter name must be 1 to 255 characters without control characters.",
}
WRONG_TIME = {"error": "invalid_request", "error_description": f"The parameter expires_in must be {NO_VALUE}."}
WRONG_TYPE = {
    "error": "invalid_request",
    "error_description": "The parameter expires_in must be a whole number, or a string of digits.",
}
NOT_GRANTED = {
    "error": "invalid_scope",
    "error_description": "A scope is asked for that the access token does not grant.",
}
UNDECLARED = {"error": "invalid_scope", "error_description": "A scope is asked for that does not exist."}
TOO_MANY = {
    "error": "too_many_api_keys",
    "error_description": "You have as many API keys as you may have: revoke one that you do not need any more.",
}
SCOPES = {
    "reports:read": "",
    "reports:write": {"implies": ["reports:read"]},
    "admin": {"implies": ["projects:{id}:read"]},
    "projects:{id}:read": "",
}


def test_the_answer_has_the_key_and_its_facts(api: Flask, login: dict[str, Any]) -> None:
    answer = create(api, login["access_token"], name="My laptop", scope="reports:write reports:read", expires_in=3600)

    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.get_json()
    text = body.pop("api_key")
    assert is_well_formed(text, "ta_")
    assert body == {
        "id": list_keys(api)[0].id,
        "name": "My laptop",
        "hint": f"ta_…{text[-4:]}",
        "scope": "reports:write reports:read",
        "created_at": "2023-11-14T22:13:20Z",
        "last_used_at": None,
        "expires_at": "2023-11-14T23:13:20Z",
    }
    assert status(api, text) == 200


def test_the_key_is_shown_once(api: Flask, login: dict[str, Any]) -> None:
    text = created(api, login["access_token"])["api_key"]

    [shown] = listed(api, login["access_token"])
    assert "api_key" not in shown
    assert text[3:] not in str(shown)


def test_a_name_is_all_that_is_needed(api: Flask, login: dict[str, Any]) -> None:
    body = created(api, login["access_token"])

    assert (body["scope"], body["expires_at"]) == ("", None)
    assert status(api, body["api_key"]) == 403
    assert status(api, body["api_key"], "/token") == 200


def test_a_form_has_the_same_parameters(api: Flask, login: dict[str, Any]) -> None:
    answer = send_form(api, login["access_token"], name="cron", scope="reports:read", expires_in="60")

    assert (answer.status_code, answer.get_json()["expires_at"]) == (201, "2023-11-14T22:14:20Z")


def test_the_signal_names_the_key(api: Flask, login: dict[str, Any], signal_log: SignalLog) -> None:
    body = created(api, login["access_token"])

    facts = {"key_id": body["id"], "user_id": "alice", "name": "laptop"}
    assert signal_log.sessions == [("tokenauth-api-key-created", facts)]


def test_the_store_is_asked_for_the_session_and_the_key(api: Flask, login: dict[str, Any]) -> None:
    status(api, login["access_token"], "/me")

    with record_calls(store_of(api)) as called:
        created(api, login["access_token"])

    assert called == ["find_session", "add_api_key"]


def test_an_integer_user_is_the_user_of_the_key(make_worker: MakeWorker) -> None:
    api = make_worker(auth=TokenAuth(user_id_type=int))
    login = sign_in(api, 42, scopes=["reports:read"])

    text = created(api, login["access_token"], scope="reports:read")["api_key"]

    assert api.test_client().get("/reports", headers=bearer(text)).get_json()["user_id"] == 42


# Parameters


@pytest.mark.parametrize("name", ["x" * 256, "a\nb", "a\u0000", "\x7f", "a\x1b[31m"])
def test_a_wrong_name_is_refused(api: Flask, login: dict[str, Any], signal_log: SignalLog, name: str) -> None:
    answer = create(api, login["access_token"], name=name)

    assert (answer.status_code, answer.get_json()) == (400, WRONG_NAME)
    assert answer.headers["Cache-Control"] == "no-store"
    assert signal_log.reasons == ["parameter_value_wrong"]
    assert list_keys(api) == []


@pytest.mark.parametrize("name", ["x", "x" * 255, "<b>", "Ключ 🔑", " "])
def test_a_name_may_have_each_other_character(api: Flask, login: dict[str, Any], name: str) -> None:
    assert created(api, login["access_token"], name=name)["name"] == name


@pytest.mark.parametrize("name", [..., None, ""])
def test_a_name_is_required(api: Flask, login: dict[str, Any], name: Any) -> None:
    answer = create(api, login["access_token"], name=name)

    assert (answer.status_code, answer.get_json()) == (400, missing("name"))


@pytest.mark.parametrize("value", [5, True, ["laptop"], {}])
@pytest.mark.parametrize("name", ["name", "scope"])
def test_a_name_and_a_scope_are_strings(api: Flask, login: dict[str, Any], name: str, value: Any) -> None:
    answer = create(api, login["access_token"], **{name: value})

    assert (answer.status_code, answer.get_json()) == (400, not_a_string(name))


@pytest.mark.parametrize("expires_in", [1, 3155760000, "1", "3155760000", "060"])
def test_a_lifetime_is_a_whole_number_of_seconds(api: Flask, login: dict[str, Any], expires_in: Any) -> None:
    body = created(api, login["access_token"], expires_in=expires_in)

    assert body["expires_at"] == write(NOW + int(expires_in))


def write(seconds: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


WRONG_TIMES: list[Any] = [0, -1, 3155760001, 10**30, -(10**30), 10**5000]
WRONG_TIMES += ["0", "-1", "+1", "1.5", "1e3", "90d", " 1", "1 ", "\u0661", "0" * 11 + "1", "9" * 5000]


@pytest.mark.parametrize("expires_in", WRONG_TIMES, ids=range(len(WRONG_TIMES)))
def test_a_wrong_lifetime_is_refused(api: Flask, login: dict[str, Any], signal_log: SignalLog, expires_in: Any) -> None:
    if expires_in == 10**5000:  # Python neither reads nor writes so many digits
        body = b'{"name": "laptop", "expires_in": 1%s}' % (b"0" * 4000)
        answer = api.test_client().post(
            PATH, data=body, content_type="application/json", headers=bearer(login["access_token"])
        )
    else:
        answer = create(api, login["access_token"], expires_in=expires_in)

    assert (answer.status_code, answer.get_json()) == (400, WRONG_TIME)
    assert signal_log.reasons == ["parameter_value_wrong"]
    assert list_keys(api) == []


@pytest.mark.parametrize("expires_in", [1.5, 1.0, 1e3, True, False, [], {}, ["60"]])
def test_a_lifetime_of_another_type_is_refused(
    api: Flask, login: dict[str, Any], signal_log: SignalLog, expires_in: Any
) -> None:
    answer = create(api, login["access_token"], expires_in=expires_in)

    assert (answer.status_code, answer.get_json()) == (400, WRONG_TYPE)
    assert signal_log.reasons == ["parameter_type_wrong"]


@pytest.mark.parametrize("expires_in", [None, ""])
def test_without_a_lifetime_the_key_does_not_expire(
    api: Flask, login: dict[str, Any], wait: Wait, expires_in: Any
) -> None:
    text = created(api, login["access_token"], scope="reports:read", expires_in=expires_in)["api_key"]
    wait(10 * 366 * 86400)

    assert status(api, text) == 200


@pytest.mark.parametrize(("passed", "answer"), [(59.9, 200), (60, 401)])
def test_a_key_expires_at_its_second(api: Flask, login: dict[str, Any], wait: Wait, passed: float, answer: int) -> None:
    text = created(api, login["access_token"], scope="reports:read", expires_in=60)["api_key"]
    wait(passed)

    assert status(api, text) == answer


BODIES: list[tuple[str | None, bytes, dict[str, str], int]] = [
    ("application/json", b"[]", MALFORMED, 400),
    ("application/json", b'{"name": "a", "name": "b"}', MALFORMED, 400),
    ("application/x-www-form-urlencoded", b"name=a&name=b", repeated("name"), 400),
    ("application/x-www-form-urlencoded", b"name=a&expires_in=1&expires_in=1", repeated("expires_in"), 400),
    ("application/x-www-form-urlencoded", b"", missing("name"), 400),
    ("text/plain", b"name=a", UNSUPPORTED_CONTENT, 400),
    ("application/x-www-form-urlencoded", b"name=" + b"a" * MAX_BODY, TOO_LARGE, 413),
]


@pytest.mark.parametrize(("content_type", "body", "refused", "code"), BODIES, ids=range(len(BODIES)))
def test_a_malformed_body_is_refused(
    api: Flask, login: dict[str, Any], *, content_type: str, body: bytes, refused: dict[str, str], code: int
) -> None:
    headers = bearer(login["access_token"])

    answer = api.test_client().post(PATH, data=body, content_type=content_type, headers=headers)

    assert (answer.status_code, answer.get_json()) == (code, refused)


def test_parameters_in_the_url_do_not_count(api: Flask, login: dict[str, Any]) -> None:
    answer = api.test_client().post(f"{PATH}?name=laptop", headers=bearer(login["access_token"]))

    assert answer.get_json() == missing("name")


def test_other_parameters_are_ignored(api: Flask, login: dict[str, Any]) -> None:
    body = created(api, login["access_token"], user_id="bob", api_key="ta_x", id="x")

    assert [key.id for key in list_keys(api)] == [body["id"]]
    assert list_keys(api, "bob") == []


# Scopes


@pytest.mark.parametrize("scope", ["admin", "reports:read admin", "reports", "reports:read:all", "REPORTS:READ"])
def test_a_key_gets_no_scope_that_the_token_does_not_have(
    api: Flask, login: dict[str, Any], signal_log: SignalLog, scope: str
) -> None:
    answer = create(api, login["access_token"], scope=scope)

    assert (answer.status_code, answer.get_json()) == (400, NOT_GRANTED)
    assert signal_log.reasons == ["scope_not_granted"]
    assert list_keys(api) == []


@pytest.mark.parametrize("scope", ["a  b", " a", "a\tb", "é", 'a"b', "a\\b"])
def test_a_malformed_scope_is_refused(api: Flask, login: dict[str, Any], scope: str) -> None:
    answer = create(api, login["access_token"], scope=scope)

    assert (answer.status_code, answer.get_json()) == (400, NOT_GRANTED)


def test_a_scope_that_comes_twice_counts_once(api: Flask, login: dict[str, Any]) -> None:
    assert created(api, login["access_token"], scope="reports:read reports:read")["scope"] == "reports:read"


def test_a_narrow_token_makes_a_narrow_key(api: Flask, login: dict[str, Any]) -> None:
    """The session has more scopes than this token, but whoever asks has only the token."""
    narrow = refreshed(api, login["refresh_token"], scope="reports:read")["access_token"]

    assert create(api, narrow, scope="reports:write").get_json() == NOT_GRANTED
    assert created(api, narrow, scope="reports:read")["scope"] == "reports:read"


IMPLIED = [
    (["reports:write"], "reports:read", True),
    (["reports:write"], "reports:write reports:read", True),
    (["reports:read"], "reports:write", False),
    (["admin"], "projects:7:read", True),
    (["projects:7:read"], "projects:7:read", True),
    (["projects:7:read"], "projects:8:read", False),
]


@pytest.mark.parametrize(("held", "asked", "granted"), IMPLIED, ids=str)
def test_declared_scopes_count_with_what_they_imply(
    make_worker: MakeWorker, held: list[str], asked: str, *, granted: bool
) -> None:
    api = make_worker(TOKENAUTH_SCOPES=SCOPES)

    answer = create(api, sign_in(api, scopes=held)["access_token"], scope=asked)

    assert answer.get_json().get("scope") == (asked if granted else None)
    assert answer.status_code == 201 if granted else answer.get_json() == NOT_GRANTED


@pytest.mark.parametrize("scope", ["reports:delete", "projects:{id}:read", "projects::read"])
def test_an_undeclared_scope_is_refused(make_worker: MakeWorker, signal_log: SignalLog, scope: str) -> None:
    api = make_worker(TOKENAUTH_SCOPES=SCOPES)
    login = sign_in(api, scopes=["admin", "reports:read"])

    answer = create(api, login["access_token"], scope=scope)

    assert (answer.status_code, answer.get_json()) == (400, UNDECLARED)
    assert signal_log.reasons == ["scope_not_granted"]


MISTAKES = {
    "name": ({"name": "a\n"}, "the parameter name must be 1 to 255 characters without control characters, got another"),
    "time": ({"expires_in": 0}, f"the parameter expires_in must be {NO_VALUE}, got another value"),
    "scope": ({"scope": "reports:delete"}, "an API key must have scopes that TOKENAUTH_SCOPES declares"),
    "wide": ({"scope": "admin"}, "an API key must have scopes that the access token has, or that these imply"),
}


@pytest.mark.parametrize(("parameters", "words"), MISTAKES.values(), ids=MISTAKES)
def test_in_debug_the_log_says_what_must_be(
    make_worker: MakeWorker, caplog: pytest.LogCaptureFixture, parameters: dict[str, object], words: str
) -> None:
    api = make_worker(TOKENAUTH_SCOPES=SCOPES)
    api.debug = True
    login = sign_in(api, scopes=["reports:read"])

    assert create(api, login["access_token"], **parameters).status_code == 400

    assert words in caplog.text


# Who may make a key


@pytest.mark.parametrize(("age", "code"), [(0, 201), (600, 201), (601, 401)])
def test_the_login_is_at_most_10_minutes_old(
    api: Flask, login: dict[str, Any], wait: Wait, signal_log: SignalLog, *, age: int, code: int
) -> None:
    """RFC 9470 section 3."""
    wait(age)

    answer = create(api, login["access_token"])

    assert answer.status_code == code
    if code == 401:
        assert answer.get_json()["error"] == "insufficient_user_authentication"
        assert 'max_age="600"' in answer.headers["WWW-Authenticate"]
        assert signal_log.reasons == ["login_too_old"]
        assert list_keys(api) == []


def test_a_refresh_is_no_login(api: Flask, login: dict[str, Any], wait: Wait) -> None:
    wait(601)

    answer = create(api, refreshed(api, login["refresh_token"])["access_token"])

    assert answer.get_json()["error"] == "insufficient_user_authentication"


def test_an_api_key_makes_none(api: Flask, login: dict[str, Any], signal_log: SignalLog) -> None:
    """Nobody signs in with one, so it gets the challenge of an old login."""
    key = created(api, login["access_token"], scope="reports:read")["api_key"]

    answer = create(api, key)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "insufficient_user_authentication")
    assert 'max_age="600"' in answer.headers["WWW-Authenticate"]
    assert signal_log.reasons == ["login_too_old"]
    assert len(list_keys(api)) == 1


def test_without_a_token_there_is_a_challenge(api: Flask) -> None:
    answer = api.test_client().post(PATH, json={"name": "laptop"})

    assert (answer.status_code, answer.get_json()["error"]) == (401, "unauthorized")


def recent() -> datetime:
    return datetime.fromtimestamp(NOW, UTC)


def test_a_token_without_a_session_makes_none(api: Flask, signal_log: SignalLog) -> None:
    with api.app_context():
        token = create_token("alice", auth_time=recent())

    for text in (token, make_reference(api, auth_time=recent())):
        answer = create(api, text)

        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_token")
    assert signal_log.reasons == ["session_missing"] * 2


def test_a_token_that_acts_for_the_user_makes_none(make_worker: MakeWorker, signal_log: SignalLog, mint: Mint) -> None:
    """RFC 8693 section 4.1. Such a token belongs to the session of the user."""
    api = make_worker()
    of_user = claims_of(sign_in(api)["access_token"])

    answer = create(api, mint(**of_user, act={"sub": "service"}))

    assert (answer.status_code, answer.get_json()["error"]) == (403, "insufficient_scope")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert signal_log.reasons == ["token_of_delegate"]
    assert list_keys(api) == []


def test_a_reference_token_of_a_session_makes_one(make_worker: MakeWorker) -> None:
    api = make_worker(TOKENAUTH_TOKEN_FORMAT="reference")

    body = created(api, sign_in(api, scopes=["reports:read"])["access_token"], scope="reports:read")

    assert status(api, body["api_key"]) == 200


def test_an_ended_session_makes_none_though_the_worker_does_not_know(make_worker: MakeWorker) -> None:
    one, two = make_worker(), make_worker()
    login = sign_in(one)
    assert status(two, login["access_token"], "/me") == 200
    revoke_user(one, api_keys=False)

    answer = create(two, login["access_token"])

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_token")
    assert list_keys(one) == []


def test_the_101st_key_is_refused(api: Flask, login: dict[str, Any], signal_log: SignalLog) -> None:
    for number in range(99):
        make_key(api, name=str(number))
    created(api, login["access_token"])
    signal_log.sessions.clear()

    answer = create(api, login["access_token"])

    assert (answer.status_code, answer.get_json()) == (409, TOO_MANY)
    assert answer.headers["Cache-Control"] == "no-store"
    assert signal_log.reasons == ["api_keys_too_many"]
    assert signal_log.sessions == []
    assert len(list_keys(api)) == 100


@pytest.mark.parametrize(("enforce", "code"), [("refuse", 400), ("warn", 201), ("off", 201)])
def test_plain_http_is_refused_where_the_settings_say_so(make_worker: MakeWorker, enforce: str, code: int) -> None:
    api = make_worker(TOKENAUTH_ENFORCE_HTTPS=enforce)
    headers = bearer(sign_in(api)["access_token"])

    answer = api.test_client().post(
        PATH, json={"name": "laptop"}, headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.7"}
    )

    assert answer.status_code == code
    over_https = api.test_client().post(PATH, json={"name": "a"}, headers=headers, base_url="https://localhost")
    assert over_https.status_code == 201


@pytest.mark.parametrize("method", ["find_session", "add_api_key"])
def test_an_outage_is_503_and_sends_no_signal(
    api: Flask, login: dict[str, Any], signal_log: SignalLog, method: str
) -> None:
    status(api, login["access_token"], "/me")
    with unavailable(store_of(api), method):
        answer = create(api, login["access_token"])

    assert (answer.status_code, answer.get_json()) == (503, UNAVAILABLE)
    assert signal_log.reasons == ["store_unavailable"]
    assert signal_log.sessions == []
