"""``POST /auth/refresh``: what it takes, what it answers, and what it keeps from those who should not have it."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from flask_tokenauth import TokenAuth

from ..conftest import AUDIENCE, ISSUER, NOW, StandingClock, bearer
from .conftest import MakeSessionApp
from .kit import (
    INVALID_GRANT,
    INVALID_SCOPE,
    MALFORMED,
    TOO_LARGE,
    UNSUPPORTED,
    Heard,
    asked,
    claims_of,
    generation_of,
    refresh,
    refreshed,
    session_id_of,
    sign_in,
    store_of,
)

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MOST = 16384


@pytest.fixture
def token(app: Flask) -> str:
    return str(sign_in(app)["refresh_token"])


def send(app: Flask, body: bytes | str, content_type: str | None = FORM, **options: Any) -> TestResponse:
    return app.test_client().post("/auth/refresh", data=body, content_type=content_type, **options)


def send_chunked(app: Flask, body: bytes, content_type: str = FORM) -> TestResponse:
    """Send what a server hands on that has taken the chunks apart: a stream that ends, of a length nobody knows."""
    return app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=io.BytesIO(body),
        content_type=content_type,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


def form_of(token: str, more: str = "") -> str:
    return f"grant_type=refresh_token&refresh_token={token}{more}"


def json_of(token: str, **more: object) -> str:
    return json.dumps({"grant_type": "refresh_token", "refresh_token": token, **more})


def test_the_answer_is_that_of_a_token_endpoint_and_is_not_kept(app: Flask, token: str) -> None:
    """RFC 6749 section 5.1."""
    answer = refresh(app, token)

    body = answer.get_json()
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert body | {"access_token": "", "refresh_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "a b",
        "refresh_token": "",
        "refresh_expires_in": 30 * 86400,
    }
    assert len(body["refresh_token"]) == 74
    assert body["refresh_token"] != token


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_as_good_as_a_form(app: Flask, token: str, content_type: str) -> None:
    answer = send(app, json_of(token, scope="a"), content_type)

    assert answer.status_code == 200
    assert answer.get_json()["scope"] == "a"


def test_the_new_access_token_is_good_and_says_what_the_first_said(
    app: Flask, clock: StandingClock, auth: TokenAuth[Any]
) -> None:
    login = sign_in(app)
    clock.now = NOW + 600

    body = refreshed(app, login["refresh_token"])

    first, second = claims_of(login["access_token"]), claims_of(body["access_token"])
    with app.app_context():
        assert auth.verify(body["access_token"]).session_id == session_id_of(login["refresh_token"])
    assert second == first | {"jti": second["jti"], "iat": NOW + 600, "exp": NOW + 1500}
    assert second["jti"] != first["jti"]
    assert (first["iss"], first["aud"], first["sub"], first["scope"]) == (ISSUER, AUDIENCE, "alice", "a b")
    assert app.test_client().get("/me", headers=bearer(body["access_token"])).status_code == 200


def test_auth_time_stays_that_of_the_sign_in(app: Flask, clock: StandingClock) -> None:
    token = sign_in(app)["refresh_token"]
    for day in range(1, 4):
        clock.now = NOW + day * 86400

        body = refreshed(app, token)

        token = body["refresh_token"]
        assert claims_of(body["access_token"])["auth_time"] == NOW


def test_all_that_the_sign_in_said_is_said_again(app: Flask) -> None:
    login = sign_in(
        app, audience=["x", "y"], client_id="web", claims={"team": {"names": ["blue", None, 1.5]}}, expires_in=60.5
    )

    body = refreshed(app, login["refresh_token"])

    claims = claims_of(body["access_token"])
    assert claims == claims_of(login["access_token"]) | {"jti": claims["jti"]}
    assert (claims["aud"], claims["client_id"], claims["exp"]) == (["x", "y"], "web", NOW + 60)
    assert claims["team"] == {"names": ["blue", None, 1.5]}
    assert (body["expires_in"], login["expires_in"]) == (60, 60)


def test_nothing_lasts_longer_than_the_session(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_REFRESH_IDLE_LIFETIME=600, TOKENAUTH_SESSION_LIFETIME=500)

    assert sign_in(app)["refresh_expires_in"] == 500


@pytest.mark.parametrize(("scope", "granted"), [("a", "a"), ("b", "b"), ("b a", "a b"), ("a a", "a")])
def test_scopes_are_narrowed_for_once(app: Flask, token: str, scope: str, granted: str) -> None:
    narrow = refreshed(app, token, scope=scope)

    assert narrow["scope"] == claims_of(narrow["access_token"])["scope"] == granted
    assert refreshed(app, narrow["refresh_token"])["scope"] == "a b"


@pytest.mark.parametrize("send_it", [refresh, lambda app, token, scope: send(app, json_of(token, scope=scope), JSON)])
@pytest.mark.parametrize(
    "scope", ["c", "a c", "a b c", "A", " ", "a  b", " a", "a ", "a\tb", 'a"', "a\\", "é", "a\n", "a,b", "a\0"]
)
def test_a_scope_beyond_the_sign_in_or_none_at_all_spends_nothing(
    app: Flask, token: str, scope: str, send_it: Callable[..., TestResponse]
) -> None:
    """RFC 6749 section 6: "MUST NOT include any scope not originally granted"."""
    answer = send_it(app, token, scope=scope)

    assert (answer.status_code, answer.get_json()) == (400, INVALID_SCOPE)
    assert generation_of(app, token) == 0
    assert refreshed(app, token)["scope"] == "a b"


def test_half_a_character_is_no_scope(app: Flask, token: str) -> None:
    answer = send(app, json_of(token)[:-1] + r', "scope": "\ud800"}', JSON)

    assert answer.get_json() == INVALID_SCOPE


def test_who_was_granted_no_scope_gets_none(app: Flask) -> None:
    token = sign_in(app, scopes=())["refresh_token"]

    assert refresh(app, token, scope="a").get_json() == INVALID_SCOPE
    assert refreshed(app, token)["scope"] == ""


@pytest.mark.parametrize("grant_type", ["password", "Refresh_token", "refresh_token ", "authorization_code", "é"])
@pytest.mark.parametrize("send_it", ["form", "json"])
def test_another_type_of_grant_is_not_supported(app: Flask, token: str, grant_type: str, send_it: str) -> None:
    fields: Any = {"data" if send_it == "form" else "json": {"grant_type": grant_type, "refresh_token": token}}

    answer = app.test_client().post("/auth/refresh", **fields)

    assert (answer.status_code, answer.get_json()) == (400, UNSUPPORTED)
    assert generation_of(app, token) == 0


@pytest.mark.parametrize("body", ["grant_type=password&username=alice", "grant_type=refresh_token;refresh_token=x"])
def test_the_type_of_grant_is_judged_before_what_it_would_need(app: Flask, body: str) -> None:
    assert send(app, body).get_json() == UNSUPPORTED


FURTHER = b"".join(b"&a%d" % number for number in range(30))  # names beside the two that count

BODIES: list[tuple[str | None, bytes]] = [
    (FORM, b""),
    (FORM, b"grant_type=refresh_token"),
    (FORM, b"refresh_token={token}"),
    (FORM, b"Grant_Type=refresh_token&refresh_token={token}"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&refresh_token={token}"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&refresh_token="),
    (FORM, b"grant_type=refresh_token&grant_type=refresh_token&refresh_token={token}"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&scope=a&scope=a"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&other=1&other=2"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&%6fther=1&other=2"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&scope=%ff"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&%ff=a"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&scope=%ed%a0%80"),
    (FORM, b"grant_type=refresh_token&refresh_token={token}&scope=\xff"),
    (FORM, "grant_type=refresh_token&refresh_token={token}&scope=é".encode()),
    (FORM, b"grant_type=refresh_token&refresh_token={token}" + FURTHER + b"&last"),
    (FORM, b'{"grant_type": "refresh_token", "refresh_token": "{token}"}'),
    (JSON, b""),
    (JSON, b"null"),
    (JSON, b"{}"),
    (JSON, b"{"),
    (JSON, b"[]"),
    (JSON, b'["grant_type", "refresh_token"]'),
    (JSON, b'[{"grant_type": "refresh_token", "refresh_token": "{token}"}]'),
    (JSON, b'"{token}"'),
    (JSON, b"1"),
    (JSON, b"NaN"),
    (JSON, b'{"grant_type": "refresh_token"}'),
    (JSON, b'{"refresh_token": "{token}"}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": null}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": 1}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": true}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": ["{token}"]}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": {"token": "{token}"}}'),
    (JSON, b'{"grant_type": ["refresh_token"], "refresh_token": "{token}"}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "scope": ["a"]}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "scope": null}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "other": NaN}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "other": 1e999}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "other": 1}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "refresh_token": "{token}"}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "refresh_\\u0074oken": "{token}"}'),
    (JSON, b'{"grant_type": "refresh_token", "refresh_token": "{token}", "scope": "\xff"}'),
    (JSON, b"[" * 10_000),
    (JSON, b'{"a":' * 3_000),
    (JSON, b'{"a":' * 2_500 + b"1" + b"}" * 2_500),
    (JSON, b"grant_type=refresh_token&refresh_token={token}"),
    ("text/plain", b"grant_type=refresh_token&refresh_token={token}"),
    ("text/json", b'{"grant_type": "refresh_token", "refresh_token": "{token}"}'),
    ("application/json+x", b'{"grant_type": "refresh_token", "refresh_token": "{token}"}'),
    ("application/problem+json", b'{"grant_type": "refresh_token", "refresh_token": "{token}"}'),
    ("", b"grant_type=refresh_token&refresh_token={token}"),
    (None, b"grant_type=refresh_token&refresh_token={token}"),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nrefresh_token\r\n'
        b'--x\r\nContent-Disposition: form-data; name="refresh_token"\r\n\r\n{token}\r\n--x--\r\n',
    ),
]


@pytest.mark.parametrize(("content_type", "body"), BODIES, ids=str)
def test_what_cannot_be_read_in_one_way_is_an_invalid_request(
    app: Flask, token: str, content_type: str | None, body: bytes
) -> None:
    with asked(store_of(app)) as called:
        answer = send(app, body.replace(b"{token}", token.encode()), content_type)

    assert (answer.status_code, answer.get_json()) == (400, MALFORMED)
    assert answer.headers["Cache-Control"] == "no-store"
    assert called == []
    assert generation_of(app, token) == 0


@pytest.mark.parametrize("body", ["", "&", "&&=&", "=", "a=b", "%"])
def test_a_form_of_nothing_is_an_invalid_request(app: Flask, body: str) -> None:
    assert send(app, body).get_json() == MALFORMED


def test_what_we_do_not_know_is_ignored(app: Flask, token: str) -> None:
    """RFC 6749 section 3.2."""
    assert send(app, form_of(token, "&client_id=web&x=%C3%A9")).status_code == 200
    assert send(app, json_of(token, client_id="web", x="é"), JSON).status_code == 200
    assert send(app, form_of(token).encode() + FURTHER).status_code == 200


@pytest.mark.parametrize("token_text", ["%20", "+"])
def test_a_token_without_a_text_is_not_valid(app: Flask, token_text: str) -> None:
    assert send(app, form_of(token_text)).get_json() == INVALID_GRANT
    assert send(app, json_of(token_text), JSON).get_json() == INVALID_GRANT


@pytest.mark.parametrize("content_type", [FORM, JSON])
def test_a_parameter_without_a_value_is_as_good_as_left_out(app: Flask, token: str, content_type: str) -> None:
    """RFC 6749 section 3.2: "MUST be treated as if they were omitted from the request"."""
    write = form_of if content_type == FORM else json_of

    assert send(app, write(""), content_type).get_json() == MALFORMED
    assert send(app, write(token).replace("refresh_token", "", 1), content_type).get_json() == MALFORMED
    with_scope = form_of(token, "&scope=") if content_type == FORM else json_of(token, scope="")
    assert send(app, with_scope, content_type).get_json()["scope"] == "a b"


def test_what_stands_in_the_url_is_no_parameter(app: Flask, token: str) -> None:
    """RFC 6749 section 6: "in the HTTP request entity-body"."""
    assert app.test_client().post("/auth/refresh?" + form_of(token)).get_json() == MALFORMED
    assert app.test_client().post("/auth/refresh?" + form_of(token), data={"scope": "a"}).get_json() == MALFORMED


def padded(token: str, length: int, content_type: str) -> bytes:
    """Return a request of exactly so many bytes."""
    if content_type == FORM:
        return form_of(token, "&x=").ljust(length, "x").encode()
    return json_of(token).ljust(length).encode()


SIZES = [(MOST - 1, 200), (MOST, 200), (MOST + 1, 413), (10 * MOST, 413)]


@pytest.mark.parametrize("send_it", [send, send_chunked])
@pytest.mark.parametrize("content_type", [FORM, JSON])
@pytest.mark.parametrize(("length", "status"), SIZES)
def test_16_kib_are_read_and_no_more(
    app: Flask, send_it: Callable[..., TestResponse], content_type: str, length: int, status: int
) -> None:
    token = sign_in(app)["refresh_token"]

    answer = send_it(app, padded(token, length, content_type), content_type)

    assert answer.status_code == status
    assert status == 200 or answer.get_json() == TOO_LARGE
    assert generation_of(app, token) == (1 if status == 200 else 0)


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time, and counts how many were taken."""

    def __init__(self, data: bytes, at_once: int) -> None:
        super().__init__(data)
        self.at_once = at_once

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.at_once if size is None or size < 0 else min(size, self.at_once))


