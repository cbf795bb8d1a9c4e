"""``POST /auth/refresh`` reads at most 16 KiB, in one piece or in chunks, also if another hook has read the body."""

import io
import json
from collections.abc import Callable

import pytest
from flask import Flask, request
from gunicorn.http.errors import (  # type: ignore[import-untyped]  # has no types
    ChunkMissingTerminator,
    InvalidChunkSize,
    NoMoreData,
)
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from ..lifecycle.conftest import MakeSessionApp
from ..lifecycle.kit import (
    FORM,
    JSON,
    MALFORMED,
    MAX_BODY,
    MOSTLY_IN_MEMORY,
    TOO_LARGE,
    form_of,
    generation_of,
    json_of,
    missing,
    refresh,
    repeated,
    send,
    sign_in,
)

pytestmark = MOSTLY_IN_MEMORY


def send_chunked(app: Flask, body: bytes | io.BytesIO, content_type: str = FORM) -> TestResponse:
    """Send a body as a server passes it on after it has decoded the chunks: a stream of unknown length that ends."""
    return app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=io.BytesIO(body) if isinstance(body, bytes) else body,
        content_type=content_type,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


def make_body(token: str, length: int, content_type: str) -> bytes:
    """Return a request body of exactly *length* bytes."""
    if content_type == FORM:
        return form_of(token, "&x=").ljust(length, "x").encode()
    return json_of(token).ljust(length).encode()


SIZES = [(MAX_BODY - 1, 200), (MAX_BODY, 200), (MAX_BODY + 1, 413), (10 * MAX_BODY, 413)]


@pytest.mark.slow
@pytest.mark.parametrize("send_it", [send, send_chunked])
@pytest.mark.parametrize("content_type", [FORM, JSON])
@pytest.mark.parametrize(("length", "status"), SIZES)
def test_a_body_over_16_kib_is_refused(
    app: Flask, send_it: Callable[..., TestResponse], content_type: str, length: int, status: int
) -> None:
    token = sign_in(app)["refresh_token"]

    answer = send_it(app, make_body(token, length, content_type), content_type)

    assert answer.status_code == status
    assert status == 200 or answer.get_json() == TOO_LARGE
    assert generation_of(app, token) == (1 if status == 200 else 0)


class SlowStream(io.BytesIO):
    """A stream that returns a few bytes at a time."""

    def __init__(self, data: bytes, at_once: int) -> None:
        super().__init__(data)
        self.at_once = at_once

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.at_once if size is None or size < 0 else min(size, self.at_once))


@pytest.mark.parametrize(("length", "status"), SIZES)
def test_a_slow_stream_is_read_to_its_end(app: Flask, token: str, length: int, status: int) -> None:
    stream = SlowStream(make_body(token, length, FORM), 1000)

    answer = send_chunked(app, stream)

    assert answer.status_code == status
    assert stream.tell() <= MAX_BODY + 1


class FailingStream(SlowStream):
    """A stream that fails after a while, with the error of a server."""

    def __init__(self, data: bytes, error: type[Exception]) -> None:
        super().__init__(data, 10)
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 40:
            raise self.error("the client wrote: rt1_")
        return super().read(size)


@pytest.mark.parametrize("error", [InvalidChunkSize, ChunkMissingTerminator, NoMoreData, OSError, ValueError])
@pytest.mark.parametrize("content_type", [FORM, JSON])
def test_a_body_with_invalid_chunks_is_refused(
    app: Flask, token: str, caplog: pytest.LogCaptureFixture, error: type[Exception], content_type: str
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    answer = send_chunked(app, FailingStream(make_body(token, 200, content_type), error), content_type)

    assert (answer.status_code, answer.get_json()) == (400, MALFORMED)
    assert "the client wrote" not in caplog.text
    assert generation_of(app, token) == 0


@pytest.mark.parametrize("ended", [{}, {"wsgi.input_terminated": True}], ids=["by werkzeug", "by the server"])
@pytest.mark.parametrize("content_type", [FORM, JSON])
@pytest.mark.parametrize(("missing", "status"), [(0, 200), (1, 400)])
def test_a_body_that_ends_before_its_length_redeems_nothing(
    app: Flask, token: str, ended: dict[str, object], content_type: str, *, missing: int, status: int
) -> None:
    """RFC 9112 section 8: such a message is incomplete. The missing part may be a scope."""
    body = make_body(token, 200, content_type)

    answer = app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=io.BytesIO(body),
        content_type=content_type,
        environ_overrides={"CONTENT_LENGTH": str(len(body) + missing)} | ended,
    )

    assert answer.status_code == status
    assert generation_of(app, token) == (1 if status == 200 else 0)


