"""API keys in ``Authorization: Bearer``, and in a header of their own where ``TOKENAUTH_API_KEY_HEADER`` names one."""

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from flask_tokenauth import TokenAuth, create_token, login_required, require_scope
from flask_tokenauth.authentication.contexts import current_request
from flask_tokenauth.authentication.credentials import check_key_header, environ_name_of
from flask_tokenauth.core.errors import MalformedApiKeyHeader, TwoCredentials
from flask_tokenauth.core.opaque.lookups import Lookups
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp, Mint, bearer
from ..guards.kinds_kit import HEADER, add_api_key, looked_up
from ..leaks import find_leak

BASIC = {"Authorization": f"Basic {base64.b64encode(b'alice:hunter2').decode()}"}
REASON = "refused: "


@pytest.fixture
def app(make_app: MakeApp, store: MemoryStore) -> Flask:
    app = make_app(**looked_up(store))
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))
    app.add_url_rule("/open", "open", lambda: f"of {g.user_id}")
    return app


@pytest.fixture
def key(store: MemoryStore) -> str:
    return add_api_key(store)


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "flask_tokenauth")
    return caplog


def outcome(client: FlaskClient, headers: dict[str, str], log: pytest.LogCaptureFixture) -> tuple[int, str | None]:
    """Return the status and the logged reason of a request."""
    log.clear()
    answer = client.get("/x", headers=headers)
    reasons = [message.removeprefix(REASON) for message in log.messages if message.startswith(REASON)]
    assert (answer.status_code == 200) == (answer.text == "of alice")
    assert len(reasons) == (answer.status_code != 200)
    return answer.status_code, next(iter(reasons), None)


def test_an_api_key_may_come_as_a_bearer_token_or_in_its_header(client: FlaskClient, key: str, log: Any) -> None:
    for headers in (bearer(key), {"Authorization": f"bearer   {key}"}, {HEADER: key}, {HEADER.lower(): key}):
        assert outcome(client, headers, log) == (200, None)


def test_without_the_setting_the_header_is_none(make_app: MakeApp, store: MemoryStore, key: str, log: Any) -> None:
    app = make_app(**{**looked_up(store), "TOKENAUTH_API_KEY_HEADER": None})
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))

    assert outcome(app.test_client(), {HEADER: key}, log) == (401, "credential_missing")
    assert outcome(app.test_client(), {HEADER: key} | bearer(key), log) == (200, None)


def test_another_name_of_the_header_may_be_set(make_app: MakeApp, store: MemoryStore, key: str, log: Any) -> None:
    app = make_app(**{**looked_up(store), "TOKENAUTH_API_KEY_HEADER": "Acme-Key"})
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))

    assert outcome(app.test_client(), {"Acme-Key": key}, log) == (200, None)
    assert outcome(app.test_client(), {HEADER: key}, log) == (401, "credential_missing")


# Two headers


@pytest.mark.parametrize("token", ["good", "x.y.z", "a b", "", "tr_x", "a" * 9000, "the same key"])
@pytest.mark.parametrize("value", ["good", "ta_garbage", "a b", "x.y.z"])
def test_a_bearer_token_beside_the_header_is_refused(
    client: FlaskClient, mint: Mint, key: str, log: Any, *, token: str, value: str
) -> None:
    """RFC 6750 section 2: "Clients MUST NOT use more than one method"."""
    text = {"good": mint(), "the same key": key}.get(token, token)

    headers = {"Authorization": f"Bearer {text}", HEADER: key if value == "good" else value}

    assert outcome(client, headers, log) == (400, "credentials_two")


def test_the_refusal_of_two_headers_has_a_challenge(client: FlaskClient, mint: Mint, key: str) -> None:
    answer = client.get("/x", headers=bearer(mint()) | {HEADER: key})

    assert answer.get_json() == {
        "error": "invalid_request",
        "error_description": (
            "Two credentials were sent: send either Authorization: Bearer <token> or the header for API keys."
        ),
    }
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]
    assert "Authorization: Bearer <token>" in answer.headers["WWW-Authenticate"]


