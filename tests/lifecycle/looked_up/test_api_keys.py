"""API keys: make one, use it, list those of a user, end one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import (
    ApiKey,
    NewApiKey,
    SettingsError,
    StoreUnavailable,
    TokenAuth,
    TokenError,
    login_optional,
    login_required,
    require_scope,
)
from flask_tokenauth.core.opaque.checksummed_text import is_well_formed
from flask_tokenauth.lifecycle.api_keys import TooManyApiKeys
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import AUDIENCE, ISSUER, NOW, MakeApp, bearer
from ..kit import SignalLog, record_calls, sign_in, store_of, unavailable
from .conftest import MakeWorker
from .kit import AUTH, Wait, get, list_keys, make_key, revoke_key, revoke_user, status

SCOPES = {"reports:read": "", "reports:write": {"implies": ["reports:read"]}, "projects:{id}:read": ""}


def test_a_new_api_key_has_its_text_and_its_facts(app: Flask) -> None:
    key = make_key(app, scopes=["b", "a"], name="My laptop", expires_in=timedelta(days=90))

    assert isinstance(key, NewApiKey)
    assert key.text.startswith("ta_")
    assert is_well_formed(key.text, "ta_")
    assert (key.user_id, key.name, key.hint, key.scopes) == ("alice", "My laptop", f"ta_…{key.text[-4:]}", ("b", "a"))
    assert key.created_at == datetime.fromtimestamp(NOW, UTC)
    assert key.expires_at == key.created_at + timedelta(days=90)
    assert key.last_used_at is None


def test_the_text_of_a_new_key_is_not_in_its_representation(app: Flask) -> None:
    key = make_key(app)

    assert key.text not in f"{key!r} {key}"
    assert repr(key) == f"NewApiKey(id={key.id!r}, user_id='alice', name='laptop')"


def test_the_list_has_the_keys_of_the_user_the_newest_first_without_their_texts(app: Flask, wait: Wait) -> None:
    first = make_key(app, name="first")
    wait(1)
    second = make_key(app, name="second", scopes=())
    make_key(app, "bob")

    listed = list_keys(app)

    assert [(key.id, key.name, key.hint, key.scopes) for key in listed] == [
        (second.id, "second", second.hint, ()),
        (first.id, "first", first.hint, ("reports:read",)),
    ]
    assert all(type(key) is ApiKey for key in listed)
    assert not any(key.text in repr(listed) for key in (first, second))


def test_a_user_without_keys_has_an_empty_list(app: Flask) -> None:
    assert list_keys(app, "nobody") == []


def test_an_api_key_opens_a_route_that_requires_its_scope(app: Flask) -> None:
    key = make_key(app)

    assert get(app, "/reports", key.text).get_json() == {"user_id": "alice", "scopes": ["reports:read"], "token": None}


def test_a_view_sees_the_facts_of_an_api_key(app: Flask) -> None:
    key = make_key(app, expires_in=60)

    assert get(app, "/token", key.text).get_json() == {
        "kind": "api_key",
        "user_id": "alice",
        "scopes": ["reports:read"],
        "claims": {
            "iss": ISSUER,
            "sub": "alice",
            "aud": AUDIENCE,
            "iat": NOW,
            "exp": NOW + 60,
            "scope": "reports:read",
        },
    }


def test_a_revoked_key_is_refused_at_once(app: Flask) -> None:
    key, other = make_key(app), make_key(app)
    assert status(app, key.text) == 200

    assert revoke_key(app, key.id) is True

    assert [status(app, key.text), status(app, other.text)] == [401, 200]
    assert [listed.id for listed in list_keys(app)] == [other.id]


@pytest.mark.parametrize("key_id", ["x", "", "é", "x" * 1000, "a\n"])
def test_revoking_an_unknown_key_is_false(app: Flask, signal_log: SignalLog, key_id: str) -> None:
    make_key(app)
    signal_log.sessions.clear()

    assert revoke_key(app, key_id) is False

    assert len(list_keys(app)) == 1
    assert signal_log.sessions == []


def test_revoking_a_key_twice_is_false_the_second_time(app: Flask, signal_log: SignalLog) -> None:
    key = make_key(app)

    assert [revoke_key(app, key.id), revoke_key(app, key.id)] == [True, False]

    assert [name for name, _ in signal_log.sessions] == ["tokenauth-api-key-created", "tokenauth-api-key-revoked"]


@pytest.mark.parametrize("key_id", [None, 5, b"x"])
def test_a_key_id_must_be_a_string(app: Flask, key_id: Any) -> None:
    with pytest.raises(TypeError, match="key_id must be a string"):
        revoke_key(app, key_id)


@pytest.mark.parametrize(("passed", "answer"), [(59.999, 200), (60, 401), (61, 401)])
@pytest.mark.parametrize("remembered", [True, False])
def test_a_key_expires_at_its_second(app: Flask, wait: Wait, passed: float, answer: int, *, remembered: bool) -> None:
    key = make_key(app, expires_in=60)
    wait(30)
    if remembered:
        assert status(app, key.text) == 200
    wait(passed - 30)

    assert status(app, key.text) == answer


def test_signals_name_the_key_and_its_user(app: Flask, signal_log: SignalLog) -> None:
    key = make_key(app, name="<b>My laptop</b>")
    revoke_key(app, key.id)

    facts = {"key_id": key.id, "user_id": "alice", "name": "<b>My laptop</b>"}
    assert signal_log.sessions == [("tokenauth-api-key-created", facts), ("tokenauth-api-key-revoked", facts)]


# Arguments


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "a\x7f", "\ud800", None, 5])
def test_a_name_must_be_clean(app: Flask, name: Any) -> None:
    with pytest.raises(ValueError, match="name must be a string of 1 to 255 characters without control characters"):
        make_key(app, name=name)

    assert list_keys(app) == []


@pytest.mark.parametrize("name", ["x", "x" * 255, "<script>", "Ключ 🔑", " "])
def test_a_name_may_have_each_other_character(app: Flask, name: str) -> None:
    make_key(app, name=name)

    assert [key.name for key in list_keys(app)] == [name]


@pytest.mark.parametrize(
    ("expires_in", "error"),
    [(0, ValueError), (-1, ValueError), (36525 * 86400 + 1, ValueError), (1e30, ValueError), ("90d", TypeError)],
)
def test_a_lifetime_must_be_in_range(app: Flask, expires_in: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        make_key(app, expires_in=expires_in)

    assert list_keys(app) == []


@pytest.mark.parametrize("expires_in", [1, 36525 * 86400, timedelta(seconds=1.5)])
def test_a_lifetime_may_be_long(app: Flask, expires_in: Any) -> None:
    assert make_key(app, expires_in=expires_in).expires_at is not None


@pytest.mark.parametrize(
    ("scopes", "error"), [("reports:read", TypeError), (5, TypeError), (["a b"], ValueError), ([5], TypeError)]
)
def test_scopes_must_be_scopes(app: Flask, scopes: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        make_key(app, scopes=scopes)

    assert list_keys(app) == []


@pytest.mark.parametrize("scope", ["reports:delete", "projects:{id}:read"])
def test_undeclared_scopes_are_refused(make_worker: MakeWorker, scope: str) -> None:
    app = make_worker(TOKENAUTH_SCOPES=SCOPES)

    with pytest.raises(ValueError, match="scope"):
        make_key(app, scopes=[scope])

    make_key(app, scopes=["reports:read", "projects:7:read"])
    assert len(list_keys(app)) == 1


@pytest.mark.parametrize("user_id", ["", "x" * 256, "a\n"])
def test_a_user_id_must_be_one(app: Flask, user_id: str) -> None:
    with pytest.raises(ValueError, match="user_id"):
        make_key(app, user_id)
    with pytest.raises(ValueError, match="user_id"):
        list_keys(app, user_id)


def test_user_ids_of_another_type_are_converted(make_worker: MakeWorker) -> None:
    auth = TokenAuth(user_id_type=int)
    app = make_worker(auth=auth)
    with app.app_context():
        key = auth.create_api_key(42, ["reports:read"], name="laptop")
        assert [listed.id for listed in auth.list_api_keys(42)] == [key.id]

    assert get(app, "/reports", key.text).get_json()["user_id"] == 42


# Limits


def test_a_user_may_have_100_live_keys(app: Flask) -> None:
    keys = [make_key(app, name=str(number)) for number in range(100)]

    with pytest.raises(TooManyApiKeys, match="at most 100 live API keys"):
        make_key(app)

    make_key(app, "bob")
    revoke_key(app, keys[0].id)
    make_key(app)
    assert len(list_keys(app)) == 100


def test_the_limit_is_a_value_error_without_a_signal(app: Flask, signal_log: SignalLog) -> None:
    for number in range(100):
        make_key(app, name=str(number))
    signal_log.sessions.clear()

    with pytest.raises(ValueError, match="revoke one"):
        make_key(app)

    assert signal_log.sessions == []


def test_expired_keys_do_not_count(app: Flask, wait: Wait) -> None:
    for number in range(100):
        make_key(app, name=str(number), expires_in=60)
    wait(60)

    make_key(app)

    assert len(list_keys(app)) == 1


# Prefixes


def test_a_changed_prefix_strands_no_key(make_worker: MakeWorker) -> None:
    before = make_worker()
    old = make_key(before)
    after = make_worker(TOKENAUTH_API_KEY_PREFIX=["acme_", "ta_"])

    new = make_key(after)

    assert new.text.startswith("acme_")
    assert [status(after, key.text) for key in (old, new)] == [200, 200]
    assert status(before, new.text) == 401


# Without API keys, and without a store that answers


@pytest.mark.parametrize("config", [{}, {"TOKENAUTH_STORE": "memory://"}], ids=str)
def test_without_the_setting_each_method_says_what_is_missing(make_app: MakeApp, config: dict[str, Any]) -> None:
    app = make_app(**config)

    for call in (make_key, list_keys, lambda app: revoke_key(app, "x")):
        with pytest.raises(SettingsError, match="TOKENAUTH_API_KEYS = True"):
            call(app)


def test_without_the_setting_a_key_is_no_token(make_worker: MakeWorker) -> None:
    key = make_key(make_worker())
    without = make_worker(TOKENAUTH_API_KEYS=False)

    with record_calls(store_of(without)) as called:
        assert status(without, key.text) == 401

    assert called == []


METHODS = {
    "create": ("add_api_key", make_key),
    "list": ("list_api_keys", list_keys),
    "revoke": ("revoke_api_key", lambda app: revoke_key(app, "x")),
}


@pytest.mark.parametrize(("method", "call"), METHODS.values(), ids=METHODS)
def test_an_outage_reaches_the_caller(app: Flask, signal_log: SignalLog, method: str, call: Any) -> None:
    with unavailable(store_of(app), method), pytest.raises(StoreUnavailable):
        call(app)

    assert signal_log.sessions == []


@pytest.mark.parametrize(("method", "call"), METHODS.values(), ids=METHODS)
def test_an_outage_within_a_request_is_503(app: Flask, method: str, call: Any) -> None:
    app.add_url_rule("/work", view_func=lambda: call(app) and "done", endpoint="work")

    with unavailable(store_of(app), method):
        assert app.test_client().get("/work").status_code == 503


# Users


def test_a_deleted_user_is_refused_where_the_user_is_loaded(make_worker: MakeWorker) -> None:
    users = {"alice"}
    auth: TokenAuth[str] = TokenAuth()
    auth.user_loader(lambda user_id: user_id if user_id in users else None)
    app = make_worker(auth=auth)
    app.add_url_rule("/user", view_func=login_required(load_user=True, api_keys=True)(lambda: "hello"), endpoint="user")
    key = make_key(app)
    assert status(app, key.text, "/user") == 200

    users.clear()

    assert get(app, "/user", key.text).get_json()["error"] == "invalid_token"
    assert status(app, key.text) == 200
    revoke_user(app, api_keys=True)
    assert status(app, key.text) == 401


def test_another_application_of_the_store_does_not_accept_the_key(make_worker: MakeWorker) -> None:
    """A key is for the audience of the application that made it."""
    key = make_key(make_worker())

    assert status(make_worker(TOKENAUTH_AUDIENCE="https://other.example"), key.text) == 401


def test_auth_verify_accepts_an_api_key_only_if_it_is_named(app: Flask) -> None:
    key = make_key(app)

    with app.app_context():
        with pytest.raises(TokenError) as caught:
            AUTH.verify(key.text)
        token = AUTH.verify(key.text, accept=("api_key",))

    assert caught.value.reason == "kind_not_accepted"
    assert (token.subject, token.kind, token.api_key_id) == ("alice", "api_key", key.id)


def test_auth_verify_takes_another_audience(app: Flask, make_worker: MakeWorker) -> None:
    key = make_key(make_worker(TOKENAUTH_AUDIENCE="https://other.example"))

    with app.app_context():
        with pytest.raises(TokenError) as caught:
            AUTH.verify(key.text, accept=("api_key",))
        token = AUTH.verify(key.text, audience="https://other.example", accept=("api_key",))

    assert caught.value.reason == "audience_wrong"
    assert token.audience == {"https://other.example"}


# The key of the current request


def test_revoke_token_ends_the_key_of_the_request(app: Flask, signal_log: SignalLog) -> None:
    key, other = make_key(app), make_key(app)
    signal_log.sessions.clear()
    app.add_url_rule("/end", view_func=require_scope("reports:read")(make_ending_view()), methods=["POST"])

    answer = app.test_client().post("/end", headers=bearer(key.text))

    assert answer.status_code == 200
    assert [status(app, text) for text in (key.text, other.text)] == [401, 200]
    facts = {"key_id": key.id, "user_id": "alice", "name": "laptop"}
    assert signal_log.sessions == [("tokenauth-api-key-revoked", facts)]


def make_ending_view() -> Callable[[], str]:
    def end() -> str:
        AUTH.revoke_token()
        return "done"

    return end


GUARDS = {"none": lambda view: view, "login": login_required, "optional": login_optional}


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_a_view_that_does_not_accept_keys_ends_none(app: Flask, guard: Any) -> None:
    app.add_url_rule("/end", view_func=guard(make_ending_view()), methods=["POST"])
    key = make_key(app)

    assert app.test_client().post("/end", headers=bearer(key.text)).status_code == 403

    assert status(app, key.text) == 200


def test_a_token_revocation_with_the_id_of_a_key_ends_the_key(app: Flask, wait: Wait) -> None:
    key = make_key(app)
    assert status(app, key.text) == 200

    with app.app_context():
        AUTH.revoke_token(key.id)

    assert status(app, key.text) == 401
    wait(3600 * 48)
    assert status(app, key.text) == 401


def test_revoke_session_of_a_request_with_a_key_is_401(make_worker: MakeWorker) -> None:
    """An API key belongs to no session."""
    app = make_worker()
    app.add_url_rule("/end", view_func=require_scope("reports:read")(lambda: {"done": AUTH.revoke_session()}))
    login = sign_in(app)

    answer = get(app, "/end", make_key(app).text)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_token")
    assert status(app, login["access_token"], "/me") == 200


def test_the_store_has_the_digest_and_not_the_text(app: Flask, store: MemoryStore) -> None:
    key = make_key(app)

    kept = repr(store._api_keys.rows)
    assert key.id in kept
    assert key.text[3:] not in kept
