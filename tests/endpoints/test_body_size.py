"""``POST /auth/refresh`` reads 16 KiB and no more, however they arrive and whoever has read them before."""

import io
import json
from collections.abc import Callable

import pytest
from flask import Flask, request
from gunicorn.http.errors import (  # type: ignore[import-untyped]  # it ships no types
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
    MOST,
    MOSTLY_IN_MEMORY,
    TOO_LARGE,
    form_of,
    generation_of,
    json_of,
    missing,
    refresh,
    send,
    sign_in,
)

pytestmark = MOSTLY_IN_MEMORY


def send_chunked(app: Flask, body: bytes | io.BytesIO, content_type: str = FORM) -> TestResponse:
    """Send what a server hands on that has taken the chunks apart: a stream that ends, of a length nobody knows."""
    return app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=io.BytesIO(body) if isinstance(body, bytes) else body,
        content_type=content_type,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


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

    answer = send_chunked(app, stream)

    assert answer.status_code == status
    assert stream.tell() <= MOST + 1


class Broken(Trickle):
    """A stream that fails after a while, as each server has it."""

    def __init__(self, data: bytes, error: type[Exception]) -> None:
        super().__init__(data, 10)
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 40:
            raise self.error("the client wrote: rt1_")
        return super().read(size)


@pytest.mark.parametrize("error", [InvalidChunkSize, ChunkMissingTerminator, NoMoreData, OSError, ValueError])
@pytest.mark.parametrize("content_type", [FORM, JSON])
def test_a_body_whose_chunks_are_none_is_an_invalid_request(
    app: Flask, token: str, caplog: pytest.LogCaptureFixture, error: type[Exception], content_type: str
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    answer = send_chunked(app, Broken(padded(token, 200, content_type), error), content_type)

    assert (answer.status_code, answer.get_json()) == (400, MALFORMED)
    assert "the client wrote" not in caplog.text
    assert generation_of(app, token) == 0


@pytest.mark.parametrize("ended", [{}, {"wsgi.input_terminated": True}], ids=["by werkzeug", "by the server"])
@pytest.mark.parametrize("content_type", [FORM, JSON])
@pytest.mark.parametrize(("missing", "status"), [(0, 200), (1, 400)])
def test_a_body_that_ends_before_its_length_redeems_nothing(
    app: Flask, token: str, ended: dict[str, object], content_type: str, *, missing: int, status: int
) -> None:
    """RFC 9112 section 8: such a message is incomplete, and a scope may be what is missing."""
    body = padded(token, 200, content_type)

    answer = app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=io.BytesIO(body),
        content_type=content_type,
        environ_overrides={"CONTENT_LENGTH": str(len(body) + missing)} | ended,
    )

    assert answer.status_code == status
    assert generation_of(app, token) == (1 if status == 200 else 0)


def test_a_body_of_unknown_length_that_no_server_ends_is_not_read(app: Flask, token: str) -> None:
    environ = EnvironBuilder("/auth/refresh", method="POST", data=form_of(token), content_type=FORM).get_environ()
    del environ["CONTENT_LENGTH"]

    body, status, _ = run_wsgi_app(app, environ, buffered=True)

    assert status.startswith("400")
    assert json.loads(b"".join(body)) == missing("grant_type")


@pytest.mark.parametrize("length", ["x", "-1", "1.5", " ", "1_0", "0x10"])
def test_a_length_that_is_none_makes_no_500(app: Flask, token: str, length: str) -> None:
    answer = app.test_client().open(
        "/auth/refresh",
        method="POST",
        input_stream=io.BytesIO(form_of(token).encode()),
        content_type=FORM,
        environ_overrides={"CONTENT_LENGTH": length},
    )

    assert answer.get_json() == missing("grant_type")


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


@pytest.mark.parametrize("most", [None, 10**6, MOST, 200])
def test_a_limit_of_the_application_makes_ours_no_wider(make_session_app: MakeSessionApp, most: int | None) -> None:
    app = make_session_app(MAX_CONTENT_LENGTH=most)
    token = sign_in(app)["refresh_token"]

    assert send(app, padded(token, MOST + 1, FORM)).status_code == 413
    assert send_chunked(app, padded(token, MOST + 1, FORM)).status_code == 413
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
    refused = missing("refresh_token") if content_type == FORM else MALFORMED
    assert send_it(app, b"grant_type=refresh_token", content_type).get_json() == refused


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