def test_two_headers_show_nobody_to_an_open_view(client: FlaskClient, mint: Mint, key: str) -> None:
    assert client.get("/open", headers=bearer(mint()) | {HEADER: key}).text == "of None"


@pytest.mark.parametrize("other", [BASIC, {"Authorization": "Token x"}, {"Authorization": ""}, {"Authorization": "x"}])
def test_another_scheme_is_no_credential(client: FlaskClient, key: str, log: Any, other: dict[str, str]) -> None:
    assert outcome(client, other | {HEADER: key}, log) == (200, None)
    assert outcome(client, other | {HEADER: "ta_garbage"}, log) == (401, "token_damaged")


# Other values


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_header_is_none(client: FlaskClient, mint: Mint, log: Any, value: str | None) -> None:
    empty = {} if value is None else {HEADER: value}

    assert outcome(client, empty, log) == (401, "credential_missing")
    assert outcome(client, empty | bearer(mint()), log) == (200, None)


VALUES: dict[str, tuple[Callable[[str], str], int, str]] = {
    "twice": (lambda key: f"{key}, {key}", 400, "api_key_malformed"),
    "twice, without a space": (lambda key: f"{key},{key}", 400, "api_key_malformed"),
    "a good one and an empty one": (lambda key: f"{key}, ", 400, "api_key_malformed"),
    "quotes": (lambda key: f'"{key}"', 400, "api_key_malformed"),
    "a space before": (lambda key: f" {key}", 400, "api_key_malformed"),
    "a space after": (lambda key: f"{key} ", 400, "api_key_malformed"),
    "a scheme": (lambda key: f"Bearer {key}", 400, "api_key_malformed"),
    "a tab": (lambda key: f"\t{key}", 400, "api_key_malformed"),
    "only a space": (lambda key: " ", 400, "api_key_malformed"),
    "not ASCII": (lambda key: f"{key}é", 400, "api_key_malformed"),
    "a null": (lambda key: f"{key}\0", 400, "api_key_malformed"),
    "percent": (lambda key: key.replace("_", "%5F"), 400, "api_key_malformed"),
    "without its prefix": (lambda key: key.removeprefix("ta_"), 401, "api_key_expected"),
    "the prefix in capitals": (lambda key: key.replace("ta_", "TA_"), 401, "api_key_expected"),
    "another prefix": (lambda key: key.replace("ta_", "tb_"), 401, "api_key_expected"),
    "the prefix alone": (lambda key: "ta_", 401, "token_damaged"),
    "too long": (lambda key: f"{key}A", 401, "token_damaged"),
    "too short": (lambda key: key[:-1], 401, "token_damaged"),
    "padded": (lambda key: f"{key}=", 401, "token_damaged"),
    "another character": (lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"), 401, "token_damaged"),
    "8 KB": (lambda key: key + "A" * 8192, 401, "token_damaged"),
    "8 KB of another string": (lambda key: "A" * 8192, 401, "api_key_expected"),
    "1 MB of commas": (lambda key: "," * 1_000_000, 400, "api_key_malformed"),
}


@pytest.mark.parametrize(("change", "status", "reason"), VALUES.values(), ids=VALUES)
def test_another_value_is_refused(app: Flask, key: str, log: Any, *, change: Any, status: int, reason: str) -> None:
    """A header that came twice arrives joined by a comma."""
    environ = {"HTTP_X_API_KEY": change(key).encode("latin-1").decode("latin-1")}

    answer = app.test_client().get("/x", environ_base=environ)

    assert answer.status_code == status
    assert log.messages == [f"refused: {reason}"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert find_leak(f"{answer.text} {answer.headers}") is None


def test_a_header_that_came_twice_is_refused(app: Flask, key: str, log: Any) -> None:
    answer = app.test_client().get("/x", headers=[(HEADER, key), (HEADER, key)])

    assert (answer.status_code, log.messages) == (400, ["refused: api_key_malformed"])
    assert answer.get_json()["error_description"] == (
        "The header for API keys is malformed: send it once, with one API key and without quotes."
    )


def test_an_access_token_in_the_header_for_api_keys_is_refused(app: Flask, mint: Mint, log: Any) -> None:
    with app.app_context():
        reference = create_token("alice", scopes=["reports:read"], format="reference")

    for token in (mint(), reference):
        assert outcome(app.test_client(), {HEADER: token}, log) == (401, "api_key_expected")
        assert outcome(app.test_client(), bearer(token), log) == (200, None)
    assert app.test_client().get("/x", headers={HEADER: reference}).get_json() == {
        "error": "invalid_token",
        "error_description": "The header for API keys must have an API key.",
    }


@pytest.mark.parametrize(
    "change",
    [lambda key: f"{key},{key}", lambda key: f'"{key}"', lambda key: f"{key} ", lambda key: f"{key}é"],
    ids=["twice", "quotes", "a space", "not ASCII"],
)
def test_a_malformed_bearer_header_with_an_api_key_is_a_bad_request(
    app: Flask, key: str, log: Any, change: Any
) -> None:
    environ = {"HTTP_AUTHORIZATION": f"Bearer {change(key)}"}

    assert app.test_client().get("/x", environ_base=environ).status_code == 400
    assert log.messages == ["refused: credential_malformed"]


@pytest.mark.parametrize(
    ("header", "refusal"),
    [(None, None), ("Basic x", None), ("Bearer", TwoCredentials), ("bearer x", TwoCredentials), ("Bearerx y", None)],
)
def test_the_scheme_decides_whether_there_are_two_credentials(header: str | None, refusal: Any) -> None:
    if refusal is None:
        check_key_header("ta_x", header)
    else:
        with pytest.raises(refusal):
            check_key_header("ta_x", header)


def test_two_credentials_come_before_a_malformed_one() -> None:
    with pytest.raises(TwoCredentials):
        check_key_header("a b", "Bearer x")
    with pytest.raises(MalformedApiKeyHeader):
        check_key_header("a b", "Basic x")


@pytest.mark.parametrize(("header", "name"), [("X-API-Key", "HTTP_X_API_KEY"), ("Key1", "HTTP_KEY1")])
def test_the_environment_names_headers_in_capitals(header: str, name: str) -> None:
    """PEP 3333."""
    assert environ_name_of(header) == name


def test_a_damaged_api_key_costs_no_question_to_the_store(
    app: Flask, key: str, monkeypatch: pytest.MonkeyPatch, store: MemoryStore
) -> None:
    monkeypatch.setattr(store, "find_api_key", lambda *_: pytest.fail("the store was asked"))

    for text in (key[:-1], f"{key}A", key.swapcase().replace("TA_", "ta_")):
        for headers in ({HEADER: text}, bearer(text)):
            assert app.test_client().get("/x", headers=headers).status_code == 401


def test_without_a_store_an_api_key_header_cannot_be_set(make_app: MakeApp) -> None:
    with pytest.raises(Exception, match="TOKENAUTH_API_KEYS = True, which is not set"):
        make_app(TOKENAUTH_API_KEY_HEADER=HEADER)


def test_without_look_ups_the_header_has_no_api_key(make_app: MakeApp) -> None:
    app = make_app()

    with pytest.raises(TokenError, match="TOKENAUTH_API_KEY_HEADER must have an API key"):
        app.extensions["tokenauth"].authenticator.find_api_key("ta_x")


# HTTPS


CARRIERS: list[Callable[[str], dict[str, str]]] = [bearer, lambda key: {HEADER: key}]
each_carrier = pytest.mark.parametrize("carry", CARRIERS, ids=["Bearer", "a header of its own"])
AWAY = {"REMOTE_ADDR": "203.0.113.7"}


def serve(make_app: MakeApp, store: MemoryStore, mode: str) -> FlaskClient:
    app = make_app(TOKENAUTH_ENFORCE_HTTPS=mode, **looked_up(store))
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))
    return app.test_client()


