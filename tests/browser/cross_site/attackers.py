"""The pages of attackers, and the addresses that they have, as another site or another host of the same site."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask, Response, redirect, request
from werkzeug.serving import make_server

SCRIPT = (Path(__file__).parent / "attacks.js").read_text()


def write_page(title: str) -> str:
    """Return a page with the script ``attacks.js``."""
    head = f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>{title}</title>'
    return f'{head}<p>{title}<p><a href="/account">account</a><script>{SCRIPT}</script>'


@dataclass(frozen=True)
class Attacker:
    """An origin with pages of an attacker.

    Attributes:
        origin: of the pages.
        site: what Chromium says in ``Sec-Fetch-Site`` about requests from there to the victim.
        plain: the origin of the same host over plain HTTP.
    """

    origin: str
    site: str
    plain: str

    @property
    def is_of_same_site(self) -> bool:
        """Whether browsers send cookies with ``SameSite`` to the victim."""
        return self.site == "same-site"


def make_attacker_app() -> Flask:
    """Return the application of an attacker. Each page has the script with the attacks."""
    app = Flask("attacker")

    def page() -> Response:
        """Answer with a page, and with the headers that the query has as JSON, and its cookies."""
        response = Response(write_page("attacker"), mimetype="text/html")
        for name, value in json.loads(request.args.get("headers", "[]")):
            response.headers.add(name, value)
        for cookie in request.args.getlist("cookie"):
            response.headers.add("Set-Cookie", cookie.encode().decode("latin-1"))  # so WSGI sends its bytes in UTF-8
        for cookie in request.args.getlist("latin_cookie"):
            response.headers.add("Set-Cookie", cookie)  # each character is a byte
        return response

    app.add_url_rule("/", view_func=page)
    app.add_url_rule("/deep/er", "deeper", page)
    bounce = lambda: redirect(request.args["to"], 307)  # noqa: E731
    app.add_url_rule("/bounce", "bounce", bounce, methods=["GET", "POST"])
    return app


@contextmanager
def serve_http(app: Callable[..., Any]) -> Iterator[int]:
    """Serve an application over plain HTTP, and yield its port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = False  # type: ignore[attr-defined]  # server_close() then waits for open requests
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