def test_a_body_of_unknown_length_without_an_end_is_not_read(app: Flask, token: str) -> None:
    environ = EnvironBuilder("/auth/refresh", method="POST", data=form_of(token), content_type=FORM).get_environ()
    del environ["CONTENT_LENGTH"]

    body, status, _ = run_wsgi_app(app, environ, buffered=True)

    assert status.startswith("400")
    assert json.loads(b"".join(body)) == missing("grant_type")


@pytest.mark.parametrize("length", ["x", "-1", "1.5", " ", "1_0", "0x10"])
def test_an_invalid_length_is_answered(app: Flask, token: str, length: str) -> None:
    answer = app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=io.BytesIO(form_of(token).encode()),
        content_type=FORM,
        environ_overrides={"CONTENT_LENGTH": length},
    )

    assert answer.get_json() == missing("grant_type")


def test_a_length_over_the_limit_is_refused_before_the_body_is_read(app: Flask) -> None:
    stream = io.BytesIO(b"x" * 10 * MAX_BODY)

    answer = app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=stream,
        content_type=FORM,
        environ_overrides={"CONTENT_LENGTH": str(10 * MAX_BODY)},
    )

    assert (answer.status_code, answer.get_json()) == (413, TOO_LARGE)
    assert stream.tell() == 0


@pytest.mark.parametrize("limit", [None, 10**6, MAX_BODY, 200])
def test_max_content_length_cannot_raise_the_limit(make_session_app: MakeSessionApp, limit: int | None) -> None:
    app = make_session_app(MAX_CONTENT_LENGTH=limit)
    token = sign_in(app)["refresh_token"]

    assert send(app, make_body(token, MAX_BODY + 1, FORM)).status_code == 413
    assert send_chunked(app, make_body(token, MAX_BODY + 1, FORM)).status_code == 413
    assert refresh(app, token).status_code == 200


def test_a_lower_max_content_length_counts(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(MAX_CONTENT_LENGTH=200)
    token = sign_in(app)["refresh_token"]

    assert send(app, make_body(token, 201, FORM)).status_code == 413
    assert send_chunked(app, make_body(token, 201, FORM)).status_code == 413
    assert send(app, make_body(token, 200, FORM)).status_code == 200


def read_before(app: Flask, read: Callable[[], object]) -> None:
    """Register a hook of the application that reads the request first."""

    def read_body() -> None:
        read()

    app.before_request(read_body)


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
def test_a_body_that_another_hook_has_read_is_read_too(
    make_session_app: MakeSessionApp,
    read: Callable[[], object],
    send_it: Callable[..., TestResponse],
    content_type: str,
) -> None:
    app = make_session_app()
    token = sign_in(app)["refresh_token"]

    read_before(app, read)

    assert send_it(app, make_body(token, 200, content_type), content_type).status_code == 200
    refused = missing("refresh_token") if content_type == FORM else MALFORMED
    assert send_it(app, b"grant_type=refresh_token", content_type).get_json() == refused


@pytest.mark.parametrize(("send_it", "read"), [(send, "form"), (send, "data"), (send_chunked, "data")])
def test_the_limit_counts_for_a_body_that_another_hook_has_read(
    app: Flask, token: str, send_it: Callable[..., TestResponse], read: str
) -> None:
    read_before(app, lambda: getattr(request, read))

    assert send_it(app, make_body(token, MAX_BODY + 1, JSON), JSON).status_code == 413
    assert send_it(app, make_body(token, MAX_BODY, JSON), JSON).status_code == 200


def test_the_limit_counts_for_a_chunked_form_that_another_hook_has_read(app: Flask, token: str) -> None:
    read_before(app, lambda: request.form)

    assert send_chunked(app, make_body(token, MAX_BODY + 1, FORM), FORM).status_code == 413
    assert send_chunked(app, make_body(token, MAX_BODY, FORM), FORM).status_code == 200


@pytest.mark.parametrize(
    ("more", "name"),
    [("&refresh_token=x", "refresh_token"), ("&scope=a&scope=b", "scope"), ("&grant_type=", "grant_type")],
)
def test_a_repeated_name_is_refused_if_another_hook_has_read_the_form(
    app: Flask, token: str, more: str, name: str
) -> None:
    read_before(app, lambda: request.form)

    assert send(app, form_of(token, more)).get_json() == repeated(name)


def test_an_unknown_name_may_come_twice_if_another_hook_has_read_the_form(app: Flask, token: str) -> None:
    read_before(app, lambda: request.form)

    assert send(app, form_of(token, "&resource=a&resource=b")).status_code == 200