@pytest.mark.parametrize(("length", "status"), SIZES)
def test_what_trickles_in_is_read_to_its_end(app: Flask, token: str, length: int, status: int) -> None:
    stream = Trickle(padded(token, length, FORM), 1000)

    answer = app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=stream,
        content_type=FORM,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert answer.status_code == status
    assert stream.tell() <= MOST + 1


def test_a_body_of_unknown_length_that_no_server_ends_is_not_read(app: Flask, token: str) -> None:
    environ = EnvironBuilder("/auth/refresh", method="POST", data=form_of(token), content_type=FORM).get_environ()
    del environ["CONTENT_LENGTH"]

    body, status, _ = run_wsgi_app(app, environ, buffered=True)

    assert status.startswith("400")
    assert json.loads(b"".join(body)) == MALFORMED


@pytest.mark.parametrize("length", ["x", "-1", "1.5", " ", "1_0", "0x10"])
def test_a_length_that_is_none_makes_no_500(app: Flask, token: str, length: str) -> None:
    answer = app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=io.BytesIO(form_of(token).encode()),
        content_type=FORM,
        environ_overrides={"CONTENT_LENGTH": length},
    )

    assert answer.get_json() == MALFORMED


def test_a_length_over_the_limit_is_refused_unread(app: Flask) -> None:
    stream = io.BytesIO(b"x" * 10 * MOST)

    answer = app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=stream,
        content_type=FORM,
        environ_overrides={"CONTENT_LENGTH": str(10 * MOST)},
    )

    assert (answer.status_code, answer.get_json()) == (413, TOO_LARGE)
    assert stream.tell() == 0


