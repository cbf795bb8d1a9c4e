"""Helpers for tests of the hook: call an application as a WSGI server does, and parse its answer."""

import io
import json
from dataclasses import dataclass
from typing import Any

from flask import Flask

from .authentication.challenges import Challenge, parse_challenge


@dataclass
class Answer:
    """An answer as a server would send it, with its challenge parsed."""

    status: int
    headers: list[tuple[str, str]]
    body: Any

    @property
    def challenge(self) -> Challenge:
        [raw] = [value.encode("latin-1") for name, value in self.headers if name.lower() == "www-authenticate"]
        return parse_challenge(raw)


def call(app: Flask, path: str, authorization: str | None = None, method: str = "GET") -> Answer:
    """Call the application as a WSGI server does, with the header as it comes over the wire."""
    seen: list[Any] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
        seen[:] = [int(status[:3]), headers]

    body = b"".join(app.wsgi_app(environ, start_response))
    return Answer(seen[0], seen[1], json.loads(body) if body.startswith(b"{") else body)