@each_carrier
@pytest.mark.parametrize(
    ("mode", "url", "status", "warned"),
    [
        ("off", "http://api.example", 200, False),
        ("warn", "http://api.example", 200, True),
        ("warn", "https://api.example", 200, False),
        ("refuse", "http://api.example", 400, False),
        ("refuse", "https://api.example", 200, False),
    ],
)
def test_https_is_enforced_for_api_keys(
    make_app: MakeApp,
    store: MemoryStore,
    key: str,
    log: Any,
    *,
    carry: Any,
    mode: str,
    url: str,
    status: int,
    warned: Any,
) -> None:
    client = serve(make_app, store, mode)

    answer = client.get("/x", base_url=url, headers=carry(key), environ_base=AWAY)

    assert answer.status_code == status
    assert any("plain HTTP" in message for message in log.messages) is warned
    assert ("refused: transport_insecure" in log.messages) is (status == 400)


@each_carrier
def test_an_api_key_from_this_machine_needs_no_https_to_be_tried(
    make_app: MakeApp, store: MemoryStore, key: str, log: Any, carry: Any
) -> None:
    client = serve(make_app, store, "warn")

    assert client.get("/x", headers=carry(key), environ_base={"REMOTE_ADDR": "127.0.0.1"}).status_code == 200
    assert log.messages == []