@pytest.mark.parametrize(("most", "status"), [(None, 413), (10**6, 413), (MOST, 413), (200, 413)])
def test_a_limit_of_the_application_makes_ours_no_wider(
    make_session_app: MakeSessionApp, most: int | None, status: int
) -> None:
    app = make_session_app(MAX_CONTENT_LENGTH=most)
    token = sign_in(app)["refresh_token"]

    assert send(app, padded(token, MOST + 1, FORM)).status_code == status
    assert send_chunked(app, padded(token, MOST + 1, FORM)).status_code == status
    assert refresh(app, token).status_code == 200


def test_a_narrower_limit_of_the_application_holds(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(MAX_CONTENT_LENGTH=200)
    token = sign_in(app)["refresh_token"]

    assert send(app, padded(token, 201, FORM)).status_code == 413
    assert send_chunked(app, padded(token, 201, FORM)).status_code == 413
    assert send(app, padded(token, 200, FORM)).status_code == 200


def read_before(app: Flask, read: Callable[[], object]) -> None:
    """Let a hook of the application read the request first."""

    def look() -> None:
        read()

    app.before_request(look)


@pytest.mark.parametrize("send_it", [send, send_chunked])
@pytest.mark.parametrize(
    "read",
    [
        lambda: request.form,
        lambda: request.values,
        lambda: request.data,
        lambda: request.get_json(silent=True),
    ],
)
@pytest.mark.parametrize("content_type", [FORM, JSON])
def test_a_body_that_another_hook_has_read_is_read_all_the_same(
    make_session_app: MakeSessionApp,
    read: Callable[[], object],
    send_it: Callable[..., TestResponse],
    content_type: str,
) -> None:
    app = make_session_app()
    token = sign_in(app)["refresh_token"]

    read_before(app, read)

    assert send_it(app, padded(token, 200, content_type), content_type).status_code == 200
    assert send_it(app, b"grant_type=refresh_token", content_type).get_json() == MALFORMED


@pytest.mark.parametrize(("send_it", "read"), [(send, "form"), (send, "data"), (send_chunked, "data")])
def test_what_another_hook_has_read_is_measured_all_the_same(
    app: Flask, token: str, send_it: Callable[..., TestResponse], read: str
) -> None:
    read_before(app, lambda: getattr(request, read))

    assert send_it(app, padded(token, MOST + 1, JSON), JSON).status_code == 413
    assert send_it(app, padded(token, MOST, JSON), JSON).status_code == 200


def test_a_form_that_another_hook_has_read_piece_by_piece_is_measured_too(app: Flask, token: str) -> None:
    read_before(app, lambda: request.form)

    assert send_chunked(app, padded(token, MOST + 1, FORM), FORM).status_code == 413
    assert send_chunked(app, padded(token, MOST, FORM), FORM).status_code == 200


@pytest.mark.parametrize("more", ["&refresh_token=x", "&scope=a&scope=b", "&grant_type="])
def test_a_form_that_another_hook_has_read_has_each_name_once(app: Flask, token: str, more: str) -> None:
    read_before(app, lambda: request.form)

    assert send(app, form_of(token, more)).get_json() == MALFORMED


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_no_other_method_is_allowed(app: Flask, token: str, method: str) -> None:
    answer = app.test_client().open("/auth/refresh?" + form_of(token), method=method)

    assert answer.status_code == 405
    assert generation_of(app, token) == 0


@pytest.mark.parametrize("authorization", ["Bearer x", "Bearer", "Bearer a b", "Basic YTpi", "Bearer é", "Bearer a.b"])
def test_whoever_has_a_refresh_token_needs_nothing_else(app: Flask, token: str, authorization: str) -> None:
    answer = send(app, form_of(token), headers={"Authorization": authorization})

    assert answer.status_code == 200


def test_an_expired_access_token_may_come_along(app: Flask, clock: StandingClock) -> None:
    login = sign_in(app)
    clock.now = NOW + 1000

    answer = send(app, form_of(login["refresh_token"]), headers=bearer(login["access_token"]))

    assert answer.status_code == 200


def test_it_is_open_where_everything_else_is_closed(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_DEFAULT_GUARD="login_required")

    assert app.test_client().get("/open").status_code == 401
    assert refresh(app, sign_in(app)["refresh_token"]).status_code == 200


def test_it_may_lie_elsewhere(make_session_app: MakeSessionApp, auth: TokenAuth[Any]) -> None:
    app = make_session_app()
    app.register_blueprint(auth.endpoints, name="other", url_prefix="/v2")
    token = sign_in(app)["refresh_token"]

    answer = app.test_client().post("/v2/refresh", data={"grant_type": "refresh_token", "refresh_token": token})

    assert answer.status_code == 200


def test_a_refusal_has_no_challenge_and_is_not_kept(app: Flask) -> None:
    """RFC 6749 section 5.2."""
    answer = refresh(app, "rt1_")

    assert answer.status_code == 400
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers


REASONS = {
    "refresh_token_invalid": ("grant_type=refresh_token&refresh_token=x", 400, INVALID_GRANT),
    "scope_not_granted": ("grant_type=refresh_token&refresh_token={token}&scope=c", 400, INVALID_SCOPE),
    "grant_malformed": ("", 400, MALFORMED),
    "grant_too_large": ("x" * (MOST + 1), 413, TOO_LARGE),
    "grant_type_unsupported": ("grant_type=password", 400, UNSUPPORTED),
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_reason_goes_to_the_log_and_to_those_who_listen(
    app: Flask, token: str, heard: Heard, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    body, status, told = REASONS[reason]

    with caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        answer = send(app, body.format(token=token))

    assert (answer.status_code, answer.get_json()) == (status, told)
    assert heard.reasons == [reason]
    assert [record.getMessage() for record in caplog.records] == [f"refused: {reason}"]
