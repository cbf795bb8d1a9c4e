"""Requests without a client: each call of ``wsgi_app`` gets a copy of a prepared environ."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from types import MappingProxyType
from typing import Any
from wsgiref.types import WSGIApplication

from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from .apps.bare import ISSUER, PATH


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:  # noqa: ARG001  # names of the protocol
    return _write


def make_caller(
    app: Flask | WSGIApplication,
    authorization: str | None,
    *,
    status: int | None,
    base_url: str = ISSUER,
    method: str = "GET",
    more: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[], None]:
    """Return a function that sends one request to *app* from this machine, over HTTPS unless *base_url* says HTTP.

    The request has the headers *more* besides the ``Authorization`` header.

    Raises:
        RuntimeError: the answer has another status than *status*; None stands for any refusal.
    """
    headers = dict(more) if authorization is None else {**more, "Authorization": authorization}
    client = {"REMOTE_ADDR": "127.0.0.1"}
    environ = create_environ(PATH, base_url=base_url, method=method, headers=headers, environ_overrides=client)
    wsgi_app: Any = app.wsgi_app if isinstance(app, Flask) else app
    answered = int(run_wsgi_app(wsgi_app, environ.copy())[1].split()[0])
    if answered != status and not (status is None and answered in range(400, 500)):
        raise RuntimeError(f"the request must be answered with {status or 'a refusal'}, got {answered}")

    def call() -> None:
        _send(wsgi_app, environ.copy())

    return call


def make_caller_in_turn(app: Flask, tokens: Sequence[str]) -> Callable[[], None]:
    """Return a function that sends one request to *app*, each time with the next token, and after the last the first.

    Raises:
        RuntimeError: the first token is not answered with success.
    """
    headers = [f"Bearer {token}" for token in tokens]
    make_caller(app, headers[0], status=200)
    environ = create_environ(PATH, base_url=ISSUER, environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
    wsgi_app, following = app.wsgi_app, cycle(headers)

    def call() -> None:
        _send(wsgi_app, {**environ, "HTTP_AUTHORIZATION": next(following)})

    return call


def make_unsent_caller(app: Flask, authorization: str | None) -> Callable[[], None]:
    """Return a function that sends one request to *app*. None was sent before.

    The function raises RuntimeError if a request is not answered with success.
    """
    headers = {} if authorization is None else {"Authorization": authorization}
    environ = create_environ(PATH, base_url=ISSUER, headers=headers, environ_overrides={"REMOTE_ADDR": "127.0.0.1"})

    def start_response(status: str, *_: object) -> Callable[[bytes], object]:
        if not status.startswith("200 "):
            raise RuntimeError(f"the request must be answered with 200, got {status}")
        return _write

    def call() -> None:
        _send(app.wsgi_app, environ.copy(), start_response)

    return call


def _send(wsgi_app: Any, environ: dict[str, Any], start_response: Any = _start_response) -> None:
    body = wsgi_app(environ, start_response)
    for _ in body:
        pass
    body.close()


def _write(data: bytes) -> None:
    raise NotImplementedError(f"write() is not supported, got {len(data)} bytes")