def test_a_malformed_header_over_plain_http_is_malformed(
    make_app: MakeApp, store: MemoryStore, mint: Mint, key: str, log: Any
) -> None:
    client = serve(make_app, store, "refuse")

    client.get("/x", headers={HEADER: f"{key},{key}"}, environ_base=AWAY)
    client.get("/x", headers={HEADER: key} | bearer(mint()), environ_base=AWAY)

    assert log.messages == ["refused: api_key_malformed", "refused: credentials_two"]


@each_carrier
def test_an_api_key_over_plain_http_is_not_looked_up(
    make_app: MakeApp, store: MemoryStore, key: str, monkeypatch: pytest.MonkeyPatch, carry: Any
) -> None:
    client = serve(make_app, store, "refuse")
    monkeypatch.setattr(Lookups, "find", lambda *_, **__: pytest.fail("it was looked up"))

    assert client.get("/x", headers=carry(key), environ_base=AWAY).status_code == 400


# Nothing shows the key


@each_carrier
def test_no_log_line_exception_or_repr_shows_an_api_key(app: Flask, key: str, carry: Any) -> None:
    seen: list[str] = []
    app.debug = True
    app.add_url_rule("/plain", "plain", login_required(lambda: "open"))
    app.add_url_rule("/admin", "admin", require_scope("admin")(lambda: "open"))

    @app.after_request
    def look(response: Any) -> Any:
        authentication = app.extensions["tokenauth"].authenticator.authenticate(current_request())
        seen.extend([repr(authentication), repr(authentication.api_key), repr(g.token), str(vars(g))])
        return response

    for path in ("/x", "/plain", "/admin", "/open", "/nowhere"):
        answer = app.test_client().get(path, headers=carry(key))
        seen.extend([answer.text, str(answer.headers)])

    assert len(seen) == 30
    assert [text for text in seen if key in text or find_leak(text)] == []


def test_auth_makes_api_keys_that_requests_accept(make_app: MakeApp, store: MemoryStore, log: Any) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app = make_app(auth=auth, **looked_up(store))
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))
    with app.app_context():
        new = auth.create_api_key("alice", ["reports:read"], name="ci")

    assert outcome(app.test_client(), {HEADER: new.text}, log) == (200, None)
    assert find_leak(f"{new!r} {new}") is None
