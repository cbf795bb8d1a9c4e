"""An application whose answers depend on the caller, and a real server for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask, Response, g, jsonify, request, send_file
from werkzeug.serving import make_server

from flask_tokenauth import login_optional, login_required, require_scope, shareable
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import Mint, bearer
from ..guards.kinds_kit import HEADER, add_api_key, looked_up
from ..guards.kit import hide, open_app

MAX_AGE = 3600  # seconds
PATIENCE = 60  # seconds; a test that waits longer fails

#: The views whose answer is the name of the user, each with ``Cache-Control``. The views that need no token too.
GUARDED = ["/file", "/public", "/shared-max-age", "/must-revalidate", "/etag", "/hidden", "/plain"]
OPEN = ["/optional", "/looks-at-the-token"]
USERS = ["alice", "bob", None]


def make_app(folder: Path, store: MemoryStore | None = None, **config: Any) -> Flask:
    """Return the application.

    Args:
        folder: gets the files of the users.
        store: keeps the API keys that the guards accept; None: there are none.
        config: further settings.
    """
    has_keys = store is not None
    app = open_app(
        Flask("tests", static_folder=str(folder), static_url_path="/static"),
        SEND_FILE_MAX_AGE_DEFAULT=MAX_AGE,
        **({} if store is None else looked_up(store)),
        **config,
    )
    login, optional = login_required(api_keys=has_keys), login_optional(api_keys=has_keys)
    for user in ("alice", "bob"):
        (folder / f"{user}.txt").write_text(f"of {user}")
    numbers = count()

    def answer(cache_control: str) -> Any:
        """Return a view that answers with the user, an ETag, and this ``Cache-Control``."""

        def view() -> Response:
            response = Response(f"of {g.user_id}", headers={"Cache-Control": cache_control} if cache_control else {})
            response.add_etag()
            response.make_conditional(request)
            return response

        return view

    def answer_with_a_number() -> Response:
        response = jsonify(next(numbers))
        response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
        return response

    app.add_url_rule("/file", "file", login(lambda: send_file(folder / f"{g.user_id}.txt")))
    app.add_url_rule("/public", "public", login(answer(f"public, max-age={MAX_AGE}")))
    app.add_url_rule("/shared-max-age", "s-maxage", login(answer(f"s-maxage={MAX_AGE}")))
    app.add_url_rule("/must-revalidate", "revalidate", login(answer(f"must-revalidate, max-age={MAX_AGE}")))
    app.add_url_rule("/etag", "etag", login(answer("no-cache")))
    app.add_url_rule("/hidden", "hidden", hide(login(answer(f"public, max-age={MAX_AGE}"))))
    app.add_url_rule("/plain", "plain", login(answer("")))
    app.add_url_rule("/optional", "optional", optional(answer(f"max-age={MAX_AGE}")))
    app.add_url_rule("/looks-at-the-token", "looks", answer(f"public, max-age={MAX_AGE}"))
    app.add_url_rule("/scope", "scope", require_scope("admin")(answer(f"public, max-age={MAX_AGE}")))
    app.add_url_rule("/shareable", "shareable", shareable(login(answer_with_a_number)))
    return app


def headers_of(user: str | None, mint: Mint) -> dict[str, str]:
    """Return the headers of a request: the token of *user*, whose scopes are the usual ones, or no token."""
    return {} if user is None else bearer(mint(sub=user))


def make_keys(store: MemoryStore) -> dict[str, dict[str, str]]:
    """Return the headers of requests with an API key of each user, in each way, by a name for the caller."""
    keys = {user: add_api_key(store, user) for user in ("alice", "bob")}
    return {
        "alice": {HEADER: keys["alice"]},
        "bob": {HEADER: keys["bob"]},
        "alice with Bearer": bearer(keys["alice"]),
        "nobody": {},
    }


def body_for(user: str | None, path: str) -> str | None:
    """Return the answer of a view to *user*, or None if it refuses."""
    return None if user is None and path in GUARDED else f"of {user}"


@contextmanager
def serving(app: Flask) -> Iterator[int]:
    """Serve *app* by a real server in a thread, and yield its port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
