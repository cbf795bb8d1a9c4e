"""Requests without a client: a prepared environ, copied for each call of ``wsgi_app``."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from .apps.bare import ISSUER, PATH


def caller(app: Flask, authorization: str | None, *, status: int | None) -> Callable[[], None]:
    """Return a function that sends one GET request to *app*, as it comes from a proxy that ended TLS.

    Raises:
        RuntimeError: the answer has another status than *status*; None stands for any refusal.
    """
    headers = {} if authorization is None else {"Authorization": authorization}
    environ = create_environ(PATH, base_url=ISSUER, headers=headers)
    answered = int(run_wsgi_app(app.wsgi_app, environ.copy())[1].split()[0])
    if answered != status and not (status is None and answered in range(400, 500)):
        raise RuntimeError(f"wanted {status}, was answered {answered}")
    wsgi_app = app.wsgi_app

    def call() -> None:
        body = wsgi_app(environ.copy(), _start_response)
        for _ in body:
            pass
        body.close()  # type: ignore[attr-defined]  # werkzeug's iterator has it, the protocol does not ask for it

    return call


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:  # noqa: ARG001  # the protocol's names
    return _write


def _write(data: bytes) -> None:
    raise NotImplementedError(f"nobody writes {len(data)} bytes this way")
