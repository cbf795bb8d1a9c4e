"""The helpers for tests of applications: real tokens of the application, and a clock that moves."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, g, request
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from flask_tokenauth import SettingsError, Token, login_required
from flask_tokenauth.testing import at, logged_in, token_headers

from ..conftest import ISSUER, NOW, MakeApp, bearer, whoami

MINUTE = timedelta(minutes=1)
LIFETIME = timedelta(minutes=15)  # of tokens, by default
LEEWAY = timedelta(seconds=10)
SECOND = timedelta(seconds=1)
PRESENT = datetime.fromtimestamp(NOW, UTC)


def now_of(app: Flask) -> float:
    now: float = app.extensions["tokenauth"].clock()
    return now


def token_of(app: Flask, headers: dict[str, str]) -> Token:
    text = headers["Authorization"].removeprefix("Bearer ")
    token: Token = app.extensions["tokenauth"].authenticator.verify(text, None, ("jwt",))[0]
    return token


@pytest.fixture
def recent(app: Flask) -> str:
    """The path of a view that needs a sign-in within the last five minutes."""
    app.add_url_rule("/recent", view_func=login_required(max_age=300)(whoami()), endpoint="recent")
    return "/recent"


def test_a_header_has_a_real_token_of_the_application(app: Flask) -> None:
    answer = app.test_client().get("/reports", headers=token_headers(app, "alice", ["reports:read"]))

    assert answer.status_code == 200
    assert answer.get_json()["user_id"] == "alice"
    assert answer.get_json()["scopes"] == ["reports:read"]


def test_a_token_without_the_scope_is_refused_in_tests_too(app: Flask) -> None:
    assert app.test_client().get("/reports", headers=token_headers(app, "alice")).status_code == 403


def test_a_token_of_another_application_is_refused_in_tests_too(app: Flask, make_app: MakeApp) -> None:
    other = make_app(TOKENAUTH_ISSUER="https://other.example")

    assert app.test_client().get("/me", headers=token_headers(other, "alice")).status_code == 401


def test_other_keywords_are_claims(app: Flask) -> None:
    headers = token_headers(app, "alice", team="red", claims={"expires_in": "a claim", "https://example.com/x": 1})

    claims = token_of(app, headers).claims
    assert (claims["team"], claims["expires_in"], claims["https://example.com/x"]) == ("red", "a claim", 1)


def test_keywords_of_create_token_stay_what_they_are(app: Flask) -> None:
    signed_in = PRESENT - 9 * MINUTE

    headers = token_headers(
        app, "alice", expires_in=60, audience=["https://api.example", "b"], client_id="cli", auth_time=signed_in
    )

    token = token_of(app, headers)
    assert token.expires_at == PRESENT + MINUTE
    assert token.auth_time == signed_in
    assert token.claims["aud"] == ("b", "https://api.example")
    assert token.claims["client_id"] == "cli"


def test_the_user_signed_in_just_now(app: Flask, recent: str) -> None:
    headers = token_headers(app, "alice")

    assert token_of(app, headers).auth_time == PRESENT
    assert token_of(app, headers).claims["client_id"] == ISSUER
    assert app.test_client().get(recent, headers=headers).status_code == 200


def test_a_token_may_not_say_when_the_user_signed_in(app: Flask, recent: str) -> None:
    headers = token_headers(app, "alice", auth_time=None)

    assert token_of(app, headers).auth_time is None
    assert app.test_client().get(recent, headers=headers).status_code == 401


@pytest.mark.parametrize("make", [token_headers, logged_in])
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"sub": "bob"}, ValueError),
        ({"scope": "admin"}, ValueError),
        ({"expires_in": 0}, ValueError),
        ({"scopes": "reports:read"}, TypeError),
        ({"user_id": None}, TypeError),
    ],
)
def test_what_no_token_can_say_is_an_error_at_once(
    app: Flask, make: Callable[..., Any], options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        make(app, **({"user_id": "alice"} | options))


@pytest.mark.parametrize("make", [token_headers, logged_in])
def test_an_application_without_token_auth_has_no_tokens(make: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match="TokenAuth"):
        make(Flask("bare"), "alice")


def test_a_client_is_logged_in_at_every_request(app: Flask) -> None:
    client = logged_in(app, "alice", ["reports:read"])

    assert client.get("/me").get_json()["user_id"] == "alice"
    assert client.get("/reports").status_code == 200
    assert client.get("/admin").status_code == 403


@pytest.mark.parametrize(
    "how",
    [
        lambda client: client.get("/me"),
        lambda client: client.open("/me", headers={"X-Other": "1"}),
        lambda client: client.open(EnvironBuilder("/me")),
        lambda client: client.open(EnvironBuilder("/me").get_environ()),
        lambda client: client.open(EnvironBuilder("/me").get_request()),
    ],
    ids=["path", "headers", "builder", "environ", "request"],
)
def test_however_a_request_is_made_it_carries_the_token(app: Flask, how: Callable[[FlaskClient], Any]) -> None:
    assert how(logged_in(app, "alice")).get_json()["user_id"] == "alice"


@pytest.mark.parametrize(
    "how",
    [
        lambda client, headers: client.get("/me", headers=headers),
        lambda client, headers: client.open(EnvironBuilder("/me", headers=headers)),
        lambda client, headers: client.open(EnvironBuilder("/me", headers=headers).get_environ()),
        lambda client, headers: client.open(EnvironBuilder("/me", headers=headers).get_request()),
    ],
    ids=["path", "builder", "environ", "request"],
)
def test_a_request_may_have_an_authorization_of_its_own(app: Flask, how: Callable[..., Any]) -> None:
    client = logged_in(app, "alice")

    assert how(client, token_headers(app, "bob")).get_json()["user_id"] == "bob"
    assert how(client, bearer("forged")).status_code == 401
    assert client.get("/me").get_json()["user_id"] == "alice"


def test_a_request_with_a_password_is_not_logged_in(app: Flask) -> None:
    assert logged_in(app, "alice").get("/me", auth=("bob", "builder")).status_code == 401


def test_redirects_are_followed_logged_in(app: Flask) -> None:
    app.add_url_rule("/away", view_func=lambda: ("", 302, {"Location": "/me"}), endpoint="away")

    assert logged_in(app, "alice").get("/away", follow_redirects=True).get_json()["user_id"] == "alice"


def test_a_client_in_a_with_block_keeps_the_context(app: Flask) -> None:
    with logged_in(app, "alice") as client:
        client.get("/me")

        assert (g.user_id, request.path) == ("alice", "/me")


def test_clients_of_several_users_do_not_mix(app: Flask) -> None:
    alice, bob = logged_in(app, "alice"), logged_in(app, "bob")

    seen = [client.get("/me").get_json()["user_id"] for client in (alice, bob, alice)]

    assert seen == ["alice", "bob", "alice"]
    assert app.test_client().get("/me").status_code == 401


def test_a_client_is_one_of_the_application_s_own_class(app: Flask) -> None:
    class Client(FlaskClient):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.first = self.get("/me")

        def open(self, *args: Any, **kwargs: Any) -> Any:
            return super().open(*args, **kwargs).status

    app.test_client_class = Client

    client = logged_in(app, "alice")

    assert isinstance(client, Client)
    statuses: list[Any] = [client.first, client.get("/me")]
    assert statuses == ["200 OK", "200 OK"]


def test_a_client_keeps_cookies(app: Flask) -> None:
    app.add_url_rule("/set", view_func=lambda: ("", 200, {"Set-Cookie": "a=1; Path=/"}), endpoint="set")
    client = logged_in(app, "alice")

    client.get("/set")

    assert client.get_cookie("a") is not None


def test_scopes_may_come_from_a_generator(app: Flask) -> None:
    client = logged_in(app, "alice", (scope for scope in ["reports:read"]))

    with at(app, timedelta(hours=1)):
        assert client.get("/reports").status_code == 200


@pytest.mark.parametrize(
    ("later", "is_same"),
    [(timedelta(0), True), (LIFETIME - SECOND, True), (LIFETIME, False), (LIFETIME + SECOND, False)],
)
def test_a_client_gets_a_new_token_from_the_second_its_old_one_expires(
    app: Flask, later: timedelta, *, is_same: bool
) -> None:
    client = logged_in(app, "alice")
    first = client.get("/me").get_json()["token"]

    with at(app, later):
        assert (client.get("/me").get_json()["token"] == first) is is_same


@pytest.mark.parametrize(
    ("later", "is_same"), [(59, True), (timedelta(seconds=59.9), True), (60, False), (timedelta(seconds=60.5), False)]
)
def test_a_client_knows_the_lifetime_that_it_asked_for(app: Flask, later: timedelta | float, *, is_same: bool) -> None:
    client = logged_in(app, "alice", expires_in=60.5)  # cut to whole seconds
    first = client.get("/me").get_json()["token"]

    with at(app, later):
        assert (client.get("/me").get_json()["token"] == first) is is_same


def test_a_client_s_user_does_not_sign_in_again(app: Flask, recent: str) -> None:
    client = logged_in(app, "alice")

    with at(app, timedelta(minutes=5)):
        assert client.get(recent).status_code == 200
    with at(app, timedelta(minutes=5, seconds=1)):
        assert client.get(recent).status_code == 401
    with at(app, timedelta(hours=1)):
        assert client.get(recent).status_code == 401
        assert client.get("/me").status_code == 200


@pytest.mark.parametrize("past", [-SECOND, -LEEWAY - SECOND, timedelta(minutes=-10), timedelta(days=-9)])
def test_a_client_is_logged_in_before_it_was_made_and_after_that_again(
    app: Flask, recent: str, past: timedelta
) -> None:
    client = logged_in(app, "alice")
    first = client.get(recent).get_json()["token"]

    with at(app, past):
        assert client.get(recent).status_code == 200

    assert client.get(recent).get_json()["token"] == first


def test_a_client_made_in_the_future_is_logged_in_now(app: Flask, recent: str) -> None:
    with at(app, timedelta(days=1)):
        client = logged_in(app, "alice")

    assert client.get(recent).status_code == 200


def test_a_client_may_have_signed_in_long_ago(app: Flask, recent: str) -> None:
    client = logged_in(app, "alice", auth_time=PRESENT - timedelta(hours=1))

    assert client.get(recent).status_code == 401


def test_a_client_back_from_the_future_has_a_token_of_now(app: Flask) -> None:
    client = logged_in(app, "alice")
    with at(app, timedelta(days=1)):
        client.get("/me")

    assert client.get("/me").status_code == 200


@pytest.mark.parametrize(
    ("later", "status"),
    [(LIFETIME + LEEWAY - SECOND, 200), (LIFETIME + LEEWAY, 401), (LIFETIME + LEEWAY + SECOND, 401)],
)
def test_a_token_is_refused_from_the_second_it_expires(app: Flask, later: timedelta, status: int) -> None:
    headers = token_headers(app, "alice")

    with at(app, later):
        assert app.test_client().get("/me", headers=headers).status_code == status


@pytest.mark.parametrize(
    "time",
    [
        PRESENT + MINUTE,
        (PRESENT + MINUTE).astimezone(datetime.fromisoformat("2000-01-01T00:00+05:30").tzinfo),
        MINUTE,
        60,
        60.0,
    ],
    ids=["datetime", "other time zone", "timedelta", "int", "float"],
)
def test_a_time_is_a_datetime_or_counts_from_the_present(app: Flask, time: datetime | timedelta | float) -> None:
    with at(app, time) as now:
        assert now_of(app) == NOW + 60
        assert now == PRESENT + MINUTE
        assert now.tzinfo is UTC


def test_afterwards_the_clock_is_what_it_was(app: Flask) -> None:
    clock = app.extensions["tokenauth"].clock

    with at(app, MINUTE):
        assert app.extensions["tokenauth"].clock is not clock

    assert app.extensions["tokenauth"].clock is clock


def test_after_an_exception_the_clock_is_what_it_was(app: Flask) -> None:
    clock = app.extensions["tokenauth"].clock

    with pytest.raises(LookupError), at(app, MINUTE):
        raise LookupError

    assert app.extensions["tokenauth"].clock is clock


def test_within_a_block_another_counts_from_its_time(app: Flask) -> None:
    with at(app, MINUTE):
        with at(app, MINUTE):
            assert now_of(app) == NOW + 120
        assert now_of(app) == NOW + 60
        with at(app, PRESENT):
            assert now_of(app) == NOW
        assert now_of(app) == NOW + 60
    assert now_of(app) == NOW


def test_within_a_block_the_clock_stands_still(app: Flask, clock: Any) -> None:
    with at(app, MINUTE):
        clock.now += 1000

        assert now_of(app) == NOW + 60


def test_without_an_application_the_current_one_is_meant(app: Flask) -> None:
    with app.app_context(), at(MINUTE):
        assert now_of(app) == NOW + 60
    with app.test_request_context(), at(MINUTE):
        assert now_of(app) == NOW + 60


def test_without_an_application_there_must_be_a_current_one() -> None:
    with pytest.raises(RuntimeError, match="application context"), at(MINUTE):
        pass  # pragma: no cover


def test_the_clocks_of_two_applications_are_two(app: Flask, make_app: MakeApp) -> None:
    other = make_app("other")
    headers, others = token_headers(app, "alice"), token_headers(other, "alice")

    with at(app, timedelta(hours=1)):
        assert now_of(other) == NOW
        assert token_of(other, others).subject == "alice"
        assert app.test_client().get("/me", headers=headers).status_code == 401
        with at(other, MINUTE):
            assert (now_of(app), now_of(other)) == (NOW + 3600, NOW + 60)

    assert (now_of(app), now_of(other)) == (NOW, NOW)


@pytest.mark.parametrize(
    ("time", "error"),
    [
        (datetime(2030, 1, 1), ValueError),
        (float("nan"), ValueError),
        (1e300, ValueError),
        (timedelta.max, OverflowError),
        (True, TypeError),
        (None, TypeError),
        ("2030-01-01", TypeError),
    ],
)
def test_what_is_no_time_moves_no_clock(app: Flask, time: Any, error: type[Exception]) -> None:
    with pytest.raises(error), at(app, time):
        pass  # pragma: no cover

    assert now_of(app) == NOW


def test_an_application_without_token_auth_has_no_clock() -> None:
    with pytest.raises(SettingsError, match="TokenAuth"), at(Flask("bare"), MINUTE):
        pass  # pragma: no cover


@pytest.mark.slow
@pytest.mark.parametrize("module", ["flask_tokenauth", "flask_tokenauth.testing"])
def test_importing_imports_no_pytest(module: str) -> None:
    program = f"import sys; sys.modules['pytest'] = None; import {module}; print('_pytest' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"


@pytest.mark.slow
def test_importing_the_package_imports_no_helpers() -> None:
    program = "import sys, flask_tokenauth; print('flask_tokenauth.testing' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"


def test_a_client_in_the_place_of_the_application_is_refused(client: FlaskClient) -> None:
    with pytest.raises(TypeError, match="app must be the Flask application, got FlaskClient"):
        token_headers(client, "alice")  # type: ignore[arg-type]  # the mistake under test
