"""``create_token`` and ``token_response``, which login views call."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, g

from flask_tokenauth import SettingsError, TokenAuth, create_token, login_required, token_response
from flask_tokenauth.core.keys.key import Key

from ..conftest import AUDIENCE, ISSUER, NOW, MakeApp, bearer
from ..core.tokens.test_issuing import claims_of


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


def test_create_token_uses_the_settings_of_the_current_app(app: Flask) -> None:
    claims = claims_of(create_token("alice", ["a", "b"]))

    assert (claims["iss"], claims["sub"], claims["aud"], claims["scope"]) == (ISSUER, "alice", AUDIENCE, "a b")
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 900)
    assert "auth_time" not in claims


def test_create_token_takes_options(app: Flask) -> None:
    token = create_token(
        "alice",
        expires_in=timedelta(hours=1),
        audience=["x", "y"],
        client_id="web",
        auth_time=datetime.fromtimestamp(NOW - 60, UTC),
        claims={"team": "blue"},
    )

    claims = claims_of(token)
    assert (claims["exp"], claims["aud"], claims["client_id"]) == (NOW + 3600, ["x", "y"], "web")
    assert (claims["auth_time"], claims["team"]) == (NOW - 60, "blue")


@pytest.mark.parametrize("expires_in", [1, 1.9, 86400, timedelta(seconds=1)])
def test_a_lifetime_may_be_a_second_to_a_day(app: Flask, expires_in: float | timedelta) -> None:
    create_token("alice", expires_in=expires_in)


@pytest.mark.parametrize("expires_in", [0, -1, 0.9, 86401, float("nan"), float("inf"), 1e300, timedelta(days=2)])
def test_a_lifetime_out_of_range_raises_a_value_error(app: Flask, expires_in: float | timedelta) -> None:
    with pytest.raises(ValueError, match=r"expires_in|refused|NaN|duration"):
        create_token("alice", expires_in=expires_in)


@pytest.mark.parametrize("expires_in", ["900", True, [900]])
def test_a_lifetime_of_another_type_raises_a_type_error(app: Flask, expires_in: Any) -> None:
    with pytest.raises(TypeError, match="seconds or a timedelta"):
        create_token("alice", expires_in=expires_in)


@pytest.mark.parametrize(
    ("user_id", "subject"),
    [("alice", "alice"), (42, "42"), (UUID(int=1), "00000000-0000-0000-0000-000000000001"), ("a" * 255, "a" * 255)],
)
def test_a_user_id_may_be_a_string_an_integer_or_a_uuid(app: Flask, user_id: object, subject: str) -> None:
    assert claims_of(create_token(user_id))["sub"] == subject


@pytest.mark.parametrize("user_id", [None, True, False, 1.5, object(), ["alice"], b"alice"])
def test_a_user_id_of_another_type_raises(app: Flask, user_id: object) -> None:
    with pytest.raises(TypeError, match="user_id must be a str, int, UUID"):
        create_token(user_id)


class Handle:
    """A user ID type of the application."""

    def __init__(self, text: str) -> None:
        self.text = text.lower()

    def __str__(self) -> str:
        return self.text


@pytest.mark.parametrize(
    ("user_id_type", "user_id", "seen"),
    [
        (int, 42, 42),
        (int, "42", 42),
        (UUID, UUID(int=1), UUID(int=1)),
        (lambda text: text.removeprefix("x"), "alice", "alice"),
        (str, "alice", "alice"),
    ],
)
def test_the_view_gets_the_user_id_in_the_declared_type(
    make_app: MakeApp, user_id_type: Any, user_id: object, seen: object
) -> None:
    app = make_app(auth=TokenAuth(user_id_type=user_id_type))
    found: list[object] = []

    @app.get("/me")
    @login_required
    def me() -> str:
        found.append(g.user_id)
        return ""

    with app.app_context():
        token = create_token(user_id)

    assert app.test_client().get("/me", headers=bearer(token)).status_code == 200
    assert found == [seen]
    assert type(found[0]) is type(seen)


def test_a_user_id_may_have_the_declared_type(make_app: MakeApp) -> None:
    app = make_app(auth=TokenAuth(user_id_type=Handle))

    with app.app_context():
        assert claims_of(create_token(Handle("Alice")))["sub"] == "alice"
        with pytest.raises(ValueError, match="does not survive"):
            create_token("Alice")


@pytest.mark.parametrize(
    ("user_id", "got"), [("", "0 characters"), ("a" * 256, "256 characters"), ("a\n", "2 characters")]
)
def test_a_user_id_that_tokens_cannot_have_raises(app: Flask, user_id: str, got: str) -> None:
    rule = f"^user_id must be a string of 1 to 255 characters without control characters, got {got}$"

    with app.app_context(), pytest.raises(ValueError, match=rule):
        create_token(user_id)


@pytest.mark.parametrize("user_id", ["alice", "4_2", " 42", "042", "+42", "٤٢", ""])
def test_a_user_id_that_the_declared_type_changes_raises(make_app: MakeApp, user_id: str) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int))

    with app.app_context(), pytest.raises(ValueError, match="does not survive"):
        create_token(user_id)


def test_token_response_carries_the_token_and_is_not_cached(app: Flask) -> None:
    """RFC 6749 section 5.1."""
    response = token_response("alice", ["b", "a"])

    body = response.get_json()
    claims = claims_of(body.pop("access_token"))
    assert body == {"token_type": "Bearer", "expires_in": 900, "scope": "b a"}
    assert response.headers["Cache-Control"] == "no-store"
    assert claims["auth_time"] == NOW  # the time of the sign-in


def test_token_response_takes_the_options_of_create_token(app: Flask) -> None:
    when = datetime.fromtimestamp(NOW - 60, UTC)

    response = token_response(
        42, iter("a"), expires_in=60, auth_time=when, audience="x", client_id="web", claims={"team": "blue"}
    )

    body = response.get_json()
    claims = claims_of(body["access_token"])
    assert (body["expires_in"], body["scope"]) == (60, "a")
    assert (claims["sub"], claims["auth_time"], claims["aud"], claims["team"]) == ("42", NOW - 60, "x", "blue")


def test_token_response_without_scopes_has_an_empty_scope(app: Flask) -> None:
    assert token_response("alice").get_json()["scope"] == ""


def test_scopes_in_one_string_raise(app: Flask) -> None:
    with pytest.raises(TypeError, match="collection of strings"):
        create_token("alice", "reports:read")
    with pytest.raises(TypeError, match="collection of strings"):
        token_response("alice", "reports:read")


def test_create_token_with_only_public_keys_raises(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_KEYS=[Key.generate("EdDSA").public()])

    with app.app_context(), pytest.raises(SettingsError, match="can only verify"):
        create_token("alice")


class Person(str, Enum):  # noqa: UP042  # str() of the old style is "Person.ALICE"
    """A string whose str() is another string."""

    ALICE = "alice"


@pytest.mark.parametrize(("user_id_type", "name"), [(UUID, "UUID"), (partial(int, base=16), "partial")])
def test_the_error_for_a_user_id_names_the_declared_type(make_app: MakeApp, user_id_type: Any, name: str) -> None:
    app = make_app(auth=TokenAuth(user_id_type=user_id_type))

    with app.app_context(), pytest.raises(ValueError, match=f"user_id_type, which is {name}: pass"):
        create_token("nobody")


def test_a_user_id_whose_str_differs_raises(app: Flask) -> None:
    with pytest.raises(ValueError, match="does not survive"):
        create_token(Person.ALICE)


def test_user_id_type_may_raise_an_arithmetic_error(make_app: MakeApp) -> None:
    app = make_app(auth=TokenAuth(user_id_type=Decimal))

    with app.app_context(), pytest.raises(ValueError, match="does not survive"):
        create_token("alice")


def test_scopes_from_a_set_are_sorted(app: Flask) -> None:
    assert token_response("alice", set("gfedcba")).get_json()["scope"] == "a b c d e f g"


@pytest.mark.parametrize("scopes", [None, 1])
def test_scopes_that_are_no_collection_are_refused_with_advice(app: Flask, scopes: Any) -> None:
    message = f"scopes must be a collection of strings, got {type(scopes).__name__}: use \\[\\] for no scopes"
    for call in (create_token, token_response):
        with app.app_context(), pytest.raises(TypeError, match=message):
            call("alice", scopes)
