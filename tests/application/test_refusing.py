"""The log of refusals: the reason at INFO, and in debug a WARNING that says what to do."""

import logging

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, login_required, require_scope
from flask_tokenauth.core.claim_errors import WrongIssuer
from flask_tokenauth.core.errors import MissingCredential, MissingScheme, UnsupportedScheme

from ..conftest import NOW, MakeApp, Mint, bearer


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.fixture
def app(app: Flask) -> Flask:
    app.debug = True
    app.add_url_rule("/projects/<project>", view_func=login_required(lambda project: "of one"), endpoint="project")
    return app


def test_in_debug_the_log_says_why_a_token_is_refused(app: Flask, mint: Mint, caplog: pytest.LogCaptureFixture) -> None:
    app.test_client().get("/me", headers=bearer(mint(exp=NOW - 60)))

    assert lines(caplog) == [
        (
            "WARNING",
            "refused: token_expired: claim exp must be later than now, got 2023-11-14T22:12:20Z: refresh, or log in "
            "again (route /me)",
        )
    ]


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, MissingCredential),
        ({"Authorization": "hunter2"}, MissingScheme),
        ({"Authorization": "Basic aHVudGVyMg=="}, UnsupportedScheme),
    ],
)
def test_in_debug_the_log_says_why_a_request_has_no_token(
    app: Flask, caplog: pytest.LogCaptureFixture, headers: dict[str, str], kind: type[MissingCredential]
) -> None:
    app.test_client().get("/me", headers=headers)

    assert lines(caplog) == [("WARNING", f"refused: {kind.reason}: {kind.message} (route /me)")]


def test_in_debug_too_the_log_has_no_value_that_was_not_verified(
    app: Flask, mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    token = mint(iss="https://evil.example")

    app.test_client().get("/projects/evil%0Aevil", headers=bearer(token))

    assert lines(caplog) == [("WARNING", f"refused: issuer_wrong: {WrongIssuer.message} (route /projects/<project>)")]


def test_in_debug_the_route_is_left_out_where_there_is_none(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth)
    app.debug = True
    app.before_request(lambda: str(auth.user_id))

    app.test_client().get("/none")

    assert lines(caplog) == [("WARNING", f"refused: credential_missing: {MissingCredential.message}")]


def test_in_debug_the_log_names_the_scope_that_is_missing(
    app: Flask, mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    app.test_client().get("/admin", headers=bearer(mint()))

    assert [level for level, _ in lines(caplog)] == ["WARNING"]
    assert "the token must have the scopes reports:read admin: give it the scopes at login" in caplog.text
    assert "(route /admin)" in caplog.text


def test_in_debug_the_log_names_the_scope_of_the_guard_without_values_of_the_url(
    app: Flask, mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    guarded = require_scope("reset:{code}:use")(lambda code: "changed")
    app.add_url_rule("/reset/<code>", view_func=guarded, endpoint="reset")

    app.test_client().get("/reset/ABC-7", headers=bearer(mint()))

    assert "the token must have the scope reset:{code}:use" in caplog.text
    assert "ABC-7" not in caplog.text


def test_in_debug_the_log_has_the_refusals_of_endpoints(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://")
    app.register_blueprint(auth.endpoints)
    app.debug = True

    app.test_client().post("/auth/refresh", data={"grant_type": "refresh_token", "refresh_token": "hunter2"})

    assert [level for level, _ in lines(caplog)] == ["WARNING"]
    assert lines(caplog)[0][1].startswith("refused: refresh_token_invalid: the refresh token must be ")


def test_in_debug_the_answer_is_the_same(app: Flask, mint: Mint) -> None:
    headers = bearer(mint(iss="https://evil.example"))
    in_debug = app.test_client().get("/me", headers=headers)
    app.debug = False

    outside = app.test_client().get("/me", headers=headers)

    assert (in_debug.data, in_debug.headers) == (outside.data, outside.headers)


def test_outside_of_debug_the_log_has_the_reason_alone(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    app.debug = False
    caplog.set_level(logging.INFO, "flask_tokenauth")

    app.test_client().get("/me", headers=bearer("x.y.z"))

    assert lines(caplog) == [("INFO", "refused: token_malformed")]
