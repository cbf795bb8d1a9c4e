"""The answer to each ``Authorization`` header, through an application. None is a 500."""

from typing import Any

import pytest
from flask import Flask, Response

from flask_tokenauth import login_optional, login_required

from ..conftest import NOW, MakeApp, Mint, whoami
from ..wsgi_kit import call
from .answers_kit import INVALID, REALM
from .challenges import Challenge

BAD_REQUEST = REALM | {
    "error": "invalid_request",
    "error_description": "The Authorization header is malformed: send it once, as Authorization: Bearer <token>, "
    "without quotes.",
}


def test_a_good_token_says_who_is_calling(app: Flask, mint: Mint) -> None:
    answer = call(app, "/me", f"Bearer {mint()}")

    assert answer.status == 200
    assert answer.body == {"user_id": "alice", "scopes": ["reports:read"], "token": "t1"}


def test_without_a_token_everybody_is_anonymous(app: Flask) -> None:
    assert call(app, "/open").body == {"user_id": None, "scopes": [], "token": None}


@pytest.mark.parametrize("authorization", [None, ""])
def test_no_credential_on_a_guarded_route_is_a_bare_challenge(app: Flask, authorization: str | None) -> None:
    answer = call(app, "/me", authorization)

    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", REALM)
    assert answer.body == {"error": "unauthorized", "error_description": "Authentication is required."}


@pytest.mark.parametrize(
    ("authorization", "description"),
    [
        ("Basic YTpi", "The Authorization header has another scheme: send Authorization: Bearer <token>."),
        ("Basic YTpi,Bearer abc", "The Authorization header has another scheme: send Authorization: Bearer <token>."),
        ("Token a.b.c", "The Authorization header has another scheme: send Authorization: Bearer <token>."),
        ("Negotiate", "The Authorization header has no scheme: send Authorization: Bearer <token>."),
        ("a.b.c", "The Authorization header has no scheme: send Authorization: Bearer <token>."),
        ("Bearer%20a.b.c", "The Authorization header has no scheme: send Authorization: Bearer <token>."),
    ],
)
def test_another_scheme_or_none_is_a_bare_challenge_and_a_hint(
    app: Flask, authorization: str, description: str
) -> None:
    answer = call(app, "/me", authorization)

    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", REALM)
    assert answer.body == {"error": "unauthorized", "error_description": description}


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Token a.b.c", "a.b.c"])
@pytest.mark.parametrize("path", ["/open", "/optional"])
def test_where_the_anonymous_may_come_another_scheme_may_too(app: Flask, path: str, authorization: str) -> None:
    """Another extension may read it."""
    app.add_url_rule("/optional", view_func=login_optional(whoami()), endpoint="optional")

    assert call(app, path, authorization).body == {"user_id": None, "scopes": [], "token": None}


@pytest.mark.parametrize("length", [10_000, 1_000_000])
@pytest.mark.parametrize("scheme", ["", "Token "])
def test_a_large_header_of_another_scheme_is_a_bare_challenge_too(app: Flask, scheme: str, length: int) -> None:
    assert call(app, "/me", scheme + "a" * length).challenge == Challenge("Bearer", REALM)


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer Bearer a",
        "bearer: a",
        'Bearer "a"',
        "bearer a,b",
        "Bearer {good},Bearer {good}",
        "Bearer {good}, Bearer {good}",
    ],
)
def test_a_header_that_breaks_the_grammar_is_an_invalid_request(app: Flask, mint: Mint, authorization: str) -> None:
    """Two Authorization headers arrive joined by a comma."""
    answer = call(app, "/me", authorization.format(good=mint()))

    assert answer.status == 400
    assert answer.challenge == Challenge("Bearer", BAD_REQUEST)
    assert answer.body["error"] == "invalid_request"


@pytest.mark.parametrize("data", [b"Bearer \xe9", b"Bearer \xff\xfe", "Bearer é".encode(), b"Bearer a\x00"])
def test_a_header_outside_ascii_is_an_invalid_request(app: Flask, data: bytes) -> None:
    assert call(app, "/me", data.decode("latin-1")).status == 400


@pytest.mark.parametrize(
    "authorization", ["bearer x", "BEARER x", "Bearer   x", "Bearer a.b.c", "Bearer ..", "Bearer x=="]
)
def test_garbage_in_the_form_of_a_token_is_an_invalid_token(app: Flask, authorization: str) -> None:
    answer = call(app, "/me", authorization)

    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", INVALID)
    assert answer.body == {"error": "invalid_token", "error_description": "The access token is not valid."}


@pytest.mark.parametrize("character", [".", ",", "A", " ", "é", "="])
@pytest.mark.parametrize("size", [8001, 1024 * 1024])
def test_too_much_of_anything_is_an_invalid_token(app: Flask, character: str, size: int) -> None:
    answer = call(app, "/me", "Bearer " + character * size)

    assert answer.status == 401
    assert answer.challenge == Challenge("Bearer", INVALID)


def test_an_open_route_answers_a_client_with_a_bad_token(app: Flask, mint: Mint) -> None:
    anonymous: dict[str, object] = {"user_id": None, "scopes": [], "token": None}

    assert call(app, "/open", f"Bearer {mint(exp=NOW - 900)}").body == anonymous
    assert call(app, "/open", "Bearer a b").body == anonymous
    assert call(app, "/open", f"Bearer {mint()}").body["user_id"] == "alice"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("POST", "/me", 405), ("OPTIONS", "/me", 200)]
)
def test_a_request_that_reaches_no_view_gets_the_answer_of_flask(
    app: Flask, method: str, path: str, status: int
) -> None:
    assert call(app, path, "Bearer x", method).status == status


def test_a_view_that_answers_options_itself_is_guarded(make_app: MakeApp) -> None:
    app = make_app()

    login_required(app.route("/own", methods=["OPTIONS"])(lambda: "open"))

    assert call(app, "/own", method="OPTIONS").status == 401


class Narrow(Response):
    """A response class that takes fewer arguments than that of Flask."""

    def __init__(self, response: Any = None, **options: Any) -> None:
        super().__init__(response, **options)


def test_an_application_may_have_responses_of_its_own(make_app: MakeApp) -> None:
    app = make_app()
    app.response_class = Narrow
    app.add_url_rule("/", view_func=login_required(whoami()))

    answer = call(app, "/")

    assert answer.status == 401
    assert answer.challenge.parameters == REALM
    assert Narrow("of a view").get_data(as_text=True) == "of a view"


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "credential_missing"),
        ("hunter2.hunter2.hunter2", "scheme_missing"),
        ("Token hunter2", "scheme_unsupported"),
        ("Bearer a b", "credential_malformed"),
        ("Bearer x.y.z", "token_malformed"),
    ],
)
def test_the_reason_goes_to_the_log_and_the_token_does_not(
    app: Flask, caplog: pytest.LogCaptureFixture, authorization: str | None, reason: str
) -> None:
    with caplog.at_level("INFO", logger="flask_tokenauth"):
        call(app, "/me", authorization)

    assert [record.getMessage() for record in caplog.records] == [f"refused: {reason}"]
