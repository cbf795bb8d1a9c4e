"""The answer to each token, through an application: its size, its claims, its key and its user. None is a 500."""

import json
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, login_required
from flask_tokenauth.core.encoding.limits import YEAR_9999
from flask_tokenauth.core.keys.key import Key

from ..conftest import ISSUER, NOW, SECRET, MakeApp, Mint, StandingClock, whoami
from ..wsgi_kit import call
from .answers_kit import INVALID, REALM
from .challenges import Challenge

LEEWAY = 10
EXPIRED = REALM | {"error": "invalid_token", "error_description": "The access token has expired."}


@pytest.mark.parametrize(("spare", "status"), [(1, 200), (0, 200), (-1, 401)])
def test_a_good_token_may_be_as_long_as_the_setting_says(
    make_app: MakeApp, mint: Mint, spare: int, status: int
) -> None:
    token = mint(filler="a" * 800)
    app = make_app(TOKENAUTH_MAX_TOKEN_BYTES=len(token) + spare)
    app.add_url_rule("/me", view_func=login_required(whoami()))

    assert call(app, "/me", f"Bearer {token}").status == status


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": None},
        {"typ": "JWT"},
        {"iss": "https://another.example"},
        {"aud": "https://another.example"},
        {"sub": ...},
        {"sub": ""},
        {"sub": 42},
        {"sub": None},
        {"jti": ...},
        {"scope": ["reports:read"]},
        {"scope": 1},
        {"exp": ...},
        {"exp": "1700000900"},
        {"exp": True},
        {"exp": -1},
        {"exp": YEAR_9999 + 1},
        {"iat": ...},
        {"iat": "x"},
        {"iat": NOW + LEEWAY + 1},
        {"nbf": NOW + LEEWAY + 1},
        {"nbf": []},
        {"exp": NOW + 86401},
        {"cnf": {"jkt": "x"}},
    ],
    ids=str,
)
def test_a_token_that_breaks_a_rule_is_an_invalid_token(app: Flask, mint: Mint, changes: dict[str, Any]) -> None:
    answer = call(app, "/me", f"Bearer {mint(**changes)}")

    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", INVALID)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 400, "1" + "0" * 5000, "0x10", "01"])
def test_no_number_makes_a_500(app: Flask, mint: Mint, number: str) -> None:
    payload = json.dumps(mint.claims(exp=0)).replace('"exp": 0', f'"exp": {number}')

    assert call(app, "/me", f"Bearer {mint.sign(payload.encode())}").status == 401


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b"\xff", b"{", b"[" * 5000, b'{"a":' * 900 + b"1" + b"}" * 900]
)
def test_no_payload_makes_a_500(app: Flask, mint: Mint, payload: bytes) -> None:
    assert call(app, "/me", f"Bearer {mint.sign(payload)}").status == 401


@pytest.mark.parametrize(
    ("claim", "value", "status"),
    [
        ("exp", NOW - LEEWAY + 1, 200),
        ("exp", NOW - LEEWAY, 401),
        ("exp", NOW - LEEWAY - 1, 401),
        ("iat", NOW + LEEWAY - 1, 200),
        ("iat", NOW + LEEWAY, 200),
        ("iat", NOW + LEEWAY + 1, 401),
        ("nbf", NOW + LEEWAY - 1, 200),
        ("nbf", NOW + LEEWAY, 200),
        ("nbf", NOW + LEEWAY + 1, 401),
    ],
)
def test_times_count_to_the_second(app: Flask, mint: Mint, claim: str, value: float, status: int) -> None:
    times: dict[str, Any] = {"iat": NOW - 60, "exp": NOW + 900} | {claim: value}

    assert call(app, "/me", f"Bearer {mint(**times)}").status == status


def test_the_answer_to_an_expired_token_says_so(app: Flask, mint: Mint, clock: StandingClock) -> None:
    token = mint()

    clock.now = NOW + 900 + LEEWAY - 1
    assert call(app, "/me", f"Bearer {token}").status == 200
    clock.now += 1

    answer = call(app, "/me", f"Bearer {token}")
    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", EXPIRED)


def test_the_answer_to_a_forged_expired_token_does_not_say_so(app: Flask, mint: Mint, clock: StandingClock) -> None:
    clock.now = NOW + 9999
    forged = mint()[:-8] + "AAAAAAAA"

    assert call(app, "/me", f"Bearer {forged}").challenge == Challenge("Bearer", INVALID)


def test_a_missing_scope_is_named(app: Flask, mint: Mint) -> None:
    answer = call(app, "/admin", f"Bearer {mint()}")

    assert answer.status == 403
    assert answer.challenge.parameters == REALM | {
        "error": "insufficient_scope",
        "error_description": "The access token lacks a scope that is needed here.",
        "scope": "reports:read admin",
    }
    assert answer.body["error"] == "insufficient_scope"
    assert answer.body["scope"] == "reports:read admin"


def test_apps_with_one_secret_and_two_issuers_refuse_each_others_tokens(make_app: MakeApp, mint: Mint) -> None:
    other = Mint(
        Key.derive(SECRET.encode(), purpose="access", issuer="https://other.example"), issuer="https://other.example"
    )
    app, other_app = make_app(), make_app(TOKENAUTH_ISSUER="https://other.example")
    for one in (app, other_app):
        one.add_url_rule("/", view_func=whoami())

    assert call(app, "/", f"Bearer {mint()}").body["user_id"] == "alice"
    assert call(app, "/", f"Bearer {other()}").body["user_id"] is None
    assert call(other_app, "/", f"Bearer {other()}").body["user_id"] == "alice"
    assert call(other_app, "/", f"Bearer {mint()}").body["user_id"] is None


def test_a_key_for_another_purpose_signs_no_access_token(app: Flask) -> None:
    refresh = Mint(Key.derive(SECRET.encode(), purpose="refresh", issuer=ISSUER))

    assert call(app, "/me", f"Bearer {refresh()}").status == 401


@pytest.mark.parametrize("sub", ["alice", "042", "4_2", "٤٢", " 42"])
def test_a_subject_that_is_no_user_id_is_an_invalid_token(make_app: MakeApp, mint: Mint, sub: str) -> None:
    app = make_app(auth=TokenAuth(user_id_type=int))
    app.add_url_rule("/me", view_func=login_required(whoami()))

    assert call(app, "/me", f"Bearer {mint(sub='42')}").body["user_id"] == 42
    assert call(app, "/me", f"Bearer {mint(sub=sub)}").challenge == Challenge("Bearer", INVALID)


def test_a_mistake_in_the_user_id_type_is_not_hidden(make_app: MakeApp, mint: Mint) -> None:
    def broken(subject: str) -> object:
        raise TypeError("a bug of the application")

    app = make_app(auth=TokenAuth(user_id_type=broken))

    with pytest.raises(TypeError, match="a bug of the application"):
        call(app, "/open", f"Bearer {mint()}")


def test_a_token_signed_with_an_old_secret_is_accepted_while_it_is_a_fallback(make_app: MakeApp, mint: Mint) -> None:
    new = "7b1e5c9d0a2b48f391c05d7be2af4368b7d0c1e5f9a2468d"
    app = make_app(SECRET_KEY=new, SECRET_KEY_FALLBACKS=[SECRET])
    without = make_app(SECRET_KEY=new)
    for one in (app, without):
        one.add_url_rule("/", view_func=whoami())

    assert call(app, "/", f"Bearer {mint()}").body["user_id"] == "alice"
    assert call(without, "/", f"Bearer {mint()}").body["user_id"] is None
